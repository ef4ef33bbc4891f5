//! What an instruction finds, over all builds of a Dockerfile: the values that ENV, ARG and the base image give to variables, and the user.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::facts::stages::{self, Evaluation, State};
use crate::model::Project;
use crate::syntax::dockerfile::Lookup;

/// For each Dockerfile, its builds by index.
struct Builds(Vec<Vec<usize>>);

/// For each Dockerfile, its evaluation without a target.
struct Whole(Vec<OnceLock<Option<Evaluation>>>);

impl Project {
    /// The names that the base image, ENV and ARG have set where an instruction begins, all by index. An ARG counts even if no value
    /// is known for it.
    pub fn variable_names(&self, dockerfile: usize, stage: usize, instruction: usize) -> BTreeSet<String> {
        let states = self.states(dockerfile, stage, instruction);
        states.flat_map(|(evaluation, state)| evaluation.names_with_arguments(state.moment)).collect()
    }

    /// What is known about a variable where an instruction begins, all by index: unknown unless all builds agree.
    pub fn variable(&self, dockerfile: usize, stage: usize, instruction: usize, name: &str) -> Lookup {
        let states = self.states(dockerfile, stage, instruction);
        let mut values = states.map(|(evaluation, state)| evaluation.look_up(state.moment, name));
        let Some(first) = values.next() else { return Lookup::Dynamic };
        if values.all(|value| value == first) { first } else { Lookup::Dynamic }
    }

    /// The user that an instruction finds, as USER or the base image names it, all by index. `None` if none is named, if it is not known,
    /// or if builds differ.
    pub fn user(&self, dockerfile: usize, stage: usize, instruction: usize) -> Option<&str> {
        let mut users = self.states(dockerfile, stage, instruction).map(|(_, state)| state.user.as_deref());
        let first = users.next()?;
        first.filter(|user| !user.is_empty() && users.all(|other| other == first))
    }

    /// What an instruction finds in each build that comes to its stage; where none does, as if no stage were asked for.
    fn states(
        &self,
        dockerfile: usize,
        stage: usize,
        instruction: usize,
    ) -> impl Iterator<Item = (&Evaluation, &State)> {
        let at = move |evaluation| Some((evaluation, before(evaluation, stage, instruction)?));
        let evaluations = self.build_indices_of(dockerfile).iter().filter_map(|build| self.evaluation(*build));
        let mut found = evaluations.filter_map(at).peekable();
        let whole = if found.peek().is_none() { self.whole_evaluation(dockerfile).and_then(at) } else { None };
        found.chain(whole)
    }

    fn build_indices_of(&self, dockerfile: usize) -> &[usize] {
        let sort = || {
            let mut builds = vec![Vec::new(); self.dockerfiles.len()];
            for (at, build) in self.builds.iter().enumerate() {
                if let Some(builds) = build.dockerfile.and_then(|dockerfile| builds.get_mut(dockerfile)) {
                    builds.push(at);
                }
            }
            Builds(builds)
        };
        let Builds(all) = self.derived.get(sort);
        all.get(dockerfile).map(Vec::as_slice).unwrap_or_default()
    }

    /// A Dockerfile's evaluation for its first build, without that one's target, so that it covers all stages.
    fn whole_evaluation(&self, dockerfile: usize) -> Option<&Evaluation> {
        let Whole(all) = self.derived.get(|| Whole(self.dockerfiles.iter().map(|_| OnceLock::new()).collect()));
        let evaluate = || stages::evaluate_all_stages(self, *self.build_indices_of(dockerfile).first()?);
        all.get(dockerfile)?.get_or_init(evaluate).as_ref()
    }
}

/// What an instruction of a stage finds; `None` if the stage is not evaluated.
fn before(evaluation: &Evaluation, stage: usize, instruction: usize) -> Option<&State> {
    let stage = evaluation.stages.get(stage).filter(|stage| stage.evaluated)?;
    // Triggers come first, and stand further up in the file than what is built on them.
    let next = stage.steps.partition_point(|step| step.instruction < instruction);
    Some(stage.steps.get(next).map_or(&stage.end, |step| &step.before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::{BuildSettings, Settings};
    use crate::snapshot::Snapshot;

    fn set(text: &str) -> Lookup {
        Lookup::Set(text.to_owned())
    }

    #[test]
    fn values_are_followed_over_stages_and_the_later_one_wins() {
        let text =
            "ARG V=1\nFROM a AS x\nENV A=1 B=$HOME\nARG V\nARG A=2\nFROM x\nENV C=$A-$V\nARG D=q\nENV D=e\nARG D=z N\n";
        let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default());
        let cases = [
            (0, 2, "A", Lookup::Unset),
            (0, 3, "A", set("1")),
            (0, 3, "B", Lookup::Dynamic),
            (0, 4, "V", set("1")),
            (0, 9, "A", set("2")),
            (1, 6, "A", set("1")),
            (1, 7, "C", set("1-1")),
            (1, 8, "D", set("q")),
            (1, 9, "D", set("e")),
            (1, 99, "D", set("z")),
            (1, 99, "N", Lookup::Dynamic),
            (1, 99, "E", Lookup::Unset),
        ];
        for (stage, instruction, name, expected) in cases {
            assert_eq!(project.variable(0, stage, instruction, name), expected, "{name} before {instruction}");
        }
        let names: Vec<String> = project.variable_names(0, 1, 99).into_iter().collect();
        assert_eq!(names, ["A", "B", "C", "D", "N", "V"]);
    }

    #[test]
    fn base_images_and_stages_that_no_build_needs() {
        let text = "FROM golang:1.24 AS a\nRUN x\nFROM debian:12 AS b\nENV P=1\nRUN y\n";
        let build = BuildSettings { target: Some("a".to_owned()), ..BuildSettings::default() };
        let project =
            Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings { build, ..Settings::default() });
        assert_eq!(project.variable(0, 0, 1, "GOPATH"), set("/go"));
        assert_eq!(project.variable(0, 0, 1, "GOLANG_VERSION"), Lookup::Dynamic);
        assert_eq!(project.variable(0, 1, 4, "P"), set("1"));
        assert_eq!(project.variable(0, 1, 4, "GOPATH"), Lookup::Unset);
        assert_eq!(project.user(0, 1, 4), None);
        assert!(project.variable_names(0, 0, 1).contains("GOPATH"));
    }
}
