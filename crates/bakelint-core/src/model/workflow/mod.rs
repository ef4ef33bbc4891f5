//! GitHub Actions workflows and actions: triggers, jobs, steps, with the place of everything.
//!
//! Values stay as they are written, as templates; a [`Scope`] says what they are worth in a job, a leg of its matrix and
//! a step. What does not have the shape that GitHub asks for is simply not there; what GitHub itself refuses is also a
//! [`SyntaxError`](crate::syntax::SyntaxError).

mod filter;
mod matrix;
mod read;
mod scope;

pub use filter::{filter_includes, pattern_matches};
pub use matrix::{Axis, Leg, Matrix, MatrixItem};
pub use scope::Scope;
pub(in crate::model) use scope::may_set;

use std::collections::BTreeSet;

use crate::edit::Edit;
use crate::model::value::Eval;
use crate::source::{FileId, Span, Spanned};
use crate::syntax::expression::{Expr, Template};
use crate::syntax::mapped::MappedText;
use crate::syntax::yaml::{CoreValue, NodeId, ScalarStyle, Tree};

/// A workflow file.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The file.
    pub file: FileId,
    /// Its tree, for edits and comments.
    pub tree: Tree,
    /// `name`
    pub name: Option<Field>,
    /// `run-name`
    pub run_name: Option<Field>,
    /// Place of the whole `on` entry.
    pub on: Option<Span>,
    /// The events of `on`.
    pub triggers: Vec<Trigger>,
    /// `env`
    pub env: Map,
    /// `permissions`
    pub permissions: Option<Permissions>,
    /// `concurrency`
    pub concurrency: Option<Concurrency>,
    /// `defaults.run`
    pub defaults: Defaults,
    /// The jobs, in order.
    pub jobs: Vec<Job>,
}

/// A composite, Docker or JavaScript action (`action.yml`).
#[derive(Debug, Clone)]
pub struct Action {
    /// The file.
    pub file: FileId,
    /// Its tree, for edits and comments.
    pub tree: Tree,
    /// `name`
    pub name: Option<Field>,
    /// `description`
    pub description: Option<Field>,
    /// `inputs`
    pub inputs: Vec<Input>,
    /// Names of `outputs` with their `value`.
    pub outputs: Map,
    /// `runs.using`: `composite`, `docker`, `node24`.
    pub using: Option<Field>,
    /// `runs.image` of a Docker action: a Dockerfile beside the action, or `docker://IMAGE`.
    pub image: Option<Field>,
    /// `runs.args` of a Docker action.
    pub args: Vec<Scalar>,
    /// `runs.env` of a Docker action.
    pub env: Map,
    /// `runs.steps` of a composite action.
    pub steps: Vec<Step>,
}

/// A scalar with the expressions in it.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The token, with its quotes or its `|`.
    pub span: Span,
    /// The node in the file's tree, for edits.
    pub node: NodeId,
    /// How it is written.
    pub style: ScalarStyle,
    /// The decoded text with the place of every byte: what the shell of a `run:` gets, its expressions not yet put in.
    pub text: MappedText,
    /// The text taken apart.
    pub template: Template,
}

impl Scalar {
    /// The text, if there is no expression in it.
    pub fn known(&self) -> Option<&str> {
        self.template.as_text()
    }

    /// The text with its place, if there is no expression in it.
    pub fn spanned(&self) -> Option<Spanned<&str>> {
        self.known().map(|text| Spanned::new(text, self.span))
    }

    /// Whether an expression is in it.
    pub fn is_dynamic(&self) -> bool {
        self.template.as_text().is_none()
    }

    /// The type that YAML gives it; text if an expression is in it.
    pub fn typed(&self) -> CoreValue {
        match (self.style, self.known()) {
            (ScalarStyle::Plain, Some(text)) => crate::syntax::yaml::core(text),
            _ => CoreValue::Text,
        }
    }

    /// The value of a switch, as the toolkit reads an action's input: `true` or `false` in any of YAML's spellings, quoted
    /// or not.
    pub fn as_bool(&self) -> Eval<Option<bool>> {
        match self.known() {
            None => Eval::Dynamic,
            Some(text) => Eval::Known(match text.trim() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            }),
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        self.known()?.trim().parse().ok()
    }

    /// The lines that hold something, without blanks around them and with their places: how inputs such as `tags` or
    /// `cache-from` of Docker's actions are lists. The lines are of the text before expressions are put in.
    pub fn lines(&self) -> Vec<MappedText> {
        let text = self.text.as_str();
        let mut start = 0;
        let mut lines = Vec::new();
        for line in text.split('\n') {
            let trimmed = line.trim();
            let at = start + line.len() - line.trim_start().len();
            if !trimmed.is_empty() {
                lines.push(self.text.slice(at..at + trimmed.len()));
            }
            start += line.len() + 1;
        }
        lines
    }
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Field<T = Scalar> {
    /// The key.
    pub name: Spanned<String>,
    /// From the key to the end of the value.
    pub entry: Span,
    /// The value.
    pub value: T,
}

impl Field {
    /// The value's text, if there is no expression in it.
    pub fn known(&self) -> Option<&str> {
        self.value.known()
    }
}

/// Names with values: `env`, `with`, `outputs`, `secrets`.
#[derive(Debug, Clone, Default)]
pub struct Map {
    /// From the key of the mapping to its end; nothing if it is not there.
    pub entry: Option<Span>,
    /// The mapping's node in the file's tree, for edits.
    pub node: Option<NodeId>,
    /// The entries whose value is a scalar, in order.
    pub fields: Vec<Field>,
    /// Whether the whole is an expression, so that its names are not known.
    pub dynamic: bool,
}

impl Map {
    /// The entry of this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().rfind(|field| field.name.node == name)
    }

    /// The entry of this name in any case, as names of inputs are compared.
    pub fn get_any_case(&self, name: &str) -> Option<&Field> {
        self.fields.iter().rfind(|field| field.name.node.eq_ignore_ascii_case(name))
    }
}

/// An event that starts the workflow.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The event: `push`, `pull_request`, `workflow_dispatch`.
    pub event: Spanned<String>,
    /// From the event's name to the end of its settings.
    pub entry: Span,
    /// The node of its settings, if it has any.
    pub node: Option<NodeId>,
    /// `types`
    pub types: Vec<Scalar>,
    /// `branches`
    pub branches: Option<Vec<Scalar>>,
    /// `branches-ignore`
    pub branches_ignore: Option<Vec<Scalar>>,
    /// `tags`
    pub tags: Option<Vec<Scalar>>,
    /// `tags-ignore`
    pub tags_ignore: Option<Vec<Scalar>>,
    /// `paths`
    pub paths: Option<Vec<Scalar>>,
    /// `paths-ignore`
    pub paths_ignore: Option<Vec<Scalar>>,
    /// `workflows` of `workflow_run`
    pub workflows: Vec<Scalar>,
    /// `cron` of `schedule`
    pub cron: Vec<Scalar>,
    /// `inputs` of `workflow_dispatch` and `workflow_call`
    pub inputs: Vec<Input>,
    /// `outputs` of `workflow_call`: each `value`
    pub outputs: Map,
}

impl Trigger {
    /// Whether a change of `path` passes the path filters.
    pub fn admits_path(&self, path: &str) -> bool {
        admits(&self.paths, &self.paths_ignore, path)
    }

    /// Whether the branch filters let `branch` pass. A `push` that filters tags alone is for no branch.
    pub fn admits_branch(&self, branch: &str) -> bool {
        let unfiltered = self.branches.is_none() && self.branches_ignore.is_none();
        let tags_only = self.tags.is_some() || self.tags_ignore.is_some();
        if unfiltered && tags_only {
            return false;
        }
        admits(&self.branches, &self.branches_ignore, branch)
    }

    /// Whether the tag filters let `tag` pass. A `push` that filters branches alone is for no tag.
    pub fn admits_tag(&self, tag: &str) -> bool {
        let unfiltered = self.tags.is_none() && self.tags_ignore.is_none();
        let branches_only = self.branches.is_some() || self.branches_ignore.is_some();
        if unfiltered && branches_only {
            return false;
        }
        admits(&self.tags, &self.tags_ignore, tag)
    }
}

fn admits(only: &Option<Vec<Scalar>>, ignore: &Option<Vec<Scalar>>, name: &str) -> bool {
    let patterns = |list: &Vec<Scalar>| list.iter().map(|item| item.text.as_str().to_owned()).collect::<Vec<_>>();
    match (only, ignore) {
        (Some(only), _) => filter_includes(&patterns(only), name),
        (None, Some(ignore)) => !filter_includes(&patterns(ignore), name),
        (None, None) => true,
    }
}

/// An input of an action, of `workflow_dispatch` or of `workflow_call`.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub name: Spanned<String>,
    /// From the name to the end of its settings.
    pub entry: Span,
    /// `default`
    pub default: Option<Field>,
    /// `type`
    pub kind: Option<Field>,
    /// `required`
    pub required: Option<Field>,
    /// `description`
    pub description: Option<Field>,
}

/// Rights of the token.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// From the key to the end.
    pub entry: Span,
    /// `read-all` or `write-all`.
    pub all: Option<Scalar>,
    /// Rights by scope, such as `packages: write`. A scope that is not named has none.
    pub scopes: Map,
}

/// What may run at the same time.
#[derive(Debug, Clone)]
pub struct Concurrency {
    /// From the key to the end.
    pub entry: Span,
    /// The node of the value, for edits.
    pub node: NodeId,
    /// The group, also where it is the whole value.
    pub group: Option<Scalar>,
    /// `cancel-in-progress`
    pub cancel_in_progress: Option<Field>,
}

/// `defaults.run`
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `shell`
    pub shell: Option<Field>,
    /// `working-directory`
    pub working_directory: Option<Field>,
}

/// An `if:`.
#[derive(Debug, Clone)]
pub struct Condition {
    /// From the key to the end of the value.
    pub entry: Span,
    /// The value.
    pub span: Span,
    /// The node in the file's tree, for edits.
    pub node: NodeId,
    /// The decoded text.
    pub text: MappedText,
    /// The condition, if GitHub can read it.
    pub expr: Option<Expr>,
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its key.
    pub id: Spanned<String>,
    /// From the key to the end of the job.
    pub entry: Span,
    /// The node of the job's mapping, for edits.
    pub node: NodeId,
    /// `name`
    pub name: Option<Field>,
    /// `needs`, with each name's place.
    pub needs: Vec<Spanned<String>>,
    /// The whole `needs` entry.
    pub needs_entry: Option<Span>,
    /// `if`
    pub condition: Option<Condition>,
    /// `runs-on`
    pub runs_on: Option<RunsOn>,
    /// `strategy`
    pub strategy: Option<Strategy>,
    /// `env`
    pub env: Map,
    /// `permissions`
    pub permissions: Option<Permissions>,
    /// `concurrency`
    pub concurrency: Option<Concurrency>,
    /// `defaults.run`
    pub defaults: Defaults,
    /// `environment`, also where it is a mapping with a `name`.
    pub environment: Option<Scalar>,
    /// `timeout-minutes`
    pub timeout_minutes: Option<Field>,
    /// `continue-on-error`
    pub continue_on_error: Option<Field>,
    /// `outputs`
    pub outputs: Map,
    /// `container`
    pub container: Option<Container>,
    /// `services`
    pub services: Vec<Container>,
    /// The reusable workflow that the job calls.
    pub uses: Option<Uses>,
    /// Inputs of the reusable workflow.
    pub with: Map,
    /// Secrets of the reusable workflow.
    pub secrets: Map,
    /// `secrets: inherit`
    pub inherits_secrets: bool,
    /// The steps.
    pub steps: Vec<Step>,
}

/// `runs-on`
#[derive(Debug, Clone)]
pub struct RunsOn {
    /// From the key to the end.
    pub entry: Span,
    /// The labels.
    pub labels: Vec<Scalar>,
    /// `group`
    pub group: Option<Scalar>,
}

/// `strategy`
#[derive(Debug, Clone)]
pub struct Strategy {
    /// From the key to the end.
    pub entry: Span,
    /// `matrix`
    pub matrix: Option<Matrix>,
    /// `fail-fast`
    pub fail_fast: Option<Field>,
    /// `max-parallel`
    pub max_parallel: Option<Field>,
}

/// `container` or one of `services`.
#[derive(Debug, Clone)]
pub struct Container {
    /// The service's name; `container` for the job's own.
    pub name: Spanned<String>,
    /// From the name to the end.
    pub entry: Span,
    /// The node of the value, for edits.
    pub node: NodeId,
    /// The image, also where it is the whole value.
    pub image: Option<Scalar>,
    /// `env`
    pub env: Map,
    /// `options`: flags of `docker create`.
    pub options: Option<Field>,
    /// `ports`
    pub ports: Vec<Scalar>,
    /// `volumes`
    pub volumes: Vec<Scalar>,
    /// `credentials`
    pub credentials: Map,
}

/// A step.
#[derive(Debug, Clone)]
pub struct Step {
    /// From the first key to the end, without the `-`.
    pub span: Span,
    /// The node of the step's mapping, for edits.
    pub node: NodeId,
    /// `id`
    pub id: Option<Field>,
    /// `name`
    pub name: Option<Field>,
    /// `if`
    pub condition: Option<Condition>,
    /// `uses`
    pub uses: Option<Uses>,
    /// `with`
    pub with: Map,
    /// `env`
    pub env: Map,
    /// `run`
    pub run: Option<Field>,
    /// `shell`
    pub shell: Option<Field>,
    /// `working-directory`
    pub working_directory: Option<Field>,
    /// `continue-on-error`
    pub continue_on_error: Option<Field>,
    /// `timeout-minutes`
    pub timeout_minutes: Option<Field>,
}

impl Step {
    /// An input of the action, by its name in any case.
    pub fn input(&self, name: &str) -> Option<&Field> {
        self.with.get_any_case(name)
    }

    /// Whether the step uses the action at `owner/name` or `owner/name/path`, in any version.
    pub fn uses_action(&self, action: &str) -> bool {
        self.uses.as_ref().is_some_and(|uses| uses.reference.is(action))
    }

    /// What GitHub calls the step: its name, or what it does.
    pub fn title(&self) -> String {
        let text = |field: &Option<Field>| field.as_ref().map(|field| field.value.text.as_str().to_owned());
        let first_line = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
        text(&self.name)
            .or_else(|| self.uses.as_ref().map(|uses| format!("Run {}", uses.value.text.as_str())))
            .or_else(|| text(&self.run).map(|run| format!("Run {}", first_line(run))))
            .unwrap_or_default()
    }
}

/// `uses`
#[derive(Debug, Clone)]
pub struct Uses {
    /// From the key to the end of the value.
    pub entry: Span,
    /// The value.
    pub value: Scalar,
    /// What it names.
    pub reference: ActionRef,
}

/// What a `uses` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionRef {
    /// `owner/repository/path@ref`
    Repository {
        /// The owner.
        owner: String,
        /// The repository.
        repository: String,
        /// The folder of the action or the file of the workflow; empty for an action at the root.
        path: String,
        /// Branch, tag or commit, with its place.
        version: Spanned<String>,
    },
    /// `./path`, in the repository itself.
    Local(String),
    /// `docker://image`
    Docker(String),
    /// GitHub would refuse it.
    Invalid,
}

impl ActionRef {
    /// Reads the value of a `uses`.
    pub fn parse(text: &MappedText) -> ActionRef {
        let value = text.as_str();
        if value.starts_with("./") || value.starts_with(".\\") {
            return ActionRef::Local(value.to_owned());
        }
        if let Some(image) = value.strip_prefix("docker://") {
            return ActionRef::Docker(image.to_owned());
        }
        let Some((name, version)) = value.split_once('@') else { return ActionRef::Invalid };
        let mut parts = name.splitn(3, '/');
        let (owner, repository) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if owner.is_empty() || repository.is_empty() || version.is_empty() {
            return ActionRef::Invalid;
        }
        ActionRef::Repository {
            owner: owner.to_owned(),
            repository: repository.to_owned(),
            path: parts.next().unwrap_or_default().to_owned(),
            version: Spanned::new(version.to_owned(), text.span_of(name.len() + 1..value.len())),
        }
    }

    /// `owner/repository`, with `/path` where there is one.
    pub fn name(&self) -> Option<String> {
        match self {
            ActionRef::Repository { owner, repository, path, .. } if path.is_empty() => {
                Some(format!("{owner}/{repository}"))
            }
            ActionRef::Repository { owner, repository, path, .. } => Some(format!("{owner}/{repository}/{path}")),
            _ => None,
        }
    }

    /// Whether it is the action of this name, in any case and any version.
    pub fn is(&self, action: &str) -> bool {
        self.name().is_some_and(|name| name.eq_ignore_ascii_case(action))
    }

    /// The version, with its place.
    pub fn version(&self) -> Option<Spanned<&str>> {
        match self {
            ActionRef::Repository { version, .. } => Some(Spanned::new(version.node.as_str(), version.span)),
            _ => None,
        }
    }

    /// The numbers of a version tag: `v6` is `[6]`, `6.1.0` is `[6, 1, 0]`; nothing for branches and commits.
    pub fn version_numbers(&self) -> Option<Vec<u64>> {
        let version = self.version()?.node;
        version.strip_prefix('v').unwrap_or(version).split('.').map(|part| part.parse().ok()).collect()
    }

    /// Whether the version is a full commit hash, which nobody can move.
    pub fn is_commit(&self) -> bool {
        let hash = |version: &str| matches!(version.len(), 40 | 64) && version.bytes().all(|b| b.is_ascii_hexdigit());
        self.version().is_some_and(|version| hash(version.node))
    }
}

impl Workflow {
    /// The settings of an event; nothing if it does not start the workflow.
    pub fn trigger(&self, event: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.event.node == event)
    }

    /// Whether the event starts the workflow.
    pub fn runs_on(&self, event: &str) -> bool {
        self.trigger(event).is_some()
    }

    /// Whether a pull request starts the workflow with the rights and the code of its branch, which may be a fork.
    pub fn runs_on_pull_request(&self) -> bool {
        self.runs_on("pull_request")
    }

    /// Whether no other events than these start the workflow.
    pub fn runs_only_on(&self, events: &[&str]) -> bool {
        !self.triggers.is_empty() && self.triggers.iter().all(|trigger| events.contains(&trigger.event.node.as_str()))
    }

    /// Whether the workflow can be called by others.
    pub fn is_reusable(&self) -> bool {
        self.runs_on("workflow_call")
    }

    /// The index of the job with this id. GitHub compares ids without case.
    pub fn job(&self, id: &str) -> Option<usize> {
        self.jobs.iter().position(|job| job.id.node.eq_ignore_ascii_case(id))
    }

    /// The jobs that a job needs directly, by index, each once.
    pub fn needs(&self, job: usize) -> Vec<usize> {
        let names = self.jobs.get(job).map(|job| job.needs.as_slice()).unwrap_or_default();
        let jobs: BTreeSet<usize> = names.iter().filter_map(|name| self.job(&name.node)).collect();
        jobs.into_iter().collect()
    }

    /// All jobs that must end before a job can begin, by index. A job that needs itself around a circle is among them.
    pub fn needs_closure(&self, job: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.needs(job);
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.needs(next));
            }
        }
        found
    }

    /// The jobs that need a job directly, by index.
    pub fn dependents(&self, job: usize) -> Vec<usize> {
        (0..self.jobs.len()).filter(|other| self.needs(*other).contains(&job)).collect()
    }

    /// Takes a step of a job out, with its comment behind it; `text` is the file's.
    pub fn remove_step(&self, text: &str, job: usize, step: usize) -> Option<Vec<Edit>> {
        let node = self.tree.node(self.jobs.get(job)?.node);
        let steps = node.get("steps")?;
        crate::syntax::yaml::remove_item(text, steps, step)
    }

    /// Whether two jobs may run at the same time: neither has to wait for the other.
    pub fn may_overlap(&self, left: usize, right: usize) -> bool {
        left != right && !self.needs_closure(left).contains(&right) && !self.needs_closure(right).contains(&left)
    }
}

impl Job {
    /// The legs of the matrix; a single empty one without a matrix.
    pub fn legs(&self) -> Vec<Leg> {
        self.matrix().map_or_else(|| vec![Leg::default()], |matrix| matrix.legs.clone())
    }

    /// Whether [`legs`](Job::legs) are all of them and their values are those of the run.
    pub fn legs_known(&self) -> bool {
        self.matrix().is_none_or(|matrix| !matrix.dynamic)
    }

    /// The matrix.
    pub fn matrix(&self) -> Option<&Matrix> {
        self.strategy.as_ref()?.matrix.as_ref()
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<usize> {
        let is = |step: &Step| step.id.as_ref().and_then(Field::known).is_some_and(|known| known == id);
        self.steps.iter().position(is)
    }
}

impl Action {
    /// Whether the action is made of steps.
    pub fn is_composite(&self) -> bool {
        self.using.as_ref().and_then(Field::known) == Some("composite")
    }
}

#[cfg(test)]
mod tests;
