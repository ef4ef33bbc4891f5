//! Which stages a build reaches, and whether their layers or only some of their files end up in an image.

use std::collections::BTreeSet;

use crate::model::Project;
use crate::model::bake::BakeCall;
use crate::model::build::{Build, Context, Entry};
use crate::model::dockerfile::{Base, Dockerfile};
use crate::syntax::dockerfile::{Body, Instruction, StageRef};

/// What becomes of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StageUse {
    /// No build that is known needs it.
    #[default]
    Unreached,
    /// Builds take files from it; its layers are thrown away.
    Builder,
    /// Its layers are part of an image.
    Shipped,
}

/// A build that reaches a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The build, by index in [`Project::builds`].
    pub build: usize,
    /// What it makes of the stage.
    pub used: StageUse,
}

/// By Dockerfile and stage.
struct AllReached(Vec<Vec<Vec<Reached>>>);

impl Project {
    /// What becomes of a stage, over all builds of the Dockerfile: both by index. A Dockerfile that nothing in the repository
    /// builds is built as the command line says, else up to its last stage. Where a build's target is not known, each stage that no
    /// other one needs may be it.
    pub fn stage_use(&self, dockerfile: usize, stage: usize) -> StageUse {
        self.reached_by(dockerfile, stage).iter().map(|reached| reached.used).max().unwrap_or_default()
    }

    /// The builds that reach a stage, over all callers: workflows, compose files, scripts that only people run, and bake targets that
    /// nobody calls. [`Build::caller`] and [`Build::script`] tell which it is.
    pub fn reached_by(&self, dockerfile: usize, stage: usize) -> &[Reached] {
        let AllReached(all) = self.derived.get(|| AllReached(self.all_reached()));
        all.get(dockerfile).and_then(|stages| stages.get(stage)).map_or(&[], Vec::as_slice)
    }

    /// The stage that a build asks for, by index; where it is not known, each stage that no other one needs.
    pub fn asked_stages(&self, build: &Build) -> Vec<usize> {
        let dockerfile = build.dockerfile.and_then(|at| self.dockerfiles.get(at));
        dockerfile.map(|dockerfile| targets(dockerfile, build)).unwrap_or_default()
    }

    /// The stages that a stage stands on, or copies or mounts files from, in a build, by index.
    pub fn needed_stages(&self, build: &Build, stage: usize) -> Vec<usize> {
        let Some(dockerfile) = build.dockerfile.and_then(|at| self.dockerfiles.get(at)) else { return Vec::new() };
        let base = match dockerfile.base(stage, Some(build)) {
            Base::Stage(base) => Some(base),
            _ => None,
        };
        let sources = dockerfile.stage_instructions(stage).flat_map(|(_, next)| sources(dockerfile, build, next));
        base.into_iter().chain(sources).collect()
    }

    /// The bake commands that build a target, by the index of its definition and its name.
    pub fn target_calls<'p>(&'p self, bake: usize, target: &'p str) -> impl Iterator<Item = &'p BakeCall> {
        let of_bake = self.bake_calls.iter().filter(move |call| call.bake == bake);
        of_bake.filter(move |call| call.resolved.iter().any(|name| name == target))
    }

    /// The stages of a Dockerfile that builds ask for, in order. Where a build's target is not known, each stage that no other one
    /// needs.
    pub fn target_stages(&self, dockerfile: usize) -> Vec<usize> {
        let Some(file) = self.dockerfiles.get(dockerfile) else { return Vec::new() };
        let mut stages: Vec<usize> = self.builds_of(dockerfile).flat_map(|build| targets(file, build)).collect();
        stages.sort_unstable();
        stages.dedup();
        stages
    }

    fn all_reached(&self) -> Vec<Vec<Vec<Reached>>> {
        let mut all: Vec<Vec<Vec<Reached>>> =
            self.dockerfiles.iter().map(|file| vec![Vec::new(); file.tree.stages.len()]).collect();
        for (at, build) in self.builds.iter().enumerate() {
            let (Some(dockerfile), Some(reach)) = (build.dockerfile, self.reach(build)) else { continue };
            let most = if self.ships_layers(build) { StageUse::Shipped } else { StageUse::Builder };
            for (known, used) in all[dockerfile].iter_mut().zip(reach) {
                if used != StageUse::Unreached {
                    known.push(Reached { build: at, used: used.min(most) });
                }
            }
        }
        all
    }

    /// Whether the layers of a build end up in an image: its own, or that of a build that stands on it. A build that only checks something,
    /// with `type=cacheonly`, or hands out files has no image.
    fn ships_layers(&self, build: &Build) -> bool {
        const WITHOUT_IMAGE: [&str; 3] = ["cacheonly", "local", "tar"];
        let is_image = |output: &Entry| !WITHOUT_IMAGE.iter().any(|kind| output.is(kind));
        let Bases(bases) = self.derived.get(|| {
            let contexts = self.builds.iter().flat_map(|build| &build.contexts);
            let names = contexts.filter_map(|named| match &named.context {
                Context::Target(name) => Some(name.clone()),
                _ => None,
            });
            Bases(names.collect())
        });
        build.outputs.is_empty() || build.outputs.iter().any(is_image) || bases.contains(&build.name)
    }

    /// What one build makes of each stage of its Dockerfile; `None` without a Dockerfile.
    pub fn reach(&self, build: &Build) -> Option<Vec<StageUse>> {
        let dockerfile = self.dockerfiles.get(build.dockerfile?)?;
        let mut uses = vec![StageUse::Unreached; dockerfile.tree.stages.len()];
        let mut open: Vec<(usize, StageUse)> =
            targets(dockerfile, build).into_iter().map(|stage| (stage, StageUse::Shipped)).collect();
        while let Some((stage, used)) = open.pop() {
            let Some(known) = uses.get_mut(stage).filter(|known| **known < used) else { continue };
            *known = used;
            if let Base::Stage(base) = dockerfile.base(stage, Some(build)) {
                open.push((base, used));
            }
            let needed = dockerfile.stage_instructions(stage).flat_map(|(_, next)| sources(dockerfile, build, next));
            open.extend(needed.map(|stage| (stage, StageUse::Builder)));
        }
        Some(uses)
    }
}

/// The names of builds that other builds stand on.
struct Bases(BTreeSet<String>);

/// The stage that a build asks for, or those that it may ask for.
fn targets(dockerfile: &Dockerfile, build: &Build) -> Vec<usize> {
    match build.target.as_ref().map(|target| target.eval.known()) {
        None => dockerfile.target_stage(None).into_iter().collect(),
        Some(Some(name)) => dockerfile.target_stage(Some(name)).into_iter().collect(),
        Some(None) => leaves(dockerfile, build),
    }
}

/// The stages that no other stage needs.
fn leaves(dockerfile: &Dockerfile, build: &Build) -> Vec<usize> {
    let stages = dockerfile.tree.stages.len();
    let mut needed = vec![false; stages];
    for stage in 0..stages {
        if let Base::Stage(base) = dockerfile.base(stage, Some(build)) {
            needed[base] = true;
        }
        let sources = dockerfile.stage_instructions(stage).flat_map(|(_, next)| sources(dockerfile, build, next));
        for source in sources.filter(|source| *source != stage) {
            needed[source] = true;
        }
    }
    (0..stages).filter(|stage| !needed[*stage]).collect()
}

/// The stages that an instruction copies or mounts from.
fn sources(dockerfile: &Dockerfile, build: &Build, instruction: &Instruction) -> Vec<usize> {
    let body = match &instruction.body {
        Body::Onbuild(onbuild) => &onbuild.body,
        body => body,
    };
    let stage = |name: &str, found: StageRef| match found {
        StageRef::Stage(stage) if build.named_context(name).is_none() => Some(stage),
        _ => None,
    };
    match body {
        Body::Copy(copy) => copy.from.iter().filter_map(|from| stage(from, dockerfile.tree.copy_from(from))).collect(),
        Body::Run(run) => {
            let names = run.mounts.iter().filter_map(|mount| mount.from());
            names.filter_map(|from| stage(from, dockerfile.tree.mount_from(from))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::{BuildSettings, Settings};
    use crate::snapshot::Snapshot;

    fn uses(text: &str, target: Option<&str>) -> String {
        let build = BuildSettings { target: target.map(str::to_owned), ..BuildSettings::default() };
        let settings = Settings { build, ..Settings::default() };
        let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), settings);
        let letter = |stage| match project.stage_use(0, stage) {
            StageUse::Unreached => '-',
            StageUse::Builder => 'b',
            StageUse::Shipped => 's',
        };
        (0..project.dockerfiles[0].tree.stages.len()).map(letter).collect()
    }

    #[test]
    fn builds_without_an_image_ship_no_layers() {
        let bake = "target \"check\" { output = [\"type=cacheonly\"] }\n";
        let base = "target \"app\" {\n contexts = { x = \"target:check\" }\n dockerfile = \"other\"\n}\n";
        let used = |bake: &str| {
            let files = [("Dockerfile", "FROM a\n"), ("other", "FROM x\n"), ("docker-bake.hcl", bake)];
            let project = Project::new(Snapshot::from_texts(files), Settings::default());
            let at = project.dockerfiles.iter().position(|file| file.path == "Dockerfile");
            at.map(|at| project.stage_use(at, 0))
        };
        assert_eq!(used(bake), Some(StageUse::Builder));
        assert_eq!(used(&bake.replace("cacheonly", "registry")), Some(StageUse::Shipped));
        assert_eq!(used(&format!("{bake}{base}")), Some(StageUse::Shipped));
    }

    #[test]
    fn stages_are_reached_by_builds_of_all_callers() {
        let files = [
            ("Dockerfile", "FROM a AS base\nFROM base AS dev\nFROM base AS prod\nFROM base AS unused\n"),
            ("Makefile", "dev:\n\tdocker build --target dev .\n"),
            ("compose.yaml", "services:\n  web:\n    build: {context: ., target: prod}\n"),
        ];
        let project = Project::new(Snapshot::from_texts(files), Settings::default());
        let by = |stage| project.reached_by(0, stage).iter().map(|reached| project.builds[reached.build].name.as_str());
        let by: Vec<Vec<&str>> = (0..4).map(|stage| by(stage).collect()).collect();
        assert_eq!(by, [vec!["make dev", "web"], vec!["make dev"], vec!["web"], vec![]]);
        assert!(project.builds.iter().all(|build| build.caller.is_none()));
    }

    #[test]
    fn layers_are_shipped_along_from_and_files_along_copy_and_mounts() {
        let text = "FROM a AS base\nFROM base AS tool\nFROM base AS dev\nFROM c AS lib\nFROM base\nCOPY --from=TOOL /x /x\n\
            RUN --mount=from=lib,target=/y true\n";
        assert_eq!(uses(text, None), "sb-bs");
        assert_eq!(uses(text, Some("dev")), "s-s--");
        assert_eq!(uses(text, Some("missing")), "-----");
        assert_eq!(uses("FROM a\nCOPY --from=0 /x /y\n", None), "s");
        assert_eq!(uses("", None), "");
    }
}
