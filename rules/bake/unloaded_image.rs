//! A step uses an image that an earlier step built and kept in the builder.
//!
//! A builder of `docker/setup-buildx-action` has its own store. Without `load: true`, `push: true` or an output the image stays there as
//! cache: `docker run`, `docker tag` and `docker push` of its tag fail, or find an older image in the registry, which is worse.
//!
//! `load: true` puts the image into the local store.
//!
//! Not flagged: builds whose tags or outputs are not all known, tags that another build of the job loads or pushes, and jobs without such
//! a builder.
//!
//! ## Examples
//!
//! ### Built and not loaded
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
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: shop/web:test
//!       - run: docker run --rm shop/web:test npm test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:17: error[unloaded-image] `shop/web:test` stays in the builder, and a later step uses it
//! ```
//!
//! ### Loaded
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
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           tags: shop/web:test
//!       - run: docker run --rm shop/web:test npm test
//! ```
//!
//! ## Also tested
//!
//! ### Docker's own builder, and a switch that may load it
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   plain:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: shop/web:test
//!       - run: docker run --rm shop/web:test
//!   switched:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: ${{ github.event_name == 'pull_request' }}
//!           tags: shop/web:test
//!       - run: docker run --rm shop/web:test
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unloaded-image", severity: Severity::Error, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let stays =
                build.push == Eval::Known(false) && build.load == Eval::Known(false) && build.outputs.is_empty();
            let (Some(caller), true) = (&build.caller, stays && build.tags_known) else { continue };
            let Some((_, job, step)) = project.step(caller.step) else { continue };
            let builder = |step: &workflow::Step| {
                step.uses_action("docker/setup-buildx-action")
                    && step.input("driver").is_none_or(|driver| driver.known() == Some("docker-container"))
            };
            // An action may take what a script cannot: the definition's outputs are only known for its own calls.
            let own_step = step.uses.is_some() && build.maker == Maker::Step;
            if !own_step || !job.steps.iter().take(caller.step.step).any(builder) {
                continue;
            }
            for (tag, span) in &build.tags {
                let Some(tag) = tag.as_known().filter(|tag| tag.contains([':', '/'])) else { continue };
                let elsewhere = project.builds.iter().any(|other| {
                    let same_job = other
                        .caller
                        .as_ref()
                        .is_some_and(|it| it.step.job == caller.step.job && it.step.workflow == caller.step.workflow);
                    let out = other.push != Eval::Known(false)
                        || other.load != Eval::Known(false)
                        || !other.outputs.is_empty();
                    same_job && out && other.tags.iter().any(|(other, _)| other.as_known() == Some(tag))
                });
                let later = job.steps.iter().skip(caller.step.step + 1).filter_map(|step| step.run.as_ref());
                let Some(used) = later.filter_map(|run| use_of(run, tag)).next() else { continue };
                if !elsewhere && seen.insert(*span) {
                    let diagnostic =
                        found.add(*span, format!("`{tag}` stays in the builder, and a later step uses it"));
                    diagnostic.label(used, "not there");
                    diagnostic.help("`load: true` puts the image into the local store");
                }
            }
        }
    }
}

/// The place where a script runs, tags, pushes or saves the image, with docker itself.
fn use_of(run: &workflow::Field, tag: &str) -> Option<Span> {
    const VERBS: &[&str] = &["run", "tag", "push", "save", "create", "inspect"];
    let script = shell::parse(&run.value.text, shell::Options { templates: true });
    let commands = script.commands();
    commands.iter().find_map(|command| {
        let arguments = command.simple.arguments();
        let verb = arguments.first().and_then(Word::as_plain)?;
        if command.simple.name() != Some("docker") || !VERBS.contains(&verb) {
            return None;
        }
        let word = arguments.iter().skip(1).find(|word| word.as_plain() == Some(tag))?;
        Some(word.span)
    })
}
