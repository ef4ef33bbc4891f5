//! `bakelint init`: a configuration to begin with.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bakelint_core::config::{LABEL_FORMS, known_rule};
use bakelint_core::prelude::*;
use bakelint_core::syntax::yaml;

use crate::args::{Init, OtherTool};
use crate::{CLEAN, Failure, Surroundings};

/// The file that is written.
const TARGET: &str = "bakelint.toml";

/// The files that hadolint reads, in its order.
const HADOLINT: [&str; 2] = [".hadolint.yaml", ".hadolint.yml"];

const DEFAULT: &str = r#"# Configuration of bakelint. What is commented out shows what there is; most of it is the default.
# `bakelint rules` lists the rules, `bakelint explain RULE` shows the page of one.

[check]
# Rules may be named by their id, a theme, or another tool's name for a finding: "DL3009", "buildkit:StageNameCasing".
# select = ["pinning", "size"]
# ignore = ["apt-recommends"]
# Rules that run only when they are asked for.
# enable = ["unpinned-packages"]
# min-severity = "info"
# min-confidence = "medium"

# Other wishes for some paths.
# [[override]]
# paths = ["test/**"]
# ignore = ["root-user"]

# The severity of a rule, or `off`, and its options.
# [rules.unpinned-base]
# level = "error"

[files]
# exclude = ["vendor/**"]

[project]
# Registries that images may come from.
# registries = ["docker.io", "ghcr.io/acme"]
# default-platform = "linux/amd64"
# What happens to a CI runner's disk after a job: "ephemeral" or "persistent".
# runner = "ephemeral"
# Whether labels other than the ones below are wrong.
# strict-labels = false

# Labels that shipped images must have, with the form of each: text, url, rfc3339, spdx, hash, semver, email.
# [project.labels]
# "org.opencontainers.image.source" = "url"
"#;

/// Runs the verb. A file that is there already is never touched.
pub fn run(args: &Init, around: &mut Surroundings) -> Result<u8, Failure> {
    let folder = around.directory.join(&args.path);
    let target = folder.join(TARGET);
    let text = match args.from {
        None => DEFAULT.to_owned(),
        Some(OtherTool::Hadolint) => from_hadolint(&folder)?,
    };
    let made = fs::OpenOptions::new().write(true).create_new(true).open(&target);
    let fail = |source| Failure::File { path: target.clone(), source };
    let mut file = made.map_err(fail)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(fail)?;
    writeln!(around.err, "{} written", args.path.join(TARGET).display())?;
    Ok(CLEAN)
}

/// Reads hadolint's configuration of a folder.
fn from_hadolint(folder: &Path) -> Result<String, Failure> {
    let found = HADOLINT.iter().map(|name| (*name, folder.join(name))).find(|(_, path)| path.is_file());
    let Some((name, path)) = found else {
        return Err(Failure::usage(format!("there is no {} in {}", HADOLINT.join(" or "), folder.display())));
    };
    let text = fs::read_to_string(&path).map_err(|source| Failure::File { path: path.clone(), source })?;
    translate(&text, name).map_err(|message| Failure::Content { path, message })
}

/// The same wishes as a `bakelint.toml`.
fn translate(text: &str, name: &str) -> Result<String, String> {
    let (tree, errors) = yaml::parse(FileId(0), text);
    if let Some(error) = errors.first() {
        return Err(error.message.clone());
    }
    let root = tree.root().filter(|root| root.is_mapping());
    let list = |keys: &[&str]| -> Vec<&str> {
        let node = root.and_then(|root| root.at(keys));
        node.map(|node| node.items().filter_map(|item| item.text()).collect()).unwrap_or_default()
    };
    let scalar = |key: &str| root.and_then(|root| root.get(key)).and_then(|node| node.text());

    let mut out = format!("# Made from {name} by `bakelint init --from hadolint`.\n\n[check]\n");
    let ignored = list(&["ignored"]);
    if !ignored.is_empty() {
        out.push_str("# What is named here is silent under all of its names. A comment `# hadolint ignore=` in a Dockerfile silences what\n");
        out.push_str("# hadolint alone reports; what BuildKit reports too stays, because BuildKit does not know such comments.\n");
        out.push_str("ignore = [\n");
        for code in ignored {
            match is_known(code) {
                true => line(&mut out, &format!("    {},", quoted(code)), meaning(code).as_deref()),
                false => line(&mut out, &format!("    # {}: nothing is called so", quoted(code)), None),
            }
        }
        out.push_str("]\n");
    }
    match scalar("failure-threshold") {
        Some(level @ ("error" | "warning")) => line(&mut out, &format!("min-severity = {}", quoted(level)), None),
        Some("info" | "style") => line(&mut out, "min-severity = \"info\"", None),
        Some(other) => line(&mut out, &format!("# failure-threshold was {other}: use `--exit-zero`"), None),
        None => {}
    }
    if scalar("no-fail") == Some("true") {
        line(&mut out, "# no-fail was set: use `--exit-zero`", None);
    }

    let registries = list(&["trustedRegistries"]);
    let strict = scalar("strict-labels") == Some("true");
    let schema = root.and_then(|root| root.get("label-schema"));
    let labels: Vec<(&str, &str)> = schema
        .map(|schema| schema.entries().filter_map(|entry| Some((entry.name()?, entry.value.text()?))).collect())
        .unwrap_or_default();
    if !registries.is_empty() || strict {
        out.push_str("\n[project]\n");
    }
    if !registries.is_empty() {
        let names: Vec<String> = registries.into_iter().map(quoted).collect();
        line(&mut out, &format!("registries = [{}]", names.join(", ")), None);
    }
    if strict {
        line(&mut out, "strict-labels = true", None);
    }
    if !labels.is_empty() {
        out.push_str("\n[project.labels]\n");
    }
    for (key, form) in labels {
        // hadolint 1 wrote `rawText`.
        let form = if LABEL_FORMS.contains(&form) { form } else { "text" };
        line(&mut out, &format!("{} = {}", quoted(key), quoted(form)), None);
    }

    for (key, level) in [("error", "error"), ("warning", "warning"), ("info", "info"), ("style", "info")] {
        for code in list(&["override", key]) {
            if is_known(code) && bakelint_rules::left_out(code).is_none() {
                line(&mut out, &format!("\n[rules.{}]", quoted(code)), meaning(code).as_deref());
                line(&mut out, &format!("level = {}", quoted(level)), None);
            }
        }
    }
    // What is written has to be read again.
    Config::parse(&out, bakelint_rules::all(), bakelint_rules::LEFT_OUT).map_err(|error| error.message)?;
    Ok(out)
}

fn line(out: &mut String, text: &str, comment: Option<&str>) {
    // Writing to a string does not fail.
    let _ = match comment {
        Some(comment) => writeln!(out, "{text} # {comment}"),
        None => writeln!(out, "{text}"),
    };
}

fn is_known(code: &str) -> bool {
    known_rule(code, 0..0, bakelint_rules::all(), bakelint_rules::LEFT_OUT).is_ok()
}

/// What a code of hadolint is called here.
fn meaning(code: &str) -> Option<String> {
    if bakelint_rules::left_out(code).is_some() {
        return Some("no rule here".into());
    }
    let known = known_rule(code, 0..0, bakelint_rules::all(), bakelint_rules::LEFT_OUT).ok()?;
    let rule = bakelint_rules::all().iter().find(|rule| rule.answers_to(&known))?;
    let opt_in = if rule.meta.opt_in { ", runs only when asked for" } else { "" };
    let check = rule.meta.also.iter().find_map(|name| name.strip_prefix("buildkit:"));
    let check = check.map(|check| format!(", BuildKit's {check} too")).unwrap_or_default();
    Some(format!("{}{opt_in}{check}", rule.meta.id))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", c as u32),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        Config::parse(text, bakelint_rules::all(), bakelint_rules::LEFT_OUT).map_err(|error| error.message)
    }

    #[test]
    fn the_default_is_read_with_and_without_its_comment_marks() {
        assert!(read(DEFAULT).is_ok());
        let is_setting = |line: &&str| line.contains(" = ") || line.starts_with("# [");
        let all: String = DEFAULT
            .lines()
            .filter(|line| !line.starts_with('#') || is_setting(line))
            .map(|line| line.trim_start_matches("# ").to_owned() + "\n")
            .collect();
        assert!(read(&all).is_ok(), "{:?}\n{all}", read(&all).err());
    }

    #[test]
    fn a_configuration_of_hadolint_keeps_its_meaning() {
        let yaml = "ignored:\n  - DL3009\n  - DL4000\n  - DL3059\n  - SC2086\noverride:\n  error: [DL3015]\n  style:\n    - DL3027\n    - DL3059\n\
            trustedRegistries:\n  - ghcr.io\n  - \"*.example.com\"\nlabel-schema:\n  maintainer: text\n  created: rfc3339\n\
            strict-labels: true\nfailure-threshold: warning\n";
        let text = translate(yaml, ".hadolint.yaml").expect("it is read");
        let config = read(&text).expect("it is read again");
        assert_eq!(
            config.selection.ignore,
            ["hadolint:DL3009", "hadolint:DL4000", "hadolint:DL3059", "shellcheck:SC2086"]
        );
        assert_eq!(config.levels.get("hadolint:DL3015"), Some(&Some(Severity::Error)));
        assert_eq!(config.levels.get("hadolint:DL3027"), Some(&Some(Severity::Info)));
        assert_eq!(config.settings.registries, ["ghcr.io", "*.example.com"]);
        assert_eq!(config.settings.labels.len(), 2);
        assert!(config.settings.strict_labels);
        assert_eq!(config.selection.min_severity, Some(Severity::Warning));
        assert!(text.contains("\"DL3009\", # package-cache-kept\n"), "{text}");
        assert!(text.contains("\"DL4000\", # maintainer-instruction, BuildKit's MaintainerDeprecated too\n"), "{text}");
    }

    #[test]
    fn an_empty_configuration_and_unknown_codes() {
        assert!(translate("", ".hadolint.yaml").is_ok());
        let text = translate("ignored: [DL9999, DL3008]\noverride: {error: [DL9998]}\n", ".hadolint.yaml");
        let text = text.unwrap_or_default();
        assert!(text.contains("    # \"DL9999\": nothing is called so\n"), "{text}");
        assert!(text.contains("DL3008") && !text.contains("DL9998"), "{text}");
    }
}
