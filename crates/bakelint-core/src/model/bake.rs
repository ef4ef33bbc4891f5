//! Bake definitions of the project, evaluated once for nobody in particular and once for each call.

use std::collections::{BTreeMap, BTreeSet};

use crate::bake::types::Type;
use crate::bake::{
    self, BakeError, CacheOption, Definition, DefinitionFile, Evaluation, Export, Host, Inputs, Origin, Sealed, Set,
    Target, evaluate,
};
use crate::model::build::{Build, BuildArg, Caller, Context, Entry, Maker, NamedContext, ScriptCall};
use crate::model::inline::{Inline, Writing};
use crate::model::paths;
use crate::model::value::{Eval, Text, TextPart, Value};
use crate::snapshot::Snapshot;
use crate::source::{FileId, Span};
use crate::syntax::hcl::{self, ExprKind, TemplateForm};
use crate::syntax::mapped::MappedText;

/// The files of one bake command, evaluated.
#[derive(Debug)]
pub struct Bake {
    /// The folder that the command runs in, relative to the root; `""` is the root.
    pub folder: String,
    /// The files in order.
    pub files: Vec<FileId>,
    /// What the files declare.
    pub definition: Definition,
    /// What they evaluate to with an empty environment.
    pub evaluation: Evaluation,
    /// Whether a step or script of the repository calls it.
    pub called: bool,
}

/// A bake command of a workflow step or script.
#[derive(Debug, Clone)]
pub struct BakeCall {
    /// Index in [`Project::bakes`](crate::model::Project::bakes).
    pub bake: usize,
    /// Who calls.
    pub caller: Option<Caller>,
    /// The script that holds the command.
    pub script: Option<ScriptCall>,
    /// What is asked for; none means `default`.
    pub targets: Vec<(Text, Span)>,
    /// The overrides.
    pub set: Vec<(Text, Span)>,
    /// Overrides that come of other flags and inputs: `*.push=true`.
    pub implied: Vec<(Text, Span)>,
    /// Variables that the caller sets, by `--var` or in the environment.
    pub variables: BTreeMap<String, Text>,
    /// Names of the resolved targets, linked ones included; empty when the call cannot be resolved.
    pub resolved: Vec<String>,
    /// Why bake refuses the call. What the mistakes leave is resolved all the same.
    pub errors: Vec<BakeError>,
    /// Whether the files, targets or overrides are not all known.
    pub open: bool,
}

/// Begins what stands for an unknown part in a value that bake computes with. Private use, so no file has it.
const OPEN: char = '\u{e000}';
/// Ends it.
const CLOSE: char = '\u{e001}';

/// The unknown parts of the texts that go into an evaluation, and back.
#[derive(Debug, Default)]
struct Unknowns {
    words: Vec<String>,
}

impl Unknowns {
    /// The text with a stand-in for each unknown part.
    fn encode(&mut self, text: &Text) -> String {
        let part = |part: &TextPart| match part {
            TextPart::Known(text) => text.clone(),
            TextPart::Unknown(words) => {
                self.words.push(words.clone());
                format!("{OPEN}{}{CLOSE}", self.words.len() - 1)
            }
        };
        text.parts().iter().map(part).collect()
    }

    /// The text behind a value that bake computed.
    fn decode(&self, value: &str) -> Text {
        let mut text = Text::default();
        let mut rest = value;
        while let Some((known, after)) = rest.split_once(OPEN) {
            text.push(TextPart::Known(known.to_owned()));
            let (index, tail) = after.split_once(CLOSE).unwrap_or((after, ""));
            let words = index.parse().ok().and_then(|index: usize| self.words.get(index));
            text.push(TextPart::Unknown(words.cloned().unwrap_or_else(|| index.to_owned())));
            rest = tail;
        }
        text.push(TextPart::Known(rest.to_owned()));
        text
    }
}

impl Bake {
    /// Parses and evaluates the files for a command in a folder. The host tells what is in the folder.
    pub(super) fn new(snapshot: &Snapshot, folder: &str, files: Vec<FileId>, host: &dyn Host) -> Self {
        let parsed = files.iter().filter_map(|file| {
            let source = snapshot.get(*file)?;
            let name = paths::relative_to(&source.path, folder);
            Some(DefinitionFile::parse(name, *file, source.text()))
        });
        let definition = Definition { files: parsed.collect() };
        let evaluation = evaluate(&definition, &Inputs::default(), host);
        Bake { folder: folder.to_owned(), files, definition, evaluation, called: false }
    }

    /// The errors that are there whatever the environment gives for the variables that have no value of their own.
    pub fn certain_errors(&self) -> Vec<&BakeError> {
        let unset = self.evaluation.variables.iter().filter(|(_, variable)| variable.value.is_null());
        let given: BTreeMap<String, bake::Eval<String>> =
            unset.map(|(name, _)| (name.clone(), bake::Eval::Dynamic)).collect();
        let errors = self.evaluation.errors.iter();
        if self.evaluation.errors.is_empty() || given.is_empty() {
            return errors.collect();
        }
        let inputs = Inputs { variables: given, ..Inputs::default() };
        let others = evaluate(&self.definition, &inputs, &Sealed::default()).errors;
        errors.filter(|error| others.iter().any(|other| other.span == error.span)).collect()
    }

    /// Whether a variable takes text as it is, so that text with unknown parts can be put in. Compose files do with all of theirs.
    fn takes_text(&self, name: &str) -> bool {
        self.evaluation.variables.get(name).is_none_or(|variable| match &variable.ty {
            Some(ty) => *ty == Type::String,
            None => variable.value.is_null() || variable.value.as_str().is_some(),
        })
    }

    /// What is asked of the definition by a call, with stand-ins for what is unknown.
    fn inputs(&self, call: &BakeCall, unknowns: &mut Unknowns) -> Inputs {
        let mut inputs = Inputs::default();
        for (text, _) in &call.targets {
            inputs.targets.push(unknowns.encode(text));
        }
        for (text, _) in call.set.iter().chain(&call.implied) {
            inputs.overrides.push(unknowns.encode(text));
        }
        for (name, value) in &call.variables {
            let value = match value.as_known() {
                Some(known) => bake::Eval::Known(known.to_owned()),
                None if self.takes_text(name) => bake::Eval::Known(unknowns.encode(value)),
                None => bake::Eval::Dynamic,
            };
            inputs.variables.insert(name.clone(), value);
        }
        inputs
    }

    /// The builds of a call, and the call with its outcome.
    pub(super) fn call(&self, mut call: BakeCall, host: &dyn Host) -> (BakeCall, Vec<Build>) {
        let mut unknowns = Unknowns::default();
        let inputs = self.inputs(&call, &mut unknowns);
        let own;
        let evaluation = if call.variables.is_empty() {
            &self.evaluation
        } else {
            own = evaluate(&self.definition, &inputs, host);
            &own
        };
        if call.targets.iter().any(|(text, _)| text.as_known().is_none()) {
            // Which targets are asked for is not known, so none is taken for called.
            call.open = true;
            return (call, Vec::new());
        }
        let (plan, errors) = evaluation.partial_plan(&inputs, host);
        call.errors = errors;
        call.resolved = plan.targets.keys().cloned().collect();
        let converter = Converter { bake: self, call: Some(&call), unknowns: &unknowns };
        let builds = plan.targets.values().map(|target| converter.build(target)).collect();
        (call, builds)
    }

    /// The builds of the targets that no call makes, except for those that are only there to be inherited.
    pub(super) fn uncalled(&self, called: &BTreeSet<String>) -> Vec<Build> {
        let unknowns = Unknowns::default();
        let converter = Converter { bake: self, call: None, unknowns: &unknowns };
        let names = self.evaluation.targets.iter().map(|target| target.name.as_str());
        let wanted = names.filter(|name| !called.contains(*name) && self.is_concrete(name));
        wanted.filter_map(|name| Some(converter.build(&self.resolved(name)?))).collect()
    }

    /// Whether a target is there to be built: a member of a group, a context of another target, or neither private by its
    /// name nor a parent.
    pub fn is_concrete(&self, name: &str) -> bool {
        let targets = &self.evaluation.targets;
        let links = |target: &Target| {
            target.contexts.values().any(|context| context.value.strip_prefix("target:") == Some(name))
        };
        let grouped = self.evaluation.groups.iter().any(|group| group.members().any(|member| member == name));
        let member = grouped || targets.iter().any(links);
        let inherits = |target: &Target| target.inherits.iter().any(|parent| parent.value == name);
        member || (!name.starts_with('_') && !targets.iter().any(inherits))
    }

    /// The targets that the pattern of an override matches, as bake matches them: the exact name, else a shell pattern.
    pub fn targets_matching<'b>(&'b self, pattern: &'b str) -> impl Iterator<Item = &'b str> {
        let names = self.evaluation.targets.iter().map(|target| target.name.as_str());
        let exact = self.evaluation.target(pattern).is_some();
        names.filter(
            move |name| if exact { *name == pattern } else { bake::pattern::matches(pattern, name) == Ok(true) },
        )
    }

    /// The place of a target's label; of several blocks the first.
    pub fn target_span(&self, name: &str) -> Option<Span> {
        self.definition.targets().find(|target| target.name() == name).map(|target| target.name_span())
    }
}

/// Turns resolved targets into builds.
struct Converter<'a> {
    bake: &'a Bake,
    call: Option<&'a BakeCall>,
    unknowns: &'a Unknowns,
}

impl Converter<'_> {
    /// Where a value is defined: the `--set` text, else its expression, else `otherwise`.
    fn span(&self, origin: &Origin, otherwise: Span) -> Span {
        if let (bake::Source::Override(text), Some(call)) = (&origin.source, self.call) {
            let own = |(given, _): &&(Text, Span)| self.unknowns.decode(text).to_string() == given.to_string();
            if let Some((_, span)) = call.set.iter().chain(&call.implied).find(own) {
                return *span;
            }
        }
        origin.span().unwrap_or(otherwise)
    }

    /// A text of the evaluation. One that depends on something unknown without showing it is wholly unknown.
    fn text(&self, value: &str, origin: &Origin) -> Text {
        let decoded = self.unknowns.decode(value);
        if decoded.as_known().is_some() && (origin.dynamic || self.hides_unknown(origin)) {
            let uses: Vec<&str> = origin.uses().iter().map(|name| &**name).collect();
            return Text::unknown(uses.join("+"));
        }
        decoded
    }

    /// Whether the value was computed from a variable that is not known.
    fn hides_unknown(&self, origin: &Origin) -> bool {
        let unknown = |name: &str| {
            self.call.is_some_and(|call| call.variables.get(name).is_some_and(|value| value.as_known().is_none()))
        };
        origin.uses().iter().any(|name| unknown(name))
    }

    fn placed(&self, set: &Set<String>, otherwise: Span) -> (Text, Span) {
        (self.text(&set.value, &set.origin), self.span(&set.origin, otherwise))
    }

    fn known(&self, set: &Set<String>, otherwise: Span) -> Value<String> {
        let (text, span) = self.placed(set, otherwise);
        Value { eval: text.as_known().map(str::to_owned).into(), span }
    }

    /// The place of an entry's key in the block's attribute that sets it.
    fn key_span(&self, origin: &Origin, key: &str) -> Option<Span> {
        let bake::Source::Block { attribute, .. } = &origin.source else { return None };
        let blocks = self.bake.definition.targets();
        let mut attributes = blocks.flat_map(|target| target.attributes()).filter(|other| other.span == *attribute);
        let ExprKind::Object(object) = &attributes.next()?.value.kind else { return None };
        object.entries.iter().rev().find(|entry| entry.name() == Some(key)).map(|entry| entry.key.span)
    }

    fn flag(&self, set: Option<&Set<bool>>) -> Eval<bool> {
        match set {
            None => Eval::Known(false),
            Some(set) if set.origin.dynamic || self.hides_unknown(&set.origin) => Eval::Dynamic,
            Some(set) => Eval::Known(set.value),
        }
    }

    fn entry<T>(&self, set: &Set<T>, kind: &str, options: &BTreeMap<String, String>, otherwise: Span) -> Entry {
        // Text without `=` is the reference of a registry, but one that is wholly unknown may have a `type` of its own.
        let whole = (options.len() == 1).then(|| options.get("ref")).flatten();
        let whole = whole.map(|text| self.unknowns.decode(text));
        let unknown = whole.filter(|text| matches!(text.parts(), [TextPart::Unknown(_)]));
        Entry {
            kind: unknown.unwrap_or_else(|| self.text(kind, &set.origin)),
            options: options.iter().map(|(name, value)| (name.clone(), self.unknowns.decode(value))).collect(),
            span: self.span(&set.origin, otherwise),
        }
    }

    fn cache(&self, list: &bake::List<CacheOption>, otherwise: Span) -> Vec<Entry> {
        list.iter().flatten().map(|set| self.entry(set, &set.value.kind, &set.value.attributes, otherwise)).collect()
    }

    fn export(&self, set: &Set<Export>, otherwise: Span) -> Entry {
        let mut entry = self.entry(set, &set.value.kind, &set.value.attributes, otherwise);
        if !set.value.destination.is_empty() {
            entry.options.push(("dest".into(), self.unknowns.decode(&set.value.destination)));
        }
        entry
    }

    fn context(&self, text: &Text) -> Context {
        let Some(known) = text.as_known() else { return Context::Dynamic };
        if let Some(target) = known.strip_prefix("target:") {
            return Context::Target(target.to_owned());
        }
        if let Some(image) = known.strip_prefix("docker-image:") {
            return Context::Image(Text::known(image.trim_start_matches("//")));
        }
        if bake::is_remote(known) || known.starts_with("oci-layout://") || known.starts_with('/') {
            return Context::Remote(text.clone());
        }
        match paths::join(&self.bake.folder, known.strip_prefix("cwd://").unwrap_or(known)) {
            Some(folder) => Context::Folder(folder),
            None => Context::Remote(text.clone()),
        }
    }

    /// The text of a Dockerfile in the definition, with the places of what is written there; what is computed stands at its expression.
    fn inline(&self, set: &Set<String>) -> Option<Inline> {
        let value = set.value.as_str();
        if value.contains(OPEN) || set.origin.dynamic || self.hides_unknown(&set.origin) {
            return None;
        }
        let bake::Source::Block { attribute, .. } = &set.origin.source else { return None };
        let blocks = self.bake.definition.targets();
        let attribute = blocks.flat_map(|target| target.attributes()).find(|other| other.span == *attribute)?;
        let (parts, writing) = parts_of(&attribute.value);
        let mut text = MappedText::empty(attribute.span.file, attribute.value.span.start as usize);
        let mut rest = value;
        for (at, part) in parts.iter().enumerate() {
            match &part.kind {
                ExprKind::Text(literal) => {
                    rest = rest.strip_prefix(literal.value.as_str())?;
                    text.push_mapped(&literal.mapped(part.span));
                }
                _ => {
                    let next = parts[at + 1..].iter().find_map(|part| match &part.kind {
                        ExprKind::Text(literal) if !literal.value.is_empty() => Some(literal.value.as_str()),
                        _ => None,
                    });
                    let end = match (next, parts.get(at + 1)) {
                        (Some(next), Some(_)) => rest.find(next)?,
                        _ => rest.len(),
                    };
                    text.push_for(part.span.range(), &rest[..end]);
                    rest = &rest[end..];
                }
            }
        }
        let file = self.bake.definition.source(attribute.span).map(|(_, text, lines)| (text, lines));
        rest.is_empty().then(|| Inline::new(text, writing, file))
    }

    fn build(&self, target: &Target) -> Build {
        let file = self.bake.files.first().copied().unwrap_or(FileId(0));
        let span = self.bake.target_span(&target.name).or_else(|| first_span(target)).unwrap_or(Span::at(file, 0));
        let maker = Maker::Target { bake: 0, name: target.name.clone() };
        let mut build = Build::new(maker, target.name.clone(), span);
        build.caller = self.call.and_then(|call| call.caller.clone());
        build.script = self.call.and_then(|call| call.script.clone());
        let unknown = |name: &str| target.unknown.contains_key(name);
        if let Some(context) = &target.context {
            let (text, span) = self.placed(context, span);
            build.context = if unknown("context") { Context::Dynamic } else { self.context(&text) };
            build.context_span = context.span().map(|_| span);
        }
        if let Some(dockerfile) = &target.dockerfile
            && target.dockerfile_inline.is_none()
            && !unknown("dockerfile")
            && !unknown("dockerfile-inline")
        {
            let named = self.known(dockerfile, span);
            let path = match (&build.context, named.eval.known()) {
                (_, Some(path)) if path.starts_with("cwd://") => {
                    Eval::from(paths::join(&self.bake.folder, path.trim_start_matches("cwd://")))
                }
                (Context::Folder(folder), Some(path)) => Eval::from(paths::join(folder, path)),
                _ => Eval::Dynamic,
            };
            build.dockerfile_path = Some(Value { eval: path, span: named.span });
        }
        build.inline = target
            .dockerfile_inline
            .as_ref()
            .filter(|_| !unknown("dockerfile-inline"))
            .and_then(|set| self.inline(set));
        build.target = target.target.as_ref().filter(|_| !unknown("target")).map(|stage| self.known(stage, span));
        for (name, value) in &target.args {
            let place = self.span(&value.origin, span);
            let text = match &value.value {
                Some(text) => self.text(text, &value.origin),
                None => continue,
            };
            let name_span = self.key_span(&value.origin, name).unwrap_or(place);
            build.args.push(BuildArg { name: name.clone(), value: text, name_span, span: place });
        }
        for (name, context) in &target.contexts {
            let (text, place) = self.placed(context, span);
            build.contexts.push(NamedContext { name: name.clone(), context: self.context(&text), span: place });
        }
        build.platforms_known = !unknown("platforms");
        build.platforms = target.platforms.iter().flatten().map(|platform| self.known(platform, span)).collect();
        build.tags_known = !unknown("tags");
        build.tags = target.tags.iter().flatten().map(|tag| self.placed(tag, span)).collect();
        build.cache_known = !unknown("cache-from") && !unknown("cache-to");
        build.cache_from = self.cache(&target.cache_from, span);
        build.cache_to = self.cache(&target.cache_to, span);
        // What is inherited does not count where the target's own value cannot be told.
        let outputs = target.output.iter().flatten().filter(|_| !unknown("output"));
        build.outputs = outputs.map(|output| self.export(output, span)).collect();
        let pushes = |entry: &Entry| entry.is("registry") || entry.get("push").and_then(Text::as_known) == Some("true");
        build.push = if unknown("output") { Eval::Dynamic } else { Eval::Known(build.outputs.iter().any(pushes)) };
        build.load = Eval::Known(build.outputs.iter().any(|entry| entry.is("docker")));
        build.no_cache = self.flag(target.no_cache.as_ref());
        build.pull = self.flag(target.pull.as_ref());
        for (name, value) in &target.labels {
            if let Some(text) = &value.value {
                build.labels.push((name.clone(), self.text(text, &value.origin), self.span(&value.origin, span)));
            }
        }
        build.secrets = target
            .secret
            .iter()
            .flatten()
            .map(|secret| (secret.value.id.clone(), self.span(&secret.origin, span)))
            .collect();
        build
    }
}

/// The parts of a template, literal or not, and how it is written.
fn parts_of(expr: &hcl::Expr) -> (&[hcl::Expr], Writing) {
    let mut expr = expr;
    let mut quoted = false;
    loop {
        match &expr.kind {
            ExprKind::Parens(inner) => expr = inner,
            ExprKind::Json(json) => match &json.template {
                Ok(inner) => {
                    quoted = true;
                    expr = inner;
                }
                Err(_) => return (std::slice::from_ref(expr), Writing::Opaque),
            },
            ExprKind::Template(template) => {
                let writing = match template.form {
                    TemplateForm::Heredoc | TemplateForm::FlushHeredoc => Writing::Template,
                    TemplateForm::Quoted => Writing::Quoted,
                    TemplateForm::Bare if quoted => Writing::Quoted,
                    TemplateForm::Bare => Writing::Opaque,
                };
                return (&template.parts, writing);
            }
            _ => {
                let writing = if quoted { Writing::Quoted } else { Writing::Opaque };
                return (std::slice::from_ref(expr), writing);
            }
        }
    }
}

/// A place for a target that no block of its own declares, such as a member of a matrix.
fn first_span(target: &Target) -> Option<Span> {
    let texts =
        target.context.iter().chain(&target.dockerfile).chain(&target.target).chain(target.tags.iter().flatten());
    texts.filter_map(Set::span).next()
}
