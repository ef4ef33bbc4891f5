//! ADD copies local files, which is what COPY is for.
//!
//! ADD does more than it shows: it unpacks a local archive, whatever its name, and downloads a source that looks like a URL or a Git repository. For plain files the two are equal until a file happens to be an
//! archive. COPY says what happens (<https://docs.docker.com/build/building/best-practices/#add-or-copy>).
//!
//! Not flagged: sources with the name of an archive, URLs, Git repositories in any of BuildKit's spellings, `--unpack`, `--checksum` and `--keep-git-dir`, and sources that begin with a variable.
//!
//! The fix is unsafe: a file without the name of an archive may still be one.
//!
//! ## Examples
//!
//! ### Plain files
//!
//! ```dockerfile
//! FROM nginx:1.27
//! ADD site.conf /etc/nginx/conf.d/
//! ADD . /code
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[add-without-need] ADD is used for the plain file or folder `site.conf`
//! Dockerfile:3:1: warning[add-without-need] ADD is used for the plain file or folder `.`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM nginx:1.27
//! -ADD site.conf /etc/nginx/conf.d/
//! -ADD . /code
//! +COPY site.conf /etc/nginx/conf.d/
//! +COPY . /code
//! ```
//!
//! ### What only ADD can do
//!
//! ```dockerfile
//! FROM nginx:1.27
//! COPY site.conf /etc/nginx/conf.d/
//! ADD site.tar.gz /srv/
//! ADD https://example.org/file.txt /srv/
//! ADD git@example.org:team/repo.git#main /src
//! ```
//!
//! ## Also tested
//!
//! ### Forms
//!
//! ```dockerfile
//! FROM nginx:1.27
//! ARG X
//! ADD ["c d.txt", "/opt/"]
//! add a.tar.gz b.txt /opt/
//! ADD --chown=1:1 \
//!   conf \
//!   /conf/
//! ADD --unpack=false a.txt /x
//! ADD $X /x
//! ADD "rootfs.tar.xz" /
//! ADD github.com/moby/buildkit#v0.1 /src
//! ADD <<EOF /x
//! text
//! EOF
//! ```
//!
//! ```text
//! Dockerfile:3:1: warning[add-without-need] ADD is used for the plain file or folder `c d.txt`
//! Dockerfile:4:1: warning[add-without-need] ADD is used for the plain file or folder `b.txt`
//! Dockerfile:5:1: warning[add-without-need] ADD is used for the plain file or folder `conf`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,8 +1,8 @@
//!  FROM nginx:1.27
//!  ARG X
//! -ADD ["c d.txt", "/opt/"]
//! +COPY ["c d.txt", "/opt/"]
//!  add a.tar.gz b.txt /opt/
//! -ADD --chown=1:1 \
//! +COPY --chown=1:1 \
//!    conf \
//!    /conf/
//!  ADD --unpack=false a.txt /x
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Endings of archives, and of compressed files that may be archives.
const ARCHIVES: &[&str] = &[
    ".tar", ".gz", ".bz2", ".xz", ".zst", ".zip", ".tgz", ".tb2", ".tbz", ".tbz2", ".lz", ".lzma", ".tlz", ".txz",
    ".tzst", ".z", ".taz",
];

/// Starts of sources that BuildKit downloads (`frontend/dockerfile/dfgitutil` and `instructions/parse.go`).
const REMOTE: &[&str] =
    &["http://", "https://", "git://", "ssh://", "git@", "github.com/", "ftp://", "file://", "s3://"];

impl Check for Rule {
    const META: Meta =
        Meta { id: "add-without-need", fix: Some(Safety::Unsafe), also: &["hadolint:DL3020"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for dockerfile in &project.dockerfiles {
            for (index, instruction) in dockerfile.instructions() {
                let Body::Add(add) = &instruction.body else { continue };
                if add.unpack.is_some() || add.keep_git_dir.is_some() {
                    continue;
                }
                let plain = |word: &&dockerfile::CopySource| !word.inline && is_plain(&word.word);
                let Some(first) = add.sources.iter().find(plain) else { continue };
                let name = first.word.as_str().trim_matches(['"', '\'']);
                let message = format!("ADD is used for the plain file or folder `{name}`");
                let diagnostic = found.add_at(dockerfile, index, instruction.word.span(), "here", message);
                if first.word.span() != instruction.word.span() {
                    diagnostic.label(first.word.span(), "neither an archive nor remote");
                }
                diagnostic.help("COPY copies and does nothing else");
                if add.sources.iter().all(|word| plain(&word)) && add.checksum.is_none() {
                    let lower = instruction.word.chars().all(|c| c.is_lowercase());
                    let copy = if lower { "copy" } else { "COPY" };
                    let edit = Edit::replace(instruction.word.span(), copy);
                    diagnostic.fix(Fix::unsafe_("Use COPY", vec![edit]).rebuilds_once());
                }
            }
        }
    }
}

fn is_plain(word: &MappedText) -> bool {
    let path = word.trim_matches(['"', '\'']).to_ascii_lowercase();
    let remote = REMOTE.iter().any(|start| path.starts_with(start)) || is_scp(&path);
    // The end decides whether it is an archive, the start whether it is remote.
    let unknown = path.starts_with('$') || path.ends_with('}');
    let archive =
        ARCHIVES.iter().any(|ending| path.ends_with(ending)) || path.contains(".git#") || path.ends_with(".git");
    !remote && !unknown && !archive && !path.is_empty()
}

/// Whether the source has the form `user@host:path`.
fn is_scp(path: &str) -> bool {
    path.split_once('@').and_then(|(_, rest)| rest.split_once(':')).is_some_and(|(host, _)| !host.contains('/'))
}
