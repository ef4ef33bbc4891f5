//! `bakelint inspect`: the project model as JSON or as a graph; for one Dockerfile its instructions and stages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bakelint_core::prelude::*;
use serde_json::{Value as Json, json};

use crate::args::{GraphFormat, Inspect};
use crate::load::inspect;
use crate::{CLEAN, Failure, Surroundings};

/// Runs the verb.
pub fn run(args: &Inspect, around: &mut Surroundings) -> Result<u8, Failure> {
    let (project, asked) = inspect(&args.path, around)?;
    if let Some(path) = &asked
        && let Some(dockerfile) = project.dockerfiles.iter().find(|dockerfile| dockerfile.path == *path)
        && args.format == GraphFormat::Json
    {
        let outline = dockerfile.tree.outline();
        print(&serde_json::to_value(&outline).map_err(std::io::Error::from)?, around)?;
        return Ok(CLEAN);
    }
    match args.format {
        GraphFormat::Json => print(&model(&project), around)?,
        GraphFormat::Dot => around.out.write_all(dot(&edges(&project)).as_bytes())?,
        GraphFormat::Mermaid => around.out.write_all(mermaid(&edges(&project)).as_bytes())?,
    }
    Ok(CLEAN)
}

fn print(value: &Json, around: &mut Surroundings) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *around.out, value).map_err(std::io::Error::from)?;
    writeln!(around.out)?;
    Ok(())
}

/// The whole graph: files, stages, jobs, targets, builds and their links.
fn model(project: &Project) -> Json {
    let files: Vec<&str> = project.snapshot.files().map(|(_, file)| file.path.as_str()).collect();
    let dockerfiles: Vec<Json> =
        project.dockerfiles.iter().enumerate().map(|(at, file)| stages(project, at, file)).collect();
    let workflows: Vec<Json> = project
        .workflows
        .iter()
        .map(|workflow| {
            let jobs = workflow.jobs.iter().map(|job| {
                let needs: Vec<&str> = job.needs.iter().map(|needed| needed.node.as_str()).collect();
                let steps: Vec<String> = job.steps.iter().map(|step| step.title()).collect();
                json!({"id": job.id.node, "needs": needs, "steps": steps, "legs": job.legs().len()})
            });
            json!({"file": project.path(workflow.file), "jobs": jobs.collect::<Vec<_>>()})
        })
        .collect();
    let bakes: Vec<Json> = project
        .bakes
        .iter()
        .map(|bake| {
            let files: Vec<&str> = bake.files.iter().map(|file| project.path(*file)).collect();
            let targets: Vec<&str> = bake.evaluation.targets.iter().map(|target| target.name.as_str()).collect();
            let groups = bake.evaluation.groups.iter().map(|group| {
                json!({"name": group.name, "targets": group.members().collect::<Vec<_>>()})
            });
            json!({"files": files, "folder": bake.folder, "called": bake.called, "targets": targets, "groups": groups.collect::<Vec<_>>()})
        })
        .collect();
    let builds: Vec<Json> = project.builds.iter().map(|build| build_json(project, build)).collect();
    json!({"version": 1, "files": files, "dockerfiles": dockerfiles, "bake": bakes, "workflows": workflows, "builds": builds})
}

fn stages(project: &Project, at: usize, file: &Dockerfile) -> Json {
    let stages = (0..file.tree.stages.len()).map(|stage| {
        let layers = file.stage_instructions(stage).map(|(_, instruction)| {
            json!({"keyword": instruction.keyword.name(), "line": instruction.lines.0, "text": instruction.text.split_whitespace().collect::<Vec<_>>().join(" ")})
        });
        let used = match project.stage_use(at, stage) {
            StageUse::Unreached => "unreached",
            StageUse::Builder => "builder",
            StageUse::Shipped => "shipped",
        };
        json!({"name": file.stage_name(stage), "base": base_name(file, stage), "use": used, "layers": layers.collect::<Vec<_>>()})
    });
    json!({"file": file.path, "stages": stages.collect::<Vec<_>>()})
}

fn base_name(file: &Dockerfile, stage: usize) -> String {
    match file.base(stage, None) {
        Base::Stage(base) => file.stage_name(base),
        Base::Context(name) => name,
        Base::Image(image) => image.to_string(),
        Base::Scratch => "scratch".to_owned(),
    }
}

fn build_json(project: &Project, build: &Build) -> Json {
    let maker = match &build.maker {
        Maker::Target { .. } => "target",
        Maker::Service { .. } => "service",
        Maker::Step => "step",
        Maker::Script(_) => "script",
        Maker::Standalone(_) => "dockerfile",
    };
    let caller = build.caller.as_ref().and_then(|caller| {
        let (workflow, job, step) = project.step(caller.step)?;
        Some(json!({"workflow": project.path(workflow.file), "job": job.id.node, "step": step.title(), "legs": caller.legs}))
    });
    let context = match &build.context {
        Context::Folder(folder) if folder.is_empty() => json!("."),
        Context::Folder(folder) => json!(folder),
        Context::Target(target) => json!(format!("target:{target}")),
        Context::Image(image) => json!(format!("docker-image://{image}")),
        Context::Remote(place) => json!(place.to_string()),
        Context::Dynamic => Json::Null,
    };
    let value = |value: &Option<Value<String>>| value.as_ref().and_then(|value| value.eval.known().cloned());
    let entries = |list: &[OptionList]| -> Vec<String> { list.iter().map(entry).collect() };
    json!({
        "name": build.name,
        "maker": maker,
        "caller": caller,
        "context": context,
        "dockerfile": value(&build.dockerfile_path),
        "target": value(&build.target),
        "args": build.args.iter().map(|arg| (arg.name.clone(), json!(arg.value.to_string()))).collect::<serde_json::Map<_, _>>(),
        "platforms": build.platforms.iter().map(|platform| platform.eval.known().cloned()).collect::<Vec<_>>(),
        "tags": build.tags.iter().map(|(tag, _)| tag.to_string()).collect::<Vec<_>>(),
        "cache_from": entries(&build.cache_from),
        "cache_to": entries(&build.cache_to),
        "push": build.push.known(),
    })
}

/// A cache entry in its text form.
fn entry(entry: &OptionList) -> String {
    let options = entry.options.iter().map(|(name, value)| format!(",{name}={value}"));
    format!("type={}{}", entry.kind, options.collect::<String>())
}

/// Nodes by group, and links between them: what a person wants to see of a repository.
#[derive(Default)]
struct Graph {
    nodes: BTreeSet<(&'static str, String)>,
    links: BTreeSet<(String, String, &'static str)>,
}

/// Jobs call builds, builds end in stages, stages stand on stages, builds read and write caches.
fn edges(project: &Project) -> Graph {
    let mut graph = Graph::default();
    for build in &project.builds {
        if matches!(build.maker, Maker::Standalone(_)) {
            continue;
        }
        let name = format!("build {}", build.name);
        graph.nodes.insert(("build", name.clone()));
        if let Some((_, job, _)) = build.caller.as_ref().and_then(|caller| project.step(caller.step)) {
            let job = format!("job {}", job.id.node);
            graph.nodes.insert(("job", job.clone()));
            graph.links.insert((job, name.clone(), "calls"));
        }
        for (list, word) in [(&build.cache_from, "reads"), (&build.cache_to, "writes")] {
            for cache in list {
                let place = ["scope", "ref", "src", "dest", "name"].iter().find_map(|option| cache.get(option));
                let cache = format!("cache {} {}", cache.kind, place.map(Text::to_string).unwrap_or_default());
                graph.nodes.insert(("cache", cache.clone()));
                graph.links.insert((name.clone(), cache, word));
            }
        }
        let Some(dockerfile) = build.dockerfile.and_then(|at| project.dockerfiles.get(at)) else { continue };
        let target = build.target.as_ref().and_then(|target| target.eval.known()).map(String::as_str);
        let stage = |stage: usize| format!("{}:{}", dockerfile.path, dockerfile.stage_name(stage));
        if let Some(target) = dockerfile.target_stage(target) {
            graph.nodes.insert(("stage", stage(target)));
            graph.links.insert((name, stage(target), "builds"));
        }
        for (at, used) in project.reach(build).unwrap_or_default().into_iter().enumerate() {
            if let (true, Base::Stage(base)) = (used != StageUse::Unreached, dockerfile.base(at, Some(build))) {
                graph.nodes.insert(("stage", stage(at)));
                graph.nodes.insert(("stage", stage(base)));
                graph.links.insert((stage(at), stage(base), "from"));
            }
        }
    }
    for workflow in &project.workflows {
        for job in &workflow.jobs {
            let own = format!("job {}", job.id.node);
            for needed in &job.needs {
                let needed = format!("job {}", needed.node);
                let seen = |name: &String| graph.nodes.contains(&("job", name.clone()));
                if seen(&own) || seen(&needed) {
                    graph.links.insert((own.clone(), needed, "needs"));
                }
            }
        }
    }
    let named: Vec<String> = graph
        .links
        .iter()
        .filter(|(_, _, word)| *word == "needs")
        .flat_map(|(a, b, _)| [a.clone(), b.clone()])
        .collect();
    graph.nodes.extend(named.into_iter().map(|name| ("job", name)));
    graph
}

fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("digraph bakelint {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=10];\n");
    for (group, name) in &graph.nodes {
        let shape = match *group {
            "job" => "box",
            "build" => "component",
            "stage" => "folder",
            _ => "cylinder",
        };
        let _ = writeln!(text, "  {} [shape={shape}];", quoted(name));
    }
    for (from, to, word) in &graph.links {
        let _ = writeln!(text, "  {} -> {} [label={word}, fontsize=8];", quoted(from), quoted(to));
    }
    text + "}\n"
}

fn mermaid(graph: &Graph) -> String {
    let ids: Vec<&String> = graph.nodes.iter().map(|(_, name)| name).collect();
    let id = |name: &String| ids.iter().position(|other| *other == name).map(|at| format!("n{at}")).unwrap_or_default();
    let escaped = |text: &str| text.replace('"', "&quot;");
    let mut text = String::from("flowchart LR\n");
    for group in ["job", "build", "stage", "cache"] {
        let members: Vec<&String> = graph.nodes.iter().filter(|(own, _)| *own == group).map(|(_, name)| name).collect();
        if members.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  subgraph {group}s");
        for name in members {
            let _ = writeln!(text, "    {}[\"{}\"]", id(name), escaped(name));
        }
        text.push_str("  end\n");
    }
    for (from, to, word) in &graph.links {
        let _ = writeln!(text, "  {} -->|{word}| {}", id(from), id(to));
    }
    text
}
