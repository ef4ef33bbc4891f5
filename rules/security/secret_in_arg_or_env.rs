//! An ARG or ENV is named like a secret.
//!
//! The value of an ENV stands in the image's configuration, that of an ARG in its history and in the provenance: whoever can pull the
//! image can read both. A later `ENV TOKEN=` does not take it back.
//! See <https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/>.
//!
//! During the build use `RUN --mount=type=secret,id=token`, which leaves nothing behind; at run time let the orchestrator set it.
//!
//! A name counts when one of its parts, between underscores, is `apikey`, `auth`, `credential`, `credentials`, `key`, `password`,
//! `pword`, `passwd`, `secret` or `token`, and none is `public`, `file` or `version`. An ARG before the first FROM is not flagged. One behind ONBUILD is
//! flagged where it stands; BuildKit reports it where it runs.
//!
//! Where the value that is written in the file is evidently no secret, this only notes that BuildKit warns: an ENV that is empty, the path of
//! a file, a switch, the fingerprint of a GPG key.
//!
//! ## Compared with hadolint
//!
//! DL3064 looks for a few words anywhere in a name, which makes secrets of `TOKENIZER`, `SECRETS_DIR` and `DB_USERNAME`, and it misses `AUTH`,
//! `PASSWD` and other keys: its name is given to the findings that both agree on. hadolint's ignore comments do not silence those, because
//! BuildKit warns all the same; `# check=skip=SecretsUsedInArgOrEnv` does.
//!
//! ## Examples
//!
//! ### Secrets in the history
//!
//! ```dockerfile
//! FROM node:22
//! ARG NPM_TOKEN
//! ENV DB_PASSWORD=hunter2 DB_USER=app
//! RUN npm ci
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[secret-in-arg-or-env] the value of `NPM_TOKEN` stands in the image's history
//! Dockerfile:3:5: warning[secret-in-arg-or-env] the value of `DB_PASSWORD` stands in the image's configuration
//! ```
//!
//! ### A secret mount
//!
//! ```dockerfile
//! FROM node:22
//! ENV GPG_PUBLIC_KEY=x TOKENIZER=bpe DB_PASSWORD_FILE=/run/secrets/db
//! RUN --mount=type=secret,id=npm-token,env=NPM_TOKEN npm ci
//! ```
//!
//! ### No secrets
//!
//! ```dockerfile
//! FROM debian:12
//! ENV GPG_KEY A035C8C19219BA821ECEA86B64E628F8D684696D
//! ENV VPN_PASSWORD= \
//!     VPN_PASSWORD_SECRETFILE=/run/secrets/vpn \
//!     VPN_TOKEN=$TOKEN
//! ARG CLOUD_CREDENTIALS=/etc/cloud/key.json
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[secret-in-arg-or-env] BuildKit takes `GPG_KEY` for a secret, by its name
//! Dockerfile:3:1: info[secret-in-arg-or-env] BuildKit takes `VPN_PASSWORD_SECRETFILE` for a secret, by its name
//! Dockerfile:3:1: warning[secret-in-arg-or-env] the value of `VPN_TOKEN` stands in the image's configuration
//! Dockerfile:3:5: info[secret-in-arg-or-env] BuildKit takes `VPN_PASSWORD` for a secret, by its name
//! Dockerfile:6:5: info[secret-in-arg-or-env] BuildKit takes `CLOUD_CREDENTIALS` for a secret, by its name
//! ```
//!
//! ## Also tested
//!
//! ### Triggers
//!
//! ```dockerfile
//! FROM node:22
//! ONBUILD ARG NPM_TOKEN NAME
//! ONBUILD ENV DB_PASSWD=x
//! # hadolint ignore=DL3064
//! ONBUILD ENV API_SECRET=x
//! ```
//!
//! ```text
//! Dockerfile:2:13: warning[secret-in-arg-or-env] the value of `NPM_TOKEN` stands in every image that is built on this one
//! Dockerfile:3:13: warning[secret-in-arg-or-env] the value of `DB_PASSWD` stands in every image that is built on this one
//! ```
//!
//! ### Several names in one ARG
//!
//! ```dockerfile
//! ARG GLOBAL_TOKEN
//! FROM alpine:3.21
//! ARG A apiKey=1 \
//!     MY_auth
//! ```
//!
//! ```text
//! Dockerfile:3:1: warning[secret-in-arg-or-env] the value of `MY_auth` stands in the image's history
//! Dockerfile:3:7: warning[secret-in-arg-or-env] the value of `apiKey` stands in the image's history
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

const SECRETS: &[&str] =
    &["apikey", "auth", "credential", "credentials", "key", "passwd", "password", "pword", "secret", "token"];

const HARMLESS: &[&str] = &["file", "public", "version"];

impl Check for Rule {
    const META: Meta = Meta {
        id: "secret-in-arg-or-env",
        also: &["buildkit:SecretsUsedInArgOrEnv", "hadolint:DL3064"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, step) in evaluation.steps() {
                if let (Body::Onbuild(onbuild), true) = (step.body(&file.tree), step.is_own()) {
                    trigger(file, step.instruction, onbuild, found);
                }
                let keyword @ (Keyword::Arg | Keyword::Env) = step.keyword(&file.tree) else { continue };
                let Effect::Set(settings) = &step.effect else { continue };
                for setting in settings.iter().filter(|setting| is_secret(&setting.name)) {
                    let (span, heeds) = evaluation.place(file, stage, step, setting.span);
                    if value_of(step.body(&file.tree), setting.span)
                        .is_some_and(|value| is_harmless(&setting.name, value, keyword))
                    {
                        let diagnostic = found
                            .add(span, format!("BuildKit takes `{}` for a secret, by its name", setting.name))
                            .heeds(heeds)
                            .help("its value is none: `# check=skip=SecretsUsedInArgOrEnv` at the head of the file ends the warning of the build");
                        diagnostic.severity(Severity::Info).known_as("buildkit:SecretsUsedInArgOrEnv");
                        if step.is_own() && hadolint_minds(&setting.name) {
                            diagnostic.known_as("hadolint:DL3064");
                        }
                        continue;
                    }
                    let place = if keyword == Keyword::Arg { "history" } else { "configuration" };
                    let diagnostic = found
                        .add(span, format!("the value of `{}` stands in the image's {place}", setting.name))
                        .heeds(heeds)
                        .help("use `RUN --mount=type=secret` during the build, and set it from outside at run time");
                    diagnostic.known_as("buildkit:SecretsUsedInArgOrEnv");
                    if step.is_own() && hadolint_minds(&setting.name) {
                        diagnostic.known_as("hadolint:DL3064");
                    }
                    if span != setting.span && !matches!(step.origin, StepOrigin::Image(_)) {
                        diagnostic.label(setting.span, "set here");
                    }
                }
            }
        }
    }
}

/// BuildKit minds a trigger where it runs. What is wrong stands here, and most images that it runs for are built elsewhere.
fn trigger(file: &Dockerfile, instruction: usize, onbuild: &dockerfile::Onbuild, found: &mut Findings) {
    let names: Vec<&MappedText> = match &onbuild.body {
        Body::Arg(pairs) => pairs.iter().map(|pair| &pair.name).collect(),
        Body::Env(values) => values.pairs.iter().map(|pair| &pair.key).collect(),
        _ => return,
    };
    for name in names.into_iter().filter(|name| is_secret(name)) {
        let message = format!("the value of `{name}` stands in every image that is built on this one");
        let diagnostic = found.add_at(file, instruction, name.span(), "set here", message);
        diagnostic.help("use `RUN --mount=type=secret` during the build, and set it from outside at run time");
        match hadolint_minds(name) {
            true => diagnostic.known_as("hadolint:DL3064"),
            false => diagnostic.unknown_elsewhere(),
        };
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let has = |words: &[&str]| name.split('_').any(|part| words.contains(&part));
    has(SECRETS) && !has(HARMLESS)
}

/// The text of the value that is given to the name at a place.
fn value_of(body: &Body, name: Span) -> Option<&str> {
    match body {
        Body::Env(values) => values.pairs.iter().find(|pair| pair.key.span() == name).map(|pair| pair.value.as_str()),
        Body::Arg(pairs) => {
            pairs.iter().find(|pair| pair.name.span() == name)?.value.as_ref().map(|value| value.as_str())
        }
        _ => None,
    }
}

/// Whether a value that is written in the file is none that has to be kept: nothing at all, where a file lies, a switch, or the
/// fingerprint of a public key. An ARG without a value gets one from the command line.
fn is_harmless(name: &str, value: &str, keyword: Keyword) -> bool {
    let name = name.to_ascii_uppercase();
    let value = value.trim_matches(['"', '\'']);
    let path = value.starts_with('/') && !value.contains(char::is_whitespace);
    let switch = matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "none" | "null" | "{}" | "[]");
    let fingerprint = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let signing = ["GPG", "PGP", "FINGERPRINT"].iter().any(|word| name.split('_').any(|part| part == *word));
    value.is_empty() && keyword == Keyword::Env
        || path
        || switch
        || signing && !value.is_empty() && value.split_whitespace().all(fingerprint)
        // What apt-key calls its own setting.
        || name == "APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE"
}

/// Whether hadolint takes the name for a secret too: it looks for some words anywhere in a name.
fn hadolint_minds(name: &str) -> bool {
    const WORDS: &[&str] = &["api_key", "client_key", "password", "private", "secret", "token", "username"];
    let lower = name.to_lowercase();
    name == "AWS_ACCESS_KEY_ID" || WORDS.iter().any(|word| lower.contains(word))
}
