//! A plan and the listings as buildx prints them.

use std::collections::BTreeMap;

use super::entry::{Attestation, CacheOption, Export, Policy, Secret, Ssh};
use super::evaluation::Evaluation;
use super::functions::json::write_text;
use super::request::Plan;
use super::target::{Group, Set, Target};

/// A JSON value whose objects keep the order of their keys.
enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> Json {
        Json::Array(texts.into_iter().map(|text| Json::text(text.clone())).collect())
    }

    /// Writes with two blanks a level, as Go's MarshalIndent does.
    fn write(&self, level: usize, out: &mut String) {
        let line = |level: usize, out: &mut String| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", level));
        };
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(value) => out.push_str(&value.to_string()),
            Json::Text(text) => write_text(text, out),
            Json::Array(items) if items.is_empty() => out.push_str("[]"),
            Json::Object(entries) if entries.is_empty() => out.push_str("{}"),
            Json::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    line(level + 1, out);
                    item.write(level + 1, out);
                }
                line(level, out);
                out.push(']');
            }
            Json::Object(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    line(level + 1, out);
                    write_text(key, out);
                    out.push_str(": ");
                    value.write(level + 1, out);
                }
                line(level, out);
                out.push('}');
            }
        }
    }

    fn print(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out.push('\n');
        out
    }
}

/// The fields of an object, those that are empty left out.
#[derive(Default)]
struct Fields(Vec<(String, Json)>);

impl Fields {
    fn add(&mut self, name: &str, value: Option<Json>) {
        let empty = match &value {
            None => true,
            Some(Json::Array(items)) => items.is_empty(),
            Some(Json::Object(entries)) => entries.is_empty(),
            Some(_) => false,
        };
        if let (false, Some(value)) = (empty, value) {
            self.0.push((name.to_owned(), value));
        }
    }

    fn text(&mut self, name: &str, text: &Option<Set<String>>) {
        self.add(name, text.as_ref().map(|set| Json::text(set.value.clone())));
    }

    fn texts(&mut self, name: &str, texts: &Option<Vec<Set<String>>>) {
        self.add(name, Some(Json::texts(texts.iter().flatten().map(|set| &set.value))));
    }

    fn map(&mut self, name: &str, map: &BTreeMap<String, Set<Option<String>>>) {
        let entries = map
            .iter()
            .map(|(key, set)| (key.clone(), set.value.as_ref().map_or(Json::Null, |text| Json::text(escape(text)))));
        self.add(name, Some(Json::Object(entries.collect())));
    }

    fn entries<T>(&mut self, name: &str, entries: &Option<Vec<Set<T>>>, json: impl Fn(&T) -> Json) {
        self.add(name, Some(Json::Array(entries.iter().flatten().map(|set| json(&set.value)).collect())));
    }
}

/// Escapes template sequences, so that the printed text can be read as a definition again.
fn escape(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// Options as an object of texts, sorted.
fn options(attributes: &BTreeMap<String, String>, more: &[(&str, Json)]) -> Json {
    let own = attributes.iter().map(|(key, value)| (key.clone(), Json::text(value.clone())));
    let mut all: BTreeMap<String, Json> = own.collect();
    for (key, value) in more {
        let value = match value {
            Json::Text(text) => Json::text(text.clone()),
            Json::Bool(value) => Json::Bool(*value),
            _ => Json::Null,
        };
        all.insert((*key).to_owned(), value);
    }
    Json::Object(all.into_iter().collect())
}

fn cache_json(cache: &CacheOption) -> Json {
    options(&cache.attributes, &[("type", Json::text(cache.kind.clone()))])
}

fn export_json(export: &Export) -> Json {
    let all = [("type", Json::text(export.kind.clone())), ("dest", Json::text(export.destination.clone()))];
    options(&export.attributes, if export.destination.is_empty() { &all[..1] } else { &all })
}

fn attestation_json(attestation: &Attestation) -> Json {
    let all = [("type", Json::text(attestation.kind.clone())), ("disabled", Json::Bool(true))];
    options(&attestation.attributes, if attestation.disabled { &all } else { &all[..1] })
}

fn non_empty(text: &str) -> Option<Json> {
    (!text.is_empty()).then(|| Json::text(text))
}

fn secret_json(secret: &Secret) -> Json {
    let mut fields = Fields::default();
    fields.add("id", non_empty(&secret.id));
    fields.add("src", non_empty(&secret.source));
    fields.add("env", non_empty(&secret.variable));
    Json::Object(fields.0)
}

fn ssh_json(ssh: &Ssh) -> Json {
    let mut fields = Fields::default();
    fields.add("id", non_empty(&ssh.id));
    fields.add("paths", Some(Json::texts(&ssh.paths)));
    Json::Object(fields.0)
}

/// Under the names of buildx's own fields.
fn policy_json(policy: &Policy) -> Json {
    let file = |name: &String| {
        Json::Object(vec![("Filename".to_owned(), Json::text(name.clone())), ("Data".to_owned(), Json::Null)])
    };
    let files = match policy.files.is_empty() {
        true => Json::Null,
        false => Json::Array(policy.files.iter().map(file).collect()),
    };
    let level = policy.log_level.as_ref().map_or(Json::Null, |level| Json::text(level.clone()));
    Json::Object(vec![
        ("Files".to_owned(), files),
        ("Reset".to_owned(), Json::Bool(policy.reset)),
        ("Disabled".to_owned(), Json::Bool(policy.disabled)),
        ("Strict".to_owned(), policy.strict.map_or(Json::Null, Json::Bool)),
        ("LogLevel".to_owned(), level),
    ])
}

fn target_json(target: &Target) -> Json {
    let mut fields = Fields::default();
    fields.add("description", target.description.as_ref().and_then(|set| non_empty(&set.value)));
    fields.entries("annotations", &target.annotations, |text| Json::text(escape(text)));
    fields.entries("attest", &target.attest, attestation_json);
    fields.text("context", &target.context);
    let contexts = target.contexts.iter().map(|(name, set)| (name.clone(), Json::text(set.value.clone())));
    fields.add("contexts", Some(Json::Object(contexts.collect())));
    fields.text("dockerfile", &target.dockerfile);
    fields.add("dockerfile-inline", target.dockerfile_inline.as_ref().map(|set| Json::text(escape(&set.value))));
    fields.map("args", &target.args);
    fields.map("labels", &target.labels);
    fields.texts("tags", &target.tags);
    fields.entries("cache-from", &target.cache_from, cache_json);
    fields.entries("cache-to", &target.cache_to, cache_json);
    fields.text("target", &target.target);
    fields.entries("secret", &target.secret, secret_json);
    fields.entries("ssh", &target.ssh, ssh_json);
    fields.texts("platforms", &target.platforms);
    fields.entries("output", &target.output, export_json);
    fields.add("pull", target.pull.as_ref().map(|set| Json::Bool(set.value)));
    fields.add("no-cache", target.no_cache.as_ref().map(|set| Json::Bool(set.value)));
    fields.text("network", &target.network);
    fields.texts("no-cache-filter", &target.no_cache_filter);
    fields.text("shm-size", &target.shm_size);
    fields.texts("ulimits", &target.ulimits);
    if let Some(resources) = &target.resources {
        let mut limits = Fields::default();
        let number = |set: &Option<Set<i64>>| set.as_ref().map(|set| Json::Number(set.value));
        limits.text("memory", &resources.memory);
        limits.text("memory-swap", &resources.memory_swap);
        limits.add("cpu-shares", number(&resources.cpu_shares));
        limits.add("cpu-period", number(&resources.cpu_period));
        limits.add("cpu-quota", number(&resources.cpu_quota));
        limits.text("cpuset-cpus", &resources.cpuset_cpus);
        limits.text("cpuset-mems", &resources.cpuset_mems);
        fields.0.push(("resources".to_owned(), Json::Object(limits.0)));
    }
    fields.text("call", &target.call);
    fields.texts("entitlements", &target.entitlements);
    fields.map("extra-hosts", &target.extra_hosts);
    fields.entries("policy", &target.policy, policy_json);
    Json::Object(fields.0)
}

fn group_json(group: &Group) -> Json {
    let mut fields = Fields::default();
    fields.add("description", group.description.as_ref().and_then(|set| non_empty(&set.value)));
    let targets = match &group.targets {
        Some(members) => Json::texts(members.iter().map(|set| &set.value)),
        None => Json::Null,
    };
    fields.0.push(("targets".to_owned(), targets));
    Json::Object(fields.0)
}

impl Plan {
    /// The plan as `docker buildx bake --print` prints it, line end included.
    pub fn print(&self) -> String {
        let mut fields = Fields::default();
        let groups = self.groups.iter().map(|(name, group)| (name.clone(), group_json(group)));
        fields.add("group", Some(Json::Object(groups.collect())));
        let targets = self.targets.iter().map(|(name, target)| (name.clone(), target_json(target)));
        fields.0.push(("target".to_owned(), Json::Object(targets.collect())));
        Json::Object(fields.0).print()
    }
}

/// How a listing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// Columns with a heading.
    Table,
    /// An array of objects.
    Json,
}

impl Evaluation {
    /// The targets and groups as `--list=targets` prints them. Names that begin with `_` are private and left out.
    pub fn list_targets(&self, format: ListFormat) -> String {
        let mut rows: Vec<(&str, String, bool)> = Vec::new();
        for target in &self.targets {
            let description = target.description.as_ref().map_or(String::new(), |set| set.value.clone());
            rows.push((&target.name, description, false));
        }
        for group in &self.groups {
            let mut members: Vec<&str> = group.members().collect();
            members.sort_unstable();
            let description = group.description.as_ref().map_or("", |set| &set.value);
            let text = match (members.is_empty(), description.is_empty()) {
                (true, _) => description.to_owned(),
                (false, true) => members.join(", "),
                (false, false) => format!("{description} ({})", members.join(", ")),
            };
            rows.push((&group.name, text, true));
        }
        rows.retain(|(name, ..)| !name.starts_with('_'));
        rows.sort_by_key(|(name, ..)| *name);
        match format {
            ListFormat::Table => {
                let rows = rows.iter().map(|(name, description, _)| vec![(*name).to_owned(), description.clone()]);
                table(&["TARGET", "DESCRIPTION"], rows)
            }
            ListFormat::Json => {
                let rows: Vec<Json> = rows
                    .into_iter()
                    .map(|(name, description, group)| {
                        let mut fields = Fields::default();
                        fields.add("name", Some(Json::text(name)));
                        fields.add("description", non_empty(&description));
                        fields.add("group", group.then_some(Json::Bool(true)));
                        Json::Object(fields.0)
                    })
                    .collect();
                // Go prints a list that was never filled as null.
                if rows.is_empty() { "null\n".to_owned() } else { Json::Array(rows).print() }
            }
        }
    }

    /// The variables as `--list=variables` prints them.
    pub fn list_variables(&self, format: ListFormat) -> String {
        let type_name = |variable: &super::evaluation::Variable| {
            variable.ty.as_ref().map_or(String::new(), |ty| ty.constraint_name())
        };
        match format {
            ListFormat::Table => {
                let rows = self.variables.iter().map(|(name, variable)| {
                    let value = variable.text().unwrap_or_else(|| "<null>".to_owned());
                    vec![name.clone(), type_name(variable), value, variable.description.clone()]
                });
                table(&["VARIABLE", "TYPE", "VALUE", "DESCRIPTION"], rows)
            }
            ListFormat::Json => {
                let rows = self.variables.iter().map(|(name, variable)| {
                    let mut fields = Fields::default();
                    fields.add("name", Some(Json::text(name.clone())));
                    fields.add("description", non_empty(&variable.description));
                    fields.add("type", non_empty(&type_name(variable)));
                    fields.add("value", variable.text().map(Json::text));
                    Json::Object(fields.0)
                });
                // Without blocks, buildx has no list of variables.
                if self.compose_only { "null\n".to_owned() } else { Json::Array(rows.collect()).print() }
            }
        }
    }
}

/// Columns that are padded with tabs of eight, as Go's tabwriter does.
fn table(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heading = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let widest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            if widest == 0 { 0 } else { (widest + 1).div_ceil(8) * 8 }
        })
        .collect();
    let mut out = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            out.push_str(cell);
            if column + 1 < columns {
                let missing = widths[column].saturating_sub(cell.chars().count());
                out.extend(std::iter::repeat_n('\t', missing.div_ceil(8)));
            }
        }
        out.push('\n');
    }
    out
}
