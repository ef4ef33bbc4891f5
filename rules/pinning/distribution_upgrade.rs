//! A build step upgrades the whole distribution.
//!
//! `zypper dup`, `apt-get dist-upgrade` and their like move to whatever the repositories hold, remove packages on the way, and put the changed half of the base image into another layer. A newer base image does
//! the same once for all, and can be pinned. Security policies may ask for it all the same, so the rule runs only when it is asked for.
//!
//! ## Examples
//!
//! ### An upgrade of everything
//!
//! ```dockerfile
//! FROM opensuse/leap:15.6
//! RUN zypper --non-interactive dup
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[distribution-upgrade] `zypper dup` upgrades the whole distribution
//! ```
//!
//! ### What is needed
//!
//! ```dockerfile
//! FROM opensuse/leap:15.6
//! RUN zypper --non-interactive install git && zypper --non-interactive patch
//! RUN apt-get upgrade -y
//! ```
//!
//! ## Also tested
//!
//! ### Others
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && \
//!     apt-get dist-upgrade -y
//! RUN dnf distro-sync -y
//! RUN zypper -n dist-upgrade
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[distribution-upgrade] `apt-get dist-upgrade` upgrades the whole distribution
//! Dockerfile:4:5: warning[distribution-upgrade] `dnf distro-sync` upgrades the whole distribution
//! Dockerfile:5:5: warning[distribution-upgrade] `zypper dist-upgrade` upgrades the whole distribution
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "distribution-upgrade", also: &["hadolint:DL3035"], opt_in: true, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let whole = |command: &&PackageCommand| {
                matches!(command.verb(), "dist-upgrade" | "dup" | "full-upgrade" | "distro-sync")
                    && command.manager.is_system()
            };
            let Some(command) = run.packages.iter().find(whole) else { continue };
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let message = format!("`{}` upgrades the whole distribution", command.title());
            let diagnostic = found.add_at(dockerfile, run.instruction, command.title_span(), "here", message);
            diagnostic.help("take a newer base image instead");
            if command.manager != Manager::Zypper {
                diagnostic.unknown_elsewhere();
            }
        }
    }
}
