//! An image is given another tag by pulling and pushing it.
//!
//! `docker pull`, `docker tag` and `docker push` carry all layers to the runner and back, and of an image of several platforms only
//! the runner's own comes back: the new tag names less than the old one, and attestations are gone. `docker buildx imagetools
//! create` writes the new tag in the registry and moves no layers
//! (<https://docs.docker.com/reference/cli/docker/buildx/imagetools/create/>).
//!
//! Not flagged: jobs that also build or run the image, a pull for one platform on purpose, and registries on the runner itself.
//!
//! ## Examples
//!
//! ### By way of the runner
//!
//! ```yaml .github/workflows/release.yml
//! on: release
//! jobs:
//!   promote:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker pull ghcr.io/shop/web:edge
//!           docker tag ghcr.io/shop/web:edge ghcr.io/shop/web:stable
//!           docker push ghcr.io/shop/web:stable
//! ```
//!
//! ```text
//! .github/workflows/release.yml:7:11: warning[retag-by-pull] all layers of `ghcr.io/shop/web:edge` come to the runner and go back, only for another tag
//! ```
//!
//! ```diff
//! --- a/.github/workflows/release.yml
//! +++ b/.github/workflows/release.yml
//! @@ -4,6 +4,4 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - run: |
//! -          docker pull ghcr.io/shop/web:edge
//! -          docker tag ghcr.io/shop/web:edge ghcr.io/shop/web:stable
//! -          docker push ghcr.io/shop/web:stable
//! +          docker buildx imagetools create --tag ghcr.io/shop/web:stable ghcr.io/shop/web:edge
//! ```
//!
//! ### In the registry
//!
//! ```yaml .github/workflows/release.yml
//! on: release
//! jobs:
//!   promote:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx imagetools create --tag ghcr.io/shop/web:stable ghcr.io/shop/web:edge
//! ```
//!
//! ## Also tested
//!
//! ### In a loop, in several steps, and images that are used
//!
//! ```yaml .github/workflows/release.yml
//! on: release
//! env:
//!   REPO: ghcr.io/shop
//! jobs:
//!   loop:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           for name in web worker; do
//!             docker pull $REPO/$name:edge && docker tag $REPO/$name:edge $REPO/$name:stable && docker push $REPO/$name:stable
//!           done
//!   steps:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker pull "$REPO/web:${{ github.sha }}"
//!       - run: docker tag "$REPO/web:${{ github.sha }}" "$REPO/web:stable"
//!       - run: docker push "$REPO/web:stable"
//!   used:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker pull $REPO/web:edge
//!           docker run --rm $REPO/web:edge make test
//!           docker tag $REPO/web:edge $REPO/web:stable
//!           docker push $REPO/web:stable
//!   one-platform:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker pull --platform linux/arm64 alpine:3.22
//!           docker tag alpine:3.22 $REPO/alpine:arm64
//!           docker push $REPO/alpine:arm64
//!   local:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker pull alpine:3.22
//!           docker tag alpine:3.22 localhost:5000/alpine
//!           docker push localhost:5000/alpine
//! ```
//!
//! ```text
//! .github/workflows/release.yml:10:13: warning[retag-by-pull] all layers of `ghcr.io/shop/${name}:edge` come to the runner and go back, only for another tag
//! .github/workflows/release.yml:15:14: warning[retag-by-pull] all layers of `ghcr.io/shop/web:${github.sha}` come to the runner and go back, only for another tag
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "retag-by-pull", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for job_at in 0..workflow.jobs.len() {
                if project.job_builds(at, job_at).next().is_none() {
                    job(project, project.job_containers(at, job_at), found);
                }
            }
        }
    }
}

fn job(project: &Project, commands: &[ContainerCommand], found: &mut Findings) {
    let uses = |command: &ContainerCommand| match &command.action {
        ContainerAction::Run { .. } | ContainerAction::Up { .. } | ContainerAction::InService { .. } => true,
        ContainerAction::Save(_) => true,
        ContainerAction::Other(verb) => {
            matches!(verb.as_str(), "build" | "buildx build" | "compose build" | "inspect" | "commit")
        }
        _ => false,
    };
    if commands.iter().any(uses) {
        return;
    }
    let mut reported: Vec<Span> = Vec::new();
    for (tag_at, tag) in commands.iter().enumerate() {
        let ContainerAction::Tag(from, to) = &tag.action else { continue };
        let (source, target) = (image_key(from), image_key(to));
        if ["localhost:", "localhost/", "127.0.0.1:", "registry:5000"].iter().any(|host| target.starts_with(host)) {
            continue;
        }
        let pull = commands[..tag_at]
            .iter()
            .rfind(|other| matches!(&other.action, ContainerAction::Pull(image) if image_key(image) == source));
        let push = commands[tag_at + 1..]
            .iter()
            .find(|other| matches!(&other.action, ContainerAction::Push(image) if image_key(image) == target));
        let (Some(pull), Some(push)) = (pull, push) else { continue };
        if pull.options.iter().any(|option| option.starts_with("--platform")) || reported.contains(&pull.span) {
            continue;
        }
        reported.push(pull.span);
        let diagnostic = found
            .add(pull.span, format!("all layers of `{from}` come to the runner and go back, only for another tag"));
        diagnostic.label(tag.span, "the other tag");
        diagnostic.label(push.span, "goes back here, for the runner's own platform alone");
        diagnostic.help("`docker buildx imagetools create --tag NEW OLD` does it in the registry, for all platforms");
        if let Some(edits) = edits(project, pull, tag, push) {
            diagnostic.fix(Fix::unsafe_("Set the tag in the registry", edits));
        }
    }
}

/// The edits, where the three commands stand alone on lines of one script, one behind the other.
fn edits(
    project: &Project,
    pull: &ContainerCommand,
    tag: &ContainerCommand,
    push: &ContainerCommand,
) -> Option<Vec<Edit>> {
    let follow =
        |one: &ContainerCommand, next: &ContainerCommand| one.place == next.place && one.index + 1 == next.index;
    if !follow(pull, tag) || !follow(tag, push) || pull.program != "docker" {
        return None;
    }
    let words = &project.commands_of(tag.place).iter().find(|command| command.index == tag.index)?.words;
    let [.., (_, from), (_, to)] = words.as_slice() else { return None };
    let source = project.snapshot.get(pull.span.file)?;
    project.whole_lines(pull.span)?;
    let create = format!("docker buildx imagetools create --tag {} {}", source.slice(*to), source.slice(*from));
    let gone = [tag, push].map(|command| project.whole_lines(command.span).map(Edit::delete));
    let [Some(tag), Some(push)] = gone else { return None };
    Some(vec![Edit::replace(pull.span, create), Edit::delete(tag.span.cover(push.span))])
}
