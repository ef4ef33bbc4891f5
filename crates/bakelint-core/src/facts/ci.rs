//! What the steps of workflows run: their scripts, read, and the container commands in them.

use std::collections::BTreeMap;

use crate::edit::Edit;
use crate::model::Project;
use crate::model::build::{Build, Caller, StepRef};
use crate::model::command_line;
use crate::model::compose::{Compose, Healthcheck};
use crate::model::value::{Text, TextPart};
use crate::model::workflow::{Field, Job, Scope, Step, Trigger, Workflow};
use crate::source::Span;
use crate::syntax::expression;
use crate::syntax::mapped::MappedText;
use crate::syntax::shell::{self, CommandRef, Script, Simple, Word};
use crate::syntax::yaml;

/// The script of a step.
#[derive(Debug)]
pub struct StepScript {
    /// Whose it is.
    pub place: StepRef,
    /// The script.
    pub script: Script,
}

/// A command of a script with its words worked out.
#[derive(Debug, Clone)]
pub struct StepCommand {
    /// Whose it is.
    pub place: StepRef,
    /// Index in [`Script::commands`].
    pub index: usize,
    /// The program without its folder.
    pub name: String,
    /// The words behind the program, with what is known of variables and expressions put in.
    pub words: Vec<(Text, Span)>,
    /// From the program to its last word.
    pub span: Span,
}

/// What a container command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerAction {
    /// `docker pull IMAGE`
    Pull(Text),
    /// `docker push IMAGE`
    Push(Text),
    /// `docker tag FROM TO`
    Tag(Text, Text),
    /// `docker run IMAGE …`
    Run {
        /// The image.
        image: Text,
        /// The words behind the image.
        words: Vec<MappedText>,
    },
    /// `docker compose run SERVICE …` or `exec`
    InService {
        /// The service.
        service: Text,
        /// The words behind the service.
        words: Vec<MappedText>,
    },
    /// `docker compose up`, `start`
    Up {
        /// The services; none means all.
        services: Vec<Text>,
        /// Whether it returns before the services are ready.
        detached: bool,
        /// Whether it waits until they are healthy.
        waits: bool,
    },
    /// `docker save`
    Save(Vec<Text>),
    /// `docker load`
    Load,
    /// Anything else, by its verb: `compose build`, `login`, `buildx imagetools`.
    Other(String),
}

/// A command of docker, podman or Compose in a script.
#[derive(Debug, Clone)]
pub struct ContainerCommand {
    /// Whose it is.
    pub place: StepRef,
    /// Index in [`Script::commands`].
    pub index: usize,
    /// What it does.
    pub action: ContainerAction,
    /// The program: `docker`, `podman`, `docker-compose`.
    pub program: String,
    /// Its options.
    pub options: Vec<String>,
    /// From the program to its last word.
    pub span: Span,
}

/// How an image is compared: Docker Hub's own names and the tag `latest` may be left out.
pub fn image_key(image: &Text) -> String {
    let shown = image.to_string();
    let shown = shown.trim().strip_prefix("docker.io/").unwrap_or(shown.trim());
    let shown = shown.strip_prefix("library/").unwrap_or(shown).to_owned();
    let last = shown.rsplit('/').next().unwrap_or_default();
    let tagged =
        last.contains([':', '@']) || image.as_known().is_none() && !last.ends_with(|c: char| c.is_alphanumeric());
    if tagged { shown } else { shown + ":latest" }
}

/// The program of a step's shell, by `shell:` of the step, the job or the workflow; none where GitHub's default counts.
fn shell_of<'w>(workflow: &'w Workflow, job: &'w Job, step: &'w Step) -> Option<&'w Field> {
    step.shell.as_ref().or(job.defaults.shell.as_ref()).or(workflow.defaults.shell.as_ref())
}

/// Whether the step's script is read by a POSIX shell or one near to it.
fn is_posix(workflow: &Workflow, job: &Job, step: &Step) -> bool {
    match shell_of(workflow, job, step) {
        Some(shell) => {
            let text = shell.value.text.as_str();
            let program = text.split_whitespace().next().unwrap_or_default();
            matches!(program.rsplit('/').next(), Some("bash" | "sh" | "dash" | "zsh" | "busybox"))
        }
        None => {
            let labels = job.runs_on.iter().flat_map(|runs_on| &runs_on.labels);
            !labels.into_iter().any(|label| label.text.to_ascii_lowercase().contains("windows"))
        }
    }
}

impl Project {
    /// The scripts of all steps of workflows that a POSIX shell reads and that can be read, in order.
    pub fn step_scripts(&self) -> &[StepScript] {
        struct Scripts(Vec<StepScript>);
        &self
            .derived
            .get(|| {
                let mut found = Vec::new();
                for (place, workflow, job, step) in self.placed_steps() {
                    let Some(run) = step.run.as_ref().filter(|_| is_posix(workflow, job, step)) else { continue };
                    let script = shell::parse(&run.value.text, shell::Options { templates: true });
                    if script.fault.is_none() {
                        found.push(StepScript { place, script });
                    }
                }
                Scripts(found)
            })
            .0
    }

    /// All steps of the jobs of workflows with their places.
    pub fn placed_steps(&self) -> impl Iterator<Item = (StepRef, &Workflow, &Job, &Step)> {
        self.workflows.iter().enumerate().flat_map(|(workflow_at, workflow)| {
            workflow.jobs.iter().enumerate().flat_map(move |(job_at, job)| {
                job.steps.iter().enumerate().map(move |(step_at, step)| {
                    (StepRef { workflow: workflow_at, job: job_at, step: step_at }, workflow, job, step)
                })
            })
        })
    }

    /// The script of a step, if it has one that can be read.
    pub fn step_script(&self, place: StepRef) -> Option<&Script> {
        let scripts = self.step_scripts();
        let at = scripts.binary_search_by_key(&place, |script| script.place).ok()?;
        Some(&scripts[at].script)
    }

    /// The commands of all scripts that can be read, with their words worked out, in order.
    pub fn step_commands(&self) -> &[StepCommand] {
        struct Commands(Vec<StepCommand>);
        let derive = || {
            let mut found = Vec::new();
            for StepScript { place, script } in self.step_scripts() {
                self.evaluate(*place, script, &mut found);
            }
            Commands(found)
        };
        &self.derived.get(derive).0
    }

    /// The commands of a job, in order.
    pub fn job_commands(&self, workflow: usize, job: usize) -> &[StepCommand] {
        let all = self.step_commands();
        let start = all.partition_point(|command| (command.place.workflow, command.place.job) < (workflow, job));
        let end = all.partition_point(|command| (command.place.workflow, command.place.job) <= (workflow, job));
        &all[start..end]
    }

    /// The commands of a step, in order.
    pub fn commands_of(&self, place: StepRef) -> &[StepCommand] {
        let all = self.step_commands();
        let start = all.partition_point(|command| command.place < place);
        let end = all.partition_point(|command| command.place <= place);
        &all[start..end]
    }

    /// Works out the words of a script's commands.
    fn evaluate(&self, place: StepRef, script: &Script, found: &mut Vec<StepCommand>) {
        let Some((workflow, job, step)) = self.step(place) else { return };
        let Some(run) = &step.run else { return };
        let scope = Scope::new(workflow).in_job(job, None).in_step(step);
        let mut own: BTreeMap<String, Text> = BTreeMap::new();
        let template = |span: Span| {
            let source = self.snapshot.get(span.file).map(|source| source.slice(span).to_owned()).unwrap_or_default();
            let mut parts = run.value.template.parts.iter();
            let expr = parts.find_map(|part| match part {
                expression::Part::Expression { expr, span: whole } if whole.contains(span) => Some(expr),
                _ => None,
            });
            let shown = |expr: &expression::Expr| {
                let value = expression::evaluate(expr, &|path| scope.value(path)).to_text();
                value.map_or_else(|| Text::unknown(expr.to_string()), Text::known)
            };
            expr.map_or_else(|| Text::unknown(source), shown)
        };
        for (index, command) in script.commands().into_iter().enumerate() {
            let variable = |name: &str| {
                let environment = || scope.env(name).map(|scalar| scope.text(scalar));
                let github = || Some(Text::unknown(format!("github.{}", name.strip_prefix("GITHUB_")?.to_lowercase())));
                own.get(name).cloned().or_else(environment).or_else(github)
            };
            let words = command_line::Scope { variable: &variable, template: &template };
            let simple = command.simple;
            if let Some(name) = simple.name() {
                let placed = |word: &Word| (command_line::text(word, words), word.span);
                found.push(StepCommand {
                    place,
                    index,
                    name: name.to_owned(),
                    words: simple.arguments().iter().map(placed).collect(),
                    span: simple.invocation_span().unwrap_or(command.span),
                });
            }
            let sets = simple.words.is_empty() || simple.name() == Some("export");
            if sets {
                let value = |assignment: &shell::Assignment| match command.context.conditional {
                    // What may or may not be set is not known.
                    true => Text::unknown(&assignment.name),
                    false => command_line::text(&assignment.value, words),
                };
                let values: Vec<(String, Text)> =
                    simple.assignments.iter().map(|one| (one.name.clone(), value(one))).collect();
                own.extend(values);
            }
        }
    }

    /// The container commands of all scripts, in order.
    pub fn container_commands(&self) -> &[ContainerCommand] {
        struct Commands(Vec<ContainerCommand>);
        let derive = || {
            let mut found = Vec::new();
            for StepScript { place, script } in self.step_scripts() {
                let commands = script.commands();
                for command in self.commands_of(*place) {
                    let is_container =
                        matches!(command.name.as_str(), "docker" | "podman" | "nerdctl" | "docker-compose");
                    if let Some(reference) = commands.get(command.index).filter(|_| is_container) {
                        found.extend(container_command(command, reference));
                    }
                }
            }
            Commands(found)
        };
        &self.derived.get(derive).0
    }

    /// The container commands of a job, in order.
    pub fn job_containers(&self, workflow: usize, job: usize) -> &[ContainerCommand] {
        let all = self.container_commands();
        let start = all.partition_point(|command| (command.place.workflow, command.place.job) < (workflow, job));
        let end = all.partition_point(|command| (command.place.workflow, command.place.job) <= (workflow, job));
        &all[start..end]
    }

    /// The builds that a job makes.
    pub fn job_builds(&self, workflow: usize, job: usize) -> impl Iterator<Item = &Build> {
        self.builds.iter().filter(move |build| {
            build.caller.as_ref().is_some_and(|caller| caller.step.workflow == workflow && caller.step.job == job)
        })
    }

    /// The platforms of a build that its job emulates; none if that is not known.
    pub fn emulated_platforms<'p>(&self, build: &'p Build) -> Vec<&'p str> {
        let job = build.caller.as_ref().and_then(|caller| self.step(caller.step)).map(|(_, job, _)| job);
        let Some((job, own)) = job.and_then(|job| Some((job, runner_platform(job)?))) else { return Vec::new() };
        let qemu = job.steps.iter().any(|step| step.uses_action("docker/setup-qemu-action"));
        let elsewhere = job.steps.iter().any(|step| {
            step.uses_action("docker/setup-buildx-action")
                && ["append", "endpoint", "driver"].iter().any(|name| step.input(name).is_some())
        });
        if !qemu || elsewhere || !build.platforms_known {
            return Vec::new();
        }
        let platforms = build.platforms.iter().filter_map(|platform| platform.eval.known()).map(String::as_str);
        // Such processors run the older kind too.
        let runs = |platform: &str| platform == own || own == "linux/amd64" && platform == "linux/386";
        platforms.filter(|platform| !runs(platform) && *platform != "local").collect()
    }

    /// Whether a step may run when `event` starts its workflow, as far as the conditions of job and step tell.
    pub fn may_run_on(&self, place: StepRef, event: &str) -> bool {
        let Some((workflow, job, step)) = self.step(place) else { return false };
        let scope = on_event(workflow, job, step, event);
        workflow.runs_on(event)
            && scope.holds(job.condition.as_ref()) != Some(false)
            && scope.holds(step.condition.as_ref()) != Some(false)
    }

    /// What a switch of a step is worth when `event` starts its workflow.
    pub fn switch_on(&self, place: StepRef, field: &Field, event: &str) -> Option<bool> {
        let (workflow, job, step) = self.step(place)?;
        on_event(workflow, job, step, event).switch(field)
    }

    /// Whether a script calls a build only if something else says so.
    pub fn is_conditional(&self, caller: &Caller) -> bool {
        let Some(script) = self.step_script(caller.step) else { return false };
        let mut commands = script.commands().into_iter();
        commands.any(|command| command.context.conditional && command.span.contains(caller.span))
    }

    /// The lines that a span covers, line end included, if nothing else stands on them.
    pub fn whole_lines(&self, span: Span) -> Option<Span> {
        let text = self.text(span.file);
        let before = text.get(..span.start as usize)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let behind = text.get(span.end as usize..)?;
        let end = behind.find('\n')? + 1;
        let blank = before[start..].trim().is_empty() && behind[..end].trim().is_empty();
        blank.then(|| Span::new(span.file, start..span.end as usize + end))
    }
}

/// Options of container commands that take the next word as their value (docker/cli `cli/command`, docker/compose
/// `cmd/compose`).
const VALUED: &[&str] = &[
    "-H",
    "--host",
    "--context",
    "--config",
    "-c",
    "--log-level",
    "-l",
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--project-directory",
    "--profile",
    "--env-file",
    "--ansi",
    "--parallel",
    "--progress",
    "-e",
    "--env",
    "-v",
    "--volume",
    "--mount",
    "-w",
    "--workdir",
    "-u",
    "--user",
    "--name",
    "--network",
    "--net",
    "--platform",
    "--pull",
    "--publish",
    "--expose",
    "--entrypoint",
    "--label",
    "--cpus",
    "-m",
    "--memory",
    "--memory-swap",
    "--shm-size",
    "--tmpfs",
    "--ulimit",
    "--add-host",
    "--hostname",
    "-h",
    "--restart",
    "--runtime",
    "--gpus",
    "--device",
    "--cap-add",
    "--cap-drop",
    "--security-opt",
    "--cidfile",
    "--ip",
    "--dns",
    "--log-driver",
    "--log-opt",
    "--health-cmd",
    "--health-interval",
    "--health-retries",
    "--health-timeout",
    "--health-start-period",
    "--health-start-interval",
    "--stop-signal",
    "--stop-timeout",
    "--sysctl",
    "--userns",
    "--ipc",
    "--pid",
    "--uts",
    "--group-add",
    "--link",
    "--network-alias",
    "--annotation",
    "--cgroupns",
    "--volumes-from",
    "-o",
    "--output",
    "-i",
    "--input",
    "--scale",
    "-t",
    "--timeout",
    "--wait-timeout",
    "--exit-code-from",
    "--attach",
    "--no-attach",
    "--index",
    "--format",
];

/// Of these verbs the listed letters are switches although other verbs give them a value.
fn takes_value(verb: &str, option: &str) -> bool {
    let switch = match verb {
        "run" | "exec" | "compose run" | "compose exec" => matches!(option, "-i" | "-t" | "-it" | "-ti" | "--attach"),
        "compose up" => matches!(option, "-V" | "--pull-always"),
        "push" | "pull" => matches!(option, "-q" | "-a"),
        _ => false,
    };
    // `-p` publishes for `run`, `-c` and `-h` are rare; each takes a value.
    !switch && VALUED.contains(&option)
}

fn container_command(command: &StepCommand, reference: &CommandRef) -> Option<ContainerCommand> {
    let words = &command.words;
    let plain = |at: usize| words.get(at).and_then(|(text, _)| text.as_known());
    let mut at = 0;
    let skip = |mut at: usize, verb: &str, options: &mut Vec<String>| {
        while let Some((text, _)) = words.get(at) {
            let start = text.prefix();
            if !start.starts_with('-') || start == "-" {
                break;
            }
            at += 1;
            options.push(start.to_owned());
            if !start.contains('=') && text.as_known().is_some_and(|word| takes_value(verb, word)) {
                at += 1;
            }
        }
        at
    };
    let mut options = Vec::new();
    at = skip(at, "", &mut options);
    let compose = command.name == "docker-compose" || plain(at) == Some("compose");
    let verb = if compose {
        if command.name != "docker-compose" {
            at = skip(at + 1, "", &mut options);
        }
        format!("compose {}", plain(at)?)
    } else {
        let first = plain(at)?;
        match first {
            "image" | "container" if plain(at + 1).is_some() => {
                at += 1;
                plain(at)?.to_owned()
            }
            "buildx" => format!("buildx {}", plain(at + 1).unwrap_or_default()),
            _ => first.to_owned(),
        }
    };
    at = skip(at + 1, &verb, &mut options);
    let text = |at: usize| words.get(at).map(|(text, _)| text.clone());
    let has = |names: &[&str]| options.iter().any(|option| names.contains(&option.as_str()));
    let rest = |from: usize| {
        let inner = reference.simple.arguments().get(from..).unwrap_or_default();
        inner.iter().map(as_given).collect::<Vec<_>>()
    };
    let action = match verb.as_str() {
        "pull" => ContainerAction::Pull(text(at)?),
        "push" => ContainerAction::Push(text(at)?),
        "tag" => ContainerAction::Tag(text(at)?, text(at + 1)?),
        "run" | "create" => ContainerAction::Run { image: text(at)?, words: rest(at + 1) },
        "save" => ContainerAction::Save(words.get(at..)?.iter().map(|(text, _)| text.clone()).collect()),
        "load" => ContainerAction::Load,
        "compose run" | "compose exec" => ContainerAction::InService { service: text(at)?, words: rest(at + 1) },
        "compose up" | "compose start" => ContainerAction::Up {
            services: words
                .get(at..)
                .unwrap_or_default()
                .iter()
                .filter(|(text, _)| !text.prefix().starts_with('-'))
                .map(|(text, _)| text.clone())
                .collect(),
            detached: has(&["-d", "--detach"]) || verb == "compose start",
            waits: has(&["--wait"]),
        },
        _ => ContainerAction::Other(verb),
    };
    Some(ContainerCommand {
        place: command.place,
        index: command.index,
        action,
        program: command.name.clone(),
        options,
        span: command.span,
    })
}

/// The word as the program gets it; what the shell puts in stays a variable.
fn as_given(word: &Word) -> MappedText {
    let mut text = MappedText::empty(word.span.file, word.span.start as usize);
    for part in &word.parts {
        match part {
            shell::Part::Text { text: part, .. } => text.push_mapped(part),
            other => {
                let span = other.span();
                text.push_for(span.start as usize..span.end as usize, "$_");
            }
        }
    }
    text
}

impl StepCommand {
    /// The first words that are no options, as far as they are known.
    pub fn verbs(&self) -> Vec<&str> {
        let known = self.words.iter().filter_map(|(text, _)| text.as_known());
        known.filter(|word| !word.starts_with('-')).collect()
    }

    /// The value of an option, as `--name value` or `--name=value`.
    pub fn option(&self, names: &[&str]) -> Option<(Text, Span)> {
        let mut words = self.words.iter();
        while let Some((text, span)) = words.next() {
            if text.as_known().is_some_and(|word| names.contains(&word)) {
                return words.next().cloned();
            }
            if let Some((name, value)) = text.split_once('=')
                && name.as_known().is_some_and(|name| names.contains(&name))
            {
                return Some((value, *span));
            }
        }
        None
    }
}

impl Simple {
    /// The program's name where the system has it: `test`, `/usr/bin/test`, but not `./hack/test`, which may do anything.
    pub fn system_program(&self) -> Option<&str> {
        let text = self.words.get(self.command)?.as_plain()?;
        let folder = text.rsplit_once('/').map_or("", |(folder, _)| folder);
        matches!(folder, "" | "/bin" | "/usr/bin" | "/usr/local/bin").then(|| self.name())?
    }
}

impl Script {
    /// The commands that read each other's output, by their indices in [`Script::commands`]; a command alone is one too.
    pub fn pipelines(&self) -> Vec<Vec<usize>> {
        let commands = self.commands();
        let mut found = Vec::new();
        for (at, first) in commands.iter().enumerate().filter(|(_, command)| command.context.pipe_index == 0) {
            let mut members = vec![at];
            let mut end = first.span.end;
            for (other_at, other) in commands.iter().enumerate().skip(at + 1) {
                if members.len() >= first.context.pipe_len {
                    break;
                }
                let same = other.context.pipe_len == first.context.pipe_len
                    && other.context.pipe_index == members.len()
                    && other.context.substitution == first.context.substitution
                    && other.context.nested == first.context.nested;
                if same && other.span.start >= end {
                    members.push(other_at);
                    end = other.span.end;
                }
            }
            found.push(members);
        }
        found
    }
}

fn on_event<'w>(workflow: &'w Workflow, job: &'w Job, step: &'w Step, event: &str) -> Scope<'w> {
    let event = expression::Value::Text(event.to_owned());
    Scope::new(workflow).in_job(job, None).in_step(step).assume(&["github", "event_name"], event)
}

impl Workflow {
    /// Whether the conditions of two jobs can never hold in the same run.
    pub fn exclude_each_other(&self, left: usize, right: usize) -> bool {
        let condition = |job: usize| self.jobs.get(job)?.condition.as_ref()?.expr.as_ref();
        match (condition(left), condition(right)) {
            (Some(left), Some(right)) => expression::excludes(left, right),
            _ => false,
        }
    }

    /// Gives an input of an action a value; `text` is the file's. Nothing if the layout does not allow it.
    pub fn set_input(&self, text: &str, step: &Step, name: &str, value: &str) -> Option<Vec<Edit>> {
        if let Some(field) = step.input(name) {
            return Some(vec![yaml::replace_scalar(text, self.tree.node(field.value.node), value)?]);
        }
        self.add_inputs(text, step, &format!("{name}: {value}"))
    }

    /// Gives an action inputs that it does not have yet, one on each line of `entries`; `text` is the file's. Nothing if the layout does not
    /// allow it.
    pub fn add_inputs(&self, text: &str, step: &Step, entries: &str) -> Option<Vec<Edit>> {
        let node = self.tree.node(step.node);
        match node.get("with") {
            Some(with) => yaml::insert_entry(text, with, with.entries().len(), entries),
            None => {
                let at = node.entry("uses").map_or(node.entries().len(), |entry| entry.index + 1);
                let indented = entries.replace('\n', "\n  ");
                yaml::insert_entry(text, node, at, &format!("with:\n  {indented}"))
            }
        }
    }

    /// Adds an entry to the settings of an event; `text` is the file's. Nothing if it has none, or the layout does not allow it.
    pub fn add_to_trigger(&self, text: &str, trigger: &Trigger, entry: &str) -> Option<Vec<Edit>> {
        let node = self.tree.node(trigger.node?);
        match node.entries().len() {
            0 => None,
            count => yaml::insert_entry(text, node, count, entry),
        }
    }

    /// Puts an entry into a step before its `uses` or `run`; `text` is the file's. Nothing if the layout does not allow it.
    pub fn insert_in_step(&self, text: &str, step: &Step, entry: &str) -> Option<Vec<Edit>> {
        let node = self.tree.node(step.node);
        let at = node.entry("uses").or_else(|| node.entry("run")).map(|entry| entry.index);
        yaml::insert_entry(text, node, at.unwrap_or(0), entry)
    }

    /// Puts an entry into a step behind its `run`; `text` is the file's. Nothing if the layout does not allow it.
    pub fn insert_behind_run(&self, text: &str, step: &Step, entry: &str) -> Option<Vec<Edit>> {
        let node = self.tree.node(step.node);
        let at = node.entry("run").map(|entry| entry.index + 1)?;
        yaml::insert_entry(text, node, at, entry)
    }

    /// Puts an entry into a job before its steps; `text` is the file's. Nothing if the layout does not allow it.
    pub fn insert_in_job(&self, text: &str, job: &Job, entry: &str) -> Option<Vec<Edit>> {
        let node = self.tree.node(job.node);
        let at = node.entry("runs-on").map(|entry| entry.index + 1);
        yaml::insert_entry(text, node, at.unwrap_or(0), entry)
    }
}

impl Compose {
    /// Adds entries to a service's health check; `text` is the file's. Nothing if the layout does not allow it.
    pub fn add_to_healthcheck(&self, text: &str, check: &Healthcheck, entries: &str) -> Option<Vec<Edit>> {
        let node = self.tree.node(check.node);
        let flow = node.collection_style() == Some(yaml::CollectionStyle::Flow);
        // Between braces the entries stand on one line.
        let entries = if flow { entries.replace('\n', ", ") } else { entries.to_owned() };
        yaml::insert_entry(text, node, node.entries().len(), &entries)
    }
}

/// The platform of a job's runner, by the labels of GitHub's own runners.
pub fn runner_platform(job: &Job) -> Option<&'static str> {
    let labels = &job.runs_on.as_ref()?.labels;
    let [label] = labels.as_slice() else { return None };
    match label.known()? {
        label if label.starts_with("ubuntu-") && label.ends_with("-arm") => Some("linux/arm64"),
        "ubuntu-latest" | "ubuntu-22.04" | "ubuntu-24.04" | "ubuntu-26.04" | "ubuntu-slim" => Some("linux/amd64"),
        _ => None,
    }
}

/// Whether a text names the commit by its hash.
pub fn is_commit(text: &Text) -> bool {
    matches!(text.parts(), [TextPart::Unknown(words)] if words == "github.sha" || words.ends_with(".head.sha"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    fn project(script: &str) -> Project {
        let indented: String = script.lines().map(|line| format!("          {line}\n")).collect();
        let text = format!(
            "on: push\nenv: {{REPO: ghcr.io/shop}}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n{indented}"
        );
        Project::new(Snapshot::from_texts([(".github/workflows/a.yml", text)]), Settings::default())
    }

    #[test]
    fn container_commands_are_told_apart() {
        let cases: &[(&str, &str)] = &[
            ("docker pull $REPO/web:${{ github.sha }}", "Pull ghcr.io/shop/web:${github.sha}"),
            ("docker --context x image push -q a:1", "Push a:1"),
            ("V=2\ndocker tag a:1 b:$V", "Tag a:1 b:2"),
            ("docker run --rm -it -e A=b -v x:/y web:1 sh -c 'a b'", "Run web:1 [sh, -c, a b]"),
            ("docker compose -f x.yml run --rm -e A web pytest -q", "InService web [pytest, -q]"),
            ("docker-compose exec -T web pytest", "InService web [pytest]"),
            ("docker compose up -d --wait db redis", "Up [db, redis] true true"),
            ("docker compose up", "Up [] false false"),
            ("docker save -o x.tar web", "Save [web]"),
            ("docker load -i x.tar", "Load"),
            ("docker buildx imagetools create -t a b", "Other buildx imagetools"),
        ];
        for (script, expected) in cases {
            let project = project(script);
            let shown = project.container_commands().iter().map(|command| match &command.action {
                ContainerAction::Pull(image) => format!("Pull {image}"),
                ContainerAction::Push(image) => format!("Push {image}"),
                ContainerAction::Tag(from, to) => format!("Tag {from} {to}"),
                ContainerAction::Run { image, words } => format!("Run {image} [{}]", joined(words)),
                ContainerAction::InService { service, words } => format!("InService {service} [{}]", joined(words)),
                ContainerAction::Up { services, detached, waits } => {
                    let names: Vec<String> = services.iter().map(Text::to_string).collect();
                    format!("Up [{}] {detached} {waits}", names.join(", "))
                }
                ContainerAction::Save(images) => {
                    format!("Save [{}]", images.iter().map(Text::to_string).collect::<Vec<_>>().join(", "))
                }
                ContainerAction::Load => "Load".to_owned(),
                ContainerAction::Other(verb) => format!("Other {verb}"),
            });
            assert_eq!(shown.collect::<Vec<_>>(), [*expected], "{script}");
        }
    }

    fn joined(words: &[MappedText]) -> String {
        words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn pipelines_are_told_from_what_stands_in_their_words() {
        let text = MappedText::verbatim(crate::source::FileId(0), 0, "a $(x | y) | b 'c' | d; e | f");
        let script = shell::parse(&text, shell::Options::default());
        let commands = script.commands();
        let name = |at: &usize| commands[*at].simple.name().unwrap_or_default();
        let shown: Vec<String> =
            script.pipelines().iter().map(|line| line.iter().map(name).collect::<Vec<_>>().join("|")).collect();
        assert_eq!(shown, ["a|b|d", "x|y", "e|f"]);
    }

    #[test]
    fn images_are_compared_by_what_they_name() {
        let same = |left: &str, right: &str| image_key(&Text::known(left)) == image_key(&Text::known(right));
        assert!(same("docker.io/library/redis", "redis:latest"));
        assert!(same("localhost:5000/web", "localhost:5000/web:latest"));
        assert!(!same("redis:7", "redis"));
    }
}
