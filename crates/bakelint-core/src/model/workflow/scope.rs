//! What values are worth at a place of a workflow.

use crate::model::value::{Text, TextPart};
use crate::model::workflow::{Condition, Field, Job, Leg, Scalar, Step, Workflow};
use crate::syntax::expression::{Expr, Lookup, Part, Value, evaluate, truth};

/// How many values may stand in each other, as an `env` that uses another.
const DEPTH_LIMIT: u32 = 8;

/// A place of a workflow or action, for finding out what templates are worth there.
///
/// Known are the leg of the matrix, `env` of step, job and workflow, and what [`assume`](Scope::assume) was told. An
/// `env` is not taken for known where a script of the job writes to it through `$GITHUB_ENV`.
#[derive(Clone, Default)]
pub struct Scope<'w> {
    workflow: Option<&'w Workflow>,
    job: Option<&'w Job>,
    leg: Option<&'w Leg>,
    step: Option<&'w Step>,
    assumed: Vec<(Vec<String>, Value)>,
}

impl<'w> Scope<'w> {
    /// The workflow as a whole.
    pub fn new(workflow: &'w Workflow) -> Self {
        Scope { workflow: Some(workflow), ..Scope::default() }
    }

    /// A place where nothing is known but what is assumed: an action, whose inputs come from its caller.
    pub fn unknown() -> Self {
        Scope::default()
    }

    /// The same place in a job, for one leg of its matrix.
    pub fn in_job(mut self, job: &'w Job, leg: Option<&'w Leg>) -> Self {
        (self.job, self.leg) = (Some(job), leg);
        self
    }

    /// The same place in a step.
    pub fn in_step(mut self, step: &'w Step) -> Self {
        self.step = Some(step);
        self
    }

    /// The same place where the value at a path of a context is given, such as `["github", "event_name"]` or
    /// `["inputs", "image"]`; a status function is named as `["success()"]`.
    pub fn assume(mut self, path: &[&str], value: Value) -> Self {
        self.assumed.push((path.iter().map(|name| (*name).to_owned()).collect(), value));
        self
    }

    /// The value at a path of a context, if it is known.
    pub fn value(&self, path: &[&str]) -> Option<Value> {
        self.value_within(path, DEPTH_LIMIT)
    }

    fn value_within(&self, path: &[&str], depth: u32) -> Option<Value> {
        let same = |names: &[String]| {
            names.len() == path.len() && names.iter().zip(path).all(|(name, other)| name.eq_ignore_ascii_case(other))
        };
        if let Some((_, value)) = self.assumed.iter().rev().find(|(names, _)| same(names)) {
            return Some(value.clone());
        }
        match path {
            ["matrix"] => {
                let known = self.job.is_none_or(|job| job.matrix().is_none_or(|matrix| !matrix.dynamic));
                match self.leg {
                    Some(leg) if known => Some(leg.context()),
                    _ => None,
                }
            }
            ["matrix", name] => self.leg.and_then(|leg| leg.get(name)).map(|value| value.node.clone()),
            ["env", name] => {
                let field = self.env(name)?;
                depth.checked_sub(1).map(|depth| self.evaluate_within(field, depth))
            }
            ["github", "job"] => self.job.map(|job| Value::Text(job.id.node.clone())),
            ["github", "workflow"] => {
                let name = self.workflow?.name.as_ref()?;
                name.known().map(|name| Value::Text(name.to_owned()))
            }
            ["strategy", "job-total"] => {
                let job = self.job.filter(|job| job.legs_known())?;
                Some(Value::Number(job.matrix().map_or(1, |matrix| matrix.legs.len()) as f64))
            }
            _ => None,
        }
    }

    /// The `env` entry that counts here: of the step, else of the job, else of the workflow. Nothing if there is none, or
    /// if a script may have changed it.
    pub fn env(&self, name: &str) -> Option<&'w Scalar> {
        if let Some(field) = self.step.and_then(|step| step.env.get(name)) {
            return Some(&field.value);
        }
        let maps = [self.step.map(|step| &step.env), self.job.map(|job| &job.env)];
        if maps.into_iter().flatten().any(|map| map.dynamic) || self.job.is_some_and(|job| may_set(job, name)) {
            return None;
        }
        let job = self.job.and_then(|job| job.env.get(name));
        job.or_else(|| self.workflow.and_then(|workflow| workflow.env.get(name))).map(|field| &field.value)
    }

    /// What a template is worth: a value with its type where it is a single expression, else text.
    pub fn evaluate(&self, scalar: &Scalar) -> Value {
        self.evaluate_within(scalar, DEPTH_LIMIT)
    }

    fn evaluate_within(&self, scalar: &Scalar, depth: u32) -> Value {
        scalar.template.evaluate(&|path: &[&str]| self.value_within(path, depth))
    }

    /// The text of a template, with the parts that are unknown by the expression that stands for them.
    pub fn text(&self, scalar: &Scalar) -> Text {
        let mut text = Text::default();
        self.write(scalar, DEPTH_LIMIT, &mut text);
        text
    }

    /// The text that an expression stands for.
    pub fn expression(&self, expr: &Expr) -> Text {
        let mut text = Text::default();
        self.write_expr(expr, DEPTH_LIMIT, &mut text);
        text
    }

    fn write(&self, scalar: &Scalar, depth: u32, out: &mut Text) {
        for part in &scalar.template.parts {
            match part {
                Part::Text(text) => out.push(TextPart::Known(text.as_str().to_owned())),
                Part::Expression { expr, .. } => self.write_expr(expr, depth, out),
                Part::Broken(_) => out.push(TextPart::Unknown(String::new())),
            }
        }
    }

    fn write_expr(&self, expr: &Expr, depth: u32, out: &mut Text) {
        let value = evaluate(expr, &|path: &[&str]| self.value_within(path, depth));
        if let Some(text) = value.to_text() {
            return out.push(TextPart::Known(text));
        }
        // An `env` of which only a part is known gives that part.
        if let (Some(["env", name]), Some(depth)) = (expr.path().as_deref(), depth.checked_sub(1))
            && let Some(scalar) = self.env(name)
        {
            return self.write(scalar, depth, out);
        }
        out.push(TextPart::Unknown(expr.to_string()));
    }

    /// The text of the lines of a template that hold something: how inputs such as `tags` are lists. A line that is an
    /// unknown expression stays one line, though it may become several.
    pub fn lines(&self, scalar: &Scalar) -> Vec<(Text, crate::source::Span)> {
        let lines = scalar.lines().into_iter().flat_map(|line| {
            let (template, _) = crate::syntax::expression::parse_template(&line);
            let span = line.span();
            let text = self.text(&Scalar { span, text: line, template, ..scalar.clone() });
            // A value of the matrix may have several lines itself.
            let texts: Vec<Text> = match text.as_known() {
                Some(known) if known.contains('\n') => {
                    known.lines().map(str::trim).filter(|line| !line.is_empty()).map(Text::known).collect()
                }
                _ => vec![text],
            };
            texts.into_iter().map(move |text| (text, span))
        });
        lines.collect()
    }

    /// Whether a condition can be told to hold or not: `if` of a step or job, with the `success()` that GitHub puts before
    /// it. No condition is `success()`.
    pub fn holds(&self, condition: Option<&Condition>) -> Option<bool> {
        let lookup: &Lookup<'_> = &|path: &[&str]| self.value(path);
        let success = || lookup(&["success()"]).and_then(|value| value.truth());
        let Some(condition) = condition else { return success() };
        let expr = condition.expr.as_ref()?;
        let own = truth(expr, lookup);
        if expr.has_status_check() {
            return own;
        }
        match (own, success()) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }

    /// Whether a switch is on: `true` or `false` in any spelling, or what an expression is worth.
    pub fn switch(&self, field: &Field) -> Option<bool> {
        match self.evaluate(&field.value) {
            Value::Bool(value) => Some(value),
            value => match value.to_text()?.trim() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
        }
    }
}

/// Whether a script of the job may set the variable for the steps behind it, through `$GITHUB_ENV`.
pub(in crate::model) fn may_set(job: &Job, name: &str) -> bool {
    job.steps.iter().filter_map(|step| step.run.as_ref()).any(|run| {
        let script = run.value.text.as_str();
        script.contains("GITHUB_ENV") && script.contains(name)
    })
}
