//! What stages are there for, as far as their names tell.

use crate::model::Project;
use crate::model::dockerfile::Base;

/// Parts of names that say that people or checks use the image, and nobody deploys it.
const FOR_PEOPLE: &[&str] = &[
    "bench",
    "benchmark",
    "check",
    "ci",
    "cypress",
    "debug",
    "dev",
    "devcontainer",
    "devel",
    "development",
    "devtools",
    "docs",
    "e2e",
    "lint",
    "local",
    "migrate",
    "migration",
    "migrations",
    "migrator",
    "playwright",
    "profiling",
    "seed",
    "storybook",
    "test",
    "testing",
    "tests",
    "tools",
    "update",
    "validate",
    "vendor",
    "vendored",
];

/// Whether the name of a stage or target, or a path, says that people or checks use what it makes.
pub fn is_for_people(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(['-', '_', '.', '/']).any(|part| FOR_PEOPLE.contains(&part))
}

impl Project {
    /// Whether a stage is for people or checks by its name, by that of a stage that stands on it, or by the path of its Dockerfile: for
    /// development, tests, documents, migrations. Compilers and what only development needs belong into such an image.
    pub fn is_for_people(&self, dockerfile: usize, stage: usize) -> bool {
        let Some(file) = self.dockerfiles.get(dockerfile) else { return false };
        // A stage stands on an earlier one, so that one pass sees all that stand on this one.
        let mut above = vec![stage];
        for other in stage + 1..file.tree.stages.len() {
            if matches!(file.base(other, None), Base::Stage(base) if above.contains(&base)) {
                above.push(other);
            }
        }
        is_for_people(&file.path) || above.iter().any(|stage| is_for_people(&file.stage_name(*stage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    #[test]
    fn names_of_stages_and_files_tell() {
        let text =
            "FROM debian AS base\nFROM base AS tools\nFROM tools AS web-dev\nFROM debian AS app\nFROM app AS devise\n";
        let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default());
        let told: Vec<bool> = (0..6).map(|stage| project.is_for_people(0, stage)).collect();
        assert_eq!(told, [true, true, true, false, false, false]);
        let project = Project::new(Snapshot::from_texts([("e2e/Dockerfile", "FROM debian\n")]), Settings::default());
        assert!(project.is_for_people(0, 0));
    }
}
