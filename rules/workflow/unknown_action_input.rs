//! A Docker action is given an input that it does not have.
//!
//! GitHub only prints a warning, «Unexpected input(s)», and the action goes on without the value: with `pushh: true` the
//! image is built and thrown away, with a mistyped `cache-from` every run is cold.
//!
//! The rule knows the inputs of `docker/build-push-action`, `docker/bake-action`, `docker/metadata-action`,
//! `docker/setup-buildx-action`, `docker/setup-qemu-action` and `docker/login-action` from their `action.yml` files, those of
//! all major versions together.
//!
//! Not flagged: `v1` of `build-push-action` and `metadata-action`, which were other actions, and other actions.
//!
//! ## Examples
//!
//! ### Mistyped
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
//!           pushh: true
//!           no-cache-filter: test
//!           tags: ghcr.io/shop/web:1
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:11: error[unknown-action-input] `docker/build-push-action` has no input `pushh`
//! .github/workflows/ci.yml:9:11: error[unknown-action-input] `docker/build-push-action` has no input `no-cache-filter`
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,6 +5,6 @@
//!      steps:
//!        - uses: docker/build-push-action@v6
//!          with:
//! -          pushh: true
//! -          no-cache-filter: test
//! +          push: true
//! +          no-cache-filters: test
//!            tags: ghcr.io/shop/web:1
//! ```
//!
//! ### Inputs of the action
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
//!           Push: true
//!           no-cache-filters: test
//!           tags: ghcr.io/shop/web:1
//! ```
//!
//! ## Also tested
//!
//! ### An input of another action
//!
//! ```hcl
//! target "default" {}
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           platforms: linux/arm64
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:11: error[unknown-action-input] `docker/bake-action` has no input `platforms`
//! ```
//!
//! ### The right input is there as well
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/login-action@v3
//!         with:
//!           username: shop
//!           user-name: shop
//!           password: ${{ secrets.TOKEN }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:11: error[unknown-action-input] `docker/login-action` has no input `user-name`
//! ```
//!
//! ### The first version
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v1
//!         with:
//!           repository: shop/web
//!           tag_with_ref: true
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Actions with their inputs in any version since `first`.
struct Known {
    action: &'static str,
    first: u64,
    inputs: &'static [&'static str],
}

const ACTIONS: &[Known] = &[
    Known {
        action: "docker/build-push-action",
        first: 2,
        inputs: &[
            "add-hosts",
            "allow",
            "annotations",
            "attests",
            "build-args",
            "build-contexts",
            "builder",
            "cache-from",
            "cache-to",
            "call",
            "cgroup-parent",
            "context",
            "file",
            "github-token",
            "labels",
            "load",
            "network",
            "no-cache",
            "no-cache-filters",
            "outputs",
            "platforms",
            "provenance",
            "pull",
            "push",
            "sbom",
            "secret-envs",
            "secret-files",
            "secrets",
            "shm-size",
            "ssh",
            "tags",
            "target",
            "ulimit",
        ],
    },
    Known {
        action: "docker/bake-action",
        first: 1,
        inputs: &[
            "allow",
            "builder",
            "call",
            "files",
            "github-token",
            "load",
            "no-cache",
            "provenance",
            "pull",
            "push",
            "sbom",
            "set",
            "source",
            "targets",
            "vars",
            "workdir",
        ],
    },
    Known {
        action: "docker/metadata-action",
        first: 2,
        inputs: &[
            "annotations",
            "bake-target",
            "context",
            "flavor",
            "github-token",
            "images",
            "labels",
            "sep-annotations",
            "sep-labels",
            "sep-tags",
            "tags",
        ],
    },
    Known {
        action: "docker/setup-buildx-action",
        first: 1,
        inputs: &[
            "append",
            "buildkitd-config",
            "buildkitd-config-inline",
            "buildkitd-flags",
            "cache-binary",
            "cleanup",
            "config",
            "config-inline",
            "driver",
            "driver-opts",
            "endpoint",
            "install",
            "keep-state",
            "name",
            "platforms",
            "use",
            "version",
        ],
    },
    Known { action: "docker/setup-qemu-action", first: 1, inputs: &["cache-image", "image", "platforms", "reset"] },
    Known {
        action: "docker/login-action",
        first: 1,
        inputs: &["ecr", "logout", "password", "registry", "registry-auth", "scope", "username"],
    },
];

/// Inputs of `build-push-action` that are overrides for `bake-action`.
const OVERRIDES: &[(&str, &str)] = &[
    ("cache-from", "cache-from"),
    ("cache-to", "cache-to"),
    ("context", "context"),
    ("file", "dockerfile"),
    ("outputs", "output"),
    ("platforms", "platform"),
    ("tags", "tags"),
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "unknown-action-input", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for step in project.steps() {
            let Some(known) = ACTIONS.iter().find(|known| step.uses_action(known.action)) else { continue };
            let major = step.uses.as_ref().and_then(|uses| uses.reference.version_numbers()?.first().copied());
            if major.is_some_and(|major| major < known.first) {
                continue;
            }
            for field in &step.with.fields {
                // The runner compares names without case and takes blanks for underscores.
                let name = field.name.node.as_str();
                if known.inputs.iter().any(|input| input.eq_ignore_ascii_case(name)) {
                    continue;
                }
                let diagnostic = found.add(field.name.span, format!("`{}` has no input `{name}`", known.action));
                let over = OVERRIDES.iter().find(|(input, _)| *input == name);
                match (over, nearest(name, known.inputs.iter().copied())) {
                    (Some((_, key)), _) if known.action == "docker/bake-action" => {
                        diagnostic.help(format!(
                            "GitHub leaves it out with a warning; give it as an override: `set: \"*.{key}=…\"`"
                        ));
                    }
                    (_, Some(near)) => {
                        diagnostic.help(format!("did you mean `{near}`? GitHub leaves the input out with a warning"));
                        if step.input(near).is_none() {
                            diagnostic.fix(Fix::unsafe_(
                                format!("Name the input `{near}`"),
                                vec![Edit::replace(field.name.span, near)],
                            ));
                        }
                    }
                    _ => {
                        diagnostic.help("GitHub leaves it out with a warning, and the action goes on without it");
                    }
                }
            }
        }
    }
}
