//! What a definition says about its names as a whole: declared twice, never used, unknown, going round in circles.
//!
//! Bake lets most of this pass without a word.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::definition::{Declared, Definition};
use super::error::MAX_SUGGESTIONS;
use super::evaluation::Evaluation;
use super::mentions::mentions;
use super::target::{Set, Target};
use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::hcl::{Attribute, Expr, ExprKind, StepKind};

/// The names that the expressions of a definition mention.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsedNames<'d> {
    /// Variables and attributes at the top level. What only a variable's own validation mentions is not used.
    pub values: HashSet<&'d str>,
    /// Functions.
    pub functions: HashSet<String>,
    /// Targets and groups in expressions like `target.NAME.args`.
    pub blocks: HashSet<&'d str>,
}

impl<'d> UsedNames<'d> {
    fn add(&mut self, expr: &'d Expr, hidden: &[&str]) {
        let found = mentions(expr);
        self.functions.extend(found.functions.iter().map(|name| name.node.clone()));
        self.functions.extend(found.json_functions.into_iter().map(|(name, _)| name));
        for traversal in found.names {
            let root = traversal.root.node.as_str();
            if hidden.contains(&root) {
                continue;
            }
            match (root, traversal.steps.first().map(|step| &step.kind)) {
                ("target" | "group", Some(StepKind::Attribute(name))) => _ = self.blocks.insert(name),
                _ => _ = self.values.insert(root),
            }
        }
    }
}

/// The keys of an object that are written as they are.
fn literal_keys(expr: &Expr) -> Vec<&str> {
    let ExprKind::Object(object) = &expr.kind else { return Vec::new() };
    let keys = object
        .entries
        .iter()
        .filter_map(|entry| entry.key.keyword().or_else(|| entry.key.literal().map(|literal| literal.value.as_str())));
    keys.collect()
}

impl Definition {
    /// The names that expressions mention.
    pub fn used_names(&self) -> UsedNames<'_> {
        let mut used = UsedNames::default();
        for constant in self.constants() {
            used.add(&constant.value, &[]);
        }
        for variable in self.variables() {
            for attribute in variable.attributes().filter(|attribute| attribute.name.node == "default") {
                used.add(&attribute.value, &[]);
            }
            for validation in variable.block.body.blocks() {
                for attribute in validation.body.attributes() {
                    used.add(&attribute.value, &[variable.name()]);
                }
            }
        }
        for function in self.functions() {
            let parameters = function.attribute("params").into_iter().flat_map(|params| match &params.kind {
                ExprKind::Tuple(tuple) => tuple.elements.iter().filter_map(|element| element.value.keyword()).collect(),
                _ => Vec::new(),
            });
            let variadic = function.attribute("variadic_params").and_then(Expr::keyword);
            let hidden: Vec<&str> = parameters.chain(variadic).collect();
            if let Some(result) = function.attribute("result") {
                used.add(result, &hidden);
            }
        }
        for block in self.targets().chain(self.groups()) {
            let axes = block.attribute("matrix").map(literal_keys).unwrap_or_default();
            for attribute in block.attributes() {
                let hidden: &[&str] = if attribute.name.node == "matrix" { &[] } else { &axes };
                used.add(&attribute.value, hidden);
            }
        }
        used
    }

    /// Variables that no expression mentions. Their values reach no build.
    pub fn unused_variables(&self) -> Vec<Declared<'_>> {
        let used = self.used_names();
        self.variables().filter(|variable| !used.values.contains(variable.name())).collect()
    }

    /// Functions that nothing calls, but for themselves.
    pub fn unused_functions(&self) -> Vec<Declared<'_>> {
        let used = self.used_names();
        self.functions().filter(|function| !used.functions.contains(function.name())).collect()
    }

    /// Attributes at the top level that no expression mentions.
    pub fn unused_constants(&self) -> Vec<&Attribute> {
        let used = self.used_names();
        self.constants().filter(|constant| !used.values.contains(constant.name.node.as_str())).collect()
    }

    /// Variables that are declared again, each with the declaration that counts: the last one. Bake drops the earlier
    /// ones as a whole, type and validations included.
    pub fn redeclared_variables(&self) -> Vec<(Declared<'_>, Declared<'_>)> {
        let last: HashMap<&str, Declared<'_>> = self.variables().map(|found| (found.name(), found)).collect();
        let pairs = self.variables().filter_map(|found| Some((found, *last.get(found.name())?)));
        pairs.filter(|(found, last)| !std::ptr::eq(found.block, last.block)).collect()
    }
}

/// How one target or group names another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// As a parent, in `inherits`.
    Parent,
    /// As a member, in `targets`.
    Member,
    /// As a named context, by `target:NAME` in `contexts`.
    Context,
}

/// One target or group that names another.
#[derive(Debug, Clone, PartialEq)]
pub struct Link<'e> {
    /// In which attribute.
    pub kind: LinkKind,
    /// Who names.
    pub from: &'e str,
    /// Who is named.
    pub to: &'e str,
    /// The value with the name.
    pub span: Option<Span>,
}

/// A link to a name that nothing has.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownName<'e> {
    /// The link.
    pub link: Link<'e>,
    /// The name that may be meant.
    pub near: Option<&'e str>,
}

impl Evaluation {
    /// Which targets and groups name each other, as far as that is known.
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> {
        fn link<'e>(kind: LinkKind, from: &'e str, to: &'e str, set: &'e Set<String>) -> Link<'e> {
            Link { kind, from, to, span: set.span() }
        }
        let known = |set: &&Set<String>| !set.origin.dynamic;
        let targets = self.targets.iter().flat_map(move |target| {
            let parents = target.inherits.iter().filter(known);
            let parents = parents.map(|set| link(LinkKind::Parent, &target.name, &set.value, set));
            let contexts = target.contexts.values().filter(known).filter_map(|set| {
                let to = set.value.strip_prefix("target:")?;
                Some(link(LinkKind::Context, &target.name, to, set))
            });
            parents.chain(contexts)
        });
        let groups = self.groups.iter().flat_map(move |group| {
            let members = group.targets.iter().flatten().filter(known);
            members.map(|set| link(LinkKind::Member, &group.name, &set.value, set))
        });
        targets.chain(groups)
    }

    /// Links to names that nothing has. Bake fails as soon as one of them is needed, not before.
    pub fn unknown_names(&self) -> Vec<UnknownName<'_>> {
        let groups: HashSet<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
        let unknown = self.links().filter(|link| {
            let member = link.kind == LinkKind::Member && groups.contains(link.to);
            !member && self.target(link.to).is_none()
        });
        let suggest = |link: &Link<'_>| {
            let targets = self.targets.iter().map(|target| target.name.as_str());
            let groups = self.groups.iter().map(|group| group.name.as_str());
            let groups = groups.filter(|_| link.kind == LinkKind::Member);
            nearest(link.to, targets.chain(groups))
        };
        let suggested =
            |(at, link)| UnknownName { near: if at < MAX_SUGGESTIONS { suggest(&link) } else { None }, link };
        unknown.enumerate().map(suggested).collect()
    }

    /// Targets and groups that lead back to themselves by links of one kind. Bake takes cycles of parents and members
    /// without a word and leaves out what would close the circle.
    pub fn cycles(&self, kind: LinkKind) -> Vec<Vec<Link<'_>>> {
        let mut outgoing: BTreeMap<&str, Vec<Link<'_>>> = BTreeMap::new();
        for link in self.links().filter(|link| link.kind == kind) {
            outgoing.entry(link.from).or_default().push(link);
        }
        let mut cycles = Vec::new();
        let mut finished: HashSet<&str> = HashSet::new();
        for start in outgoing.keys() {
            if finished.contains(start) {
                continue;
            }
            // The links followed so far, and how many links of each node on the way are done.
            let mut path: Vec<&Link<'_>> = Vec::new();
            let mut places: HashMap<&str, usize> = HashMap::from([(*start, 0)]);
            let mut stack: Vec<(&str, usize)> = vec![(*start, 0)];
            while let Some((node, next)) = stack.last_mut() {
                let link = outgoing.get(*node).and_then(|links| links.get(*next));
                *next += 1;
                match link {
                    Some(link) => match places.get(link.to) {
                        Some(place) => {
                            let round = path[*place..].iter().copied().chain([link]);
                            cycles.push(round.cloned().collect());
                        }
                        None if !finished.contains(link.to) => {
                            path.push(link);
                            places.insert(link.to, stack.len());
                            stack.push((link.to, 0));
                        }
                        None => {}
                    },
                    None => {
                        finished.insert(node);
                        places.remove(*node);
                        stack.pop();
                        path.pop();
                    }
                }
            }
        }
        cycles
    }

    /// Targets that no group, parent, context or expression names, `default` excepted: only a request by name, or of
    /// the matrix that makes them, builds them.
    pub fn unused_targets(&self, definition: &Definition) -> Vec<&Target> {
        let expressions = definition.used_names().blocks;
        let linked: HashSet<&str> = self.links().filter(|link| link.span.is_some()).map(|link| link.to).collect();
        // A matrix's label is a group of its members, which are used if it is.
        let members =
            self.groups.iter().filter(|group| linked.contains(group.name.as_str()) || group.name == "default");
        let members: HashSet<&str> = members.flat_map(|group| group.members()).collect();
        let is_used = |name: &str| {
            name == "default" || expressions.contains(name) || linked.contains(name) || members.contains(name)
        };
        self.targets.iter().filter(|target| !is_used(&target.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::{DefinitionFile, Inputs, Sealed, evaluate};
    use crate::source::FileId;

    fn read(text: &str) -> (Definition, Evaluation) {
        let definition = Definition { files: vec![DefinitionFile::parse("docker-bake.hcl", FileId(0), text)] };
        let evaluation = evaluate(&definition, &Inputs::default(), &Sealed::default());
        (definition, evaluation)
    }

    #[test]
    fn names_without_use_are_found() {
        let text = r#"
            variable "A" {
              default = "a"
              validation {
                condition = A != ""
                error_message = "empty"
              }
            }
            variable "B" { default = "b" }
            variable "C" { default = B }
            variable "axis" { default = "x" }
            function "twice" {
              params = [C]
              result = "${C}${C}"
            }
            function "lonely" {
              params = []
              result = 1
            }
            used = "u"
            idle = "i"
            target "default" {
              name = "t-${axis}"
              matrix = { axis = ["1"] }
              args = { a = twice(used) }
            }
        "#;
        let (definition, _) = read(text);
        let names = |found: Vec<Declared<'_>>| found.iter().map(|found| found.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(definition.unused_variables()), ["A", "C", "axis"]);
        assert_eq!(names(definition.unused_functions()), ["lonely"]);
        let constants: Vec<_> = definition.unused_constants().iter().map(|found| found.name.node.clone()).collect();
        assert_eq!(constants, ["idle"]);
    }

    #[test]
    fn of_several_declarations_the_last_one_counts() {
        let (definition, _) = read("variable \"A\" { default = 1 }\nvariable \"A\" { default = 2 }\n");
        let again = definition.redeclared_variables();
        let [(first, last)] = again[..] else { panic!("{again:?}") };
        assert!(first.name_span().start < last.name_span().start);
    }

    #[test]
    fn unknown_names_are_blamed_where_they_are_written() {
        let text = r#"
            group "default" { targets = ["web", "nowhere"] }
            target "web" {
              inherits = ["bsae"]
              contexts = { a = "target:other" }
            }
            target "base" {}
        "#;
        let (definition, evaluation) = read(text);
        let unknown = evaluation.unknown_names();
        let found: Vec<_> = unknown.iter().map(|unknown| (unknown.link.kind, unknown.link.to, unknown.near)).collect();
        assert_eq!(
            found,
            [
                (LinkKind::Parent, "bsae", Some("base")),
                (LinkKind::Context, "other", None),
                (LinkKind::Member, "nowhere", None)
            ]
        );
        let span = unknown[0].link.span;
        let text = span.and_then(|span| definition.source(span)?.1.get(span.range()));
        assert!(text.is_some_and(|text| text.contains("bsae")));
        let unused: Vec<_> = evaluation.unused_targets(&definition).iter().map(|target| target.name.clone()).collect();
        assert_eq!(unused, ["base"]);
    }

    #[test]
    fn each_cycle_is_found_once() {
        let text = r#"
            target "a" { inherits = ["b"] }
            target "b" { inherits = ["c", "d"] }
            target "c" { inherits = ["a"] }
            target "d" {}
            target "self" { inherits = ["self"] }
        "#;
        let (_, evaluation) = read(text);
        let cycles = evaluation.cycles(LinkKind::Parent);
        let rounds: Vec<Vec<&str>> = cycles.iter().map(|cycle| cycle.iter().map(|link| link.to).collect()).collect();
        assert_eq!(rounds, [vec!["b", "c", "a"], vec!["self"]]);
        assert!(evaluation.cycles(LinkKind::Member).is_empty());
    }
}
