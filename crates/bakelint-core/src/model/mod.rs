//! What the project is: Dockerfiles, bake files, compose files, workflows, and the builds that join them.

pub mod bake;
pub mod build;
mod callers;
mod checkout;
pub mod command_line;
pub mod compose;
mod derived;
pub mod dockerfile;
pub mod inline;
mod link;
pub mod outline;
pub mod paths;
mod scripts;
mod services;
pub mod settings;
pub mod value;
pub mod workflow;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::diagnostic::Diagnostic;
use crate::model::bake::{Bake, BakeCall};
use crate::model::build::{Build, StepRef};
use crate::model::compose::Compose;
pub use crate::model::derived::Derived;
use crate::model::dockerfile::Dockerfile;
use crate::model::inline::Inline;
use crate::model::outline::Outline;
use crate::model::settings::Settings;
use crate::model::workflow::{Action, Job, Step, Workflow};
use crate::snapshot::{FileKind, Snapshot};
use crate::source::{FileId, Span};
use crate::syntax::SyntaxError;

/// Everything that is known about a repository. Immutable once made.
#[derive(Debug)]
pub struct Project {
    /// The files.
    pub snapshot: Snapshot,
    /// What the files do not tell.
    pub settings: Settings,
    /// The Dockerfiles, by path.
    pub dockerfiles: Vec<Dockerfile>,
    /// The workflows, by path.
    pub workflows: Vec<Workflow>,
    /// The actions of the repository, by path.
    pub actions: Vec<Action>,
    /// The compose files: by path, then those that only commands and other files name.
    pub composes: Vec<Compose>,
    /// The bake definitions: those that commands name, and those that bake finds by itself.
    pub bakes: Vec<Bake>,
    /// The bake commands of steps and scripts.
    pub bake_calls: Vec<BakeCall>,
    /// The builds: what is built, joined with who calls it.
    pub builds: Vec<Build>,
    /// Dockerfiles that stand in other files, by the id of the text that is read in their place.
    pub inlines: BTreeMap<FileId, Inline>,
    /// Paths that other files name, that exist and were not read: the caller may read them and link again.
    pub missing: Vec<String>,
    /// What the parsers could not read.
    pub errors: Vec<SyntaxError>,
    /// What follows from all this, worked out on demand.
    pub derived: Derived,
    outlines: BTreeMap<FileId, OnceLock<Outline>>,
}

impl Project {
    /// Parses and links all files.
    pub fn new(mut snapshot: Snapshot, settings: Settings) -> Self {
        snapshot.clear_fragments();
        let mut project = Project {
            outlines: snapshot.files().map(|(file, _)| (file, OnceLock::new())).collect(),
            snapshot,
            settings,
            dockerfiles: Vec::new(),
            workflows: Vec::new(),
            actions: Vec::new(),
            composes: Vec::new(),
            bakes: Vec::new(),
            bake_calls: Vec::new(),
            builds: Vec::new(),
            inlines: BTreeMap::new(),
            missing: Vec::new(),
            errors: Vec::new(),
            derived: Derived::default(),
        };
        for (file, source) in project.snapshot.files() {
            match FileKind::of(&source.path) {
                FileKind::Dockerfile => {
                    let dockerfile = Dockerfile::parse(file, source.clone());
                    if dockerfile.looks_like_one(|path| project.snapshot.has_path(path)) {
                        project.dockerfiles.push(dockerfile);
                    }
                }
                FileKind::Workflow => {
                    let (workflow, errors) = Workflow::parse(file, source.text());
                    project.workflows.push(workflow);
                    project.errors.extend(errors);
                }
                FileKind::Action => {
                    let (action, errors) = Action::parse(file, source.text());
                    project.actions.push(action);
                    project.errors.extend(errors);
                }
                FileKind::Compose => {
                    let (compose, errors) = Compose::parse(file, source.text());
                    // A file that compose does not find by itself may be a piece that a script puts together with others.
                    let name = source.path.rsplit('/').next().unwrap_or_default();
                    let found = name.starts_with("compose") || name.starts_with("docker-compose");
                    if found || errors.is_empty() {
                        project.composes.push(compose);
                        project.errors.extend(errors);
                    }
                }
                _ => {}
            }
        }
        link::link(&mut project);
        project.outlines.extend(project.inlines.keys().map(|file| (*file, OnceLock::new())));
        for bake in &project.bakes {
            for file in &bake.definition.files {
                let errors = file.hcl().into_iter().flat_map(|hcl| hcl.errors.iter().cloned());
                project.errors.extend(errors.map(SyntaxError::from));
            }
        }
        for dockerfile in &project.dockerfiles {
            let errors = dockerfile.tree.errors.iter();
            // The passes of BuildKit after the first that fails are never reached.
            let first = dockerfile.tree.errors.first().map(|error| error.phase);
            let reached = errors.filter(|error| Some(error.phase) == first);
            let count = if first == Some(crate::syntax::dockerfile::Phase::Parser) { 1 } else { usize::MAX };
            project.errors.extend(reached.take(count).map(|error| error.error.clone()));
        }
        project.missing.sort_unstable();
        project.missing.dedup();
        project
    }

    /// The finding with all places in files: what is found in a Dockerfile that stands in another file is found there. A fix goes along
    /// if it comes out the same.
    pub fn in_files(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if self.inlines.is_empty() {
            return diagnostic;
        }
        diagnostic.span = self.in_file(diagnostic.span);
        diagnostic.labels.iter_mut().for_each(|label| label.span = self.in_file(label.span));
        if let Some(fix) = &mut diagnostic.fix {
            let edits = fix.edits.iter().map(|edit| match self.inlines.get(&edit.span.file) {
                Some(inline) => inline.edit(edit),
                None => Some(edit.clone()),
            });
            match edits.collect() {
                Some(edits) => fix.edits = edits,
                None => diagnostic.fix = None,
            }
        }
        diagnostic
    }

    /// The place in a file of a span that may be in a Dockerfile that stands in another file.
    pub fn in_file(&self, span: Span) -> Span {
        self.inlines.get(&span.file).map_or(span, |inline| inline.span_of(span))
    }

    /// Reads a file as a Dockerfile although its name does not say so.
    pub fn read_as_dockerfile(&mut self, path: &str) {
        let Some(file) = self.snapshot.find(path) else { return };
        if let Some(source) = self.snapshot.get(file) {
            self.dockerfiles.push(Dockerfile::parse(file, source.clone()));
        }
    }

    /// The Dockerfile that was read from a file, by index.
    pub fn dockerfile_of(&self, file: FileId) -> Option<usize> {
        self.dockerfiles.iter().position(|dockerfile| dockerfile.file == file)
    }

    /// The builds of a Dockerfile.
    pub fn builds_of(&self, dockerfile: usize) -> impl Iterator<Item = &Build> {
        self.builds.iter().filter(move |build| build.dockerfile == Some(dockerfile))
    }

    /// How many jobs make the given builds: builds of one job share a builder, and so its cache.
    pub fn jobs_of(&self, builds: impl IntoIterator<Item = usize>) -> usize {
        let callers = builds.into_iter().filter_map(|build| self.builds.get(build)?.caller.as_ref());
        let jobs: BTreeSet<(usize, usize)> = callers.map(|caller| (caller.step.workflow, caller.step.job)).collect();
        jobs.len()
    }

    /// All steps of workflows, then those of composite actions.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let jobs = self.workflows.iter().flat_map(|workflow| &workflow.jobs);
        jobs.flat_map(|job| &job.steps).chain(self.actions.iter().flat_map(|action| &action.steps))
    }

    /// The workflow, job and step that a place names.
    pub fn step(&self, place: StepRef) -> Option<(&Workflow, &Job, &Step)> {
        let workflow = self.workflows.get(place.workflow)?;
        let job = workflow.jobs.get(place.job)?;
        Some((workflow, job, job.steps.get(place.step)?))
    }

    /// The nodes of a file that a person could name.
    pub fn outline(&self, file: FileId) -> &Outline {
        static EMPTY: OnceLock<Outline> = OnceLock::new();
        match self.outlines.get(&file) {
            Some(cell) => cell.get_or_init(|| self.make_outline(file)),
            None => EMPTY.get_or_init(Outline::default),
        }
    }

    fn make_outline(&self, file: FileId) -> Outline {
        if let Some(at) = self.dockerfile_of(file) {
            return self.dockerfiles[at].outline();
        }
        let Some(source) = self.snapshot.get(file) else { return Outline::default() };
        let workflows = self.workflows.iter().map(|workflow| (workflow.file, &workflow.tree));
        let actions = self.actions.iter().map(|action| (action.file, &action.tree));
        let composes = self.composes.iter().map(|compose| (compose.file, &compose.tree));
        if let Some((_, tree)) = workflows.chain(actions).chain(composes).find(|(other, _)| *other == file) {
            return outline::of_yaml(tree);
        }
        let of_bake = self.bakes.iter().flat_map(|bake| &bake.definition.files).find(|other| other.file == file);
        match of_bake.and_then(|file| file.hcl()) {
            Some(hcl) => outline::of_hcl(hcl, source),
            None if FileKind::of(&source.path) == FileKind::Dockerignore => outline::of_dockerignore(file, source),
            None => Outline::default(),
        }
    }

    /// The path of a file, relative to the root.
    pub fn path(&self, file: FileId) -> &str {
        self.snapshot.get(file).map(|source| source.path.as_str()).unwrap_or_default()
    }

    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        self.snapshot.get(file).map(|source| source.text()).unwrap_or_default()
    }

    /// A finding in one line: `path:line:column: severity[rule] message`.
    pub fn concise(&self, diagnostic: &Diagnostic) -> String {
        let Diagnostic { span, severity, rule, message, .. } = diagnostic;
        let position = self.snapshot.get(span.file).map(|source| source.position(span.start as usize));
        let (line, column) = position.map_or((1, 1), |position| (position.line, position.column));
        format!("{}:{line}:{column}: {severity}[{rule}] {message}", self.path(span.file))
    }

    /// Whether the file is read as a Dockerfile.
    pub fn is_dockerfile(&self, file: FileId) -> bool {
        self.dockerfile_of(file).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_a_program_puts_together_are_not_read_by_themselves() {
        let files = [
            ("Dockerfile", "FROM debian\nINCLUDE ./parts/before\n"),
            ("Dockerfile.vim", "set nowrap\n"),
            ("compose.yml", "services:\n  a: *base\n"),
            ("other/Dockerfile", "FROM debian\nINCLUDE ./nowhere\n"),
            ("part-compose.yml", "services:\n  a: *base\n"),
            ("parts/before.dockerfile", "RUN true\n"),
            ("web.Dockerfile", "FROM debian\n"),
        ];
        let project = Project::new(Snapshot::from_texts(files), Settings::default());
        let read: Vec<&str> = project.dockerfiles.iter().map(|dockerfile| dockerfile.path.as_str()).collect();
        assert_eq!(read, ["other/Dockerfile", "web.Dockerfile"]);
        let wrong: Vec<&str> = project.errors.iter().map(|error| project.path(error.span.file)).collect();
        assert_eq!(wrong, ["compose.yml", "other/Dockerfile"]);
    }
}
