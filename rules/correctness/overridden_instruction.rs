//! A stage has several CMDs, ENTRYPOINTs or HEALTHCHECKs, of which only the last one counts.
//!
//! The earlier one looks as if it did something. Often it is left over from a merge, or its author believed that all of them run.
//! See <https://docs.docker.com/reference/build-checks/multiple-instructions-disallowed/>.
//!
//! One in a stage below is not flagged: replacing the command of a base is what a stage is for.
//!
//! ## Compared with hadolint
//!
//! DL3012, DL4003 and DL4004 stand at the later instruction, this stands where BuildKit's check does, at the one that does nothing. hadolint's
//! ignore comments do not silence it, because BuildKit warns all the same; `# check=skip=MultipleInstructionsDisallowed` above the later one
//! does.
//!
//! ## Examples
//!
//! ### Two commands
//!
//! ```dockerfile
//! FROM nginx:1.27
//! CMD ["nginx-debug"]
//! EXPOSE 80
//! CMD ["nginx", "-g", "daemon off;"]
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[overridden-instruction] this CMD does nothing, because a later one of the stage replaces it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,3 @@
//!  FROM nginx:1.27
//! -CMD ["nginx-debug"]
//!  EXPOSE 80
//!  CMD ["nginx", "-g", "daemon off;"]
//! ```
//!
//! ### One in each stage
//!
//! ```dockerfile
//! FROM nginx:1.27 AS base
//! CMD ["nginx"]
//! FROM base
//! ENTRYPOINT ["/entry"]
//! CMD ["nginx-debug"]
//! ```
//!
//! ## Also tested
//!
//! ### Three
//!
//! ```dockerfile
//! FROM alpine:3.21
//! HEALTHCHECK CMD a
//! HEALTHCHECK CMD b
//! HEALTHCHECK NONE
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[overridden-instruction] this HEALTHCHECK does nothing, because a later one of the stage replaces it
//! Dockerfile:3:1: warning[overridden-instruction] this HEALTHCHECK does nothing, because a later one of the stage replaces it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,2 @@
//!  FROM alpine:3.21
//! -HEALTHCHECK CMD a
//! -HEALTHCHECK CMD b
//!  HEALTHCHECK NONE
//! ```
//!
//! ### Silenced for BuildKit, above the later one
//!
//! ```dockerfile
//! FROM alpine:3.21
//! CMD ["a"]
//! # check=skip=MultipleInstructionsDisallowed
//! CMD ["b"]
//! ```
//!
//! ### A trigger
//!
//! ```dockerfile
//! FROM alpine:3.21 AS base
//! ONBUILD CMD ["a"]
//! FROM base
//! CMD ["b"]
//! ```
//!
//! ```text
//! Dockerfile:3:6: warning[overridden-instruction] this CMD does nothing, because a later one of the stage replaces it
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// BuildKit's name for it.
const CHECK: &str = "buildkit:MultipleInstructionsDisallowed";

impl Check for Rule {
    const META: Meta = Meta {
        id: "overridden-instruction",
        fix: Some(Safety::Safe),
        also: &[CHECK, "hadolint:DL3012", "hadolint:DL4003", "hadolint:DL4004"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, later) in evaluation.steps() {
                let earlier = later.overrides.and_then(|at| evaluation.stages[stage].steps.get(at));
                let Some(earlier) = earlier else { continue };
                let nodes = [earlier, later].map(|step| file.tree.instructions.get(step.instruction));
                let [Some(first), Some(second)] = nodes else { continue };
                let keyword = later.keyword(&file.tree).name();
                let (span, _) = evaluation.place(file, stage, earlier, first.word.span());
                // BuildKit looks for a comment above the instruction that it has come to, which is the later one.
                let heeds = if later.is_own() { Heeds::At(second.span) } else { Heeds::Nothing };
                let diagnostic = found
                    .add(span, format!("this {keyword} does nothing, because a later one of the stage replaces it"))
                    .heeds(heeds)
                    .label(evaluation.place(file, stage, later, second.word.span()).0, "the one that counts");
                diagnostic.known_as(CHECK);
                // hadolint looks at the text alone, so it sees no triggers.
                match (later.keyword(&file.tree), earlier.is_own() && later.is_own()) {
                    (Keyword::Healthcheck, true) => _ = diagnostic.known_as("hadolint:DL3012"),
                    (Keyword::Cmd, true) => _ = diagnostic.known_as("hadolint:DL4003"),
                    (Keyword::Entrypoint, true) => _ = diagnostic.known_as("hadolint:DL4004"),
                    _ => {}
                }
                if earlier.is_own() {
                    let title = format!("Delete the {keyword} that does nothing");
                    diagnostic.fix(Fix::safe(title, vec![Edit::delete(first.full_span)]));
                }
            }
        }
    }
}
