//! The name of a branch is used as a tag, and a tag may not have a slash.
//!
//! `github.ref_name` is `feature/x` on a branch of that name and `123/merge` on a pull request, `github.ref` always begins with
//! `refs/`. In the tag of an image or of a registry cache they make an invalid reference, and the build fails before it starts.
//! `docker/metadata-action` makes valid tags of them; in a script, `${GITHUB_REF_NAME//\//-}` does.
//!
//! Not flagged: workflows whose filters let only names without a slash pass, steps whose conditions do, values with a condition
//! that is not known, and scopes of GitHub's cache, which may be any text.
//!
//! ## Examples
//!
//! ### On pull requests
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   pull_request:
//!   push:
//!     branches: [main]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=registry,ref=ghcr.io/shop/app:cache-${{ github.ref_name }}
//!           cache-to: type=gha,scope=${{ github.ref_name }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:11:23: error[branch-in-reference] on a pull request, where it is like `123/merge`, `github.ref_name` makes an invalid tag
//! ```
//!
//! ### On main alone
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   push:
//!     branches: [main]
//!     tags: [v*]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: ghcr.io/shop/app:${{ github.ref_name }}
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache-${{ github.ref_name }}
//! ```
//!
//! ## Also tested
//!
//! ### All branches, a whole ref, a branch in the path
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
//!           tags: |
//!             ghcr.io/shop/app:${{ github.ref_name }}
//!             ghcr.io/shop/app:${{ github.ref }}
//!             ghcr.io:443/shop/${{ github.ref_name }}:1
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:13: error[branch-in-reference] for a branch such as `feature/x` `github.ref_name` makes an invalid tag
//! .github/workflows/ci.yml:10:13: error[branch-in-reference] as it begins with `refs/`, `github.ref` makes an invalid tag
//! ```
//!
//! ### A step for main
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   build:
//!     if: github.ref == 'refs/heads/main'
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: ghcr.io/shop/app:${{ github.ref_name }}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "branch-in-reference", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        // What one step says several times is one mistake.
        let mut places: BTreeMap<(FileId, StepRef, String), Found> = BTreeMap::new();
        for build in &project.builds {
            let Some(place) = build.caller.as_ref().map(|caller| caller.step) else { continue };
            let Some((workflow, ..)) = project.step(place) else { continue };
            let caches = build.cache_from.iter().chain(&build.cache_to).filter_map(|entry| {
                let location = entry.cache_location()?;
                matches!(location, CacheLocation::Registry(_)).then(|| (location.name().clone(), entry.span))
            });
            for (text, span) in build.tags.iter().cloned().chain(caches) {
                let Some(words) = in_tag(&text) else { continue };
                let Some((when, confidence)) = fails(project, workflow, place, &words) else { continue };
                if seen.insert(span) {
                    let place = places.entry((span.file, place, words)).or_insert((when, confidence, Vec::new()));
                    place.2.push(span);
                }
            }
        }
        for ((_, _, words), (when, confidence, mut spans)) in places {
            spans.sort_unstable();
            let [first, others @ ..] = spans.as_slice() else { continue };
            let diagnostic = found.add(*first, format!("{when} `{words}` makes an invalid tag"));
            diagnostic.confidence(confidence);
            for other in others {
                diagnostic.label(*other, "here too");
            }
            diagnostic.help("a tag may not have a slash: let docker/metadata-action make it");
        }
    }
}

/// When a value has a slash, how sure that is, and where it is used.
type Found = (&'static str, Confidence, Vec<Span>);

/// The expression in the tag of a reference that may have a slash.
fn in_tag(text: &Text) -> Option<String> {
    let mut before = String::new();
    for part in text.parts() {
        match part {
            TextPart::Known(text) => before.push_str(text),
            TextPart::Unknown(words) => {
                let branch = matches!(words.as_str(), "github.ref_name" | "github.ref" | "github.head_ref");
                if branch && before.rsplit('/').next().is_some_and(|last| last.contains(':')) {
                    return Some(words.clone());
                }
                before.push('x');
            }
        }
    }
    None
}

/// When the value has a slash, and how sure that is.
fn fails(project: &Project, workflow: &Workflow, place: StepRef, words: &str) -> Option<(&'static str, Confidence)> {
    let runs = |event| project.step_runs_on(place, event) == Some(true);
    // Names that filters for branches with a slash are likely to let pass.
    let patterns = workflow.trigger("push").into_iter().flat_map(|trigger| trigger.branches.iter().flatten());
    let named: Vec<String> =
        patterns.filter_map(|pattern| pattern.known()).map(|pattern| pattern.replace(['*', '?', '+'], "x")).collect();
    let branches = named.iter().map(String::as_str).filter(|name| name.contains('/')).chain(["feature/x"]);
    let mut branches = branches.filter(|branch| runs(Event::Push(branch)));
    match words {
        "github.ref" => Some(("as it begins with `refs/`,", Confidence::High)),
        "github.ref_name" if runs(Event::PullRequest) => {
            Some(("on a pull request, where it is like `123/merge`,", Confidence::High))
        }
        "github.head_ref" if runs(Event::PullRequest) => Some(("for a branch such as `feature/x`", Confidence::Medium)),
        "github.ref_name" => branches.next().map(|_| ("for a branch such as `feature/x`", Confidence::Medium)),
        _ => None,
    }
}
