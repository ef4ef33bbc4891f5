//! A Go tool is installed in its newest version.
//!
//! `go install …@latest` and `go run …@main` take what was tagged or pushed last. Two builds of one commit may get different tools, and a new release can break the build of an old branch.
//!
//! Not flagged: versions and commits, packages of the module itself, and packages without a version, for which Go takes the version from `go.mod`, or stops.
//!
//! ## Examples
//!
//! ### The newest one
//!
//! ```dockerfile
//! FROM golang:1.24
//! RUN go install golang.org/x/tools/gopls@latest
//! ```
//!
//! ```text
//! Dockerfile:2:16: info[unpinned-go-tool] `golang.org/x/tools/gopls` is installed as `latest`, whatever that is on the day
//! ```
//!
//! ### A version
//!
//! ```dockerfile
//! FROM golang:1.24
//! RUN go install golang.org/x/tools/gopls@v0.20.0 && go install ./cmd/... && go install github.com/a/b
//! ```
//!
//! ## Also tested
//!
//! ### Branches, and other verbs
//!
//! ```dockerfile
//! FROM golang:1.24
//! ARG VERSION
//! RUN go mod download && \
//!     go run github.com/a/b/cmd/c@main generate x@latest
//! RUN GOBIN=/x go install -v -ldflags '-s -w' github.com/a/b@master github.com/a/c@v1
//! RUN go install github.com/a/b@$VERSION
//! ```
//!
//! ```text
//! Dockerfile:3:1: info[unpinned-go-tool] `github.com/a/b/cmd/c` is installed as `main`, whatever that is on the day
//! Dockerfile:5:45: info[unpinned-go-tool] `github.com/a/b` is installed as `master`, whatever that is on the day
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unpinned-go-tool", severity: Severity::Info, also: &["hadolint:DL3062"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let go = run.packages.iter().filter(|command| command.manager == Manager::Go);
            let moving = |package: &&Package| {
                package.source == PackageSource::Registry
                    && matches!(package.version.as_deref(), Some("latest" | "main" | "master" | "HEAD" | "upgrade"))
            };
            let Some(package) = go.flat_map(|command| &command.packages).find(moving) else { continue };
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let version = package.version.as_deref().unwrap_or_default();
            let message = format!("`{}` is installed as `{version}`, whatever that is on the day", package.name);
            found
                .add_at(dockerfile, run.instruction, package.span, "here", message)
                .help("name the version that is meant, as in `@v1.2.3`");
        }
    }
}
