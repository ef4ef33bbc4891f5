//! A local cache that is kept between runs only ever grows.
//!
//! An export of `type=local` adds blobs to its folder and removes none, so that a folder which `actions/cache` restores and saves
//! keeps the layers of all builds so far. Each run downloads and uploads more, until the repository's cache quota is full.
//!
//! `reset=true` removes what the new index does not name, where BuildKit is new enough to know it
//! (<https://github.com/moby/buildkit#local-directory-1>); with an older one, export to another folder and move it over the first.
//!
//! Not flagged: a workflow with a script that moves or removes the folder.
//!
//! ## Examples
//!
//! ### One folder for both
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/cache@v4
//!         with:
//!           path: /tmp/.buildx-cache
//!           key: buildx-${{ github.sha }}
//!           restore-keys: buildx-
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=local,src=/tmp/.buildx-cache
//!           cache-to: type=local,dest=/tmp/.buildx-cache,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:14:21: warning[growing-local-cache] `/tmp/.buildx-cache` keeps the layers of all builds so far
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -11,4 +11,4 @@
//!        - uses: docker/build-push-action@v6
//!          with:
//!            cache-from: type=local,src=/tmp/.buildx-cache
//! -          cache-to: type=local,dest=/tmp/.buildx-cache,mode=max
//! +          cache-to: type=local,dest=/tmp/.buildx-cache,mode=max,reset=true
//! ```
//!
//! ### Two folders
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/cache@v4
//!         with:
//!           path: /tmp/.buildx-cache
//!           key: buildx-${{ github.sha }}
//!           restore-keys: buildx-
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=local,src=/tmp/.buildx-cache
//!           cache-to: type=local,dest=/tmp/.buildx-cache-new,mode=max
//!       - run: |
//!           rm -rf /tmp/.buildx-cache
//!           mv /tmp/.buildx-cache-new /tmp/.buildx-cache
//! ```
//!
//! ## Also tested
//!
//! ### A folder that no run keeps
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=local,src=/tmp/.buildx-cache
//!           cache-to: type=local,dest=/tmp/.buildx-cache,mode=max
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "growing-local-cache", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let Some(place) = build.caller.as_ref().map(|caller| caller.step) else { continue };
            let Some((workflow, job, _)) = project.step(place) else { continue };
            for entry in build.cache_to.iter().filter(|entry| entry.get("reset").is_none()) {
                let Some(location @ CacheLocation::Local(..)) = entry.cache_location() else { continue };
                let Some(folder) = location.name().as_known().map(|folder| folder.trim_end_matches('/')) else {
                    continue;
                };
                let reads = build.cache_from.iter().filter_map(OptionList::cache_location);
                let keeps = |step: &workflow::Step| {
                    let keeper = ["actions/cache", "actions/cache/save", "actions/cache/restore"];
                    let path = step.input("path").map(|field| field.value.lines()).unwrap_or_default();
                    keeper.iter().any(|action| step.uses_action(action))
                        && path.iter().any(|line| line.as_str().trim_end_matches('/') == folder)
                };
                let scripts = workflow.jobs.iter().flat_map(|job| &job.steps).filter_map(|step| step.run.as_ref());
                let mut handled = scripts.filter(|run| run.value.text.contains(folder));
                let Some(keeper) = job.steps.iter().find(|step| keeps(step)) else { continue };
                if !reads.into_iter().any(|read| read == location)
                    || handled.next().is_some()
                    || !seen.insert(entry.span)
                {
                    continue;
                }
                let diagnostic = found.add(entry.span, format!("`{folder}` keeps the layers of all builds so far"));
                diagnostic.label(keeper.span, "restored and saved here");
                diagnostic.help("an export removes nothing: `reset=true` drops what it does not need any more");
                if let Some(edit) = project.add_option(entry, "reset", "true") {
                    diagnostic.fix(Fix::unsafe_("Drop what the export does not need", vec![edit]));
                }
            }
        }
    }
}
