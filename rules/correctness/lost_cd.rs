//! A change of the working directory is lost at the end of the step.
//!
//! Each RUN begins in the directory that WORKDIR names; where a shell was when it ended plays no part. A `cd` at the end of a RUN does nothing, and what follows
//! runs somewhere else than it looks. `cd x && make` within one RUN is sound and not flagged.
//!
//! ## Compared with hadolint
//!
//! DL3003 flags every `cd` and asks for WORKDIR. A `cd` in front of a command holds for the rest of its RUN and does what it looks like, a
//! WORKDIR in its place would hold for all later instructions too. Only the `cd` that has no effect is flagged here.
//!
//! ## Examples
//!
//! ### A step that only changes the directory
//!
//! ```dockerfile
//! FROM golang:1.24
//! RUN cd /src
//! RUN go build ./...
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[lost-cd] `cd /src` is the end of the step, so it has no effect
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM golang:1.24
//! -RUN cd /src
//! +WORKDIR /src
//!  RUN go build ./...
//! ```
//!
//! ### Within one step, or for all that follow
//!
//! ```dockerfile
//! FROM golang:1.24
//! RUN cd /tmp && go version
//! WORKDIR /src
//! RUN go build ./...
//! ```
//!
//! ## Also tested
//!
//! ### At the end of a longer step
//!
//! ```dockerfile
//! FROM debian:12
//! RUN mkdir /x && \
//!     cd /x
//! RUN for d in a b; do cd "$d" || exit 1; done
//! RUN (cd /usr && ls)
//! RUN cd "$HOME"
//! RUN if true; then cd /x; fi
//! RUN test -d /x && cd /x 2>/dev/null
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[lost-cd] `cd /x` is the end of the step, so it has no effect
//! Dockerfile:6:5: warning[lost-cd] `cd "$HOME"` is the end of the step, so it has no effect
//! Dockerfile:8:19: warning[lost-cd] `cd /x` is the end of the step, so it has no effect
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "lost-cd", fix: Some(Safety::Unsafe), also: &["hadolint:DL3003"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let commands = project.commands(run);
            let Some(last) = commands.last().filter(|last| last.simple.name() == Some("cd")) else { continue };
            let context = last.context;
            if context.conditional || context.subshell || context.repeated || context.function || context.nested > 0 {
                continue;
            }
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let words = last.simple.arguments();
            let target = words.first().map_or("", |word| dockerfile.source.slice(word.span));
            let message = format!("`cd {target}` is the end of the step, so it has no effect");
            let diagnostic = found.add_at(dockerfile, run.instruction, last.span, "lost when the step ends", message);
            diagnostic.help("each RUN begins in the directory that WORKDIR names");
            if run.trigger {
                diagnostic.unknown_elsewhere();
            }
            let instruction = dockerfile.tree.instructions.get(run.instruction);
            let alone = commands.len() == 1 && words.len() == 1 && last.redirects.is_empty() && !run.trigger;
            let plain = words.first().and_then(|word| word.as_plain()).filter(|text| text.starts_with('/'));
            if let (Some(instruction), Some(_), true) = (instruction, plain, alone && !run.exec)
                && instruction.heredocs.is_empty()
                && instruction.flags.is_empty()
            {
                let edit = Edit::replace(instruction.span, format!("WORKDIR {target}"));
                diagnostic
                    .fix(Fix::unsafe_("Set the working directory for all that follows", vec![edit]).rebuilds_once());
            }
        }
    }
}
