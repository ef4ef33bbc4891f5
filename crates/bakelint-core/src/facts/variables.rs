//! Values that ENV and ARG give to variables, followed over the stages of a Dockerfile.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Project;
use crate::model::build::Build;
use crate::model::dockerfile::{Base, Dockerfile};
use crate::syntax::dockerfile::{Body, Expansion, Lexer, Lookup};
use crate::syntax::mapped::MappedText;

/// A chain of stages longer than this is not followed: what lies below counts as unknown.
const MAX_STAGES: usize = 64;

/// The variables of a Dockerfile. What a base image sets is not known to it.
#[derive(Debug, Default)]
pub struct Variables {
    stages: Vec<StageVariables>,
}

#[derive(Debug, Default)]
struct StageVariables {
    parent: Option<usize>,
    /// Index of each instruction that sets the name, with the value.
    env: BTreeMap<String, Vec<(usize, Lookup)>>,
    /// The same for ARG. ENV wins over ARG, whatever their order (Docker reference, "Using ARG variables").
    arg: BTreeMap<String, Vec<(usize, Lookup)>>,
}

impl Variables {
    /// Reads a Dockerfile of the project, by index.
    pub(super) fn of(project: &Project, at: usize) -> Variables {
        let dockerfile = &project.dockerfiles[at];
        let builds: Vec<&Build> = project.builds_of(at).collect();
        let globals = globals(dockerfile, &builds);
        let mut variables = Variables::default();
        for stage in 0..dockerfile.tree.stages.len() {
            let parent = match dockerfile.base(stage, builds.first().copied()) {
                Base::Stage(parent) => Some(parent),
                _ => None,
            };
            variables.stages.push(StageVariables { parent, ..StageVariables::default() });
            for (index, instruction) in dockerfile.stage_instructions(stage) {
                match &instruction.body {
                    Body::Env(pairs) => {
                        // All values of one ENV see what was set before it.
                        let values: Vec<_> = pairs
                            .pairs
                            .iter()
                            .map(|pair| {
                                let name = expand(dockerfile, &pair.key, &|name| variables.get(stage, index, name));
                                let value = expand(dockerfile, &pair.value, &|name| variables.get(stage, index, name));
                                (name, value)
                            })
                            .collect();
                        for (name, value) in values {
                            if let (Lookup::Set(name), Some(own)) = (name, variables.stages.last_mut()) {
                                own.env.entry(name).or_default().push((index, value));
                            }
                        }
                    }
                    Body::Arg(pairs) => {
                        for pair in pairs {
                            let name = pair.name.to_string();
                            let value = match &pair.value {
                                Some(value) => expand(dockerfile, value, &|name| variables.get(stage, index, name)),
                                None => globals.get(&name).cloned().unwrap_or(Lookup::Unset),
                            };
                            let value = passed(&builds, &name).unwrap_or(value);
                            if let Some(own) = variables.stages.last_mut() {
                                own.arg.entry(name).or_default().push((index, value));
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        variables
    }

    /// What is known about a variable where an instruction of a stage begins, by the instruction's index in the file.
    pub fn get(&self, stage: usize, instruction: usize, name: &str) -> Lookup {
        let mut argument = None;
        let (mut stage, mut before) = (stage, instruction);
        for _ in 0..MAX_STAGES {
            let Some(own) = self.stages.get(stage) else { break };
            let last = |names: &BTreeMap<String, Vec<(usize, Lookup)>>| {
                let settings = names.get(name)?;
                settings.get(settings.partition_point(|(at, _)| *at < before).checked_sub(1)?).cloned()
            };
            if let Some((_, value)) = last(&own.env) {
                return value;
            }
            argument = argument.or_else(|| last(&own.arg).map(|(_, value)| value));
            match own.parent {
                Some(parent) => (stage, before) = (parent, usize::MAX),
                None => return argument.unwrap_or(Lookup::Unset),
            }
        }
        argument.unwrap_or(Lookup::Dynamic)
    }
}

impl Variables {
    /// The names that ENV and ARG have set where an instruction of a stage begins, in order.
    pub fn names(&self, stage: usize, instruction: usize) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let (mut stage, mut before) = (stage, instruction);
        for _ in 0..MAX_STAGES {
            let Some(own) = self.stages.get(stage) else { break };
            let set = own.env.iter().chain(&own.arg);
            let set = set.filter(|(_, settings)| settings.first().is_some_and(|(at, _)| *at < before));
            names.extend(set.map(|(name, _)| name.clone()));
            match own.parent {
                Some(parent) => (stage, before) = (parent, usize::MAX),
                None => break,
            }
        }
        names
    }
}

/// The value that builds pass for an ARG: unknown unless all pass the same.
fn passed(builds: &[&Build], name: &str) -> Option<Lookup> {
    let mut values = builds.iter().map(|build| build.arg(name).map(|arg| arg.value.as_known().map(str::to_owned)));
    let first = values.next()?;
    if values.any(|value| value != first) {
        return Some(Lookup::Dynamic);
    }
    first.map(|value| value.map_or(Lookup::Dynamic, Lookup::Set))
}

/// The ARGs before the first FROM.
fn globals(dockerfile: &Dockerfile, builds: &[&Build]) -> BTreeMap<String, Lookup> {
    let mut globals: BTreeMap<String, Lookup> = BTreeMap::new();
    for instruction in dockerfile.tree.meta_args() {
        let Body::Arg(pairs) = &instruction.body else { continue };
        for pair in pairs {
            let name = pair.name.to_string();
            let value = passed(builds, &name).unwrap_or_else(|| match &pair.value {
                Some(value) => expand(dockerfile, value, &|name| globals.get(name).cloned().unwrap_or(Lookup::Unset)),
                None => Lookup::Unset,
            });
            globals.insert(name, value);
        }
    }
    globals
}

fn expand(dockerfile: &Dockerfile, text: &MappedText, known: &dyn Fn(&str) -> Lookup) -> Lookup {
    // A variable that nothing here sets may come from the base image.
    let known = |name: &str| match known(name) {
        Lookup::Unset => Lookup::Dynamic,
        value => value,
    };
    match Lexer::new(dockerfile.tree.escape).expand(text, &known) {
        Ok(Expansion { value, .. }) => value.known().map_or(Lookup::Dynamic, |value| Lookup::Set(value.to_owned())),
        Err(_) => Lookup::Dynamic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    #[test]
    fn values_are_followed_over_stages_and_env_wins_over_arg() {
        let text =
            "ARG V=1\nFROM a AS x\nENV A=1 B=$HOME\nARG V\nARG A=2\nFROM x\nENV C=$A-$V\nARG D=q\nENV D=e\nARG D=z\n";
        let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default());
        let variables = Variables::of(&project, 0);
        let set = |text: &str| Lookup::Set(text.to_owned());
        let cases = [
            (0, 2, "A", Lookup::Unset),
            (0, 3, "A", set("1")),
            (0, 3, "B", Lookup::Dynamic),
            (0, 9, "V", set("1")),
            (1, 7, "C", set("1-1")),
            (1, 7, "A", set("1")),
            (1, 8, "D", set("q")),
            (1, 99, "D", set("e")),
            (1, 99, "E", Lookup::Unset),
        ];
        for (stage, instruction, name, expected) in cases {
            assert_eq!(variables.get(stage, instruction, name), expected, "{name} before {instruction}");
        }
        let names: Vec<String> = variables.names(1, 7).into_iter().collect();
        assert_eq!(names, ["A", "B", "C", "V"]);
    }
}
