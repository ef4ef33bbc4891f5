//! What each RUN of a Dockerfile does: packages, downloads, archives, removals, under which shell and with which mounts.

use crate::edit::Edit;
use crate::facts::commands::{Argument, OptionStyle, ShellFamily, ShellProgram, ShellVariables, arguments, shells};
use crate::facts::downloads::{Download, Unpack, downloads, unpack};
use crate::facts::packages::{self, Action, Manager, PackageCommand};
use crate::model::Project;
use crate::source::Span;
use crate::syntax::dockerfile::{Body, Command, Lexer, Lookup, MountType};
use crate::syntax::shell::{self, CommandRef, Script};

/// A RUN, or the RUN that an ONBUILD triggers.
#[derive(Debug)]
pub struct Run {
    /// Index of the Dockerfile.
    pub dockerfile: usize,
    /// Index of the instruction in the file.
    pub instruction: usize,
    /// Index of the stage.
    pub stage: usize,
    /// Whether it stands behind ONBUILD.
    pub trigger: bool,
    /// Whether it is in exec form, without a shell.
    pub exec: bool,
    /// The shell that runs it.
    pub shell: ShellProgram,
    /// Whether its commands could be read. If not, nothing is known about what it does.
    pub readable: bool,
    /// The user that the last USER before it or the base image names; `None` if there is none, or if it is not known.
    pub user: Option<String>,
    /// Directories that a mount covers, so that what is written there does not become part of the layer.
    pub mounts: Vec<MountedDirectory>,
    /// Variables that the script sets for the commands that follow.
    pub variables: ShellVariables,
    /// Commands of package managers.
    pub packages: Vec<PackageCommand>,
    /// Downloads.
    pub downloads: Vec<Download>,
    /// Archives that are unpacked.
    pub unpacks: Vec<Unpack>,
    /// Commands that remove files.
    pub removals: Vec<Removal>,
}

/// A directory that a mount covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedDirectory {
    /// The type of the mount; `None` if it is not known.
    pub kind: Option<MountType>,
    /// The directory; `None` if it is not known.
    pub target: Option<String>,
    /// The names of the flag's options.
    pub options: Vec<String>,
    /// The flag.
    pub span: Span,
}

impl MountedDirectory {
    /// Whether the flag has an option of that name, whatever its value.
    pub fn says(&self, option: &str) -> bool {
        self.options.iter().any(|name| name == option)
    }
}

/// A command that removes files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Index of the command among those of the instruction.
    pub command: usize,
    /// Paths and patterns; empty for a program that cleans up and does not say what.
    pub paths: Vec<String>,
    /// The command.
    pub span: Span,
}

impl Run {
    /// Whether files below `directory` are removed behind the command with the index `after`.
    pub fn removes(&self, directory: &str, after: usize) -> bool {
        let covers =
            |removal: &Removal| removal.paths.is_empty() || removal.paths.iter().any(|path| covers(path, directory));
        self.removals.iter().any(|removal| removal.command > after && covers(removal))
    }

    /// Whether removing these paths, which may be patterns, empties a directory. A pattern that takes some of its files does not.
    pub fn empties(paths: &[String], directory: &str) -> bool {
        let directory = directory.trim_end_matches('/');
        let takes_all = |path: &String| match path.rsplit_once('/') {
            Some((_, name)) if name.contains(['*', '?', '[']) => name.chars().all(|letter| letter == '*'),
            _ => true,
        };
        directory.starts_with('/') && paths.iter().any(|path| takes_all(path) && covers(path, directory))
    }

    /// The mount that covers a directory, itself or one above it. Only cache and tmpfs mounts take what is written.
    pub fn scratch_mount(&self, directory: &str) -> Option<&MountedDirectory> {
        self.mounts.iter().find(|mount| {
            let kind = matches!(mount.kind, Some(MountType::Cache | MountType::Tmpfs));
            // An unknown target may be this directory.
            kind && mount.target.as_deref().is_none_or(|target| is_within(directory, target))
        })
    }

    /// The cache mount that holds what a package manager keeps between runs, if there is one for sure: over one of its usual
    /// directories or over one above it.
    pub fn cache_mount(&self, manager: Manager) -> Option<&MountedDirectory> {
        let home = self.home()?;
        let directories = manager.cache_directories().iter().map(|directory| directory.replacen('~', &home, 1));
        let directories: Vec<String> = directories.collect();
        let covers = |mount: &&MountedDirectory| {
            let target = mount.target.as_deref();
            mount.kind == Some(MountType::Cache)
                && target.is_some_and(|target| directories.iter().any(|directory| is_within(directory, target)))
        };
        self.mounts.iter().find(covers)
    }

    /// An edit that puts a further word behind one of the RUN's words, quoted where all of them are.
    pub fn insert_word(&self, behind: Span, word: &str) -> Edit {
        // The span of a word of the exec form is that inside of its quotes.
        Edit::insert(behind.after(), if self.exec { format!("\", \"{word}") } else { format!(" {word}") })
    }

    /// The package commands that install something.
    pub fn installs(&self) -> impl Iterator<Item = &PackageCommand> {
        self.packages.iter().filter(|command| command.action == Action::Install)
    }

    /// The home directory of its user, as far as the usual images have it: `/root`, `/home/NAME`; `None` if it is not known.
    pub fn home(&self) -> Option<String> {
        let user = self.user.as_deref().unwrap_or("root").split(':').next().unwrap_or_default();
        match user {
            "root" | "0" | "" => Some("/root".to_owned()),
            name if name.chars().all(|c| c.is_ascii_digit()) => None,
            name => Some(format!("/home/{name}")),
        }
    }
}

/// Whether a path is a directory or lies in it.
fn is_within(path: &str, directory: &str) -> bool {
    let directory = directory.trim_end_matches('/');
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether removing `path`, which may be a pattern, empties `directory`.
fn covers(path: &str, directory: &str) -> bool {
    let path = path.trim_end_matches('/');
    if let Some((parent, name)) = path.rsplit_once('/')
        && name.contains(['*', '?', '['])
    {
        return parent == directory || name == "*" && is_within(directory, parent);
    }
    !path.is_empty() && is_within(directory, path)
}

struct All(Vec<Vec<Run>>);

impl Project {
    /// The RUNs of a Dockerfile, by its index, in order.
    pub fn runs(&self, dockerfile: usize) -> &[Run] {
        let All(all) = self.derived.get(|| All((0..self.dockerfiles.len()).map(|at| runs(self, at)).collect()));
        all.get(dockerfile).map(Vec::as_slice).unwrap_or_default()
    }

    /// The RUN that an instruction of a Dockerfile is, both by index.
    pub fn run_at(&self, dockerfile: usize, instruction: usize) -> Option<&Run> {
        let runs = self.runs(dockerfile);
        runs.get(runs.binary_search_by_key(&instruction, |run| run.instruction).ok()?)
    }

    /// The RUNs of all Dockerfiles.
    pub fn all_runs(&self) -> impl Iterator<Item = &Run> {
        (0..self.dockerfiles.len()).flat_map(|at| self.runs(at))
    }

    /// The commands of a RUN; empty if they cannot be read.
    pub fn commands(&self, run: &Run) -> Vec<CommandRef<'_>> {
        let script = self.script(run);
        script.map(Script::commands).unwrap_or_default()
    }

    /// The script of a RUN, if it can be read.
    pub fn script(&self, run: &Run) -> Option<&Script> {
        self.dockerfiles.get(run.dockerfile)?.script(run.instruction).filter(|_| run.readable)
    }

    /// An edit that runs a further command behind one of a RUN's commands, by its index. `None` where that could change
    /// more than it says.
    pub fn append_command(&self, run: &Run, after: usize, command: &str) -> Option<Edit> {
        let dockerfile = self.dockerfiles.get(run.dockerfile)?;
        let body = dockerfile.tree.instructions.get(run.instruction)?.run()?;
        if !matches!(&body.command, Command::Shell(_)) {
            return None;
        }
        let script = self.script(run)?;
        let after = script.commands().get(after)?.span;
        shell::append(script, after, command, dockerfile.source.text(), dockerfile.tree.escape)
    }

    /// What is known about a variable where a package command runs: what is set for it alone, else what the script sets before
    /// it, else ENV, ARG and the base image.
    pub fn variable_of(&self, run: &Run, command: &PackageCommand, name: &str) -> Lookup {
        let own = command.environment.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.as_deref());
        match own.or_else(|| run.variables.get(name, command.command)) {
            Some(value) => value.map_or(Lookup::Dynamic, |value| Lookup::Set(value.to_owned())),
            None => self.variable(run.dockerfile, run.stage, run.instruction, name),
        }
    }
}

fn runs(project: &Project, at: usize) -> Vec<Run> {
    let dockerfile = &project.dockerfiles[at];
    let shells = shells(project, at);
    let mut runs = Vec::new();
    for stage in 0..dockerfile.tree.stages.len() {
        for (index, instruction) in dockerfile.stage_instructions(stage) {
            let variable = |name: &str| project.variable(at, stage, index, name);
            let Some(run) = instruction.run() else { continue };
            let mounts = run.mounts.iter().map(|mount| {
                let spec = mount
                    .resolve(|text| Ok(Lexer::new(dockerfile.tree.escape).expand(text, &variable)?.value))
                    .unwrap_or_default();
                let target = spec.target.as_ref().and_then(|target| target.known().map(str::to_owned));
                let options = mount.options.iter().map(|option| option.key.clone()).collect();
                MountedDirectory { kind: spec.kind, target, options, span: mount.span }
            });
            let shell = shells[index].clone();
            let exec = matches!(&run.command, Command::Exec { .. });
            let script = dockerfile.script(index).filter(|script| script.fault.is_none());
            let script = script.filter(|_| exec || shell.family == ShellFamily::Posix);
            let mut run = Run {
                dockerfile: at,
                instruction: index,
                stage,
                trigger: matches!(&instruction.body, Body::Onbuild(_)),
                exec,
                shell,
                readable: script.is_some(),
                user: project.user(at, stage, index).map(str::to_owned),
                mounts: mounts.collect(),
                variables: ShellVariables::default(),
                packages: Vec::new(),
                downloads: Vec::new(),
                unpacks: Vec::new(),
                removals: Vec::new(),
            };
            if let Some(script) = script {
                read(&mut run, &script.commands(), &variable);
            }
            runs.push(run);
        }
    }
    runs
}

/// Notes what the commands do.
fn read(run: &mut Run, commands: &[CommandRef], variable: &dyn Fn(&str) -> Lookup) {
    let mut variables = ShellVariables::default();
    let mut directory: Option<String> = None;
    let home = run.home();
    for (index, command) in commands.iter().enumerate() {
        variables.note(index, command, variable);
        let look_up = |name: &str| match variables.look_up(name, index + 1, variable) {
            None if name == "HOME" => home.clone(),
            value => value,
        };
        if command.simple.name() == Some("cd") {
            directory = command.simple.arguments().first().and_then(|word| word.value(&look_up));
        }
        if let Some(mut found) = packages::read(command, index, &look_up) {
            let own = command.simple.assignments.iter();
            let own = own.map(|assignment| (assignment.name.clone(), assignment.value.value(&look_up)));
            found.environment = own.collect();
            run.packages.push(found);
        }
        let piped_to = commands[index + 1..]
            .iter()
            .take(8)
            .find(|next| {
                next.context.pipe_index == command.context.pipe_index + 1
                    && next.context.pipe_len == command.context.pipe_len
            })
            .and_then(|next| next.simple.name());
        run.downloads.extend(downloads(command, index, piped_to, &look_up));
        run.unpacks.extend(unpack(command, index, &look_up));
        run.removals.extend(removal(command, index, directory.as_deref(), &look_up));
    }
    run.variables = variables;
}

fn removal(
    command: &CommandRef,
    index: usize,
    directory: Option<&str>,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Option<Removal> {
    let name = command.simple.name()?;
    let words = command.simple.arguments();
    let absolute = |path: &str| match directory {
        Some(directory) if !path.starts_with('/') => format!("{}/{path}", directory.trim_end_matches('/')),
        _ => path.to_owned(),
    };
    let operands = || {
        arguments(words, OptionStyle::Gnu, &|_| false, look_up).into_iter().filter_map(|argument| match argument {
            Argument::Operand(operand) => operand.text,
            Argument::Option(_) => None,
        })
    };
    let paths: Vec<String> = match name {
        "rm" | "unlink" | "rmdir" | "shred" => operands().map(|path| absolute(&path)).collect(),
        "find" => {
            let removes = words.iter().any(|word| word.is("-delete"))
                || words.iter().any(|word| word.is("rm") || word.is("/bin/rm"));
            if !removes {
                return None;
            }
            operands().take_while(|path| path.starts_with(['/', '.'])).map(|path| absolute(&path)).collect()
        }
        // A script of the image or the repository that cleans up: what it removes is its own affair.
        name if name.contains("clean") && !name.contains("autoclean") => {
            return Some(Removal { command: index, paths: Vec::new(), span: command.span });
        }
        _ => return None,
    };
    (!paths.is_empty()).then_some(Removal { command: index, paths, span: command.span })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    fn project(text: &str) -> Project {
        Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default())
    }

    #[test]
    fn removals_are_known_in_many_spellings() {
        let cases = [
            ("rm -rf /var/lib/apt/lists/*", true),
            ("rm -r -f /var/lib/apt/lists", true),
            ("rm -fr /tmp/x /var/lib/apt/lists/*_*", true),
            ("rm -rf /var/lib/{apt,dpkg,cache,log}/", true),
            ("rm -rf /var/lib/apt/*", true),
            ("cd /var/lib/apt/lists && rm -rf *", true),
            ("cd /var/lib && rm -rf apt", true),
            ("D=/var/lib/apt && rm -rf \"$D/lists/\"*", true),
            ("find /var/lib/apt/lists -type f -delete", true),
            ("find /var/lib/apt/lists -type f -exec rm {} +", true),
            ("/scripts/cleanup.sh", true),
            ("rm -rf /tmp/*", false),
            ("rm -rf /var/lib/apt/lists/partial", false),
            ("rm -rf /var/lib/aptitude", false),
            ("find /var/lib/apt/lists -type f", false),
            ("apt-get clean", false),
            ("rm -rf $X", false),
        ];
        for (command, expected) in cases {
            let project = project(&format!("FROM debian:12\nRUN true && {command}\n"));
            assert_eq!(project.runs(0)[0].removes("/var/lib/apt/lists", 0), expected, "{command}");
        }
    }

    #[test]
    fn what_runs_under_another_shell_is_not_read() {
        let text = "FROM debian:12\nRUN apt-get update\nRUN [\"apt-get\", \"update\"]\nSHELL [\"pwsh\", \"-c\"]\nRUN apt-get update\n\
            RUN <<E\n#!/usr/bin/env bash\napt-get update\nE\nRUN <<E\n#!/usr/bin/python3\nprint()\nE\nRUN [\"apt-get\", \"update\"]\n";
        let project = project(text);
        let counts: Vec<_> = project.runs(0).iter().map(|run| (run.readable, run.packages.len())).collect();
        assert_eq!(counts, [(true, 1), (true, 1), (false, 0), (true, 1), (false, 0), (true, 1)]);
    }

    #[test]
    fn variables_come_from_the_script_then_from_env() {
        let text = "FROM debian:12\nENV PKGS=\"a b\" Q=1\nARG W=2\nRUN X='c d' && apt-get install $PKGS $X e=$Q f=$Z\n\
            RUN export Q=3; W=4 pip install x\n";
        let project = project(text);
        let runs = project.runs(0);
        let names: Vec<_> = runs[0].packages[0].packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
        let pip = &runs[1].packages[0];
        let values = ["Q", "W", "PKGS", "NONE"].map(|name| project.variable_of(&runs[1], pip, name));
        let set = |text: &str| Lookup::Set(text.to_owned());
        assert_eq!(values, [set("3"), set("4"), set("a b"), Lookup::Unset]);
    }

    #[test]
    fn mounts_cover_what_lies_below_them() {
        let text = "FROM debian:12\nARG D=/root\nRUN --mount=type=cache,target=$D/.cache --mount=type=bind,target=/x \\\n  --mount=type=cache,target=$HOME/y true\n\
            USER app\nRUN true\n";
        let project = project(text);
        let run = &project.runs(0)[0];
        assert_eq!(run.mounts[0].target.as_deref(), Some("/root/.cache"));
        assert!(run.scratch_mount("/root/.cache/pip").is_some());
        assert_eq!(run.home().as_deref(), Some("/root"));
        assert_eq!(project.runs(0)[1].home().as_deref(), Some("/home/app"));
        assert!(project.runs(0)[1].scratch_mount("/root").is_none());
    }
}
