//! Packages are installed without a version.
//!
//! Whatever is newest when the layer is built gets in, so that two builds of one commit may differ. Whether that is wanted is a matter of policy, and the rule runs only when it is
//! asked for: `enable = ["unpinned-packages"]`, or the alias of one package manager, such as `DL3013`.
//!
//! For applications a lock file is the better way (`npm ci`, `uv sync --locked`, `pip install -r requirements.txt` with hashes), and packages that come from one are not flagged. Be careful with
//! distributions: Debian, Ubuntu and Alpine take old versions off their mirrors, so that a pinned one breaks the build within weeks, unless the lists come from a snapshot
//! (<https://snapshot.debian.org>, <https://snapshot.ubuntu.com>). A pinned base image and a rebuild now and then serve better there.
//!
//! A repository without a tag or commit, such as `git+https://example.org/lib.git`, is whatever its default branch holds.
//!
//! Not flagged: files, archives from URLs, groups and patterns, bounds such as `>=2`, pip with a constraints file, words that depend on values nobody knows here, and names of RPM packages
//! that end in a number, which may be the version.
//!
//! ## Examples
//!
//! ### Whatever is newest
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN pip install flask==3.1.0 gunicorn
//! RUN npm install -g typescript@5.9.2 @vue/cli
//! ```
//!
//! ```text
//! Dockerfile:2:30: warning[unpinned-packages] `gunicorn` has no version
//! Dockerfile:3:37: warning[unpinned-packages] `@vue/cli` has no version
//! ```
//!
//! ### With versions, or from files
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN pip install flask==3.1.0 'gunicorn>=23' && pip install -r requirements.txt && pip install .
//! RUN npm ci && npm install
//! ```
//!
//! ## Also tested
//!
//! ### All package managers
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get install -y curl git=1:2.39 vim/bookworm ./a.deb $PKG lib*-dev
//! RUN apk add --no-cache --virtual .deps -X http://a/b gcc 'make~4' .more
//! RUN yum install -y httpd-2.4.62 git && dnf install -y git https://a/b.rpm @tools gcc-c++
//! RUN zypper -n in git=2.43 vim
//! RUN gem install rails:7 rake && gem install puma -v 6
//! RUN pip install -c constraints.txt flask
//! RUN pip install git+https://a/b@v1 ./x https://a/b.whl numpy[x]
//! RUN npm i git://a/b#1 left-pad next@latest
//! RUN apt-get remove curl
//! RUN uv pip install flask
//! ```
//!
//! ```text
//! Dockerfile:2:24: warning[unpinned-packages] `curl` has no version
//! Dockerfile:3:54: warning[unpinned-packages] `gcc` has no version
//! Dockerfile:4:33: warning[unpinned-packages] `git` has no version
//! Dockerfile:4:55: warning[unpinned-packages] `git`, `gcc-c++` have no version
//! Dockerfile:5:27: warning[unpinned-packages] `vim` has no version
//! Dockerfile:6:25: warning[unpinned-packages] `rake` has no version
//! Dockerfile:8:56: warning[unpinned-packages] `numpy` has no version
//! Dockerfile:9:23: warning[unpinned-packages] `left-pad`, `next` have no version
//! Dockerfile:11:20: warning[unpinned-packages] `flask` has no version
//! ```
//!
//! ### Repositories, and what belongs to the build of an extension
//!
//! ```dockerfile
//! FROM debian:12
//! RUN pip install git+https://example.org/team/lib.git 'app @ git+https://example.org/app@v2'
//! RUN npm install git+https://example.org/team/lib.git team/tool#1f2e3d
//! RUN gem install nokogiri:1.18.1 -- --use-system-libraries
//! RUN yum install -y epel-release-9
//! RUN apt install -y curl
//! ```
//!
//! ```text
//! Dockerfile:2:17: warning[unpinned-packages] `git+https://example.org/team/lib.git` has no version
//! Dockerfile:3:17: warning[unpinned-packages] `git+https://example.org/team/lib.git` has no version
//! Dockerfile:6:20: warning[unpinned-packages] `curl` has no version
//! ```
//!
//! ### Only some
//!
//! ```toml bakelint.toml
//! [rules.unpinned-packages]
//! managers = ["pip"]
//! ```
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get install -y \
//!       git && pip install \
//!       flask
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[unpinned-packages] `flask` has no version
//! ```

use bakelint_core::prelude::*;

/// Which package managers are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Programs: `apt`, `apk`, `dnf`, `yum`, `zypper`, `pip`, `npm`, `gem` and so on; empty for all.
    managers: Vec<String>,
}

impl Check for Rule {
    const META: Meta = Meta {
        id: "unpinned-packages",
        also: &[
            "hadolint:DL3008",
            "hadolint:DL3013",
            "hadolint:DL3016",
            "hadolint:DL3018",
            "hadolint:DL3028",
            "hadolint:DL3033",
            "hadolint:DL3037",
            "hadolint:DL3041",
        ],
        opt_in: true,
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let dockerfile = &project.dockerfiles[run.dockerfile];
            for command in run.installs().filter(|command| self.looks_at(command)) {
                let is_unpinned = |package: &&Package| is_unpinned(command.manager, package);
                let unpinned: Vec<&Package> = command.packages.iter().filter(is_unpinned).collect();
                let Some(first) = unpinned.first().filter(|_| !is_constrained(command)) else { continue };
                let names: Vec<String> = unpinned.iter().map(|package| format!("`{}`", package.name)).collect();
                let verb = if names.len() == 1 { "has" } else { "have" };
                let message = format!("{} {verb} no version", list(&names));
                let diagnostic = found.add_at(dockerfile, run.instruction, first.span, "this one first", message);
                match alias(command) {
                    Some(alias) => diagnostic.known_as(alias),
                    None => diagnostic.unknown_elsewhere(),
                };
                diagnostic.help(match command.manager.is_system() {
                    true => "old versions leave the mirrors: pin them only together with a snapshot of the repository",
                    false => "name a version, or install from a lock file",
                });
            }
        }
    }
}

impl Rule {
    fn looks_at(&self, command: &PackageCommand) -> bool {
        let family = match command.manager {
            Manager::Apt => "apt",
            Manager::Dnf => "dnf",
            Manager::Pip => "pip",
            _ => command.program.as_str(),
        };
        let named = |name: &String| name == family || *name == command.program;
        // Go and cargo have rules of their own; conda environments are files as a rule.
        let known = !matches!(command.manager, Manager::Go | Manager::Cargo);
        known && (self.managers.is_empty() || self.managers.iter().any(named))
    }
}

fn list(names: &[String]) -> String {
    const MOST: usize = 5;
    match names.len() {
        0..=MOST => names.join(", "),
        count => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
    }
}

fn is_unpinned(manager: Manager, package: &Package) -> bool {
    let ends_in_number = package.name.rsplit_once('-').is_some_and(|(_, end)| end.chars().all(|c| c.is_ascii_digit()));
    matches!(package.source, PackageSource::Registry | PackageSource::Vcs)
        && !(manager == Manager::Dnf && ends_in_number)
        && package.version.as_deref().is_none_or(|version| matches!(version, "" | "latest"))
}

/// Whether a file of constraints gives versions to packages that are named without one.
fn is_constrained(command: &PackageCommand) -> bool {
    command.has(&["-c", "--constraint", "--constraints"]) && matches!(command.manager, Manager::Pip | Manager::Uv)
}

fn alias(command: &PackageCommand) -> Option<&'static str> {
    Some(match (command.manager, command.program.as_str()) {
        (Manager::Apt, "apt-get") => "hadolint:DL3008",
        (Manager::Pip, _) => "hadolint:DL3013",
        (Manager::Npm, _) => "hadolint:DL3016",
        (Manager::Apk, _) => "hadolint:DL3018",
        (Manager::Gem, _) => "hadolint:DL3028",
        (Manager::Dnf, "yum") => "hadolint:DL3033",
        (Manager::Zypper, _) => "hadolint:DL3037",
        (Manager::Dnf, _) => "hadolint:DL3041",
        _ => return None,
    })
}
