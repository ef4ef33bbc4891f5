//! Where the sources of a COPY or ADD come from.
//!
//! Follows BuildKit's `frontend/dockerfile/dfgitutil/git_ref.go` and `util/gitutil/git_url.go`.

/// Where a source comes from, by its text after expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The build context, or the stage of `--from`.
    Local,
    /// A file at an HTTP address. ADD only.
    Http,
    /// A git repository. ADD only.
    Git,
}

impl Origin {
    /// Tells the origin of a source. An HTTP address is a repository if its path ends in `.git`; `git@host:path` is one
    /// without a scheme. `github.com/…` alone is a local path.
    pub fn of(source: &str) -> Origin {
        let scheme_len = source.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (scheme, rest) = source.split_at(scheme_len);
        if let Some(rest) = rest.strip_prefix("://").filter(|_| scheme_len > 0) {
            let path_end = rest.find(['?', '#']).unwrap_or(rest.len());
            let (host, path) = rest.split_at(rest[..path_end].find('/').unwrap_or(path_end));
            let path = &path[..path_end - host.len()];
            let is_url =
                is_host_and_port(host) && has_valid_escapes(path) && !rest.contains(|c: char| c.is_ascii_control());
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" if is_url && path.ends_with(".git") => Origin::Git,
                // BuildKit compares these two with their case.
                "http" | "https" if matches!(scheme, "http" | "https") => Origin::Http,
                "git" | "ssh" if is_url => Origin::Git,
                _ => Origin::Local,
            };
        }
        if is_scp_style(source) { Origin::Git } else { Origin::Local }
    }
}

/// Whether Go's `net/url` takes the part between scheme and path.
fn is_host_and_port(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or("", |(_, port)| port);
    !host.contains(['%', ' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}'])
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether each `%` stands before two hexadecimal digits.
fn has_valid_escapes(text: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let mut escapes = text.split('%').skip(1).map(str::as_bytes);
    escapes.all(|rest| is_hex(rest.first()) && is_hex(rest.get(1)))
}

/// `user@host:path`
fn is_scp_style(source: &str) -> bool {
    let Some((user, rest)) = source.split_once('@') else { return false };
    let Some((host, path)) = rest.split_once(':') else { return false };
    let is_user = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let all = |text: &str, test: fn(u8) -> bool| !text.is_empty() && text.bytes().all(test);
    all(user, is_user) && all(host, is_host) && !path.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_has_many_spellings() {
        let cases = [
            ("a/b", Origin::Local),
            ("./git@host:x", Origin::Local),
            ("github.com/a/b.git", Origin::Local),
            ("https://host/a.tar.gz", Origin::Http),
            ("https://host/a.git#main:sub", Origin::Git),
            ("http://host/a.git?ref=x", Origin::Git),
            ("https://host/a.git/x", Origin::Http),
            ("https://host?x=.git", Origin::Http),
            ("git://host/a", Origin::Git),
            ("ssh://git@host/a", Origin::Git),
            ("git@github.com:a/b", Origin::Git),
            ("ftp://host/a.git", Origin::Local),
        ];
        for (source, origin) in cases {
            assert_eq!(Origin::of(source), origin, "{source}");
        }
    }
}
