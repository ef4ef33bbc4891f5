//! A browser is downloaded in a stage that several images share, and none can leave it out.
//!
//! A browser is 150 to 500 MB: downloaded when the layer is built, pushed and pulled with every image that stands on it. Where
//! several targets share the stage, the one that runs tests or serves pages rarely needs what the other one drives.
//!
//! Put the download into a stage of its own and let only the targets that need it stand on it, or take the result over with
//! `COPY --from`. An `ARG` in front of the download forks the chain: behind it nothing is shared any more. The switches that
//! the tools read, when their package comes in by a lock file:
//!
//! - puppeteer: `PUPPETEER_SKIP_DOWNLOAD=true` for the install step; `puppeteer-core` downloads nothing.
//! - cypress: `CYPRESS_INSTALL_BINARY=0`. electron: `ELECTRON_SKIP_BINARY_DOWNLOAD=1`.
//! - playwright: downloads nothing when it is installed, only on `playwright install`; name one browser, add `--only-shell`.
//! - pyppeteer: downloads nothing when it is installed, only on its first start or on `pyppeteer-install`.
//!
//! Not flagged: stages that one image stands on, a stage of its own above one that other images stand on, downloads that run under a condition, and installs whose switch is set.
//!
//! ## Examples
//!
//! ### A base with a browser
//!
//! ```dockerfile
//! FROM python:3.13-slim AS base
//! RUN pip install pyppeteer==2.0.0
//! RUN pyppeteer-install
//!
//! FROM base AS web
//! CMD ["gunicorn", "shop"]
//!
//! FROM base AS test
//! CMD ["pytest"]
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "test"]
//! }
//!
//! target "web" {
//!   target = "web"
//! }
//!
//! target "test" {
//!   target = "test"
//! }
//! ```
//!
//! ```text
//! Dockerfile:3:5: warning[unskippable-browser] pyppeteer's Chromium goes into `web` and `test`, and none of them can leave it out
//! ```
//!
//! ### A stage of its own
//!
//! ```dockerfile
//! FROM python:3.13-slim AS base
//! RUN pip install pyppeteer==2.0.0
//!
//! FROM base AS web
//! RUN pyppeteer-install
//! CMD ["gunicorn", "shop"]
//!
//! FROM base AS test
//! CMD ["pytest"]
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "test"]
//! }
//!
//! target "web" {
//!   target = "web"
//! }
//!
//! target "test" {
//!   target = "test"
//! }
//! ```
//!
//! ## Also tested
//!
//! ### In a stage of its own
//!
//! ```dockerfile
//! FROM node:24 AS base
//! FROM base AS browsers
//! RUN npx playwright install chromium
//! FROM browsers AS release
//! ```
//!
//! ```hcl
//! target "slim" {
//!   target = "base"
//! }
//!
//! target "slim-browsers" {
//!   target = "browsers"
//! }
//!
//! target "release" {
//!   target = "release"
//! }
//! ```
//!
//! ### Under a condition
//!
//! ```dockerfile
//! FROM node:24 AS base
//! ARG BROWSER=1
//! RUN if [ "$BROWSER" = 1 ]; then npx playwright install chromium; fi
//! FROM base AS a
//! FROM base AS b
//! ```
//!
//! ```hcl
//! target "a" {
//!   target = "a"
//! }
//!
//! target "b" {
//!   target = "b"
//! }
//! ```
//!
//! ### By a package of the system and by an install script
//!
//! ```dockerfile
//! FROM node:24 AS base
//! RUN apt-get update && apt-get install -y chromium
//! WORKDIR /app
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! FROM base AS a
//! FROM base AS b
//! ```
//!
//! ```json package.json
//! {"dependencies": {"puppeteer": "24.43.1"}}
//! ```
//!
//! ```json package-lock.json
//! {"lockfileVersion": 3}
//! ```
//!
//! ```hcl
//! target "a" {
//!   target = "a"
//! }
//!
//! target "b" {
//!   target = "b"
//! }
//! ```
//!
//! ```text
//! Dockerfile:2:42: warning[unskippable-browser] the browser package `chromium` goes into `a` and `b`, and none of them can leave it out
//! Dockerfile:5:5: warning[unskippable-browser] what `puppeteer` downloads when it is installed goes into `a` and `b`, and none of them can leave it out
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Packages of npm that download a browser, or something of its size, when they are installed, with the variable that keeps
/// them from it (read in the packages' own install scripts).
const INSTALL_SCRIPTS: &[(&str, &str)] = &[
    ("puppeteer", "PUPPETEER_SKIP_DOWNLOAD"),
    ("cypress", "CYPRESS_INSTALL_BINARY"),
    ("electron", "ELECTRON_SKIP_BINARY_DOWNLOAD"),
    ("chromedriver", "CHROMEDRIVER_SKIP_DOWNLOAD"),
    ("playwright-chromium", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"),
    ("playwright-firefox", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"),
    ("playwright-webkit", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"),
];

/// Packages of distributions that are a browser.
const BROWSERS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome-stable", "firefox", "firefox-esr", "chromium-headless-shell"];

impl Check for Rule {
    const META: Meta = Meta { id: "unskippable-browser", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for run in project.runs(at).iter().filter(|run| !run.trigger) {
                let Some((what, span)) = download(project, run) else { continue };
                let mut images: Vec<&Build> = Vec::new();
                for build in project.builds_of(at) {
                    let ships =
                        project.reach(build).is_some_and(|uses| uses.get(run.stage) == Some(&StageUse::Shipped));
                    let known = |other: &&Build| other.name == build.name || other.recipe() == build.recipe();
                    if ships && !images.iter().any(known) {
                        images.push(build);
                    }
                }
                if images.len() < 2 || is_left_out(project, dockerfile, run) {
                    continue;
                }
                let names: Vec<String> = images.iter().map(|build| format!("`{}`", build.name)).collect();
                let diagnostic = found
                    .add(span, format!("{what} goes into {}, and none of them can leave it out", names.join(" and ")));
                for build in &images {
                    diagnostic.label(
                        build.span,
                        format!("`{}` stands on stage `{}`", build.name, dockerfile.stage_name(run.stage)),
                    );
                }
                diagnostic.help("download it in a stage that only the images stand on that drive a browser");
            }
        }
    }
}

/// Whether another image stands on what is below the stage and goes without the browser: then it has a stage of its own.
fn is_left_out(project: &Project, dockerfile: &Dockerfile, run: &Run) -> bool {
    let Base::Stage(below) = dockerfile.base(run.stage, None) else { return false };
    let ships = |uses: &[StageUse], stage: usize| uses.get(stage) == Some(&StageUse::Shipped);
    project
        .builds_of(run.dockerfile)
        .any(|build| project.reach(build).is_some_and(|uses| ships(&uses, below) && !ships(&uses, run.stage)))
}

/// What browser a RUN fetches, and where it says so.
fn download(project: &Project, run: &Run) -> Option<(String, Span)> {
    for install in run.installs().filter(|install| !install.conditional) {
        if install.manager.is_system() {
            let browser = install.packages.iter().find(|package| BROWSERS.contains(&package.name.as_str()));
            if let Some(package) = browser {
                return Some((format!("the browser package `{}`", package.name), package.span));
            }
        }
        if let Some(found) = by_install_script(project, run, install) {
            return Some(found);
        }
    }
    for command in project.commands(run).iter().filter(|command| !command.context.conditional) {
        let words: Vec<String> =
            command.simple.words.iter().filter_map(|word| word.text()).map(|word| word.into_owned()).collect();
        let has = |name: &str| words.iter().any(|word| word.rsplit('/').next() == Some(name));
        let text = words.join(" ");
        let what = if has("pyppeteer-install") || (text.contains("pyppeteer") && text.contains("chromium_downloader")) {
            "pyppeteer's Chromium"
        } else if has("playwright") && has("install") && !has("install-deps") {
            "Playwright's browser"
        } else if text.contains("puppeteer browsers install") || has("@puppeteer/browsers") {
            "puppeteer's browser"
        } else if has("cypress") && has("install") && !has("npm") {
            "Cypress"
        } else {
            continue;
        };
        return Some((what.to_owned(), command.span));
    }
    None
}

/// A package of the copied manifest whose install script downloads, unless its switch is set.
fn by_install_script(project: &Project, run: &Run, install: &PackageCommand) -> Option<(String, Span)> {
    if install.has(&["--ignore-scripts"]) {
        return None;
    }
    let folder = project.context_folder(run.dockerfile)?;
    let manifest = install.manifests.iter().find(|manifest| manifest.path.ends_with("package.json"))?;
    let path = manifest.path.trim_start_matches("./");
    let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    let text = project.text(project.snapshot.find(&path)?);
    let named = |package: &str| text.contains(&format!("\"{package}\":")) || text.contains(&format!("\"{package}\" :"));
    // A value that is not known may be the one that switches it off.
    let switched = |variable: &str| project.variable_of(run, install, variable) != dockerfile::Lookup::Unset;
    let (package, _) = INSTALL_SCRIPTS.iter().find(|(package, variable)| named(package) && !switched(variable))?;
    Some((format!("what `{package}` downloads when it is installed"), install.span))
}
