//! Dev containers: an editor builds the image of `devcontainer.json`, or the services of the compose files that it names.
//!
//! See the reference of `devcontainer.json` on containers.dev.

use super::Call;
use super::convert::{context_of, set_dockerfile, value};
use crate::model::build::{Build, BuildArg, Context, Entry, Maker, ScriptCall};
use crate::model::command_line::{ComposeCommand, Placed};
use crate::model::paths;
use crate::model::services::ComposeRequest;
use crate::model::value::Text;
use crate::source::{FileId, Source, Span};
use crate::syntax::json::{self, Node};

/// The build that a `devcontainer.json` describes.
pub(super) fn call(file: FileId, source: &Source) -> Option<Call> {
    let root = json::parse_with_comments(file, source.text()).ok()?;
    let folder = paths::folder(&source.path);
    let script = ScriptCall { file, name: source.path.clone(), span: Span::at(file, 0) };
    if let Some(files) = root.get("dockerComposeFile") {
        let services =
            root.get("service").into_iter().chain(root.get("runServices").into_iter().flat_map(Node::elements));
        let words = ComposeCommand {
            files: one_or_many(files),
            services: services.filter_map(placed).collect(),
            with_dependencies: true,
            ..ComposeCommand::default()
        };
        return Some(Call::Compose(Box::new(ComposeRequest {
            folder: Some(folder.to_owned()),
            words,
            caller: None,
            script: Some(script),
            environment: std::collections::BTreeMap::new(),
        })));
    }
    // Older files have both names at their top.
    let of_build = |name: &str| root.get("build").and_then(|build| build.get(name));
    let dockerfile = of_build("dockerfile").or_else(|| root.get("dockerFile"))?;
    let mut build = Build::new(Maker::Script(file), source.path.clone(), dockerfile.span);
    build.script = Some(script);
    build.context = match of_build("context").or_else(|| root.get("context")).and_then(placed) {
        Some((text, _)) => context_of(&text, folder),
        None => Context::Folder(folder.to_owned()),
    };
    set_dockerfile(&mut build, placed(dockerfile), folder, dockerfile.span);
    build.target = of_build("target").and_then(placed).map(value);
    let args = of_build("args").into_iter().flat_map(Node::members);
    build.args = args
        .filter_map(|member| {
            let (value, span) = placed(&member.value)?;
            Some(BuildArg { name: member.key.node.value.clone(), value, name_span: member.key.span, span })
        })
        .collect();
    let caches = of_build("cacheFrom").map(one_or_many).unwrap_or_default();
    build.cache_from = caches.iter().map(|(text, span)| Entry::parse(text, *span)).collect();
    // The editor keeps the image in the local store, and may be told further options.
    build.load = crate::model::value::Eval::Known(true);
    build.tags_known = false;
    Some(Call::Build(Box::new(build)))
}

fn one_or_many(node: &Node) -> Vec<Placed> {
    std::iter::once(node).chain(node.elements()).filter_map(placed).collect()
}

/// A text with its place; one with variables of the editor is not known.
fn placed(node: &Node) -> Option<Placed> {
    let text = node.as_str()?;
    Some((if text.contains("${") { Text::unknown(text) } else { Text::known(text) }, node.span))
}
