//! A RUN downloads a file and does not look whether it is the one that was meant.
//!
//! What stands behind a URL can change: a release is replaced, a mirror is taken over, a proxy answers with an error
//! page. The step is cached by its text, so that one machine has the old file and another one the new, and nobody is
//! told.
//!
//! `ADD --checksum=sha256:… URL` fails on another file, is cached by the checksum, and is downloaded next to other
//! steps. In a RUN, pipe the known sum into `sha256sum --check`. See
//! <https://docs.docker.com/reference/dockerfile/#add---checksum>.
//!
//! This is a hint. Flagged are archives, packages and programs with a version in their URL. Not flagged: URLs without a
//! version, since no sum would hold for long, steps that compare a checksum or verify a signature, and stages of which
//! nothing is shipped.
//!
//! ## Examples
//!
//! ### Whatever comes
//!
//! ```dockerfile
//! FROM debian:12
//! RUN curl -fsSL -o /tmp/tool.tar.gz https://example.com/tool-1.2.3-linux-amd64.tar.gz && tar -xzf /tmp/tool.tar.gz -C /usr/local
//! ```
//!
//! ```text
//! Dockerfile:2:36: info[unverified-download] nothing tells whether `tool-1.2.3-linux-amd64.tar.gz` is the file that was meant
//! ```
//!
//! ### That file or none
//!
//! ```dockerfile
//! FROM debian:12
//! ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 https://example.com/tool-1.2.3.tar.gz /tmp/
//! RUN curl -fsSL -o /tmp/t.tgz https://example.com/tool-1.2.3.tar.gz && echo "e3b0c4  /tmp/t.tgz" | sha256sum -c -
//! RUN curl -fsSL https://example.com/install.sh | sh
//! RUN curl -fsSL https://example.com/key.asc -o /etc/apt/keyrings/example.asc
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Words of commands that verify.
const VERIFIES: &[&str] = &[
    "sha256sum",
    "sha512sum",
    "sha1sum",
    "sha384sum",
    "sha224sum",
    "md5sum",
    "b2sum",
    "shasum",
    "gpg",
    "gpgv",
    "gpg2",
    "cosign",
    "minisign",
    "signify",
    "openssl",
    "rhash",
    "sha256",
    "slsa-verifier",
    "cksum",
];

/// Endings of files that are worth a checksum.
const ENDINGS: &[&str] = &[
    ".tar.gz",
    ".tgz",
    ".tar.xz",
    ".tar.bz2",
    ".tar.zst",
    ".txz",
    ".zip",
    ".deb",
    ".rpm",
    ".apk",
    ".jar",
    ".whl",
    ".gz",
    ".xz",
    ".bin",
    ".run",
    ".AppImage",
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "unverified-download", severity: Severity::Info, confidence: Confidence::Low, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs().filter(|run| !run.trigger) {
            if project.stage_use(run.dockerfile, run.stage) == StageUse::Unreached {
                continue;
            }
            let fetched = |download: &&Download| {
                let url = download.url.as_deref().unwrap_or_default();
                let url = url.split(['?', '#']).next().unwrap_or_default();
                download.program != "git" && ENDINGS.iter().any(|ending| url.ends_with(ending)) && has_version(url)
            };
            let mut downloads = run.downloads.iter().filter(fetched);
            let Some(first) = downloads.next() else { continue };
            let verifies = |command: &CommandRef| command.simple.name().is_some_and(|name| VERIFIES.contains(&name));
            if project.commands(run).iter().any(verifies) {
                continue;
            }
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let url = first.url.as_deref().unwrap_or_default();
            let name = url.rsplit('/').next().unwrap_or(url);
            let message = format!("nothing tells whether `{name}` is the file that was meant");
            let diagnostic = found.add_at(dockerfile, run.instruction, first.span, "here", message);
            diagnostic.help("use `ADD --checksum=sha256:…`, or check the sum in the same step");
        }
    }
}

/// Whether a part of the path is a version: digits, a dot, digits.
fn has_version(url: &str) -> bool {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest).split_once('/').map_or("", |(_, path)| path);
    let bytes = path.as_bytes();
    bytes.windows(3).any(|three| three[0].is_ascii_digit() && three[1] == b'.' && three[2].is_ascii_digit())
}
