//! USER gives a name where a number is asked for.
//!
//! Kubernetes cannot tell from a name whether it is root: a pod with `runAsNonRoot: true` does not start an image whose user is a name
//! (<https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>). A number, as in `USER 10001`, can be checked. The rule is for clusters that ask for it and runs only when it is asked for.
//!
//! Looked at are the stages that builds ask for; what depends on a variable is not flagged.
//!
//! ## Compared with hadolint
//!
//! DL3066 flags every USER that is not a number. Here the last one of an image counts, because that is what Kubernetes reads, and what depends
//! on a variable is left alone, because hadolint flags `USER $APP_UID` with a number in it as well.
//!
//! ## Examples
//!
//! ### A name
//!
//! ```dockerfile
//! FROM node:22
//! USER node
//! ```
//!
//! ```text
//! Dockerfile:2:6: info[named-user] the user `node` is a name, not a number
//! ```
//!
//! ### A number
//!
//! ```dockerfile
//! FROM node:22 AS build
//! USER node
//! FROM node:22
//! USER root
//! USER 1000:1000
//! ```
//!
//! ## Also tested
//!
//! ### A variable
//!
//! ```dockerfile
//! FROM node:22
//! ARG APP_USER=10001
//! USER ${APP_USER}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "named-user", severity: Severity::Info, also: &["hadolint:DL3066"], opt_in: true, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for target in project.target_stages(at) {
                let users = dockerfile.stage_instructions(target).filter_map(|(index, next)| match &next.body {
                    Body::User(user) => Some((index, user)),
                    _ => None,
                });
                let Some((index, user)) = users.last() else { continue };
                let name = user.trim_matches(['"', '\'']).split(':').next().unwrap_or_default();
                if name.is_empty() || name.contains('$') || name.chars().all(|c| c.is_ascii_digit()) {
                    continue;
                }
                let message = format!("the user `{name}` is a name, not a number");
                found
                    .add_at(dockerfile, index, user.span(), "here", message)
                    .help("`runAsNonRoot` of Kubernetes takes only a number for proof");
            }
        }
    }
}
