//! Compose files as definitions: every service with a build is a target.

mod data;
mod environment;
mod interpolate;
mod load;
mod merge;
mod schema;
mod services;
mod short;

use super::error::BakeError;
use super::host::Host;
use super::included::Reader;
use super::inputs::Inputs;
use super::target::{Group, Origin, Set, Source, Target};
use crate::source::Span;
use crate::syntax::SyntaxError;
use crate::syntax::yaml::Tree;
use data::{Item, Map};
use environment::Environment;
pub(crate) use environment::parse_env;

/// A compose file, parsed.
pub(super) struct ComposeFile<'f> {
    /// The name as given.
    pub name: &'f str,
    /// Its text.
    pub text: &'f str,
    pub tree: &'f Tree,
    pub errors: &'f [SyntaxError],
}

/// What keeps compose files from being loaded, as a whole or but for a service.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub message: String,
    pub span: Option<Span>,
    /// What led to the place, each with a note.
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Problem { message: message.into(), span: None, labels: Vec::new(), help: None }
    }

    fn at(span: Span, message: impl Into<String>) -> Self {
        Problem { span: Some(span), ..Problem::new(message) }
    }

    /// The same with the name that is probably meant.
    fn with_near<'n>(mut self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        self.help = crate::suggest::nearest(name, known).map(|near| format!("did you mean `{near}`?"));
        self
    }

    /// The same in a file that another leads to at `span`.
    fn reached_by(mut self, span: Span, note: &str) -> Self {
        match self.span {
            None => self.span = Some(span),
            Some(own) if own == span => {}
            Some(_) => self.labels.push((span, note.to_owned())),
        }
        self
    }
}

impl From<Problem> for BakeError {
    fn from(problem: Problem) -> Self {
        let Problem { message, span, labels, help } = problem;
        BakeError { span, labels, help, ..BakeError::new(message) }
    }
}

/// The variables that compose files see.
///
/// # Errors
/// When `.env` cannot be read.
fn environment(inputs: &Inputs, host: &dyn Host) -> Result<Environment, Problem> {
    Environment::new(inputs, host).map_err(Problem::new)
}

/// What keeps a file from being loaded by itself.
pub(super) fn validate(file: &ComposeFile<'_>, inputs: &Inputs, reader: &Reader<'_>) -> Vec<Problem> {
    let unnamed = ComposeFile { name: "", ..*file };
    let mut problems = Vec::new();
    let Some(model) = model(&[&unnamed], inputs, reader, &mut problems) else { return problems };
    for field in model.sections().0.into_iter().flatten().map(|(_, field)| field) {
        if let Some(service) = field.item.map() {
            problems.extend(services::environment(service, &model.environment, reader.host).err());
        }
    }
    problems
}

/// The model of files, checked against the schema; none if not even a part of it can be told.
fn model(
    files: &[&ComposeFile<'_>],
    inputs: &Inputs,
    reader: &Reader<'_>,
    problems: &mut Vec<Problem>,
) -> Option<load::Model> {
    let loaded = environment(inputs, reader.host).and_then(|environment| load::load(files, &environment, reader));
    let (mut model, found) = match loaded {
        Ok(loaded) => loaded,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    problems.extend(found);
    if model.services.is_none() && model.secrets.is_none() {
        if model.broken.is_empty() {
            problems.push(Problem::new("empty compose file"));
        }
        return None;
    }
    let checked = schema::check(model.services.as_ref(), model.secrets.as_ref());
    for (service, problem) in checked {
        problems.push(problem);
        let services = model.services.as_mut().and_then(Item::map_mut);
        if let (Some(services), Some(name)) = (services, service) {
            services.remove(&name);
            model.broken.insert(name);
        }
    }
    Some(model)
}

impl load::Model {
    /// Services and secrets.
    fn sections(&self) -> (Option<&Map>, Option<&Map>) {
        (self.services.as_ref().and_then(Item::map), self.secrets.as_ref().and_then(Item::map))
    }
}

/// What compose files define.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub targets: Vec<Target>,
    /// The group `default` of all services with a build.
    pub groups: Vec<Group>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What buildx reads otherwise than it is written.
    pub warnings: Vec<Problem>,
}

/// Compose files as one definition. A mistake in one service hides no other.
pub(super) fn targets(files: &[ComposeFile<'_>], inputs: &Inputs, reader: &Reader<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let Loaded { targets, groups, problems, warnings } = &mut loaded;
    let files: Vec<&ComposeFile<'_>> = files.iter().collect();
    let Some(model) = model(&files, inputs, reader, problems) else { return loaded };
    let (services, secrets) = model.sections();
    let Some(services) = services.filter(|services| !services.is_empty()) else { return loaded };
    services::check(services, secrets, &model.broken, problems);
    let mut group = Group::new("default");
    for (name, field) in services {
        let Some(service) = field.item.map() else { continue };
        warnings.extend(services::single_limits(name, service));
        let target = services::target(name, service, field.key, secrets, &model.environment, reader.host, inputs.trace);
        let target = match target {
            Ok(Some(target)) => target,
            Ok(None) => continue,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let source = Source::Service { name: name.as_str().into(), via: None };
        let member = Set::new(target.name.clone(), Origin { source, trace: None, dynamic: false });
        group.targets.get_or_insert_default().push(member);
        match targets.iter_mut().find(|own| own.name == target.name) {
            Some(own) => own.merge(&target),
            None => targets.push(target),
        }
    }
    groups.push(group);
    loaded
}
