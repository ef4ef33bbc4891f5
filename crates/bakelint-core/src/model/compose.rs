//! Compose files as they are written: services, how they are built and run, with the place of everything.
//!
//! This is what rules look at. What buildx makes of a compose file is the matter of [`crate::bake`]. Merge keys and
//! aliases are followed, as Compose does; what `extends`, `include` and override files add is joined where services become
//! builds. Values stay templates, and [`Scalar::text`] puts in what is known of the environment.

use std::collections::BTreeMap;

use crate::model::value::{Text, TextPart};
use crate::model::workflow::Field;
use crate::source::{FileId, LineIndex, Span, Spanned};
use crate::syntax::SyntaxError;
use crate::syntax::interpolation::{self, Interpolation, ModifierKind, Part};
use crate::syntax::mapped::MappedText;
use crate::syntax::yaml::{self, CoreValue, Entry, Node, NodeId, ScalarStyle, Tree};

/// A compose file.
#[derive(Debug, Clone)]
pub struct Compose {
    /// The file.
    pub file: FileId,
    /// Its tree, for edits and comments.
    pub tree: Tree,
    /// `name`
    pub name: Option<Field<Scalar>>,
    /// The services, in order.
    pub services: Vec<Service>,
    /// `secrets`: names with the place of each entry.
    pub secrets: Vec<Spanned<String>>,
    /// `volumes`: names with the place of each entry.
    pub volumes: Vec<Spanned<String>>,
    /// Whether other files are read as well, so that more services may be known.
    pub includes: bool,
    /// The files of `include`, relative to this one's folder.
    pub included: Vec<Scalar>,
    by_name: BTreeMap<String, usize>,
}

/// A scalar with the variables in it.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The token, with its quotes; of a part of a token, that part.
    pub span: Span,
    /// The node in the file's tree, for edits.
    pub node: NodeId,
    /// How the token is written.
    pub style: ScalarStyle,
    /// The decoded text with the place of every byte, its variables not yet put in.
    pub raw: MappedText,
    /// The text taken apart.
    pub template: Interpolation,
}

/// What is known of a variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// It has this value.
    Set(String),
    /// It has a value of which a part depends on who runs Compose.
    Partly(Text),
    /// It is not set.
    Unset,
    /// That depends on who runs Compose.
    Unknown,
}

/// `NAME=value` or `NAME: value`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The name.
    pub name: Spanned<String>,
    /// The whole entry or item.
    pub entry: Span,
    /// The value; nothing where the environment gives it.
    pub value: Option<Scalar>,
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its key.
    pub name: Spanned<String>,
    /// From the key to the end of the service.
    pub entry: Span,
    /// The node of the service's mapping, for edits.
    pub node: NodeId,
    /// `image`
    pub image: Option<Field<Scalar>>,
    /// `build`
    pub build: Option<ServiceBuild>,
    /// Whether another service is extended, which may give any of this.
    pub extends: Option<Span>,
    /// The service that is extended, with the file it is in if that is another one.
    pub extended: Option<(Scalar, Option<Scalar>)>,
    /// `command`: one shell-like text, or words.
    pub command: Option<Field<Vec<Scalar>>>,
    /// `entrypoint`: one shell-like text, or words.
    pub entrypoint: Option<Field<Vec<Scalar>>>,
    /// `depends_on`
    pub depends_on: Vec<Dependency>,
    /// `environment`
    pub environment: Vec<Assignment>,
    /// `env_file`
    pub env_file: Vec<Scalar>,
    /// `healthcheck`
    pub healthcheck: Option<Healthcheck>,
    /// `ports`, those in the long form by their `published` and `target`.
    pub ports: Vec<Scalar>,
    /// `volumes`
    pub volumes: Vec<Volume>,
    /// `tmpfs`
    pub tmpfs: Vec<Scalar>,
    /// `profiles`
    pub profiles: Vec<Scalar>,
    /// `platform`
    pub platform: Option<Field<Scalar>>,
    /// `pull_policy`
    pub pull_policy: Option<Field<Scalar>>,
}

/// `build`
#[derive(Debug, Clone, Default)]
pub struct ServiceBuild {
    /// From the key to the end.
    pub entry: Option<Span>,
    /// The node of the value, for edits.
    pub node: Option<NodeId>,
    /// The context, also where it is the whole value.
    pub context: Option<Scalar>,
    /// `dockerfile`
    pub dockerfile: Option<Field<Scalar>>,
    /// `dockerfile_inline`
    pub dockerfile_inline: Option<Field<Scalar>>,
    /// `target`
    pub target: Option<Field<Scalar>>,
    /// `args`
    pub args: Vec<Assignment>,
    /// `labels`
    pub labels: Vec<Assignment>,
    /// `additional_contexts`
    pub additional_contexts: Vec<Assignment>,
    /// `cache_from`
    pub cache_from: Option<Field<Vec<Scalar>>>,
    /// `cache_to`
    pub cache_to: Option<Field<Vec<Scalar>>>,
    /// `tags`
    pub tags: Option<Field<Vec<Scalar>>>,
    /// `platforms`
    pub platforms: Option<Field<Vec<Scalar>>>,
    /// `secrets`, those in the long form by their `source`.
    pub secrets: Vec<Scalar>,
    /// `ssh`
    pub ssh: Vec<Assignment>,
    /// `no_cache`
    pub no_cache: Option<Field<Scalar>>,
    /// `pull`
    pub pull: Option<Field<Scalar>>,
    /// `network`
    pub network: Option<Field<Scalar>>,
    /// `x-bake`: settings that only buildx reads.
    pub x_bake: Option<BakeExtension>,
}

/// `x-bake`, each list also where it is one text with blanks between its items.
#[derive(Debug, Clone)]
pub struct BakeExtension {
    /// From the key to the end.
    pub entry: Span,
    /// The node of the value, for edits.
    pub node: NodeId,
    /// The settings by name, in order: `tags`, `cache-from`, `platforms`, `output`, …
    pub settings: Vec<Field<Vec<Scalar>>>,
}

impl BakeExtension {
    /// The items of a setting.
    pub fn get(&self, name: &str) -> Option<&Field<Vec<Scalar>>> {
        self.settings.iter().find(|setting| setting.name.node == name)
    }
}

/// An entry of `depends_on`.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The other service.
    pub service: Spanned<String>,
    /// `condition`: `service_started`, `service_healthy`, `service_completed_successfully`.
    pub condition: Option<Scalar>,
}

/// `healthcheck`
#[derive(Debug, Clone)]
pub struct Healthcheck {
    /// From the key to the end.
    pub entry: Span,
    /// The node of the value, for edits.
    pub node: NodeId,
    /// `test`: one shell command, or `CMD` or `CMD-SHELL` with words.
    pub test: Option<Field<Vec<Scalar>>>,
    /// `interval`
    pub interval: Option<Field<Scalar>>,
    /// `timeout`
    pub timeout: Option<Field<Scalar>>,
    /// `retries`
    pub retries: Option<Field<Scalar>>,
    /// `start_period`
    pub start_period: Option<Field<Scalar>>,
    /// `start_interval`
    pub start_interval: Option<Field<Scalar>>,
    /// `disable`
    pub disable: Option<Field<Scalar>>,
}

/// An entry of `volumes`.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The whole item.
    pub span: Span,
    /// `type` of the long form.
    pub kind: Option<Scalar>,
    /// A path on the host, or the name of a volume; nothing for an anonymous volume.
    pub source: Option<Scalar>,
    /// The path in the container.
    pub target: Option<Scalar>,
}

impl Volume {
    /// Whether a folder or file of the host is mounted.
    pub fn is_bind(&self) -> bool {
        let kind = self.kind.as_ref().and_then(Scalar::known);
        let path = self.source.as_ref().is_some_and(|source| source.raw.as_str().starts_with(['.', '/', '~']));
        kind == Some("bind") || (kind.is_none() && path)
    }
}

impl Scalar {
    /// The text, if there is no variable in it.
    pub fn known(&self) -> Option<&str> {
        self.template.as_text()
    }

    /// The text with what `lookup` knows of the environment, and the rest by the variables' names.
    pub fn text(&self, lookup: &dyn Fn(&str) -> Variable) -> Text {
        let mut text = Text::default();
        write(&self.template, lookup, &mut text);
        text
    }

    /// The value of a switch, in the spellings that Compose takes (`interpolate.go`), if no variable is in it.
    pub fn as_bool(&self) -> Option<bool> {
        match self.known()?.to_ascii_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Some(true),
            "false" | "n" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// The type that YAML gives the text; text if a variable is in it.
    pub fn typed(&self) -> CoreValue {
        match (self.style, self.known()) {
            (ScalarStyle::Plain, Some(text)) => yaml::go(text),
            _ => CoreValue::Text,
        }
    }

    /// A duration such as `1m30s`, in seconds.
    pub fn seconds(&self) -> Option<f64> {
        parse_duration(self.known()?)
    }
}

fn write(template: &Interpolation, lookup: &dyn Fn(&str) -> Variable, out: &mut Text) {
    // Templates nest no deeper than their parser lets them.
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push(TextPart::Known(text.as_str().to_owned())),
            Part::Broken(_) => out.push(TextPart::Unknown(String::new())),
            Part::Variable(variable) => {
                let found = lookup(&variable.name.node);
                let Some(modifier) = &variable.modifier else {
                    match found {
                        Variable::Set(value) => out.push(TextPart::Known(value)),
                        Variable::Partly(value) => value.parts().iter().for_each(|part| out.push(part.clone())),
                        Variable::Unset => {}
                        Variable::Unknown => out.push(TextPart::Unknown(variable.name.node.clone())),
                    }
                    continue;
                };
                let counts = match &found {
                    Variable::Unknown => {
                        out.push(TextPart::Unknown(variable.name.node.clone()));
                        continue;
                    }
                    Variable::Set(value) => !value.is_empty() || !modifier.empty_is_unset,
                    // One that is wholly unknown may be empty.
                    Variable::Partly(value) if value.parts().len() == 1 => {
                        out.push(TextPart::Unknown(variable.name.node.clone()));
                        continue;
                    }
                    Variable::Partly(_) => true,
                    Variable::Unset => false,
                };
                match (modifier.kind, counts, found) {
                    (ModifierKind::Default, false, _) | (ModifierKind::Alternative, true, _) => {
                        write(&modifier.argument, lookup, out);
                    }
                    // Compose refuses to run.
                    (ModifierKind::Required, false, _) => out.push(TextPart::Unknown(variable.name.node.clone())),
                    (_, _, Variable::Set(value)) => out.push(TextPart::Known(value)),
                    (_, _, Variable::Partly(value)) => value.parts().iter().for_each(|part| out.push(part.clone())),
                    _ => {}
                }
            }
        }
    }
}

/// A duration as Go reads it (`time.ParseDuration`), in seconds: `90s`, `1m30s`, `1.5h`, `0`.
pub fn parse_duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() || seconds == 0.0 {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..number].parse().ok()?;
        rest = &rest[number..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        seconds += value
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit..];
        if rest.is_empty() {
            break;
        }
    }
    Some(sign * seconds)
}

impl Compose {
    /// Reads a compose file. What Compose would refuse to read is among the errors.
    pub fn parse(file: FileId, text: &str) -> (Compose, Vec<SyntaxError>) {
        let (tree, mut errors) = yaml::parse(file, text);
        let broken = !errors.is_empty();
        let mut reader = Reader { text, errors: Vec::new() };
        reader.duplicates(&tree);
        let root = tree.root();
        let entry = |name: &str| root.and_then(|root| root.merged_entry(name));
        let names = |name: &str| {
            let entries = entry(name).map(|entry| entry.value.merged_entries()).unwrap_or_default();
            entries.into_iter().filter_map(name_of).collect::<Vec<_>>()
        };
        let name = entry("name").and_then(|entry| reader.field(entry));
        let services = entry("services").map(|entry| entry.value.merged_entries()).unwrap_or_default();
        let services: Vec<Service> = services.into_iter().filter_map(|service| reader.service(service)).collect();
        let by_name = services.iter().enumerate().rev().map(|(at, service)| (service.name.node.clone(), at)).collect();
        let (secrets, volumes, includes) = (names("secrets"), names("volumes"), entry("include").is_some());
        let included = entry("include").map(|entry| reader.included(entry.value)).unwrap_or_default();
        // Behind a broken place the file is cut off.
        errors.extend(reader.errors.into_iter().filter(|_| !broken));
        errors.sort_by_key(|error| error.span);
        errors.dedup();
        (Compose { file, tree, name, services, secrets, volumes, includes, included, by_name }, errors)
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(*self.by_name.get(name)?)
    }
}

fn name_of(entry: Entry<'_>) -> Option<Spanned<String>> {
    entry.name().map(|name| Spanned::new(name.to_owned(), entry.key.span()))
}

/// The entry with this key, unless it is taken away with `!reset`.
fn entry_of<'t>(node: Node<'t>, name: &str) -> Option<Entry<'t>> {
    node.merged_entry(name).filter(|entry| entry.value.tag().is_none_or(|tag| tag.node != "!reset"))
}

struct Reader<'a> {
    text: &'a str,
    errors: Vec<SyntaxError>,
}

impl Reader<'_> {
    /// Go's YAML library refuses a key that is written twice.
    fn duplicates(&mut self, tree: &Tree) {
        let lines = std::cell::OnceCell::new();
        for node in tree.nodes().filter(|node| node.alias().is_none()) {
            for (first, later) in node.duplicates() {
                let lines = lines.get_or_init(|| LineIndex::new(self.text.as_bytes()));
                let line = lines.line_of(first.key.span().start as usize) + 1;
                self.errors.push(SyntaxError {
                    message: format!("the key `{}` is written twice", later.name().unwrap_or_default()),
                    span: later.key.span(),
                    help: Some(format!("it stands in line {line} already")),
                });
            }
        }
    }

    fn scalar(&mut self, node: Node<'_>) -> Option<Scalar> {
        let style = node.scalar()?.style;
        let raw = node.mapped_text(self.text)?;
        let (template, errors) = interpolation::parse(&raw);
        self.errors.extend(errors);
        Some(Scalar { span: node.span(), node: node.id(), style, raw, template })
    }

    /// A part of a scalar, whose errors are known already.
    fn part(scalar: &Scalar, range: std::ops::Range<usize>) -> Scalar {
        let raw = scalar.raw.slice(range);
        let (template, _) = interpolation::parse(&raw);
        Scalar { span: raw.span(), raw, template, ..scalar.clone() }
    }

    fn field(&mut self, entry: Entry<'_>) -> Option<Field<Scalar>> {
        Some(Field { name: name_of(entry)?, entry: entry.span(), value: self.scalar(entry.value)? })
    }

    fn field_of(&mut self, node: Node<'_>, name: &str) -> Option<Field<Scalar>> {
        entry_of(node, name).and_then(|entry| self.field(entry))
    }

    /// A scalar, or the scalars of a list.
    fn scalars(&mut self, node: Node<'_>) -> Vec<Scalar> {
        if node.is_sequence() {
            return node.items().filter_map(|item| self.scalar(item)).collect();
        }
        self.scalar(node).into_iter().collect()
    }

    fn scalars_of(&mut self, node: Node<'_>, name: &str) -> Vec<Scalar> {
        entry_of(node, name).map(|entry| self.scalars(entry.value)).unwrap_or_default()
    }

    fn list_of(&mut self, node: Node<'_>, name: &str) -> Option<Field<Vec<Scalar>>> {
        let entry = entry_of(node, name)?;
        Some(Field { name: name_of(entry)?, entry: entry.span(), value: self.scalars(entry.value) })
    }

    /// Scalars, and of mappings the value of one of these keys.
    fn scalars_or(&mut self, node: Node<'_>, name: &str, keys: &[&str]) -> Vec<Scalar> {
        let Some(entry) = entry_of(node, name) else { return Vec::new() };
        let mut found = Vec::new();
        for item in entry.value.items() {
            let chosen = keys.iter().find_map(|key| entry_of(item, key)).map_or(item, |entry| entry.value);
            found.extend(self.scalar(chosen));
        }
        found
    }

    /// `NAME: value` entries, or `NAME=value` items.
    fn assignments_of(&mut self, node: Node<'_>, name: &str) -> Vec<Assignment> {
        let Some(entry) = entry_of(node, name) else { return Vec::new() };
        let node = entry.value;
        let mut found = Vec::new();
        for entry in node.merged_entries() {
            let Some(name) = name_of(entry) else { continue };
            let value = if entry.value.is_null() { None } else { self.scalar(entry.value) };
            found.push(Assignment { name, entry: entry.span(), value });
        }
        let items = if node.is_sequence() { self.scalars(node) } else { Vec::new() };
        for item in items {
            let raw = item.raw.as_str();
            let split = raw.find('=');
            let end = split.unwrap_or(raw.len());
            let name = Spanned::new(raw[..end].to_owned(), item.raw.span_of(0..end));
            let value = split.map(|at| Self::part(&item, at + 1..raw.len()));
            found.push(Assignment { name, entry: item.span, value });
        }
        found
    }

    fn service(&mut self, entry: Entry<'_>) -> Option<Service> {
        let node = entry.value;
        Some(Service {
            name: name_of(entry)?,
            entry: entry.span(),
            node: node.id(),
            image: self.field_of(node, "image"),
            build: entry_of(node, "build").filter(|build| !build.value.is_null()).map(|build| self.build(build)),
            extends: entry_of(node, "extends").map(Entry::span),
            extended: entry_of(node, "extends").and_then(|entry| self.extended(entry.value)),
            command: self.list_of(node, "command"),
            entrypoint: self.list_of(node, "entrypoint"),
            depends_on: self.depends_on(node),
            environment: self.assignments_of(node, "environment"),
            env_file: match entry_of(node, "env_file") {
                Some(entry) if entry.value.is_sequence() => self.scalars_or(node, "env_file", &["path"]),
                _ => self.scalars_of(node, "env_file"),
            },
            healthcheck: entry_of(node, "healthcheck").map(|entry| self.healthcheck(entry)),
            ports: self.scalars_or(node, "ports", &["published", "target"]),
            volumes: self.volumes(node),
            tmpfs: self.scalars_of(node, "tmpfs"),
            profiles: self.scalars_of(node, "profiles"),
            platform: self.field_of(node, "platform"),
            pull_policy: self.field_of(node, "pull_policy"),
        })
    }

    /// `include`: paths, or mappings with a `path` of one or more.
    fn included(&mut self, node: Node<'_>) -> Vec<Scalar> {
        let mut found = Vec::new();
        for item in node.items() {
            let paths = entry_of(item, "path").map_or(item, |entry| entry.value);
            found.extend(self.scalars(paths));
        }
        found
    }

    /// `extends`: a service of this file, or a mapping with `service` and `file`.
    fn extended(&mut self, node: Node<'_>) -> Option<(Scalar, Option<Scalar>)> {
        if !node.is_mapping() {
            return Some((self.scalar(node)?, None));
        }
        let service = entry_of(node, "service").and_then(|entry| self.scalar(entry.value))?;
        let file = entry_of(node, "file").and_then(|entry| self.scalar(entry.value));
        Some((service, file))
    }

    fn build(&mut self, entry: Entry<'_>) -> ServiceBuild {
        let node = entry.value;
        let place = ServiceBuild { entry: Some(entry.span()), node: Some(node.id()), ..ServiceBuild::default() };
        if !node.is_mapping() {
            return ServiceBuild { context: self.scalar(node), ..place };
        }
        ServiceBuild {
            context: entry_of(node, "context").and_then(|entry| self.scalar(entry.value)),
            dockerfile: self.field_of(node, "dockerfile"),
            dockerfile_inline: self.field_of(node, "dockerfile_inline"),
            target: self.field_of(node, "target"),
            args: self.assignments_of(node, "args"),
            labels: self.assignments_of(node, "labels"),
            additional_contexts: self.assignments_of(node, "additional_contexts"),
            cache_from: self.list_of(node, "cache_from"),
            cache_to: self.list_of(node, "cache_to"),
            tags: self.list_of(node, "tags"),
            platforms: self.list_of(node, "platforms"),
            secrets: self.scalars_or(node, "secrets", &["source"]),
            ssh: self.ssh(node),
            no_cache: self.field_of(node, "no_cache"),
            pull: self.field_of(node, "pull"),
            network: self.field_of(node, "network"),
            x_bake: entry_of(node, "x-bake").map(|entry| self.x_bake(entry)),
            ..place
        }
    }

    /// `ssh`: `default`, or agents by id.
    fn ssh(&mut self, node: Node<'_>) -> Vec<Assignment> {
        let assignments = self.assignments_of(node, "ssh");
        let whole = entry_of(node, "ssh").filter(|entry| entry.value.scalar().is_some());
        let text = whole.and_then(|entry| self.scalar(entry.value));
        let single = text.map(|text| Assignment {
            name: Spanned::new(text.raw.as_str().to_owned(), text.span),
            entry: text.span,
            value: None,
        });
        assignments.into_iter().chain(single).collect()
    }

    fn x_bake(&mut self, entry: Entry<'_>) -> BakeExtension {
        let mut settings = Vec::new();
        for setting in entry.value.merged_entries() {
            let Some(name) = name_of(setting) else { continue };
            let value = match self.scalar(setting.value) {
                Some(text) => words(&text),
                None => self.scalars(setting.value),
            };
            settings.push(Field { name, entry: setting.span(), value });
        }
        BakeExtension { entry: entry.span(), node: entry.value.id(), settings }
    }

    fn depends_on(&mut self, node: Node<'_>) -> Vec<Dependency> {
        let Some(entry) = entry_of(node, "depends_on") else { return Vec::new() };
        let items = entry.value.items().filter_map(|item| item.spanned_text());
        let mut found: Vec<Dependency> =
            items.map(|name| Dependency { service: name.map(str::to_owned), condition: None }).collect();
        for entry in entry.value.merged_entries() {
            let Some(service) = name_of(entry) else { continue };
            let condition = entry_of(entry.value, "condition").and_then(|entry| self.scalar(entry.value));
            found.push(Dependency { service, condition });
        }
        found
    }

    fn healthcheck(&mut self, entry: Entry<'_>) -> Healthcheck {
        let node = entry.value;
        Healthcheck {
            entry: entry.span(),
            node: node.id(),
            test: self.list_of(node, "test"),
            interval: self.field_of(node, "interval"),
            timeout: self.field_of(node, "timeout"),
            retries: self.field_of(node, "retries"),
            start_period: self.field_of(node, "start_period"),
            start_interval: self.field_of(node, "start_interval"),
            disable: self.field_of(node, "disable"),
        }
    }

    fn volumes(&mut self, node: Node<'_>) -> Vec<Volume> {
        let Some(entry) = entry_of(node, "volumes") else { return Vec::new() };
        let mut found = Vec::new();
        for item in entry.value.items() {
            if item.is_mapping() {
                let mut value = |name: &str| entry_of(item, name).and_then(|entry| self.scalar(entry.value));
                let (kind, source, target) = (value("type"), value("source"), value("target"));
                found.push(Volume { span: item.span(), kind, source, target });
                continue;
            }
            let Some(text) = self.scalar(item) else { continue };
            let mut parts = split_volume(&text).into_iter();
            let first = parts.next();
            let (source, target) = match parts.next() {
                Some(target) => (first, Some(target)),
                None => (None, first),
            };
            found.push(Volume { span: text.span, kind: None, source, target });
        }
        found
    }
}

/// The words of a text.
fn words(text: &Scalar) -> Vec<Scalar> {
    let raw = text.raw.as_str();
    let mut found = Vec::new();
    let mut at = 0;
    for word in raw.split(|c: char| c.is_ascii_whitespace()) {
        if !word.is_empty() {
            found.push(Reader::part(text, at..at + word.len()));
        }
        at += word.len() + 1;
    }
    found
}

/// The parts of `source:target:mode`: a `:` in a variable or behind the letter of a Windows drive divides nothing.
fn split_volume(text: &Scalar) -> Vec<Scalar> {
    let raw = text.raw.as_str();
    let mut parts = Vec::new();
    let (mut start, mut braces) = (0, 0usize);
    for (at, c) in raw.char_indices() {
        match c {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            ':' if braces == 0 => {
                let drive = at == start + 1
                    && raw[start..].starts_with(|c: char| c.is_ascii_alphabetic())
                    && raw[at + 1..].starts_with(['\\', '/']);
                if !drive {
                    parts.push(Reader::part(text, start..at));
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    parts.push(Reader::part(text, start..raw.len()));
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FILE: FileId = FileId(0);

    const SHOP: &str = r#"name: shop
x-build: &build
  context: .
  args: {NODE_ENV: production, TOKEN: }
services:
  web:
    image: ghcr.io/shop/web:${TAG:-latest}
    build:
      <<: *build
      dockerfile: web.Dockerfile
      target: run
      args:
        - VERSION=${VERSION?set it}
        - COMMIT
      cache_from: [type=gha, 'ghcr.io/shop/web:${BRANCH-main}']
      tags: ["shop/web:1"]
      secrets: [npm, {source: aws, target: /x}]
      ssh: default
      no_cache: yes
      additional_contexts:
        base: service:base
      x-bake:
        platforms: linux/amd64 linux/arm64
        cache-to: [type=inline]
    depends_on:
      db: {condition: service_healthy}
    command: npm start
    ports: ["80:80", {target: 81, published: 8081}]
    environment:
      - A=1=2
      - B
  base:
    build: ./base
  db:
    image: postgres
    depends_on: [base]
    healthcheck:
      test: [CMD-SHELL, pg_isready]
      interval: 1m30s
      disable: false
    volumes:
      - data:/var/lib/postgresql/data
      - ./init:/docker-entrypoint-initdb.d:ro
      - /cache
      - ${DIR:-./x}:/y
      - {type: bind, source: ./a, target: /a}
    tmpfs: /run
  gone:
    image: x
    build: !reset
secrets: {npm: {file: a}, aws: {environment: B}}
volumes: {data: }
"#;

    fn read(text: &str) -> Compose {
        let (compose, errors) = Compose::parse(FILE, text);
        assert_eq!(errors, []);
        compose
    }

    fn slice(span: Span) -> &'static str {
        SHOP.get(span.range()).unwrap()
    }

    fn raw(scalars: &[Scalar]) -> Vec<&str> {
        scalars.iter().map(|scalar| scalar.raw.as_str()).collect()
    }

    #[test]
    fn services_are_there_with_their_places() {
        let compose = read(SHOP);
        let names: Vec<&str> = compose.services.iter().map(|service| service.name.node.as_str()).collect();
        assert_eq!(names, ["web", "base", "db", "gone"]);
        let web = compose.service("web").unwrap();
        let build = web.build.as_ref().unwrap();
        assert_eq!(build.context.as_ref().and_then(Scalar::known), Some("."));
        assert_eq!(build.target.as_ref().map(|target| slice(target.value.span)), Some("run"));
        // The own `args` replace those that are merged in.
        let args: Vec<_> = build.args.iter().map(|arg| (slice(arg.name.span), arg.value.is_some())).collect();
        assert_eq!(args, [("VERSION", true), ("COMMIT", false)]);
        let version = build.args[0].value.as_ref().unwrap();
        assert_eq!(slice(version.span), "${VERSION?set it}");
        assert_eq!(raw(&build.cache_from.as_ref().unwrap().value), ["type=gha", "ghcr.io/shop/web:${BRANCH-main}"]);
        assert_eq!(raw(&build.secrets), ["npm", "aws"]);
        assert_eq!(build.ssh[0].name.node, "default");
        assert_eq!(build.no_cache.as_ref().and_then(|field| field.value.as_bool()), Some(true));
        let bake = build.x_bake.as_ref().unwrap();
        let platforms = &bake.get("platforms").unwrap().value;
        assert_eq!(slice(platforms[1].span), "linux/arm64");
        assert_eq!(raw(&bake.get("cache-to").unwrap().value), ["type=inline"]);
        assert_eq!(web.depends_on[0].condition.as_ref().and_then(Scalar::known), Some("service_healthy"));
        assert_eq!(raw(&web.ports), ["80:80", "8081"]);
        let environment: Vec<_> =
            web.environment.iter().map(|a| (a.name.node.as_str(), a.value.as_ref().and_then(Scalar::known))).collect();
        assert_eq!(environment, [("A", Some("1=2")), ("B", None)]);

        let db = compose.service("db").unwrap();
        let check = db.healthcheck.as_ref().unwrap();
        assert_eq!(check.interval.as_ref().and_then(|interval| interval.value.seconds()), Some(90.0));
        assert_eq!(db.depends_on[0].service.node, "base");
        let volumes: Vec<_> = db
            .volumes
            .iter()
            .map(|volume| {
                let raw = |part: &Option<Scalar>| part.as_ref().map(|part| part.raw.as_str().to_owned());
                (raw(&volume.source).unwrap_or_default(), raw(&volume.target).unwrap_or_default(), volume.is_bind())
            })
            .collect();
        let expected = [
            ("data", "/var/lib/postgresql/data", false),
            ("./init", "/docker-entrypoint-initdb.d", true),
            ("", "/cache", false),
            ("${DIR:-./x}", "/y", false),
            ("./a", "/a", true),
        ];
        assert_eq!(volumes, expected.map(|(source, target, bind)| (source.to_owned(), target.to_owned(), bind)));
        assert_eq!(raw(&db.tmpfs), ["/run"]);
        assert!(compose.service("gone").unwrap().build.is_none());
        assert_eq!(compose.secrets.len(), 2);
        assert_eq!(compose.volumes[0].node, "data");
    }

    #[test]
    fn variables_are_put_in_as_far_as_they_are_known() {
        // (text, V set to "x", V empty, V not set, V unknown)
        let cases = [
            ("a$V", "ax", "a", "a", "a${V}"),
            ("${V:-d}", "x", "d", "d", "${V}"),
            ("${V-d}", "x", "", "d", "${V}"),
            ("${V:+d}", "d", "", "", "${V}"),
            ("${V+d}", "d", "d", "", "${V}"),
            ("${V:?m}", "x", "${V}", "${V}", "${V}"),
            ("${V?m}", "x", "", "${V}", "${V}"),
            ("${V:-${W:-e}f}", "x", "ef", "ef", "${V}"),
            ("$$V", "$V", "$V", "$V", "$V"),
        ];
        for (text, set, empty, unset, unknown) in cases {
            let file = format!("services: {{a: {{image: '{text}'}}}}\n");
            let compose = read(&file);
            let image = &compose.services[0].image.as_ref().unwrap().value;
            let with = |variable: Variable| {
                let lookup = move |name: &str| if name == "V" { variable.clone() } else { Variable::Unset };
                image.text(&lookup).to_string()
            };
            let found = [
                with(Variable::Set("x".into())),
                with(Variable::Set(String::new())),
                with(Variable::Unset),
                with(Variable::Unknown),
            ];
            assert_eq!(found, [set, empty, unset, unknown], "{text}");
        }
    }

    #[test]
    fn compose_refuses_some_files() {
        let cases = [
            ("services: {a: {image: '${x!}'}}\n", "this `${` begins no variable that Compose can read"),
            ("services: {a: {}}\nservices: {}\n", "the key `services` is written twice"),
            ("services: [\n", "`[` is not closed"),
        ];
        for (text, message) in cases {
            let (_, errors) = Compose::parse(FILE, text);
            assert_eq!(errors.first().map(|error| error.message.as_str()), Some(message), "{text}");
        }
    }

    #[test]
    fn durations_are_those_of_go() {
        let cases = [
            ("30s", Some(30.0)),
            ("1m30s", Some(90.0)),
            ("1.5h", Some(5400.0)),
            ("500ms", Some(0.5)),
            ("0", Some(0.0)),
            ("0s", Some(0.0)),
            ("-1s", Some(-1.0)),
            ("30", None),
            ("s", None),
            ("", None),
            ("1x", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_duration(text), seconds, "{text}");
        }
    }

    #[test]
    fn every_prefix_and_every_odd_shape_can_be_read() {
        for end in (0..SHOP.len()).filter(|end| SHOP.is_char_boundary(*end)) {
            Compose::parse(FILE, &SHOP[..end]);
        }
        let keys = ["build", "depends_on", "healthcheck", "volumes", "ports", "environment", "env_file", "command"];
        let build = ["args", "ssh", "secrets", "cache_from", "x-bake", "labels", "additional_contexts"];
        for value in
            ["", "x", "[]", "[x, [y], {z: 1}, ]", "{}", "{x: , y: [z]}", "~", "12", "!x y", "{<<: [a, {b: c}]}"]
        {
            for key in keys {
                Compose::parse(FILE, &format!("services: {{a: {{{key}: {value}}}, b: {value}}}\n"));
            }
            for key in build {
                Compose::parse(FILE, &format!("services: {{a: {{build: {{{key}: {value}}}}}}}\n"));
            }
            Compose::parse(FILE, &format!("services: {value}\nsecrets: {value}\n"));
        }
    }
}
