//! The image's /bin/sh is replaced by another shell.
//!
//! `ln -sf /bin/bash /bin/sh` changes the shell of every script of the distribution, of package hooks, and of whatever runs in the container later, to get bash for build steps. `SHELL ["/bin/bash", "-c"]` does that for build steps
//! alone. SHELL is not part of the OCI image format, and some builders ignore it, so this is a matter of policy: the rule runs only when it is asked for.
//!
//! ## Examples
//!
//! ### A link in place of the shell
//!
//! ```dockerfile
//! FROM ubuntu:24.04
//! RUN ln -sf /bin/bash /bin/sh
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[replaced-sh] /bin/sh is replaced for everything in the image
//! ```
//!
//! ### Another shell for build steps
//!
//! ```dockerfile
//! FROM ubuntu:24.04
//! SHELL ["/bin/bash", "-c"]
//! RUN ln -s /usr/bin/python3 /usr/bin/python
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "replaced-sh", also: &["hadolint:DL4005"], opt_in: true, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let commands = project.commands(run);
            let replaces = |command: &&CommandRef| {
                command.simple.name() == Some("ln") && command.simple.arguments().iter().any(|word| word.is("/bin/sh"))
            };
            let Some(command) = commands.iter().find(replaces) else { continue };
            let dockerfile = &project.dockerfiles[run.dockerfile];
            found
                .add_at(
                    dockerfile,
                    run.instruction,
                    command.span,
                    "here",
                    "/bin/sh is replaced for everything in the image",
                )
                .help("SHELL chooses the shell of the build steps that follow");
        }
    }
}
