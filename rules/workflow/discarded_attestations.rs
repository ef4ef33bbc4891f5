//! A build makes an SBOM that nobody gets.
//!
//! `sbom: true` runs a scanner over the image, which takes its image to be pulled and seconds to minutes of work. The result is
//! attached to what is pushed. A build that is not pushed, as those of pull requests, throws it away; the docker exporter of `load` cannot
//! hold it either (<https://docs.docker.com/build/metadata/attestations/sbom/>).
//!
//! Not flagged: `provenance`, which costs next to nothing, and builds with outputs of their own.
//!
//! ## Examples
//!
//! ### Scanned for nothing in pull requests
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: ${{ github.event_name != 'pull_request' }}
//!           sbom: true
//!           tags: shop/web:${{ github.sha }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:11: info[discarded-attestations] the SBOM is made and thrown away: `pull_request` does not push the image
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -6,5 +6,5 @@
//!        - uses: docker/build-push-action@v6
//!          with:
//!            push: ${{ github.event_name != 'pull_request' }}
//! -          sbom: true
//! +          sbom: ${{ github.event_name != 'pull_request' }}
//!            tags: shop/web:${{ github.sha }}
//! ```
//!
//! ### Scanned where it is pushed
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: ${{ github.event_name != 'pull_request' }}
//!           sbom: ${{ github.event_name != 'pull_request' }}
//!           tags: shop/web:${{ github.sha }}
//! ```
//!
//! ## Also tested
//!
//! ### Never pushed, pushed always, exported
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {load: true, sbom: true}
//!       - uses: docker/build-push-action@v6
//!         with: {push: true, sbom: true, tags: shop/web}
//!       - uses: docker/build-push-action@v6
//!         with: {outputs: "type=local,dest=out", sbom: true}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:28: info[discarded-attestations] the SBOM is made and thrown away: it is never pushed
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "discarded-attestations", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (place, workflow, _, step) in project.placed_steps() {
            if !step.uses_action("docker/build-push-action") || step.input("outputs").is_some() || step.with.dynamic {
                continue;
            }
            let Some(sbom) = step.input("sbom") else { continue };
            let without_push = |event: &str| {
                let pushes = match step.input("push") {
                    None => Some(false),
                    Some(push) => project.switch_on(place, push, event),
                };
                project.may_run_on(place, event)
                    && project.switch_on(place, sbom, event) == Some(true)
                    && pushes == Some(false)
            };
            let events: Vec<&str> = workflow
                .triggers
                .iter()
                .map(|trigger| trigger.event.node.as_str())
                .filter(|event| without_push(event))
                .collect();
            if events.is_empty() {
                continue;
            }
            let all = events.len() == workflow.triggers.len();
            let when = if all {
                "it is never pushed".to_owned()
            } else {
                format!("`{}` does not push the image", events.join("` and `"))
            };
            let diagnostic = found.add(sbom.name.span, format!("the SBOM is made and thrown away: {when}"));
            match step.input("push") {
                Some(push) => diagnostic.label(push.entry, "not pushed then"),
                None => diagnostic,
            };
            diagnostic.help("make the SBOM only where the image is pushed");
            let condition = step.input("push").filter(|_| !all).map(|push| push.value.text.as_str().to_owned());
            let text = project.text(workflow.file);
            if let Some(condition) = condition.filter(|condition| condition.starts_with("${{"))
                && let Some(edits) = workflow.set_input(text, step, "sbom", &condition)
            {
                diagnostic.fix(Fix::unsafe_("Make it only where the image is pushed", edits));
            }
        }
    }
}
