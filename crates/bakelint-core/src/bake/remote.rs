//! Contexts and definitions that are not local: URLs and Git repositories, as BuildKit tells them apart.

/// Whether the text names something remote: an HTTP(S) URL or a Git repository.
pub fn is_remote(text: &str) -> bool {
    if text.starts_with("http://") || text.starts_with("https://") {
        return true;
    }
    if text.starts_with("./") || text.starts_with("../") {
        return false;
    }
    text.starts_with("github.com/") || matches!(protocol(text).as_deref(), Some("git" | "ssh")) || is_scp(text)
}

/// Whether the text names a Git repository that is reached over SSH.
pub(super) fn is_git_ssh(text: &str) -> bool {
    match protocol(text) {
        Some(protocol) => protocol == "ssh",
        None => is_scp(text),
    }
}

fn protocol(text: &str) -> Option<String> {
    let (protocol, _) = text.split_once("://")?;
    let valid = !protocol.is_empty() && protocol.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then(|| protocol.to_lowercase())
}

/// `user@host:path`
fn is_scp(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else { return false };
    let Some((host, _)) = rest.split_once(':') else { return false };
    let is = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    protocol(text).is_none() && is(user, b"-_") && is(host, b"-.")
}

/// Brings a path into its shortest form, as Go's `path.Clean` does.
pub(super) fn clean_path(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None if !rooted => parts.push(".."),
                None => {}
                Some(_) => _ = parts.pop(),
            },
            _ => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// The folder of a file, as Go's `filepath.Dir` gives it.
pub(super) fn folder(path: &str) -> String {
    clean_path(path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_texts_are_told_from_paths() {
        for text in ["https://x", "git://x", "ssh://x/y", "git@github.com:a/b", "github.com/a/b", "GIT://x"] {
            assert!(is_remote(text), "{text}");
        }
        for text in ["./github.com/a", "a/b", "docker-image://x", "target:x", "C:/x", "a@b", "svn://x"] {
            assert!(!is_remote(text), "{text}");
        }
    }

    #[test]
    fn paths_are_cleaned_as_in_go() {
        let cases = [
            ("", "."),
            ("./a/", "a"),
            ("a/../b", "b"),
            ("../a/../..", "../.."),
            ("/../a", "/a"),
            ("a//b/.", "a/b"),
            ("/", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean_path(path), expected, "{path}");
        }
        assert_eq!((folder("a/b.hcl"), folder("b.hcl"), folder("/b")), ("a".into(), ".".into(), "/".into()));
    }
}
