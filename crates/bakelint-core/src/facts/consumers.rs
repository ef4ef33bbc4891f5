//! Who uses what builds make: images by their names, artifacts by theirs, and images that go from job to job.

use std::collections::BTreeMap;

use crate::model::Project;
use crate::model::build::{Build, StepRef};
use crate::model::command_line::{self, Placed};
use crate::model::compose::Variable;
use crate::model::dockerfile::Base;
use crate::model::value::Text;
use crate::model::workflow::{Scalar, Scope, Step};
use crate::source::Span;
use crate::syntax::shell;

/// What is done with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageUseKind {
    /// It runs: `docker run`, a job's `container`, a compose service.
    Run,
    /// It is fetched: `docker pull`.
    Pull,
    /// It is sent to a registry: `docker push`.
    Push,
    /// It gets another name: `docker tag`, `imagetools create`, `crane copy`, `skopeo copy`.
    Retag,
    /// It is written to a file: `docker save`.
    Save,
    /// A cluster or a service is told to run it: `kubectl set image`, `helm --set image.repository=…`.
    Deploy,
    /// A stage stands on it.
    Base,
}

/// A place that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// The name, as far as it is known.
    pub image: Text,
    /// What is done with it.
    pub kind: ImageUseKind,
    /// The step; `None` outside of workflows.
    pub step: Option<StepRef>,
    /// The build whose Dockerfile stands on it, by index in [`Project::builds`].
    pub base_of: Option<usize>,
    /// The token.
    pub span: Span,
}

/// An artifact of a workflow, as a step writes or reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its name, or the pattern of several; empty for all of the run.
    pub name: Text,
    /// The files that are written, or the folder that they are put into.
    pub path: Vec<Placed>,
    /// Whether it is written: `actions/upload-artifact`.
    pub written: bool,
    /// The step.
    pub step: StepRef,
    /// The action.
    pub span: Span,
}

/// An image that a job builds and another job uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedImage {
    /// The build, by index in [`Project::builds`].
    pub build: usize,
    /// The step that uses or fetches it.
    pub to: StepRef,
    /// The artifact that carries it; otherwise it goes through a registry, by its name.
    pub artifact: Option<Text>,
    /// The place that uses it.
    pub span: Span,
}

struct Uses(Vec<ImageUse>);
struct Artifacts(Vec<Artifact>);
struct Handed(Vec<HandedImage>);

impl Project {
    /// All places that name an image to do something with it: the scripts, containers and deploying actions of workflows, compose
    /// services, and the stages that stand on images. What a build names itself, its tags and caches, is not among them.
    pub fn image_uses(&self) -> &[ImageUse] {
        let Uses(uses) = self.derived.get(|| Uses(image_uses(self)));
        uses
    }

    /// The uses of what a build makes, by any of its tags: those whose name is the same, known or made of the same expressions.
    pub fn uses_of(&self, build: &Build) -> Vec<&ImageUse> {
        let names: Vec<String> = build.tags.iter().map(|(tag, _)| normal(tag)).collect();
        self.image_uses().iter().filter(|used| names.contains(&normal(&used.image))).collect()
    }

    /// The builds that make an image of that name and tag, by index. Names with unknown parts are the same where they are made of the
    /// same expressions, which may differ from job to job.
    pub fn makers_of(&self, image: &Text) -> &[usize] {
        struct Makers(BTreeMap<String, Vec<usize>>);
        let Makers(makers) = self.derived.get(|| {
            let mut makers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (at, build) in self.builds.iter().enumerate() {
                for (tag, _) in &build.tags {
                    let builds = makers.entry(normal(tag)).or_default();
                    if builds.last() != Some(&at) {
                        builds.push(at);
                    }
                }
            }
            Makers(makers)
        });
        makers.get(&normal(image)).map_or(&[], Vec::as_slice)
    }

    /// The artifacts that steps write and read.
    pub fn artifacts(&self) -> &[Artifact] {
        let Artifacts(artifacts) = self.derived.get(|| Artifacts(artifacts(self)));
        artifacts
    }

    /// The images that go from a job that builds them to a job that needs it, as an artifact or by a registry.
    pub fn handed_images(&self) -> &[HandedImage] {
        let Handed(handed) = self.derived.get(|| Handed(handed_images(self)));
        handed
    }
}

/// A name as it is compared: with the tag and the registry that it has when it names none.
fn normal(image: &Text) -> String {
    match image.as_known().and_then(|known| crate::syntax::image::ImageRef::parse(known).ok()) {
        Some(image) if image.digest.is_none() => {
            format!("{}:{}", image.name(), image.tag.as_deref().unwrap_or("latest"))
        }
        _ => image.to_string(),
    }
}

fn image_uses(project: &Project) -> Vec<ImageUse> {
    let mut found = Vec::new();
    let mut add = |image: Text, kind, step, span| {
        if !image.is_empty() {
            found.push(ImageUse { image, kind, step, base_of: None, span });
        }
    };
    for (workflow_at, workflow) in project.workflows.iter().enumerate() {
        for (job_at, job) in workflow.jobs.iter().enumerate() {
            let scope = Scope::new(workflow).in_job(job, None);
            let first = (!job.steps.is_empty()).then_some(StepRef { workflow: workflow_at, job: job_at, step: 0 });
            for container in job.container.iter().chain(&job.services) {
                if let Some(image) = &container.image {
                    add(scope.text(image), ImageUseKind::Run, first, image.span);
                }
            }
            for (step_at, step) in job.steps.iter().enumerate() {
                let place = StepRef { workflow: workflow_at, job: job_at, step: step_at };
                let scope = scope.clone().in_step(step);
                for (image, kind, span) in of_action(step, &scope).into_iter().chain(of_script(step, &scope)) {
                    add(image, kind, Some(place), span);
                }
            }
        }
    }
    for service in project.composes.iter().flat_map(|compose| &compose.services) {
        // The image of a service that is built is what the build makes.
        if let (Some(image), None) = (&service.image, &service.build) {
            add(image.value.text(&|_| Variable::Unknown), ImageUseKind::Run, None, image.value.span);
        }
    }
    for (at, build) in project.builds.iter().enumerate() {
        let (Some(dockerfile), Some(reach)) =
            (build.dockerfile.and_then(|at| project.dockerfiles.get(at)), project.reach(build))
        else {
            continue;
        };
        for (stage, used) in reach.into_iter().enumerate() {
            if used == super::reach::StageUse::Unreached {
                continue;
            }
            if let Base::Image(image) = dockerfile.base(stage, Some(build)) {
                let span = dockerfile.tree.stages[stage].base.span();
                let step = build.caller.as_ref().map(|caller| caller.step);
                found.push(ImageUse { image, kind: ImageUseKind::Base, step, base_of: Some(at), span });
            }
        }
    }
    found
}

type Found = (Text, ImageUseKind, Span);

/// Actions that deploy an image, with the inputs that name it.
const DEPLOYING: &[(&str, &[&str])] = &[
    ("azure/k8s-deploy", &["images"]),
    ("azure/webapps-deploy", &["images"]),
    ("azure/container-apps-deploy-action", &["imageToDeploy"]),
    ("google-github-actions/deploy-cloudrun", &["image"]),
    ("aws-actions/amazon-ecs-render-task-definition", &["image"]),
    ("aws-actions/aws-lambda-deploy", &["image-uri"]),
    ("digitalocean/app_action", &["images"]),
];

fn of_action(step: &Step, scope: &Scope<'_>) -> Vec<Found> {
    let Some(uses) = &step.uses else { return Vec::new() };
    if let Some(image) = uses.value.known().and_then(|text| text.strip_prefix("docker://")) {
        return vec![(Text::known(image), ImageUseKind::Run, uses.value.span)];
    }
    let actions = DEPLOYING.iter().filter(|(action, _)| step.uses_action(action));
    let inputs = actions.flat_map(|(_, inputs)| *inputs).filter_map(|input| step.input(input));
    let lines = inputs.flat_map(|field| scope.lines(&field.value));
    lines.map(|(image, span)| (image, ImageUseKind::Deploy, span)).collect()
}

fn of_script(step: &Step, scope: &Scope<'_>) -> Vec<Found> {
    const PROGRAMS: &[&str] =
        &["docker", "podman", "nerdctl", "kubectl", "oc", "helm", "skopeo", "crane", "regctl", "gcloud"];
    let Some(run) = &step.run else { return Vec::new() };
    let text = &run.value.text;
    if !PROGRAMS.iter().any(|program| text.contains(program)) {
        return Vec::new();
    }
    let script = shell::parse(text, shell::Options { templates: true });
    let variable = |name: &str| scope.env(name).map(|scalar| scope.text(scalar));
    let template = |span: Span| template(&run.value, scope, span);
    let words_scope = command_line::Scope { variable: &variable, template: &template };
    let mut found = Vec::new();
    for command in script.commands() {
        let Some(name) = command.simple.name() else { continue };
        if PROGRAMS.contains(&name) {
            let words = command.simple.arguments().iter();
            let words: Vec<Placed> = words.map(|word| (command_line::text(word, words_scope), word.span)).collect();
            of_command(name, &words, &mut found);
        }
    }
    found
}

/// What an expression in a script stands for.
fn template(scalar: &Scalar, scope: &Scope<'_>, span: Span) -> Text {
    let parts = scalar.template.parts.iter();
    let expr = parts.filter_map(|part| match part {
        crate::syntax::expression::Part::Expression { expr, span: whole } if whole.contains(span) => Some(expr),
        _ => None,
    });
    expr.map(|expr| scope.expression(expr)).next().unwrap_or_else(|| Text::unknown(format!("{span:?}")))
}

/// Flags of `docker run` and `docker create` that take no value (docker/cli `container/opts.go`); all others do.
const RUN_SWITCHES: &[&str] = &[
    "-d",
    "--detach",
    "-i",
    "--interactive",
    "-t",
    "--tty",
    "-it",
    "-ti",
    "-dit",
    "-id",
    "-dt",
    "--rm",
    "--privileged",
    "--init",
    "--read-only",
    "-P",
    "--publish-all",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--sig-proxy",
    "-q",
    "--quiet",
    "--disable-content-trust",
    "--use-api-socket",
];

fn of_command(program: &str, words: &[Placed], found: &mut Vec<Found>) {
    let plain: Vec<&str> = words.iter().map(|(text, _)| text.as_known().unwrap_or_default()).collect();
    let is_flag = |at: usize| words.get(at).is_some_and(|(text, _)| text.prefix().starts_with('-'));
    let operands = |from: usize, switches: Option<&[&str]>| -> Vec<usize> {
        let mut operands = Vec::new();
        let mut at = from;
        while at < words.len() {
            if !is_flag(at) {
                operands.push(at);
            } else if let Some(switches) = switches {
                let attached =
                    words[at].0.prefix().contains('=') || plain[at].len() > 2 && !plain[at].starts_with("--");
                if !attached && !switches.contains(&plain[at]) {
                    at += 1;
                }
            }
            at += 1;
        }
        operands
    };
    let mut add = |at: Option<&usize>, kind: ImageUseKind| {
        if let Some((text, span)) = at.and_then(|at| words.get(*at)) {
            let text = ["docker://", "containers-storage:", "docker-daemon:"]
                .iter()
                .find_map(|scheme| {
                    let rest = text.prefix().strip_prefix(scheme)?;
                    let mut parts = text.parts().iter().skip(1);
                    let mut stripped = Text::known(rest);
                    parts.by_ref().for_each(|part| stripped.push(part.clone()));
                    Some(stripped)
                })
                .unwrap_or_else(|| text.clone());
            found.push((text, kind, *span));
        }
    };
    // `docker image tag` and `docker container run` are the long ways of writing it.
    let verb = match (program, plain.first().copied()) {
        ("docker" | "podman", Some("image" | "container")) => 1,
        _ => 0,
    };
    match (program, plain.get(verb).copied().unwrap_or_default()) {
        ("docker" | "podman" | "nerdctl", "run" | "create") => {
            add(operands(verb + 1, Some(RUN_SWITCHES)).first(), ImageUseKind::Run);
        }
        ("docker" | "podman" | "nerdctl", "pull") => {
            add(operands(verb + 1, Some(&["-q", "--quiet", "-a"])).first(), ImageUseKind::Pull)
        }
        ("docker" | "podman" | "nerdctl", "push") => add(operands(verb + 1, None).first(), ImageUseKind::Push),
        ("docker" | "podman" | "nerdctl", "tag") => add(operands(verb + 1, None).first(), ImageUseKind::Retag),
        ("docker" | "podman" | "nerdctl", "save") => {
            operands(verb + 1, Some(&["-q"])).iter().for_each(|at| add(Some(at), ImageUseKind::Save));
        }
        ("docker", "buildx") if plain.get(1) == Some(&"imagetools") && plain.get(2) == Some(&"create") => {
            let sources = operands(3, Some(&["--append", "--dry-run", "--prefer-index"]));
            sources.iter().for_each(|at| add(Some(at), ImageUseKind::Retag));
        }
        ("docker", "service") => {
            if let Some(at) = plain.iter().position(|word| *word == "--image") {
                add(Some(&(at + 1)), ImageUseKind::Deploy);
            }
        }
        ("skopeo" | "crane", "copy" | "cp" | "tag") => {
            add(operands(1, Some(&["-a", "--all", "-q", "--quiet"])).first(), ImageUseKind::Retag);
        }
        ("regctl", "image") if plain.get(1) == Some(&"copy") => {
            add(operands(2, Some(&[])).first(), ImageUseKind::Retag)
        }
        ("kubectl" | "oc", "set") if plain.get(1) == Some(&"image") => {
            let images = words.iter().filter(|(text, _)| !text.prefix().starts_with('-'));
            let images = images.filter_map(|(text, span)| text.split_once('=').map(|(_, image)| (image, *span)));
            found.extend(images.map(|(image, span)| (image, ImageUseKind::Deploy, span)));
        }
        ("kubectl" | "oc" | "gcloud", _) => {
            for (at, (text, span)) in words.iter().enumerate() {
                match text.split_once('=') {
                    Some((flag, image)) if flag.as_known() == Some("--image") => {
                        found.push((image, ImageUseKind::Deploy, *span));
                    }
                    _ if text.as_known() == Some("--image") => {
                        found.extend(words.get(at + 1).map(|(text, span)| (text.clone(), ImageUseKind::Deploy, *span)));
                    }
                    _ => {}
                }
            }
        }
        ("helm", _) => of_helm(words, found),
        _ => {}
    }
}

/// `--set image.repository=…,image.tag=…`: both halves of a name, below any key.
fn of_helm(words: &[Placed], found: &mut Vec<Found>) {
    let mut halves: BTreeMap<String, (Option<Text>, Option<Text>, Span)> = BTreeMap::new();
    for (at, (text, span)) in words.iter().enumerate() {
        let flag = |flag: &str| matches!(flag, "--set" | "--set-string");
        let list = match text.split_once('=') {
            Some((name, rest)) if name.as_known().is_some_and(flag) => rest,
            _ if at.checked_sub(1).and_then(|at| words[at].0.as_known()).is_some_and(flag) => text.clone(),
            _ => continue,
        };
        let mut rest = Some(list);
        while let Some(list) = rest.take() {
            let item = match list.split_once(',') {
                Some((item, tail)) => {
                    rest = Some(tail);
                    item
                }
                None => list,
            };
            let Some((key, value)) = item.split_once('=') else { continue };
            let Some(key) = key.as_known() else { continue };
            let (above, last) = key.rsplit_once('.').unwrap_or(("", key));
            let half = || (None, None, *span);
            match last {
                "repository" => halves.entry(above.to_owned()).or_insert_with(half).0 = Some(value),
                "tag" => halves.entry(above.to_owned()).or_insert_with(half).1 = Some(value),
                "image" => found.push((value, ImageUseKind::Deploy, *span)),
                _ => {}
            }
        }
    }
    for (repository, tag, span) in halves.into_values() {
        let Some(mut image) = repository else { continue };
        if let Some(tag) = tag {
            image.push(crate::model::value::TextPart::Known(":".into()));
            tag.parts().iter().for_each(|part| image.push(part.clone()));
        }
        found.push((image, ImageUseKind::Deploy, span));
    }
}

fn artifacts(project: &Project) -> Vec<Artifact> {
    let mut found = Vec::new();
    for (workflow_at, workflow) in project.workflows.iter().enumerate() {
        for (job_at, job) in workflow.jobs.iter().enumerate() {
            for (step_at, step) in job.steps.iter().enumerate() {
                let written = step.uses_action("actions/upload-artifact");
                let Some(uses) =
                    step.uses.as_ref().filter(|_| written || step.uses_action("actions/download-artifact"))
                else {
                    continue;
                };
                let scope = Scope::new(workflow).in_job(job, None).in_step(step);
                let input = |name: &str| step.input(name).map(|field| scope.text(&field.value));
                // The name that the action gives when it is told none.
                let default = || if written { Text::known("artifact") } else { Text::default() };
                found.push(Artifact {
                    name: input("name").or_else(|| input("pattern")).unwrap_or_else(default),
                    path: step.input("path").map(|field| scope.lines(&field.value)).unwrap_or_default(),
                    written,
                    step: StepRef { workflow: workflow_at, job: job_at, step: step_at },
                    span: uses.value.span,
                });
            }
        }
    }
    found
}

fn handed_images(project: &Project) -> Vec<HandedImage> {
    let mut found = Vec::new();
    let needs = |from: StepRef, to: StepRef| {
        let workflow = project.workflows.get(from.workflow).filter(|_| from.workflow == to.workflow);
        workflow.is_some_and(|workflow| from.job != to.job && workflow.needs_closure(to.job).contains(&from.job))
    };
    for used in project.image_uses() {
        let Some(to) = used.step else { continue };
        for build in project.makers_of(&used.image) {
            let caller = project.builds[*build].caller.as_ref();
            if caller.is_some_and(|caller| needs(caller.step, to)) {
                found.push(HandedImage { build: *build, to, artifact: None, span: used.span });
            }
        }
    }
    let mut readers: BTreeMap<(usize, String), Vec<&Artifact>> = BTreeMap::new();
    for artifact in project.artifacts().iter().filter(|artifact| !artifact.written) {
        readers.entry((artifact.step.workflow, artifact.name.to_string())).or_default().push(artifact);
    }
    let mut writers: BTreeMap<(usize, usize), Vec<&Artifact>> = BTreeMap::new();
    for artifact in project.artifacts().iter().filter(|artifact| artifact.written) {
        writers.entry((artifact.step.workflow, artifact.step.job)).or_default().push(artifact);
    }
    for (at, build) in project.builds.iter().enumerate() {
        let Some(caller) = &build.caller else { continue };
        let written = writers.get(&(caller.step.workflow, caller.step.job)).map_or(&[][..], Vec::as_slice);
        for artifact in
            written.iter().filter(|artifact| artifact.step.step > caller.step.step && carries(artifact, build))
        {
            let all = readers.get(&(artifact.step.workflow, String::new()));
            let own = readers.get(&(artifact.step.workflow, artifact.name.to_string()));
            for reader in own.into_iter().chain(all).flatten().filter(|reader| needs(artifact.step, reader.step)) {
                let artifact = Some(artifact.name.clone());
                found.push(HandedImage { build: at, to: reader.step, artifact, span: reader.span });
            }
        }
    }
    found
}

/// Whether an artifact holds a file that a build writes.
fn carries(artifact: &Artifact, build: &Build) -> bool {
    let files = build.outputs.iter().filter_map(|output| output.get("dest"));
    files.map(Text::to_string).any(|file| {
        artifact.path.iter().any(|(path, _)| {
            let path = path.to_string();
            let folder = path.trim_end_matches(['*', '/']).trim_start_matches("./");
            let file = file.trim_start_matches("./");
            !folder.is_empty() && (file == folder || file.starts_with(&format!("{folder}/")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    const WORKFLOW: &str = "\
on: push
env:
  IMAGE: ghcr.io/shop/web
jobs:
  build:
    runs-on: x
    steps:
      - uses: docker/build-push-action@v6
        with:
          tags: ghcr.io/shop/web:${{ github.sha }}
          push: true
      - uses: docker/build-push-action@v6
        with:
          file: db.Dockerfile
          tags: shop/db
          outputs: type=docker,dest=/tmp/images/db.tar
      - uses: actions/upload-artifact@v4
        with: {name: images, path: /tmp/images}
  test:
    needs: build
    runs-on: x
    services:
      cache: {image: redis:7}
    steps:
      - uses: actions/download-artifact@v4
        with: {name: images, path: /tmp}
      - run: |
          docker load -i /tmp/db.tar
          docker run -d --name db -p 1:1 shop/db:latest --flag
          docker run --rm -e A=b $IMAGE:${{ github.sha }} npm test
  deploy:
    needs: test
    runs-on: x
    steps:
      - run: |
          kubectl set image deploy/web web=ghcr.io/shop/web:${{ github.sha }} -n prod
          helm upgrade web ./chart --set image.repository=$IMAGE,image.tag=${{ github.sha }} --set replicas=2
          docker buildx imagetools create -t ghcr.io/shop/web:stable ghcr.io/shop/web:${{ github.sha }}
          skopeo copy docker://a/b:1 docker://c/d:1
";

    fn project() -> Project {
        let files = [
            (".github/workflows/ci.yml", WORKFLOW),
            ("Dockerfile", "FROM shop/db\n"),
            ("db.Dockerfile", "FROM postgres:17\n"),
            ("compose.yaml", "services:\n  db: {image: shop/db}\n  web: {image: w, build: .}\n"),
        ];
        Project::new(Snapshot::from_texts(files), Settings::default())
    }

    #[test]
    fn uses_name_images_and_builds_are_found_by_them() {
        let project = project();
        let shown: Vec<String> =
            project.image_uses().iter().map(|used| format!("{:?} {}", used.kind, used.image)).collect();
        assert_eq!(
            shown,
            [
                "Run redis:7",
                "Run shop/db:latest",
                "Run ghcr.io/shop/web:${github.sha}",
                "Deploy ghcr.io/shop/web:${github.sha}",
                "Deploy ghcr.io/shop/web:${github.sha}",
                "Retag ghcr.io/shop/web:${github.sha}",
                "Retag a/b:1",
                "Run shop/db",
                "Base shop/db",
                "Base postgres:17",
                "Base shop/db",
            ]
        );
        let makers: Vec<&[usize]> =
            ["shop/db", "docker.io/shop/db:latest", "a/b:1"].map(|name| project.makers_of(&Text::known(name))).into();
        assert_eq!(makers, [&[1][..], &[1], &[]]);
        let uses: Vec<ImageUseKind> = project.uses_of(&project.builds[0]).iter().map(|used| used.kind).collect();
        use ImageUseKind::{Deploy, Retag, Run};
        assert_eq!(uses, [Run, Deploy, Deploy, Retag]);
    }

    #[test]
    fn images_go_from_job_to_job() {
        let project = project();
        let shown: Vec<String> = project
            .handed_images()
            .iter()
            .map(|handed| {
                let (_, job, _) = project.step(handed.to).unwrap_or_else(|| panic!("{handed:?}"));
                format!("{} to {} {:?}", handed.build, job.id.node, handed.artifact.as_ref().map(Text::to_string))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "1 to test None",
                "0 to test None",
                "0 to deploy None",
                "0 to deploy None",
                "0 to deploy None",
                "1 to test Some(\"images\")"
            ]
        );
    }
}
