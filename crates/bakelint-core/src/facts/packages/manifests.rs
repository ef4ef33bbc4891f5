//! The files in which package managers find what to install.

use super::{Action, Manager, PackageCommand, PackageSource};
use crate::facts::commands::Operand;
use crate::source::Span;

/// A file that a package manager reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The path as written, or the file's usual name in the working directory.
    pub path: String,
    /// The word that names it; `None` when the package manager looks for it by itself.
    pub span: Option<Span>,
    /// Whether it is a lock file.
    pub lock: bool,
    /// Whether the command fails without it. Of several lock files that serve the same purpose none is needed.
    pub needed: bool,
}

fn usual(path: &str, lock: bool, needed: bool) -> Manifest {
    Manifest { path: path.to_owned(), span: None, lock, needed }
}

fn given(path: &str, span: Span) -> Manifest {
    Manifest { path: path.to_owned(), span: Some(span), lock: false, needed: true }
}

/// The files that the command reads.
pub(super) fn manifests(command: &PackageCommand, operands: &[Operand]) -> Vec<Manifest> {
    let by_option = |names: &[&str]| {
        let named = command.options.iter().filter(|option| names.contains(&option.name.as_str()));
        named.filter_map(|option| Some(given(option.value.as_deref()?, option.span))).collect::<Vec<_>>()
    };
    let by_operand = |matches: &dyn Fn(&str) -> bool| {
        let texts = operands.iter().filter_map(|operand| Some((operand.text.as_deref()?, operand.span)));
        texts.filter(|(text, _)| matches(text)).map(|(text, span)| given(text, span)).collect::<Vec<_>>()
    };
    let reads = matches!(command.action, Action::Install | Action::Fetch | Action::Build | Action::Lock)
        || command.action == Action::Upgrade && !command.manager.is_system();
    if !reads {
        return Vec::new();
    }
    let verb = command.verb();
    let frozen = is_frozen(command);
    // A lock file that is missing is made anew unless the command insists on it.
    let pair = |list: &str, lock: &str| vec![usual(list, false, true), usual(lock, true, frozen)];
    let is_project = |text: &str| {
        let path = text.split('[').next().unwrap_or(text);
        path == "." || path == ".." || path.ends_with("/.")
    };
    let global = command.has(&["-g", "--global"]) || verb.starts_with("global ");
    match command.manager {
        Manager::Apt | Manager::Apk | Manager::Dnf | Manager::Zypper | Manager::Gem => Vec::new(),
        Manager::Pip => {
            let mut found = by_option(&["-r", "--requirement", "--requirements", "-c", "--constraint"]);
            found.retain(|file| !file.path.contains("://"));
            found.extend(by_option(&["-e", "--editable"]).into_iter().filter(|file| !file.path.contains("://")));
            found.extend(by_operand(&is_project));
            found
        }
        Manager::Uv if verb.starts_with("pip") => {
            let mut found =
                by_option(&["-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints"]);
            found.extend(by_option(&["-e", "--editable"]).into_iter().filter(|file| !file.path.contains("://")));
            found.extend(by_operand(&is_project));
            if verb == "pip sync" {
                found.extend(by_operand(&|text| text.ends_with(".txt") || text.ends_with(".toml")));
            }
            found
        }
        Manager::Uv if matches!(verb, "sync" | "add" | "lock" | "export") => pair("pyproject.toml", "uv.lock"),
        Manager::Uv | Manager::Pipx => Vec::new(),
        Manager::Poetry => pair("pyproject.toml", "poetry.lock"),
        Manager::Pdm => pair("pyproject.toml", "pdm.lock"),
        Manager::Pipenv if command.option(&["-r", "--requirements"]).is_some() => by_option(&["-r", "--requirements"]),
        Manager::Pipenv => pair("Pipfile", "Pipfile.lock"),
        Manager::Conda => {
            let found = by_option(&["-f", "--file"]);
            let usual_name = verb.starts_with("env") && found.is_empty();
            if usual_name { vec![usual("environment.yml", false, true)] } else { found }
        }
        _ if global => Vec::new(),
        Manager::Npm => {
            let names_packages = command.packages.iter().any(|package| package.source != PackageSource::File);
            if names_packages && !verb.starts_with('c') && command.action == Action::Install {
                return Vec::new();
            }
            let locks = [usual("package-lock.json", true, false), usual("npm-shrinkwrap.json", true, false)];
            std::iter::once(usual("package.json", false, true)).chain(locks).collect()
        }
        Manager::Yarn => {
            if verb == "add" {
                Vec::new()
            } else {
                pair("package.json", "yarn.lock")
            }
        }
        Manager::Pnpm if verb == "fetch" => vec![usual("pnpm-lock.yaml", true, true)],
        Manager::Pnpm => {
            if !command.packages.is_empty() {
                return Vec::new();
            }
            let mut found = pair("package.json", "pnpm-lock.yaml");
            found.push(usual("pnpm-workspace.yaml", false, false));
            found
        }
        Manager::Bun => {
            if !command.packages.is_empty() {
                return Vec::new();
            }
            vec![usual("package.json", false, true), usual("bun.lock", true, false), usual("bun.lockb", true, false)]
        }
        Manager::Bundler => {
            let named = by_option(&["--gemfile"]);
            if named.is_empty() { pair("Gemfile", "Gemfile.lock") } else { named }
        }
        Manager::Composer if verb == "create-project" => Vec::new(),
        Manager::Composer => pair("composer.json", "composer.lock"),
        Manager::Go => {
            let versioned = command.packages.iter().any(|package| package.version.is_some());
            if versioned { Vec::new() } else { pair("go.mod", "go.sum") }
        }
        Manager::Cargo if matches!(verb, "install" | "binstall") => {
            let mut found = by_option(&["--path"]);
            found.iter_mut().for_each(|file| file.path = format!("{}/Cargo.toml", file.path.trim_end_matches('/')));
            found
        }
        Manager::Cargo if verb == "chef cook" => {
            let found = by_option(&["--recipe-path"]);
            if found.is_empty() { vec![usual("recipe.json", false, true)] } else { found }
        }
        Manager::Cargo => pair("Cargo.toml", "Cargo.lock"),
        Manager::DotNet | Manager::NuGet => {
            let is_list = |text: &str| {
                [".csproj", ".fsproj", ".vbproj", ".sln", ".slnx", "packages.config"]
                    .iter()
                    .any(|end| text.ends_with(end))
            };
            by_operand(&is_list)
        }
        Manager::Maven => {
            let named = by_option(&["-f", "--file"]);
            if named.is_empty() { vec![usual("pom.xml", false, true)] } else { named }
        }
        Manager::Gradle => {
            let named = by_option(&["-b", "--build-file"]);
            let names = ["build.gradle", "build.gradle.kts"];
            if named.is_empty() { names.map(|name| usual(name, false, false)).into() } else { named }
        }
    }
}

/// Whether the command refuses to go on when the lock file is missing or does not fit.
pub(super) fn is_frozen(command: &PackageCommand) -> bool {
    let verb = command.verb();
    match command.manager {
        Manager::Pip => command.has(&["--require-hashes"]),
        Manager::Uv => verb == "sync" && command.has(&["--frozen", "--locked"]) || command.has(&["--require-hashes"]),
        Manager::Pipenv => verb == "sync" || command.has(&["--deploy", "--ignore-pipfile"]),
        Manager::Pdm => command.has(&["--frozen-lockfile", "--no-lock", "--check"]) || verb == "sync",
        Manager::Npm => {
            matches!(verb, "ci" | "clean-install" | "ic" | "install-clean" | "install-ci-test" | "cit")
        }
        Manager::Yarn => command.has(&["--frozen-lockfile", "--immutable"]),
        Manager::Pnpm => verb == "ci" || verb == "fetch" || command.has(&["--frozen-lockfile"]),
        Manager::Bun => verb == "ci" || command.has(&["--frozen-lockfile"]),
        Manager::Bundler => command.has(&["--frozen", "--deployment"]),
        Manager::Cargo => command.has(&["--locked", "--frozen"]),
        Manager::DotNet => command.has(&["--locked-mode"]),
        _ => false,
    }
}
