//! A secret is passed as a build argument or label.
//!
//! Build arguments stand in the image's history and, with `provenance=max`, in its provenance; labels stand in its configuration.
//! Whoever can pull the image can read them (docker/docs#19281). A token that is new in each job, such as GitHub's own, also changes the
//! cache key of every RUN behind its ARG, so that nothing there is ever found in the cache.
//!
//! Pass it as a secret, `secrets: id=token,env=TOKEN`, and read it by `RUN --mount=type=secret,id=token,env=TOKEN`: it is not part of the
//! image or of the cache key.
//!
//! Found are values that come from GitHub's `secrets` or `github.token`, and bake arguments named as secrets which have a text in
//! the file. Not flagged: names with `public`, `file`, `version`, `id` or `name` in them, and empty values.
//!
//! ## Examples
//!
//! ### A token
//!
//! ```dockerfile
//! FROM node:22
//! ARG NPM_TOKEN
//! RUN npm ci
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           build-args: |
//!             NODE_ENV=production
//!             NPM_TOKEN=${{ secrets.NPM_TOKEN }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:13: warning[secret-in-build-arg] `secrets.NPM_TOKEN` is passed as the build argument `NPM_TOKEN`, which stays in the image
//! ```
//!
//! ### A secret mount
//!
//! ```dockerfile
//! FROM node:22
//! RUN --mount=type=secret,id=npm,env=NPM_TOKEN npm ci
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           build-args: NODE_ENV=production
//!           secrets: npm=${{ secrets.NPM_TOKEN }}
//! ```
//!
//! ## Also tested
//!
//! ### In a bake file
//!
//! ```hcl
//! variable "GITHUB_TOKEN" {
//!   default = ""
//! }
//!
//! target "web" {
//!   args = {
//!     DB_PASSWORD      = "hunter2"
//!     PASSWORD_FILE    = "/run/secrets/db"
//!     TOKEN            = GITHUB_TOKEN
//!     SECRET_KEY_BASE  = "dummy"
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:7:5: warning[secret-in-build-arg] the build argument `DB_PASSWORD` has a secret in it, which stays in the image
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "secret-in-build-arg", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let args = build.args.iter().map(|arg| (&arg.name, &arg.value, arg.name_span, "build argument"));
            let labels = build.labels.iter().map(|(name, value, span)| (name, value, *span, "label"));
            for (name, value, span, what) in args.chain(labels) {
                let secret = value.unknowns().find_map(secret_of);
                let written = what == "build argument" && is_named_so(name) && is_real(value);
                if secret.is_none() && !written || !seen.insert((span, name.clone())) {
                    continue;
                }
                let whose = match &secret {
                    Some(secret) => format!("`{secret}` is passed as the {what} `{name}`"),
                    None => format!("the {what} `{name}` has a secret in it"),
                };
                let diagnostic = found.add(span, format!("{whose}, which stays in the image"));
                diagnostic.confidence(if secret.is_some() { Confidence::High } else { Confidence::Medium });
                diagnostic.help("pass it as a secret, and read it by `RUN --mount=type=secret`");
            }
        }
    }
}

/// The secret that an expression of a workflow is, as a whole.
fn secret_of(words: &str) -> Option<String> {
    let name = words.strip_prefix("secrets.").unwrap_or(words);
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    // Names and addresses are often kept among the secrets, too.
    let harmless =
        ["USER", "NAME", "URL", "HOST", "REGISTRY", "REPO", "ID", "EMAIL", "DSN", "REGION", "PUBLIC", "DOMAIN"];
    let upper = name.to_ascii_uppercase();
    let kept = upper.split(['_', '-']).any(|part| harmless.contains(&part) || part.ends_with("NAME"));
    let is = words == "github.token" || (words.starts_with("secrets.") && plain && !kept);
    is.then(|| words.to_owned())
}

/// Whether an argument is named as a secret.
fn is_named_so(name: &str) -> bool {
    const SECRET: &[&str] = &["APIKEY", "CREDENTIALS", "PASSWD", "PASSWORD", "SECRET", "TOKEN"];
    const NOT: &[&str] = &["PUBLIC", "FILE", "VERSION", "ID", "NAME", "URL", "PATH", "DIR"];
    let upper = name.to_ascii_uppercase();
    let has = |words: &[&str]| upper.split(['_', '-', '.']).any(|part| words.contains(&part));
    has(SECRET) && !has(NOT)
}

/// Whether a value is a text that may be a secret: not empty, not a switch, not a stand-in.
fn is_real(value: &Text) -> bool {
    const STAND_INS: &[&str] =
        &["", "0", "1", "true", "false", "none", "null", "dummy", "changeme", "placeholder", "test"];
    value.as_known().is_some_and(|text| {
        let lower = text.to_ascii_lowercase();
        !STAND_INS.contains(&lower.as_str())
            && !["dummy", "fake", "example", "placeholder", "test"].iter().any(|word| lower.contains(word))
    })
}
