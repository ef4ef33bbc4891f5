//! Builds by actions: docker/build-push-action, docker/bake-action and those that take the same inputs.

use std::collections::BTreeMap;

use super::convert::{arg, context_of, label, named_context, request, set_dockerfile, value};
use super::{BakeRequest, Reader};
use crate::model::bake::BakeCall;
use crate::model::build::{Build, Context, Entry, Maker};
use crate::model::command_line::Placed;
use crate::model::paths;
use crate::model::value::{Text, TextPart};
use crate::model::workflow::{Scope, Step};
use crate::source::Span;

impl Reader<'_> {
    pub(super) fn build_action(&self, step: &Step, scope: &Scope, span: Span) -> Build {
        let mut build = Build::new(Maker::Step, step.title(), span);
        build.caller = self.commands.caller(span);
        let context = self.text(step, scope, "context");
        build.context_span = context.as_ref().map(|(_, span)| *span);
        let git = "{{defaultContext}}";
        let (context, from_git) = match &context {
            None => (Context::Folder(String::new()), true),
            Some((text, _)) => match text.as_known() {
                Some(known) if known.trim().starts_with(git) => {
                    let folder = known.trim().trim_start_matches(git).trim_start_matches(':');
                    (paths::join("", folder).map_or(Context::Dynamic, Context::Folder), true)
                }
                _ => (context_of(text, ""), false),
            },
        };
        let file = self.text(step, scope, "file");
        // A file is relative to a Git context, but to the working directory when the context is a path.
        let base = match &context {
            Context::Folder(folder) if from_git => folder.clone(),
            _ => String::new(),
        };
        build.context = context;
        set_dockerfile(&mut build, file, &base, span);
        build.target = self.text(step, scope, "target").map(value);
        build.args = self.lines(step, scope, "build-args").into_iter().filter_map(arg).collect();
        let contexts = self.lines(step, scope, "build-contexts").into_iter();
        build.contexts = contexts.filter_map(|placed| named_context(placed, "")).collect();
        let platforms = self.list(step, scope, "platforms");
        build.platforms_known = platforms.iter().all(|(text, _)| text.as_known().is_some());
        build.platforms = platforms.into_iter().map(value).collect();
        build.tags = self.list(step, scope, "tags");
        build.tags_known = build.tags.iter().all(|(text, _)| !matches!(text.parts(), [TextPart::Unknown(_)]));
        let entries = |name: &str| -> Vec<Entry> {
            self.lines(step, scope, name).into_iter().map(|(text, span)| Entry::parse(&text, span)).collect()
        };
        build.cache_from = entries("cache-from");
        build.cache_to = entries("cache-to");
        build.outputs = entries("outputs");
        build.push = self.switch(step, scope, "push");
        build.load = self.switch(step, scope, "load");
        build.no_cache = self.switch(step, scope, "no-cache");
        build.pull = self.switch(step, scope, "pull");
        build.labels = self.lines(step, scope, "labels").into_iter().filter_map(label).collect();
        let secrets = self.lines(step, scope, "secrets").into_iter();
        build.secrets = secrets
            .map(|(text, span)| (text.prefix().split('=').next().unwrap_or_default().to_owned(), span))
            .collect();
        build
    }

    pub(super) fn bake_action(&self, step: &Step, scope: &Scope, span: Span) -> BakeRequest {
        let workdir = self.text(step, scope, "workdir");
        let source = self.text(step, scope, "source");
        let known = |placed: &Option<Placed>| placed.as_ref().and_then(|(text, _)| text.as_known().map(str::to_owned));
        let mut open = [&workdir, &source].iter().any(|placed| placed.is_some() && known(placed).is_none());
        let source = known(&source).unwrap_or_default();
        let source = source.trim_start_matches("{{defaultContext}}").trim_start_matches(':');
        let base = paths::join("", source).unwrap_or_else(|| {
            open = true;
            String::new()
        });
        let folder = paths::join(&base, &known(&workdir).unwrap_or_default()).unwrap_or_default();
        let all = self.list(step, scope, "files");
        let (metadata, files): (Vec<Placed>, Vec<Placed>) =
            all.into_iter().partition(|(text, _)| self.is_metadata(text));
        // Such a file lies in the runner's working directory, whatever the source is.
        open |= files.is_empty() && !metadata.is_empty();
        let mut implied = Vec::new();
        for (input, key) in [("push", "push"), ("load", "load"), ("no-cache", "no-cache"), ("pull", "pull")] {
            let Some(field) = self.input(step, input) else { continue };
            if scope.switch(field) == Some(true) {
                implied.push((Text::known(format!("*.{key}=true")), field.value.span));
            }
        }
        let mut variables = BTreeMap::new();
        for (text, _) in self.lines(step, scope, "vars") {
            if let Some((name, value)) = text.split_once('=') {
                variables.insert(name.to_string(), value);
            }
        }
        let call = BakeCall {
            bake: 0,
            script: None,
            caller: self.commands.caller(span),
            targets: self.list(step, scope, "targets"),
            set: self.lines(step, scope, "set"),
            implied,
            variables,
            resolved: Vec::new(),
            errors: Vec::new(),
            open,
        };
        let mut request = request(folder, files, call, self.environment(step, scope));
        request.finds_files &= !open;
        request.tags_open = metadata.iter().any(|(text, _)| !text.unknowns().any(|words| words.ends_with("-labels")));
        request
    }

    /// Whether a bake file is one that docker/metadata-action writes: it gives tags, labels and annotations, nothing else.
    fn is_metadata(&self, text: &Text) -> bool {
        let words = match text.parts() {
            [TextPart::Unknown(words)] => words,
            [TextPart::Known(scheme), TextPart::Unknown(words)] if scheme == "cwd://" => words,
            _ => return false,
        };
        let Some((id, output)) = words.strip_prefix("steps.").and_then(|rest| rest.split_once(".outputs.")) else {
            return false;
        };
        let mut steps = self.job.into_iter().flat_map(|job| &job.steps);
        let step = steps.find(|step| step.id.as_ref().is_some_and(|own| own.value.text == id));
        output.starts_with("bake-file") && step.is_some_and(|step| step.uses_action("docker/metadata-action"))
    }
}
