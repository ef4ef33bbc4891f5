//! A failed export to GitHub's cache fails the whole build.
//!
//! `type=gha` talks to a service with limits on size, number and rate of its entries, and an export that times out takes ten
//! minutes to say so. The image is built by then; without `ignore-error=true` the job fails all the same, and everything that
//! needs it with it. The next build only finds less in the cache.
//!
//! The finding is a warning where other jobs need the one that builds, and a hint elsewhere.
//!
//! ## Examples
//!
//! ### All or nothing
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:17: info[fatal-gha-export] a failed export to GitHub's cache fails the build
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,4 +1,4 @@
//!  target "web" {
//!    cache-from = ["type=gha,scope=web"]
//! -  cache-to   = ["type=gha,scope=web,mode=max"]
//! +  cache-to   = ["type=gha,scope=web,mode=max,ignore-error=true"]
//!  }
//! ```
//!
//! ### The cache may fail
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max,ignore-error=true"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### In a job that another one needs
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
//!           cache-to: type=gha,mode=max
//!   deploy:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: ./deploy
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:21: warning[fatal-gha-export] a failed export to GitHub's cache fails the build
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,7 +5,7 @@
//!      steps:
//!        - uses: docker/build-push-action@v6
//!          with:
//! -          cache-to: type=gha,mode=max
//! +          cache-to: type=gha,mode=max,ignore-error=true
//!    deploy:
//!      needs: build
//!      runs-on: ubuntu-latest
//! ```
//!
//! ### An object
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-to = [{ type = "gha", scope = "web" }]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:15: info[fatal-gha-export] a failed export to GitHub's cache fails the build
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,3 +1,3 @@
//!  target "web" {
//! -  cache-to = [{ type = "gha", scope = "web" }]
//! +  cache-to = [{ type = "gha", scope = "web", ignore-error = "true" }]
//!  }
//! ```
//!
//! ### An object in a file that is broken
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-to = [{ type = "gha", scope "=web" }]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:15: info[fatal-gha-export] a failed export to GitHub's cache fails the build
//! docker-bake.hcl:2:37: error[syntax-error] Missing key/value separator: An equals sign (=) must follow the key
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "fatal-gha-export", severity: Severity::Info, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        // Builds that share a definition are one finding, at the entry.
        let mut entries: BTreeMap<Span, (bool, Option<&OptionList>)> = BTreeMap::new();
        for build in &project.builds {
            let needed = build.caller.as_ref().is_some_and(|caller| {
                project
                    .workflows
                    .get(caller.step.workflow)
                    .is_some_and(|workflow| !workflow.dependents(caller.step.job).is_empty())
            });
            for entry in build.cache_to.iter().filter(|entry| entry.is("gha") && entry.get("ignore-error").is_none()) {
                let known = entries.entry(entry.span).or_default();
                *known = (known.0 | needed, Some(entry));
            }
        }
        for (span, (needed, entry)) in entries {
            let diagnostic = found.add(span, "a failed export to GitHub's cache fails the build");
            if needed {
                diagnostic.severity(Severity::Warning);
                diagnostic
                    .help("other jobs need this one; with `ignore-error=true` they go on when only the cache failed");
            } else {
                diagnostic.help("`ignore-error=true` lets the build pass when only the cache failed");
            }
            if let Some(edit) = entry.and_then(|entry| project.add_option(entry, "ignore-error", "true")) {
                diagnostic.fix(Fix::safe("Let the build pass when the export fails", vec![edit]));
            }
        }
    }
}
