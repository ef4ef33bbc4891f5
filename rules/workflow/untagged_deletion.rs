//! A clean-up deletes untagged versions, among them the parts of tagged images.
//!
//! An image of several platforms is an index: the tag names the index, and the image of each platform is a version of its own
//! without a tag. The same holds for every image that buildx pushes with its default attestations, whatever its platforms
//! (<https://docs.docker.com/build/metadata/attestations/>). To delete the untagged versions is to delete what the tags stand on:
//! pulls then fail with «manifest unknown».
//!
//! The rule looks at `actions/delete-package-versions` with `delete-only-untagged-versions`, and at scripts that select versions
//! without tags and delete, in repositories that push such images.
//!
//! Not flagged: repositories whose images are all pushed for one platform and without attestations.
//!
//! ## Examples
//!
//! ### Untagged versions deleted
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
//!         with:
//!           push: true
//!           platforms: linux/amd64,linux/arm64
//!           tags: ghcr.io/shop/web:${{ github.sha }}
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/delete-package-versions@v5
//!         with:
//!           package-name: web
//!           package-type: container
//!           delete-only-untagged-versions: true
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:18:11: warning[untagged-deletion] untagged versions are also the parts of tagged images
//! ```
//!
//! ### One platform, no attestations
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
//!         with:
//!           push: true
//!           provenance: false
//!           tags: ghcr.io/shop/web:${{ github.sha }}
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/delete-package-versions@v5
//!         with:
//!           package-name: web
//!           package-type: container
//!           delete-only-untagged-versions: true
//! ```
//!
//! ## Also tested
//!
//! ### By a script, for images with default attestations
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
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:${{ github.sha }}
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           gh api --paginate /orgs/shop/packages/container/web/versions \
//!             --jq '.[] | select(.metadata.container.tags | length == 0) | .id' |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/web/versions/{}
//!       - uses: actions/delete-package-versions@v5
//!         with:
//!           package-name: lib
//!           package-type: npm
//!           delete-only-untagged-versions: true
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:16:19: warning[untagged-deletion] the versions without tags that are deleted are also the parts of tagged images
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "untagged-deletion", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let Some(index) = project.builds.iter().find_map(|build| pushes_index(project, build)) else { return };
        let mut report = |span: Span, message: &str| {
            let diagnostic = found.add(span, message);
            diagnostic.label(index.0, index.1);
            diagnostic.help("keep versions that an index of a tagged image names; some clean-up actions look for them");
        };
        for (_, _, _, step) in project.placed_steps() {
            if !step.uses_action("actions/delete-package-versions") {
                continue;
            }
            let text = |name: &str| step.input(name).and_then(|field| field.known());
            if let Some(field) = step.input("delete-only-untagged-versions")
                && field.value.as_bool() == Eval::Known(Some(true))
                && text("package-type") == Some("container")
            {
                report(field.name.span, "untagged versions are also the parts of tagged images");
            }
        }
        let calls = project.package_calls();
        for list in calls.iter().filter(|call| call.lists_versions() && call.is_container()) {
            let Some(filter) = &list.filter else { continue };
            let squeezed: String = filter.as_str().split_whitespace().collect();
            let untagged = ["tags|length==0", "tags==[]", "tags|length<1", "tags|length)==0"];
            if untagged.iter().any(|text| squeezed.contains(text))
                && calls.iter().any(|call| call.place == list.place && call.deletes())
            {
                report(filter.span(), "the versions without tags that are deleted are also the parts of tagged images");
            }
        }
    }
}

/// Where a build pushes an index, and why it is one.
fn pushes_index(project: &Project, build: &Build) -> Option<(Span, &'static str)> {
    let caller = build.caller.as_ref()?;
    if build.push.known() == Some(&false) {
        return None;
    }
    if build.platforms_known && build.platforms.len() > 1 {
        return Some((caller.span, "pushes an index of several platforms"));
    }
    let (_, job, step) = project.step(caller.step)?;
    // The default attestations need a builder of their own; the docker driver's images have none.
    let buildx = job.steps.iter().any(|step| step.uses_action("docker/setup-buildx-action"));
    let action = step.uses_action("docker/build-push-action") || step.uses_action("docker/bake-action");
    let off = step.input("provenance").is_some()
        || step.env.get("BUILDX_NO_DEFAULT_ATTESTATIONS").is_some()
        || job.env.get("BUILDX_NO_DEFAULT_ATTESTATIONS").is_some();
    (buildx && action && !off).then_some((caller.span, "pushes an index of the image and its attestations"))
}
