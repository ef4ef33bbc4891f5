//! Words of commands and inputs of actions as the parts of a build.

use super::BakeRequest;
use crate::model::bake::BakeCall;
use crate::model::build::{Build, BuildArg, Context, NamedContext};
use crate::model::command_line::Placed;
use crate::model::link;
use crate::model::paths;
use crate::model::value::{Text, Value};
use crate::source::Span;

/// A request with the files that are known; those that are not make it open.
pub(in crate::model) fn request(
    folder: String,
    files: Vec<Placed>,
    mut call: BakeCall,
    environment: std::collections::BTreeMap<String, Text>,
) -> BakeRequest {
    let mut known = Vec::new();
    let finds_files = files.is_empty();
    for (text, _) in &files {
        let path = text.as_known().map(|path| path.trim_start_matches("cwd://"));
        match path.and_then(|path| paths::join(&folder, path)) {
            Some(path) => known.push(path),
            None => call.open = true,
        }
    }
    BakeRequest { folder, files: known, finds_files, call, tags_open: false, environment }
}

/// The items of a text with commas.
pub(in crate::model) fn items(text: Text) -> Vec<Text> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((item, tail)) = rest.split_once(',') {
        found.push(trimmed(item));
        rest = tail;
    }
    found.push(trimmed(rest));
    found
}

pub(in crate::model) fn trimmed(text: Text) -> Text {
    match text.as_known() {
        Some(known) => Text::known(known.trim()),
        None => text,
    }
}

pub(in crate::model) fn value((text, span): Placed) -> Value<String> {
    Value { eval: text.as_known().map(str::to_owned).into(), span }
}

pub(in crate::model) fn arg((text, span): Placed) -> Option<BuildArg> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name.as_known()?.trim().to_owned(), value),
        // The value comes from the environment.
        None => {
            let name = text.as_known()?.trim().to_owned();
            (name.clone(), Text::unknown(name))
        }
    };
    (!name.is_empty()).then_some(BuildArg { name, value, name_span: span, span })
}

pub(in crate::model) fn label((text, span): Placed) -> Option<(String, Text, Span)> {
    let (name, value) = text.split_once('=')?;
    Some((name.as_known()?.trim().to_owned(), value, span))
}

pub(in crate::model) fn named_context((text, span): Placed, folder: &str) -> Option<NamedContext> {
    let (name, context) = text.split_once('=')?;
    Some(NamedContext { name: name.as_known()?.trim().to_owned(), context: context_of(&context, folder), span })
}

/// A context as a command in `folder` writes it.
pub(in crate::model) fn context_of(text: &Text, folder: &str) -> Context {
    match text.as_known() {
        Some(known) => match link::context_of(known) {
            Context::Folder(_) => paths::join(folder, known).map_or(Context::Remote(text.clone()), Context::Folder),
            context => context,
        },
        None => paths::enter(folder, text).map_or(Context::Dynamic, Context::Folder),
    }
}

/// The Dockerfile: the file that is given, relative to `base`, else that of the context.
pub(in crate::model) fn set_dockerfile(build: &mut Build, file: Option<Placed>, base: &str, span: Span) {
    let path = match (file, &build.context) {
        (Some((text, span)), Context::Folder(_) | Context::Dynamic) => {
            Value { eval: paths::enter(base, &text).into(), span }
        }
        (None, Context::Folder(folder)) => Value { eval: paths::join(folder, "Dockerfile").into(), span },
        _ => Value::dynamic(span),
    };
    build.dockerfile_path = Some(path);
}
