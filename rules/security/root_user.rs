//! The image runs as root by its own wish.
//!
//! The last USER of a stage is the user of its image. Who breaks into a process of root is root in the container, with every capability that the runtime grants and the rights of root on mounted volumes
//! (<https://docs.docker.com/build/building/best-practices/#user>). Steps that need root belong before the USER that the image runs as.
//!
//! Looked at are the stages that builds ask for. An image that names no user at all runs as its base image does; that is a hint of low confidence. An entrypoint that drops its rights by itself, with gosu for example, is a
//! reason to ignore the finding.
//!
//! ## Compared with hadolint
//!
//! DL3002 flags every stage whose last USER is root. Here only the stages that builds ask for are looked at, because nobody runs the others: a
//! stage that compiles may do so as root. A stage without a USER stands on the one below it, whose USER counts.
//!
//! ## Examples
//!
//! ### Back to root
//!
//! ```dockerfile
//! FROM node:22
//! USER node
//! RUN npm ci
//! USER root
//! CMD ["node", "server.js"]
//! ```
//!
//! ```text
//! Dockerfile:4:6: warning[root-user] the image runs as root
//! ```
//!
//! ### Root for some steps
//!
//! ```dockerfile
//! FROM node:22 AS build
//! USER root
//! RUN npm ci
//!
//! FROM node:22
//! USER root
//! RUN apt-get update
//! USER node
//! ```
//!
//! ## Also tested
//!
//! ### By number, with a group, in the stage below
//!
//! ```dockerfile
//! FROM node:22 AS base
//! USER 0:0
//! FROM base
//! RUN true
//! ```
//!
//! ```text
//! Dockerfile:2:6: warning[root-user] the image runs as root
//! ```
//!
//! ### Nobody named
//!
//! ```dockerfile
//! FROM debian:12
//! RUN true
//! ```
//!
//! ```text
//! Dockerfile:1:6: info[root-user] the image names no user, so it may run as root
//! ```
//!
//! ### A user that nobody knows, and no files of a system
//!
//! ```dockerfile
//! FROM debian:12 AS debian
//! ARG APP_USER
//! USER $APP_USER
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "root-user", also: &["hadolint:DL3002"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let mut reported: Vec<usize> = Vec::new();
            for target in project.target_stages(at) {
                match last_user(project, at, target) {
                    Some((index, user)) => {
                        let name = user.trim_matches(['"', '\'']).split(':').next().unwrap_or_default();
                        if matches!(name, "root" | "0") && !reported.contains(&index) {
                            reported.push(index);
                            found
                                .add_at(dockerfile, index, user.span(), "here", "the image runs as root")
                                .help("switch back to an unprivileged user behind the steps that need root");
                        }
                    }
                    None => {
                        let Some(stage) = dockerfile.tree.stages.get(target) else { continue };
                        let is_image = matches!(dockerfile.base(target, project.builds_of(at).next()), Base::Image(_));
                        if is_image {
                            found
                                .add(stage.base.span(), "the image names no user, so it may run as root")
                                .help("end the stage with a USER of its own")
                                .confidence(Confidence::Low)
                                .severity(Severity::Info)
                                .unknown_elsewhere();
                        }
                    }
                }
            }
        }
    }
}

/// The last USER of a stage and the stages below it.
fn last_user(project: &Project, at: usize, mut stage: usize) -> Option<(usize, &MappedText)> {
    let dockerfile = &project.dockerfiles[at];
    loop {
        let users = dockerfile.stage_instructions(stage).filter_map(|(index, next)| match &next.body {
            Body::User(user) => Some((index, user)),
            _ => None,
        });
        if let Some(last) = users.last() {
            return Some(last);
        }
        match dockerfile.base(stage, project.builds_of(at).next()) {
            // A stage stands on an earlier one, so that this comes to an end.
            Base::Stage(base) if base < stage => stage = base,
            _ => return None,
        }
    }
}
