//! The texts of `--set`: `PATTERN.KEY[.NAME][+]=VALUE`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::entry::{Attestation, CacheOption, Export, FromElement, Policy, Secret, Ssh, parse_bool, read_texts};
use super::error::{BakeError, Mistakes};
use super::host::Host;
use super::inputs::Inputs;
use super::pattern;
use super::target::{Eval, List, Origin, Set, Source, Target, Unique, append_unique};

/// The overrides of one key of one target, gathered.
#[derive(Debug, Clone, Default)]
struct Override {
    /// The last value of a key that has one.
    value: String,
    /// All values of a key that is a list, each with its text.
    values: Vec<(String, Arc<str>)>,
    /// Whether the last text had `+=`.
    append: bool,
    /// The last text.
    text: Arc<str>,
    dynamic: bool,
}

/// The overrides of every target that one applies to.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    /// Keys in the order of their first mention.
    by_target: HashMap<String, Vec<(String, Override)>>,
}

impl Overrides {
    /// Reads the texts and finds the targets that each applies to. One that is malformed or applies to no target is a
    /// mistake and counts for nothing.
    pub(super) fn new(inputs: &Inputs, host: &dyn Host, targets: &[Target], mistakes: &mut Mistakes) -> Self {
        let mut overrides = Overrides::default();
        for text in &inputs.overrides {
            if let Err(error) = overrides.add(text, inputs, host, targets) {
                // The key, of which all these mistakes are.
                let key = text.split('=').next().unwrap_or_default();
                mistakes.add(match error.argument {
                    Some(_) => error,
                    None => error.with_argument("--set", text, 0..key.len()),
                });
            }
        }
        overrides
    }

    fn add(&mut self, text: &str, inputs: &Inputs, host: &dyn Host, targets: &[Target]) -> Result<(), BakeError> {
        let (given_key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        let key = given_key.strip_suffix('+').unwrap_or(given_key);
        let append = key.len() < given_key.len();
        let mut parts = key.splitn(3, '.');
        let (Some(wanted), Some(kind)) = (parts.next(), parts.next()) else {
            return Err(BakeError::new(format!("invalid override key {key}, expected target.name")));
        };
        let name = parts.next();
        if value.is_none() && kind != "args" {
            return Err(BakeError::new(format!("invalid override {text}, expected target.name=value")));
        }
        let found = matching(wanted, targets)?;
        let own_key = match name {
            Some(name) => format!("{kind}.{name}"),
            None => kind.to_owned(),
        };
        let needs_name = |what: &str| match name {
            Some(_) => Ok(()),
            None => Err(BakeError::new(format!("invalid key {given_key}, {what} requires name"))),
        };
        let mut value = value.map(str::to_owned);
        // An expression of a workflow is only known when the workflow runs.
        let mut dynamic = text.contains("${{");
        match kind {
            "resources" | "secret" => {
                needs_name(kind)?;
                if append {
                    return Err(BakeError::new(format!("invalid key {given_key}, {kind} does not support append")));
                }
            }
            "args" => {
                needs_name(kind)?;
                if value.is_none() && inputs.use_environment {
                    match inputs.environment(name.unwrap_or_default(), host) {
                        Some(Eval::Known(text)) => value = Some(text),
                        Some(Eval::Dynamic) => dynamic = true,
                        None => return Ok(()),
                    }
                }
            }
            "contexts" => needs_name(kind)?,
            _ => {}
        }
        for target in found {
            let keys = self.by_target.entry(target).or_default();
            let at = keys.iter().position(|(key, _)| *key == own_key).unwrap_or_else(|| {
                keys.push((own_key.clone(), Override::default()));
                keys.len() - 1
            });
            let entry = &mut keys[at].1;
            entry.text = text.into();
            entry.dynamic |= dynamic;
            match kind {
                "output" | "cache-to" | "cache-from" | "tags" | "platform" | "secrets" | "ssh" | "attest"
                | "entitlements" | "network" | "annotations" | "policy" => {
                    entry.append = append;
                    entry.values.extend(value.clone().map(|value| (value, entry.text.clone())));
                }
                _ => {
                    if let Some(value) = &value {
                        entry.value.clone_from(value);
                    }
                }
            }
        }
        Ok(())
    }

    /// The overrides that buildx does not apply as they are written.
    pub(super) fn warnings(&self) -> Vec<BakeError> {
        let mut seen = BTreeMap::new();
        for keys in self.by_target.values() {
            let has = |name: &str| keys.iter().any(|(key, _)| key == name);
            for (key, entry) in keys {
                let why = match key.as_str() {
                    "network" => "it always stores an empty network",
                    "no-cache-filter" | "ulimits" => "it always empties the list, with `=` and with `+=`",
                    "output" if has("push") || has("load") => {
                        "it applies `output` and `push` or `load` in random order; here `output` comes first"
                    }
                    _ => continue,
                };
                seen.insert((key.clone(), entry.text.clone()), why);
            }
        }
        let warning = |((key, text), why): ((String, Arc<str>), &str)| {
            let start = text.find('.').map_or(0, |dot| dot + 1);
            let end = (start + key.len()).min(text.len());
            let warning = BakeError::new(format!("buildx does not apply `{key}` as it is written"));
            warning.with_argument("--set", &text, start..end).with_help(format!("buildx trips here: {why}"))
        };
        seen.into_iter().map(warning).collect()
    }

    /// Applies the overrides of a target. Where the order matters, `push` and `load` come last. One whose key is unknown or
    /// whose value does not fit is a mistake and changes nothing.
    pub(super) fn apply(&self, target: &mut Target, name: &str, mistakes: &mut Mistakes) {
        let Some(keys) = self.by_target.get(name) else { return };
        let rank = |key: &str| match key {
            "push" => 1,
            "load" => 2,
            _ if key.starts_with("secret.") => 3,
            _ => 0,
        };
        let mut keys: Vec<&(String, Override)> = keys.iter().collect();
        keys.sort_by_key(|(key, _)| rank(key));
        for (key, entry) in keys {
            let origin = Origin { source: Source::Override(entry.text.clone()), trace: None, dynamic: entry.dynamic };
            let path = path_of(key);
            let before: Vec<Origin> = match target.traced {
                true => target.origins(&path).into_iter().cloned().collect(),
                false => Vec::new(),
            };
            if let Err(message) = apply_key(target, key, entry, origin.clone()) {
                let unknown = key.split('.').next().filter(|kind| message == unknown_key(kind));
                let error = BakeError::new(message);
                let given = entry.text.split('=').next().unwrap_or_default();
                let value = (given.len() + 1).min(entry.text.len())..entry.text.len();
                mistakes.add(match unknown {
                    Some(kind) => {
                        let start = given.find('.').map_or(0, |dot| dot + 1);
                        let end = (start + kind.len()).min(given.len());
                        let error = error.with_argument("--set", &entry.text, start..end);
                        match nearest_key(kind) {
                            Some(near) => error.with_help(format!("did you mean `{near}`?")),
                            None => error,
                        }
                    }
                    None if value.is_empty() => error.with_argument("--set", &entry.text, 0..given.len()),
                    None => error.with_argument("--set", &entry.text, value),
                });
                continue;
            }
            if !before.is_empty() {
                target.emptied.remove(&path);
                // An empty text stands for no element at all.
                let nothing =
                    !entry.append && !entry.values.is_empty() && entry.values.iter().all(|(value, _)| value.is_empty());
                if nothing || target.origins(&path).is_empty() {
                    target.emptied.insert(path.clone(), origin);
                }
                let after: Vec<Origin> = target.origins(&path).into_iter().cloned().collect();
                target.remember(path, before, &after.iter().collect::<Vec<_>>());
            }
        }
    }
}

/// The path in a target that a key sets.
fn path_of(key: &str) -> String {
    match key {
        "platform" => "platforms".to_owned(),
        "secrets" => "secret".to_owned(),
        "push" | "load" => "output".to_owned(),
        _ => key.to_owned(),
    }
}

/// The targets that the first part of a key names: exactly one, or all that match it as a pattern.
fn matching(wanted: &str, targets: &[Target]) -> Result<Vec<String>, BakeError> {
    if targets.iter().any(|target| target.name == wanted) {
        return Ok(vec![wanted.to_owned()]);
    }
    let mut found = Vec::new();
    for target in targets {
        match pattern::matches(wanted, &target.name) {
            Ok(true) => found.push(target.name.clone()),
            Ok(false) => {}
            Err(pattern::Malformed) => {
                let message = format!("could not match targets with '{wanted}': syntax error in pattern");
                return Err(BakeError::new(message));
            }
        }
    }
    if found.is_empty() {
        let near = crate::suggest::nearest(wanted, targets.iter().map(|target| target.name.as_str()));
        let error = BakeError::new(format!("could not find any target matching '{wanted}'"));
        return Err(match near {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    Ok(found)
}

fn apply_key(target: &mut Target, key: &str, entry: &Override, origin: Origin) -> Result<(), String> {
    let (kind, name) = match key.split_once('.') {
        Some((kind, name)) => (kind, Some(name)),
        None => (key, None),
    };
    let text = || Some(Set::new(entry.value.clone(), origin.clone()));
    let texts = || entry.values.iter().map(|(value, given)| Set::new(value.clone(), given_by(given, &origin)));
    let named = |form: &str| name.ok_or_else(|| format!("invalid format for {kind}, expecting {kind}.{form}"));
    let bool = || {
        let value = parse_bool(&entry.value);
        value.map_err(|_| format!("invalid value {} for boolean key {kind}", entry.value))
    };
    if entry.dynamic {
        // The attribute is set, but to what is not known.
        target.unknown.insert(kind.to_owned(), origin.clone());
    }
    match kind {
        "context" => {
            target.context = text();
            target.base.context = None;
            target.base.context_of = None;
        }
        "dockerfile" => target.dockerfile = text(),
        "args" | "labels" | "extra-hosts" => {
            let form = if kind == "extra-hosts" { "<hostname>=<ip>" } else { "<name>=<value>" };
            let name = named(form)?.to_owned();
            let map = match kind {
                "args" => &mut target.args,
                "labels" => &mut target.labels,
                _ => &mut target.extra_hosts,
            };
            map.insert(name, Set::new(Some(entry.value.clone()), origin.clone()));
        }
        "contexts" => {
            let name = named("<name>=<value>")?.to_owned();
            target.base.contexts.remove(&name);
            target.contexts.insert(name, Set::new(entry.value.clone(), origin.clone()));
        }
        "tags" => set_or_append(&mut target.tags, texts(), entry.append),
        "platform" => set_or_append(&mut target.platforms, texts(), entry.append),
        "policy" => {
            let policies: Vec<Set<Policy>> = read_all(entry, &origin)?;
            set_or_append(&mut target.policy, policies.into_iter(), entry.append);
        }
        "cache-from" => set_or_merge::<CacheOption>(&mut target.cache_from, entry, &origin)?,
        "cache-to" => set_or_merge::<CacheOption>(&mut target.cache_to, entry, &origin)?,
        "secrets" => set_or_merge::<Secret>(&mut target.secret, entry, &origin)
            .map_err(|why| format!("invalid value for outputs: {why}"))?,
        "ssh" => set_or_merge::<Ssh>(&mut target.ssh, entry, &origin)
            .map_err(|why| format!("invalid value for outputs: {why}"))?,
        "output" => set_or_merge::<Export>(&mut target.output, entry, &origin)
            .map_err(|why| format!("invalid value for outputs: {why}"))?,
        "attest" => {
            let entry = Override { append: true, ..entry.clone() };
            set_or_merge::<Attestation>(&mut target.attest, &entry, &origin)
                .map_err(|why| format!("invalid value for attest: {why}"))?;
        }
        "annotations" => set_or_append(&mut target.annotations, texts(), true),
        "entitlements" => set_or_append(&mut target.entitlements, texts(), true),
        // Bake gathers the values of these two elsewhere, so that nothing is left but an empty list.
        "no-cache-filter" => target.no_cache_filter = None,
        "ulimits" => target.ulimits = None,
        // Likewise, with an empty text.
        "network" => target.network = Some(Set::new(String::new(), origin.clone())),
        "target" => target.target = text(),
        "call" => target.call = text(),
        "shm-size" => target.shm_size = text(),
        "no-cache" => target.no_cache = Some(Set::new(bool()?, origin.clone())),
        "pull" => target.pull = Some(Set::new(bool()?, origin.clone())),
        "push" => set_push(&mut target.output, bool()?, &origin),
        "load" => {
            if bool()? {
                set_load(&mut target.output, &origin);
            }
        }
        "resources" => {
            let name = named("<name>=<value>")?;
            let resources = target.resources.get_or_insert_default();
            if let Some(limit) = resources.text_mut(name) {
                *limit = text();
            } else if let Some(limit) = resources.number_mut(name) {
                let number = entry.value.parse::<i64>();
                let number =
                    number.map_err(|_| format!("invalid value {} for int64 key resources.{name}", entry.value))?;
                *limit = Some(Set::new(number, origin.clone()));
            } else {
                return Err(format!("unknown resources key {name}"));
            }
        }
        "secret" => set_secret(target, named("<id>=<value>")?, &entry.value, &origin)?,
        _ => return Err(unknown_key(kind)),
    }
    Ok(())
}

fn unknown_key(key: &str) -> String {
    format!("unknown key: {key}")
}

/// The keys that `--set` knows (buildx, bake/bake.go).
pub const OVERRIDE_KEYS: &[&str] = &[
    "annotations",
    "args",
    "attest",
    "cache-from",
    "cache-to",
    "call",
    "context",
    "contexts",
    "dockerfile",
    "entitlements",
    "extra-hosts",
    "labels",
    "load",
    "network",
    "no-cache",
    "no-cache-filter",
    "output",
    "platform",
    "policy",
    "pull",
    "push",
    "resources",
    "secret",
    "secrets",
    "shm-size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];

/// The key that is probably meant.
fn nearest_key(key: &str) -> Option<&'static str> {
    // The attribute has another name there.
    if key == "platforms" { Some("platform") } else { crate::suggest::nearest(key, OVERRIDE_KEYS.iter().copied()) }
}

fn set_or_append<T>(list: &mut List<T>, values: impl Iterator<Item = Set<T>>, append: bool) {
    if !append {
        *list = None;
    }
    list.get_or_insert_default().extend(values);
}

/// The origin of a value that a certain text gave.
fn given_by(text: &Arc<str>, origin: &Origin) -> Origin {
    Origin { source: Source::Override(text.clone()), ..origin.clone() }
}

/// The elements of all texts, each with its text.
fn read_all<T: FromElement>(entry: &Override, origin: &Origin) -> Result<Vec<Set<T>>, String> {
    let mut found = Vec::new();
    for (value, given) in &entry.values {
        let read: Vec<T> = read_texts(std::slice::from_ref(value))?;
        found.extend(read.into_iter().map(|value| Set::new(value, given_by(given, origin))));
    }
    Ok(found)
}

fn set_or_merge<T: FromElement + Unique + Clone>(
    list: &mut List<T>,
    entry: &Override,
    origin: &Origin,
) -> Result<(), String> {
    let read = Some(read_all(entry, origin)?);
    match entry.append {
        true => append_unique(list, &read),
        false => *list = read,
    }
    Ok(())
}

fn set_push(output: &mut List<Export>, push: bool, origin: &Origin) {
    let outputs = output.get_or_insert_default();
    if !push {
        let mut at = 0;
        while at < outputs.len() {
            match outputs[at].value.kind.as_str() {
                "registry" => {
                    outputs.swap_remove(at);
                    continue;
                }
                "image" => _ = outputs[at].value.attributes.insert("push".to_owned(), "false".to_owned()),
                _ => {}
            }
            at += 1;
        }
    } else {
        let only_docker = outputs.iter().all(|set| set.value.kind == "docker");
        for set in outputs.iter_mut().filter(|set| set.value.kind == "image") {
            set.value.attributes.insert("push".to_owned(), "true".to_owned());
        }
        if only_docker {
            let mut image = Export::new("image");
            image.attributes.insert("push".to_owned(), "true".to_owned());
            outputs.push(Set::new(image, origin.clone()));
        }
    }
    if outputs.is_empty() {
        *output = None;
    }
}

fn set_load(output: &mut List<Export>, origin: &Origin) {
    let outputs = output.get_or_insert_default();
    for set in outputs.iter() {
        match set.value.kind.as_str() {
            "docker" if set.value.destination.is_empty() => return,
            "docker" | "image" | "registry" | "oci" => {}
            _ => return,
        }
    }
    outputs.push(Set::new(Export::new("docker"), origin.clone()));
}

fn set_secret(target: &mut Target, id: &str, value: &str, origin: &Origin) -> Result<(), String> {
    if id.is_empty() {
        return Err("invalid format for secret, expecting secret.<id>=<value>".to_owned());
    }
    let declared = target.secret.iter_mut().flatten().find(|secret| secret.value.id == id);
    let Some(declared) = declared else {
        return Err(format!("secret \"{id}\" must be declared before it can be overridden"));
    };
    let next = Secret::from_text(value)?.pop().unwrap_or_default();
    if !next.id.is_empty() && next.id != id {
        return Err(format!("secret override id \"{}\" does not match declared secret \"{id}\"", next.id));
    }
    declared.value.variable = next.variable;
    declared.value.source = next.source;
    declared.origin = origin.clone();
    Ok(())
}
