//! Merging services of several files, and their canonical form.
//!
//! See override/merge.go, override/uncity.go and transform of compose-go. Only what builds depend on is kept: the
//! rest of a service is dropped before.

use super::Problem;
use super::data::{Data, Field, Item, Map, Reset};

/// The attributes of a service that builds depend on.
pub(super) const KEPT: &[&str] = &["build", "env_file", "environment", "extends", "image"];

/// Lays `over` over `base`. `path` is that of the value, in steps.
///
/// # Errors
/// When a list meets something else, or a mapping does.
pub(super) fn merge(base: Item, over: Item, path: &mut Vec<String>) -> Result<Item, Problem> {
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    match steps[..] {
        ["services", _, "build"] => {
            let (base, over) = (build_mapping(base), build_mapping(over));
            return merge_maps(base, over, path);
        }
        ["services", _, "build", "args" | "additional_contexts" | "labels"]
        | ["services", _, "environment" | "env_file"] => return Ok(joined(base, over, false)),
        ["services", _, "build", "extra_hosts"] => return Ok(joined(base, over, true)),
        _ => {}
    }
    match (&base.data, &over.data) {
        (_, Data::Null) => Ok(base),
        (Data::Map(_), Data::Map(_)) => merge_maps(base, over, path),
        (Data::List(_), Data::List(_)) => {
            let (Data::List(mut items), Data::List(more)) = (base.data, over.data) else {
                return Ok(null_at(over.span));
            };
            items.extend(more);
            Ok(Item::new(Data::List(items), over.span))
        }
        (Data::Map(_) | Data::List(_), _) => Err(over.problem(format!("cannot override {}", path.join(".")))),
        _ => Ok(over.instead_of(base)),
    }
}

/// What a match that cannot fail falls back on.
fn null_at(span: crate::source::Span) -> Item {
    Item::new(Data::Null, span)
}

fn merge_maps(base: Item, over: Item, path: &mut Vec<String>) -> Result<Item, Problem> {
    let span = over.span;
    let (Data::Map(mut map), Data::Map(more)) = (base.data, over.data) else { return Ok(null_at(span)) };
    for (key, field) in more {
        let merged = match map.remove(&key) {
            None => field,
            Some(own) => {
                path.push(key.clone());
                let item = merge(own.item, field.item, path)?;
                path.pop();
                Field { key: field.key, item }
            }
        };
        map.insert(key, merged);
    }
    Ok(Item::new(Data::Map(map), span))
}

/// A build that is only a path, as a mapping.
fn build_mapping(item: Item) -> Item {
    match item.data {
        Data::Text(_) => {
            let (span, key) = (item.span, item.span);
            Item::new(Data::Map(Map::from([("context".to_owned(), Field { key, item })])), span)
        }
        Data::Map(_) => item,
        _ => Item::new(Data::Map(Map::new()), item.span),
    }
}

/// A list or mapping as a list of `key=value` texts.
fn sequence(item: Item) -> Vec<Item> {
    match item.data {
        Data::List(items) => items,
        Data::Text(_) => vec![item],
        Data::Map(map) => {
            let mut items = Vec::new();
            for (key, field) in map {
                let mut add = |value: &Item| {
                    let text = match &value.data {
                        Data::Null => key.clone(),
                        _ => format!("{key}={}", value.print().unwrap_or_default()),
                    };
                    // The pieces of the value no longer fit behind the key.
                    let pieces = value
                        .pieces
                        .iter()
                        .map(|piece| crate::syntax::text::Piece { at: piece.at + key.len() as u32 + 1, ..*piece });
                    let head = crate::syntax::text::Piece { at: 0, span: field.key, verbatim: false };
                    let pieces = std::iter::once(head).chain(pieces).collect();
                    items.push(Item { pieces, ..Item::text(text, value) });
                };
                match &field.item.data {
                    Data::List(values) => values.iter().for_each(add),
                    _ => add(&field.item),
                }
            }
            items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            items
        }
        _ => Vec::new(),
    }
}

fn joined(base: Item, over: Item, distinct: bool) -> Item {
    let span = over.span;
    let mut items = sequence(base);
    for item in sequence(over) {
        if !(distinct && items.iter().any(|own| own.as_str().is_some() && own.as_str() == item.as_str())) {
            items.push(item);
        }
    }
    Item::new(Data::List(items), span)
}

/// Removes what a later file resets.
pub(super) fn apply_resets(map: &mut Map, resets: &[Reset], path: &mut Vec<String>) {
    if resets.is_empty() {
        return;
    }
    map.retain(|key, field| {
        path.push(key.clone());
        let gone = resets
            .iter()
            .any(|reset| reset.len() == path.len() && reset.iter().zip(path.iter()).all(|(a, b)| a == b || a == "*"));
        if !gone && let Some(inner) = field.item.map_mut() {
            apply_resets(inner, resets, path);
        }
        path.pop();
        !gone
    });
}

/// Of several entries with one key the last counts, at the place of the first.
///
/// # Errors
/// When an entry is no text.
pub(super) fn enforce_unicity(name: &str, service: &mut Map) -> Result<(), Problem> {
    let path = |rest: &str| format!("services.{name}.{rest}");
    if let Some(build) = service.get_mut("build").and_then(|field| field.item.map_mut()) {
        for key in ["args", "additional_contexts", "tags", "labels"] {
            if let Some(field) = build.get_mut(key) {
                unique(&mut field.item, &path(&format!("build.{key}")))?;
            }
        }
    }
    if let Some(field) = service.get_mut("environment") {
        unique(&mut field.item, &path("environment"))?;
    }
    if let Some(field) = service.get_mut("env_file")
        && let Data::List(items) = &mut field.item.data
    {
        let mut seen: Vec<(String, usize)> = Vec::new();
        let mut kept: Vec<Item> = Vec::new();
        for item in items.drain(..) {
            let key = match &item.data {
                Data::Text(text) => text.clone(),
                Data::Map(map) => match map.get("path").and_then(|field| field.item.as_str()) {
                    Some(path) => path.to_owned(),
                    None => return Err(item.problem("environment path attribute is missing")),
                },
                _ => String::new(),
            };
            keep(&mut seen, &mut kept, key, item);
        }
        *items = kept;
    }
    Ok(())
}

fn unique(item: &mut Item, path: &str) -> Result<(), Problem> {
    let Data::List(items) = &mut item.data else { return Ok(()) };
    let mut seen: Vec<(String, usize)> = Vec::new();
    let mut kept: Vec<Item> = Vec::new();
    for item in items.drain(..) {
        let Some(text) = item.as_str() else {
            return Err(item.problem(format!("{path}: unexpected type {}", item.type_name())));
        };
        let key = text.split('=').next().unwrap_or_default().to_owned();
        keep(&mut seen, &mut kept, key, item);
    }
    *items = kept;
    Ok(())
}

fn keep(seen: &mut Vec<(String, usize)>, kept: &mut Vec<Item>, key: String, item: Item) {
    match seen.iter().find(|(own, _)| *own == key) {
        Some((_, at)) => {
            let earlier = std::mem::replace(&mut kept[*at], Item::new(Data::Null, item.span));
            kept[*at] = item.instead_of(earlier);
        }
        None => {
            seen.push((key, kept.len()));
            kept.push(item);
        }
    }
}

/// Brings the short forms of a service's attributes into their long ones.
///
/// # Errors
/// When an attribute has neither form.
pub(super) fn canonical(name: &str, service: &mut Map) -> Result<(), Problem> {
    let path = format!("services.{name}");
    if let Some(field) = service.get_mut("build") {
        let item = &mut field.item;
        if let Data::Text(_) = item.data {
            *item = build_mapping(item.clone());
        }
        let problem = item.problem(format!("{path}.build: invalid type {} for build", item.type_name()));
        canonical_build(&path, item.map_mut().ok_or(problem)?)?;
    }
    if let Some(field) = service.get_mut("env_file") {
        let item = &mut field.item;
        if let Data::Text(_) = item.data {
            *item = Item::new(Data::List(vec![item.clone()]), item.span);
        }
        let problem = item.problem(format!("{path}.env_file: invalid type {} for env_file", item.type_name()));
        let Data::List(items) = &mut item.data else { return Err(problem) };
        for item in items {
            if let Data::Text(_) = item.data {
                *item = keyed("path", item.clone());
            }
        }
    }
    if let Some(field) = service.get_mut("extends")
        && let Data::Text(_) = field.item.data
    {
        field.item = keyed("service", field.item.clone());
    }
    Ok(())
}

fn keyed(key: &str, item: Item) -> Item {
    let span = item.span;
    Item::new(Data::Map(Map::from([(key.to_owned(), Field { key: span, item })])), span)
}

fn canonical_build(path: &str, build: &mut Map) -> Result<(), Problem> {
    for key in ["provenance", "sbom"] {
        if let Some(field) = build.get_mut(key)
            && field.item.as_str().is_none()
            && let Some(text) = field.item.print()
        {
            field.item = Item::text(text, &field.item);
        }
    }
    if let Some(field) = build.get_mut("secrets")
        && let Data::List(items) = &mut field.item.data
    {
        for item in items {
            match item.data {
                Data::Map(_) => {}
                Data::Text(_) => *item = keyed("source", item.clone()),
                _ => return Err(item.problem(format!("{path}.build.secrets: unsupported type {}", item.type_name()))),
            }
        }
    }
    if let Some(field) = build.get_mut("additional_contexts") {
        let item = &mut field.item;
        match &item.data {
            Data::Map(_) => {}
            Data::List(items) => {
                let mut map = Map::new();
                for entry in items {
                    let pair = entry.as_str().and_then(|text| text.split_once('='));
                    let Some((name, value)) = pair else {
                        let shown = entry.print().unwrap_or_default();
                        return Err(entry.problem(format!(
                            "{path}.build.additional_contexts: invalid value {shown}, expected key=value"
                        )));
                    };
                    map.insert(name.to_owned(), Field { key: entry.span, item: part(entry, name.len() + 1, value) });
                }
                item.data = Data::Map(map);
            }
            _ => {
                let message = format!("{path}.build.additional_contexts: invalid type {}", item.type_name());
                return Err(item.problem(message));
            }
        }
    }
    if let Some(field) = build.get_mut("ssh") {
        let item = &mut field.item;
        match &item.data {
            Data::Map(_) => {}
            Data::List(items) => {
                let mut map = Map::new();
                for entry in items {
                    let Some(text) = entry.as_str() else {
                        return Err(entry.problem(format!("invalid ssh key type {}", entry.type_name())));
                    };
                    let (id, value) = match text.split_once('=') {
                        Some((id, path)) => (id, part(entry, id.len() + 1, path)),
                        None if text == "default" => (text, Item::new(Data::Null, entry.span)),
                        None => return Err(entry.problem(format!("invalid ssh key \"{text}\""))),
                    };
                    map.insert(id.to_owned(), Field { key: entry.span, item: value });
                }
                item.data = Data::Map(map);
            }
            _ => return Err(item.problem(format!("{path}.build.ssh: invalid type {} for ssh", item.type_name()))),
        }
    }
    if let Some(map) = build.get_mut("ulimits").and_then(|field| field.item.map_mut()) {
        for (name, field) in map {
            if !matches!(field.item.data, Data::Map(_) | Data::Int(_)) {
                let found = field.item.type_name();
                return Err(field
                    .item
                    .problem(format!("{path}.build.ulimits.{name}: invalid type {found} for ulimits")));
            }
        }
    }
    Ok(())
}

/// The rest of a text from the byte at `offset` on.
fn part(item: &Item, offset: usize, text: &str) -> Item {
    let pieces = item.pieces.iter().filter_map(|piece| {
        let at = piece.at as usize;
        match at >= offset {
            true => Some(crate::syntax::text::Piece { at: (at - offset) as u32, ..*piece }),
            // The piece that the cut goes through.
            false if piece.verbatim => {
                let cut = (offset - at) as u32;
                let span = crate::source::Span { start: piece.span.start + cut, ..piece.span };
                (span.start < span.end).then_some(crate::syntax::text::Piece { at: 0, span, verbatim: true })
            }
            false => None,
        }
    });
    let pieces: Vec<crate::syntax::text::Piece> = pieces.collect();
    // Of the pieces before the cut only the last reaches behind it.
    let first = pieces.iter().rposition(|piece| piece.at == 0).unwrap_or(0);
    Item { pieces: pieces[first..].to_vec(), ..Item::text(text, item) }
}
