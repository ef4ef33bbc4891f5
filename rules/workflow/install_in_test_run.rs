//! A test run first installs packages in a container of an image that the repository builds.
//!
//! `docker compose run web sh -c "pip install pytest && pytest"` downloads and installs on every run, into a container that
//! is thrown away: no layer keeps it, and what the index serves that day is what is tested with. In a stage of the
//! Dockerfile, behind the one that is shipped, the same packages are installed once and come from the cache.
//!
//! The rule looks at scripts that `docker run`, `docker compose run` and `exec` give to a shell in an image that the repository
//! builds, told by its tag or by the name of the service, and that install named packages and go on with something else.
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
//! ### Without Compose, and by the image of a service
//!
//! ```dockerfile
//! FROM node:24-slim
//! ```
//!
//! ```yaml compose.yml
//! services:
//!   tests:
//!     image: ghcr.io/shop/web:edge
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           tags: |
//!             ghcr.io/shop/web:${{ github.sha }}
//!             ghcr.io/shop/web:edge
//!       - run: docker run --rm -e CI=1 "ghcr.io/shop/web:${{ github.sha }}" sh -c "npm install -g c8 && c8 npm test"
//!       - run: docker compose run --rm tests bash -c 'apt-get install -y curl; curl localhost'
//!       - run: docker run --rm node:24 sh -c "npm install -g c8 && c8 npm test"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:12:82: warning[install-in-test-run] every run installs `c8` anew in a container of `ghcr.io/shop/web:${github.sha}`
//! .github/workflows/ci.yml:13:53: warning[install-in-test-run] every run installs `curl` anew in a container of `tests`
//! ```
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
        for command in project.container_commands() {
            let (words, name) = match &command.action {
                ContainerAction::Run { image, words } => (words, image),
                ContainerAction::InService { service, words } => (words, service),
                _ => continue,
            };
            let is_service = matches!(command.action, ContainerAction::InService { .. });
            let Some(build) = project.builds.iter().find(|build| makes(project, build, name, is_service)) else {
                continue;
            };
            let name = name.to_string();
            let inner = shell::from_words(words, command.span);
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
                format!("every run installs `{package}` anew in a container of `{name}`"),
            );
            diagnostic.label(build.span, "the image is built here");
            diagnostic.help("install it in a stage of the Dockerfile for tests, where the build cache keeps it");
        }
    }
}

/// Whether the build makes the image, or that of the service.
fn makes(project: &Project, build: &Build, name: &Text, is_service: bool) -> bool {
    let tagged = |image: &str| build.tags.iter().any(|(tag, _)| image_key(tag) == image);
    if !is_service {
        return tagged(&image_key(name));
    }
    let Some(service) = name.as_known() else { return false };
    let images = project.composes.iter().filter_map(|file| file.service(service)?.image.as_ref());
    // What the tag is made of need not have the same name there and here.
    let repository = |image: &Text| match image.rsplit_once(':') {
        Some((name, tag)) if !tag.to_string().contains('/') => name,
        _ => image.clone(),
    };
    let mut repositories = images.map(|image| repository(&image.value.text(&|_| compose::Variable::Unknown)));
    build.name == service
        || repositories
            .any(|image| image.as_known().is_some() && build.tags.iter().any(|(tag, _)| repository(tag) == image))
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
