//! The project as a graph that fits on a page: who calls which builds, what they build, and which caches they share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bakelint_core::prelude::*;

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A job of a workflow.
    Job,
    /// A Makefile's target, a script.
    Script,
    /// A bake target, a compose service, a step that builds.
    Build,
    /// A stage, or a Dockerfile with only one.
    Stage,
    /// A place of caches that several builds share.
    Cache,
    /// What nothing builds.
    Unreached,
}

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    /// A job or script makes a build, a build ends in a stage.
    Makes,
    /// A job comes before another, a stage or a build stands on another.
    Needs,
    /// A build reads a cache.
    Reads,
    /// A build writes a cache.
    Writes,
    /// A build reads a cache and writes it.
    Shares,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    /// The lines of its label; the first is its name.
    lines: Vec<String>,
    /// Whether no workflow, script or Makefile of the repository makes it.
    uncalled: bool,
}

/// Nodes in groups, and links between them.
#[derive(Default)]
pub struct Graph {
    /// By kind and name of the group, which is empty for nodes that stand alone.
    groups: BTreeMap<(Kind, String), BTreeMap<String, Node>>,
    links: Links,
}

/// From, to, and what it stands for.
type Links = BTreeSet<(String, String, Link)>;

/// A Dockerfile with more stages than this shows only those that builds ask for and those that several stages stand on.
const STAGES: usize = 8;

/// More things than this that nothing builds are counted, not named.
const UNREACHED: usize = 8;

/// So many builds that are alike are one node.
const ALIKE: usize = 4;

/// With more builds than this, a Dockerfile of one build alone is told in the build's own label.
const ROOMY: usize = 12;

impl Graph {
    /// The graph of a project.
    pub fn new(project: &Project) -> Self {
        let mut graph = Graph::default();
        let builds = || project.builds.iter().filter(|build| !matches!(build.maker, Maker::Standalone(_)));
        let mut caches: BTreeMap<String, BTreeMap<String, Link>> = BTreeMap::new();
        for build in builds() {
            let (group, id) = place_of(project, build);
            let node = graph
                .groups
                .entry((Kind::Build, group))
                .or_default()
                .entry(id.clone())
                .or_insert_with(|| Node { lines: vec![build.name.clone()], uncalled: true });
            node.uncalled &= build.caller.is_none() && build.script.is_none();
            let platforms = build.platforms.iter().filter_map(|platform| platform.eval.known());
            let platforms: Vec<&str> = platforms.map(|platform| platform.trim_start_matches("linux/")).collect();
            let many = format!("{} platforms", platforms.len());
            let platforms = if platforms.len() > 4 { vec![many.as_str()] } else { platforms };
            let pushed = (build.push.known() == Some(&true)).then_some("pushed");
            let facts = platforms.into_iter().chain(pushed).collect::<Vec<_>>().join(", ");
            if !facts.is_empty() && !node.lines.contains(&facts) {
                node.lines.push(facts);
            }
            for (link, entry) in caches_of(build) {
                let known = caches.entry(entry).or_default().entry(id.clone()).or_insert(link);
                if *known != link {
                    *known = Link::Shares;
                }
            }
            graph.callers(project, build, &id);
            graph.contexts(project, build, &id);
        }
        for at in 0..project.dockerfiles.len() {
            graph.stages(project, at);
        }
        graph.unreached(project);
        graph.fold_dockerfiles();
        let one_for = graph.fold_builds();
        let folded = |id: String| one_for.get(&id).cloned().unwrap_or(id);
        let caches = caches.into_iter().map(|(entry, users)| {
            let mut links: BTreeMap<String, Link> = BTreeMap::new();
            for (id, link) in users {
                let known = links.entry(folded(id)).or_insert(link);
                if *known != link {
                    *known = Link::Shares;
                }
            }
            (entry, links.into_iter().collect())
        });
        graph.caches(caches.collect());
        graph.needs(project);
        graph
    }

    /// The caches: nodes of their own where several builds share them, else lines in the only one's label.
    fn caches(&mut self, caches: BTreeMap<String, BTreeSet<(String, Link)>>) {
        let mut own: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (entry, users) in caches {
            let mut builds: Vec<&String> = users.iter().map(|(id, _)| id).collect();
            builds.dedup();
            if let [only] = builds.as_slice() {
                own.entry((*only).clone()).or_default().push(entry);
                continue;
            }
            let id = format!("cache {entry}");
            self.node(Kind::Cache, String::new(), &id, &entry);
            self.links.extend(users.into_iter().map(|(build, link)| (build, id.clone(), link)));
        }
        for nodes in self.groups.iter_mut().filter(|((kind, _), _)| *kind == Kind::Build).map(|(_, nodes)| nodes) {
            for (id, node) in nodes {
                match own.get(id).map(Vec::as_slice) {
                    None => {}
                    Some(entries @ ([_] | [_, _])) => {
                        node.lines.extend(entries.iter().map(|entry| format!("cache {entry}")));
                    }
                    Some(entries) => node.lines.push(format!("caches {}", pattern(entries))),
                }
            }
        }
    }

    /// Takes the Dockerfiles of one build alone into the build's label, where there are many builds.
    fn fold_dockerfiles(&mut self) {
        let builds: usize =
            self.groups.iter().filter(|((kind, _), _)| *kind == Kind::Build).map(|(_, all)| all.len()).sum();
        let Some(stages) = self.groups.get(&(Kind::Stage, String::new())).filter(|_| builds > ROOMY) else { return };
        let mut folded: Vec<(String, String, String)> = Vec::new();
        for (id, node) in stages {
            let users: Vec<&String> =
                self.links.iter().filter(|(_, to, _)| to == id).map(|(from, _, _)| from).collect();
            let ends = self.links.iter().any(|(from, _, _)| from == id);
            if let ([user], false) = (users.as_slice(), ends) {
                folded.push((id.clone(), (*user).clone(), node.lines.join(" ")));
            }
        }
        for (id, user, path) in folded {
            self.links.retain(|(_, to, _)| *to != id);
            for ((kind, _), nodes) in &mut self.groups {
                if *kind == Kind::Stage {
                    nodes.remove(&id);
                }
                if let Some(node) = nodes.get_mut(&user).filter(|_| *kind == Kind::Build) {
                    node.lines.push(path.clone());
                }
            }
        }
        self.groups.retain(|_, nodes| !nodes.is_empty());
    }

    /// Makes one node of builds of a group that differ in nothing that is shown but their names, such as the cells of a matrix. Comes
    /// back with the id of that node by those of the builds.
    fn fold_builds(&mut self) -> BTreeMap<String, String> {
        let mut one_for = BTreeMap::new();
        for ((_, _), nodes) in
            self.groups.iter_mut().filter(|((kind, group), _)| *kind == Kind::Build && !group.is_empty())
        {
            let mut alike: BTreeMap<(Vec<String>, bool, Links), Vec<String>> = BTreeMap::new();
            for (id, node) in &*nodes {
                let around = self.links.iter().filter(|(from, to, _)| from == id || to == id);
                let blank = |end: &String| if end == id { String::new() } else { end.clone() };
                let around = around.map(|(from, to, link)| (blank(from), blank(to), *link)).collect();
                alike.entry((node.lines[1..].to_vec(), node.uncalled, around)).or_default().push(id.clone());
            }
            for ((facts, uncalled, _), ids) in alike.into_iter().filter(|(_, ids)| ids.len() >= ALIKE) {
                let names: Vec<String> =
                    ids.iter().filter_map(|id| Some(nodes.get(id)?.lines.first()?.clone())).collect();
                let mut lines = vec![pattern(&names)];
                lines.extend(facts);
                let Some(first) = ids.first().cloned() else { continue };
                for id in &ids {
                    nodes.remove(id);
                    one_for.insert(id.clone(), first.clone());
                }
                nodes.insert(first, Node { lines, uncalled });
            }
        }
        let renamed = |id: &String| one_for.get(id).unwrap_or(id).clone();
        self.links = self.links.iter().map(|(from, to, link)| (renamed(from), renamed(to), *link)).collect();
        one_for
    }

    /// The stages that no build reaches and the Dockerfiles that nothing builds.
    fn unreached(&mut self, project: &Project) {
        let mut names = Vec::new();
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let alone = project.builds_of(at).all(|build| matches!(build.maker, Maker::Standalone(_)));
            if alone {
                names.push(dockerfile.path.clone());
                continue;
            }
            let group = dockerfile.path.clone();
            for stage in 0..dockerfile.tree.stages.len() {
                if project.reached_by(at, stage).is_empty() && self.groups.contains_key(&(Kind::Stage, group.clone())) {
                    let node = Node { lines: vec![stage_label(dockerfile, stage)], uncalled: true };
                    let nodes = self.groups.entry((Kind::Stage, group.clone())).or_default();
                    nodes.insert(format!("stage {at} {stage}"), node);
                }
            }
        }
        let more = names.len().saturating_sub(UNREACHED);
        for name in names.iter().take(UNREACHED) {
            self.node(Kind::Unreached, "built by nothing here".to_owned(), &format!("alone {name}"), name);
        }
        if more > 0 {
            let label = format!("… and {more} more");
            self.node(Kind::Unreached, "built by nothing here".to_owned(), "alone\u{10ffff}", &label);
        }
    }

    fn node(&mut self, kind: Kind, group: String, id: &str, label: &str) {
        let nodes = self.groups.entry((kind, group)).or_default();
        nodes.entry(id.to_owned()).or_insert_with(|| Node { lines: vec![label.to_owned()], uncalled: false });
    }

    fn callers(&mut self, project: &Project, build: &Build, id: &str) {
        if let Some((workflow, job, _)) = build.caller.as_ref().and_then(|caller| project.step(caller.step)) {
            let (path, own) = (project.path(workflow.file), job_id(project, workflow, job));
            self.node(Kind::Job, path.to_owned(), &own, &job.id.node);
            self.links.insert((own, id.to_owned(), Link::Makes));
        } else if let Some(script) = &build.script {
            let path = project.path(script.file);
            let own = format!("script {path} {}", script.name);
            let group = if script.name == path { String::new() } else { path.to_owned() };
            self.node(Kind::Script, group, &own, &script.name);
            self.links.insert((own, id.to_owned(), Link::Makes));
        }
    }

    /// Builds that a build stands on: targets that are its contexts, and makers of its base images.
    fn contexts(&mut self, project: &Project, build: &Build, id: &str) {
        let named = build.contexts.iter().map(|context| &context.context).chain([&build.context]);
        for context in named {
            let Context::Target(name) = context else { continue };
            let same = |other: &&Build| match (&build.maker, &other.maker) {
                (Maker::Target { bake, .. }, Maker::Target { bake: other_bake, .. }) => bake == other_bake,
                (Maker::Service { file, .. }, Maker::Service { file: other_file, .. }) => file == other_file,
                _ => false,
            };
            if let Some(other) = project.builds.iter().find(|other| other.name == *name && same(other)) {
                self.links.insert((id.to_owned(), place_of(project, other).1, Link::Needs));
            }
        }
        let Some(dockerfile) = build.dockerfile.and_then(|at| project.dockerfiles.get(at)) else { return };
        for (stage, used) in project.reach(build).unwrap_or_default().into_iter().enumerate() {
            if used == StageUse::Unreached {
                continue;
            }
            let Base::Image(image) = dockerfile.base(stage, Some(build)) else { continue };
            for other in project.makers_of(&image).iter().filter_map(|other| project.builds.get(*other)) {
                let (_, other) = place_of(project, other);
                if other != id {
                    self.links.insert((id.to_owned(), other, Link::Needs));
                }
            }
        }
    }

    /// The stages of a Dockerfile that builds reach, with the builds that ask for them.
    fn stages(&mut self, project: &Project, at: usize) {
        let Some(dockerfile) = project.dockerfiles.get(at) else { return };
        let count = dockerfile.tree.stages.len();
        let builds: Vec<&Build> =
            project.builds_of(at).filter(|build| !matches!(build.maker, Maker::Standalone(_))).collect();
        let Some(first) = builds.first() else { return };
        let mut needed: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
        for (stage, needed) in needed.iter_mut().enumerate() {
            needed.extend(project.needed_stages(first, stage));
        }
        let mut targets: BTreeSet<(String, usize)> = BTreeSet::new();
        for build in &builds {
            let (_, id) = place_of(project, build);
            let ends = project.asked_stages(build);
            targets.extend(ends.into_iter().map(|stage| (id.clone(), stage)));
        }
        let reached: Vec<bool> = (0..count).map(|stage| !project.reached_by(at, stage).is_empty()).collect();
        let mut shown: BTreeSet<usize> = targets.iter().map(|(_, stage)| *stage).collect();
        let users = |stage: usize| (0..count).filter(|user| reached[*user] && needed[*user].contains(&stage)).count();
        let few = reached.iter().filter(|reached| **reached).count() <= STAGES;
        shown.extend((0..count).filter(|stage| reached[*stage] && (few || users(*stage) > 1)));
        let path = match project.inlines.contains_key(&dockerfile.file) {
            true => format!("{} (inline, {})", dockerfile.path, first.name),
            false => dockerfile.path.clone(),
        };
        let id = |stage: usize| format!("stage {at} {stage}");
        for stage in &shown {
            match shown.len() {
                1 => self.node(Kind::Stage, String::new(), &id(*stage), &path),
                _ => self.node(Kind::Stage, path.clone(), &id(*stage), &stage_label(dockerfile, *stage)),
            }
            // What is not shown is gone through.
            let mut open: Vec<usize> = needed[*stage].iter().copied().collect();
            let mut seen: BTreeSet<usize> = BTreeSet::new();
            while let Some(next) = open.pop() {
                if !seen.insert(next) || next == *stage {
                    continue;
                }
                match shown.contains(&next) {
                    true => {
                        self.links.insert((id(*stage), id(next), Link::Needs));
                    }
                    false => open.extend(&needed[next]),
                }
            }
        }
        self.links.extend(targets.into_iter().map(|(build, stage)| (build, id(stage), Link::Makes)));
    }

    /// The jobs that those of the graph wait for, and those that wait for them, in the order in which they run.
    fn needs(&mut self, project: &Project) {
        for workflow in &project.workflows {
            let path = project.path(workflow.file).to_owned();
            let building = self.groups.get(&(Kind::Job, path.clone())).cloned().unwrap_or_default();
            for job in &workflow.jobs {
                for needed in job.needs.iter().filter_map(|needed| workflow.jobs.get(workflow.job(&needed.node)?)) {
                    let (own, other) = (job_id(project, workflow, job), job_id(project, workflow, needed));
                    if building.contains_key(&own) || building.contains_key(&other) {
                        self.node(Kind::Job, path.clone(), &own, &job.id.node);
                        self.node(Kind::Job, path.clone(), &other, &needed.id.node);
                        self.links.insert((other, own, Link::Needs));
                    }
                }
            }
        }
    }

    /// The number of a node's or group's id, and the links with those to all members of a group drawn to the group.
    fn drawn(&self) -> (BTreeMap<&str, String>, Links) {
        let mut ids: BTreeMap<&str, String> = BTreeMap::new();
        let mut groups: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        for (number, ((_, name), nodes)) in self.groups.iter().enumerate() {
            for node in nodes.keys() {
                ids.insert(node, format!("n{}", ids.len()));
                if !name.is_empty() {
                    groups.insert(node, (format!("cluster_{number}"), nodes.len()));
                }
            }
        }
        let mut bundles: BTreeMap<(&str, &str, Link), Vec<&str>> = BTreeMap::new();
        for (from, to, link) in &self.links {
            let group = groups.get(to.as_str()).map_or("", |(group, _)| group);
            bundles.entry((from, group, *link)).or_default().push(to);
        }
        let mut links = BTreeSet::new();
        for ((from, group, link), members) in bundles {
            let Some(from_id) = ids.get(from) else { continue };
            let size = members.first().and_then(|member| groups.get(member)).map_or(0, |(_, size)| *size);
            let outside = groups.get(from).is_none_or(|(own, _)| own != group);
            if !group.is_empty() && size > 2 && members.len() == size && outside {
                links.insert((from_id.clone(), group.to_owned(), link));
                continue;
            }
            let members = members.iter().filter_map(|member| ids.get(member));
            links.extend(members.map(|member| (from_id.clone(), member.clone(), link)));
        }
        (ids, links)
    }

    /// The graph for Graphviz.
    pub fn dot(&self) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let (ids, links) = self.drawn();
        let mut text = String::from(
            "digraph bakelint {\n  rankdir=LR; compound=true; nodesep=0.12; ranksep=0.9; splines=true;\n  \
             graph [fontname=\"Helvetica\", fontsize=10, style=\"rounded\", color=\"#999999\"];\n  \
             node [fontname=\"Helvetica\", fontsize=10, style=\"filled,rounded\", shape=box, height=0.25, margin=\"0.09,0.04\", color=\"#666666\"];\n  \
             edge [arrowsize=0.6, color=\"#555555\"];\n",
        );
        let mut first_of: BTreeMap<String, String> = BTreeMap::new();
        for (number, ((kind, name), nodes)) in self.groups.iter().enumerate() {
            let look = match kind {
                Kind::Job => "fillcolor=\"#dbe9ff\"",
                Kind::Script => "fillcolor=\"#ececec\"",
                Kind::Build => "fillcolor=\"#fff2cc\"",
                Kind::Stage => "fillcolor=\"#dff2df\"",
                Kind::Cache => "fillcolor=\"#eadcf5\", shape=cylinder, style=filled",
                Kind::Unreached => "fillcolor=\"#f6f6f6\", fontcolor=\"#777777\", style=\"filled,rounded,dashed\"",
            };
            let group = format!("cluster_{number}");
            if !name.is_empty() {
                let _ = writeln!(text, "  subgraph {group} {{\n    label=\"{}\";", escaped(name));
            }
            for (id, node) in nodes {
                let label: Vec<String> = node.lines.iter().map(|line| escaped(line)).collect();
                let dashed =
                    if node.uncalled { ", style=\"filled,rounded,dashed\", fontcolor=\"#777777\"" } else { "" };
                let _ = writeln!(text, "    {} [label=\"{}\", {look}{dashed}];", ids[id.as_str()], label.join("\\n"));
                first_of.entry(group.clone()).or_insert_with(|| ids[id.as_str()].clone());
            }
            if !name.is_empty() {
                text.push_str("  }\n");
            }
        }
        for (from, to, link) in &links {
            let mut look = match link {
                Link::Makes => String::new(),
                Link::Needs => "style=dashed".to_owned(),
                Link::Reads => "color=\"#7d5ba6\", dir=back".to_owned(),
                Link::Writes => "color=\"#7d5ba6\"".to_owned(),
                Link::Shares => "color=\"#7d5ba6\", dir=both".to_owned(),
            };
            let end = first_of.get(to).map_or(to, |first| {
                let comma = if look.is_empty() { "" } else { ", " };
                let _ = write!(look, "{comma}lhead={to}");
                first
            });
            let look = if look.is_empty() { look } else { format!(" [{look}]") };
            let _ = writeln!(text, "  {from} -> {end}{look};");
        }
        text + "}\n"
    }

    /// The graph for Mermaid.
    pub fn mermaid(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let (ids, links) = self.drawn();
        let mut text = String::from("flowchart LR\n");
        let mut members: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        let mut dashed: Vec<String> = Vec::new();
        for (number, ((kind, name), nodes)) in self.groups.iter().enumerate() {
            if !name.is_empty() {
                let _ = writeln!(text, "  subgraph cluster_{number}[\"{}\"]", escaped(name));
            }
            for (own, node) in nodes {
                let (open, close) = match kind {
                    Kind::Job | Kind::Unreached => ("[", "]"),
                    Kind::Script => ("[/", "/]"),
                    Kind::Build => ("(", ")"),
                    Kind::Stage => ("[", "]"),
                    Kind::Cache => ("[(", ")]"),
                };
                let label: Vec<String> = node.lines.iter().map(|line| escaped(line)).collect();
                let id = &ids[own.as_str()];
                if node.uncalled {
                    dashed.push(id.clone());
                }
                let _ = writeln!(text, "    {id}{open}\"{}\"{close}", label.join("<br>"));
                members.entry(*kind).or_default().push(id.clone());
            }
            if !name.is_empty() {
                text.push_str("  end\n");
            }
        }
        for (from, to, link) in &links {
            let line = match link {
                Link::Makes | Link::Writes => format!("{from} --> {to}"),
                Link::Needs => format!("{from} -.-> {to}"),
                Link::Reads => format!("{to} --> {from}"),
                Link::Shares => format!("{from} <--> {to}"),
            };
            let _ = writeln!(text, "  {line}");
        }
        for (kind, nodes) in members {
            let (name, fill) = match kind {
                Kind::Job => ("job", "#dbe9ff"),
                Kind::Script => ("script", "#ececec"),
                Kind::Build => ("build", "#fff2cc"),
                Kind::Stage => ("stage", "#dff2df"),
                Kind::Cache => ("cache", "#eadcf5"),
                Kind::Unreached => ("unreached", "#f6f6f6"),
            };
            let _ = writeln!(
                text,
                "  classDef {name} fill:{fill},stroke:#666,color:#000\n  class {} {name}",
                nodes.join(",")
            );
        }
        let named = self.groups.keys().enumerate().filter(|(_, (_, name))| !name.is_empty());
        let clusters: Vec<String> = named.map(|(number, _)| format!("cluster_{number}")).collect();
        if !clusters.is_empty() {
            let _ = writeln!(
                text,
                "  classDef group fill:none,stroke:#999,color:#444\n  class {} group",
                clusters.join(",")
            );
        }
        if !dashed.is_empty() {
            let _ = writeln!(
                text,
                "  classDef uncalled stroke-dasharray:4 3,color:#777\n  class {} uncalled",
                dashed.join(",")
            );
        }
        text
    }
}

/// The name of a stage; one without a name is called by its number.
fn stage_label(dockerfile: &Dockerfile, stage: usize) -> String {
    let name = dockerfile.stage_name(stage);
    if name.bytes().all(|byte| byte.is_ascii_digit()) { format!("stage {name}") } else { name }
}

/// What names have in common up to a separator, with how many there are.
fn pattern(names: &[String]) -> String {
    let first = names.first().map(String::as_str).unwrap_or_default();
    let is_common = |at: &usize| names.iter().all(|name| name.starts_with(&first[..*at]));
    let ends = first.match_indices(['-', '_', '.', ':', '/']).map(|(at, separator)| at + separator.len());
    let head = &first[..ends.filter(is_common).max().unwrap_or_default()];
    format!("{head}* ({})", names.len())
}

fn job_id(project: &Project, workflow: &Workflow, job: &Job) -> String {
    format!("job {} {}", project.path(workflow.file), job.id.node)
}

/// The group of a build and its id: builds of one definition are one node, whoever calls it.
fn place_of(project: &Project, build: &Build) -> (String, String) {
    let file = match &build.maker {
        Maker::Target { bake, .. } => {
            let files = project.bakes.get(*bake).map(|bake| bake.files.as_slice()).unwrap_or_default();
            files.iter().map(|file| project.path(*file)).collect::<Vec<_>>().join(" + ")
        }
        Maker::Service { file, .. } | Maker::Script(file) | Maker::Standalone(file) => project.path(*file).to_owned(),
        Maker::Step => project.path(build.span.file).to_owned(),
    };
    let group = match &build.maker {
        Maker::Target { .. } | Maker::Service { .. } => file.clone(),
        _ => String::new(),
    };
    let place = match &build.maker {
        Maker::Step | Maker::Script(_) => format!("{}", build.span.start),
        _ => String::new(),
    };
    let id = format!("build {file} {} {place}", build.name);
    (group, id)
}

/// The caches that a build reads and writes, in short form.
fn caches_of(build: &Build) -> Vec<(Link, String)> {
    let mut found = Vec::new();
    for (list, link) in [(&build.cache_from, Link::Reads), (&build.cache_to, Link::Writes)] {
        // An inline cache is part of the image.
        for entry in list.iter().filter(|entry| !entry.is("inline")) {
            let place = ["scope", "ref", "src", "dest", "name"].iter().find_map(|option| entry.get(option));
            found.push((
                link,
                match place {
                    Some(place) => format!("{} {place}", entry.kind),
                    None => entry.kind.to_string(),
                },
            ));
        }
    }
    found
}
