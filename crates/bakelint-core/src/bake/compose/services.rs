//! Services to targets.
//!
//! See bake/compose.go of buildx.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Problem;
use super::data::{Data, Field, Item, Map};
use super::environment::{Environment, parse_env, read_text};
use super::interpolate::read_bool;
use crate::bake::blocks::is_valid_name;
use crate::bake::checks::{check_ulimit, parse_size};
use crate::bake::entry::{Attestation, FromElement, Secret, Ssh};
use crate::bake::flags::attestation;
use crate::bake::host::{Host, PathKind};
use crate::bake::target::{List, Origin, Set, Source, Target, Unique, append_unique};
use crate::bake::trace::Trace;
use crate::source::Span;

/// Sets values of one service.
struct Setter {
    name: Arc<str>,
    trace: bool,
}

impl Setter {
    fn origin(&self, item: &Item) -> Origin {
        let source = Source::Service { name: self.name.clone(), via: item.via.clone() };
        Origin { source, trace: self.trace.then(|| item.trace()), dynamic: item.dynamic }
    }

    /// What earlier files and extended services say where another value counts, by the path in the target.
    fn replaced(&self, build: &Map) -> BTreeMap<String, Vec<Origin>> {
        let mut replaced = BTreeMap::new();
        let mut add = |path: String, item: &Item| {
            let origins: Vec<Origin> = item
                .replaced
                .iter()
                .map(|earlier| Origin {
                    source: Source::Service { name: self.name.clone(), via: earlier.via.clone() },
                    trace: Some(earlier.trace.clone()),
                    dynamic: earlier.dynamic,
                })
                .collect();
            if !origins.is_empty() {
                replaced.insert(path, origins);
            }
        };
        for (key, field) in build {
            let attribute = match key.as_str() {
                "additional_contexts" => "contexts".to_owned(),
                "secrets" => "secret".to_owned(),
                key => key.replace('_', "-"),
            };
            add(attribute.clone(), &field.item);
            match &field.item.data {
                Data::Map(map) => map.iter().for_each(|(key, field)| add(format!("{attribute}.{key}"), &field.item)),
                Data::List(items) => {
                    for item in items {
                        let key = item.as_str().and_then(|text| text.split('=').next()).unwrap_or_default();
                        add(format!("{attribute}.{key}"), item);
                    }
                }
                _ => {}
            }
        }
        replaced
    }

    fn set<T>(&self, value: T, item: &Item) -> Set<T> {
        Set::new(value, self.origin(item))
    }

    fn text(&self, item: Option<&Item>) -> Option<Set<String>> {
        let item = item?;
        let text = item.print().unwrap_or_default();
        (!text.is_empty() || item.dynamic).then(|| self.set(text, item))
    }

    fn texts(&self, item: Option<&Item>) -> List<String> {
        let items: Vec<&Item> = match &item?.data {
            Data::List(items) => items.iter().collect(),
            _ => vec![item?],
        };
        Some(items.into_iter().map(|item| self.set(item.print().unwrap_or_default(), item)).collect())
    }

    fn entries<T: FromElement>(&self, items: &[Set<String>]) -> Result<List<T>, Problem> {
        let mut entries = Vec::new();
        for item in items.iter().filter(|item| !item.value.is_empty()) {
            let read =
                T::from_text(&item.value).map_err(|message| Problem { span: item.span(), ..Problem::new(message) })?;
            entries.extend(read.into_iter().map(|entry| Set::new(entry, item.origin.clone())));
        }
        Ok(Some(entries))
    }
}

/// Checks what services and secrets refer to: a service must be there to be pulled or built, and what it names must be
/// there too, unless that is left out for a mistake of its own.
pub(super) fn check(services: &Map, secrets: Option<&Map>, broken: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    for (name, field) in services {
        problems.extend(check_service(name, field, services, secrets, broken).err());
    }
    for (name, field) in secrets.into_iter().flatten() {
        let Some(secret) = field.item.map() else { continue };
        let has =
            |key: &str| secret.get(key).is_some_and(|field| field.item.as_str().is_some_and(|text| !text.is_empty()));
        if !is_external(secret) && !has("file") && !has("environment") {
            let message =
                format!("secret \"{name}\" must declare either `file` or `environment`: invalid compose project");
            problems.push(Problem::at(field.key, message));
        }
    }
}

fn check_service(
    name: &str,
    field: &Field,
    services: &Map,
    secrets: Option<&Map>,
    broken: &BTreeSet<String>,
) -> Result<(), Problem> {
    let service = field.item.map();
    let get = |key: &str| service.and_then(|service| service.get(key)).map(|field| &field.item);
    let build = get("build");
    if build.is_none() && get("image").is_none_or(|image| image.as_str() == Some("")) {
        let message =
            format!("service \"{name}\" has neither an image nor a build context specified: invalid compose project");
        return Err(Problem::at(field.key, message));
    }
    let Some(build) = build.and_then(Item::map) else { return Ok(()) };
    let has = |key: &str| build.get(key).is_some_and(|field| field.item.as_str().is_some_and(|text| !text.is_empty()));
    if has("dockerfile") && has("dockerfile_inline") {
        let message = format!("service \"{name}\" declares mutualy exclusive dockerfile and dockerfile_inline");
        return Err(Problem::at(field.key, message));
    }
    for (context, value) in build.get("additional_contexts").and_then(|field| field.item.map()).into_iter().flatten() {
        let Some(target) = value.item.as_str().and_then(|text| text.strip_prefix("service:")) else { continue };
        let buildable = services.get(target).map(|field| field.item.map().is_some_and(|map| map.contains_key("build")));
        let what = match buildable {
            Some(true) => continue,
            Some(false) => "non-buildable",
            None if broken.contains(target) => continue,
            None => "unknown",
        };
        let problem = value.item.problem(format!(
            "service \"{name}\" declares {what} service \"{target}\" as additional contexts {context}"
        ));
        return Err(problem.with_near(target, services.keys().map(String::as_str).filter(|own| *own != name)));
    }
    if let Some(Data::List(used)) = build.get("secrets").map(|field| &field.item.data) {
        for secret in used {
            let source = secret_source(secret);
            if !secrets.is_some_and(|secrets| secrets.contains_key(source)) {
                let problem = secret.problem(format!("service \"{name}\" refers to undefined build secret {source}"));
                return Err(problem.with_near(source, secrets.into_iter().flatten().map(|(name, _)| name.as_str())));
            }
        }
    }
    Ok(())
}

fn secret_source(secret: &Item) -> &str {
    let source = secret.map().and_then(|map| map.get("source")).and_then(|field| field.item.as_str());
    source.or_else(|| secret.as_str()).unwrap_or_default()
}

fn is_external(secret: &Map) -> bool {
    match secret.get("external").map(|field| &field.item.data) {
        Some(Data::Bool(value)) => *value,
        Some(Data::Map(_)) => true,
        Some(Data::Text(text)) => read_bool(text).unwrap_or(false),
        _ => false,
    }
}

/// The target that a service with a build becomes.
///
/// # Errors
/// When an attribute cannot be read.
pub(super) fn target(
    name: &str,
    service: &Map,
    name_span: Span,
    secrets: Option<&Map>,
    environment: &Environment,
    host: &dyn Host,
    trace: bool,
) -> Result<Option<Target>, Problem> {
    let own_environment = self::environment(service, environment, host)?;
    let Some(build) = service.get("build").and_then(|field| field.item.map()) else { return Ok(None) };
    let target_name = name.replace('.', "_");
    if !is_valid_name(&target_name) {
        let message = format!("invalid service name \"{target_name}\": only \"[a-zA-Z0-9_-]+\" are allowed");
        return Err(Problem::at(name_span, message));
    }
    let set = Setter { name: name.into(), trace };
    let get = |key: &str| build.get(key).map(|field| &field.item).filter(|item| !matches!(item.data, Data::Null));
    let mut target = Target {
        traced: trace,
        replaced: if trace { set.replaced(build) } else { BTreeMap::new() },
        name: target_name,
        context: set.text(get("context")),
        dockerfile: set.text(get("dockerfile")),
        dockerfile_inline: set.text(get("dockerfile_inline")),
        target: set.text(get("target")),
        network: set.text(get("network")),
        tags: set.texts(get("tags")),
        platforms: set.texts(get("platforms")),
        ..Target::default()
    };
    target.contexts = named_contexts(get("additional_contexts"), &set);
    target.args = args(get("args"), &own_environment, environment, &set)?;
    for (key, value) in pairs(get("labels")) {
        let text = value.text.unwrap_or_default();
        target.labels.insert(key, Set::new(Some(text), set.origin(value.item)));
    }
    target.extra_hosts = extra_hosts(get("extra_hosts"), &set)?;
    target.shm_size = shm_size(get("shm_size"), &set)?;
    target.ulimits = ulimits(get("ulimits"), &set)?;
    target.ssh = ssh(get("ssh"), &set);
    target.secret = build_secrets(get("secrets"), secrets, &set)?;
    target.cache_from = set.entries(&set.texts(get("cache_from")).unwrap_or_default())?;
    target.cache_to = set.entries(&set.texts(get("cache_to")).unwrap_or_default())?;
    let mut attest = Vec::new();
    for kind in ["sbom", "provenance"] {
        let Some(item) = get(kind) else { continue };
        let text = attestation(kind, &item.print().unwrap_or_default());
        if !text.is_empty() {
            let read = Attestation::from_text(&text).map_err(|message| item.problem(message))?;
            attest.extend(read.into_iter().map(|entry| set.set(entry, item)));
        }
    }
    target.attest = Some(attest);
    for (key, field) in [("no_cache", &mut target.no_cache), ("pull", &mut target.pull)] {
        let Some(item) = get(key) else { continue };
        if boolean(item, key)? {
            *field = Some(set.set(true, item));
        }
    }
    if let Some(extension) = build.get("x-bake").filter(|field| !matches!(field.item.data, Data::Null)) {
        extend(&mut target, &extension.item, &set)?;
    }
    if target.tags.as_ref().is_none_or(Vec::is_empty)
        && let Some(image) = set.text(service.get("image").map(|field| &field.item))
    {
        target.tags = Some(vec![image]);
    }
    Ok(Some(target))
}

fn boolean(item: &Item, key: &str) -> Result<bool, Problem> {
    match &item.data {
        Data::Bool(value) => Ok(*value),
        Data::Text(_) if item.dynamic => Ok(false),
        Data::Text(text) => {
            read_bool(text).ok_or_else(|| item.problem(format!("build.{key}: invalid boolean: {text}")))
        }
        _ => Err(item.problem(format!("build.{key} must be a boolean"))),
    }
}

/// A key with its value; none if the key alone is given.
struct Pair<'i> {
    text: Option<String>,
    item: &'i Item,
}

/// The entries of a mapping, or of a list of `key=value`.
fn pairs(item: Option<&Item>) -> Vec<(String, Pair<'_>)> {
    match item.map(|item| &item.data) {
        Some(Data::Map(map)) => map
            .iter()
            .map(|(key, field)| {
                let text = match field.item.data {
                    Data::Null => None,
                    _ => field.item.print(),
                };
                (key.clone(), Pair { text, item: &field.item })
            })
            .collect(),
        Some(Data::List(items)) => items
            .iter()
            .map(|item| {
                let text = item.print().unwrap_or_default();
                match text.split_once('=') {
                    Some((key, value)) => (key.to_owned(), Pair { text: Some(value.to_owned()), item }),
                    None => (text, Pair { text: None, item }),
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The variables of the service's own environment, with those of its files.
///
/// # Errors
/// When a required file is missing or cannot be read.
pub(super) fn environment(
    service: &Map,
    environment: &Environment,
    host: &dyn Host,
) -> Result<BTreeMap<String, Option<(String, bool)>>, Problem> {
    let mut own: BTreeMap<String, Option<(String, bool)>> = BTreeMap::new();
    for (key, pair) in pairs(service.get("environment").map(|field| &field.item)) {
        if key.ends_with(char::is_whitespace) && matches!(pair.item.data, Data::Text(_)) {
            let message = format!("environment variable {key} is declared with a trailing space");
            return Err(pair.item.problem(message));
        }
        let value = pair.text.map(|text| (text, pair.item.dynamic)).or_else(|| environment.get(&key));
        own.insert(key, value);
    }
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    if let Some(Data::List(files)) = service.get("env_file").map(|field| &field.item.data) {
        for file in files {
            let Some(map) = file.map() else { continue };
            let Some(path) = map.get("path").and_then(|field| field.item.as_str()) else { continue };
            if host.kind(path) == PathKind::Missing {
                let required = match map.get("required").map(|field| &field.item.data) {
                    Some(Data::Bool(required)) => *required,
                    Some(Data::Text(text)) => read_bool(text).unwrap_or(true),
                    _ => true,
                };
                if required {
                    let message = format!("env file {path} not found: stat {path}: no such file or directory");
                    return Err(file.problem(message));
                }
                continue;
            }
            match map.get("format").and_then(|field| field.item.as_str()) {
                None | Some("" | ".env") => {}
                Some(other) => return Err(file.problem(format!("unsupported env_file format \"{other}\""))),
            }
            let text = read_text(path, host).map_err(|why| file.problem(why))?;
            let lookup = |name: &str| environment.get(name).or_else(|| own.get(name).cloned().flatten());
            let more =
                parse_env(&text, &lookup).map_err(|why| file.problem(format!("failed to read {path}: {why}")))?;
            found.extend(more);
        }
    }
    for (name, value) in found {
        own.entry(name).or_insert(Some((value, false)));
    }
    Ok(own)
}

fn args(
    item: Option<&Item>,
    own: &BTreeMap<String, Option<(String, bool)>>,
    environment: &Environment,
    set: &Setter,
) -> Result<BTreeMap<String, Set<Option<String>>>, Problem> {
    let mut args = BTreeMap::new();
    for (key, pair) in pairs(item) {
        if key.ends_with(char::is_whitespace) && matches!(item.map(|item| &item.data), Some(Data::List(_))) {
            let message = format!("environment variable {key} is declared with a trailing space");
            return Err(pair.item.problem(message));
        }
        let mut origin = set.origin(pair.item);
        let value = pair.text.or_else(|| {
            let (value, dynamic) = own.get(&key).cloned().flatten().or_else(|| environment.get(&key))?;
            origin.dynamic |= dynamic;
            Some(value)
        });
        if value.is_some() {
            args.insert(key, Set::new(value, origin));
        }
    }
    Ok(args)
}

fn named_contexts(item: Option<&Item>, set: &Setter) -> BTreeMap<String, Set<String>> {
    let entries = item.and_then(Item::map).into_iter().flatten();
    let context = |field: &super::data::Field| match field.item.data {
        Data::Null => String::new(),
        _ => link(&field.item.print().unwrap_or_default()),
    };
    entries.map(|(name, field)| (name.clone(), set.set(context(field), &field.item))).collect()
}

/// A reference to a service as one to its target.
fn link(context: &str) -> String {
    let name = context.strip_prefix("service:").or_else(|| context.strip_prefix("target:"));
    name.map_or_else(|| context.to_owned(), |name| format!("target:{}", name.replace('.', "_")))
}

fn extra_hosts(item: Option<&Item>, set: &Setter) -> Result<BTreeMap<String, Set<Option<String>>>, Problem> {
    let mut hosts: BTreeMap<String, (Vec<String>, Origin)> = BTreeMap::new();
    match item.map(|item| &item.data) {
        Some(Data::Map(map)) => {
            for (host, field) in map {
                let addresses = match &field.item.data {
                    Data::List(items) => items.iter().filter_map(Item::print).collect(),
                    Data::Null => vec![String::new()],
                    _ => vec![field.item.print().unwrap_or_default()],
                };
                hosts.insert(host.clone(), (addresses, set.origin(&field.item)));
            }
        }
        Some(Data::List(items)) => {
            for item in items {
                let text = item.print().unwrap_or_default();
                let Some((host, addresses)) = text.split_once('=').or_else(|| text.split_once(':')) else {
                    return Err(item.problem(format!("invalid additional host, missing IP: {text}")));
                };
                let entry = hosts.entry(host.to_owned()).or_insert_with(|| (Vec::new(), set.origin(item)));
                entry.0.extend(addresses.split(',').map(str::to_owned));
            }
        }
        _ => {}
    }
    let mut all = BTreeMap::new();
    for (host, (addresses, origin)) in hosts {
        if host.is_empty() || host.contains([':', '=']) {
            return Err(Problem { span: origin.span(), ..Problem::new(format!("bad host name '{host}'")) });
        }
        let bare = |address: &String| match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) if !inner.is_empty() => inner.to_owned(),
            _ => address.clone(),
        };
        let text = addresses.iter().map(bare).collect::<Vec<_>>().join(",");
        all.insert(host, Set::new(Some(text), origin));
    }
    Ok(all)
}

fn shm_size(item: Option<&Item>, set: &Setter) -> Result<Option<Set<String>>, Problem> {
    let Some(item) = item else { return Ok(None) };
    let bytes = match &item.data {
        Data::Int(value) => *value as f64,
        Data::Text(text) => match text.parse::<i64>() {
            Ok(value) => value as f64,
            Err(_) if item.dynamic => return Ok(None),
            Err(_) => {
                parse_size(text).ok_or_else(|| item.problem(format!("build.shm_size: invalid size: '{text}'")))?.trunc()
            }
        },
        _ => 0.0,
    };
    Ok((bytes > 0.0).then(|| set.set(print_size(bytes), item)))
}

/// Bytes as `128MiB`, with four digits. See BytesSize of docker/go-units.
fn print_size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
    let (mut size, mut unit) = (bytes, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    let whole_digits = (size.max(1.0).log10().floor() as usize) + 1;
    let decimals = 4usize.saturating_sub(whole_digits);
    let text = format!("{size:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

/// The limits of a service that buildx loses.
pub(super) fn single_limits<'m>(name: &'m str, service: &'m Map) -> impl Iterator<Item = Problem> + use<'m> {
    let build = service.get("build").and_then(|field| field.item.map());
    let limits = build.and_then(|build| build.get("ulimits")).and_then(|field| field.item.map());
    let single = limits.into_iter().flatten().filter(|(_, field)| matches!(field.item.data, Data::Int(_)));
    single.map(move |(limit, field)| {
        let message = format!("the limit `{limit}` of service `{name}` becomes 0:0");
        let help =
            format!("buildx trips here: it reads `soft` and `hard` alone; write `{limit}: {{soft: …, hard: …}}`");
        Problem { help: Some(help), ..field.item.problem(message) }
    })
}

/// A limit that is a single number prints as `0:0`: buildx reads the other two fields.
fn ulimits(item: Option<&Item>, set: &Setter) -> Result<List<String>, Problem> {
    let Some(map) = item.and_then(Item::map) else { return Ok(None) };
    let mut limits = Vec::new();
    for (name, field) in map {
        let number = |key: &str| match field.item.map().and_then(|map| map.get(key)).map(|field| &field.item.data) {
            Some(Data::Int(value)) => Ok(*value),
            None => Ok(0),
            Some(_) => Err(field.item.problem(format!("build.ulimits.{name}.{key} must be a number"))),
        };
        let text = format!("{name}={}:{}", number("soft")?, number("hard")?);
        check_ulimit(&text).map_err(|message| field.item.problem(message))?;
        limits.push(set.set(text, &field.item));
    }
    Ok(Some(limits))
}

fn ssh(item: Option<&Item>, set: &Setter) -> List<Ssh> {
    let map = item.and_then(Item::map)?;
    let mut entries: List<Ssh> = Some(
        map.iter()
            .map(|(id, field)| {
                let path = match field.item.data {
                    Data::Null => None,
                    _ => field.item.print().filter(|path| !path.is_empty()),
                };
                set.set(Ssh { id: id.clone(), paths: path.into_iter().collect(), written: None }, &field.item)
            })
            .collect(),
    );
    sort_ssh(&mut entries);
    entries
}

fn sort_ssh(entries: &mut List<Ssh>) {
    if let Some(entries) = entries {
        entries.sort_by(|a, b| a.value.id.cmp(&b.value.id).then_with(|| a.value.paths.cmp(&b.value.paths)));
    }
}

fn build_secrets(item: Option<&Item>, declared: Option<&Map>, set: &Setter) -> Result<List<Secret>, Problem> {
    let Some(Data::List(items)) = item.map(|item| &item.data) else { return Ok(None) };
    let mut secrets = Vec::new();
    for item in items {
        let source = secret_source(item);
        let declared = declared.and_then(|secrets| secrets.get(source)).and_then(|field| field.item.map());
        if declared.is_some_and(is_external) {
            return Err(item.problem(format!("unsupported external secret {source}")));
        }
        let text = |key: &str| {
            let field = declared.and_then(|secret| secret.get(key));
            field.and_then(|field| field.item.print()).unwrap_or_default()
        };
        let secret =
            Secret { id: source.to_owned(), source: text("file"), variable: text("environment"), written: None };
        secrets.push(set.set(secret, item));
    }
    Ok(Some(secrets))
}

/// Applies the extension `x-bake`.
fn extend(target: &mut Target, extension: &Item, set: &Setter) -> Result<(), Problem> {
    let Some(map) = extension.map() else {
        return Err(extension.problem(format!("x-bake must be a mapping, but is a {}", extension.type_name())));
    };
    let list = |key: &str| -> Result<Vec<Set<String>>, Problem> {
        let Some(field) = map.get(key).filter(|field| !matches!(field.item.data, Data::Null)) else {
            return Ok(Vec::new());
        };
        match &field.item.data {
            Data::List(items) => items
                .iter()
                .map(|item| {
                    let text = match item.data {
                        Data::Null => String::new(),
                        _ => item.print().ok_or_else(|| item.problem(format!("x-bake.{key} must hold texts")))?,
                    };
                    Ok(set.set(text, item))
                })
                .collect(),
            Data::Map(_) => Err(field.item.problem(format!("x-bake.{key} must be a list or a text"))),
            _ => {
                let text = field.item.print().unwrap_or_default();
                let mut at = 0;
                let words = text.split_whitespace().map(|word| {
                    at += text[at..].find(word).unwrap_or(0);
                    let mut origin = set.origin(&field.item);
                    if let Some(trace) = &origin.trace {
                        origin.trace = Some(Trace::whole(trace.text(at..at + word.len())));
                    }
                    at += word.len();
                    Set::new(word.to_owned(), origin)
                });
                Ok(words.collect())
            }
        }
    };
    extend_texts(&mut target.tags, list("tags")?);
    extend_entries(&mut target.cache_from, list("cache-from")?, set)?;
    extend_entries(&mut target.cache_to, list("cache-to")?, set)?;
    extend_entries(&mut target.secret, list("secret")?, set)?;
    extend_entries(&mut target.ssh, list("ssh")?, set)?;
    sort_ssh(&mut target.ssh);
    extend_texts(&mut target.platforms, list("platforms")?);
    extend_entries(&mut target.output, list("output")?, set)?;
    for (key, field) in [("pull", &mut target.pull), ("no-cache", &mut target.no_cache)] {
        match map.get(key).map(|field| (&field.item, &field.item.data)) {
            None | Some((_, Data::Null)) => {}
            Some((item, Data::Bool(value))) => *field = Some(set.set(*value, item)),
            Some((item, _)) if item.dynamic => {}
            Some((item, _)) => return Err(item.problem(format!("x-bake.{key} must be a boolean"))),
        }
    }
    extend_texts(&mut target.no_cache_filter, list("no-cache-filter")?);
    if let Some(field) = map.get("contexts").filter(|field| !matches!(field.item.data, Data::Null)) {
        let problem = field.item.problem("x-bake.contexts must be a mapping");
        for (name, field) in field.item.map().ok_or(problem)? {
            let text = field.item.print().ok_or_else(|| field.item.problem("x-bake.contexts must hold texts"))?;
            let context = set.set(link(&text), &field.item);
            target.contexts.entry(name.clone()).or_insert(context);
        }
    }
    Ok(())
}

fn extend_texts(list: &mut List<String>, more: Vec<Set<String>>) {
    if more.is_empty() {
        return;
    }
    let own = list.get_or_insert_default();
    own.extend(more);
    let mut seen = std::collections::HashSet::new();
    own.retain(|set| seen.insert(set.value.clone()));
}

fn extend_entries<T: FromElement + Unique + Clone>(
    list: &mut List<T>,
    more: Vec<Set<String>>,
    set: &Setter,
) -> Result<(), Problem> {
    if more.is_empty() {
        return Ok(());
    }
    let more = set.entries(&more)?;
    append_unique(list, &more);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_with_four_digits() {
        let cases = [
            (134217728.0, "128MiB"),
            (1.0, "1B"),
            (1536.0, "1.5KiB"),
            (1234567.0, "1.177MiB"),
            (1073741824.0 * 10.0, "10GiB"),
            (1047527424.0, "999MiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(print_size(bytes), expected);
        }
    }
}
