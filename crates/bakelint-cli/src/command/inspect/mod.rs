//! `bakelint inspect`: the project model as JSON or as a graph; for one Dockerfile its instructions and stages.

mod graph;

use bakelint_core::prelude::*;
use serde_json::{Value as Json, json};

use crate::args::{GraphFormat, Inspect};
use crate::load::inspect;
use crate::{CLEAN, Failure, Surroundings};
use graph::Graph;

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
        GraphFormat::Dot => around.out.write_all(Graph::new(&project).dot().as_bytes())?,
        GraphFormat::Mermaid => around.out.write_all(Graph::new(&project).mermaid().as_bytes())?,
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
    let images: Vec<Json> = project
        .image_uses()
        .iter()
        .map(|used| {
            let job = used.step.and_then(|step| project.step(step)).map(|(_, job, _)| job.id.node.as_str());
            let makers = project.makers_of(&used.image).iter().filter_map(|build| project.builds.get(*build));
            let makers: Vec<&str> = makers.map(|build| build.name.as_str()).collect();
            json!({"image": used.image.to_string(), "use": format!("{:?}", used.kind).to_lowercase(), "job": job, "made_by": makers})
        })
        .collect();
    let handed: Vec<Json> = project
        .handed_images()
        .iter()
        .filter_map(|handed| {
            let (_, job, _) = project.step(handed.to)?;
            let artifact = handed.artifact.as_ref().map(Text::to_string);
            Some(json!({"build": project.builds.get(handed.build)?.name, "to": job.id.node, "artifact": artifact}))
        })
        .collect();
    json!({"version": 1, "images": images, "handed_images": handed, "files": files, "dockerfiles": dockerfiles, "bake": bakes, "workflows": workflows, "builds": builds})
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
        let builds = project.reached_by(at, stage).iter().filter_map(|reached| project.builds.get(reached.build));
        let mut builds: Vec<&str> = builds.map(|build| build.name.as_str()).collect();
        builds.sort_unstable();
        builds.dedup();
        json!({"name": file.stage_name(stage), "reached_by": builds, "base": base_name(file, stage), "use": used, "layers": layers.collect::<Vec<_>>()})
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
    let maker = build.maker.kind();
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
        "file": project.path(build.span.file),
        "line": project.snapshot.get(build.span.file).map(|file| file.position(build.span.start as usize).line),
        "maker": maker,
        "caller": caller,
        "script": build.script.as_ref().map(|script| json!({"name": script.name, "file": project.path(script.file)})),
        "inline": build.inline.is_some(),
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
