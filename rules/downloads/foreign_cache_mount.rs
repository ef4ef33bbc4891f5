//! A cache mount belongs to another user, or lies where the program does not look.
//!
//! A cache mount is a directory of root with mode 0755 unless `uid`, `gid` or `mode` say otherwise, whoever the step's
//! user is. Another user cannot write there: npm stops with `EACCES`, pip warns and goes on without a cache. A mount in
//! `/root` is not even looked at, because the cache lies in the user's own home directory. See
//! <https://docs.docker.com/reference/dockerfile/#run---mounttypecache>.
//!
//! Give the mount the user's numbers, `uid=1000,gid=1000`, and put it into the user's home. The patch adds the numbers
//! where `USER` has them.
//!
//! Not flagged: mounts with `uid`, `gid` or `mode`, mounts with content of another stage, steps of root, and users that
//! are not known from the file.
//!
//! ## Examples
//!
//! ### A mount of root for another user
//!
//! ```dockerfile
//! FROM node:24
//! USER 1000:1000
//! WORKDIR /home/node/app
//! COPY --chown=1000:1000 package.json package-lock.json ./
//! RUN --mount=type=cache,target=/home/node/.npm npm ci
//! ```
//!
//! ```text
//! Dockerfile:5:5: warning[foreign-cache-mount] the cache mount belongs to root, and `1000` cannot write to it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -2,4 +2,4 @@
//!  USER 1000:1000
//!  WORKDIR /home/node/app
//!  COPY --chown=1000:1000 package.json package-lock.json ./
//! -RUN --mount=type=cache,target=/home/node/.npm npm ci
//! +RUN --mount=type=cache,target=/home/node/.npm,uid=1000,gid=1000 npm ci
//! ```
//!
//! ### The user's own
//!
//! ```dockerfile
//! FROM node:24
//! USER 1000:1000
//! WORKDIR /home/node/app
//! COPY --chown=1000:1000 package.json package-lock.json ./
//! RUN --mount=type=cache,target=/home/node/.npm,uid=1000,gid=1000 npm ci
//! USER root
//! RUN --mount=type=cache,target=/root/.npm npm install --global npm@11
//! ```
//!
//! ## Also tested
//!
//! ### In root's home, and by name
//!
//! ```dockerfile
//! FROM python:3.13
//! RUN useradd --create-home app
//! USER app
//! RUN --mount=type=cache,target=/root/.cache/pip pip install django==5.2.8
//! RUN --mount=type=cache,target=/home/app/.cache/pip pip install django==5.2.8
//! RUN --mount=type=cache,target=/home/app/.cache/pip,mode=0777 pip install django==5.2.8
//! USER 10001
//! ENV HOME=/root
//! RUN --mount=type=cache,target=/root/.cache/pip,uid=10001 pip install django==5.2.8
//! ```
//!
//! ```text
//! Dockerfile:4:5: warning[foreign-cache-mount] the cache mount lies in the home of root, but the step runs as `app`
//! Dockerfile:5:5: warning[foreign-cache-mount] the cache mount belongs to root, and `app` cannot write to it
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "foreign-cache-mount", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let Some(user) = run.user.as_deref() else { continue };
            let (name, group) = user.split_once(':').map_or((user, None), |(name, group)| (name, Some(group)));
            let commands = project.commands(run);
            // A step that gets root's rights by itself may use what is root's.
            if matches!(name, "root" | "0" | "") || commands.iter().any(|command| command.simple.has_wrapper("sudo")) {
                continue;
            }
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let home = project.variable(run.dockerfile, run.stage, run.instruction, "HOME");
            for mount in run.mounts.iter().filter(|mount| mount.kind == Some(dockerfile::MountType::Cache)) {
                let Some(target) = mount.target.as_deref() else { continue };
                let lost = (target == "/root" || target.starts_with("/root/")) && home == dockerfile::Lookup::Unset;
                let given = ["uid", "gid", "mode", "from"].iter().any(|option| mount.says(option));
                if given && !lost {
                    continue;
                }
                let message = if lost {
                    format!("the cache mount lies in the home of root, but the step runs as `{name}`")
                } else {
                    format!("the cache mount belongs to root, and `{name}` cannot write to it")
                };
                let diagnostic = found.add_at(dockerfile, run.instruction, mount.span, "the mount", message);
                if lost {
                    diagnostic.help("mount it where the user's programs keep their cache, with the user's uid and gid");
                    continue;
                }
                diagnostic.help("give the mount the user's numbers: `uid=…,gid=…`");
                let number = |text: &str| text.parse::<u32>().ok();
                if let Some(uid) = number(name) {
                    let gid = group.and_then(number);
                    let gid = gid.map(|gid| format!(",gid={gid}")).unwrap_or_default();
                    let edit = Edit::insert(mount.span.after(), format!(",uid={uid}{gid}"));
                    diagnostic.fix(Fix::safe("Let the mount belong to the user", vec![edit]).rebuilds_once());
                }
            }
        }
    }
}
