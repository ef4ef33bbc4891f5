//! Files are copied, and their owner is changed in a layer of its own.
//!
//! `RUN chown -R` writes each file whose owner it changes once more into a new layer: the image holds everything twice.
//!
//! `COPY --chown` gives the files their owner as they are copied. The patch does that, where the RUN does nothing else
//! and nothing but the copy stands above it; it is not applied as a safe one, because the folder that a copy makes
//! itself has the owner, while those above it have not.
//!
//! Not flagged: stages of which no layer is shipped, copies that have an owner already, files of the context that are
//! given to root, whose they are (BuildKit leaves what did not change out of the layer), single files, and paths that no COPY of the
//! stage brings.
//!
//! ## Examples
//!
//! ### Twice the size
//!
//! ```dockerfile
//! FROM node:24
//! COPY dist /app
//! RUN chown -R node:node /app
//! USER node
//! ```
//!
//! ```text
//! Dockerfile:3:5: warning[owner-changed-later] this writes all of `/app` into the image a second time
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,3 @@
//!  FROM node:24
//! -COPY dist /app
//! -RUN chown -R node:node /app
//! +COPY --chown=node:node dist /app
//!  USER node
//! ```
//!
//! ### At once
//!
//! ```dockerfile
//! FROM node:24
//! COPY --chown=node:node dist /app
//! USER node
//! ```
//!
//! ## Also tested
//!
//! ### The owner stays
//!
//! ```dockerfile
//! FROM node:24
//! COPY dist /app
//! RUN chown -R root:root /app && chmod 755 /srv
//! ```
//!
//! ```js dist/app.js
//! run()
//! ```
//!
//! ### More than that
//!
//! ```dockerfile
//! FROM debian:12
//! WORKDIR /app
//! COPY . .
//! RUN useradd app && chown --recursive app /app /data
//! USER app
//! ```
//!
//! ```text
//! Dockerfile:4:20: warning[owner-changed-later] this writes all of `/app` into the image a second time
//! ```
//!
//! ### Folders that are made, and a stage that is not shipped
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! COPY . /app
//! RUN chown -R 10 /app
//!
//! FROM debian:12
//! COPY a /srv/a
//! RUN mkdir /data && chown -R 10:10 /data
//! COPY --from=build /app /app
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "owner-changed-later", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs().filter(|run| !run.trigger) {
            if project.stage_use(run.dockerfile, run.stage) != StageUse::Shipped {
                continue;
            }
            let commands = project.commands(run);
            for command in commands.iter().filter(|command| command.simple.name() == Some("chown")) {
                let Some((owner, paths)) = recursive(command) else { continue };
                let copies = copies(project, run);
                let dockerfile = &project.dockerfiles[run.dockerfile];
                // What comes of the context belongs to root by then: files that stay as they are are not written.
                let root = owner.split(':').all(|part| matches!(part, "root" | "0" | ""));
                let stays = |index: usize| match dockerfile.tree.instructions.get(index).map(|copy| &copy.body) {
                    Some(Body::Copy(copy) | Body::Add(copy)) => root && copy.from.is_none(),
                    _ => false,
                };
                let covered =
                    |(index, copy): &&(usize, String)| !stays(*index) && paths.iter().any(|path| covers(path, copy));
                let Some((index, copy)) = copies.iter().find(covered) else { continue };
                let Some(instruction) = dockerfile.tree.instructions.get(*index) else { continue };
                let message = format!("this writes all of `{copy}` into the image a second time");
                let diagnostic = found.add_at(dockerfile, run.instruction, command.span, "here", message);
                diagnostic.label(dockerfile.on_first_line(instruction, instruction.span), "the first time");
                diagnostic.help("`COPY --chown` gives files their owner as they are copied");
                let only = commands.len() == 1 && paths.len() == 1 && paths[0] == *copy && run.mounts.is_empty();
                let next_to = run.instruction == index + 1 && !run.exec;
                let at = dockerfile.tree.instructions.get(run.instruction);
                if let (true, Some(at)) = (only && next_to, at) {
                    let edits = vec![instruction.insert_flag(&format!("--chown={owner}")), at.remove()];
                    diagnostic.fix(Fix::unsafe_("Copy the files with their owner", edits).rebuilds_once());
                }
            }
        }
    }
}

/// Owner and paths of a `chown -R`, if all of them are known.
fn recursive(command: &CommandRef) -> Option<(String, Vec<String>)> {
    let mut operands = Vec::new();
    let mut recursive = false;
    for argument in arguments(command.simple.arguments(), OptionStyle::Gnu, &|_| false, &|_| None) {
        match argument {
            Argument::Option(option) => recursive |= matches!(option.name.as_str(), "-R" | "--recursive"),
            Argument::Operand(operand) => operands.push(operand.text?),
        }
    }
    let mut operands = operands.into_iter().map(|operand| operand.trim_end_matches('/').to_owned());
    let owner = operands.next().filter(|owner| recursive && !owner.starts_with('-') && !command.context.conditional)?;
    Some((owner, operands.collect()))
}

/// The folders that copies above a RUN fill, with the index of the instruction; those that give no owner.
fn copies(project: &Project, run: &Run) -> Vec<(usize, String)> {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let context = project.context_folder(run.dockerfile);
    let mut workdir: Option<String> = None;
    let mut found = Vec::new();
    let above = dockerfile.stage_instructions(run.stage).take_while(|(index, _)| *index < run.instruction);
    // A generated file must not cost a square.
    for (index, instruction) in above.take(500) {
        match &instruction.body {
            Body::Workdir(path) if path.starts_with('/') => workdir = Some(path.trim_end_matches('/').to_owned()),
            Body::Workdir(path) => workdir = workdir.map(|workdir| format!("{workdir}/{}", &**path)),
            Body::Copy(copy) | Body::Add(copy)
                if copy.chown.is_none() && takes_folder(project, context.as_deref(), copy) =>
            {
                let to = copy.destination.trim_end_matches('/');
                let to = to.strip_prefix("./").unwrap_or(to);
                let to = match (to, &workdir) {
                    (to, _) if to.starts_with('/') => to.to_owned(),
                    ("." | "", Some(workdir)) if !copy.destination.starts_with('/') => workdir.clone(),
                    (to, Some(workdir)) if !to.is_empty() => format!("{workdir}/{to}"),
                    _ => continue,
                };
                if !to.contains('$') {
                    found.push((index, to));
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a copy brings more than single files.
fn takes_folder(project: &Project, context: Option<&str>, copy: &dockerfile::Copy) -> bool {
    copy.sources.iter().filter(|source| source.heredoc.is_none()).any(|source| {
        let path = source.word.trim_start_matches("./").trim_end_matches('/');
        let inside =
            context.map(|context| if context.is_empty() { path.to_owned() } else { format!("{context}/{path}") });
        let last = path.rsplit('/').next().unwrap_or_default();
        // What another stage holds, or what is made before the build, is not known but by its name.
        let unseen = copy.from.is_some() || inside.as_ref().is_some_and(|path| !project.snapshot.has_path(path));
        matches!(path, "" | ".")
            || inside.is_some_and(|path| project.snapshot.is_folder(&path))
            || unseen && !last.contains(['.', '*', '$'])
    })
}

fn covers(path: &str, folder: &str) -> bool {
    path.len() > 1 && folder.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
