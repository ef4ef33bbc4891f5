//! An ENV uses a variable that the same ENV sets.
//!
//! All values of one ENV instruction see the variables as they were before it
//! (<https://docs.docker.com/reference/dockerfile/#environment-replacement>). `ENV HOME_DIR=/app DATA_DIR=$HOME_DIR/data` leaves `DATA_DIR=/data`.
//!
//! Not flagged: a variable that refers to its own former value, as in `ENV PATH=/app/bin:$PATH`, and one that was set before. The fix makes a second ENV of the
//! rest; it is unsafe because it changes the value, to what was surely meant.
//!
//! ## Examples
//!
//! ### Two at once
//!
//! ```dockerfile
//! FROM debian:12
//! ENV HOME_DIR=/home/app DATA_DIR=$HOME_DIR/data
//! ```
//!
//! ```text
//! Dockerfile:2:33: error[stale-env-reference] `HOME_DIR` is not set yet where this ENV uses it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,3 @@
//!  FROM debian:12
//! -ENV HOME_DIR=/home/app DATA_DIR=$HOME_DIR/data
//! +ENV HOME_DIR=/home/app
//! +ENV DATA_DIR=$HOME_DIR/data
//! ```
//!
//! ### One after the other
//!
//! ```dockerfile
//! FROM debian:12
//! ENV HOME_DIR=/home/app
//! ENV DATA_DIR=$HOME_DIR/data PATH=$HOME_DIR/bin:$PATH
//! ```
//!
//! ## Also tested
//!
//! ### Over several lines
//!
//! ```dockerfile
//! FROM debian:12
//! ENV JAVA_HOME="/opt/java" \
//!     PATH="${JAVA_HOME}/bin:$PATH" \
//!     OTHER=1
//! ```
//!
//! ```text
//! Dockerfile:2:1: error[stale-env-reference] `JAVA_HOME` is not set yet where this ENV uses it
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM debian:12
//! -ENV JAVA_HOME="/opt/java" \
//! -    PATH="${JAVA_HOME}/bin:$PATH" \
//! +ENV JAVA_HOME="/opt/java"
//! +ENV PATH="${JAVA_HOME}/bin:$PATH" \
//!      OTHER=1
//! ```
//!
//! ### Known before
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! ARG VERSION=1
//! ENV A=1
//! FROM base
//! ENV A=2 B=$A
//! ENV VERSION=$VERSION C=${VERSION}
//! ENV PATH=/x:$PATH D=$PATH
//! ENV E \$F F=1
//! ```

use std::collections::HashMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "stale-env-reference",
        severity: Severity::Error,
        fix: Some(Safety::Unsafe),
        also: &["hadolint:DL3044"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for (index, instruction) in dockerfile.instructions() {
                let Body::Env(env) = &instruction.body else { continue };
                let Some(stage) = instruction.stage.filter(|_| !env.legacy) else { continue };
                let unknown = |name: &str| {
                    // Every image has a search path, and a home directory once it runs.
                    !matches!(name, "PATH" | "HOME")
                        && project.variable(at, stage, index, name) == dockerfile::Lookup::Unset
                };
                let setters: HashMap<&str, usize> =
                    env.pairs.iter().enumerate().map(|(pair, one)| (one.key.as_str(), pair)).collect();
                let stale = env.pairs.iter().enumerate().find_map(|(pair, next)| {
                    let uses = uses(dockerfile, &next.value);
                    uses.into_iter().find_map(|(name, span)| {
                        let setter = *setters.get(name.as_str()).filter(|setter| **setter != pair)?;
                        unknown(&name).then_some((pair, name, span, setter, env.pairs[setter].span))
                    })
                });
                let Some((pair, name, span, setter, set)) = stale else { continue };
                let message = format!("`{name}` is not set yet where this ENV uses it");
                let diagnostic = found.add_at(dockerfile, index, span, "used here", message);
                diagnostic.label(set, "set by the same ENV").help("a value of an ENV sees what was set before the ENV");
                if setter < pair
                    && let Some(before) = pair.checked_sub(1).and_then(|before| env.pairs.get(before))
                {
                    let line_end = if dockerfile.source.text().contains("\r\n") { "\r\n" } else { "\n" };
                    let keyword = dockerfile.source.slice(instruction.word.span());
                    let gap = Span { start: before.span.end, ..env.pairs[pair].span.before() };
                    let edit = Edit::replace(gap, format!("{line_end}{keyword} "));
                    diagnostic.fix(Fix::unsafe_("Set the rest by an ENV of its own", vec![edit]).rebuilds_once());
                }
            }
        }
    }
}

/// The variables that a value uses.
fn uses(dockerfile: &Dockerfile, value: &MappedText) -> Vec<(String, Span)> {
    let unset = |_: &str| dockerfile::Lookup::Dynamic;
    let lexer = dockerfile::Lexer::new(dockerfile.tree.escape);
    let expansion = lexer.expand(value, &unset);
    expansion.map(|found| found.uses.into_iter().map(|used| (used.name, used.span)).collect()).unwrap_or_default()
}
