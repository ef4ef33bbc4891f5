//! Image references such as `ghcr.io/acme/app:1.2@sha256:…`.
//!
//! Follows `distribution/reference` (`ParseNormalizedNamed`, its grammar and the Docker Hub rules) and the digests of
//! `opencontainers/go-digest`. What those refuse is refused here, and nothing else.

use std::fmt;
use std::ops::Range;

/// The registry that names without one belong to.
pub const DEFAULT_DOMAIN: &str = "docker.io";
/// Another name of the same registry.
const LEGACY_DOMAIN: &str = "index.docker.io";
/// Where the official images of the default registry live.
const OFFICIAL: &str = "library/";
/// The tag that a reference without tag and digest stands for.
pub const DEFAULT_TAG: &str = "latest";
/// The longest path, in bytes.
const MAX_PATH: usize = 255;

/// The parts of a reference's text, as byte ranges, whether valid or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parts {
    /// Everything before tag and digest.
    pub name: Range<usize>,
    /// The tag without its colon.
    pub tag: Option<Range<usize>>,
    /// The digest without its `@`.
    pub digest: Option<Range<usize>>,
}

impl Parts {
    /// Splits a text: a digest stands behind the first `@`, a tag behind the first colon after the last slash.
    /// Text that still holds variables is split by the same rule; braces hide what stands in them.
    pub fn split(text: &str) -> Parts {
        let mut depth = 0usize;
        let mut slash = None;
        let mut colon = None;
        let mut at_sign = None;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                b'/' => {
                    slash = Some(at);
                    colon = None;
                }
                b':' if colon.is_none() => colon = Some(at),
                b'@' => {
                    at_sign = Some(at);
                    break;
                }
                _ => {}
            }
        }
        debug_assert!(slash.is_none_or(|slash| colon.is_none_or(|colon| slash < colon)));
        let digest = at_sign.map(|at| at + 1..text.len());
        let end = at_sign.unwrap_or(text.len());
        let tag = colon.map(|at| at + 1..end);
        Parts { name: 0..colon.unwrap_or(end), tag, digest }
    }
}

/// A valid reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    /// The registry, [`DEFAULT_DOMAIN`] if none is written. Empty in the rare case that the first part looks like a
    /// registry but is no valid one, and is taken for a folder.
    pub domain: String,
    /// The path in the registry; official images are below `library/`.
    pub path: String,
    /// The tag, if one is written.
    pub tag: Option<String>,
    /// The digest, if one is written.
    pub digest: Option<String>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageErrorKind {
    /// There is no name.
    Empty,
    /// It is 64 hexadecimal digits, which is an image id.
    Identifier,
    /// A capital letter in the path.
    Uppercase,
    /// The path is too long.
    TooLong,
    /// The name has a character or a shape that no name has.
    Name,
    /// The tag has a character that no tag has, or is empty or too long.
    Tag,
    /// The digest is malformed, or its algorithm is unknown.
    Digest,
}

/// A text that is no reference, with the guilty bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageError {
    /// What is wrong.
    pub kind: ImageErrorKind,
    /// The guilty bytes of the text.
    pub range: Range<usize>,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ImageErrorKind::Empty => "the image has no name",
            ImageErrorKind::Identifier => "64 hexadecimal digits are the id of an image, not a name",
            ImageErrorKind::Uppercase => "the name of an image has no capital letters",
            ImageErrorKind::TooLong => "the name of the image is longer than 255 bytes",
            ImageErrorKind::Name => "this is no valid name of an image",
            ImageErrorKind::Tag => "this is no valid tag",
            ImageErrorKind::Digest => "this is no valid digest",
        })
    }
}

impl std::error::Error for ImageError {}

impl ImageRef {
    /// Reads a reference and puts in what Docker puts in: the registry and `library/`.
    ///
    /// # Errors
    ///
    /// If `distribution/reference` refuses the text.
    pub fn parse(text: &str) -> Result<ImageRef, ImageError> {
        let fault = |kind, range| Err(ImageError { kind, range });
        if text.is_empty() {
            return fault(ImageErrorKind::Empty, 0..0);
        }
        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return fault(ImageErrorKind::Identifier, 0..64);
        }
        let Domain { domain, rest, official } = split_domain(text);
        let rest_at = text.len() - rest.len();
        let remote_end = rest.find(':').unwrap_or(rest.len());
        if let Some(at) = rest[..remote_end].find(char::is_uppercase) {
            let len = rest[at..].chars().next().map_or(1, char::len_utf8);
            return fault(ImageErrorKind::Uppercase, rest_at + at..rest_at + at + len);
        }

        let Parts { name, tag, digest } = Parts::split_strict(rest);
        let shift = |range: &Range<usize>| rest_at + range.start..rest_at + range.end;
        let path = &rest[name.clone()];
        let (domain, path) = if is_path(path) && is_domain(domain) {
            let prefix = if official { OFFICIAL } else { "" };
            (domain.to_owned(), format!("{prefix}{path}"))
        } else if is_path(path) && is_path(domain) {
            (String::new(), format!("{domain}/{path}"))
        } else if path.is_empty() {
            return fault(ImageErrorKind::Empty, shift(&name));
        } else if is_path(path) {
            return fault(ImageErrorKind::Name, 0..rest_at.saturating_sub(1));
        } else {
            return fault(ImageErrorKind::Name, shift(&name));
        };
        if let Some(tag) = tag.as_ref().filter(|tag| !is_tag(&rest[(*tag).clone()])) {
            return fault(ImageErrorKind::Tag, shift(tag));
        }
        if path.len() > MAX_PATH {
            return fault(ImageErrorKind::TooLong, shift(&name));
        }
        if let Some(digest) = digest.as_ref().filter(|digest| !is_digest(&rest[(*digest).clone()])) {
            return fault(ImageErrorKind::Digest, shift(digest));
        }
        let owned = |range: Option<Range<usize>>| range.map(|range| rest[range].to_owned());
        Ok(ImageRef { domain, path, tag: owned(tag), digest: owned(digest) })
    }

    /// Registry and path, such as `docker.io/library/alpine`.
    pub fn name(&self) -> String {
        if self.domain.is_empty() { self.path.clone() } else { format!("{}/{}", self.domain, self.path) }
    }

    /// The name as people write it, such as `alpine`.
    pub fn familiar_name(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return self.name();
        }
        match self.path.strip_prefix(OFFICIAL) {
            Some(rest) if !rest.contains('/') => rest.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// The tag that is pulled: the one written, or `latest` without tag and digest. `None` if only a digest counts.
    pub fn effective_tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some(DEFAULT_TAG),
            (None, Some(_)) => None,
        }
    }
}

impl fmt::Display for ImageRef {
    /// The full form, such as `docker.io/library/alpine:3.21`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl Parts {
    /// As [`Parts::split`], but braces hide nothing: they have no place in a reference.
    fn split_strict(text: &str) -> Parts {
        let at_sign = text.find('@');
        let end = at_sign.unwrap_or(text.len());
        let last = text[..end].rfind('/').map_or(0, |slash| slash + 1);
        let colon = text[last..end].find(':').map(|colon| last + colon);
        Parts {
            name: 0..colon.unwrap_or(end),
            tag: colon.map(|at| at + 1..end),
            digest: at_sign.map(|at| at + 1..text.len()),
        }
    }
}

/// What stands before the first slash and what behind it, by Docker's rules for names without a registry.
struct Domain<'t> {
    domain: &'t str,
    rest: &'t str,
    /// Whether the path goes below `library/`.
    official: bool,
}

fn split_domain(text: &str) -> Domain<'_> {
    let Some((first, rest)) = text.split_once('/') else {
        return Domain { domain: DEFAULT_DOMAIN, rest: text, official: true };
    };
    let is_domain = first == "localhost" || first.contains(['.', ':']) || first.chars().any(char::is_uppercase);
    let (domain, rest) = match first {
        LEGACY_DOMAIN => (DEFAULT_DOMAIN, rest),
        _ if is_domain => (first, rest),
        _ => (DEFAULT_DOMAIN, text),
    };
    Domain { domain, rest, official: domain == DEFAULT_DOMAIN && !rest.contains('/') }
}

/// Host name, IPv4 address or IPv6 address in brackets, with an optional port.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
                return false;
            }
            match port {
                "" => return true,
                _ => return port.strip_prefix(':').is_some_and(is_port),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_component = |part: &str| {
        let bytes = part.as_bytes();
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    host.split('.').all(is_component) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Components between slashes: lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`.
fn is_path(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.split('/').all(|component| {
        let mut rest = component;
        loop {
            let word = rest.bytes().take_while(|byte| is_word(*byte)).count();
            if word == 0 {
                return false;
            }
            rest = &rest[word..];
            let separator = match rest.as_bytes() {
                [] => return true,
                [b'_', b'_', ..] => 2,
                [b'.' | b'_', ..] => 1,
                _ => rest.bytes().take_while(|byte| *byte == b'-').count(),
            };
            if separator == 0 {
                return false;
            }
            rest = &rest[separator..];
        }
    })
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(is_word)
        && text.len() <= 128
        && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let len = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == len && hex.bytes().all(is_lower_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:33917322430514ca7b357d0802b0034304a100abfe5549233d0aae52e052f20f";

    #[test]
    fn names_are_completed_as_docker_does() {
        let cases = [
            ("alpine", "docker.io/library/alpine", "alpine"),
            ("alpine:3.21", "docker.io/library/alpine:3.21", "alpine"),
            ("docker.io/alpine", "docker.io/library/alpine", "alpine"),
            ("index.docker.io/alpine", "docker.io/library/alpine", "alpine"),
            ("acme/app", "docker.io/acme/app", "acme/app"),
            ("localhost/app", "localhost/app", "localhost/app"),
            ("localhost:5000/x:tag", "localhost:5000/x:tag", "localhost:5000/x"),
            ("[::1]:5000/a__b", "[::1]:5000/a__b", "[::1]:5000/a__b"),
            ("GHCR.io/a/b-c.d", "GHCR.io/a/b-c.d", "GHCR.io/a/b-c.d"),
            ("Host/app", "Host/app", "Host/app"),
            ("my_reg.io/app", "my_reg.io/app", "my_reg.io/app"),
            ("a:TAG_1.x-", "docker.io/library/a:TAG_1.x-", "a"),
        ];
        for (text, full, familiar) in cases {
            let image = ImageRef::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((image.to_string().as_str(), image.familiar_name().as_str()), (full, familiar), "{text}");
        }
        let image = ImageRef::parse(&format!("a:1@{DIGEST}")).expect("a reference");
        assert_eq!((image.tag.as_deref(), image.digest.as_deref()), (Some("1"), Some(DIGEST)));
    }

    #[test]
    fn faults_have_their_place() {
        let hex = "a".repeat(64);
        let cases = [
            ("", ImageErrorKind::Empty, 0..0),
            (hex.as_str(), ImageErrorKind::Identifier, 0..64),
            ("acme/App:1", ImageErrorKind::Uppercase, 5..6),
            ("Alpine", ImageErrorKind::Uppercase, 0..1),
            ("postgres:", ImageErrorKind::Tag, 9..9),
            ("a:-x", ImageErrorKind::Tag, 2..4),
            ("/x:1", ImageErrorKind::Name, 0..2),
            ("a..b", ImageErrorKind::Name, 0..4),
            ("a/", ImageErrorKind::Name, 0..2),
            ("-bad.io/x", ImageErrorKind::Name, 0..7),
            ("a@sha256:12", ImageErrorKind::Digest, 2..11),
            ("a b", ImageErrorKind::Name, 0..3),
            ("$x", ImageErrorKind::Name, 0..2),
        ];
        for (text, kind, range) in cases {
            assert_eq!(ImageRef::parse(text), Err(ImageError { kind, range }), "{text}");
        }
        assert!(ImageRef::parse(&format!("x.io/{}", "a".repeat(256))).is_err());
        assert!(ImageRef::parse(&format!("x.io/{}", "a".repeat(255))).is_ok());
    }

    #[test]
    fn text_with_variables_is_split_too() {
        let text = "reg:5000/node:${V:-2/2@1}-slim@sha256:00";
        let parts = Parts::split(text);
        assert_eq!(&text[parts.name], "reg:5000/node");
        assert_eq!(&text[parts.tag.expect("a tag")], "${V:-2/2@1}-slim");
        assert_eq!(&text[parts.digest.expect("a digest")], "sha256:00");
    }
}
