//! Words that name packages, cut into name and version as each package manager reads them.

use super::{Action, Manager, PackageCommand};
use crate::facts::commands::Operand;
use crate::source::Span;

/// A package that a command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name without its version; the whole word for files and URLs. Where a part is not known, `${?}` stands for it.
    pub name: String,
    /// The version or the bounds for it, as written; `None` without any.
    pub version: Option<String>,
    /// Where it comes from.
    pub source: PackageSource,
    /// The word that it stands in.
    pub span: Span,
}

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageSource {
    /// The package manager's own repositories.
    Registry,
    /// A file or folder.
    File,
    /// An archive from a URL.
    Url,
    /// A version control system.
    Vcs,
    /// A group, pattern or module of the distribution that has no version.
    Group,
    /// It follows from a variable of unknown value.
    Unknown,
}

/// The packages among the operands of a command.
pub(super) fn packages(command: &PackageCommand, operands: &[Operand]) -> Vec<Package> {
    let named = matches!(command.action, Action::Install | Action::Upgrade | Action::Remove | Action::Fetch)
        || command.manager == Manager::Go && command.verb() == "run";
    let by_path = matches!(command.manager, Manager::Maven | Manager::Gradle | Manager::Bundler | Manager::Pdm)
        || command.manager == Manager::DotNet && command.action == Action::Fetch
        || command.manager == Manager::NuGet && command.action == Action::Fetch
        || command.manager == Manager::Go
            && command.verb() != "install"
            && command.verb() != "get"
            && command.verb() != "run"
        || command.manager == Manager::Conda && command.verb().starts_with("env");
    if !named || by_path {
        return Vec::new();
    }
    // What follows `--` goes to the build of a gem's extension.
    let is_gem = command.manager == Manager::Gem;
    let names = operands.iter().take_while(|operand| !is_gem || !operand.prefix.starts_with('-'));
    let mut found: Vec<Package> = names.filter_map(|operand| package(command, operand)).collect();
    let version = match command.manager {
        Manager::Gem => command.option(&["-v", "--version"]),
        Manager::Cargo => command.option(&["--version", "--vers", "--tag", "--rev"]),
        Manager::DotNet => command.option(&["--version"]),
        Manager::NuGet => command.option(&["-Version"]),
        _ => None,
    };
    if let Some(version) = version {
        let value = version.value.clone().unwrap_or_else(|| "${?}".to_owned());
        found.iter_mut().for_each(|package| {
            package.version.get_or_insert_with(|| value.clone());
        });
    }
    if command.manager == Manager::Cargo && command.option(&["--git", "--path"]).is_some() {
        let source = if command.option(&["--git"]).is_some() { PackageSource::Vcs } else { PackageSource::File };
        found.iter_mut().for_each(|package| package.source = source);
    }
    // `go run` takes one package; the rest belongs to the program.
    if command.verb() == "run" || command.verb() == "create-project" {
        found.truncate(1);
    }
    found
}

fn package(command: &PackageCommand, operand: &Operand) -> Option<Package> {
    let span = operand.span;
    let whole = |name: &str, source| Some(Package { name: name.to_owned(), version: None, source, span });
    let Some(text) = operand.text.as_deref() else {
        // `curl=${VERSION}` has a name and a version that nobody knows here.
        let unknown = format!("{}${{?}}", operand.prefix);
        let (name, version) = split(command.manager, &unknown);
        let known = !name.contains("${?}") && version.is_some();
        let source = if known { source_of(command.manager, name) } else { PackageSource::Unknown };
        let name = if known { name.to_owned() } else { unknown.clone() };
        let version = version.map(str::to_owned).filter(|_| known);
        return Some(Package { name, version, source, span });
    };
    let source = source_of(command.manager, text);
    match (command.manager, source) {
        (_, PackageSource::Registry) => {}
        // The project itself and folders beside it are no packages of go and cargo.
        (Manager::Go, PackageSource::File) => return None,
        (Manager::Pip | Manager::Uv | Manager::Pipx, PackageSource::File) if is_project(text) => return None,
        (_, PackageSource::Vcs) => {
            let name = text.to_owned();
            return Some(Package { name, version: vcs_version(text).map(str::to_owned), source, span });
        }
        _ => return whole(text, source),
    }
    let (name, version) = split(command.manager, text);
    if command.manager == Manager::Dnf && command.verb().starts_with("group") {
        return whole(text, PackageSource::Group);
    }
    if command.manager == Manager::Dnf && command.verb().starts_with("module") {
        let (name, version) = text.split_once(':').map_or((text, None), |(name, version)| (name, Some(version)));
        let version = version.map(str::to_owned);
        return Some(Package { name: name.to_owned(), version, source, span });
    }
    Some(Package { name: name.to_owned(), version: version.map(str::to_owned), source, span })
}

/// Whether a path names a project rather than an archive: `.`, `.[dev]`, `./src`.
fn is_project(text: &str) -> bool {
    let path = text.split('[').next().unwrap_or(text);
    path == "." || path == ".." || path.ends_with("/.")
}

fn source_of(manager: Manager, text: &str) -> PackageSource {
    use PackageSource::{File, Group, Registry, Url, Vcs};
    let is_vcs = ["git+", "hg+", "svn+", "bzr+", "git://", "git@", "github:", "gitlab:", "bitbucket:"];
    if !manager.is_system() && is_vcs.iter().any(|start| text.starts_with(start)) {
        return Vcs;
    }
    if text.contains("://") {
        return if text.ends_with(".git") { Vcs } else { Url };
    }
    let is_path = text.starts_with(['/', '~']) || text == "." || text.starts_with("./") || text.starts_with("../");
    if is_path || text == ".." || text.starts_with(".[") || text.starts_with("file:") {
        return File;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| text.ends_with(ending));
    match manager {
        Manager::Apt if ends(&[".deb"]) => File,
        Manager::Apt if text.contains('*') || text.ends_with('^') => Group,
        Manager::Apk if ends(&[".apk"]) => File,
        // `.build-deps` is a name for a set of packages.
        Manager::Apk if text.starts_with('.') => Group,
        Manager::Dnf | Manager::Zypper if ends(&[".rpm"]) => File,
        Manager::Dnf if text.starts_with('@') || text.contains('*') => Group,
        Manager::Zypper if text.starts_with("pattern:") || text.starts_with("-t") => Group,
        Manager::Pip | Manager::Uv | Manager::Pipx if text.contains(" @ git+") || text.contains("@git+") => Vcs,
        Manager::Pip | Manager::Uv | Manager::Pipx if text.contains(" @ ") => Url,
        Manager::Pip | Manager::Uv | Manager::Pipx if ends(&[".whl", ".tar.gz", ".zip"]) || text.contains('/') => File,
        Manager::Npm | Manager::Yarn | Manager::Pnpm | Manager::Bun => {
            if ends(&[".tgz", ".tar.gz", ".tar"]) {
                return File;
            }
            // `owner/repository` without a scope is a repository on GitHub.
            let scoped = text.starts_with('@') || text.contains("npm:") || text.contains("workspace:");
            if !scoped && text.contains('/') { Vcs } else { Registry }
        }
        Manager::Gem if ends(&[".gem"]) => File,
        // A package of the project itself has no dot before its first slash.
        Manager::Go if !text.split('/').next().unwrap_or_default().contains('.') => File,
        Manager::Conda if ends(&[".tar.bz2", ".conda"]) => File,
        _ => Registry,
    }
}

/// Cuts a word into name and version.
fn split(manager: Manager, text: &str) -> (&str, Option<&str>) {
    let at = |position: Option<usize>, skip: usize| match position {
        Some(at) if at > 0 => (&text[..at], Some(&text[at + skip..])),
        _ => (text, None),
    };
    match manager {
        Manager::Apt => {
            // `name=version` and `name/release`; a `+` or `-` at the end of the name installs or removes it.
            at(text.find(['=', '/']), 1)
        }
        Manager::Apk => match text.find(['=', '<', '>', '~', '@']) {
            Some(position) if text[position..].starts_with('=') => at(Some(position), 1),
            position => at(position, 0),
        },
        Manager::Zypper => match text.find(['=', '<', '>']) {
            Some(position) if text[position..].starts_with('=') => at(Some(position), 1),
            position => at(position, 0),
        },
        Manager::Dnf => {
            if let Some(position) = text.find(['=', '<', '>']) {
                return at(Some(position), 0);
            }
            // name-version-release: a version begins with a digit behind a dash and has a dot or comes before a release.
            let dashes = text.match_indices('-').map(|(position, _)| position);
            let mut versions = dashes.filter(|position| {
                let rest = &text[position + 1..];
                rest.starts_with(|c: char| c.is_ascii_digit() || c == '$')
                    && (rest.contains('.') || rest.contains(':') || rest.starts_with('$'))
            });
            at(versions.next(), 1)
        }
        Manager::Pip | Manager::Uv | Manager::Pipx | Manager::Poetry | Manager::Pipenv | Manager::Pdm => {
            let bare = |name: &str| name.find(['[', ';']).unwrap_or(name.len());
            let end = text.find(';').unwrap_or(text.len());
            let head = &text[..end];
            match head.find(['=', '<', '>', '~', '!', '@']) {
                Some(position) if position > 0 => {
                    let name = text[..position].trim_end();
                    let version = head[position..].trim();
                    let exact = version.strip_prefix("==").filter(|rest| !rest.starts_with('='));
                    let version = exact.unwrap_or(version);
                    let version = version.strip_prefix('@').unwrap_or(version).trim();
                    (&name[..bare(name)], Some(version))
                }
                _ => (text[..bare(text)].trim_end(), None),
            }
        }
        Manager::Conda => match text.find(['=', '<', '>', '!', ' ']) {
            Some(position) if text[position..].starts_with('=') => at(Some(position), 1),
            position => at(position, 0),
        },
        Manager::Npm | Manager::Yarn | Manager::Pnpm | Manager::Bun => {
            at(text.get(1..).and_then(|rest| rest.find('@')).map(|position| position + 1), 1)
        }
        Manager::Gem | Manager::Composer => at(text.find([':', '=']), 1),
        Manager::Go | Manager::Cargo => at(text.find('@'), 1),
        Manager::Bundler | Manager::DotNet | Manager::NuGet | Manager::Maven | Manager::Gradle => (text, None),
    }
}

/// The commit, tag or branch behind a version control URL.
fn vcs_version(text: &str) -> Option<&str> {
    if let Some((_, version)) = text.split_once('#').filter(|(_, version)| !version.contains('=')) {
        return Some(version);
    }
    let text = text.split('#').next().unwrap_or(text);
    let (path, version) = text.rsplit_once('@')?;
    (path.contains('/') && !version.contains('/') && !version.contains(':')).then_some(version)
}
