//! Builds the model from the tree.

use std::cell::OnceCell;

use super::matrix::legs;
use super::*;
use crate::source::LineIndex;
use crate::syntax::SyntaxError;
use crate::syntax::expression::{Value, parse_condition, parse_template};
use crate::syntax::yaml::{self, Content, Entry, Node, Number};

/// How deep a value of a matrix may nest.
const VALUE_DEPTH_LIMIT: u32 = 32;

impl Workflow {
    /// Reads a workflow. What GitHub would refuse is among the errors.
    pub fn parse(file: FileId, text: &str) -> (Workflow, Vec<SyntaxError>) {
        let (tree, mut errors) = yaml::parse(file, text);
        let broken = !errors.is_empty();
        let mut reader = Reader { file, text, errors: Vec::new() };
        let workflow = reader.workflow(&tree);
        // Behind a broken place the file is cut off, so what is missing is missing for that reason.
        errors.extend(reader.errors.into_iter().filter(|_| !broken));
        errors.sort_by_key(|error| error.span);
        (Workflow { tree, ..workflow }, errors)
    }
}

impl Action {
    /// Reads the metadata file of an action. What GitHub would refuse is among the errors.
    pub fn parse(file: FileId, text: &str) -> (Action, Vec<SyntaxError>) {
        let (tree, mut errors) = yaml::parse(file, text);
        let broken = !errors.is_empty();
        let mut reader = Reader { file, text, errors: Vec::new() };
        let action = reader.action(&tree);
        errors.extend(reader.errors.into_iter().filter(|_| !broken));
        errors.sort_by_key(|error| error.span);
        (Action { tree, ..action }, errors)
    }
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    errors: Vec<SyntaxError>,
}

impl Reader<'_> {
    fn refuse(&mut self, span: Span, message: impl Into<String>, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.errors.push(SyntaxError { message: message.into(), span, help });
    }

    fn workflow(&mut self, tree: &Tree) -> Workflow {
        let root = tree.root();
        self.duplicates(tree);
        let root_mapping = root.filter(|root| root.is_mapping());
        let entry = |name: &str| root_mapping.and_then(|root| root.entry(name));
        let workflow = Workflow {
            file: self.file,
            tree: Tree::empty(self.file),
            name: entry("name").and_then(|entry| self.field(entry)),
            run_name: entry("run-name").and_then(|entry| self.field(entry)),
            on: entry("on").map(Entry::span),
            triggers: entry("on").map(|entry| self.triggers(entry.value)).unwrap_or_default(),
            env: entry("env").map(|entry| self.map(entry)).unwrap_or_default(),
            permissions: entry("permissions").map(|entry| self.permissions(entry)),
            concurrency: entry("concurrency").and_then(|entry| self.concurrency(entry)),
            defaults: entry("defaults").map(|entry| self.defaults(entry)).unwrap_or_default(),
            jobs: entry("jobs").map(|entry| self.jobs(entry.value)).unwrap_or_default(),
        };
        let whole = root.map_or(Span::at(self.file, 0), Node::span);
        match (root, root_mapping) {
            (None, _) => self.refuse(whole, "the workflow is empty", ""),
            (Some(root), None) => self.refuse(root.span(), "a workflow is a mapping", ""),
            (_, Some(_)) => {
                if workflow.on.is_none() {
                    self.refuse(first_line(whole, self.text), "the workflow has no `on`", "say which events start it");
                }
                if workflow.jobs.is_empty() {
                    self.refuse(first_line(whole, self.text), "the workflow has no jobs", "add `jobs`");
                }
            }
        }
        self.check_needs(&workflow);
        workflow
    }

    fn action(&mut self, tree: &Tree) -> Action {
        self.duplicates(tree);
        let root = tree.root();
        let entry = |name: &str| root.and_then(|root| root.entry(name));
        let runs = entry("runs").map(|entry| entry.value);
        let run = |name: &str| runs.and_then(|runs| runs.entry(name));
        let outputs = entry("outputs").map(|entry| self.outputs(entry)).unwrap_or_default();
        Action {
            file: self.file,
            tree: Tree::empty(self.file),
            name: entry("name").and_then(|entry| self.field(entry)),
            description: entry("description").and_then(|entry| self.plain_field(entry)),
            inputs: entry("inputs").map(|entry| self.inputs(entry.value)).unwrap_or_default(),
            outputs,
            using: run("using").and_then(|entry| self.field(entry)),
            image: run("image").and_then(|entry| self.field(entry)),
            args: run("args").map(|entry| self.scalars(entry.value)).unwrap_or_default(),
            env: run("env").map(|entry| self.map(entry)).unwrap_or_default(),
            steps: run("steps").map(|entry| self.steps(entry.value)).unwrap_or_default(),
        }
    }

    /// GitHub refuses a key that is written twice.
    fn duplicates(&mut self, tree: &Tree) {
        let lines = OnceCell::new();
        for node in tree.nodes().filter(|node| node.alias().is_none()) {
            for (first, later) in node.duplicates() {
                let lines = lines.get_or_init(|| LineIndex::new(self.text.as_bytes()));
                let line = lines.line_of(first.key.span().start as usize) + 1;
                let message = format!("the key `{}` is written twice", later.name().unwrap_or_default());
                self.refuse(later.key.span(), message, &format!("it stands in line {line} already"));
            }
        }
    }

    fn check_needs(&mut self, workflow: &Workflow) {
        for (at, job) in workflow.jobs.iter().enumerate() {
            for need in &job.needs {
                if workflow.job(&need.node).is_none() {
                    self.refuse(need.span, format!("there is no job `{}`", need.node), "");
                }
            }
            if workflow.needs_closure(at).contains(&at) {
                self.refuse(job.id.span, format!("the job `{}` needs itself", job.id.node), "");
            }
        }
    }

    fn scalar(&mut self, node: Node<'_>) -> Option<Scalar> {
        let style = node.scalar()?.style;
        let text = node.mapped_text(self.text)?;
        let (template, errors) = parse_template(&text);
        self.errors.extend(errors);
        Some(Scalar { span: node.span(), node: node.id(), style, text, template })
    }

    /// A scalar in which GitHub looks for no expressions.
    fn plain_scalar(&self, node: Node<'_>) -> Option<Scalar> {
        let style = node.scalar()?.style;
        let text = node.mapped_text(self.text)?;
        let parts = if text.as_str().is_empty() {
            Vec::new()
        } else {
            vec![crate::syntax::expression::Part::Text(text.clone())]
        };
        let template = Template { parts, span: text.span() };
        Some(Scalar { span: node.span(), node: node.id(), style, text, template })
    }

    /// A scalar, or the scalars of a list.
    fn scalars(&mut self, node: Node<'_>) -> Vec<Scalar> {
        if node.is_sequence() {
            return node.items().filter_map(|item| self.scalar(item)).collect();
        }
        self.scalar(node).into_iter().collect()
    }

    fn plain_scalars(&self, node: Node<'_>) -> Vec<Scalar> {
        if node.is_sequence() {
            return node.items().filter_map(|item| self.plain_scalar(item)).collect();
        }
        self.plain_scalar(node).into_iter().collect()
    }

    fn name(entry: Entry<'_>) -> Option<Spanned<String>> {
        entry.name().map(|name| Spanned::new(name.to_owned(), entry.key.span()))
    }

    fn field(&mut self, entry: Entry<'_>) -> Option<Field> {
        Some(Field { name: Self::name(entry)?, entry: entry.span(), value: self.scalar(entry.value)? })
    }

    fn plain_field(&self, entry: Entry<'_>) -> Option<Field> {
        Some(Field { name: Self::name(entry)?, entry: entry.span(), value: self.plain_scalar(entry.value)? })
    }

    fn field_of(&mut self, node: Node<'_>, name: &str) -> Option<Field> {
        node.entry(name).and_then(|entry| self.field(entry))
    }

    fn map(&mut self, entry: Entry<'_>) -> Map {
        let node = entry.value;
        let fields = node.entries().filter_map(|entry| self.field(entry)).collect();
        let dynamic = self.scalar(node).is_some_and(|scalar| scalar.is_dynamic());
        Map { entry: Some(entry.span()), node: Some(node.id()), fields, dynamic }
    }

    fn map_of(&mut self, node: Node<'_>, name: &str) -> Map {
        node.entry(name).map(|entry| self.map(entry)).unwrap_or_default()
    }

    /// The outputs of an action or a reusable workflow, whose values stand in a `value` each.
    fn outputs(&mut self, entry: Entry<'_>) -> Map {
        let node = entry.value;
        let mut fields = Vec::new();
        for output in node.entries() {
            let value = output.value.get("value").and_then(|value| self.scalar(value));
            if let (Some(name), Some(value)) = (Self::name(output), value) {
                fields.push(Field { name, entry: output.span(), value });
            }
        }
        Map { entry: Some(entry.span()), node: Some(node.id()), fields, dynamic: false }
    }

    fn triggers(&mut self, node: Node<'_>) -> Vec<Trigger> {
        let bare = |event: &str, span: Span| Trigger {
            event: Spanned::new(event.to_owned(), span),
            entry: span,
            node: None,
            types: Vec::new(),
            branches: None,
            branches_ignore: None,
            tags: None,
            tags_ignore: None,
            paths: None,
            paths_ignore: None,
            workflows: Vec::new(),
            cron: Vec::new(),
            inputs: Vec::new(),
            outputs: Map::default(),
        };
        match node.content() {
            Content::Scalar(scalar) => vec![bare(&scalar.text, node.span())],
            Content::Sequence(_) => {
                node.items().filter_map(|item| item.text().map(|event| bare(event, item.span()))).collect()
            }
            Content::Mapping(_) => {
                let mut triggers = Vec::new();
                for entry in node.entries() {
                    let Some(name) = entry.name() else { continue };
                    let settings = entry.value;
                    let list = |reader: &Self, name: &str| settings.get(name).map(|node| reader.plain_scalars(node));
                    let cron = settings.items().filter_map(|item| item.get("cron"));
                    triggers.push(Trigger {
                        entry: entry.span(),
                        node: (!settings.is_absent()).then(|| settings.id()),
                        types: list(self, "types").unwrap_or_default(),
                        branches: list(self, "branches"),
                        branches_ignore: list(self, "branches-ignore"),
                        tags: list(self, "tags"),
                        tags_ignore: list(self, "tags-ignore"),
                        paths: list(self, "paths"),
                        paths_ignore: list(self, "paths-ignore"),
                        workflows: list(self, "workflows").unwrap_or_default(),
                        cron: cron.filter_map(|cron| self.plain_scalar(cron)).collect(),
                        inputs: settings.get("inputs").map(|inputs| self.inputs(inputs)).unwrap_or_default(),
                        outputs: settings.entry("outputs").map(|entry| self.outputs(entry)).unwrap_or_default(),
                        ..bare(name, entry.key.span())
                    });
                }
                triggers
            }
            Content::Absent | Content::Alias(_) => Vec::new(),
        }
    }

    fn inputs(&mut self, node: Node<'_>) -> Vec<Input> {
        let mut inputs = Vec::new();
        for entry in node.entries() {
            let Some(name) = Self::name(entry) else { continue };
            let plain = |name: &str| entry.value.entry(name).and_then(|entry| self.plain_field(entry));
            let (kind, required, description) = (plain("type"), plain("required"), plain("description"));
            let default = self.field_of(entry.value, "default");
            inputs.push(Input { name, entry: entry.span(), default, kind, required, description });
        }
        inputs
    }

    fn permissions(&mut self, entry: Entry<'_>) -> Permissions {
        Permissions { entry: entry.span(), all: self.scalar(entry.value), scopes: self.map(entry) }
    }

    fn concurrency(&mut self, entry: Entry<'_>) -> Option<Concurrency> {
        let node = entry.value;
        let group =
            if node.is_mapping() { node.get("group").and_then(|group| self.scalar(group)) } else { self.scalar(node) };
        let cancel_in_progress = self.field_of(node, "cancel-in-progress");
        Some(Concurrency { entry: entry.span(), node: node.id(), group, cancel_in_progress })
    }

    fn defaults(&mut self, entry: Entry<'_>) -> Defaults {
        let Some(run) = entry.value.get("run") else { return Defaults::default() };
        Defaults { shell: self.field_of(run, "shell"), working_directory: self.field_of(run, "working-directory") }
    }

    fn condition(&mut self, node: Node<'_>) -> Option<Condition> {
        let entry = node.entry("if")?;
        let text = entry.value.mapped_text(self.text)?;
        let (expr, errors) = parse_condition(&text);
        self.errors.extend(errors);
        Some(Condition { entry: entry.span(), span: entry.value.span(), node: entry.value.id(), text, expr })
    }

    fn jobs(&mut self, node: Node<'_>) -> Vec<Job> {
        let mut jobs = Vec::new();
        for entry in node.entries() {
            let Some(id) = Self::name(entry) else { continue };
            let job = entry.value;
            let needs_entry = job.entry("needs");
            let needs = needs_entry.map(|entry| self.plain_scalars(entry.value)).unwrap_or_default();
            let secrets = job.get("secrets");
            let inherits_secrets = secrets.and_then(Node::text) == Some("inherit");
            let uses = self.uses(job);
            if uses.is_none() && job.get("steps").is_none() && job.is_mapping() {
                self.refuse(id.span, format!("the job `{}` has no steps", id.node), "add `steps`, or `uses`");
            } else if !job.is_mapping() {
                self.refuse(id.span, format!("the job `{}` is not a mapping", id.node), "");
            } else if uses.is_none() && job.get("runs-on").is_none() {
                self.refuse(id.span, format!("the job `{}` has no `runs-on`", id.node), "");
            }
            jobs.push(Job {
                id,
                entry: entry.span(),
                node: job.id(),
                name: self.field_of(job, "name"),
                needs: needs.iter().map(|need| Spanned::new(need.text.as_str().to_owned(), need.span)).collect(),
                needs_entry: needs_entry.map(Entry::span),
                condition: self.condition(job),
                runs_on: job.entry("runs-on").map(|entry| self.runs_on(entry)),
                strategy: job.entry("strategy").map(|entry| self.strategy(entry)),
                env: self.map_of(job, "env"),
                permissions: job.entry("permissions").map(|entry| self.permissions(entry)),
                concurrency: job.entry("concurrency").and_then(|entry| self.concurrency(entry)),
                defaults: job.entry("defaults").map(|entry| self.defaults(entry)).unwrap_or_default(),
                environment: job.get("environment").and_then(|environment| {
                    let name = if environment.is_mapping() { environment.get("name")? } else { environment };
                    self.scalar(name)
                }),
                timeout_minutes: self.field_of(job, "timeout-minutes"),
                continue_on_error: self.field_of(job, "continue-on-error"),
                outputs: self.map_of(job, "outputs"),
                container: job.entry("container").and_then(|entry| self.container(entry)),
                services: job
                    .get("services")
                    .map(|services| services.entries().filter_map(|entry| self.container(entry)).collect())
                    .unwrap_or_default(),
                uses,
                with: self.map_of(job, "with"),
                secrets: self.map_of(job, "secrets"),
                inherits_secrets,
                steps: job.get("steps").map(|steps| self.steps(steps)).unwrap_or_default(),
            });
        }
        jobs
    }

    fn runs_on(&mut self, entry: Entry<'_>) -> RunsOn {
        let node = entry.value;
        let (labels, group) = if node.is_mapping() {
            let labels = node.get("labels").map(|labels| self.scalars(labels)).unwrap_or_default();
            (labels, node.get("group").and_then(|group| self.scalar(group)))
        } else {
            (self.scalars(node), None)
        };
        RunsOn { entry: entry.span(), labels, group }
    }

    fn strategy(&mut self, entry: Entry<'_>) -> Strategy {
        let node = entry.value;
        Strategy {
            entry: entry.span(),
            matrix: node.entry("matrix").map(|entry| self.matrix(entry)),
            fail_fast: self.field_of(node, "fail-fast"),
            max_parallel: self.field_of(node, "max-parallel"),
        }
    }

    fn matrix(&mut self, entry: Entry<'_>) -> Matrix {
        let node = entry.value;
        let mut axes = Vec::new();
        let (mut include, mut exclude) = (Vec::new(), Vec::new());
        let mut dynamic = !node.is_mapping();
        self.scalar(node);
        for axis in node.entries() {
            let Some(name) = Self::name(axis) else { continue };
            match name.node.as_str() {
                "include" | "exclude" => {
                    let items = self.matrix_items(axis.value);
                    dynamic |= items.is_none();
                    let items = items.unwrap_or_default();
                    *(if name.node == "include" { &mut include } else { &mut exclude }) = items;
                }
                _ => {
                    let list = axis.value.is_sequence();
                    let values = axis.value.items().map(|item| Spanned::new(self.value(item, 0), item.span()));
                    let values: Vec<Spanned<Value>> = values.collect();
                    self.scalar(axis.value);
                    dynamic |= !list;
                    axes.push(Axis { name, entry: axis.span(), values, dynamic: !list });
                }
            }
        }
        let legs = if node.is_mapping() { legs(&axes, &include, &exclude) } else { vec![Leg::default()] };
        let unknown = legs.iter().any(|leg| leg.values.iter().any(|(_, value)| has_unknown(&value.node)));
        Matrix { entry: entry.span(), node: node.id(), axes, include, exclude, dynamic: dynamic || unknown, legs }
    }

    /// The entries of `include` or `exclude`; nothing if they are an expression.
    fn matrix_items(&mut self, node: Node<'_>) -> Option<Vec<MatrixItem>> {
        if !node.is_sequence() {
            self.scalar(node);
            return None;
        }
        let mut items = Vec::new();
        for item in node.items() {
            if !item.is_mapping() {
                self.scalar(item);
                return None;
            }
            let mut values = Vec::new();
            for entry in item.entries() {
                let Some(name) = Self::name(entry) else { continue };
                let value = self.value(entry.value, 0);
                values.push((name, Spanned::new(value, entry.value.span())));
            }
            items.push(MatrixItem { span: item.span(), values });
        }
        Some(items)
    }

    /// A value of a matrix, with the type that YAML gives it.
    fn value(&mut self, node: Node<'_>, depth: u32) -> Value {
        if depth > VALUE_DEPTH_LIMIT {
            return Value::Unknown;
        }
        match node.content() {
            Content::Absent => Value::Null,
            Content::Alias(_) => Value::Unknown,
            Content::Sequence(_) => Value::Array(node.items().map(|item| self.value(item, depth + 1)).collect()),
            Content::Mapping(_) => {
                let entries = node.entries().filter_map(|entry| {
                    let name = entry.name()?.to_owned();
                    Some((name, self.value(entry.value, depth + 1)))
                });
                Value::Object(entries.collect())
            }
            Content::Scalar(_) => {
                let Some(scalar) = self.scalar(node) else { return Value::Unknown };
                match (scalar.known(), scalar.typed()) {
                    (None, _) => scalar.template.evaluate(&|_: &[&str]| None),
                    (_, CoreValue::Null) => Value::Null,
                    (_, CoreValue::Bool(value)) => Value::Bool(value),
                    (_, CoreValue::Number(Number::Int(value))) => Value::Number(value as f64),
                    (_, CoreValue::Number(Number::UInt(value))) => Value::Number(value as f64),
                    (_, CoreValue::Number(Number::Float(value))) => Value::Number(value),
                    (Some(text), CoreValue::Text | CoreValue::Timestamp) => Value::Text(text.to_owned()),
                }
            }
        }
    }

    fn container(&mut self, entry: Entry<'_>) -> Option<Container> {
        let node = entry.value;
        let image =
            if node.is_mapping() { node.get("image").and_then(|image| self.scalar(image)) } else { self.scalar(node) };
        Some(Container {
            name: Self::name(entry)?,
            entry: entry.span(),
            node: node.id(),
            image,
            env: self.map_of(node, "env"),
            options: self.field_of(node, "options"),
            ports: node.get("ports").map(|ports| self.scalars(ports)).unwrap_or_default(),
            volumes: node.get("volumes").map(|volumes| self.scalars(volumes)).unwrap_or_default(),
            credentials: self.map_of(node, "credentials"),
        })
    }

    fn uses(&mut self, node: Node<'_>) -> Option<Uses> {
        let entry = node.entry("uses")?;
        let value = self.plain_scalar(entry.value)?;
        let reference = ActionRef::parse(&value.text);
        if reference == ActionRef::Invalid {
            let help = "write `owner/repository@version`, `./path` or `docker://image`";
            self.refuse(value.span, "this names no action", help);
        }
        Some(Uses { entry: entry.span(), value, reference })
    }

    fn steps(&mut self, node: Node<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        for step in node.items() {
            if !step.is_mapping() {
                if !step.is_absent() {
                    self.refuse(step.span(), "a step is a mapping", "");
                }
                continue;
            }
            let uses = self.uses(step);
            let run = self.field_of(step, "run");
            match (step.entry("uses"), step.entry("run")) {
                (Some(_), Some(run)) => {
                    self.refuse(run.key.span(), "a step has either `uses` or `run`", "make two steps of it");
                }
                (None, None) => {
                    self.refuse(first_line(step.span(), self.text), "a step needs `uses` or `run`", "");
                }
                _ => {}
            }
            steps.push(Step {
                span: step.span(),
                node: step.id(),
                id: self.field_of(step, "id"),
                name: self.field_of(step, "name"),
                condition: self.condition(step),
                uses,
                with: self.map_of(step, "with"),
                env: self.map_of(step, "env"),
                run,
                shell: self.field_of(step, "shell"),
                working_directory: self.field_of(step, "working-directory"),
                continue_on_error: self.field_of(step, "continue-on-error"),
                timeout_minutes: self.field_of(step, "timeout-minutes"),
            });
        }
        steps
    }
}

fn has_unknown(value: &Value) -> bool {
    match value {
        Value::Unknown => true,
        Value::Array(items) => items.iter().any(has_unknown),
        Value::Object(entries) => entries.iter().any(|(_, value)| has_unknown(value)),
        _ => false,
    }
}

/// The part of a span that lies in its first line.
fn first_line(span: Span, text: &str) -> Span {
    let lines = text.get(span.range()).unwrap_or_default();
    let length = lines.lines().next().unwrap_or_default().len();
    Span { end: span.start + length as u32, ..span }
}
