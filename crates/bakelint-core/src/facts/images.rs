//! Images: what stages stand on, and what builds make.

use crate::bake::Declared;
use crate::model::Project;
use crate::model::build::{Context, Maker};
use crate::model::dockerfile::Base;
use crate::source::Span;
use crate::syntax::hcl::ExprKind;
use crate::syntax::image::ImageRef;

/// A base image of a stage, over all builds of its Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// Index of the Dockerfile.
    pub dockerfile: usize,
    /// Index of the stage.
    pub stage: usize,
    /// The reference, when it is the same in all builds and known.
    pub image: Option<ImageRef>,
    /// The word of the FROM.
    pub span: Span,
}

impl Project {
    /// The base images of all stages; stages on other stages, named contexts and `scratch` have none. A stage whose base
    /// differs from build to build has an entry without an image.
    pub fn base_images(&self) -> Vec<BaseImage> {
        let mut images = Vec::new();
        for (at, dockerfile) in self.dockerfiles.iter().enumerate() {
            for (stage, node) in dockerfile.tree.stages.iter().enumerate() {
                let mut bases: Vec<Base> =
                    self.builds_of(at).map(|build| dockerfile.base(stage, Some(build))).collect();
                bases.dedup();
                let known = match bases.as_slice() {
                    [Base::Image(text)] => text.as_known().and_then(|text| ImageRef::parse(text).ok()),
                    _ => None,
                };
                if bases.iter().any(|base| matches!(base, Base::Image(_))) {
                    images.push(BaseImage { dockerfile: at, stage, image: known, span: node.base.span() });
                }
            }
        }
        images
    }

    /// Whether a name stands for a named context in a build of the Dockerfile; of one that nothing here is known to build, in any build
    /// of the repository.
    pub fn is_named_context(&self, dockerfile: usize, name: &str) -> bool {
        let alone = self.builds_of(dockerfile).all(|build| matches!(build.maker, Maker::Standalone(_)));
        let mut builds = self.builds.iter();
        // A target that cannot be evaluated makes no build, and names its contexts all the same.
        let written = |target: Declared<'_>| match target.attribute("contexts").map(|contexts| &contexts.kind) {
            Some(ExprKind::Object(object)) => object.entries.iter().any(|entry| entry.name() == Some(name)),
            _ => false,
        };
        let in_bakes = || self.bakes.iter().any(|bake| bake.definition.targets().any(written));
        self.builds_of(dockerfile).any(|build| build.named_context(name).is_some())
            || alone && (builds.any(|build| build.named_context(name).is_some()) || in_bakes())
    }

    /// The folder that is the context of a Dockerfile's builds, by its index; `None` when it is not known or not one. Where workflows
    /// build it, what compose files and scripts say besides does not count.
    pub fn context_folder(&self, dockerfile: usize) -> Option<String> {
        let called = self.builds_of(dockerfile).any(|build| build.caller.is_some());
        let builds = self.builds_of(dockerfile).filter(|build| !called || build.caller.is_some());
        let mut folders = builds.map(|build| match &build.context {
            Context::Folder(folder) => Some(folder.clone()),
            _ => None,
        });
        let first = folders.next()??;
        folders.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// The image that a stage and the stages below it stand on, when it is known and the same in all builds.
    pub fn root_image(&self, dockerfile: usize, stage: usize) -> Option<ImageRef> {
        let file = self.dockerfiles.get(dockerfile)?;
        let mut images = self.builds_of(dockerfile).map(|build| {
            let mut stage = stage;
            // A stage stands on an earlier one, so that this comes to an end.
            loop {
                match file.base(stage, Some(build)) {
                    Base::Stage(base) if base < stage => stage = base,
                    Base::Image(text) => return ImageRef::parse(text.as_known()?).ok(),
                    _ => return None,
                }
            }
        });
        let first = images.next()??;
        images.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// Whether a build of the repository makes an image of that name, whatever its tag.
    pub fn makes_image(&self, image: &ImageRef) -> bool {
        let tags = self.builds.iter().flat_map(|build| &build.tags);
        let known = tags.filter_map(|(tag, _)| tag.as_known().and_then(|tag| ImageRef::parse(tag).ok()));
        let mut names = known.map(|made| made.name());
        names.any(|name| name == image.name())
    }
}
