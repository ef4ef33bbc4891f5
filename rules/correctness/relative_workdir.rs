//! The first WORKDIR of a stage is relative.
//!
//! A relative path is joined to the working directory of the base image. When that changes, in a new version or with another
//! base, files land elsewhere without a word. See <https://docs.docker.com/reference/build-checks/workdir-relative-path/>.
//!
//! Only the first WORKDIR counts: what follows is relative to it. One in a stage below counts as first; the base image's own does
//! not. Paths are judged after expansion, so `WORKDIR $APP` is fine when `APP` is an absolute path.
//!
//! The fix writes the absolute path where the base's working directory is known. It is unsafe, because another version of the
//! base may have another one.
//!
//! ## Compared with hadolint
//!
//! DL3000 asks for an absolute path in every WORKDIR. Docker documents that a later WORKDIR is relative to the one before, so what it names is
//! written in the same file; only the first one is flagged here. hadolint's ignore comments do not silence this, because BuildKit warns all the
//! same, and `# check=skip=WorkdirRelativePath` does.
//!
//! ## Examples
//!
//! ### Relative to whatever the base says
//!
//! ```dockerfile
//! FROM golang:1.24
//! WORKDIR app
//! COPY . .
//! ```
//!
//! ```text
//! Dockerfile:2:9: warning[relative-workdir] `app` is relative to the working directory of the base image
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM golang:1.24
//! -WORKDIR app
//! +WORKDIR /go/app
//!  COPY . .
//! ```
//!
//! ### Absolute
//!
//! ```dockerfile
//! FROM golang:1.24 AS build
//! WORKDIR /src
//! WORKDIR app
//! FROM build
//! WORKDIR tests
//! ```
//!
//! ## Also tested
//!
//! ### Variables
//!
//! ```dockerfile
//! FROM debian:12
//! ARG ROOT=/opt NAME=app
//! WORKDIR $ROOT/$NAME
//! FROM debian:12
//! ARG NAME=app
//! WORKDIR $NAME
//! FROM example.com/base
//! WORKDIR $APP_ROOT/x
//! ```
//!
//! ```text
//! Dockerfile:6:9: warning[relative-workdir] `$NAME` is relative to the working directory of the base image
//! ```
//!
//! ### Windows
//!
//! ```dockerfile
//! # escape=`
//! FROM --platform=windows/amd64 mcr.microsoft.com/windows/servercore:ltsc2022 AS windows
//! WORKDIR C:\app
//! FROM mcr.microsoft.com/windows/servercore:ltsc2022
//! WORKDIR C:\app
//! ```
//!
//! ```text
//! Dockerfile:5:9: warning[relative-workdir] `C:\app` is relative to the working directory of the base image
//! ```
//!
//! ### An unknown base
//!
//! ```dockerfile
//! FROM example.com/base
//! WORKDIR "app"
//! ```
//!
//! ```text
//! Dockerfile:2:9: warning[relative-workdir] `"app"` is relative to the working directory of the base image
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "relative-workdir",
        fix: Some(Safety::Unsafe),
        also: &["buildkit:WorkdirRelativePath", "hadolint:DL3000"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (at, step) in evaluation.steps() {
                let (Effect::Workdir(value), None) = (&step.effect, step.before.first_workdir) else { continue };
                let os = evaluation.stages[at].platform.as_ref().map_or("linux", |platform| &platform.os);
                let text = match value.known() {
                    Some(text) => text,
                    None if value.prefix().is_empty() => continue,
                    None => value.prefix(),
                };
                if values::is_absolute(text, os) {
                    continue;
                }
                let Body::Workdir(path) = step.body(&file.tree) else { continue };
                let (span, heeds) = evaluation.place(file, at, step, path.span());
                let diagnostic = found
                    .add(span, format!("`{path}` is relative to the working directory of the base image"))
                    .heeds(heeds)
                    .help("a new version of the base may move it; write an absolute path");
                diagnostic.known_as("buildkit:WorkdirRelativePath");
                if step.is_own() && !looks_absolute(path) {
                    diagnostic.known_as("hadolint:DL3000");
                }
                // A file that says so in its name is for a builder on Windows, whatever is assumed here.
                if text.get(1..2) == Some(":") && file.path.to_lowercase().contains("windows") {
                    diagnostic.confidence(Confidence::Low);
                }
                let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
                if let Some(base) = &step.before.workdir
                    && os != "windows"
                    && step.is_own()
                    && path.is_verbatim()
                    && path.chars().all(is_plain)
                    && let Ok(absolute) = values::join_workdir(base, path, os)
                {
                    let edit = Edit::replace(path.span(), absolute.as_str());
                    diagnostic.fix(Fix::unsafe_(format!("Write `{absolute}`"), vec![edit]));
                }
            }
        }
    }
}

/// Whether a path is or may be absolute by its first letters alone, as hadolint judges it.
fn looks_absolute(path: &str) -> bool {
    let bare = path.trim_start_matches(['"', '\'']);
    bare.starts_with(['/', '$']) || bare.starts_with(|c: char| c.is_ascii_alphabetic()) && bare.get(1..2) == Some(":")
}
