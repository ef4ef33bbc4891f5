//! A cache mount of apt may be used by two steps at once.
//!
//! apt locks its directories and gives up when another one holds the lock. BuildKit runs independent stages and
//! platforms at the same time, and a cache mount is `sharing=shared` unless it says otherwise, so that one of them
//! fails with "Could not get lock" now and then. See
//! <https://docs.docker.com/reference/dockerfile/#example-cache-apt-packages>.
//!
//! Say `sharing=locked`: the second step waits for the first. The patch adds it.
//!
//! It is a warning where several stages, platforms or builds have such a mount, else a hint. Not flagged: caches whose
//! programs take several users, such as those of pip, npm, uv and go.
//!
//! ## Examples
//!
//! ### Two stages, one cache
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y gcc
//!
//! FROM debian:12
//! RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y curl
//! COPY --from=build /usr/bin/gcc /usr/bin/
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[unlocked-apt-cache] the cache mount `/var/cache/apt` is shared, but apt locks it
//! Dockerfile:5:5: warning[unlocked-apt-cache] the cache mount `/var/cache/apt` is shared, but apt locks it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,6 +1,6 @@
//!  FROM debian:12 AS build
//! -RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y gcc
//! +RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y gcc
//!
//!  FROM debian:12
//! -RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y curl
//! +RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y curl
//!  COPY --from=build /usr/bin/gcc /usr/bin/
//! ```
//!
//! ### One after the other
//!
//! ```dockerfile
//! FROM debian:12
//! RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
//!     --mount=type=cache,target=/var/lib/apt,sharing=private \
//!     --mount=type=cache,target=/root/.cache/pip \
//!     apt-get update && apt-get install -y gcc
//! ```
//!
//! ## Also tested
//!
//! ### One step, one platform
//!
//! ```dockerfile
//! FROM debian:12
//! RUN --mount=type=cache,target=/var/lib/apt/lists --mount=type=cache,id=apt,target=/var/cache/apt \
//!     apt-get update && apt-get install -y gcc
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[unlocked-apt-cache] the cache mount `/var/lib/apt/lists` is shared, but apt locks it
//! Dockerfile:2:50: info[unlocked-apt-cache] the cache mount `/var/cache/apt` is shared, but apt locks it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM debian:12
//! -RUN --mount=type=cache,target=/var/lib/apt/lists --mount=type=cache,id=apt,target=/var/cache/apt \
//! +RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked --mount=type=cache,id=apt,target=/var/cache/apt,sharing=locked \
//!      apt-get update && apt-get install -y gcc
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unlocked-apt-cache", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for at in 0..project.dockerfiles.len() {
            let uses: Vec<(&Run, &MountedDirectory)> =
                project.runs(at).iter().flat_map(|run| unlocked(run).map(move |mount| (run, mount))).collect();
            let platforms = project.builds_of(at).any(|build| build.platforms.len() > 1);
            let builds = project.builds_of(at).nth(1).is_some();
            for (nth, (run, mount)) in uses.iter().enumerate() {
                // They are in the order of the file, so that another stage is that of the first or of the last.
                let ends = uses.first().into_iter().chain(uses.last());
                let elsewhere = ends.into_iter().any(|(other, _)| other.stage != run.stage);
                let dockerfile = &project.dockerfiles[at];
                let directory = mount.target.as_deref().unwrap_or_default();
                let message = format!("the cache mount `{directory}` is shared, but apt locks it");
                let diagnostic = found.add_at(dockerfile, run.instruction, mount.span, "the mount", message);
                if !elsewhere && !platforms && !builds {
                    diagnostic.severity(Severity::Info);
                }
                if let Some((other, place)) =
                    uses.iter().find(|(other, _)| other.stage != run.stage).filter(|_| nth == 0)
                {
                    diagnostic.label(
                        place.span,
                        format!("may run at the same time, in stage `{}`", dockerfile.stage_name(other.stage)),
                    );
                }
                diagnostic.help("with `sharing=locked` the second step waits for the first");
                diagnostic.fix(
                    Fix::safe(
                        "Let one step after the other use the cache",
                        vec![Edit::insert(mount.span.after(), ",sharing=locked")],
                    )
                    .rebuilds_once(),
                );
            }
        }
    }
}

/// The cache mounts over directories of apt that several steps may use at once.
fn unlocked(run: &Run) -> impl Iterator<Item = &MountedDirectory> {
    let installs = run.packages.iter().any(|command| command.manager == Manager::Apt);
    run.mounts.iter().filter(move |mount| {
        let target = mount.target.as_deref().map(|target| target.trim_end_matches('/'));
        let of_apt = target.is_some_and(|target| {
            ["/var/cache/apt", "/var/lib/apt"].iter().any(|directory| {
                target.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        });
        // A sharing that is not known is written all the same.
        installs && of_apt && mount.kind == Some(dockerfile::MountType::Cache) && !mount.says("sharing")
    })
}
