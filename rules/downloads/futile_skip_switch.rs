//! A variable that is to keep a package from downloading something is not read by it.
//!
//! - `PUPPETEER_SKIP_CHROMIUM_DOWNLOAD` was the switch of old versions; puppeteer 24 reads `PUPPETEER_SKIP_DOWNLOAD`
//!   and downloads its browsers although the other one is set.
//! - `playwright` and `@playwright/test` have no install script since 1.38: they download a browser on `playwright
//!   install` only, so that `PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD` changes nothing. `playwright-chromium` and its kin still
//!   read it.
//! - `puppeteer-core` never downloads anything.
//!
//! Found in the packages' own install scripts. The first case is a warning, and the patch renames the variable; it is
//! not a safe one, since the browser that is downloaded today is gone afterwards. The others are hints.
//!
//! Not flagged: files of whose context no `package.json` is known that names the package, and versions that cannot be
//! read from it.
//!
//! ## Examples
//!
//! ### The switch of another version
//!
//! ```dockerfile
//! FROM node:24
//! ENV PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=true
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! ```
//!
//! ```json package.json
//! {"dependencies": {"puppeteer": "^24.43.1"}}
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[futile-skip-switch] puppeteer 24 does not read this variable and downloads its browsers
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM node:24
//! -ENV PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=true
//! +ENV PUPPETEER_SKIP_DOWNLOAD=true
//!  COPY package.json package-lock.json ./
//!  RUN npm ci
//! ```
//!
//! ### The right one
//!
//! ```dockerfile
//! FROM node:24
//! ENV PUPPETEER_SKIP_DOWNLOAD=true PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! ```
//!
//! ```json package.json
//! {"dependencies": {"puppeteer": "24.43.1", "playwright": "1.65.0", "playwright-chromium": "1.65.0"}}
//! ```
//!
//! ## Also tested
//!
//! ### Nothing to switch off, and an old version
//!
//! ```dockerfile a/Dockerfile
//! FROM node:24
//! ENV PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
//! RUN npm ci
//! ```
//!
//! ```json a/package.json
//! {"devDependencies": {"@playwright/test": "~1.65.0"}}
//! ```
//!
//! ```dockerfile b/Dockerfile
//! FROM node:24
//! ENV PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=true
//! RUN npm ci
//! ```
//!
//! ```json b/package.json
//! {"dependencies": {"puppeteer": "13.7.0"}}
//! ```
//!
//! ```dockerfile c/Dockerfile
//! FROM node:24
//! ENV PUPPETEER_SKIP_DOWNLOAD=true
//! RUN npm ci
//! ```
//!
//! ```json c/package.json
//! {"dependencies": {"puppeteer-core": "24.43.1"}}
//! ```
//!
//! ```text
//! a/Dockerfile:2:5: info[futile-skip-switch] `@playwright/test` downloads no browser when it is installed
//! c/Dockerfile:2:5: info[futile-skip-switch] `puppeteer-core` downloads nothing that could be skipped
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "futile-skip-switch", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let Some(folder) = project.context_folder(at) else { continue };
            let path = if folder.is_empty() { "package.json".to_owned() } else { format!("{folder}/package.json") };
            let Some(file) = project.snapshot.find(&path) else { continue };
            let manifest = project.text(file);
            for (_, instruction) in dockerfile.instructions() {
                let Body::Env(pairs) = &instruction.body else { continue };
                for pair in &pairs.pairs {
                    let Some((message, new)) = futile(&pair.key, manifest) else { continue };
                    let diagnostic = found.add(pair.key.span(), message);
                    match new {
                        Some(new) => {
                            diagnostic.severity(Severity::Warning);
                            let edits = vec![Edit::replace(pair.key.span(), new)];
                            diagnostic.fix(Fix::unsafe_(format!("Name it `{new}`"), edits).rebuilds_once());
                        }
                        None => _ = diagnostic.help("it can go; browsers come with an explicit command only"),
                    }
                }
            }
        }
    }
}

/// What is futile about a variable, and the one that is meant.
fn futile(name: &str, manifest: &str) -> Option<(String, Option<&'static str>)> {
    let version = |package: &str| version_of(manifest, package);
    match name {
        "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD" if version("puppeteer").is_some_and(|(major, _)| major >= 24) => {
            let message = "puppeteer 24 does not read this variable and downloads its browsers".to_owned();
            Some((message, Some("PUPPETEER_SKIP_DOWNLOAD")))
        }
        "PUPPETEER_SKIP_DOWNLOAD" | "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD"
            if version("puppeteer-core").is_some() && !manifest.contains("\"puppeteer\"") =>
        {
            Some(("`puppeteer-core` downloads nothing that could be skipped".to_owned(), None))
        }
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD" => {
            let package = ["playwright", "@playwright/test"]
                .into_iter()
                .find(|package| version(package).is_some_and(|version| version >= (1, 38)))?;
            let reads = ["playwright-chromium", "playwright-firefox", "playwright-webkit"];
            if reads.iter().any(|other| manifest.contains(other)) {
                return None;
            }
            Some((format!("`{package}` downloads no browser when it is installed"), None))
        }
        _ => None,
    }
}

/// Major and minor of the version that a `package.json` asks for.
fn version_of(manifest: &str, package: &str) -> Option<(u32, u32)> {
    let rest = manifest.split_once(&format!("\"{package}\""))?.1.trim_start().strip_prefix(':')?;
    let value = rest.trim_start().strip_prefix('"')?.split('"').next()?;
    let mut numbers = value.trim_start_matches(['^', '~', '=', 'v']).split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
