//! The FROM lines: what each stage stands on, and for which platform.

use std::collections::HashMap;

use super::arguments::{from_uses, look_up};
use super::run::{Run, SCRATCH, unset_of};
use super::{Pass, StageBase, Word};
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{self as syntax, Body, Expanded};
use crate::syntax::image::ImageRef;
use crate::syntax::mapped::MappedText;
use crate::syntax::platform::Platform;

impl Run<'_> {
    /// Expands a text of a FROM. Says what is known about each variable, and whether it went well.
    fn expand_from(&self, text: &MappedText) -> (Word, Option<SyntaxError>) {
        let globals = &self.evaluation.globals;
        match self.lexer.expand(text, &|name: &str| look_up(globals, name)) {
            Ok(expansion) => {
                let uses = from_uses(globals, &expansion.uses);
                (Word { span: text.span(), value: expansion.value, uses }, None)
            }
            Err(error) => {
                let uses = from_uses(globals, &error.uses);
                let word = Word { span: text.span(), value: Expanded::dynamic(), uses };
                (word, Some(SyntaxError::new(error.message, error.span)))
            }
        }
    }

    pub fn froms(&mut self) {
        let tree = self.tree;
        // Only stages before count, and the case of the base matters: names of stages are in lower case.
        let mut before: HashMap<&str, usize> = HashMap::new();
        for (at, stage) in tree.stages.iter().enumerate() {
            let (base, error) = self.expand_from(&stage.base);
            let mut name = base.value.known().map(str::to_owned);
            let unset = unset_of(&base);
            if !self.stopped {
                self.evaluation.stages[at].base_name = Some(base);
            }
            if let Some(error) = error {
                let span = self.on_first_line(stage.from, error.span);
                self.fail_for(Pass::From, Some(at), SyntaxError { span, ..error }, unset);
                name = None;
            } else if name.as_deref() == Some("") {
                let span = self.on_first_line(stage.from, stage.base.span());
                let mut error = SyntaxError::new(format!("the base `{}` is empty", stage.base), span);
                error.help = unset.as_ref().map(|name| format!("`{name}` has no value"));
                self.fail_for(Pass::From, Some(at), error, unset);
                name = None;
            }
            let platform = self.platform_of(at, stage);
            self.evaluation.stages[at].platform = platform;
            let own = stage.name.as_deref().filter(|name| !is_reserved(name));
            if let Some(name) = own
                && ImageRef::parse(name).is_err()
            {
                let span = self.tree.instructions.get(stage.from).map_or(stage.base.span(), |from| from.span);
                let span = match self.tree.instructions.get(stage.from).map(|from| &from.body) {
                    Some(Body::From(syntax::From { name: Some(name), .. })) => name.span(),
                    _ => span,
                };
                let mut error = SyntaxError::new(
                    format!("`{name}` cannot be the name of a stage"),
                    self.on_first_line(stage.from, span),
                );
                error.help = Some("BuildKit also takes it for the name of an image, which ends with a letter or a digit and has no two separators in a row".to_owned());
                self.fail(Pass::From, Some(at), error);
            }
            let replaced = own.and_then(|name| self.context_named(name));
            self.replaced[at] = replaced.is_some();
            self.evaluation.stages[at].base = match (replaced, &name) {
                (Some(context), _) => StageBase::Context(context),
                (None, None) => StageBase::Image(None),
                (None, Some(name)) => match before.get(name.as_str()).copied() {
                    Some(parent) => {
                        self.nodes[at].base = Some(parent);
                        StageBase::Stage(parent)
                    }
                    None if name == SCRATCH => StageBase::Scratch,
                    None => match ImageRef::parse(name) {
                        Ok(image) => match self.context_for(&image) {
                            Some(context) => StageBase::Context(context),
                            None => StageBase::Image(Some(image)),
                        },
                        Err(_) => StageBase::Image(None),
                    },
                },
            };
            before.extend(stage.name.as_deref().map(|name| (name, at)));
        }
    }

    /// The platform that a FROM asks for.
    fn platform_of(&mut self, at: usize, stage: &syntax::Stage) -> Option<Platform> {
        let Some(flag) = &stage.platform else { return self.evaluation.platform.clone() };
        let (word, error) = self.expand_from(flag);
        let value = word.value.known().map(str::to_owned);
        let unset = unset_of(&word);
        let span = self.on_first_line(stage.from, flag.span());
        if !self.stopped {
            self.evaluation.stages[at].platform_flag = Some(word);
        }
        if let Some(error) = error {
            self.fail_for(Pass::From, Some(at), SyntaxError { span, ..error }, unset);
            return None;
        }
        let value = value?;
        let platform = Platform::parse(&value, (&self.worker.os, &self.worker.architecture));
        if platform.is_none() {
            let message = match value.as_str() {
                "" => format!("the platform `{flag}` is empty"),
                _ => format!("`{value}` is no platform"),
            };
            let mut error = SyntaxError::new(message, span);
            error.help = Some("write system and processor, such as `linux/arm64`".to_owned());
            self.fail_for(Pass::From, Some(at), error, unset);
        }
        platform
    }

    /// The build's named context of that name, as BuildKit compares them: both are read as names of images.
    fn context_named(&self, name: &str) -> Option<usize> {
        ImageRef::parse(name).ok().and_then(|image| self.context_for(&image))
    }

    fn context_for(&self, image: &ImageRef) -> Option<usize> {
        let name = context_key(image);
        let matches = |context: &str| ImageRef::parse(context).is_ok_and(|image| context_key(&image) == name);
        self.build.contexts.iter().position(|context| matches(&context.name))
    }
}

/// Names that are no stages, whatever a stage is called.
fn is_reserved(name: &str) -> bool {
    name == SCRATCH || name == "context"
}

/// The name of a context as BuildKit asks for it.
fn context_key(image: &ImageRef) -> String {
    let mut key = image.familiar_name();
    if let Some(tag) = image.tag.as_deref().filter(|tag| *tag != "latest" || image.digest.is_some()) {
        key.push(':');
        key.push_str(tag);
    }
    if let Some(digest) = &image.digest {
        key.push('@');
        key.push_str(digest);
    }
    key
}
