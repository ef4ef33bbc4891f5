//! Builds on a command line: `docker build`, `docker buildx build` and `bake`, `docker compose build`, and programs that take the
//! same words (depot, podman, buildah).

use crate::model::value::{Text, TextPart};
use crate::source::Span;
use crate::syntax::shell::{AndOr, Command, CommandKind, List, Part, Pipeline, Simple, Word};

/// Text with its place.
pub type Placed = (Text, Span);

/// `docker build` and its like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildCommand {
    /// The context; none when it is missing.
    pub context: Option<Placed>,
    /// `--file`
    pub file: Option<Placed>,
    /// `--target`
    pub target: Option<Placed>,
    /// `--tag`
    pub tags: Vec<Placed>,
    /// `--build-arg`, as written: `NAME` or `NAME=VALUE`.
    pub args: Vec<Placed>,
    /// `--build-context`
    pub contexts: Vec<Placed>,
    /// `--platform`, lists taken apart.
    pub platforms: Vec<Placed>,
    /// `--cache-from`
    pub cache_from: Vec<Placed>,
    /// `--cache-to`
    pub cache_to: Vec<Placed>,
    /// `--output`
    pub outputs: Vec<Placed>,
    /// `--label`
    pub labels: Vec<Placed>,
    /// `--secret`
    pub secrets: Vec<Placed>,
    /// `--push`
    pub push: Option<Placed>,
    /// `--load`
    pub load: Option<Placed>,
    /// `--no-cache`
    pub no_cache: Option<Placed>,
    /// `--pull`
    pub pull: Option<Placed>,
    /// Whether a word may hold further options: `$BUILD_OPTIONS`, `"$@"`.
    pub open: bool,
    /// Whether the program is buildx itself, so that without `--load` or `--push` nothing is kept.
    pub buildx: bool,
    /// Whether a `Containerfile` is looked for before a `Dockerfile`, as podman and buildah do.
    pub containerfile: bool,
}

/// `docker buildx bake` and its like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BakeCommand {
    /// `--file`
    pub files: Vec<Placed>,
    /// Targets, groups, patterns.
    pub targets: Vec<Placed>,
    /// `--set`
    pub set: Vec<Placed>,
    /// `--var`
    pub vars: Vec<Placed>,
    /// Flags that become overrides, as words: `--push`, `--no-cache`, `--load=false`.
    pub flags: Vec<Placed>,
    /// Whether it only prints or lists.
    pub prints: bool,
    /// Whether a word may hold further options.
    pub open: bool,
}

/// `docker compose build`, `up --build` and their like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComposeCommand {
    /// `--file`
    pub files: Vec<Placed>,
    /// `--project-directory`
    pub directory: Option<Placed>,
    /// Services; none means all.
    pub services: Vec<Placed>,
    /// `--profile`
    pub profiles: Vec<Placed>,
    /// Whether the services that others depend on are built as well.
    pub with_dependencies: bool,
    /// Whether a word may hold further options.
    pub open: bool,
    /// `--build-arg`
    pub args: Vec<Placed>,
    /// `--no-cache`
    pub no_cache: bool,
    /// `--push`
    pub push: bool,
    /// Whether it builds only images that are missing, as `up` and `run` without `--build` do.
    pub if_missing: bool,
}

/// A command that builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildCall {
    /// One image.
    Build(Box<BuildCommand>),
    /// Targets of bake files.
    Bake(BakeCommand),
    /// Services of compose files.
    Compose(ComposeCommand),
}

/// What is known of the parts of a word that a shell or a workflow fills in.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The value of a shell variable.
    pub variable: &'a dyn Fn(&str) -> Option<Text>,
    /// What `${{ … }}` at a place stands for.
    pub template: &'a dyn Fn(Span) -> Text,
}

/// Reads a command that builds; `None` for any other.
pub fn read(command: &Simple, scope: Scope) -> Option<BuildCall> {
    let (name, mut words) = program(command, scope)?;
    let mut open: Vec<bool> = vec![false; words.len()];
    for word in command.arguments() {
        let text = text(word, scope);
        let bare = match word.parts.as_slice() {
            [Part::Variable { quoted: false, .. }] => true,
            // Within quotes it would be shorter than its word.
            [Part::Template { span }] => *span == word.span,
            _ => false,
        };
        match text.as_known() {
            // The shell takes the value apart.
            Some(known) if bare => {
                let parts = known.split_whitespace().map(|part| (Text::known(part), word.span));
                words.extend(parts);
            }
            _ => {
                let is_list = |part: &Part| matches!(part, Part::Variable { name, operator, .. } if name == "@" || operator.starts_with("[@]"));
                let many = word.parts.iter().any(is_list);
                open.resize(words.len(), false);
                open.push(bare || many);
                words.push((text, word.span));
            }
        }
    }
    open.resize(words.len(), false);
    let plain = |at: usize| words.get(at).and_then(|(word, _)| word.as_known());
    let first = (0..words.len()).find(|at| plain(*at).is_none_or(|word| !word.starts_with('-')))?;
    let rest = |from: usize| Words { words: &words, open: &open, at: from };
    match (&*name, plain(first)?) {
        ("docker", "buildx") | ("docker", "builder") | ("docker", "image") | ("podman", "image") => {
            // `docker buildx --builder b build`: the flag's value is no verb.
            let verb = verb(&words, first + 1, &["--builder"])?;
            match plain(verb)? {
                "build" | "b" => {
                    Some(BuildCall::Build(Box::new(build(rest(verb + 1), plain(first) == Some("buildx")))))
                }
                "bake" | "f" if plain(first) == Some("buildx") => Some(BuildCall::Bake(bake(rest(verb + 1)))),
                _ => None,
            }
        }
        ("docker" | "podman" | "nerdctl" | "depot" | "buildah", "build") | ("buildah", "bud") => {
            let mut command = build(rest(first + 1), name == "depot");
            command.containerfile = matches!(&*name, "podman" | "buildah");
            Some(BuildCall::Build(Box::new(command)))
        }
        ("docker" | "depot", "bake") => Some(BuildCall::Bake(bake(rest(first + 1)))),
        ("docker" | "podman" | "nerdctl", "compose") => compose(rest(first + 1)),
        ("docker-buildx" | "buildx", "build") => Some(BuildCall::Build(Box::new(build(rest(first + 1), true)))),
        ("docker-buildx" | "buildx", "bake") => Some(BuildCall::Bake(bake(rest(first + 1)))),
        ("docker-compose" | "podman-compose", _) => compose(rest(0)),
        _ => None,
    }
}

/// The program that a command runs, without its folder, and the words that come with its name: `$DOCKER build` may stand for
/// `docker buildx build`.
fn program(command: &Simple, scope: Scope) -> Option<(String, Vec<Placed>)> {
    if let Some(name) = command.name() {
        return Some((name.to_owned(), Vec::new()));
    }
    let word = command.words.get(command.command)?;
    let text = text(word, scope);
    let default = match word.parts.as_slice() {
        // A program that may be exchanged is taken for the one that it is without that.
        [Part::Variable { operator, .. }] => operator.strip_prefix(":-").or(operator.strip_prefix('-')),
        _ => None,
    };
    let mut parts = text.as_known().or(default)?.split_whitespace();
    let name = parts.next()?.rsplit('/').next()?.to_owned();
    Some((name, parts.map(|part| (Text::known(part), word.span)).collect()))
}

/// A word as text: what variables and templates stand for is put in where it is known.
pub fn text(word: &Word, scope: Scope) -> Text {
    let mut text = Text::default();
    for part in &word.parts {
        match part {
            Part::Text { text: known, .. } => text.push(TextPart::Known(known.to_string())),
            Part::Variable { name, operator, .. } => match variable(name, operator, scope) {
                Some(value) => value.parts().iter().for_each(|part| text.push(part.clone())),
                None => text.push(TextPart::Unknown(format!("{name}{operator}"))),
            },
            Part::Template { span } => (scope.template)(*span).parts().iter().for_each(|part| text.push(part.clone())),
            Part::Command { list, span, .. } => match output(list, scope) {
                Some(output) => output.parts().iter().for_each(|part| text.push(part.clone())),
                // Two commands' outputs are not the same for being written alike, so each has a name of its own.
                None => text.push(TextPart::Unknown(format!("{span:?}"))),
            },
            other => text.push(TextPart::Unknown(format!("{:?}", other.span()))),
        }
    }
    text
}

/// What a variable is worth.
fn variable(name: &str, operator: &str, scope: Scope) -> Option<Text> {
    let value = (scope.variable)(name);
    match operator {
        "" => value,
        "[0]" if name == "BASH_SOURCE" => value,
        "%/*" => value.and_then(parent),
        // What is known to be set, and to something, needs no default.
        _ if operator.starts_with([':', '-']) && operator.trim_start_matches(':').starts_with('-') => {
            value.filter(|value| value.as_known().is_some_and(|known| !known.is_empty()))
        }
        _ => None,
    }
}

/// What commands print that only speak of folders: `pwd`, `dirname "$0"`, `cd … && pwd`, `git rev-parse --show-toplevel`. `PWD`
/// stands for the folder that they run in, `root` for that of the repository.
fn output(list: &List, scope: Scope) -> Option<Text> {
    let [AndOr { first, rest, .. }] = list.entries.as_slice() else { return None };
    let simple = |pipeline: &Pipeline| match pipeline.commands.as_slice() {
        [Command { kind: CommandKind::Simple(simple), .. }] => Some(simple.clone()),
        _ => None,
    };
    let command = simple(first)?;
    let operand = || {
        let mut words = command.arguments().iter().map(|word| text(word, scope));
        words.rfind(|text| !text.prefix().starts_with('-'))
    };
    let flags: Vec<&str> = command.arguments().iter().filter_map(Word::as_plain).collect();
    match (command.name()?, rest.as_slice()) {
        ("pwd", []) => Some(Text::unknown("PWD")),
        ("dirname", []) => parent(operand()?),
        ("realpath" | "readlink", []) => operand(),
        ("git", []) if flags.contains(&"--show-toplevel") => Some(Text::unknown("root")),
        ("cd", [(_, then)]) if simple(then)?.name() == Some("pwd") => {
            let to = operand()?;
            match to.parts() {
                [TextPart::Known(path), ..] if !path.starts_with('/') => {
                    let mut text = Text::unknown("PWD");
                    text.push(TextPart::Known("/".into()));
                    to.parts().iter().for_each(|part| text.push(part.clone()));
                    Some(text)
                }
                _ => Some(to),
            }
        }
        _ => None,
    }
}

/// The folder of a path.
fn parent(path: Text) -> Option<Text> {
    match path.rsplit_once('/') {
        Some((folder, name)) if name.as_known().is_some() => Some(folder),
        None => path.as_known().map(|_| Text::known(".")),
        Some(_) => None,
    }
}

/// The index of the first word from `from` on that is no flag and no value of the flags in `valued`.
fn verb(words: &[Placed], from: usize, valued: &[&str]) -> Option<usize> {
    let mut at = from;
    loop {
        match words.get(at)?.0.as_known() {
            Some(word) if valued.contains(&word) => at += 2,
            Some(word) if word.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
}

struct Words<'w> {
    words: &'w [Placed],
    open: &'w [bool],
    at: usize,
}

/// A word of a command line.
enum Found<'w> {
    /// `--name value`, `--name=value`, `-n value`, `-nvalue`
    Flag(&'w str, Option<Placed>),
    /// Any other.
    Word(&'w Placed),
    /// One that may hold options or nothing.
    Open,
}

impl<'w> Words<'w> {
    /// The next word. `valued` tells which flags take the next word as their value.
    fn next(&mut self, valued: &dyn Fn(&str) -> bool) -> Option<Found<'w>> {
        let (word, span) = self.words.get(self.at)?;
        let open = self.open.get(self.at) == Some(&true);
        self.at += 1;
        let prefix = word.prefix();
        if !prefix.starts_with('-') || prefix == "-" {
            return Some(if open { Found::Open } else { Found::Word(&self.words[self.at - 1]) });
        }
        if let Some((name, _)) = prefix.split_once('=') {
            let value = word.split_once('=').map(|(_, value)| (value, *span));
            return Some(Found::Flag(name, value));
        }
        if let Some(known) = word.as_known() {
            if valued(known) {
                let value = self.words.get(self.at).cloned();
                self.at += 1;
                return Some(Found::Flag(known, value));
            }
            let short = known.len() > 2 && !known.starts_with("--") && known.is_char_boundary(2) && valued(&known[..2]);
            if short {
                return Some(Found::Flag(&known[..2], Some((Text::known(&known[2..]), *span))));
            }
            return Some(Found::Flag(known, None));
        }
        Some(Found::Open)
    }
}

/// Flags of `docker build` that take a value (docker/buildx `commands/build.go`, docker/cli `image/build.go`).
const BUILD_VALUED: &[&str] = &[
    "--add-host",
    "--allow",
    "--annotation",
    "--attest",
    "--build-arg",
    "--build-context",
    "--builder",
    "--cache-from",
    "--cache-to",
    "--call",
    "--cgroup-parent",
    "--cpu-period",
    "--cpu-quota",
    "--cpu-shares",
    "-c",
    "--cpuset-cpus",
    "--cpuset-mems",
    "--file",
    "-f",
    "--iidfile",
    "--isolation",
    "--label",
    "--memory",
    "-m",
    "--memory-swap",
    "--metadata-file",
    "--network",
    "--no-cache-filter",
    "--output",
    "-o",
    "--platform",
    "--policy",
    "--progress",
    "--project",
    "--provenance-file",
    "--sbom-dir",
    "--secret",
    "--security-opt",
    "--shm-size",
    "--ssh",
    "--tag",
    "-t",
    "--target",
    "--ulimit",
    "--userns",
    "--volume",
    "-v",
    "--authfile",
    "--format",
    "--token",
    "--jobs",
    "--layers-cache",
    "--build-platform",
    "--lint-fail-on",
    "--save-tag",
];

/// Flags of `bake` that take a value (docker/buildx `commands/bake.go`).
const BAKE_VALUED: &[&str] = &[
    "--allow",
    "--builder",
    "--call",
    "--file",
    "-f",
    "--list",
    "--metadata-file",
    "--policy",
    "--progress",
    "--project",
    "--provenance",
    "--sbom",
    "--set",
    "--var",
    "--token",
    "--build-platform",
    "--save-tag",
];

/// Flags of `compose` and of its verbs that take a value.
const COMPOSE_VALUED: &[&str] = &[
    "--ansi",
    "--env-file",
    "--file",
    "-f",
    "--parallel",
    "--profile",
    "--progress",
    "--project-directory",
    "--project-name",
    "-p",
    "--build-arg",
    "--builder",
    "--memory",
    "-m",
    "--ssh",
    "--scale",
    "--timeout",
    "-t",
    "--wait-timeout",
    "--entrypoint",
    "-e",
    "--env",
    "-l",
    "--label",
    "--name",
    "--publish",
    "--user",
    "-u",
    "--volume",
    "-v",
    "--workdir",
    "-w",
    "--pull",
    "--attach",
    "--exit-code-from",
    "--no-attach",
];

fn build(mut words: Words, buildx: bool) -> BuildCommand {
    let mut command = BuildCommand { buildx, ..BuildCommand::default() };
    while let Some(found) = words.next(&|flag| BUILD_VALUED.contains(&flag)) {
        let (flag, value) = match found {
            Found::Open => {
                command.open = true;
                continue;
            }
            Found::Word(word) => {
                command.context.get_or_insert_with(|| word.clone());
                continue;
            }
            Found::Flag(flag, value) => (flag, value),
        };
        let list = match flag {
            "--tag" | "-t" => &mut command.tags,
            "--build-arg" => &mut command.args,
            "--build-context" => &mut command.contexts,
            "--cache-from" => &mut command.cache_from,
            "--cache-to" => &mut command.cache_to,
            "--output" | "-o" => &mut command.outputs,
            "--label" => &mut command.labels,
            "--secret" => &mut command.secrets,
            "--platform" => {
                command
                    .platforms
                    .extend(value.into_iter().flat_map(|(text, span)| list_of(text).map(move |one| (one, span))));
                continue;
            }
            _ => {
                let place = words.words.get(words.at.saturating_sub(1)).map(|(_, span)| *span);
                let bool_value = || value.clone().or_else(|| Some((Text::known("true"), place?)));
                match flag {
                    "--file" | "-f" => command.file = value.clone(),
                    "--target" => command.target = value.clone(),
                    "--push" => command.push = bool_value(),
                    "--load" => command.load = bool_value(),
                    "--no-cache" => command.no_cache = bool_value(),
                    "--pull" => command.pull = bool_value(),
                    _ => {}
                }
                continue;
            }
        };
        list.extend(value);
    }
    command
}

/// The parts of a list with commas.
fn list_of(text: Text) -> impl Iterator<Item = Text> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        match text.split_once(',') {
            Some((first, tail)) => {
                rest = Some(tail);
                Some(first)
            }
            None => Some(text),
        }
    })
}

fn bake(mut words: Words) -> BakeCommand {
    let mut command = BakeCommand::default();
    while let Some(found) = words.next(&|flag| BAKE_VALUED.contains(&flag)) {
        match found {
            Found::Open => command.open = true,
            Found::Word(word) => command.targets.push(word.clone()),
            Found::Flag("--file" | "-f", value) => command.files.extend(value),
            Found::Flag("--set", value) => command.set.extend(value),
            Found::Flag("--var", value) => command.vars.extend(value),
            Found::Flag("--print" | "--list" | "--list-targets" | "--list-variables", _) => command.prints = true,
            Found::Flag(flag @ ("--push" | "--load" | "--no-cache" | "--pull" | "--provenance" | "--sbom"), value) => {
                let span = words.words.get(words.at.saturating_sub(1)).map(|(_, span)| *span);
                let Some(span) = value.as_ref().map(|(_, span)| *span).or(span) else { continue };
                let mut text = Text::known(flag);
                if let Some((value, _)) = value {
                    text.push(TextPart::Known("=".into()));
                    value.parts().iter().for_each(|part| text.push(part.clone()));
                }
                command.flags.push((text, span));
            }
            Found::Flag(..) => {}
        }
    }
    command
}

fn compose(mut words: Words) -> Option<BuildCall> {
    let mut command = ComposeCommand::default();
    let mut verb: Option<&str> = None;
    let (mut rebuild, mut no_deps) = (false, false);
    while let Some(found) = words.next(&|flag| COMPOSE_VALUED.contains(&flag)) {
        match found {
            Found::Open => command.open = true,
            Found::Word(word) if verb.is_none() => verb = Some(word.0.as_known()?),
            // What stands behind the service of `run` is the program that runs in it.
            Found::Word(_) if verb == Some("run") && !command.services.is_empty() => break,
            Found::Word(word) => command.services.push(word.clone()),
            Found::Flag("--file" | "-f", value) => command.files.extend(value),
            Found::Flag("--profile", value) => command.profiles.extend(value),
            Found::Flag("--project-directory", value) => command.directory = value,
            Found::Flag("--with-dependencies", _) => command.with_dependencies = true,
            Found::Flag("--no-deps", _) => no_deps = true,
            Found::Flag("--build-arg", value) => command.args.extend(value),
            Found::Flag("--no-cache", _) => command.no_cache = true,
            Found::Flag("--push", _) => command.push = true,
            Found::Flag("--build", _) => rebuild = true,
            Found::Flag(..) => {}
        }
    }
    match verb? {
        "build" => {}
        "up" | "run" | "create" | "watch" => {
            command.if_missing = !rebuild;
            command.with_dependencies = !no_deps;
        }
        _ => return None,
    }
    Some(BuildCall::Compose(command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::mapped::MappedText;
    use crate::syntax::shell::{Options, parse};

    fn call(line: &str) -> Option<BuildCall> {
        let script = parse(&MappedText::verbatim(FileId(0), 0, line), Options { templates: true });
        let variable = |name: &str| (name == "TAG").then(|| Text::known("v1"));
        let scope = Scope { variable: &variable, template: &|_| Text::unknown("template") };
        script.commands().first().and_then(|command| read(command.simple, scope))
    }

    fn texts(placed: &[Placed]) -> Vec<String> {
        placed.iter().map(|(text, _)| text.to_string()).collect()
    }

    #[test]
    fn a_build_with_its_flags_in_any_order() {
        let Some(BuildCall::Build(build)) = call(
            "docker buildx --builder b build -t app:$TAG --tag=app:latest -fdocker/Dockerfile . --push --platform linux/amd64,linux/arm64 $OPTS",
        ) else {
            panic!("not read as a build");
        };
        assert_eq!(texts(&build.tags), ["app:v1", "app:latest"]);
        assert_eq!(texts(&build.platforms), ["linux/amd64", "linux/arm64"]);
        assert_eq!(build.file.map(|(text, _)| text.to_string()).as_deref(), Some("docker/Dockerfile"));
        assert_eq!(build.context.map(|(text, _)| text.to_string()).as_deref(), Some("."));
        assert!(build.push.is_some() && build.open && build.buildx);
    }

    #[test]
    fn bake_and_compose() {
        let Some(BuildCall::Bake(bake)) =
            call("docker buildx bake -f a.hcl --set '*.tags=x:${{ github.sha }}' --push web")
        else {
            panic!("not read as a bake");
        };
        assert_eq!((texts(&bake.files), texts(&bake.targets)), (vec!["a.hcl".into()], vec!["web".into()]));
        assert_eq!(texts(&bake.flags), ["--push"]);
        assert_eq!(bake.set[0].0.prefix(), "*.tags=x:");
        let Some(BuildCall::Compose(compose)) = call("docker compose -f c.yml run --rm web sh -c 'x'") else {
            panic!("not read as compose");
        };
        assert_eq!(texts(&compose.services), ["web"]);
        assert!(compose.if_missing);
    }

    #[test]
    fn programs_may_be_named_by_variables() {
        let build = |line: &str| match call(line) {
            Some(BuildCall::Build(build)) => Some((build.buildx, texts(&build.tags))),
            _ => None,
        };
        assert_eq!(build("${DOCKER:-docker} build -t a ."), Some((false, vec!["a".into()])));
        assert_eq!(build("${DOCKER:-/usr/bin/docker buildx} build -t a ."), Some((true, vec!["a".into()])));
        assert_eq!(build("$DOCKER build -t a ."), None);
    }

    #[test]
    fn other_commands_build_nothing() {
        for line in [
            "docker run app build",
            "docker buildx imagetools create -t a b",
            "docker compose ps",
            "make build",
            "docker",
        ] {
            assert_eq!(call(line), None, "{line}");
        }
    }
}
