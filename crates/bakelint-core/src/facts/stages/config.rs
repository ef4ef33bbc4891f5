//! What is known about images without asking for them.

use std::collections::BTreeMap;

use super::run::{Run, SCRATCH, read_platform};
use crate::facts::known_images::{known_image, only_platform};
use crate::model::build::Context;
use crate::source::FileId;
use crate::syntax::dockerfile::{self as syntax, Expanded, Instruction};
use crate::syntax::image::ImageRef;
use crate::syntax::platform::Platform;

/// What is known about the configuration of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct ImageConfig {
    pub env: Vec<(String, Expanded)>,
    pub workdir: Option<String>,
    pub user: Option<String>,
    pub sets_shell: bool,
    pub triggers: Vec<String>,
    pub platform: Option<Platform>,
    /// Whether the environment is all there is.
    pub complete: bool,
}

impl Run<'_> {
    pub fn image_config(&self, image: &ImageRef) -> ImageConfig {
        let settings = &self.project.settings.build;
        let mut config = match lookup_image(&settings.image_configs, image) {
            Some(json) => read_config(json),
            None => match known_image(image) {
                Some(known) => {
                    let value = |value: Option<&str>| value.map_or_else(Expanded::dynamic, Expanded::text);
                    ImageConfig {
                        env: known.env().map(|(name, text)| (name.to_owned(), value(text))).collect(),
                        workdir: known.workdir.map(str::to_owned),
                        user: None,
                        sets_shell: known.sets_shell,
                        complete: known.complete,
                        ..ImageConfig::default()
                    }
                }
                None => ImageConfig::default(),
            },
        };
        if let Some(platform) =
            lookup_image(&settings.image_platforms, image).and_then(|text| read_platform(text, &self.worker))
        {
            config.platform.get_or_insert(platform);
        }
        config
    }

    pub fn context_config(&self, context: usize) -> ImageConfig {
        let empty = ImageConfig { workdir: Some("/".into()), complete: true, ..ImageConfig::default() };
        match self.build.contexts.get(context).map(|context| &context.context) {
            Some(Context::Image(text)) => match text.as_known().and_then(|text| ImageRef::parse(text).ok()) {
                Some(image) => ImageConfig { platform: None, ..self.image_config(&image) },
                None => ImageConfig::default(),
            },
            Some(Context::Folder(_) | Context::Remote(_)) => empty,
            Some(Context::Target(_) | Context::Dynamic) | None => ImageConfig::default(),
        }
    }

    /// The platform of an image, if it is not the wanted one. What the name alone tells counts only if the platform is
    /// asked for.
    pub fn foreign(&self, image: &ImageRef, wanted: &Platform, is_asked: bool) -> Option<Platform> {
        let known = || only_platform(image).filter(|_| is_asked);
        let actual = self.image_config(image).platform.or_else(known)?;
        let differs = wanted.os != actual.os || wanted.architecture != actual.architecture;
        (differs && self.resolves_images).then_some(actual)
    }
}

/// What the command line says about an image, by any of its names.
fn lookup_image<'s>(map: &'s BTreeMap<String, String>, image: &ImageRef) -> Option<&'s String> {
    let tag = image.effective_tag().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = image.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    let (name, familiar) = (image.name(), image.familiar_name());
    let names = [format!("{name}{tag}{digest}"), format!("{familiar}{tag}{digest}"), name, familiar];
    names.iter().find_map(|name| map.get(name))
}

/// The configuration of an image, in the form of its JSON document. What cannot be read is taken for nothing.
fn read_config(json: &str) -> ImageConfig {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Document {
        os: String,
        architecture: String,
        variant: String,
        config: Inner,
    }
    #[derive(serde::Deserialize, Default)]
    #[serde(default, rename_all = "PascalCase")]
    struct Inner {
        env: Option<Vec<String>>,
        on_build: Option<Vec<String>>,
        shell: Option<Vec<String>>,
        working_dir: String,
        user: String,
    }
    let document: Document = serde_json::from_str(json).unwrap_or_default();
    let inner = document.config;
    let pair = |entry: &String| {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        (name.to_owned(), Expanded::text(value))
    };
    ImageConfig {
        env: inner.env.unwrap_or_default().iter().map(pair).collect(),
        workdir: Some(if inner.working_dir.is_empty() { "/".to_owned() } else { inner.working_dir }),
        user: Some(inner.user),
        sets_shell: inner.shell.is_some_and(|shell| !shell.is_empty()),
        triggers: inner.on_build.unwrap_or_default(),
        platform: (!document.os.is_empty() && !document.architecture.is_empty())
            .then(|| Platform::new(&document.os, &document.architecture, &document.variant)),
        complete: true,
    }
}

/// A trigger of an image is a Dockerfile of one instruction.
pub(super) fn parse_trigger(file: FileId, text: &str) -> Result<Instruction, String> {
    let mut tree = syntax::parse(file, &format!("FROM {SCRATCH}\n{text}"));
    match tree.errors.first() {
        Some(error) => Err(format!("a trigger of the base image fails: {}", error.error.message)),
        None if tree.instructions.len() == 2 && tree.stages.len() == 1 => Ok(tree.instructions.remove(1)),
        None => Err("a trigger of the base image is no single instruction".to_owned()),
    }
}
