//! Joins definitions with what they build: bake target, compose service, workflow step, Dockerfile, stage.

use crate::model::Project;
use crate::model::build::{Build, BuildArg, Context, Maker, NamedContext};
use crate::model::value::{Text, Value};
use crate::source::Span;

/// Fills in [`Project::builds`].
pub(super) fn link(project: &mut Project) {
    standalone(project);
}

/// Builds of the Dockerfiles that nothing in the repository builds, as the command line describes them.
fn standalone(project: &mut Project) {
    let settings = &project.settings.build;
    for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
        if project.builds.iter().any(|build| build.dockerfile == Some(at)) {
            continue;
        }
        let span = dockerfile.tree.instructions.first().map_or(Span::at(dockerfile.file, 0), |first| first.span);
        let mut build = Build::new(Maker::Standalone(dockerfile.file), dockerfile.path.clone(), span);
        build.dockerfile = Some(at);
        build.dockerfile_path = Some(Value::known(dockerfile.path.clone(), span));
        let folder = dockerfile.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        build.context = Context::Folder(folder.to_owned());
        build.target = settings.target.clone().map(|target| Value::known(target, span));
        build.args = settings
            .args
            .iter()
            .map(|(name, value)| BuildArg {
                name: name.clone(),
                value: Text::known(value.clone()),
                name_span: span,
                span,
            })
            .collect();
        build.contexts = settings
            .contexts
            .iter()
            .map(|(name, context)| NamedContext { name: name.clone(), context: context_of(context), span })
            .collect();
        build.platforms = settings.platform.iter().map(|platform| Value::known(platform.clone(), span)).collect();
        project.builds.push(build);
    }
}

/// A named context as the command line writes it.
fn context_of(text: &str) -> Context {
    if let Some(target) = text.strip_prefix("target:") {
        return Context::Target(target.to_owned());
    }
    if let Some(image) = text.strip_prefix("docker-image://") {
        return Context::Image(Text::known(image));
    }
    let remote = ["oci-layout://", "https://", "http://", "git@", "ssh://", "git://"];
    if remote.iter().any(|scheme| text.starts_with(scheme)) {
        return Context::Remote(Text::known(text));
    }
    Context::Folder(text.trim_start_matches("./").trim_end_matches('/').to_owned())
}
