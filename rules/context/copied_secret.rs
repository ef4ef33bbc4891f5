//! A file that holds a secret becomes part of the image.
//!
//! Whoever can pull an image can read every file of every layer, also one that a later layer removes, and so can
//! whoever can read the build cache. What a step needs only while it runs belongs into a secret or SSH mount: it is in
//! no layer and not even in the cache key. See <https://docs.docker.com/build/building/secrets/>.
//!
//! Private keys, `.netrc`, `.pypirc`, cloud credentials and an `.npmrc` or `pip.conf` that holds a token are errors. A
//! plain `.env` is a warning: it may hold nothing but settings, but then settings of one machine end up in the image.
//!
//! Not flagged: examples and templates (`.env.example`), public keys and certificates, files of other stages, stages of
//! which no layer is shipped are flagged as well, because the cache keeps their layers. An `.npmrc` that cannot be
//! read, or that takes its token from the environment, is not flagged either.
//!
//! ## Examples
//!
//! ### A key and a token
//!
//! ```dockerfile
//! FROM node:24
//! COPY id_rsa /root/.ssh/id_rsa
//! COPY package.json .npmrc ./
//! RUN npm install
//! ```
//!
//! ```text .npmrc
//! //registry.npmjs.org/:_authToken=npm_abcdefghijklmnopqrstuvwxyz0123456789
//! ```
//!
//! ```text
//! Dockerfile:2:6: error[copied-secret] `id_rsa` is a private key, and becomes part of a layer
//! Dockerfile:3:19: error[copied-secret] `.npmrc` holds the token of a registry, and becomes part of a layer
//! ```
//!
//! ### Mounts
//!
//! ```dockerfile
//! FROM node:24
//! COPY package.json .npmrc ./
//! RUN --mount=type=secret,id=npm,env=NPM_TOKEN --mount=type=ssh npm install
//! ```
//!
//! ```text .npmrc
//! //registry.npmjs.org/:_authToken=${NPM_TOKEN}
//! ```
//!
//! ## Also tested
//!
//! ### Settings, examples and certificates
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! COPY .env /app/.env
//! COPY .env.example ca.pem server.crt id_rsa.pub /app/
//! COPY config/.env.production /app/
//! FROM debian:12
//! COPY --from=build /app/.env /app/.env
//! ```
//!
//! ```text
//! Dockerfile:2:6: warning[copied-secret] `.env` may hold secrets, and becomes part of a layer
//! Dockerfile:4:6: warning[copied-secret] `config/.env.production` may hold secrets, and becomes part of a layer
//! ```
//!
//! ### By what is in it
//!
//! ```dockerfile
//! FROM debian:12
//! COPY tls/server.pem /etc/tls/
//! COPY tls/chain.pem /etc/tls/
//! ADD .netrc /root/
//! ```
//!
//! ```text tls/server.pem
//! -----BEGIN PRIVATE KEY-----
//! MIIE
//! ```
//!
//! ```text tls/chain.pem
//! -----BEGIN CERTIFICATE-----
//! MIIE
//! ```
//!
//! ```text
//! Dockerfile:2:6: error[copied-secret] `tls/server.pem` holds a private key, and becomes part of a layer
//! Dockerfile:4:5: error[copied-secret] `.netrc` holds passwords, and becomes part of a layer
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "copied-secret", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let folder = project.context_folder(at);
            for (index, instruction) in dockerfile.instructions() {
                let (Body::Copy(copy) | Body::Add(copy)) = &instruction.body else { continue };
                let sources = copy.sources.iter().filter(|source| copy.from.is_none() && source.heredoc.is_none());
                for source in sources {
                    let path = source.word.trim_start_matches("./");
                    let text = folder.as_deref().and_then(|folder| {
                        let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
                        Some(project.text(project.snapshot.find(&path)?))
                    });
                    let Some((what, severity)) = secret(path, text) else { continue };
                    let message = format!("`{path}` {what}, and becomes part of a layer");
                    let diagnostic = found.add_at(dockerfile, index, source.word.span(), "here", message);
                    diagnostic.severity(severity);
                    diagnostic.help("use `RUN --mount=type=secret` or `--mount=type=ssh` in the step that needs it, or give it to the container when it starts");
                    if severity == Severity::Warning {
                        diagnostic.confidence(Confidence::Medium);
                    }
                }
            }
        }
    }
}

/// What makes a file a secret, by its name and, where it is known, its text.
fn secret(path: &str, text: Option<&str>) -> Option<(&'static str, Severity)> {
    const HARMLESS: &[&str] =
        &["example", "sample", "template", "dist", "test", "tpl", "default", "defaults", "ci", "pub", "schema"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut parts = name.split(['.', '-', '_']);
    if name.contains(['*', '?', '[', '$']) || parts.any(|part| HARMLESS.contains(&part)) {
        return None;
    }
    let has_key = || text.is_some_and(|text| text.contains("PRIVATE KEY-----"));
    let holds = |marks: &[&str]| {
        text.is_some_and(|text| {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']));
            lines.filter_map(|line| marks.iter().find_map(|mark| line.split_once(mark))).any(|(_, value)| {
                let value = value.trim().trim_matches('"');
                !value.is_empty() && !value.contains('$')
            })
        })
    };
    let error = |what| Some((what, Severity::Error));
    match name {
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" => error("is a private key"),
        ".netrc" | "_netrc" | ".git-credentials" => error("holds passwords"),
        ".pypirc" => error("holds the password of a package index"),
        ".npmrc" | ".yarnrc" | ".yarnrc.yml"
            if holds(&["_authToken=", "_auth=", "_password=", "npmAuthToken:", "npmAuthIdent:"]) =>
        {
            error("holds the token of a registry")
        }
        "credentials" if path.ends_with(".aws/credentials") => error("holds keys of AWS"),
        "application_default_credentials.json" => error("holds keys of Google Cloud"),
        "kubeconfig" => error("holds the credentials of a cluster"),
        name if (name.ends_with(".pem") || name.ends_with(".key")) && has_key() => error("holds a private key"),
        name if name.ends_with(".json") && text.is_some_and(|text| text.contains("\"private_key\": \"-----BEGIN")) => {
            error("holds the key of a service account")
        }
        name if name == ".env" || name.starts_with(".env.") => Some(("may hold secrets", Severity::Warning)),
        _ => None,
    }
}
