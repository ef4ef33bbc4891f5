//! Flags that stand for overrides.

use super::csv;
use super::entry::{FromElement, Policy, parse_bool};

/// The flags of `docker buildx bake` that change targets.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--push`
    pub push: bool,
    /// `--load`
    pub load: bool,
    /// `--call`, `--check`
    pub call: String,
    /// `--no-cache[=BOOL]`
    pub no_cache: Option<bool>,
    /// `--pull[=BOOL]`
    pub pull: Option<bool>,
    /// `--sbom`
    pub sbom: String,
    /// `--provenance`
    pub provenance: String,
    /// `--policy`
    pub policy: Vec<String>,
    /// `--allow`
    pub allow: Vec<String>,
}

impl Flags {
    /// The texts of all overrides, and whether policies are switched off altogether.
    ///
    /// # Errors
    /// When the value of a flag is wrong.
    pub fn overrides(&self) -> Result<(Vec<String>, bool), String> {
        let mut overrides = self.set.clone();
        let call = call_name(&self.call)?;
        let mut add = |condition: bool, text: String| {
            if condition {
                overrides.push(text);
            }
        };
        add(self.push, "*.push=true".to_owned());
        add(self.load, "*.load=true".to_owned());
        if let Some(call) = call {
            add(true, format!("*.call={call}"));
        }
        if let Some(no_cache) = self.no_cache {
            add(true, format!("*.no-cache={no_cache}"));
        }
        if let Some(pull) = self.pull {
            add(true, format!("*.pull={pull}"));
        }
        for (kind, value) in [("sbom", &self.sbom), ("provenance", &self.provenance)] {
            add(!value.is_empty(), format!("*.attest={}", attestation(kind, value)));
        }
        let policies = self.policy.iter().map(|text| Policy::from_text(text)).collect::<Result<Vec<_>, _>>()?;
        let count = policies.len();
        let mut disabled = false;
        for (policy, text) in policies.into_iter().flatten().zip(&self.policy) {
            if !policy.files.is_empty() {
                return Err("--policy does not accept filename; policy files belong into the definition".to_owned());
            }
            if policy.reset {
                return Err("--policy does not accept reset; it belongs into the definition".to_owned());
            }
            if policy.disabled {
                if policy.strict.is_some() || policy.log_level.is_some() || count > 1 {
                    return Err("disabled policy cannot be combined with other policy flags".to_owned());
                }
                disabled = true;
                break;
            }
            overrides.push(format!("*.policy+={text}"));
        }
        self.check_allow()?;
        Ok((overrides, disabled))
    }

    fn check_allow(&self) -> Result<(), String> {
        const ALONE: &[&str] = &["network.host", "security.insecure", "ssh", "buildx.local.delete"];
        const WITH_VALUE: &[&str] = &["device", "fs.read", "fs.write", "fs", "image.push", "image.load", "image"];
        for allow in &self.allow {
            let key = allow.split_once('=').map_or(allow.as_str(), |(key, _)| key);
            if !ALONE.contains(&allow.as_str()) && !WITH_VALUE.contains(&key) {
                let why = if key == "buildx.local.delete" { "does not accept a value" } else { "is unknown" };
                return Err(format!("entitlement key \"{key}\" {why}"));
            }
        }
        Ok(())
    }
}

/// The method that `--call` names: none for `build`, `lint` for `check`.
fn call_name(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut name = String::new();
    for field in csv::fields(text, ',')? {
        match field.text.split_once('=') {
            Some(("format", _)) => {}
            Some(("ignorestatus", value)) => {
                parse_bool(value).map_err(|_| format!("invalid ignorestatus print value: {value}"))?;
            }
            Some(_) => return Err(format!("invalid print field: {}", field.text)),
            None if !name.is_empty() => return Err(format!("invalid print value: {text}")),
            None => name = field.text,
        }
    }
    Ok(match name.as_str() {
        "build" => None,
        "check" => Some("lint".to_owned()),
        _ => Some(name),
    })
}

/// The entry of `attest` that a flag or a compose file stands for; empty if the value is.
pub(super) fn attestation(kind: &str, value: &str) -> String {
    match parse_bool(value) {
        _ if value.is_empty() => String::new(),
        Ok(enabled) => format!("type={kind},disabled={}", !enabled),
        Err(_) => format!("type={kind},{value}"),
    }
}

/// Reads `--var` texts: `NAME=VALUE`, empty ones skipped, the last of a name wins.
///
/// # Errors
/// When a text has no `=` or no name.
pub fn parse_variables(texts: &[String]) -> Result<std::collections::BTreeMap<String, String>, String> {
    let mut variables = std::collections::BTreeMap::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        match text.split_once('=') {
            None => return Err(format!("invalid variable \"{text}\", expected key=value")),
            Some(("", _)) => return Err(format!("invalid variable \"{text}\", key is empty")),
            Some((name, value)) => _ = variables.insert(name.to_owned(), value.to_owned()),
        }
    }
    Ok(variables)
}

/// What `--list` asks for: targets or variables, and the format.
///
/// # Errors
/// When the text is malformed or asks for something else.
pub fn parse_list(text: &str) -> Result<(ListKind, super::ListFormat), String> {
    let (mut kind, mut format) = (text.to_owned(), "table".to_owned());
    let fields = csv::fields(text, ',')?;
    let alone = matches!(&fields[..], [only] if only.text == text && !text.starts_with("type="));
    if !alone {
        kind.clear();
        for field in &fields {
            let field = &field.text;
            let (key, value) = field.split_once('=').ok_or_else(|| format!("invalid value {field}"))?;
            match key.to_lowercase().trim() {
                "type" => kind = value.to_owned(),
                "format" if !value.is_empty() => format = value.to_owned(),
                "format" => {}
                key => return Err(format!("unexpected key '{key}' in '{field}'")),
            }
        }
    }
    let kind = match kind.as_str() {
        "targets" => ListKind::Targets,
        "variables" => ListKind::Variables,
        _ => return Err(format!("invalid list type \"{kind}\"")),
    };
    match format.as_str() {
        "table" => Ok((kind, super::ListFormat::Table)),
        "json" => Ok((kind, super::ListFormat::Json)),
        _ => Err(format!("invalid list format \"{format}\"")),
    }
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Targets and groups.
    Targets,
    /// Variables.
    Variables,
}

/// Reads a Go bool, as environment variables and flags of buildx have them.
pub fn parse_go_bool(text: &str) -> Option<bool> {
    parse_bool(text).ok()
}
