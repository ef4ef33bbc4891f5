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

/// What keeps compose files from being loaded.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub message: String,
    pub span: Option<Span>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Problem { message: message.into(), span: None }
    }
}

impl From<Problem> for BakeError {
    fn from(problem: Problem) -> Self {
        BakeError { span: problem.span, ..BakeError::new(problem.message) }
    }
}

/// The variables that compose files see.
///
/// # Errors
/// When `.env` cannot be read.
fn environment(inputs: &Inputs, host: &dyn Host) -> Result<Environment, Problem> {
    Environment::new(inputs, host).map_err(Problem::new)
}

/// Whether a file can be loaded by itself.
///
/// # Errors
/// With the first mistake.
pub(super) fn validate(file: &ComposeFile<'_>, inputs: &Inputs, host: &dyn Host) -> Result<(), Problem> {
    let environment = environment(inputs, host)?;
    let unnamed = ComposeFile { name: "", ..*file };
    let model = load::load(&[&unnamed], &environment, host)?;
    let (services, _) = sections(&model)?;
    for (_, field) in services.into_iter().flatten() {
        if let Some(service) = field.item.map() {
            services::environment(service, &model.environment, host)?;
        }
    }
    Ok(())
}

/// The services and secrets of a model, checked against the schema.
fn sections(model: &load::Model) -> Result<(Option<&Map>, Option<&Map>), Problem> {
    let services = model.services.as_ref();
    let secrets = model.secrets.as_ref();
    if services.is_none() && secrets.is_none() {
        return Err(Problem::new("empty compose file"));
    }
    schema::check(services, secrets)?;
    Ok((services.and_then(Item::map), secrets.and_then(Item::map)))
}

/// Loads compose files as one definition: targets, and the group `default` of all of them.
///
/// # Errors
/// With the first mistake.
pub(super) fn targets(
    files: &[ComposeFile<'_>],
    inputs: &Inputs,
    host: &dyn Host,
) -> Result<(Vec<Target>, Vec<Group>), Problem> {
    let environment = environment(inputs, host)?;
    let model = load::load(&files.iter().collect::<Vec<_>>(), &environment, host)?;
    let (services, secrets) = sections(&model)?;
    let Some(services) = services.filter(|services| !services.is_empty()) else { return Ok((Vec::new(), Vec::new())) };
    services::check(services, secrets)?;
    let mut targets: Vec<Target> = Vec::new();
    let mut group = Group::new("default");
    for (name, field) in services {
        let Some(service) = field.item.map() else { continue };
        let target = services::target(name, service, field.key, secrets, &model.environment, host, inputs.trace)?;
        let Some(target) = target else { continue };
        let source = Source::Service { name: name.as_str().into() };
        let member = Set::new(target.name.clone(), Origin { source, trace: None, dynamic: false });
        group.targets.get_or_insert_default().push(member);
        match targets.iter_mut().find(|own| own.name == target.name) {
            Some(own) => own.merge(&target),
            None => targets.push(target),
        }
    }
    Ok((targets, vec![group]))
}
