//! COPY puts several files over one.
//!
//! With more than one source the destination has to be a directory, and only a `/` at its end says that it is one. Docker's classic builder refuses the instruction; BuildKit
//! copies one file after the other to the same path, so that the last one is left (where the directory exists already, it happens to work).
//!
//! A destination that a WORKDIR before it has made is an info only: it works, with BuildKit.
//!
//! Not flagged: `.` and `..`, which are directories, and destinations that end in a variable.
//!
//! ## Examples
//!
//! ### A destination without a slash
//!
//! ```dockerfile
//! FROM alpine:3.21
//! COPY a.txt b.txt /dest
//! ```
//!
//! ```text
//! Dockerfile:2:18: error[copy-over-one-file] 2 files are copied to the one path `/dest`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.21
//! -COPY a.txt b.txt /dest
//! +COPY a.txt b.txt /dest/
//! ```
//!
//! ### A directory
//!
//! ```dockerfile
//! FROM alpine:3.21
//! WORKDIR /app
//! COPY a.txt b.txt /dest/
//! COPY a.txt b.txt ./
//! COPY a.txt b.txt .
//! COPY a.txt /dest
//! COPY *.json /etc/app
//! ```
//!
//! ## Also tested
//!
//! ### A directory that is there
//!
//! ```dockerfile
//! FROM alpine:3.21
//! WORKDIR /app/
//! COPY a b /app
//! ```
//!
//! ```text
//! Dockerfile:3:10: info[copy-over-one-file] 2 files are copied to the one path `/app`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM alpine:3.21
//!  WORKDIR /app/
//! -COPY a b /app
//! +COPY a b /app/
//! ```
//!
//! ### Other forms
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG DEST
//! COPY ["x y", "z", "/there"]
//! COPY a b "/quoted/"
//! COPY a b "/quoted"
//! COPY a b $DEST
//! COPY a b ${DEST}/x
//! COPY a b /x/..
//! COPY \
//!   a \
//!   b \
//!   /on/a/later/line
//! ```
//!
//! ```text
//! Dockerfile:3:20: error[copy-over-one-file] 2 files are copied to the one path `/there`
//! Dockerfile:5:10: error[copy-over-one-file] 2 files are copied to the one path `/quoted`
//! Dockerfile:7:10: error[copy-over-one-file] 2 files are copied to the one path `${DEST}/x`
//! Dockerfile:9:1: error[copy-over-one-file] 2 files are copied to the one path `/on/a/later/line`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,12 +1,12 @@
//!  FROM alpine:3.21
//!  ARG DEST
//! -COPY ["x y", "z", "/there"]
//! +COPY ["x y", "z", "/there/"]
//! +COPY a b "/quoted/"
//!  COPY a b "/quoted/"
//! -COPY a b "/quoted"
//!  COPY a b $DEST
//! -COPY a b ${DEST}/x
//! +COPY a b ${DEST}/x/
//!  COPY a b /x/..
//!  COPY \
//!    a \
//!    b \
//! -  /on/a/later/line
//! +  /on/a/later/line/
//! ```

use std::collections::HashSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "copy-over-one-file",
        severity: Severity::Error,
        fix: Some(Safety::Unsafe),
        also: &["hadolint:DL3021"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for dockerfile in &project.dockerfiles {
            let mut made: HashSet<&str> = HashSet::new();
            for (index, instruction) in dockerfile.instructions() {
                if let Body::Workdir(path) = &instruction.body {
                    made.insert(path.trim_matches(['"', '\'']).trim_end_matches('/'));
                }
                let Body::Copy(copy) = &instruction.body else { continue };
                let written = copy.destination.as_str();
                let path = written.trim_matches(['"', '\'']);
                let is_directory = path.ends_with(['/', '\\']) || matches!(path.rsplit('/').next(), Some("." | ".."));
                let unknown = path.ends_with('}') && !path.contains(":?") || {
                    let tail = path.rsplit('/').next().unwrap_or(path);
                    tail.contains('$') && !tail.contains(":?")
                };
                if copy.sources.len() < 2 || is_directory || unknown || path.is_empty() {
                    continue;
                }
                let message = format!("{} files are copied to the one path `{path}`", copy.sources.len());
                let diagnostic = found.add_at(dockerfile, index, copy.destination.span(), "the destination", message);
                diagnostic.help("end the destination with a `/` to say that it is a directory");
                if made.contains(path.trim_end_matches('/')) {
                    diagnostic.severity(Severity::Info);
                }
                let end = written.trim_end_matches(['"', '\'']).len();
                let place = copy.destination.span_of(end..end);
                diagnostic.fix(
                    Fix::unsafe_("End the destination with a `/`", vec![Edit::insert(place, "/")]).rebuilds_once(),
                );
            }
        }
    }
}
