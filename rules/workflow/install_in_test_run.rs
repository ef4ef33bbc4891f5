//! A test run first installs packages in a container of an image that the repository builds.
//!
//! `docker compose run web sh -c "pip install pytest && pytest"` downloads and installs on every run, into a container that
//! is thrown away: no layer keeps it, and what the index serves that day is what is tested with. In a stage of the
//! Dockerfile, behind the one that is shipped, the same packages are installed once and come from the cache.
//!
//! The rule looks at scripts that `docker compose run` and `exec` give to a shell in a service which the repository builds,
//! or which is named like a target that it builds, and that install named packages and go on with something else.
//!
//! Not flagged: an install alone, which may fill a mounted folder, installs into a project folder (`npm install`), which is
//! often mounted, and packages that are not named.
//!
//! ## Examples
//!
//! ### Packages for the tests
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! ```
//!
//! ```hcl
//! target "web" {
//!   tags = ["ghcr.io/shop/web:test"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker compose run --rm web sh -c "
//!             pip install pytest-json-report &&
//!             pytest"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:13: warning[install-in-test-run] every run installs `pytest-json-report` anew in a container of `web`
//! ```
//!
//! ### Packages in a stage
//!
//! ```dockerfile
//! FROM python:3.13-slim AS web
//!
//! FROM web AS test
//! RUN pip install pytest-json-report==1.5.0
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "test"
//!   tags = ["ghcr.io/shop/web:test"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker compose run --rm web sh -c "pytest"
//! ```
//!
//! ## Also tested
//!
//! ### A service of somebody else's image, and an install into a mounted folder
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! ```
//!
//! ```hcl
//! target "web" {}
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker compose run --rm tools sh -c "apk add curl && curl web:8080"
//!       - run: docker compose run --rm web sh -c "npm install && npm test"
//!       - run: docker compose run --rm web sh -c "pip install pytest"
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "install-in-test-run", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.steps().filter_map(|step| step.run.as_ref()) {
            let script = shell::parse(&run.value.text, shell::Options { templates: true });
            for command in script.commands() {
                let Some((service, words)) = inside(&command) else { continue };
                let Some(build) = project.builds.iter().find(|build| build.name == service) else { continue };
                let inner = shell::from_words(&words, command.span);
                let commands = inner.commands();
                let installs = commands.iter().filter(|command| command.context.nested > 0);
                let Some((install, package)) = installs.filter_map(|c| Some((c, installed(c)?))).next() else {
                    continue;
                };
                // The install must not be all: then it may fill a folder that others read.
                let goes_on = commands.iter().any(|other| {
                    let name = other.simple.name();
                    other.context.nested > 0
                        && other.span.start > install.span.start
                        && installed(other).is_none()
                        && !matches!(name, None | Some("echo" | "cd" | "set" | "export"))
                });
                if !goes_on {
                    continue;
                }
                let diagnostic = found.add(
                    install.simple.invocation_span().unwrap_or(install.span),
                    format!("every run installs `{package}` anew in a container of `{service}`"),
                );
                diagnostic.label(build.span, "the image is built here");
                diagnostic.help("install it in a stage of the Dockerfile for tests, where the build cache keeps it");
            }
        }
    }
}

/// The service of `docker compose run` or `exec`, and the command that is given to a shell in it.
fn inside(command: &CommandRef) -> Option<(String, Vec<MappedText>)> {
    let words = command.simple.arguments();
    let plain: Vec<&str> = words.iter().map(|word| word.as_plain().unwrap_or_default()).collect();
    match command.simple.name()? {
        "docker-compose" => {}
        "docker" if plain.first() == Some(&"compose") => {}
        _ => return None,
    }
    let verb = plain.iter().position(|word| matches!(*word, "run" | "exec"))?;
    let is_shell = |word: &&str| matches!(word.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash"));
    let shell = verb + 1 + plain.get(verb + 1..)?.iter().position(is_shell)?;
    // The service is the word before its command; an option that takes a value could only stand before the service.
    let service = (shell > verb + 1).then(|| plain.get(shell - 1)).flatten()?;
    if service.is_empty() || service.starts_with('-') {
        return None;
    }
    Some(((*service).to_owned(), words.get(shell..)?.iter().map(written).collect()))
}

/// The word as the inner shell gets it; a variable that the outer shell replaces stays a variable.
fn written(word: &Word) -> MappedText {
    let mut text = MappedText::empty(word.span.file, word.span.start as usize);
    for part in &word.parts {
        match part {
            shell::Part::Text { text: part, .. } => text.push_mapped(part),
            other => {
                let span = other.span();
                text.push_for(span.start as usize..span.end as usize, "$_");
            }
        }
    }
    text
}

/// The first package that a command installs by name outside of a project's folder.
fn installed(command: &CommandRef) -> Option<String> {
    let words: Vec<&str> = command.simple.arguments().iter().map(|word| word.as_plain().unwrap_or_default()).collect();
    let verb = |name: &str| words.iter().position(|word| *word == name);
    let at = match command.simple.name()? {
        "pip" | "pip3" | "apt-get" | "apt" | "dnf" | "yum" => verb("install")?,
        "python" | "python3" if words.starts_with(&["-m", "pip"]) => verb("install")?,
        "apk" => verb("add")?,
        "npm" if words.contains(&"-g") || words.contains(&"--global") => verb("install").or_else(|| verb("i"))?,
        _ => return None,
    };
    // What follows an option could be its value.
    let rest = words.get(at..)?;
    let named = rest.windows(2).find(|pair| {
        let option = pair[0].starts_with('-')
            && !matches!(
                pair[0],
                "-y" | "-q"
                    | "-qq"
                    | "-U"
                    | "-g"
                    | "--no-cache"
                    | "--no-cache-dir"
                    | "--global"
                    | "--upgrade"
                    | "--no-install-recommends"
                    | "--quiet"
                    | "--yes"
            );
        !option && pair[1].starts_with(|c: char| c.is_ascii_alphabetic())
    })?;
    named.get(1).map(|name| (*name).to_owned())
}
