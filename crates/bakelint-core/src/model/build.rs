//! A build: what is built, joined with who calls it.
//!
//! The same bake target called from two workflow jobs with different `set:` lines is two builds. A rule that speaks of a
//! definition reports once, at the definition.

use std::collections::BTreeMap;

use crate::model::inline::Inline;
use crate::model::value::{Eval, Text, Value};
use crate::source::{FileId, Span};

/// What makes a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maker {
    /// A target of a bake definition.
    Target {
        /// Index in [`Project::bakes`](crate::model::Project::bakes).
        bake: usize,
        /// The resolved target's name.
        name: String,
    },
    /// A service of a compose file, which is not also a target of a bake definition that someone calls.
    Service {
        /// The compose file.
        file: FileId,
        /// The service.
        name: String,
    },
    /// A workflow step that describes the whole build: docker/build-push-action, `docker build`.
    Step,
    /// A line of a script or Makefile that describes the whole build.
    Script(FileId),
    /// A Dockerfile that nothing in the repository builds.
    Standalone(FileId),
}

impl Maker {
    /// The kind in a word, as `bakelint inspect` names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Maker::Target { .. } => "target",
            Maker::Service { .. } => "service",
            Maker::Step => "step",
            Maker::Script(_) => "script",
            Maker::Standalone(_) => "dockerfile",
        }
    }
}

/// The place of a step: which workflow, job and step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepRef {
    /// Index in [`Project::workflows`](crate::model::Project::workflows).
    pub workflow: usize,
    /// Index of the job in the workflow.
    pub job: usize,
    /// Index of the step in the job.
    pub step: usize,
}

/// Who calls a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The step.
    pub step: StepRef,
    /// The legs of the job's matrix in which it is called; one empty leg without a matrix.
    pub legs: usize,
    /// Values of the matrix that this build is for, when the legs differ in what they build.
    pub leg: BTreeMap<String, String>,
    /// Ordinal of the call among the calls of this step: targets of one bake call share it.
    pub call: usize,
    /// The token that makes the call: the action's name, or the command.
    pub span: Span,
}

/// A script, or a part of one that can be called by its name, that holds a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptCall {
    /// The file: a Makefile, a justfile, `package.json`, a shell script.
    pub file: FileId,
    /// How people call it: `make image`, `npm run image`, `scripts/build.sh`.
    pub name: String,
    /// Where it is written: the Makefile's target, the script's name, the first byte of a shell script.
    pub span: Span,
}

/// Where a build context is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// A folder of the repository, relative to the root; `""` is the root.
    Folder(String),
    /// Another bake target of the same definition.
    Target(String),
    /// An image.
    Image(Text),
    /// A Git or HTTP URL, an OCI layout, a folder outside of the repository.
    Remote(Text),
    /// It does not follow from the files.
    Dynamic,
}

/// A named context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedContext {
    /// The name, as FROM, COPY --from and mounts use it.
    pub name: String,
    /// Where it is.
    pub context: Context,
    /// Where it is given.
    pub span: Span,
}

/// A build argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildArg {
    /// The ARG's name.
    pub name: String,
    /// The value that is passed; wholly unknown when the environment gives it.
    pub value: Text,
    /// Where the name is written.
    pub name_span: Span,
    /// Where the value is defined.
    pub span: Span,
}

/// An entry of `cache-from`, `cache-to` or `output`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The backend or exporter: `gha`, `registry`, `local`, `image`, `docker`, …
    pub kind: Text,
    /// The other options in order.
    pub options: Vec<(String, Text)>,
    /// The whole entry.
    pub span: Span,
}

impl Entry {
    /// An option's value.
    pub fn get(&self, name: &str) -> Option<&Text> {
        self.options.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Whether the entry is of that backend or exporter for sure.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_known() == Some(kind)
    }

    /// Reads the text form, `type=gha,scope=x`; a text without `=` is an image reference of the registry backend.
    pub fn parse(text: &Text, span: Span) -> Entry {
        let mut fields: Vec<Text> = Vec::new();
        let mut rest = text.clone();
        while let Some((field, tail)) = rest.split_once(',') {
            fields.push(field);
            rest = tail;
        }
        fields.push(rest);
        let mut entry = Entry { kind: Text::default(), options: Vec::new(), span };
        for field in fields {
            match field.split_once('=') {
                Some((key, value)) => {
                    let key = key.to_string().trim().to_lowercase();
                    if key == "type" {
                        entry.kind = value;
                    } else {
                        entry.options.push((key, value));
                    }
                }
                None => entry.options.push(("ref".into(), field)),
            }
        }
        if entry.kind.is_empty() {
            let unknown = entry.options.len() == 1
                && entry.options[0].1.as_known().is_none()
                && entry.options[0].1.prefix().is_empty();
            entry.kind = if unknown { text.clone() } else { Text::known("registry") };
        }
        entry
    }
}

/// One build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What makes it.
    pub maker: Maker,
    /// Who calls it; `None` when no workflow does.
    pub caller: Option<Caller>,
    /// The script that holds the command, whether a workflow runs that or only people do. A build with a script and without a
    /// [`caller`](Self::caller) costs no time of CI.
    pub script: Option<ScriptCall>,
    /// What people call it: the target's, service's or step's name, or the Dockerfile's path.
    pub name: String,
    /// Where it is declared: the target's label, the service's key, the step, the Dockerfile's first instruction.
    pub span: Span,
    /// The context.
    pub context: Context,
    /// Where the context is given, when it is.
    pub context_span: Option<Span>,
    /// The Dockerfile's path relative to the root, when it lies in the repository's folder structure and is known; a path
    /// may be known although no such file exists.
    pub dockerfile_path: Option<Value<String>>,
    /// The Dockerfile where it stands in the definition or the script itself.
    pub inline: Option<Inline>,
    /// The Dockerfile: index in [`Project::dockerfiles`](crate::model::Project::dockerfiles), when it was read.
    pub dockerfile: Option<usize>,
    /// The stage that is asked for; `None` means the last.
    pub target: Option<Value<String>>,
    /// Build arguments.
    pub args: Vec<BuildArg>,
    /// Named contexts.
    pub contexts: Vec<NamedContext>,
    /// Platforms; empty means the builder's own.
    pub platforms: Vec<Value<String>>,
    /// Whether [`platforms`](Self::platforms) is all of them.
    pub platforms_known: bool,
    /// Tags.
    pub tags: Vec<(Text, Span)>,
    /// Whether [`tags`](Self::tags) is all of them; not when another action or the environment computes some.
    pub tags_known: bool,
    /// Cache imports.
    pub cache_from: Vec<Entry>,
    /// Cache exports.
    pub cache_to: Vec<Entry>,
    /// Whether the cache entries are all known.
    pub cache_known: bool,
    /// Outputs.
    pub outputs: Vec<Entry>,
    /// Whether it is pushed.
    pub push: Eval<bool>,
    /// Whether it is loaded into the local store.
    pub load: Eval<bool>,
    /// Whether the cache is not used.
    pub no_cache: Eval<bool>,
    /// Whether base images are always looked up.
    pub pull: Eval<bool>,
    /// Labels.
    pub labels: Vec<(String, Text, Span)>,
    /// Ids of secrets.
    pub secrets: Vec<(String, Span)>,
}

impl Build {
    /// A build of which nothing is known yet but its name and place.
    pub fn new(maker: Maker, name: impl Into<String>, span: Span) -> Self {
        Build {
            maker,
            caller: None,
            script: None,
            name: name.into(),
            span,
            context: Context::Folder(String::new()),
            context_span: None,
            dockerfile_path: None,
            inline: None,
            dockerfile: None,
            target: None,
            args: Vec::new(),
            contexts: Vec::new(),
            platforms: Vec::new(),
            platforms_known: true,
            tags: Vec::new(),
            tags_known: true,
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            cache_known: true,
            outputs: Vec::new(),
            push: Eval::Known(false),
            load: Eval::Known(false),
            no_cache: Eval::Known(false),
            pull: Eval::Known(false),
            labels: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// The argument of that name.
    pub fn arg(&self, name: &str) -> Option<&BuildArg> {
        self.args.iter().rev().find(|arg| arg.name == name)
    }

    /// The named context of that name, without case as BuildKit compares them.
    pub fn named_context(&self, name: &str) -> Option<&NamedContext> {
        self.contexts.iter().find(|context| context.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::value::TextPart;

    #[test]
    fn cache_entries_in_text_form() {
        let span = Span::at(FileId(0), 0);
        let entry = Entry::parse(&Text::known("type=gha,scope=web,Mode=max"), span);
        assert!(entry.is("gha"));
        assert_eq!(entry.get("mode").and_then(Text::as_known), Some("max"));
        let entry = Entry::parse(&Text::known("user/app:cache"), span);
        assert!(entry.is("registry"));
        assert_eq!(entry.get("ref").and_then(Text::as_known), Some("user/app:cache"));
        let mut text = Text::known("type=registry,ref=");
        text.push(TextPart::Unknown("REF".into()));
        assert_eq!(Entry::parse(&text, span).get("ref").map(Text::to_string).as_deref(), Some("${REF}"));
    }
}
