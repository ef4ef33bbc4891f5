//! A label is not what the configuration asks for.
//!
//! Runs when the configuration asks for labels: a `[project.labels]` table with the form of each value, or `--require-label KEY:FORM`.
//!
//! | form | value |
//! | --- | --- |
//! | `text` | anything but nothing |
//! | `url` | an absolute URL |
//! | `rfc3339` | a time such as `2026-01-31T10:00:00Z` |
//! | `spdx` | a license expression of SPDX identifiers, such as `MIT OR Apache-2.0` |
//! | `hash` | a Git commit, 7 or 40 hexadecimal digits in lower case, as Git writes them |
//! | `semver` | a version such as `1.2.3-rc.1` |
//! | `email` | an e-mail address |
//!
//! With `strict-labels = true`, or `--strict-labels`, a label that is not in the table is wrong as well. Values that depend on variables are not flagged.
//!
//! ## Examples
//!
//! ### Wrong values
//!
//! ```toml bakelint.toml
//! [project]
//! strict-labels = true
//!
//! [project.labels]
//! team = "text"
//! homepage = "url"
//! created = "rfc3339"
//! license = "spdx"
//! revision = "hash"
//! release = "semver"
//! contact = "email"
//! ```
//!
//! ```dockerfile
//! FROM alpine:3.21
//! LABEL team="" homepage="ftp:/broken path" created="2026-13-45"
//! LABEL license="Apache 2" revision="main"
//! LABEL release="1.2" contact="nobody" colour="red"
//! ```
//!
//! ```text
//! Dockerfile:2:12: warning[invalid-label] the label `team` is empty
//! Dockerfile:2:24: warning[invalid-label] the value `ftp:/broken path` of the label `homepage` is no URL
//! Dockerfile:2:51: warning[invalid-label] the value `2026-13-45` of the label `created` is no time of RFC 3339
//! Dockerfile:3:15: warning[invalid-label] the value `Apache 2` of the label `license` is no license expression of SPDX
//! Dockerfile:3:35: warning[invalid-label] the value `main` of the label `revision` is no Git commit
//! Dockerfile:4:15: warning[invalid-label] the value `1.2` of the label `release` is no semantic version
//! Dockerfile:4:29: warning[invalid-label] the value `nobody` of the label `contact` is no e-mail address
//! Dockerfile:4:38: info[invalid-label] the label `colour` is not among those that are agreed on
//! ```
//!
//! ### Right values
//!
//! ```toml bakelint.toml
//! [project.labels]
//! homepage = "url"
//! created = "rfc3339"
//! license = "spdx"
//! revision = "hash"
//! release = "semver"
//! contact = "email"
//! ```
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG REVISION
//! LABEL homepage="https://example.org/x" created="2026-01-31T10:00:00Z" license="(MIT OR Apache-2.0) AND BSD-3-Clause"
//! LABEL revision="0123abc" release="1.2.3-rc.1+b.5" contact="me@example.org" other=1
//! LABEL revision=$REVISION
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "invalid-label",
        also: &[
            "hadolint:DL3050",
            "hadolint:DL3051",
            "hadolint:DL3052",
            "hadolint:DL3053",
            "hadolint:DL3054",
            "hadolint:DL3055",
            "hadolint:DL3056",
            "hadolint:DL3058",
        ],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        let settings = &project.settings;
        if settings.labels.is_empty() && !settings.strict_labels {
            return;
        }
        for dockerfile in &project.dockerfiles {
            for (index, instruction) in dockerfile.instructions() {
                let Body::Label(labels) = &instruction.body else { continue };
                for pair in &labels.pairs {
                    let key = pair.key.trim_matches(['"', '\'']);
                    if key.contains('$') {
                        continue;
                    }
                    match settings.labels.get(key) {
                        None if settings.strict_labels => {
                            let message = format!("the label `{key}` is not among those that are agreed on");
                            let help = match nearest(key, settings.labels.keys().map(String::as_str)) {
                                Some(near) => format!("did you mean `{near}`?"),
                                None => "the configuration lists them".to_owned(),
                            };
                            found
                                .add_at(dockerfile, index, pair.key.span(), "this label", message)
                                .known_as("hadolint:DL3050")
                                .severity(Severity::Info)
                                .help(help);
                        }
                        None => {}
                        Some(form) => {
                            let Some(value) = value(dockerfile, pair) else { continue };
                            let Some((alias, fault)) = fault(form, &value) else { continue };
                            let message = match value.is_empty() {
                                true => format!("the label `{key}` is empty"),
                                false => format!("the value `{value}` of the label `{key}` is {fault}"),
                            };
                            found.add_at(dockerfile, index, pair.value.span(), "this value", message).known_as(alias);
                        }
                    }
                }
            }
        }
    }
}

/// The value without its quotes, if no variable is in it.
fn value(dockerfile: &Dockerfile, pair: &dockerfile::KeyValue) -> Option<String> {
    let unknown = |_: &str| dockerfile::Lookup::Dynamic;
    let expanded = dockerfile::Lexer::new(dockerfile.tree.escape).expand(&pair.value, &unknown).ok()?;
    expanded.value.known().map(str::to_owned)
}

/// Whether a value has the form that is asked for: the name of the check and what is wrong.
fn fault(form: &str, value: &str) -> Option<(&'static str, &'static str)> {
    if value.is_empty() {
        return Some(("hadolint:DL3051", "empty"));
    }
    let (fits, alias, fault) = match form {
        "url" => (is_url(value), "hadolint:DL3052", "no URL"),
        "rfc3339" => (is_time(value), "hadolint:DL3053", "no time of RFC 3339"),
        "spdx" => (is_license_expression(value), "hadolint:DL3054", "no license expression of SPDX"),
        "hash" => (is_commit(value), "hadolint:DL3055", "no Git commit"),
        "semver" => (is_version(value), "hadolint:DL3056", "no semantic version"),
        "email" => (is_address(value), "hadolint:DL3058", "no e-mail address"),
        _ => (true, "", ""),
    };
    (!fits).then_some((alias, fault))
}

fn is_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    named && !host.is_empty() && !value.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | '"'))
}

/// RFC 3339, section 5.6.
fn is_time(value: &str) -> bool {
    let bytes = value.as_bytes();
    let number = |range: std::ops::Range<usize>| {
        let text = value.get(range)?;
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten()
    };
    let within = |range, least: u32, most: u32| number(range).is_some_and(|number| (least..=most).contains(&number));
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let days = match (number(0..4), number(5..7)) {
        (Some(year), Some(2)) if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        (_, Some(2)) => 28,
        (_, Some(4 | 6 | 9 | 11)) => 30,
        _ => 31,
    };
    let date =
        number(0..4).is_some() && at(4) == b'-' && within(5..7, 1, 12) && at(7) == b'-' && within(8..10, 1, days);
    let clock = matches!(at(10), b'T' | b't' | b' ')
        && within(11..13, 0, 23)
        && at(13) == b':'
        && within(14..16, 0, 59)
        && at(16) == b':'
        && within(17..19, 0, 60);
    let mut end = 19;
    if at(end) == b'.' {
        let digits = value.get(end + 1..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        end += 1 + digits;
    }
    let zone = match at(end) {
        b'Z' | b'z' => bytes.len() == end + 1,
        b'+' | b'-' => {
            bytes.len() == end + 6
                && within(end + 1..end + 3, 0, 23)
                && at(end + 3) == b':'
                && within(end + 4..end + 6, 0, 59)
        }
        _ => false,
    };
    date && clock && zone
}

/// A Git commit, short or whole.
fn is_commit(value: &str) -> bool {
    matches!(value.len(), 7 | 40) && value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

/// <https://semver.org>
fn is_version(value: &str) -> bool {
    let (rest, build) = value.split_once('+').map_or((value, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let number = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
    };
    let named = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let pre_part = |text: &str| named(text) && (!text.bytes().all(|b| b.is_ascii_digit()) || number(text));
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(pre_part))
        && build.is_none_or(|build| build.split('.').all(named))
}

fn is_address(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    let part = |text: &str| {
        !text.is_empty()
            && !text.starts_with(['-', '.'])
            && !text.ends_with(['-', '.'])
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.'))
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    !local.is_empty() && local.chars().all(allowed) && !local.contains("..") && part(domain) && !domain.contains("..")
}
