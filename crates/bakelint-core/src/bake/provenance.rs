//! How a value came into a target: who set it, what that was computed from, and what it replaced.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::evaluation::Evaluation;
use super::facts::{Link, LinkKind};
use super::target::{List, Origin, Set, Source, Target, Unique, Via};
use super::trace::{Giver, NameKind, Parts, Trace};
use crate::source::Span;

/// How many replaced values are remembered for one path of a target.
const MAX_REPLACED: usize = 16;

/// How many steps are told of one value.
const MAX_STEPS: usize = 200;

/// One step on the way of a value into a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An override, as given to `--set` or implied by another flag.
    Override(Arc<str>),
    /// The environment of the command set it without a variable of the definition.
    Environment(Arc<str>),
    /// A target inherits from another, which is named at the span.
    Inherits {
        /// The child.
        child: String,
        /// The parent.
        parent: String,
        /// The element of `inherits`.
        span: Option<Span>,
    },
    /// An attribute of a block: of the target itself, of a parent, or of a later file that adds to one of them.
    Attribute {
        /// The target or group.
        block: Arc<str>,
        /// The attribute, name to value.
        span: Span,
    },
    /// A service of a compose file.
    Service(Arc<str>),
    /// A service extends another, which `extends` at the span names.
    Extends(Span),
    /// A compose file includes another, which the entry of `include` at the span names.
    Include(Span),
    /// A name in the expression.
    Name {
        /// The name, `target.NAME.ATTRIBUTE` for an attribute of another target.
        name: Arc<str>,
        /// What has it.
        kind: NameKind,
        /// Where its value is written: the default, the value of the axis in this cell.
        span: Span,
    },
    /// The value of a variable was given from outside instead of its default.
    Given {
        /// The variable.
        name: Arc<str>,
        /// By whom.
        by: Giver,
    },
    /// Nobody set it: Bake assumes it.
    Default,
}

impl Origin {
    /// The steps by which the value came here, the last one first. What an expression mentions follows it, depth first,
    /// each name once.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        match &self.source {
            Source::Block { name, attribute } => {
                steps.push(Step::Attribute { block: name.clone(), span: *attribute });
            }
            Source::Service { name, via } => {
                steps.push(Step::Service(name.clone()));
                let mut via = via.as_deref();
                while let Some(step) = via.filter(|_| steps.len() < MAX_STEPS) {
                    steps.push(match step {
                        Via::Extends { span, .. } => Step::Extends(*span),
                        Via::Include { span, .. } => Step::Include(*span),
                    });
                    via = step.inner();
                }
            }
            Source::Override(text) => steps.push(Step::Override(text.clone())),
            Source::Environment(name) => steps.push(Step::Environment(name.clone())),
            Source::Default => steps.push(Step::Default),
        }
        if let Some(trace) = &self.trace {
            add_names(trace, &mut steps);
        }
        steps
    }
}

/// Adds the names that a value is computed from.
fn add_names(trace: &Trace, steps: &mut Vec<Step>) {
    let mut seen: HashSet<(Arc<str>, Span)> = HashSet::new();
    let mut open: Vec<&Trace> = vec![trace];
    let mut names: Vec<(Arc<str>, NameKind, &Trace)> = Vec::new();
    loop {
        while let Some(trace) = open.pop() {
            let mentioned = trace.names.iter().rev();
            names.extend(mentioned.map(|named| (named.name.clone(), named.kind, &*named.trace)));
            if let Parts::Reference(to) = &trace.parts
                && trace.names.is_empty()
            {
                open.push(to);
            }
        }
        let Some((name, kind, trace)) = names.pop().filter(|_| steps.len() < MAX_STEPS) else { return };
        if !seen.insert((name.clone(), trace.span)) {
            continue;
        }
        steps.push(Step::Name { name: name.clone(), kind, span: trace.span });
        if let Parts::Given(by, _) = &trace.parts {
            steps.push(Step::Given { name, by: by.clone() });
        }
        open.push(trace);
    }
}

impl Evaluation {
    /// As [`Origin::steps`], with the parents that the target has the value from.
    pub fn steps(&self, target: &Target, origin: &Origin) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Source::Block { name, .. } | Source::Service { name, .. } = &origin.source {
            let from = name.replace('.', "_");
            let links = self.lineage(&target.name, &from);
            steps.extend(links.into_iter().take(MAX_STEPS).map(|link| Step::Inherits {
                child: link.from.to_owned(),
                parent: link.to.to_owned(),
                span: link.span,
            }));
        }
        steps.extend(origin.steps());
        steps
    }

    /// The links of `inherits` that lead from a target to one of its ancestors. Of several ways the one whose values
    /// win: later parents first.
    fn lineage<'e>(&'e self, from: &'e str, to: &str) -> Vec<Link<'e>> {
        let mut seen = HashSet::from([from]);
        let mut path: Vec<Link<'e>> = Vec::new();
        let parents = |name: &str| match self.target(name) {
            Some(target) => target.inherits.iter().collect(),
            None => Vec::new(),
        };
        let mut open: Vec<(&'e str, Vec<&'e Set<String>>)> = vec![(from, parents(from))];
        while let Some((child, left)) = open.last_mut() {
            if *child == to {
                return path;
            }
            match left.pop() {
                Some(parent) => {
                    let name = parent.value.as_str();
                    if seen.insert(name) {
                        path.push(Link { kind: LinkKind::Parent, from: child, to: name, span: parent.span() });
                        open.push((name, parents(name)));
                    }
                }
                None => {
                    open.pop();
                    path.pop();
                }
            }
        }
        Vec::new()
    }
}

/// The attributes whose value a later one replaces as a whole.
const REPLACED: &[&str] = &[
    "description",
    "context",
    "dockerfile",
    "dockerfile-inline",
    "tags",
    "cache-to",
    "target",
    "platforms",
    "output",
    "pull",
    "no-cache",
    "network",
    "shm-size",
    "call",
];

fn one<T>(set: &Option<Set<T>>) -> Vec<&Origin> {
    set.iter().map(|set| &set.origin).collect()
}

fn all<T>(list: &List<T>) -> Vec<&Origin> {
    list.iter().flatten().map(|set| &set.origin).collect()
}

fn entries<'t, T>(map: &'t BTreeMap<String, Set<T>>, key: Option<&str>) -> Vec<&'t Origin> {
    match key {
        Some(key) => map.get(key).map(|set| &set.origin).into_iter().collect(),
        None => map.values().map(|set| &set.origin).collect(),
    }
}

fn keyed<'t, T: Unique>(list: &'t List<T>, key: Option<&str>) -> Vec<&'t Origin> {
    let elements = list.iter().flatten().filter(|set| key.is_none() || set.value.key() == key);
    elements.map(|set| &set.origin).collect()
}

impl Target {
    /// Where the value at a path was set. A path is an attribute, or an entry of one: `context`, `tags`, `args.VERSION`,
    /// `resources.memory`, `secret.ID`, `attest.TYPE`. Every element of a list has its own place. Empty if nothing sets it.
    pub fn origins(&self, path: &str) -> Vec<&Origin> {
        let (name, key) = match path.split_once('.') {
            Some((name, key)) => (name, Some(key)),
            None => (path, None),
        };
        let found = match name {
            "description" => one(&self.description),
            "inherits" => self.inherits.iter().map(|set| &set.origin).collect(),
            "annotations" => all(&self.annotations),
            "attest" => keyed(&self.attest, key),
            "context" => one(&self.context),
            "contexts" => entries(&self.contexts, key),
            "dockerfile" => one(&self.dockerfile),
            "dockerfile-inline" => one(&self.dockerfile_inline),
            "args" => entries(&self.args, key),
            "labels" => entries(&self.labels, key),
            "tags" => all(&self.tags),
            "cache-from" => all(&self.cache_from),
            "cache-to" => all(&self.cache_to),
            "target" => one(&self.target),
            "secret" => keyed(&self.secret, key),
            "ssh" => keyed(&self.ssh, key),
            "platforms" => all(&self.platforms),
            "output" => all(&self.output),
            "pull" => one(&self.pull),
            "no-cache" => one(&self.no_cache),
            "network" => one(&self.network),
            "no-cache-filter" => all(&self.no_cache_filter),
            "shm-size" => one(&self.shm_size),
            "ulimits" => all(&self.ulimits),
            "call" => one(&self.call),
            "entitlements" => all(&self.entitlements),
            "extra-hosts" => entries(&self.extra_hosts, key),
            "policy" => all(&self.policy),
            "resources" => match &self.resources {
                Some(resources) => {
                    let texts = resources.texts().into_iter().map(|(own, set)| (own, one(set)));
                    let numbers = resources.numbers().into_iter().map(|(own, set)| (own, one(set)));
                    texts
                        .chain(numbers)
                        .filter(|(own, _)| key.is_none_or(|key| key == *own))
                        .flat_map(|(_, one)| one)
                        .collect()
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        match (found.is_empty(), self.emptied.get(path)) {
            (true, Some(origin)) => vec![origin],
            _ => found,
        }
    }

    /// The values that others took the place of, by the path of [`Target::origins`], the latest first. They come from
    /// parents, from earlier blocks or files, and from the blocks that an override applies to.
    pub fn replaced(&self) -> &BTreeMap<String, Vec<Origin>> {
        &self.replaced
    }

    /// Remembers what `other` takes the place of, before it does.
    pub(super) fn remember_replaced(&mut self, other: &Target) {
        let mut paths: Vec<String> = Vec::new();
        paths.extend(REPLACED.iter().filter(|name| !other.origins(name).is_empty()).map(|name| (*name).to_owned()));
        let maps = [("args", &other.args), ("labels", &other.labels), ("extra-hosts", &other.extra_hosts)];
        for (name, map) in maps {
            let set = map.iter().filter(|(_, set)| set.value.is_some() || set.origin.dynamic);
            paths.extend(set.map(|(key, _)| format!("{name}.{key}")));
        }
        paths.extend(other.contexts.keys().map(|key| format!("contexts.{key}")));
        fn keys<T: Unique>(name: &str, list: &List<T>, paths: &mut Vec<String>) {
            let keys = list.iter().flatten().filter_map(|set| set.value.key());
            paths.extend(keys.map(|key| format!("{name}.{key}")));
        }
        keys("secret", &other.secret, &mut paths);
        keys("ssh", &other.ssh, &mut paths);
        keys("attest", &other.attest, &mut paths);
        if let Some(resources) = &other.resources {
            let texts = resources.texts().into_iter().filter(|(_, set)| set.is_some()).map(|(name, _)| name);
            let numbers = resources.numbers().into_iter().filter(|(_, set)| set.is_some()).map(|(name, _)| name);
            paths.extend(texts.chain(numbers).map(|name| format!("resources.{name}")));
        }
        for path in paths {
            let old: Vec<Origin> = self.origins(&path).into_iter().cloned().collect();
            let new = other.origins(&path);
            self.remember(path, old, &new);
        }
        for (path, older) in &other.replaced {
            let known = self.replaced.entry(path.clone()).or_default();
            let mut all = older.clone();
            all.append(known);
            *known = all;
            shorten(known);
        }
    }

    /// Remembers what stood at a path and does not stand there any more.
    pub(super) fn remember(&mut self, path: String, old: Vec<Origin>, new: &[&Origin]) {
        let mut gone = old;
        gone.retain(|old| old.trace.is_some() && !new.iter().any(|new| same(old, new)));
        if gone.is_empty() {
            return;
        }
        let known = self.replaced.entry(path).or_default();
        gone.append(known);
        *known = gone;
        shorten(known);
    }
}

/// Drops what is told twice, and the oldest of very many.
fn shorten(origins: &mut Vec<Origin>) {
    let mut kept: Vec<Origin> = Vec::with_capacity(origins.len().min(MAX_REPLACED));
    for origin in origins.drain(..) {
        if kept.len() < MAX_REPLACED && !kept.iter().any(|own| same(own, &origin)) {
            kept.push(origin);
        }
    }
    *origins = kept;
}

/// Whether two origins are the same place.
fn same(a: &Origin, b: &Origin) -> bool {
    let traces = match (&a.trace, &b.trace) {
        (Some(a), Some(b)) => a.span == b.span,
        (None, None) => true,
        _ => false,
    };
    traces && a.source == b.source
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::{BakeError, Definition, DefinitionFile, Eval, Inputs, Sealed, evaluate};
    use crate::source::FileId;

    /// A definition of files, each with name and text; what it evaluates to; and texts of places.
    struct Case {
        definition: Definition,
        evaluation: Evaluation,
        inputs: Inputs,
        host: Sealed,
    }

    impl Case {
        fn new(files: &[(&str, &str)], also: &[(&str, &str)], inputs: Inputs) -> Case {
            let parse =
                |(at, (name, text)): (usize, &(&str, &str))| DefinitionFile::parse(*name, FileId(at as u32), *text);
            let definition = Definition { files: files.iter().enumerate().map(parse).collect() };
            let also = also.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
            let environment = [("TAG", "env"), ("OTHER", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            let host = Sealed { environment: environment.into(), files: also.collect() };
            let evaluation = evaluate(&definition, &inputs, &host);
            Case { definition, evaluation, inputs, host }
        }

        fn target(&self, name: &str) -> Target {
            self.evaluation.resolve(name, &self.inputs, &self.host).expect("the target is sound")
        }

        /// The text at a place, behind the name of its file.
        fn at(&self, span: Span) -> String {
            let (name, text, _) = self.evaluation.source(&self.definition, span).expect("the place is in a file");
            format!("{name}: {}", text.get(span.range()).expect("the place is in the text"))
        }

        /// Each step in words.
        fn steps(&self, target: &Target, path: &str) -> Vec<String> {
            let origins = target.origins(path);
            let steps = self.evaluation.steps(target, origins.first().expect("the path is set"));
            let words = steps.into_iter().map(|step| match step {
                Step::Override(text) => format!("--set {text}"),
                Step::Environment(name) => format!("environment {name}"),
                Step::Inherits { child, parent, .. } => format!("{child} inherits {parent}"),
                Step::Attribute { block, span } => format!("attribute of {block} in {}", self.at(span)),
                Step::Service(name) => format!("service {name}"),
                Step::Extends(span) => format!("extends in {}", self.at(span)),
                Step::Include(span) => format!("include in {}", self.at(span)),
                Step::Name { name, kind, span } => format!("{kind:?} {name} in {}", self.at(span)),
                Step::Given { name, by } => format!("{name} by {by:?}"),
                Step::Default => "default".to_owned(),
            });
            words.collect()
        }

        fn replaced(&self, target: &Target, path: &str) -> Vec<String> {
            let origins = target.replaced().get(path).into_iter().flatten();
            origins.map(|origin| self.at(origin.span().expect("a file says it"))).collect()
        }
    }

    const BASE: &str = r#"
variable "TAG" { default = "dev" }
variable "NAME" { default = "shop" }
prefix = "registry/${NAME}"
target "base" {
  args = { MODE = "slow", V = "1" }
  tags = ["old"]
}
target "mid" { inherits = ["base"] }
target "web" {
  name = "web-${axis}"
  matrix = { axis = ["a", "b"] }
  inherits = ["mid"]
  tags = ["${prefix}:${axis}-${TAG}"]
  target = target.base.args.MODE
}
"#;

    const OVERRIDE: &str = "target \"base\" {\n  args = { MODE = \"fast\" }\n}\n";

    #[test]
    fn the_way_of_a_value_is_told_step_by_step() {
        let overrides = vec!["web-b.dockerfile=x".to_owned()];
        let variables = [("NAME".to_owned(), Eval::Known("flag".to_owned()))].into();
        let inputs = Inputs { overrides, variables, ..Inputs::default() };
        let case = Case::new(&[("base.hcl", BASE), ("override.hcl", OVERRIDE)], &[], inputs);
        let web = case.target("web-b");
        assert_eq!(
            case.steps(&web, "args.MODE"),
            [
                "web-b inherits mid",
                "mid inherits base",
                "attribute of base in override.hcl: args = { MODE = \"fast\" }"
            ]
        );
        assert_eq!(
            case.steps(&web, "tags"),
            [
                "attribute of web-b in base.hcl: tags = [\"${prefix}:${axis}-${TAG}\"]",
                "Constant prefix in base.hcl: \"registry/${NAME}\"",
                "Variable NAME in base.hcl: variable \"NAME\"",
                "NAME by Flag",
                "Axis axis in base.hcl: \"b\"",
                "Variable TAG in base.hcl: variable \"TAG\"",
                "TAG by Environment(\"TAG\")"
            ]
        );
        let reference = case.steps(&web, "target");
        assert_eq!(reference[0], "attribute of web-b in base.hcl: target = target.base.args.MODE");
        assert!(reference[1].starts_with("Attribute target.base.args.MODE in "), "{reference:?}");
        assert_eq!(case.steps(&web, "dockerfile"), ["--set web-b.dockerfile=x"]);
        assert_eq!(case.steps(&web, "context"), ["default"]);
    }

    #[test]
    fn replaced_values_are_remembered() {
        let overrides = vec!["web-a.tags=one".to_owned(), "web-a.args.V=2".to_owned(), "web-b.tags=".to_owned()];
        let inputs = Inputs { overrides, ..Inputs::default() };
        let case = Case::new(&[("base.hcl", BASE), ("override.hcl", OVERRIDE)], &[], inputs);
        let web = case.target("web-a");
        assert_eq!(case.replaced(&web, "args.MODE"), ["base.hcl: \"slow\""]);
        assert_eq!(case.replaced(&web, "args.V"), ["base.hcl: \"1\""]);
        assert_eq!(
            case.replaced(&web, "tags"),
            ["base.hcl: \"${prefix}:${axis}-${TAG}\"", "base.hcl: \"old\""],
            "the latest first"
        );
        assert_eq!(case.steps(&case.target("web-b"), "tags"), ["--set web-b.tags="], "who emptied the list");
        assert!(case.target("mid").replaced().keys().all(|path| path == "args.MODE"));
    }

    #[test]
    fn an_empty_list_replaces_too() {
        let text = "target \"a\" {\n  tags = [\"x\"]\n}\ntarget \"b\" {\n  inherits = [\"a\"]\n  tags = []\n}\n";
        let case = Case::new(&[("docker-bake.hcl", text)], &[], Inputs::default());
        let target = case.target("b");
        assert_eq!(case.replaced(&target, "tags"), ["docker-bake.hcl: \"x\""]);
        assert_eq!(case.steps(&target, "tags"), ["attribute of b in docker-bake.hcl: tags = []"]);
    }

    #[test]
    fn places_in_extended_and_included_compose_files_are_known() {
        let main = "include: [inner/other.yaml]\nservices:\n  web:\n    extends: {file: common.yaml, service: base}\n    build:\n      args: {MODE: fast}\n";
        let common = "services:\n  base:\n    extends: root\n    build:\n      context: src\n      args: {MODE: slow}\n  root:\n    build:\n      target: run\n";
        let other = "services:\n  api:\n    build:\n      dockerfile: api.Dockerfile\n";
        let also = [("common.yaml", common), ("inner/other.yaml", other)];
        let case = Case::new(&[("compose.yaml", main)], &also, Inputs::default());
        assert_eq!(case.evaluation.errors, []);
        let web = case.target("web");
        assert_eq!(case.at(web.target.as_ref().and_then(Set::span).expect("a file says it")), "common.yaml: run");
        assert_eq!(
            case.steps(&web, "target"),
            [
                "service web",
                "extends in compose.yaml: {file: common.yaml, service: base}",
                "extends in common.yaml: root"
            ]
        );
        assert_eq!(case.replaced(&web, "args.MODE"), ["common.yaml: slow"]);
        let api = case.target("api");
        assert_eq!(case.steps(&api, "dockerfile"), ["service api", "include in compose.yaml: inner/other.yaml"]);
        let span = api.dockerfile.as_ref().and_then(Set::span).expect("a file says it");
        assert_eq!(case.at(span), "inner/other.yaml: api.Dockerfile");
    }

    fn messages(errors: &[BakeError]) -> Vec<String> {
        errors.iter().map(BakeError::message).collect()
    }

    #[test]
    fn a_mistake_in_one_target_hides_no_other() {
        let text =
            "target \"bad\" { tags = [NOPE] }\ntarget \"worse\" { tags = 1 }\ntarget \"good\" { tags = [\"x\"] }\n";
        let case = Case::new(&[("docker-bake.hcl", text)], &[], Inputs::default());
        let told = messages(&case.evaluation.errors);
        assert!(told.len() == 2 && told[0].contains("NOPE") && told[1].contains("list of string"), "{told:?}");
        assert_eq!(case.target("good").tags.iter().flatten().count(), 1);

        let text = "services:\n  bad:\n    build: {contextt: .}\n  worse: {}\n  lost:\n    extends: nowhere\n  good:\n    build: .\n";
        let case = Case::new(&[("compose.yaml", text)], &[], Inputs::default());
        let told = messages(&case.evaluation.errors);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("nowhere") && told[1].contains("contextt"), "{told:?}");
        assert!(case.evaluation.target("good").is_some() && case.evaluation.target("bad").is_none());
    }

    #[test]
    fn all_mistakes_of_a_request_are_told() {
        let text = "target \"a\" { inherits = [\"c\"] }\ntarget \"b\" { contexts = { x = \"target:d\" } }\n";
        let inputs = Inputs {
            targets: vec!["a".into(), "b".into(), "e".into()],
            overrides: vec!["a.target=x".into(), "a.tag=x".into(), "z.tags=x".into(), "b.pull=perhaps".into()],
            ..Inputs::default()
        };
        let case = Case::new(&[("docker-bake.hcl", text)], &[], inputs);
        let (plan, mistakes) = case.evaluation.partial_plan(&case.inputs, &case.host);
        let told: Vec<(String, Option<String>)> = mistakes
            .iter()
            .map(|error| {
                (error.message(), error.argument.as_ref().map(|given| given.text[given.range.clone()].to_owned()))
            })
            .collect();
        let at = |message: &str, argument: Option<&str>| (message.to_owned(), argument.map(str::to_owned));
        assert_eq!(
            told,
            [
                at("could not find any target matching 'z'", Some("z.tags")),
                at("failed to find target c", None),
                at("unknown key: tag", Some("tag")),
                at("invalid value perhaps for boolean key pull", Some("perhaps")),
                at("failed to find target e", Some("e")),
                at("failed to find target d", None),
            ]
        );
        assert_eq!(plan.targets["a"].target.as_ref().map(|set| &*set.value), Some("x"), "what fits is applied");
    }

    #[test]
    fn what_buildx_does_otherwise_than_written_is_told() {
        let hcl = "variable \"TAGS\" {\n  type = list(string)\n}\nTAGS = \"a\"\ntarget \"a\" {\n  tags = [\"x\"]\n}\ntarget \"a\" {}\ntarget \"b\" { description = \"${target.a.tags == null}\" }\n";
        let compose = "services:\n  web:\n    build:\n      ulimits: {nofile: 5}\n";
        let inputs = Inputs {
            targets: vec!["a".into()],
            overrides: vec!["a.network=host".into(), "a.ulimits+=nofile=1".into()],
            ..Inputs::default()
        };
        let case = Case::new(&[("docker-bake.hcl", hcl), ("compose.yaml", compose)], &[], inputs);
        let (plan, mistakes) = case.evaluation.partial_plan(&case.inputs, &case.host);
        assert_eq!((&case.evaluation.errors[..], &mistakes[..]), (&[][..], &[][..]));
        let mut told = messages(&case.evaluation.warnings);
        told.extend(messages(&plan.warnings));
        assert_eq!(
            told,
            [
                "the limit `nofile` of service `web` becomes 0:0",
                "the attribute `TAGS` takes the type of the variable `TAGS` away",
                "`target.a.tags` is null here",
                "buildx does not apply `network` as it is written",
                "buildx does not apply `ulimits` as it is written",
            ]
        );
        let all = case.evaluation.warnings.iter().chain(&plan.warnings);
        assert!(
            all.map(|warning| warning.help.as_deref()).all(|help| help.is_some_and(|help| help.contains("trips here")))
        );
    }

    #[test]
    fn an_undeclared_name_is_told_from_a_cycle() {
        let text = "variable \"TAG\" {}\nA = B\nB = A\ntarget \"a\" {\n  tags = [\"${TGA}\", \"${TGA}\"]\n}\n";
        let case = Case::new(&[("docker-bake.hcl", text)], &[], Inputs::default());
        let told = messages(&case.evaluation.errors);
        let help: Vec<&str> = case.evaluation.errors.iter().filter_map(|error| error.help.as_deref()).collect();
        assert!(told.iter().any(|told| told.contains("cycle not allowed for TGA")), "{told:?}");
        assert!(
            help.iter().any(|help| help.contains("trips here") && help.contains("did you mean `TAG`?")),
            "{help:?}"
        );
        assert!(help.contains(&"the values go round: A → B → A"), "{help:?}");
    }

    /// Looks at every place that an evaluation and its plans tell of.
    fn look_at_all_places(case: &Case) {
        let look = |span: Span| _ = case.at(span);
        let all = |errors: &[BakeError]| {
            for error in errors {
                error.span.into_iter().chain(error.labels.iter().map(|(span, _)| *span)).for_each(look);
            }
        };
        all(&case.evaluation.errors);
        all(&case.evaluation.warnings);
        for target in &case.evaluation.targets {
            let inputs = Inputs { targets: vec![target.name.clone()], ..case.inputs.clone() };
            let (plan, mistakes) = case.evaluation.partial_plan(&inputs, &case.host);
            all(&mistakes);
            for target in plan.targets.values() {
                let set = crate::bake::TARGET_ATTRIBUTES.iter().flat_map(|path| target.origins(path));
                for origin in set.chain(target.replaced().values().flatten()) {
                    origin.span().into_iter().for_each(look);
                    for step in case.evaluation.steps(target, origin) {
                        if let Step::Attribute { span, .. } | Step::Name { span, .. } | Step::Extends(span) = step {
                            look(span);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_part_of_a_definition_is_evaluated_with_places_in_its_files() {
        let ends = |text: &str| (0..=text.len()).filter(|end| text.is_char_boundary(*end)).collect::<Vec<_>>();
        for end in ends(BASE) {
            for file in [&BASE[..end], &BASE[end..]] {
                look_at_all_places(&Case::new(&[("a.hcl", file), ("b.hcl", OVERRIDE)], &[], Inputs::default()));
            }
        }
        let also = |common: &str| Case::new(&[("compose.yaml", MAIN)], &[("common.yaml", common)], Inputs::default());
        for end in ends(COMMON) {
            look_at_all_places(&also(&COMMON[..end]));
            look_at_all_places(&also(&COMMON[end..]));
        }
        for end in ends(MAIN) {
            let files = [("compose.yaml", &MAIN[..end])];
            look_at_all_places(&Case::new(&files, &[("common.yaml", COMMON)], Inputs::default()));
        }
    }

    const MAIN: &str = "include: [common.yaml]\nservices:\n  web:\n    extends: {file: common.yaml, service: base}\n    build:\n      args: {MODE: '${TAG:-x}'}\n      ulimits: {nofile: 5}\n";
    const COMMON: &str = "services:\n  base:\n    extends: root\n    build:\n      context: src\n      args: [MODE=slow, N]\n  root:\n    build:\n      target: run\n      x-bake: {tags: a b}\n";
}
