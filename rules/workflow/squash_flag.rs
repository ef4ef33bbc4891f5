//! A build asks for `--squash`, which BuildKit does not have.
//!
//! The flag was an experiment of the old builder. buildx takes it, prints a warning and ignores it
//! (`commands/build.go`): layers stay as they are, and secrets that a later layer deletes stay in the image. Fewer layers come of a
//! multi-stage build.
//!
//! Not flagged: the old builder, `DOCKER_BUILDKIT=0`, and podman and buildah, which squash.
//!
//! ## Examples
//!
//! ### Ignored
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker build --squash --tag web .
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:27: warning[squash-flag] BuildKit ignores `--squash`
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -3,4 +3,4 @@
//!    build:
//!      runs-on: ubuntu-latest
//!      steps:
//! -      - run: docker build --squash --tag web .
//! +      - run: docker build --tag web .
//! ```
//!
//! ### Without it
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker build --tag web .
//!       - run: podman build --squash .
//! ```
//!
//! ## Also tested
//!
//! ### On a line of its own, and with the old builder
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker buildx build \
//!             --squash \
//!             --tag web .
//!       - run: docker build --squash .
//!         env:
//!           DOCKER_BUILDKIT: 0
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:13: warning[squash-flag] BuildKit ignores `--squash`
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,7 +5,6 @@
//!      steps:
//!        - run: |
//!            docker buildx build \
//! -            --squash \
//!              --tag web .
//!        - run: docker build --squash .
//!          env:
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "squash-flag", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for command in project.step_commands().iter().filter(|command| command.name == "docker") {
            let builds = matches!(command.verbs().as_slice(), ["build", ..] | ["buildx" | "image", "build", ..]);
            let Some((workflow, job, step)) = project.step(command.place).filter(|_| builds) else { continue };
            let text = project.text(workflow.file);
            // The old builder may be asked for anywhere.
            let maps = [&step.env, &job.env, &workflow.env];
            let script = step.run.as_ref().map_or("", |run| run.value.text.as_str());
            if maps.iter().any(|map| map.get("DOCKER_BUILDKIT").is_some_and(|field| field.known() == Some("0")))
                || script.contains("DOCKER_BUILDKIT=0")
            {
                continue;
            }
            let words = &command.words;
            let Some(at) = words.iter().position(|(word, _)| word.as_known() == Some("--squash")) else { continue };
            let span = words[at].1;
            let diagnostic = found.add(span, "BuildKit ignores `--squash`");
            diagnostic.help("it only prints a warning; a multi-stage build leaves out what is not wanted");
            let before = at.checked_sub(1).map(|before| words[before].1);
            if let Some(before) = before
                && text
                    .get(before.end as usize..span.start as usize)
                    .is_some_and(|gap| gap.trim_matches(['\\', ' ', '\t', '\r', '\n']).is_empty())
            {
                let gap = Span::new(span.file, before.end as usize..span.end as usize);
                diagnostic.fix(Fix::safe("Leave the flag out", vec![Edit::delete(gap)]));
            }
        }
    }
}
