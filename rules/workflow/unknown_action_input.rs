//! A Docker action is given an input that it does not have.
//!
//! GitHub only prints a warning, «Unexpected input(s)», and the action goes on without the value: with `pushh: true` the
//! image is built and thrown away, with a mistyped `cache-from` every run is cold.
//!
//! The rule knows the inputs of `docker/build-push-action`, `docker/bake-action`, `docker/metadata-action`,
//! `docker/setup-buildx-action`, `docker/setup-qemu-action` and `docker/login-action` from the `action.yml` files of all their
//! releases: also those that a new major version has dropped, and those that an old one does not have yet. The version is that of
//! the tag, or that of the comment behind a commit.
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
//! ### Dropped by a new version, and not yet there in an old one
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v4
//!         with:
//!           config: buildkitd.toml
//!           install: true
//!       - uses: docker/setup-buildx-action@1111111111111111111111111111111111111111 # v3.2.0
//!         with:
//!           config: buildkitd.toml
//!       - uses: docker/bake-action@1111111111111111111111111111111111111111 # v7.0.0
//!         with:
//!           workdir: docker
//!       - uses: docker/build-push-action@v2
//!         with:
//!           provenance: false
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:11: error[unknown-action-input] `docker/setup-buildx-action` has no input `config` since v4
//! .github/workflows/ci.yml:9:11: error[unknown-action-input] `docker/setup-buildx-action` has no input `install` since v4
//! .github/workflows/ci.yml:15:11: error[unknown-action-input] `docker/bake-action` has no input `workdir` since v7
//! .github/workflows/ci.yml:18:11: error[unknown-action-input] `docker/build-push-action` has no input `provenance` before v3
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,7 +5,7 @@
//!      steps:
//!        - uses: docker/setup-buildx-action@v4
//!          with:
//! -          config: buildkitd.toml
//! +          buildkitd-config: buildkitd.toml
//!            install: true
//!        - uses: docker/setup-buildx-action@1111111111111111111111111111111111111111 # v3.2.0
//!          with:
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

/// Inputs that a major version has dropped, with what there is instead.
const DROPPED: &[(&str, &str, u64, &str)] = &[
    ("docker/setup-buildx-action", "config", 4, "buildkitd-config"),
    ("docker/setup-buildx-action", "config-inline", 4, "buildkitd-config-inline"),
    ("docker/setup-buildx-action", "install", 4, ""),
    ("docker/bake-action", "workdir", 7, ""),
];

/// The first major version that has an input, where that is not the first one known here.
const ADDED: &[(&str, &str, u64)] = &[
    ("docker/build-push-action", "annotations", 5),
    ("docker/build-push-action", "attests", 3),
    ("docker/build-push-action", "call", 6),
    ("docker/build-push-action", "no-cache-filters", 3),
    ("docker/build-push-action", "provenance", 3),
    ("docker/build-push-action", "sbom", 3),
    ("docker/build-push-action", "secret-envs", 5),
    ("docker/bake-action", "allow", 5),
    ("docker/bake-action", "call", 6),
    ("docker/bake-action", "github-token", 4),
    ("docker/bake-action", "provenance", 3),
    ("docker/bake-action", "sbom", 3),
    ("docker/bake-action", "source", 2),
    ("docker/bake-action", "vars", 7),
    ("docker/bake-action", "workdir", 2),
    ("docker/metadata-action", "annotations", 5),
    ("docker/metadata-action", "context", 4),
    ("docker/metadata-action", "sep-annotations", 5),
    ("docker/setup-buildx-action", "append", 2),
    ("docker/setup-buildx-action", "buildkitd-config", 3),
    ("docker/setup-buildx-action", "buildkitd-config-inline", 3),
    ("docker/setup-buildx-action", "cache-binary", 3),
    ("docker/setup-buildx-action", "cleanup", 2),
    ("docker/setup-buildx-action", "keep-state", 3),
    ("docker/setup-buildx-action", "name", 3),
    ("docker/setup-buildx-action", "platforms", 2),
    ("docker/setup-qemu-action", "cache-image", 3),
    ("docker/setup-qemu-action", "reset", 4),
    ("docker/login-action", "registry-auth", 3),
    ("docker/login-action", "scope", 3),
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
            let major = step.uses.as_ref().and_then(|uses| major_version(project, uses));
            if major.is_some_and(|major| major < known.first) {
                continue;
            }
            for field in &step.with.fields {
                // The runner compares names without case and takes blanks for underscores.
                let name = field.name.node.as_str();
                if let Some(input) = known.inputs.iter().find(|input| input.eq_ignore_ascii_case(name)) {
                    if let Some(major) = major {
                        in_version(known.action, input, major, step, field, found);
                    }
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

/// The major version of an action: that of the tag, or that of the comment behind a commit.
fn major_version(project: &Project, uses: &workflow::Uses) -> Option<u64> {
    if let Some(numbers) = uses.reference.version_numbers() {
        return numbers.first().copied();
    }
    let behind = project.text(uses.value.span.file).get(uses.value.span.end as usize..)?;
    let comment = behind.lines().next()?.trim_start().strip_prefix('#')?.trim_start();
    let version = comment.strip_prefix('v').unwrap_or(comment);
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Reports an input that this major version of the action does not have.
fn in_version(
    action: &str,
    input: &str,
    major: u64,
    step: &workflow::Step,
    field: &workflow::Field,
    found: &mut Findings,
) {
    let of = |name: &str, other: &str| name == action && other == input;
    if let Some((_, _, since, instead)) = DROPPED.iter().find(|(name, other, ..)| of(name, other))
        && major >= *since
    {
        let message = format!("`{action}` has no input `{input}` since v{since}");
        let diagnostic = found.add(field.name.span, message);
        if instead.is_empty() {
            diagnostic.help("GitHub leaves it out with a warning");
            return;
        }
        diagnostic.help(format!("it is called `{instead}` now; GitHub leaves the input out with a warning"));
        if step.input(instead).is_none() {
            let edit = Edit::replace(field.name.span, *instead);
            diagnostic.fix(Fix::unsafe_(format!("Name the input `{instead}`"), vec![edit]));
        }
    } else if let Some((_, _, since)) = ADDED.iter().find(|(name, other, _)| of(name, other))
        && major < *since
    {
        found
            .add(field.name.span, format!("`{action}` has no input `{input}` before v{since}"))
            .help(format!("GitHub leaves it out with a warning; v{since} has it"));
    }
}
