//! The schema of what builds depend on: services with image, build and environment, and secrets.
//!
//! See schema/compose-spec.json of compose-go. buildx checks no other part of a compose file.

use super::Problem;
use super::data::{Data, Item, Map, print_float};
use crate::suggest::nearest;

/// What the schema refuses, the first mistake of each service and secret; with the name of the service if one alone is
/// concerned.
pub(super) fn check(services: Option<&Item>, secrets: Option<&Item>) -> Vec<(Option<String>, Problem)> {
    let mut found = Vec::new();
    match services.map(|services| mapping(services, "services")) {
        Some(Ok(map)) => {
            for (name, field) in map {
                let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
                let result = if name.is_empty() || !name.bytes().all(valid) {
                    Err(Problem::at(field.key, format!("services additional properties '{name}' not allowed")))
                } else if let Data::Null = field.item.data {
                    Ok(())
                } else {
                    check_service(&field.item, &format!("services.{name}"))
                };
                found.extend(result.err().map(|problem| (Some(name.clone()), problem)));
            }
        }
        Some(Err(problem)) => found.push((None, problem)),
        None => {}
    }
    match secrets.map(|secrets| mapping(secrets, "secrets")) {
        Some(Ok(map)) => {
            let checked = map.iter().map(|(name, field)| check_secret(&field.item, &format!("secrets.{name}")));
            found.extend(checked.filter_map(Result::err).map(|problem| (None, problem)));
        }
        Some(Err(problem)) => found.push((None, problem)),
        None => {}
    }
    found
}

fn mapping<'i>(item: &'i Item, path: &str) -> Result<&'i Map, Problem> {
    item.map().ok_or_else(|| must_be(item, path, "mapping"))
}

fn must_be(item: &Item, path: &str, kind: &str) -> Problem {
    item.problem(format!("{path} must be a {kind}"))
}

type Check = fn(&Item, &str) -> Result<(), Problem>;

fn properties(item: &Item, path: &str, known: &[(&str, Check)]) -> Result<(), Problem> {
    for (key, field) in mapping(item, path)? {
        match known.iter().find(|(name, _)| name == key) {
            Some((_, check)) => check(&field.item, &format!("{path}.{key}"))?,
            None if key.starts_with("x-") => {}
            None => {
                let near = nearest(key, known.iter().map(|(name, _)| *name));
                let help = near.map(|near| format!(", did you mean '{near}'?")).unwrap_or_default();
                let message = format!("{path} additional properties '{key}' not allowed{help}");
                return Err(Problem { span: Some(field.key), ..field.item.problem(message) });
            }
        }
    }
    Ok(())
}

fn string(item: &Item, path: &str) -> Result<(), Problem> {
    match item.data {
        Data::Text(_) | Data::Time(_) => Ok(()),
        _ => Err(must_be(item, path, "string")),
    }
}

fn strings(item: &Item, path: &str) -> Result<(), Problem> {
    let Data::List(items) = &item.data else { return Err(must_be(item, path, "array")) };
    items.iter().enumerate().try_for_each(|(index, item)| string(item, &format!("{path}.{index}")))
}

fn unique_strings(item: &Item, path: &str) -> Result<(), Problem> {
    strings(item, path)?;
    let Data::List(items) = &item.data else { return Ok(()) };
    let mut seen = std::collections::HashSet::new();
    match items.iter().find(|item| !seen.insert(item.print())) {
        Some(again) => Err(again.problem(format!("{path} items at several places are equal"))),
        None => Ok(()),
    }
}

fn string_or_list(item: &Item, path: &str) -> Result<(), Problem> {
    if string(item, path).is_ok() { Ok(()) } else { unique_strings(item, path) }
}

fn boolean_or_string(item: &Item, path: &str) -> Result<(), Problem> {
    match item.data {
        Data::Bool(_) | Data::Text(_) | Data::Time(_) => Ok(()),
        _ => Err(must_be(item, path, "boolean or string")),
    }
}

fn is_whole(item: &Item) -> bool {
    match item.data {
        Data::Int(_) => true,
        Data::Float(value) => value.fract() == 0.0,
        _ => false,
    }
}

fn integer_or_string(item: &Item, path: &str) -> Result<(), Problem> {
    match is_whole(item) || string(item, path).is_ok() {
        true => Ok(()),
        false => Err(must_be(item, path, "integer or string")),
    }
}

fn list_or_dict(item: &Item, path: &str) -> Result<(), Problem> {
    match &item.data {
        Data::List(_) => unique_strings(item, path),
        Data::Map(map) => {
            for (key, field) in map {
                if matches!(field.item.data, Data::List(_) | Data::Map(_)) {
                    return Err(must_be(&field.item, &format!("{path}.{key}"), "boolean, null, number or string"));
                }
                if let Data::Float(value) = field.item.data
                    && value.is_infinite()
                {
                    let value = print_float(value);
                    return Err(field.item.problem(format!("{path}.{key}: json: unsupported value: {value}")));
                }
            }
            Ok(())
        }
        _ => Err(must_be(item, path, "mapping")),
    }
}

fn extra_hosts(item: &Item, path: &str) -> Result<(), Problem> {
    match &item.data {
        Data::List(_) => unique_strings(item, path),
        Data::Map(map) => map.iter().try_for_each(|(key, field)| {
            let path = format!("{path}.{key}");
            if string(&field.item, &path).is_ok() { Ok(()) } else { strings(&field.item, &path) }
        }),
        _ => Err(must_be(item, path, "mapping")),
    }
}

fn secrets(item: &Item, path: &str) -> Result<(), Problem> {
    let Data::List(items) = &item.data else { return Err(must_be(item, path, "array")) };
    fn mode(item: &Item, path: &str) -> Result<(), Problem> {
        match item.data {
            Data::Float(_) => Ok(()),
            _ => integer_or_string(item, path),
        }
    }
    const KNOWN: &[(&str, Check)] =
        &[("source", string), ("target", string), ("uid", string), ("gid", string), ("mode", mode)];
    items.iter().enumerate().try_for_each(|(index, item)| {
        let path = format!("{path}.{index}");
        if string(item, &path).is_ok() { Ok(()) } else { properties(item, &path, KNOWN) }
    })
}

fn ulimits(item: &Item, path: &str) -> Result<(), Problem> {
    const KNOWN: &[(&str, Check)] = &[("hard", integer_or_string), ("soft", integer_or_string)];
    for (name, field) in mapping(item, path)? {
        let path = format!("{path}.{name}");
        let Some(limits) = field.item.map() else {
            integer_or_string(&field.item, &path)?;
            continue;
        };
        properties(&field.item, &path, KNOWN)?;
        let missing: Vec<&str> = ["soft", "hard"].into_iter().filter(|key| !limits.contains_key(*key)).collect();
        if !missing.is_empty() {
            return Err(field.item.problem(format!("{path} missing properties '{}'", missing.join("', '"))));
        }
    }
    Ok(())
}

const BUILD: &[(&str, Check)] = &[
    ("context", string),
    ("dockerfile", string),
    ("dockerfile_inline", string),
    ("entitlements", strings),
    ("args", list_or_dict),
    ("ssh", list_or_dict),
    ("labels", list_or_dict),
    ("cache_from", strings),
    ("cache_to", strings),
    ("no_cache", boolean_or_string),
    ("no_cache_filter", string_or_list),
    ("additional_contexts", list_or_dict),
    ("network", string),
    ("provenance", boolean_or_string),
    ("sbom", boolean_or_string),
    ("pull", boolean_or_string),
    ("target", string),
    ("shm_size", integer_or_string),
    ("extra_hosts", extra_hosts),
    ("isolation", string),
    ("privileged", boolean_or_string),
    ("secrets", secrets),
    ("tags", strings),
    ("ulimits", ulimits),
    ("platforms", strings),
];

fn build(item: &Item, path: &str) -> Result<(), Problem> {
    if string(item, path).is_ok() { Ok(()) } else { properties(item, path, BUILD) }
}

fn env_file(item: &Item, path: &str) -> Result<(), Problem> {
    const KNOWN: &[(&str, Check)] = &[("path", string), ("format", string), ("required", boolean_or_string)];
    if string(item, path).is_ok() {
        return Ok(());
    }
    let Data::List(items) = &item.data else { return Err(must_be(item, path, "array")) };
    items.iter().enumerate().try_for_each(|(index, item)| {
        let path = format!("{path}.{index}");
        if string(item, &path).is_ok() { Ok(()) } else { properties(item, &path, KNOWN) }
    })
}

fn check_service(item: &Item, path: &str) -> Result<(), Problem> {
    fn extends(_: &Item, _: &str) -> Result<(), Problem> {
        Ok(())
    }
    properties(
        item,
        path,
        &[
            ("image", string),
            ("build", build),
            ("environment", list_or_dict),
            ("env_file", env_file),
            ("extends", extends),
        ],
    )
}

fn check_secret(item: &Item, path: &str) -> Result<(), Problem> {
    fn external(item: &Item, path: &str) -> Result<(), Problem> {
        if item.map().is_some() { Ok(()) } else { boolean_or_string(item, path) }
    }
    fn driver_opts(item: &Item, path: &str) -> Result<(), Problem> {
        mapping(item, path)?.iter().try_for_each(|(key, field)| match field.item.data {
            Data::Float(_) => Ok(()),
            _ => integer_or_string(&field.item, &format!("{path}.{key}")),
        })
    }
    properties(
        item,
        path,
        &[
            ("name", string),
            ("environment", string),
            ("file", string),
            ("external", external),
            ("labels", list_or_dict),
            ("driver", string),
            ("driver_opts", driver_opts),
            ("template_driver", string),
        ],
    )
}
