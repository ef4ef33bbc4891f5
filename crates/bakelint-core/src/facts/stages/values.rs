//! Values that BuildKit reads only when it evaluates an instruction: paths, and sources of ADD.

use crate::syntax::dockerignore::clean;

/// Whether BuildKit takes the options behind the `?` of a Git source.
///
/// Source: `loadQuery` in BuildKit's `frontend/dockerfile/dfgitutil/git_ref.go`.
pub(super) fn check_git_source(source: &str) -> Result<(), String> {
    let without_fragment = source.split('#').next().unwrap_or_default();
    without_fragment.split_once('?').map_or(Ok(()), |(_, query)| check_git_query(query))
}

fn check_git_query(query: &str) -> Result<(), String> {
    const KEYS: &[&str] = &[
        "ref",
        "tag",
        "branch",
        "subdir",
        "checksum",
        "commit",
        "keep-git-dir",
        "submodules",
        "mtime",
        "fetch-by-commit",
    ];
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !KEYS.contains(&key) {
            return Err(format!("a Git source has no option `{key}`"));
        }
        if seen.contains(&key) {
            return Err(format!("the Git option `{key}` stands here a second time"));
        }
        seen.push(key);
        let is_flag = matches!(key, "keep-git-dir" | "submodules" | "fetch-by-commit");
        let is_bool =
            ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"].contains(&value);
        if value.is_empty() && !is_flag {
            return Err(format!("the Git option `{key}` has no value"));
        }
        if is_flag && !value.is_empty() && !is_bool {
            return Err(format!("`{value}` is neither true nor false"));
        }
    }
    if seen.contains(&"tag") && seen.contains(&"branch") {
        return Err("a Git source has either a tag or a branch".to_owned());
    }
    Ok(())
}

/// Whether a text is a digest with a known algorithm, as `opencontainers/go-digest` reads it.
pub fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let len = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == len && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The path without its drive letter and with slashes on Windows; as it is elsewhere.
///
/// Source: `CheckSystemDriveAndRemoveDriveLetter` in BuildKit's `util/system/path.go`.
pub fn without_drive(path: &str, os: &str) -> Result<String, String> {
    if os != "windows" {
        return Ok(path.to_owned());
    }
    if path.len() == 2 && path.ends_with(':') {
        return Err(format!("`{path}` is a drive without a path"));
    }
    let slashed = path.replace('\\', "/");
    if slashed.starts_with("//") {
        return Err("BuildKit takes no UNC path".to_owned());
    }
    match slashed.split_once(':') {
        None => Ok(clean(&slashed)),
        Some((drive, rest)) if drive.eq_ignore_ascii_case("c") => Ok(clean(rest)),
        Some(_) => Err(format!("`{path}` is not on the system's drive, `C:`")),
    }
}

/// Whether a path begins at the root of the file system.
pub fn is_absolute(path: &str, os: &str) -> bool {
    without_drive(path, os).is_ok_and(|path| path.starts_with('/'))
}

/// The working directory after `WORKDIR path` in `current`, with slashes.
///
/// Source: `NormalizeWorkdir` in BuildKit's `util/system/path.go`.
pub fn join_workdir(current: &str, path: &str, os: &str) -> Result<String, String> {
    let current = without_drive(if current.is_empty() { "/" } else { current }, os)?;
    let current = if current.starts_with('/') { current } else { clean(&format!("/{current}")) };
    let path = if path.is_empty() { current.clone() } else { without_drive(path, os)? };
    Ok(if path.starts_with('/') { path } else { clean(&format!("{current}/{path}")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_sources_have_known_options() {
        for (source, fine) in [
            ("https://a/b.git", true),
            ("https://a/b.git?tag=v1&submodules=false#main", true),
            ("https://a/b.git?keep-git-dir", true),
            ("https://a/b.git?nonsense=1", false),
            ("https://a/b.git?ref", false),
            ("https://a/b.git?ref=a&ref=b", false),
            ("https://a/b.git?tag=a&branch=b", false),
            ("https://a/b.git?submodules=maybe", false),
        ] {
            assert_eq!(check_git_source(source).is_ok(), fine, "{source}");
        }
    }

    #[test]
    fn windows_paths_lose_their_drive() {
        assert_eq!(join_workdir("/", "C:\\app\\x", "windows"), Ok("/app/x".to_owned()));
        assert_eq!(join_workdir("/app", "sub", "windows"), Ok("/app/sub".to_owned()));
        assert!(join_workdir("/", "D:\\x", "windows").is_err() && join_workdir("/", "\\\\host\\x", "windows").is_err());
        assert!(is_absolute("C:\\x", "windows") && !is_absolute("C:\\x", "linux") && !is_absolute("x", "linux"));
        assert_eq!(join_workdir("", "a/../b", "linux"), Ok("/b".to_owned()));
    }
}
