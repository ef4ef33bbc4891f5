//! Which builds one command makes.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::facts::reach::StageUse;
use crate::model::Project;
use crate::model::bake::Bake;
use crate::model::build::{Build, Maker};
use crate::source::Span;
use crate::syntax::dockerfile::Body;
use crate::syntax::hcl;

/// Builds that one command makes.
#[derive(Debug, Clone)]
pub struct Together<'p> {
    /// The command, or the label of the group that no command of the repository asks for.
    pub span: Option<Span>,
    /// Whether a step of a workflow makes them.
    pub called: bool,
    /// The builds in order.
    pub builds: Vec<&'p Build>,
}

impl Project {
    /// The builds of each bake command, and those of each group of a definition as if somebody asked for it; of two builds or
    /// more. A group within another one is part of that.
    pub fn built_together(&self) -> Vec<Together<'_>> {
        let mut calls: BTreeMap<_, Vec<&Build>> = BTreeMap::new();
        let mut targets: BTreeMap<(usize, &str), &Build> = BTreeMap::new();
        for build in &self.builds {
            let Maker::Target { bake, name } = &build.maker else { continue };
            let known = targets.entry((*bake, name)).or_insert(build);
            if known.caller.is_some() && build.caller.is_none() {
                *known = build;
            }
            if let Some(caller) = &build.caller {
                calls.entry((caller.step, caller.call, format!("{:?}", caller.leg))).or_default().push(build);
            }
        }
        let called = calls.into_values().map(|builds| Together {
            span: builds.first().and_then(|build| build.caller.as_ref()).map(|caller| caller.span),
            called: true,
            builds,
        });
        let groups = self.bakes.iter().enumerate().flat_map(|(at, bake)| {
            let targets = &targets;
            let inner: HashSet<&str> = bake.evaluation.groups.iter().flat_map(|group| group.members()).collect();
            let outer = bake.evaluation.groups.iter().filter(move |group| !inner.contains(group.name.as_str()));
            outer.map(move |group| {
                let (members, _) = bake.evaluation.members(&group.name);
                let builds = members.iter().filter_map(|name| targets.get(&(at, name.as_str())).copied());
                Together { span: group.span, called: false, builds: builds.collect() }
            })
        });
        called.chain(groups).filter(|together| together.builds.len() > 1).collect()
    }
}

/// Stages with a RUN that two builds of one Dockerfile need in equal states, by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStages {
    /// Index of the Dockerfile.
    pub dockerfile: usize,
    /// The stages that both need, in order.
    pub both: Vec<usize>,
    /// Whether each of the builds also needs stages with a RUN that the other one does not.
    pub own: [bool; 2],
}

impl Project {
    /// The stages with a RUN that two builds share: of one Dockerfile, with equal contexts and arguments. `None` if there are none.
    pub fn shared_stages(&self, one: &Build, two: &Build) -> Option<SharedStages> {
        let dockerfile = one.dockerfile.filter(|at| two.dockerfile == Some(*at))?;
        let args = |build: &Build| {
            build.args.iter().map(|arg| (arg.name.clone(), arg.value.clone())).collect::<BTreeMap<_, _>>()
        };
        if one.context != two.context || args(one) != args(two) {
            return None;
        }
        let file = self.dockerfiles.get(dockerfile)?;
        let runs = |stage: &usize| {
            file.stage_instructions(*stage).any(|(_, instruction)| matches!(instruction.body, Body::Run(_)))
        };
        let (first, second) = (self.reach(one)?, self.reach(two)?);
        let used = |uses: &[StageUse], stage: usize| uses.get(stage).is_some_and(|used| *used != StageUse::Unreached);
        let stages: Vec<usize> = (0..file.tree.stages.len()).filter(runs).collect();
        let own = |uses: &[StageUse], others: &[StageUse]| {
            stages.iter().any(|stage| used(uses, *stage) && !used(others, *stage))
        };
        let own = [own(&first, &second), own(&second, &first)];
        let both = stages.iter().copied().filter(|stage| used(&first, *stage) && used(&second, *stage));
        let both: Vec<usize> = both.collect();
        (!both.is_empty()).then_some(SharedStages { dockerfile, both, own })
    }
}

impl Bake {
    /// The values of the objects that targets have as attributes, `args` and such, by the place of their key.
    pub fn object_values(&self) -> HashMap<Span, &hcl::Expr> {
        let attributes = self.definition.targets().flat_map(|target| target.attributes());
        let entries = attributes.flat_map(|attribute| match &attribute.value.kind {
            hcl::ExprKind::Object(object) => object.entries.as_slice(),
            _ => &[],
        });
        entries.map(|entry| (entry.key.span, &entry.value)).collect()
    }
}

impl Build {
    /// Whether its result is an image, or may be one: not only files, and not only the cache.
    pub fn makes_image(&self) -> bool {
        let files = ["local", "tar", "cacheonly"];
        let is_file = |kind: Option<&str>| kind.is_some_and(|kind| files.contains(&kind));
        self.outputs.is_empty() || !self.outputs.iter().all(|output| is_file(output.kind.as_known()))
    }

    /// What it builds, without names and tags: builds that are equal in this have the same result.
    pub fn recipe(&self) -> String {
        let Build { dockerfile_path, dockerfile, target, context, args, contexts, .. } = self;
        let path = dockerfile_path.as_ref().map(|path| &path.eval);
        let target = target.as_ref().map(|target| &target.eval);
        let mut args: Vec<String> = args.iter().map(|arg| format!("{}={}", arg.name, arg.value)).collect();
        let mut contexts: Vec<String> =
            contexts.iter().map(|context| format!("{}={:?}", context.name, context.context)).collect();
        args.sort_unstable();
        contexts.sort_unstable();
        format!("{path:?} {dockerfile:?} {target:?} {context:?} {args:?} {contexts:?}")
    }
}
