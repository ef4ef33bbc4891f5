//! Paths inside of the repository: relative to the root, `/`-separated, without `.` and `..`.

use crate::model::value::{Text, TextPart};

/// The path that `path` means in `folder`; `None` when it leads out of the root or is absolute.
pub fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder or file that text of a script in `folder` means. A path may begin with what stands for the folder itself, such as
/// `$PWD`, or for the root of the checkout, such as `$GITHUB_WORKSPACE` or `root`. `None` when it is not known or leads out of the root.
pub fn enter(folder: &str, text: &Text) -> Option<String> {
    if let Some(known) = text.as_known() {
        return join(folder, known);
    }
    let [TextPart::Unknown(words), rest @ ..] = text.parts() else { return None };
    let rest = match rest {
        [] => "",
        [TextPart::Known(rest)] => rest.strip_prefix('/')?,
        _ => return None,
    };
    match words.as_str() {
        "PWD" | "CURDIR" => join(folder, rest),
        "root" | "github.workspace" | "GITHUB_WORKSPACE" => join("", rest),
        _ => None,
    }
}

/// The path of a file of the repository as a command in `folder` would name it.
pub fn relative_to(path: &str, folder: &str) -> String {
    if folder.is_empty() {
        return path.to_owned();
    }
    match path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => rest.to_owned(),
        None => "../".repeat(folder.split('/').count()) + path,
    }
}

/// The file that BuildKit falls back to where there is no `Dockerfile` (frontend/dockerui/config.go).
pub fn lower_case_dockerfile(path: &str) -> Option<String> {
    (name(path) == "Dockerfile").then(|| path[..path.len() - "Dockerfile".len()].to_owned() + "dockerfile")
}

/// The last part of a path.
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder that a path lies in; `""` for the root.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_of_the_root() {
        let cases = [
            ("", "./a/../b", Some("b")),
            ("app", ".", Some("app")),
            ("app", "../Dockerfile", Some("Dockerfile")),
            ("app", "../../x", None),
            ("", "/etc", None),
        ];
        for (folder, path, expected) in cases {
            assert_eq!(join(folder, path).as_deref(), expected, "{folder} {path}");
        }
        assert_eq!(lower_case_dockerfile("a/Dockerfile").as_deref(), Some("a/dockerfile"));
        assert_eq!(lower_case_dockerfile("web.Dockerfile"), None);
        assert_eq!(relative_to("app/x.hcl", "app"), "x.hcl");
        assert_eq!(relative_to("x.hcl", "a/b"), "../../x.hcl");
    }
}
