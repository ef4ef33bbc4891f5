//! Bake silently ignores an attribute or block.
//!
//! In `target`, `group` and `variable` blocks, bake drops every attribute and block that it does not know, without a word and
//! without evaluating it: `tag = [...]` leaves the image without a tag, `platform = [...]` builds for the builder's own platform,
//! `depends_on` orders nothing. At the top level it drops every block other than `target`, `group`, `variable` and `function`
//! (docker/buildx, bake/hclparser/hclparser.go: what a body holds beyond its schema is left over).
//!
//! The same goes for keys inside of `secret`, `ssh` and `resources`. Of compose files bake takes over `build`, without `privileged`,
//! `isolation` and `entitlements`, and what `x-bake` has; the `platform` of a service, which `docker compose build` builds for, is dropped
//! (docker/buildx, bake/compose.go).
//!
//! Use the attribute that is meant (<https://docs.docker.com/build/bake/reference/>). Order between targets comes of
//! `contexts = { x = "target:y" }`, and only where the Dockerfile uses the context.
//!
//! Not flagged: attributes at the top level, which are constants and count; keys of caches, outputs and attestations, which all go to
//! BuildKit; compose files that bake is not called with; the `platform` of a service whose build names platforms.
//!
//! ## Examples
//!
//! ### Singular, underscores and the names of other tools
//!
//! ```hcl
//! target "web" {
//!   tag        = ["shop:web"]
//!   cache_from = ["type=gha"]
//!   build-args = { VERSION = "1" }
//!   depends_on = ["base"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:3: warning[ignored-attribute] bake ignores `tag` in target `web`
//! docker-bake.hcl:3:3: warning[ignored-attribute] bake ignores `cache_from` in target `web`
//! docker-bake.hcl:4:3: warning[ignored-attribute] bake ignores `build-args` in target `web`
//! docker-bake.hcl:5:3: warning[ignored-attribute] bake ignores `depends_on` in target `web`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,6 +1,6 @@
//!  target "web" {
//! -  tag        = ["shop:web"]
//! -  cache_from = ["type=gha"]
//! -  build-args = { VERSION = "1" }
//! +  tags        = ["shop:web"]
//! +  cache-from = ["type=gha"]
//! +  args = { VERSION = "1" }
//!    depends_on = ["base"]
//!  }
//! ```
//!
//! ### The names that bake knows
//!
//! ```hcl
//! target "web" {
//!   tags       = ["shop:web"]
//!   cache-from = ["type=gha"]
//!   args       = { VERSION = "1" }
//!   contexts   = { base = "target:base" }
//! }
//!
//! target "base" {}
//! ```
//!
//! ### Keys inside of a value
//!
//! ```hcl
//! target "web" {
//!   secret    = [{ id = "token", source = "token.txt" }]
//!   resources = { memory = "1g", cpus = "2" }
//!   cache-to  = [{ type = "gha", scope = "web" }]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:32: warning[ignored-attribute] bake ignores `source` in `secret` of target `web`
//! docker-bake.hcl:3:32: warning[ignored-attribute] bake ignores `cpus` in `resources` of target `web`
//! ```
//!
//! ### A compose file that bake builds from
//!
//! ```yaml compose.yml
//! services:
//!   web:
//!     platform: linux/arm64
//!     build:
//!       context: .
//!       privileged: true
//!       x-bake:
//!         tag: shop/web
//!   api:
//!     platform: linux/arm64
//!     build:
//!       context: .
//!       platforms: [linux/arm64]
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   images:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake -f compose.yml
//! ```
//!
//! ```text
//! compose.yml:3:5: warning[ignored-attribute] bake ignores `platform` of service `web` and builds for the builder's own platform
//! compose.yml:6:7: info[ignored-attribute] bake ignores `privileged` in `build` of service `web`
//! compose.yml:8:9: warning[ignored-attribute] bake ignores `tag` in `x-bake` of service `web`
//! ```
//!
//! ## Also tested
//!
//! ### Both the right name and a wrong one
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
//!   tag  = ["shop:latest"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:3: warning[ignored-attribute] bake ignores `tag` in target `web`
//! ```
//!
//! ### Blocks
//!
//! ```hcl
//! targets "web" {
//!   tags = ["shop:web"]
//! }
//!
//! target "api" {
//!   args {
//!     VERSION = "1"
//!   }
//! }
//!
//! variable "TAG" {
//!   defualt = "latest"
//!   validation {
//!     condition = TAG != ""
//!   }
//! }
//!
//! group "default" {
//!   target = ["api"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:1:1: warning[ignored-attribute] bake ignores `targets` blocks
//! docker-bake.hcl:6:3: warning[ignored-attribute] bake ignores the block `args` in target `api`
//! docker-bake.hcl:12:3: warning[ignored-attribute] bake ignores `defualt` in variable `TAG`
//! docker-bake.hcl:19:3: warning[ignored-attribute] bake ignores `target` in group `default`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -3,18 +3,18 @@
//!  }
//!
//!  target "api" {
//! -  args {
//! +  args = {
//!      VERSION = "1"
//!    }
//!  }
//!
//!  variable "TAG" {
//! -  defualt = "latest"
//! +  default = "latest"
//!    validation {
//!      condition = TAG != ""
//!    }
//!  }
//!
//!  group "default" {
//! -  target = ["api"]
//! +  targets = ["api"]
//!  }
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// What people write for an attribute of a target: names of the command line, of compose and of other bake versions.
const MEANT: &[(&str, &str)] = &[
    ("arg", "args"),
    ("build-arg", "args"),
    ("build-args", "args"),
    ("build-context", "contexts"),
    ("build-contexts", "contexts"),
    ("file", "dockerfile"),
    ("inherit", "inherits"),
    ("outputs", "output"),
    ("secrets", "secret"),
];

/// Keys of other block formats that nobody mistypes, with what they do not do here.
const ORDERING: &[&str] = &["depends_on", "depends-on", "needs"];

impl Check for Rule {
    const META: Meta = Meta { id: "ignored-attribute", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = std::collections::BTreeSet::new();
        for bake in &project.bakes {
            let definition = &bake.definition;
            for declared in definition.targets().chain(definition.groups()).chain(definition.variables()) {
                let kind = declared.block.kind.node.as_str();
                for attribute in declared.ignored_attributes() {
                    if seen.insert(attribute.span) {
                        report_attribute(found, &declared, kind, attribute);
                    }
                }
                for block in declared.ignored_blocks() {
                    if seen.insert(block.span) {
                        report_block(found, &declared, kind, block);
                    }
                }
            }
            for key in definition.targets().flat_map(|target| target.ignored_keys()) {
                if seen.insert(key.span) {
                    let message = format!("bake ignores `{}` in `{}` of target `{}`", key.key, key.within, key.owner);
                    known_keys(&key, found.add(key.span, message));
                }
            }
            for key in definition.ignored_service_keys() {
                if seen.insert(key.span) {
                    report_service_key(found, bake, &key);
                }
            }
            for block in definition.ignored_blocks() {
                if seen.insert(block.span) {
                    let name = &block.kind.node;
                    let diagnostic = found.add(block.kind.span, format!("bake ignores `{name}` blocks"));
                    match nearest(name, ["target", "group", "variable", "function"]) {
                        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                        None => {
                            diagnostic.help("blocks at the top level are `target`, `group`, `variable` and `function`")
                        }
                    };
                }
            }
        }
    }
}

fn report_service_key(found: &mut Findings, bake: &Bake, key: &IgnoredKey<'_>) {
    let IgnoredKey { owner, within, key: name, .. } = key;
    match *within {
        "service" => {
            let target = bake.resolved(&owner.replace('.', "_"));
            if target.is_none_or(|target| target.platforms.is_some_and(|platforms| !platforms.is_empty())) {
                return;
            }
            let message =
                format!("bake ignores `{name}` of service `{owner}` and builds for the builder's own platform");
            found.add(key.span, message).help("`platforms` of `build` is what both bake and Compose build for");
        }
        "x-bake" => {
            let message = format!("bake ignores `{name}` in `x-bake` of service `{owner}`");
            known_keys(key, found.add(key.span, message));
        }
        _ => {
            let message = format!("bake ignores `{name}` in `build` of service `{owner}`");
            found.add(key.span, message).severity(Severity::Info).help("only `docker compose build` goes by it");
        }
    }
}

/// Says which keys there are instead.
fn known_keys(key: &IgnoredKey<'_>, diagnostic: &mut Diagnostic) {
    match nearest(key.key, key.known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("`{}` knows `{}`", key.within, key.known.join("`, `"))),
    };
}

/// The attribute that is meant by a name that bake does not know, and whether there is no doubt.
fn meant(declared: &Declared<'_>, name: &str) -> Option<(&'static str, bool)> {
    let known = declared.known_attributes();
    let dashed = name.replace('_', "-").to_lowercase();
    let kind = declared.block.kind.node.as_str();
    let alias = MEANT.iter().find(|(other, _)| kind == "target" && *other == dashed).map(|(_, meant)| *meant);
    if let Some(meant) = alias {
        return Some((meant, true));
    }
    let certain = |other: &&&str| **other == dashed || **other == format!("{dashed}s") || format!("{other}s") == dashed;
    if let Some(meant) = known.iter().find(certain) {
        return Some((meant, true));
    }
    let near = nearest(name, known.iter().copied())?;
    known.iter().find(|other| **other == near).map(|other| (*other, false))
}

fn report_attribute(found: &mut Findings, declared: &Declared<'_>, kind: &str, attribute: &hcl::Attribute) {
    let name = attribute.name.node.as_str();
    let message = format!("bake ignores `{name}` in {kind} `{}`", declared.name());
    let diagnostic = found.add(attribute.name.span, message);
    if ORDERING.contains(&name) {
        diagnostic.help("targets have no order but that of contexts: `contexts = { name = \"target:other\" }`");
        return;
    }
    let Some((meant, certain)) = meant(declared, name) else {
        diagnostic.help(format!("a {kind} has no such attribute"));
        return;
    };
    if let Some(other) = declared.block.body.attribute(meant) {
        diagnostic.help(format!("`{meant}` is the attribute that counts"));
        diagnostic.label(other.name.span, "this one counts");
        return;
    }
    diagnostic.help(format!("did you mean `{meant}`?"));
    let text = if declared.block.body.json { format!("\"{meant}\"") } else { meant.to_owned() };
    let title = format!("Rename `{name}` to `{meant}`");
    let edits = vec![Edit::replace(attribute.name.span, text)];
    diagnostic.fix(if certain && fits(meant, &attribute.value) {
        Fix::safe(title, edits)
    } else {
        Fix::unsafe_(title, edits)
    });
}

/// Whether the value has the form that the attribute wants.
fn fits(attribute: &str, value: &hcl::Expr) -> bool {
    let object = ["args", "contexts", "labels", "matrix", "extra-hosts"].contains(&attribute);
    let text = ["dockerfile", "context", "target", "network", "dockerfile-inline", "name", "call"].contains(&attribute);
    match &value.kind {
        hcl::ExprKind::Object(_) => object,
        hcl::ExprKind::Tuple(_) => !object && !text,
        hcl::ExprKind::Template(_) => text,
        _ => false,
    }
}

fn report_block(found: &mut Findings, declared: &Declared<'_>, kind: &str, block: &hcl::Block) {
    let name = block.kind.node.as_str();
    let message = format!("bake ignores the block `{name}` in {kind} `{}`", declared.name());
    let diagnostic = found.add(block.kind.span, message);
    if declared.known_attributes().contains(&name) {
        diagnostic.help(format!("`{name}` is an attribute: write `{name} = {{ ... }}`"));
        if block.labels.is_empty() && declared.block.body.attribute(name).is_none() && !declared.block.body.json {
            let edit = Edit::insert(block.open.before(), "= ");
            diagnostic.fix(Fix::unsafe_(format!("Write `{name}` as an attribute"), vec![edit]));
        }
    }
}
