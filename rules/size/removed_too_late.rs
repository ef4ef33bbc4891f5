//! Files are removed in a later layer than the one that brought them.
//!
//! A layer can hide what lies below it, not take it away: what one instruction adds is pushed, pulled and stored
//! although the next one removes it, and the image is not smaller by a byte.
//!
//! Remove it in the RUN that brings it, mount it for the time of the step (`RUN --mount=type=bind`), or take what is
//! needed over into another stage.
//!
//! Flagged are archives, packages and programs that a COPY brings or a download writes, and packages that are installed
//! by name, when a later RUN of the same stage removes them. Not flagged: scripts, keys and other small files, stages
//! of which no layer is shipped, and removals under a condition.
//!
//! ## Examples
//!
//! ### An archive and a compiler
//!
//! ```dockerfile
//! FROM debian:12
//! COPY data.tar.gz /tmp/
//! RUN apt-get update && apt-get install -y gcc curl && rm -rf /var/lib/apt/lists/*
//! RUN tar -xzf /tmp/data.tar.gz -C /srv
//! RUN rm /tmp/data.tar.gz && apt-get purge -y gcc
//! ```
//!
//! ```text
//! Dockerfile:5:5: warning[removed-too-late] `/tmp/data.tar.gz` stays in the layer that brought it, although it is removed here
//! Dockerfile:5:28: warning[removed-too-late] `gcc` stays in the layer that installed it, although it is removed here
//! ```
//!
//! ### In the same step
//!
//! ```dockerfile
//! FROM debian:12
//! RUN --mount=type=bind,source=data.tar.gz,target=/tmp/data.tar.gz tar -xzf /tmp/data.tar.gz -C /srv
//! RUN apt-get update && apt-get install -y gcc && make && apt-get purge -y gcc && rm -rf /var/lib/apt/lists/*
//! RUN curl -o /tmp/a https://example.com/a && sh /tmp/a && rm /tmp/a
//! ```
//!
//! ## Also tested
//!
//! ### In a stage that is not shipped
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! RUN curl -o /tmp/a https://example.com/a
//! RUN sh /tmp/a && rm /tmp/a
//!
//! FROM debian:12
//! RUN curl -o /tmp/a https://example.com/a
//! RUN sh /tmp/a && rm -rf /tmp/*
//! COPY --from=build /usr/local /usr/local
//! ```
//!
//! ```text
//! Dockerfile:7:18: warning[removed-too-late] `/tmp/a` stays in the layer that brought it, although it is removed here
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// As many instructions of a stage are looked at, so that a generated file does not cost a square.
const MOST: usize = 500;

impl Check for Rule {
    const META: Meta = Meta { id: "removed-too-late", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs().filter(|run| !run.trigger) {
            if project.stage_use(run.dockerfile, run.stage) == StageUse::Shipped {
                files(project, run, found);
                packages(project, run, found);
            }
        }
    }
}

/// A removal of what an earlier instruction brought.
fn files(project: &Project, run: &Run, found: &mut Findings) {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let commands = project.commands(run);
    let brought = brought(project, run);
    for removal in &run.removals {
        let conditional = commands.get(removal.command).is_none_or(|command| command.context.conditional);
        let removed = |path: &str| Run::empties(&removal.paths, path) || in_emptied_folder(&removal.paths, path);
        let Some((path, span)) = brought.iter().find(|(path, _)| !conditional && removed(path)) else { continue };
        let message = format!("`{path}` stays in the layer that brought it, although it is removed here");
        let diagnostic = found.add_at(dockerfile, run.instruction, removal.span, "removed here", message);
        diagnostic.label(*span, "brought here");
        diagnostic.help("remove it in the instruction that brings it, mount it, or bring it in another stage");
    }
}

/// Whether everything in the file's folder is removed.
fn in_emptied_folder(paths: &[String], file: &str) -> bool {
    paths.iter().any(|path| {
        path.strip_suffix("/*").is_some_and(|folder| {
            !folder.is_empty() && file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    })
}

/// Whether a file of that name is one of those that take space: an archive, a package, a program.
fn is_large(name: &str) -> bool {
    const LARGE: &[&str] = &[
        "7z", "bin", "bz2", "deb", "ear", "exe", "gem", "gz", "img", "iso", "jar", "msi", "rpm", "run", "so", "sql",
        "tar", "tbz2", "tgz", "txz", "war", "whl", "xz", "zip", "zst",
    ];
    name.rsplit_once('.').is_some_and(|(_, ending)| LARGE.contains(&ending))
}

/// Whether a file of that name is a script, a key or a list.
fn is_small(name: &str) -> bool {
    const SMALL: &[&str] = &[
        "asc", "conf", "gpg", "json", "key", "list", "md5", "pem", "pub", "py", "sh", "sha256", "sig", "toml", "txt",
        "yml", "yaml",
    ];
    name.rsplit_once('.').is_some_and(|(_, ending)| SMALL.contains(&ending))
}

/// Absolute paths of the files that instructions above the RUN bring, in its stage.
fn brought(project: &Project, run: &Run) -> Vec<(String, Span)> {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let mut brought = Vec::new();
    let above = dockerfile.stage_instructions(run.stage).take_while(|(index, _)| *index < run.instruction);
    for (index, instruction) in above.take(MOST) {
        match &instruction.body {
            Body::Copy(copy) | Body::Add(copy)
                if copy.destination.starts_with('/') && !copy.destination.contains('$') =>
            {
                for source in copy.sources.iter().filter(|source| source.heredoc.is_none()) {
                    let name = source.word.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                    // An archive that ADD unpacks leaves other names, and a folder leaves its content.
                    let plain = name.contains('.') && !matches!(name, "." | "..") && !name.contains(['*', '?', '$']);
                    if !plain || !is_large(name) || matches!(instruction.body, Body::Add(_)) {
                        continue;
                    }
                    let path = if copy.destination.ends_with('/') {
                        format!("{}{name}", &*copy.destination)
                    } else {
                        copy.destination.to_string()
                    };
                    brought.push((path, source.word.span()));
                }
            }
            Body::Run(_) => {
                let Some(before) = project.run_at(run.dockerfile, index) else { continue };
                for download in before.downloads.iter().filter(|download| !download.conditional) {
                    let Some(output) =
                        download.output.as_ref().filter(|output| output.starts_with('/') && *output != "/dev/null")
                    else {
                        continue;
                    };
                    let gone = before.removals.iter().any(|removal| {
                        Run::empties(&removal.paths, output) || in_emptied_folder(&removal.paths, output)
                    });
                    if !gone && before.scratch_mount(output).is_none() && !is_small(output) {
                        brought.push((output.clone(), download.span));
                    }
                }
            }
            _ => {}
        }
    }
    brought
}

/// Packages that are removed after a layer with them is done.
fn packages(project: &Project, run: &Run, found: &mut Findings) {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let removes = |command: &&PackageCommand| {
        command.manager.is_system() && command.action == Action::Remove && !command.conditional
    };
    for remove in run.packages.iter().filter(removes) {
        let here: Vec<&str> =
            run.installs().flat_map(|install| &install.packages).map(|package| package.name.as_str()).collect();
        let before = project.runs(run.dockerfile).iter();
        let before =
            before.filter(|other| other.stage == run.stage && other.instruction < run.instruction && !other.trigger);
        let installed =
            before.take(MOST).flat_map(|other| other.installs()).filter(|install| install.manager == remove.manager);
        let installed: Vec<&Package> = installed.flat_map(|install| &install.packages).collect();
        let late = remove.operands.iter().find_map(|name| {
            let package = installed.iter().find(|package| package.name == *name)?;
            (!here.contains(&name.as_str())).then_some(*package)
        });
        let Some(package) = late else { continue };
        let message = format!("`{}` stays in the layer that installed it, although it is removed here", package.name);
        let diagnostic = found.add_at(dockerfile, run.instruction, remove.title_span(), "removed here", message);
        diagnostic.label(package.span, "installed here");
        diagnostic.help("remove it in the RUN that installs it, or use it in another stage");
    }
}
