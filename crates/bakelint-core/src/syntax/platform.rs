//! Platforms such as `linux/arm64/v8`.
//!
//! Follows `containerd/platforms` (`Parse`, `Normalize`, `FormatAll`).

use std::fmt;

/// A platform with its names in normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// Its version, as in `windows(10.0.17763)/amd64`; mostly empty.
    pub os_version: String,
    /// Its features, as in `windows(+win32k)/amd64`; mostly none.
    pub os_features: Vec<String>,
    /// The architecture by Go's name.
    pub architecture: String,
    /// The variant of the architecture; empty if it is the usual one.
    pub variant: String,
}

const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const ARCHITECTURES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl Platform {
    /// A platform without version and features of the system.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        Platform {
            os: os.to_owned(),
            os_version: String::new(),
            os_features: Vec::new(),
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        }
    }

    /// The platform by its usual names: `v8` of arm64 goes, arm without a variant is `v7`.
    pub fn normalized(&self) -> Platform {
        let (architecture, variant) = normal_architecture(&self.architecture, &self.variant);
        Platform { architecture, variant, ..self.clone() }
    }

    /// The platform without version and features of the system.
    pub fn plain(&self) -> Platform {
        Platform::new(&self.os, &self.architecture, &self.variant)
    }

    /// Reads `os`, `arch`, `os/arch` or `os/arch/variant`. A single word is completed by the machine `host`, a pair of
    /// operating system and architecture such as `("linux", "amd64")`. `None` if containerd refuses the text.
    pub fn parse(text: &str, host: (&str, &str)) -> Option<Platform> {
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let (os, os_version, os_features) = parse_os(parts.first()?)?;
        let is_word = |part: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
            !part.is_empty() && part.bytes().all(allowed)
        };
        if !parts[1..].iter().all(is_word) {
            return None;
        }
        let make = |os: &str, (architecture, variant): (String, String)| Platform {
            os: os.to_owned(),
            os_version: os_version.clone(),
            os_features: os_features.clone(),
            architecture,
            variant,
        };
        // The seventh ARM is the usual one.
        let usual = |(architecture, variant): (String, String)| {
            let variant = if architecture == "arm" && variant == "v7" { String::new() } else { variant };
            (architecture, variant)
        };
        match parts.as_slice() {
            [_] if SYSTEMS.contains(&os.as_str()) => Some(make(&os, (host.1.to_owned(), String::new()))),
            [word] => {
                let found = usual(normal_architecture(word, ""));
                let found = make(host.0, found);
                // What was read as an operating system before is an architecture after all.
                ARCHITECTURES.contains(&found.architecture.as_str()).then_some(found)
            }
            [_, architecture] => Some(make(&os, usual(normal_architecture(architecture, "")))),
            [_, architecture, variant] => {
                let (architecture, variant) = normal_architecture(architecture, variant);
                let variant = if architecture == "arm64" && variant.is_empty() { "v8".to_owned() } else { variant };
                Some(make(&os, (architecture, variant)))
            }
            _ => None,
        }
    }
}

/// `name` or `name(version+feature+…)`.
fn parse_os(text: &str) -> Option<(String, String, Vec<String>)> {
    let (name, options) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')?),
        None => (text, ""),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let name = match name.to_ascii_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        other => other.to_owned(),
    };
    let mut options = options.split('+');
    let version = decode(options.next()?)?;
    let mut features = Vec::new();
    for feature in options {
        if feature.is_empty() {
            return None;
        }
        features.push(decode(feature)?);
    }
    Some((name, version, features))
}

/// Resolves `%2B` and the like.
fn decode(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'%' | b'-');
    if !text.bytes().all(allowed) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut hex = || char::from(rest.next()?).to_digit(16);
        bytes.push(if byte == b'%' { (hex()? * 16 + hex()?) as u8 } else { byte });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Architecture and variant by their usual names.
fn normal_architecture(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (architecture.to_ascii_lowercase(), variant.to_ascii_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", other) => ("arm64", other),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        (other, variant) => (other, variant),
    };
    (architecture.to_owned(), variant.to_owned())
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        let mut features: Vec<&str> =
            self.os_features.iter().map(String::as_str).filter(|one| !one.is_empty()).collect();
        features.sort_unstable();
        features.dedup();
        if !self.os_version.is_empty() || !features.is_empty() {
            write!(f, "({}", encode(&self.os_version))?;
            features.iter().try_for_each(|feature| write!(f, "+{}", encode(feature)))?;
            f.write_str(")")?;
        }
        write!(f, "/{}", self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '+' => out.push_str("%2B"),
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '/' => out.push_str("%2F"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_brought_to_normal_form() {
        let cases = [
            ("linux/x86_64", Some("linux/amd64")),
            ("Linux/ARM/v7", Some("linux/arm/v7")),
            ("linux/arm", Some("linux/arm")),
            ("linux/armel", Some("linux/arm/v6")),
            ("linux/arm64/v8", Some("linux/arm64/v8")),
            ("aarch64", Some("linux/arm64")),
            ("windows", Some("windows/amd64")),
            ("macos/arm64", Some("darwin/arm64")),
            ("windows(10.0.17763+win32k)/amd64", Some("windows(10.0.17763+win32k)/amd64")),
            ("linux/amd64/v1/extra", None),
            ("linux/", None),
            ("toaster", None),
            ("linux/*", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let platform = Platform::parse(text, ("linux", "amd64")).map(|platform| platform.to_string());
            assert_eq!(platform.as_deref(), expected, "{text}");
        }
    }
}
