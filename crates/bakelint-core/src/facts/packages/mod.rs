//! Commands of package managers: which packages they install, from where, and which files they read.

mod manifests;
mod requirements;
mod tools;

pub use manifests::Manifest;
pub use requirements::{Package, PackageSource};

use crate::facts::commands::{Argument, CommandOption, Operand, arguments};
use crate::source::{Span, Spanned};
use crate::syntax::shell::{CommandRef, Word};
use tools::{TOOLS, Tool};

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manager {
    /// apt-get, apt, aptitude
    Apt,
    /// apk
    Apk,
    /// yum, dnf, microdnf, tdnf
    Dnf,
    /// zypper
    Zypper,
    /// pip, also as `python -m pip`
    Pip,
    /// uv
    Uv,
    /// poetry
    Poetry,
    /// pipenv
    Pipenv,
    /// pipx
    Pipx,
    /// pdm
    Pdm,
    /// conda, mamba, micromamba
    Conda,
    /// npm
    Npm,
    /// yarn
    Yarn,
    /// pnpm
    Pnpm,
    /// bun
    Bun,
    /// gem
    Gem,
    /// bundle
    Bundler,
    /// composer
    Composer,
    /// go
    Go,
    /// cargo
    Cargo,
    /// dotnet
    DotNet,
    /// nuget
    NuGet,
    /// mvn, mvnw
    Maven,
    /// gradle, gradlew
    Gradle,
}

impl Manager {
    /// Whether it installs packages of the distribution, not those of a programming language.
    pub fn is_system(self) -> bool {
        matches!(self, Manager::Apt | Manager::Apk | Manager::Dnf | Manager::Zypper)
    }

    /// The directories in which it keeps downloads and lists between runs, when it runs as its image's usual user; `~` is
    /// the home directory. From the Docker documentation ("Optimize cache usage") and each program's manual.
    pub fn cache_directories(self) -> &'static [&'static str] {
        match self {
            Manager::Apt => &["/var/cache/apt", "/var/lib/apt"],
            Manager::Apk => &["/var/cache/apk", "/etc/apk/cache"],
            Manager::Dnf => &["/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5"],
            Manager::Zypper => &["/var/cache/zypp"],
            Manager::Pip | Manager::Pipx => &["~/.cache/pip"],
            Manager::Uv => &["~/.cache/uv"],
            Manager::Poetry => &["~/.cache/pypoetry"],
            Manager::Pipenv => &["~/.cache/pipenv", "~/.cache/pip"],
            Manager::Pdm => &["~/.cache/pdm"],
            Manager::Conda => &["/opt/conda/pkgs"],
            Manager::Npm => &["~/.npm"],
            Manager::Yarn => &["/usr/local/share/.cache/yarn", "~/.yarn/berry/cache"],
            Manager::Pnpm => &["~/.local/share/pnpm/store"],
            Manager::Bun => &["~/.bun/install/cache"],
            Manager::Gem | Manager::Bundler => &["/usr/local/bundle/cache", "~/.bundle/cache"],
            Manager::Composer => &["~/.cache/composer", "~/.composer/cache"],
            Manager::Go => &["/go/pkg/mod", "~/.cache/go-build"],
            Manager::Cargo => &["/usr/local/cargo/registry", "/usr/local/cargo/git/db"],
            Manager::DotNet | Manager::NuGet => &["~/.nuget/packages"],
            Manager::Maven => &["~/.m2"],
            Manager::Gradle => &["~/.gradle"],
        }
    }
}

/// What a command of a package manager does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It brings the lists of packages up to date.
    Refresh,
    /// It installs packages.
    Install,
    /// It replaces installed packages by newer ones.
    Upgrade,
    /// It removes packages.
    Remove,
    /// It downloads packages without installing them.
    Fetch,
    /// It decides on versions and writes them down.
    Lock,
    /// It compiles, and downloads what is missing for it.
    Build,
    /// It empties its cache.
    Clean,
}

/// A command of a package manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageCommand {
    /// Index of the command among those of the instruction; see [`Project::commands`](crate::model::Project::commands).
    pub command: usize,
    /// The package manager.
    pub manager: Manager,
    /// The program as it is called, without its folder: `apt-get`, `pip3`.
    pub program: String,
    /// What it does.
    pub action: Action,
    /// The verb: `install`, `ci`, `mod download`. `None` for a program that does something without one.
    pub verb: Option<Spanned<String>>,
    /// From the program to its last word.
    pub span: Span,
    /// The program's word, and what stands for it in `python -m pip`.
    pub program_span: Span,
    /// The options before and behind the verb, in order.
    pub options: Vec<CommandOption>,
    /// The words behind the verb that are no options, as far as they are known: packages, paths, goals.
    pub operands: Vec<String>,
    /// The packages among them; paths of go and cargo, goals of maven and tasks of gradle are none.
    pub packages: Vec<Package>,
    /// The files that say what is installed.
    pub manifests: Vec<Manifest>,
    /// Whether it insists on the versions of a lock file.
    pub frozen: bool,
    /// Whether a variable of unknown value may hold further options.
    pub opaque: bool,
    /// Whether it runs only if something else says so.
    pub conditional: bool,
    /// Variables that are set for this command alone, `A=b pip install`; `None` for a value that is not known.
    pub environment: Vec<(String, Option<String>)>,
}

impl PackageCommand {
    /// Whether one of these options is given. A value that says no does not count.
    pub fn has(&self, names: &[&str]) -> bool {
        let off = |value: &Option<String>| matches!(value.as_deref(), Some("false" | "no" | "0"));
        self.options.iter().any(|option| names.contains(&option.name.as_str()) && !off(&option.value))
    }

    /// The last of these options.
    pub fn option(&self, names: &[&str]) -> Option<&CommandOption> {
        self.options.iter().rev().find(|option| names.contains(&option.name.as_str()))
    }

    /// The program with its verb: `apt-get install`.
    pub fn title(&self) -> String {
        match &self.verb {
            Some(verb) => format!("{} {}", self.program, verb.node),
            None => self.program.clone(),
        }
    }

    /// The program and its verb, with what stands between.
    pub fn title_span(&self) -> Span {
        self.verb.as_ref().map_or(self.program_span, |verb| self.program_span.cover(verb.span))
    }

    /// The verb; empty without one.
    pub fn verb(&self) -> &str {
        self.verb.as_ref().map_or("", |verb| verb.node.as_str())
    }

    /// Whether the packages come from a list in a file rather than from words of the command.
    pub fn is_from_manifest(&self) -> bool {
        self.packages.is_empty() && !self.manifests.is_empty()
    }
}

/// The tool, and the index in the words behind which its own words begin.
fn tool_of(command: &CommandRef) -> Option<(&'static Tool, usize, String)> {
    let simple = command.simple;
    let name = simple.name()?;
    let find = |name: &str| TOOLS.iter().find(|tool| tool.programs.contains(&name));
    if is_versioned(name, "pip") {
        return Some((find("pip")?, simple.command, name.to_owned()));
    }
    if is_versioned(name, "python") || is_versioned(name, "pypy") {
        let arguments = simple.arguments();
        let at = arguments.iter().position(|word| word.is("-m"))?;
        let before = arguments[..at].iter().all(|word| word.as_plain().is_some_and(|text| text.starts_with('-')));
        let module = arguments.get(at + 1)?.as_plain().filter(|_| before)?;
        let tool = find(module).filter(|tool| matches!(tool.manager, Manager::Pip | Manager::Pipx | Manager::Pdm))?;
        return Some((tool, simple.command + at + 2, module.to_owned()));
    }
    Some((find(name)?, simple.command, name.to_owned()))
}

/// Whether a program's name is this one with or without a version: `pip3.12`.
fn is_versioned(name: &str, program: &str) -> bool {
    name.strip_prefix(program).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// Reads a command, if it is one of a package manager's with a verb that is known.
pub(super) fn read(
    command: &CommandRef,
    index: usize,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Option<PackageCommand> {
    let (tool, program_end, program) = tool_of(command)?;
    let words: &[Word] = command.simple.words.get(program_end + 1..)?;
    let valued = |name: &str| tool.valued.contains(&name);
    let mut options = Vec::new();
    let mut operands: Vec<Operand> = Vec::new();
    for argument in arguments(words, tool.style, &valued, look_up) {
        match argument {
            Argument::Option(option) => options.push(option),
            Argument::Operand(operand) => operands.push(operand),
        }
    }
    // The tool chain, as in `cargo +nightly build`.
    if tool.manager == Manager::Cargo && operands.first().is_some_and(|operand| operand.prefix.starts_with('+')) {
        operands.remove(0);
    }
    // `zypper install -n` is not `zypper -n install`, but who writes it means the latter.
    let (verb, action) = match verb_of(tool, &operands) {
        Some((count, name, action)) => {
            let span = operands[0].span.cover(operands[count - 1].span);
            operands.drain(..count);
            (Some(Spanned::new(name.to_owned(), span)), action)
        }
        None if operands.is_empty() && !options.iter().any(is_question) => (None, tool.bare?),
        None => return None,
    };
    if options.iter().any(|option| option.name == "--help" || option.name == "--dry-run") {
        return None;
    }
    let first = command.simple.words.get(command.simple.command)?.span;
    let program_span = first.cover(command.simple.words.get(program_end)?.span);
    let last = command.simple.words.last()?.span;
    let mut found = PackageCommand {
        command: index,
        manager: tool.manager,
        program,
        action,
        verb,
        span: first.cover(last),
        program_span,
        opaque: operands.iter().any(|operand| operand.opaque),
        operands: operands.iter().filter_map(|operand| operand.text.clone()).collect(),
        options,
        packages: Vec::new(),
        manifests: Vec::new(),
        frozen: false,
        conditional: command.context.conditional || command.context.function,
        environment: Vec::new(),
    };
    found.packages = requirements::packages(&found, &operands);
    found.manifests = manifests::manifests(&found, &operands);
    found.frozen = manifests::is_frozen(&found);
    Some(found)
}

fn is_question(option: &CommandOption) -> bool {
    matches!(option.name.as_str(), "--version" | "-v" | "--help" | "-h")
}

/// The longest verb that the operands begin with: the number of its words, itself, and what it does. For Maven and Gradle any
/// of the words counts, the one that does most.
fn verb_of(tool: &Tool, operands: &[Operand]) -> Option<(usize, &'static str, Action)> {
    let text = |at: usize| operands.get(at).and_then(|operand| operand.text.as_deref());
    if matches!(tool.manager, Manager::Maven | Manager::Gradle) {
        let names = (0..operands.len()).filter_map(text);
        let task = |name: &str| {
            let name = name.rsplit(':').next().filter(|_| tool.manager == Manager::Gradle).unwrap_or(name);
            tool.verbs.iter().find(|(verb, _)| *verb == name || verb.ends_with(&format!(":{name}")))
        };
        let best = names.filter_map(task).max_by_key(|(_, action)| *action)?;
        return Some((1, best.0, best.1));
    }
    let matching = tool.verbs.iter().filter_map(|(verb, action)| {
        let words: Vec<&str> = verb.split(' ').collect();
        let fits = words.iter().enumerate().all(|(at, word)| text(at) == Some(word));
        fits.then_some((words.len(), *verb, *action))
    });
    matching.max_by_key(|(count, _, _)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::mapped::MappedText;
    use crate::syntax::shell;

    /// A command in a line: manager, action, verb, packages, `<` files.
    fn line(text: &str) -> String {
        let script = shell::parse(&MappedText::verbatim(FileId(0), 0, text), shell::Options::default());
        let commands = script.commands();
        let Some(found) = commands.iter().enumerate().find_map(|(at, next)| read(next, at, &|_| None)) else {
            return "-".to_owned();
        };
        let package = |package: &Package| match &package.version {
            Some(version) => format!(" {}={version}", package.name),
            None => format!(" {}", package.name),
        };
        let packages: String = found.packages.iter().map(package).collect();
        let manifest = |file: &Manifest| format!(" {}{}", if file.lock { "<<" } else { "<" }, file.path);
        let manifests: String = found.manifests.iter().map(manifest).collect();
        let frozen = if found.frozen { " frozen" } else { "" };
        format!("{:?} {:?} {}{packages}{manifests}{frozen}", found.manager, found.action, found.verb())
    }

    #[test]
    fn commands_of_package_managers_are_read() {
        let cases = [
            ("apt-get -y install -t sid curl=7 'g++' \"$X\" ./a.deb", "Apt Install install curl=7 g++ ${?} ./a.deb"),
            ("sudo -E apt-get update", "Apt Refresh update"),
            (
                "apk add --no-cache --virtual .deps -X http://a/b gcc=~9 'musl-dev>=1' git@edge",
                "Apk Install add gcc=~9 musl-dev=>=1 git=@edge",
            ),
            ("dnf -y module install nodejs:18", "Dnf Install module install nodejs=18"),
            (
                "yum install -y httpd-2.4.62 gcc-c++ java-17-openjdk https://a/b.rpm",
                "Dnf Install install httpd=2.4.62 gcc-c++ java-17-openjdk https://a/b.rpm",
            ),
            ("zypper -n in git=2.43 'vim>9'", "Zypper Install in git=2.43 vim=>9"),
            ("python3.12 -m pip install -U pip 'a[x]==1' 'b>=2' -e .", "Pip Install install pip a=1 b=>=2 <."),
            ("pip3 install -r requirements/base.txt -c c.txt", "Pip Install install <requirements/base.txt <c.txt"),
            (
                "pip install . git+https://x/y@v1 ./z https://x/a.whl",
                "Pip Install install git+https://x/y@v1=v1 ./z https://x/a.whl <.",
            ),
            ("pip install --require-hashes -r r.txt", "Pip Install install <r.txt frozen"),
            ("uv sync --frozen --no-dev", "Uv Install sync <pyproject.toml <<uv.lock frozen"),
            ("uv pip install --system -r r.txt x==1", "Uv Install pip install x=1 <r.txt"),
            ("uv tool install ruff@0.4", "Uv Install tool install ruff=0.4"),
            ("poetry install --no-root --only main", "Poetry Install install <pyproject.toml <<poetry.lock"),
            ("pipenv install --deploy --system", "Pipenv Install install <Pipfile <<Pipfile.lock frozen"),
            ("npm ci --omit=dev", "Npm Install ci <package.json <<package-lock.json <<npm-shrinkwrap.json frozen"),
            (
                "npm i -g typescript@5 @a/b @a/c@1 x/y git+ssh://z#1",
                "Npm Install i typescript=5 @a/b @a/c=1 x/y git+ssh://z#1=1",
            ),
            ("npm install --production", "Npm Install install <package.json <<package-lock.json <<npm-shrinkwrap.json"),
            ("yarn", "Yarn Install  <package.json <<yarn.lock"),
            ("yarn --frozen-lockfile", "Yarn Install  <package.json <<yarn.lock frozen"),
            ("yarn --version", "-"),
            ("yarn build", "-"),
            (
                "pnpm install --frozen-lockfile --filter web",
                "Pnpm Install install <package.json <<pnpm-lock.yaml <pnpm-workspace.yaml frozen",
            ),
            ("bun install", "Bun Install install <package.json <<bun.lock <<bun.lockb"),
            ("gem install bundler:2.5 rails -v 7", "Gem Install install bundler=2.5 rails=7"),
            ("gem install nokogiri:1.18.1 -- --use-system-libraries -j 4", "Gem Install install nokogiri=1.18.1"),
            ("bundle install --jobs 4", "Bundler Install install <Gemfile <<Gemfile.lock"),
            ("composer install --no-dev -d /app", "Composer Install install <composer.json <<composer.lock"),
            ("composer require a/b:^1", "Composer Install require a/b=^1 <composer.json <<composer.lock"),
            (
                "go install -v golang.org/x/tools/gopls@latest ./cmd/x",
                "Go Install install golang.org/x/tools/gopls=latest",
            ),
            ("go mod download", "Go Fetch mod download <go.mod <<go.sum"),
            ("go build -o /x -ldflags '-s -w' ./...", "Go Build build <go.mod <<go.sum"),
            ("cargo install --locked --version 1.2 just", "Cargo Install install just=1.2 frozen"),
            ("cargo +nightly build --release --locked", "Cargo Build build <Cargo.toml <<Cargo.lock frozen"),
            ("conda env create -f environment.yml", "Conda Install env create <environment.yml"),
            ("conda install -y -c conda-forge 'a=1' b", "Conda Install install a=1 b"),
            ("dotnet restore src/a.csproj", "DotNet Fetch restore <src/a.csproj"),
            ("./mvnw -B -DskipTests clean package", "Maven Build package <pom.xml"),
            ("mvn dependency:go-offline", "Maven Fetch dependency:go-offline <pom.xml"),
            ("./gradlew :app:bootJar --no-daemon", "Gradle Build bootJar <build.gradle <build.gradle.kts"),
            ("apt-get install --dry-run x", "-"),
            ("apt-cache show x", "-"),
            ("echo apt-get install x", "-"),
        ];
        let wrong = cases.iter().map(|(text, expected)| (*text, *expected, line(text)));
        let wrong: Vec<_> = wrong.filter(|(_, expected, actual)| expected != actual).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
