//! What a request builds: the selected targets with their links, and the groups they came by.

use std::collections::{BTreeMap, HashSet};

use super::checks;
use super::entry::{Export, Policy};
use super::error::{BakeError, Mistakes};
use super::evaluation::{Evaluation, dedup};
use super::host::Host;
use super::inputs::Inputs;
use super::overrides::Overrides;
use super::pattern;
use super::target::{Eval, Group, Origin, Set, Source, Target};

/// The targets and groups that `docker buildx bake --print` prints.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The targets by name, linked ones included.
    pub targets: BTreeMap<String, Target>,
    /// The groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Overrides that buildx applies otherwise than they are written, without a word. It is copied here.
    pub warnings: Vec<BakeError>,
}

/// How many links may follow each other.
const MAX_LINKS: usize = 500;

impl Evaluation {
    /// Selects and resolves the targets of a request.
    ///
    /// # Errors
    /// When a name, parent, link or override is wrong: with the first mistake.
    pub fn plan(&self, inputs: &Inputs, host: &dyn Host) -> Result<Plan, BakeError> {
        let (plan, mistakes) = self.partial_plan(inputs, host);
        mistakes.into_iter().next().map_or(Ok(plan), Err)
    }

    /// As [`Evaluation::plan`], with all mistakes, and with all that they leave: a name that nothing has and an override
    /// that does not fit hide no target and no other override.
    pub fn partial_plan(&self, inputs: &Inputs, host: &dyn Host) -> (Plan, Vec<BakeError>) {
        let mut mistakes = Mistakes::default();
        let mut requested = Vec::new();
        for name in &inputs.targets {
            match self.matching(&name.replace('.', "_")) {
                Ok(found) => requested.extend(found),
                Err(error) => mistakes.add(error.with_argument("target", name, 0..name.len())),
            }
        }
        if inputs.targets.is_empty() {
            requested.push("default".to_owned());
        }
        dedup(&mut requested);
        let overrides = Overrides::new(inputs, host, &self.targets, &mut mistakes);
        let mut plan = Plan { warnings: overrides.warnings(), ..Plan::default() };
        for name in &requested {
            let (targets, groups) = self.members(name);
            for target in targets {
                if plan.targets.contains_key(&target) {
                    continue;
                }
                if self.target(&target).is_none() {
                    let mention = self.mention(&groups, &target);
                    let error = self.unknown_target(&target, mention, mistakes.are_few());
                    let given =
                        inputs.targets.iter().find(|given| mention.is_none() && given.replace('.', "_") == target);
                    mistakes.add(match given {
                        Some(given) => error.with_argument("target", given, 0..given.len()),
                        None => error,
                    });
                    continue;
                }
                let resolved = self.resolve_with(&target, &overrides, &mut mistakes);
                plan.targets.insert(target, resolved);
            }
            for group in groups {
                if let Some(group) = self.group(&group) {
                    plan.groups.insert(group.name.clone(), group.clone());
                }
            }
        }
        for name in requested {
            if name == "default" && plan.groups.contains_key("default") {
                continue;
            }
            let group = plan.groups.entry("default".to_owned()).or_insert_with(|| Group::new("default"));
            group.targets.get_or_insert_default().push(Set::new(name, Origin::DEFAULT));
        }
        if let Some(members) = plan.groups.get_mut("default").and_then(|group| group.targets.as_mut()) {
            let mut seen = HashSet::new();
            members.retain(|member| seen.insert(member.value.clone()));
            members.sort_by(|a, b| a.value.cmp(&b.value));
        }
        let names: Vec<String> = plan.targets.keys().cloned().collect();
        let mut followed = HashSet::new();
        for name in names {
            self.follow_links(&name, &mut plan, &overrides, &mut Vec::new(), &mut followed, &mut mistakes);
        }
        (plan, mistakes.told)
    }

    /// Where one of the groups names the target.
    fn mention(&self, groups: &[String], target: &str) -> Option<crate::source::Span> {
        let members = groups.iter().filter_map(|group| self.group(group)?.targets.as_ref()).flatten();
        members.filter(|member| member.value == target).find_map(Set::span)
    }

    /// The groups and targets that a requested name or pattern stands for.
    fn matching(&self, wanted: &str) -> Result<Vec<String>, BakeError> {
        if !wanted.contains(['*', '?', '[', ']']) {
            return Ok(vec![wanted.to_owned()]);
        }
        let names = self.groups.iter().map(|group| &group.name).chain(self.targets.iter().map(|target| &target.name));
        let found: Vec<String> = names.filter(|name| pattern::matches(wanted, name) == Ok(true)).cloned().collect();
        match found.is_empty() {
            true => Err(BakeError::new(format!("could not find any target matching \"{wanted}\""))),
            false => Ok(found),
        }
    }

    /// Adds the targets that a target's contexts refer to.
    fn follow_links(
        &self,
        name: &str,
        plan: &mut Plan,
        overrides: &Overrides,
        path: &mut Vec<String>,
        followed: &mut HashSet<String>,
        mistakes: &mut Mistakes,
    ) {
        if path.len() >= MAX_LINKS {
            mistakes.add(BakeError::new(format!("more than {MAX_LINKS} targets link to each other in a row")));
            return;
        }
        path.push(name.to_owned());
        let links: Vec<(String, Option<crate::source::Span>)> = match plan.targets.get(name) {
            Some(target) => target
                .contexts
                .values()
                .filter_map(|context| Some((context.value.strip_prefix("target:")?.to_owned(), context.span())))
                .collect(),
            None => Vec::new(),
        };
        for (linked, span) in links {
            let blame = |message: String| BakeError { span, ..BakeError::new(message) };
            if linked == name {
                mistakes.add(blame(format!("target {linked} cannot link to itself")));
                continue;
            }
            if let Some(at) = path.iter().position(|own| *own == linked) {
                let round: Vec<&str> = path[at..].iter().chain([&linked]).map(String::as_str).collect();
                let error = blame(format!("infinite loop from {name} to {linked}"));
                mistakes.add(error.with_help(format!("the links go round: {}", round.join(" → "))));
                continue;
            }
            if !plan.targets.contains_key(&linked) {
                if self.target(&linked).is_none() {
                    mistakes.add(self.unknown_target(&linked, span, mistakes.are_few()));
                    continue;
                }
                let mut target = self.resolve_with(&linked, overrides, mistakes);
                target.output = Some(vec![Set::new(Export::new("cacheonly"), Origin::DEFAULT)]);
                target.linked = true;
                plan.targets.insert(linked.clone(), target);
            }
            if !followed.contains(&linked) {
                self.follow_links(&linked, plan, overrides, path, followed, mistakes);
            }
            let Some(other) = plan.targets.get(&linked) else { continue };
            let (entitlements, theirs) = (other.entitlements.clone().unwrap_or_default(), platforms(other));
            let Some(target) = plan.targets.get_mut(name) else { continue };
            let ours = platforms(target);
            for entitlement in entitlements {
                let own = target.entitlements.get_or_insert_default();
                if !own.iter().any(|own| own.value == entitlement.value) {
                    own.push(entitlement);
                }
            }
            if ours.len() > 1 && theirs.len() > 1 && !ours.iter().all(|platform| theirs.contains(platform)) {
                mistakes.add(blame(format!(
                    "target {linked} can't be used by {name} because its platforms [{}] are not a subset of [{}]",
                    ours.join(" "),
                    theirs.join(" ")
                )));
            }
        }
        path.pop();
        followed.insert(name.to_owned());
    }
}

fn platforms(target: &Target) -> Vec<String> {
    target.platforms.iter().flatten().map(|platform| platform.value.clone()).collect()
}

impl Plan {
    /// Switches policies off in all targets, as `--policy disabled=true` does.
    pub fn disable_policies(&mut self) {
        for target in self.targets.values_mut() {
            let policy = Policy { disabled: true, ..Policy::default() };
            target.policy = Some(vec![Set::new(policy, Origin::DEFAULT)]);
        }
    }

    /// What buildx does to a plan before it builds or prints: `SOURCE_DATE_EPOCH` of the environment becomes an
    /// argument, contexts are cleaned, and the options are checked.
    ///
    /// # Errors
    /// When options could not be passed to a build: with the first mistake of each target.
    pub fn prepare(&mut self, inputs: &Inputs, host: &dyn Host) -> Result<(), Vec<BakeError>> {
        const EPOCH: &str = "SOURCE_DATE_EPOCH";
        if let Some(Eval::Known(value)) = inputs.environment(EPOCH, host)
            && !value.is_empty()
        {
            for target in self.targets.values_mut() {
                let source = Source::Environment(EPOCH.into());
                let origin = Origin { source, trace: None, dynamic: false };
                target.args.entry(EPOCH.to_owned()).or_insert_with(|| Set::new(Some(value.clone()), origin));
            }
        }
        let mut mistakes = Mistakes::default();
        for target in self.targets.values_mut() {
            if let Err(error) = checks::prepare(target, host) {
                mistakes.add(error);
            }
        }
        if mistakes.told.is_empty() { Ok(()) } else { Err(mistakes.told) }
    }
}
