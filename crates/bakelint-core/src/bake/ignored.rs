//! Keys inside of values, and of compose files, that bake drops without a word.
//!
//! See bake/bake.go and util/buildflags of buildx for entries, and bake/compose.go for services.

use super::definition::{Declared, Definition};
use super::entry::{Resources, Secret, Ssh};
use crate::source::Span;
use crate::syntax::hcl::{Expr, ExprKind};
use crate::syntax::yaml::Node;

/// A key that means nothing where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey<'d> {
    /// The target or service.
    pub owner: &'d str,
    /// The attribute or mapping that has the key.
    pub within: &'static str,
    /// The key.
    pub key: &'d str,
    /// The place of the key.
    pub span: Span,
    /// The keys that mean something there; none where the key is another tool's and not mistyped.
    pub known: &'static [&'static str],
}

/// The attributes of a target whose objects lose the keys that they do not have. Those of caches, outputs and attestations keep all.
const OBJECTS: &[(&str, &[&str])] = &[("resources", &Resources::KEYS), ("secret", &Secret::KEYS), ("ssh", &Ssh::KEYS)];

/// What Compose's `build` has and bake does not take over.
const BUILD: &[&str] = &["entitlements", "isolation", "privileged"];

/// What `x-bake` has.
const X_BAKE: &[&str] = &[
    "tags",
    "cache-from",
    "cache-to",
    "secret",
    "ssh",
    "platforms",
    "output",
    "pull",
    "no-cache",
    "no-cache-filter",
    "contexts",
];

impl<'d> Declared<'d> {
    /// Keys of a target's objects that mean nothing.
    pub fn ignored_keys(&self) -> Vec<IgnoredKey<'d>> {
        let mut ignored = Vec::new();
        for &(within, known) in OBJECTS {
            let Some(value) = self.attribute(within) else { continue };
            let objects = match &value.kind {
                ExprKind::Tuple(tuple) => tuple.elements.iter().map(|element| &element.value).collect(),
                _ => vec![value],
            };
            for (key, span) in objects.into_iter().flat_map(keys).filter(|(key, _)| !known.contains(key)) {
                ignored.push(IgnoredKey { owner: self.name(), within, key, span, known });
            }
        }
        ignored
    }
}

/// The constant keys of an object.
fn keys(expr: &Expr) -> impl Iterator<Item = (&str, Span)> {
    let entries = match &expr.kind {
        ExprKind::Object(object) => object.entries.as_slice(),
        _ => &[],
    };
    entries.iter().filter_map(|entry| Some((entry.name()?, entry.key.span)))
}

impl Definition {
    /// Keys of the services of compose files that bake drops: of `build`, of its `x-bake`, and `platform`.
    pub fn ignored_service_keys(&self) -> Vec<IgnoredKey<'_>> {
        let mut ignored = Vec::new();
        let trees = self.files.iter().filter(|file| file.hcl().is_none_or(|hcl| !hcl.errors.is_empty()));
        let services = trees.filter_map(|file| file.yaml()?.tree.root()?.get("services"));
        for service in services.flat_map(Node::entries) {
            let (Some(owner), Some(build)) = (service.name(), service.value.get("build")) else { continue };
            ignored.extend(dropped(owner, "service", service.value, &[], |key| key == "platform"));
            ignored.extend(dropped(owner, "build", build, &[], |key| BUILD.contains(&key)));
            if let Some(extension) = build.get("x-bake") {
                ignored.extend(dropped(owner, "x-bake", extension, X_BAKE, |key| !X_BAKE.contains(&key)));
            }
        }
        ignored
    }
}

/// The keys of a mapping that bake drops.
fn dropped<'d>(
    owner: &'d str,
    within: &'static str,
    mapping: Node<'d>,
    known: &'static [&'static str],
    drops: impl Fn(&str) -> bool,
) -> impl Iterator<Item = IgnoredKey<'d>> {
    let keys = mapping.entries().filter_map(|entry| Some((entry.name()?, entry.key.span())));
    keys.filter(move |(key, _)| drops(key)).map(move |(key, span)| IgnoredKey { owner, within, key, span, known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::DefinitionFile;
    use crate::source::FileId;

    fn told(name: &str, text: &str) -> Vec<String> {
        let definition = Definition { files: vec![DefinitionFile::parse(name, FileId(0), text)] };
        let objects = definition.targets().flat_map(|target| target.ignored_keys()).collect::<Vec<_>>();
        let keys = objects.into_iter().chain(definition.ignored_service_keys());
        keys.map(|key| format!("{}: {} {}", key.owner, key.within, &text[key.span.range()])).collect()
    }

    #[test]
    fn keys_that_objects_do_not_have() {
        let text = r#"
            target "web" {
              secret    = ["id=a,src=b", { id = "a", source = "x" }]
              ssh       = [{ id = "default", path = "/agent" }]
              resources = { memory = "1g", cpus = "2" }
              cache-to  = [{ type = "gha", anything = "counts" }]
            }
        "#;
        assert_eq!(told("docker-bake.hcl", text), ["web: resources cpus", "web: secret source", "web: ssh path"]);
        let json = r#"{"target": {"web": {"secret": [{"id": "a", "file": "x"}]}}}"#;
        assert_eq!(told("docker-bake.json", json), ["web: secret \"file\""]);
    }

    #[test]
    fn keys_of_services_that_only_compose_reads() {
        let text = "services:\n  web:\n    platform: linux/arm64\n    ports: [80]\n    build:\n      context: .\n      \
                    privileged: true\n      x-bake: { tag: a, tags: b }\n  db:\n    image: postgres\n    platform: linux/amd64\n";
        assert_eq!(told("compose.yml", text), ["web: service platform", "web: build privileged", "web: x-bake tag"]);
    }
}
