//! Compose services as builds: those that a command builds, and those that a file declares.
//!
//! Files are joined as Compose joins them: `-f` files and override files over each other, `extends` below, `include` beside.
//! See loader/loader.go and loader/extends.go of compose-go.

use std::collections::{BTreeMap, BTreeSet};

use crate::bake;
use crate::model::Project;
use crate::model::build::{Build, BuildArg, Caller, Context, Entry, Maker, NamedContext, ScriptCall};
use crate::model::callers::convert::{self, context_of};
use crate::model::command_line::{ComposeCommand, Placed};
use crate::model::compose::{Assignment, Compose, Scalar, Service, ServiceBuild, Variable};
use crate::model::inline::{Inline, Writing};
use crate::model::paths;
use crate::model::value::{Eval, Text, TextPart, Value};
use crate::model::workflow::Field;
use crate::source::{FileId, Span};
use crate::syntax::interpolation::{Interpolation, Part};
use crate::syntax::mapped::MappedText;
use crate::syntax::yaml::ScalarStyle;

/// The names that Compose looks for, the first one wins (cli/options.go of compose-go).
const DEFAULT_FILES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The files that are laid over them when no file is named.
const OVERRIDE_FILES: &[&str] =
    &["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// How many services may extend each other, and how many files include each other.
const MAX_DEPTH: u32 = 8;

/// A compose command: which files, and what is asked of them.
#[derive(Debug, Clone)]
pub(super) struct ComposeRequest {
    /// The folder it runs in.
    pub folder: Option<String>,
    /// What is asked for.
    pub words: ComposeCommand,
    /// Who calls.
    pub caller: Option<Caller>,
    /// The script that holds the command.
    pub script: Option<ScriptCall>,
    /// What the caller's environment gives for variables.
    pub environment: BTreeMap<String, Text>,
}

/// Files that are joined, and the folder that their paths are relative to.
#[derive(Debug, Clone, Default)]
struct Group {
    folder: String,
    /// Indices in [`Project::composes`], stronger ones later.
    files: Vec<usize>,
}

/// One definition of a service, and the folder that its paths are relative to.
#[derive(Clone)]
struct Layer<'p> {
    service: &'p Service,
    file: FileId,
    folder: String,
}

/// Turns services into builds, and remembers which are made.
#[derive(Default)]
pub(super) struct Services {
    /// The variables of `.env` files by folder.
    defaults: BTreeMap<String, BTreeMap<String, String>>,
    /// The compose files by path: indices in [`Project::composes`].
    by_path: BTreeMap<String, usize>,
    /// Services that a command builds.
    called: BTreeSet<(FileId, String)>,
    /// Those among them by the job that builds them.
    by_job: BTreeSet<(usize, usize, FileId, String)>,
}

impl Services {
    pub fn new(project: &Project) -> Self {
        let paths = project.composes.iter().enumerate().map(|(at, file)| (project.path(file.file).to_owned(), at));
        Services { by_path: paths.collect(), ..Services::default() }
    }

    /// The index of the compose file at a path, which is read when it is new. One that exists and was not read is missing.
    fn file(&mut self, project: &mut Project, path: &str) -> Option<usize> {
        if let Some(at) = self.by_path.get(path) {
            return Some(*at);
        }
        let Some(file) = project.snapshot.find(path) else {
            if project.snapshot.has_path(path) {
                project.missing.push(path.to_owned());
            }
            return None;
        };
        let source = project.snapshot.get(file)?;
        let (compose, errors) = Compose::parse(file, source.text());
        project.errors.extend(errors);
        project.composes.push(compose);
        self.by_path.insert(path.to_owned(), project.composes.len() - 1);
        Some(project.composes.len() - 1)
    }

    /// The files that Compose finds by itself in a folder or above it.
    fn default_files(&mut self, project: &mut Project, folder: &str) -> Option<Group> {
        let mut folder = folder.to_owned();
        loop {
            let first = |names: &[&str]| {
                let paths = names.iter().filter_map(|name| paths::join(&folder, name));
                paths.into_iter().find(|path| project.snapshot.has_path(path))
            };
            if let Some(main) = first(DEFAULT_FILES) {
                let files = [Some(main), first(OVERRIDE_FILES)].into_iter().flatten();
                let files: Vec<String> = files.collect();
                let files = files.iter().filter_map(|path| self.file(project, path)).collect();
                return Some(Group { folder, files });
            }
            if folder.is_empty() {
                return None;
            }
            folder = paths::folder(&folder).to_owned();
        }
    }

    /// The files of a command with those that they include.
    fn groups(&mut self, project: &mut Project, request: &ComposeRequest) -> Option<Vec<Group>> {
        let folder = request.folder.as_deref()?;
        let known = |placed: &Placed| placed.0.as_known().map(str::to_owned);
        let mut named: Vec<String> = request.words.files.iter().map(known).collect::<Option<_>>()?;
        if named.is_empty()
            && let Some(files) = request.environment.get("COMPOSE_FILE")
        {
            named = files.as_known()?.split(':').map(str::to_owned).collect();
        }
        let mut group = if named.is_empty() {
            let start = match &request.words.directory {
                Some(directory) => paths::join(folder, &known(directory)?)?,
                None => folder.to_owned(),
            };
            self.default_files(project, &start)?
        } else {
            let files: Vec<String> = named.iter().filter_map(|name| paths::join(folder, name)).collect();
            let first = files.first().map_or("", |first| paths::folder(first)).to_owned();
            let files: Vec<usize> = files.iter().filter_map(|path| self.file(project, path)).collect();
            Group { folder: first, files }
        };
        if let Some(directory) = &request.words.directory {
            group.folder = paths::join(folder, &known(directory)?)?;
        }
        let mut groups = vec![group];
        self.include(project, &mut groups);
        Some(groups)
    }

    /// Adds the files that are included.
    fn include(&mut self, project: &mut Project, groups: &mut Vec<Group>) {
        let mut seen: BTreeSet<usize> = groups.iter().flat_map(|group| group.files.iter().copied()).collect();
        let mut at = 0;
        while let Some(group) = groups.get(at).cloned() {
            at += 1;
            let included = group.files.iter().filter_map(|file| project.composes.get(*file));
            let names: Vec<String> = included
                .flat_map(|file| &file.included)
                .filter_map(|path| paths::join(&group.folder, path.known()?))
                .collect();
            for path in names {
                if let Some(file) = self.file(project, &path)
                    && seen.insert(file)
                {
                    groups.push(Group { folder: paths::folder(&path).to_owned(), files: vec![file] });
                }
            }
        }
    }

    fn defaults(&mut self, project: &Project, folder: &str) -> &BTreeMap<String, String> {
        self.defaults.entry(folder.to_owned()).or_insert_with(|| {
            let path = paths::join(folder, ".env").unwrap_or_default();
            let source = project.snapshot.find(&path).and_then(|file| project.snapshot.get(file));
            let read = source.map(|source| bake::parse_env(source.text(), &|_| None).unwrap_or_default());
            read.unwrap_or_default()
        })
    }

    /// The builds of a command.
    pub fn call(&mut self, project: &mut Project, request: &ComposeRequest) -> Vec<Build> {
        let Some(groups) = self.groups(project, request) else { return Vec::new() };
        let words = &request.words;
        let mut asked: BTreeSet<String> = BTreeSet::new();
        for (service, _) in &words.services {
            // Which services are asked for is not known, so none is taken for called.
            let Some(name) = service.as_known() else { return Vec::new() };
            asked.insert(name.to_owned());
        }
        if words.open && asked.is_empty() {
            return Vec::new();
        }
        let mut builds = Vec::new();
        for group in &groups {
            group.files.iter().for_each(|file| self.read_extended(project, *file, &group.folder));
            let defaults = self.defaults(project, &group.folder).clone();
            let lookup = |name: &str| variable(name, &request.environment, &defaults);
            let closed = if words.with_dependencies { self.closure(project, group, &asked) } else { asked.clone() };
            for name in names(project, group) {
                let layers = self.layers(project, group, name);
                let wanted = if asked.is_empty() { words.admits(&layers, &lookup) } else { closed.contains(name) };
                if !wanted {
                    continue;
                }
                let Some(mut build) = build(project, &layers, &lookup) else { continue };
                let Maker::Service { file, .. } = build.maker else { continue };
                let key = (file, name.to_owned());
                // An image that has a name may come from a registry or from an earlier step.
                let made = request.caller.as_ref().is_some_and(|caller| {
                    self.by_job.contains(&(caller.step.workflow, caller.step.job, key.0, key.1.clone()))
                });
                if words.if_missing && (made || !build.tags.is_empty()) {
                    continue;
                }
                build.caller = request.caller.clone();
                build.script = request.script.clone();
                build.args.extend(words.args.iter().cloned().filter_map(convert::arg));
                build.args = last_of_each(build.args, |arg| &arg.name);
                build.push = Eval::Known(words.push);
                if words.no_cache {
                    build.no_cache = Eval::Known(true);
                }
                if let Some(caller) = &request.caller {
                    self.by_job.insert((caller.step.workflow, caller.step.job, key.0, key.1.clone()));
                }
                self.called.insert(key);
                builds.push(build);
            }
        }
        builds
    }

    /// The builds of the services that no command builds. What a bake definition builds is left to it.
    pub fn uncalled(&mut self, project: &mut Project) -> Vec<Build> {
        let baked: BTreeSet<FileId> = project.bakes.iter().flat_map(|bake| bake.files.iter().copied()).collect();
        let mut builds = Vec::new();
        // Files that others name are read on the way, and are not there on their own.
        for at in 0..project.composes.len() {
            let file = project.composes[at].file;
            if baked.contains(&file) {
                continue;
            }
            let path = project.path(file).to_owned();
            let folder = paths::folder(&path).to_owned();
            let name = path.rsplit('/').next().unwrap_or_default();
            let default = self.default_files(project, &folder).filter(|group| group.folder == folder);
            let own = Group { folder: folder.clone(), files: vec![at] };
            let over = match default {
                Some(group) if group.files.first() != Some(&at) => {
                    let mut files = group.files;
                    files.truncate(1);
                    files.push(at);
                    Some(Group { folder: folder.clone(), files })
                }
                _ => None,
            };
            self.read_extended(project, at, &folder);
            let defaults = self.defaults(project, &folder).clone();
            let environment = BTreeMap::new();
            let lookup = |name: &str| variable(name, &environment, &defaults);
            let is_override = OVERRIDE_FILES.contains(&name);
            for service in &project.composes[at].services {
                if self.called.contains(&(file, service.name.node.clone())) {
                    continue;
                }
                let Some(declared) = &service.build else { continue };
                // One that does not say what is built is laid over the definition in the default file.
                let group = match &over {
                    Some(over) if is_override || declared.context.is_none() => over,
                    _ => &own,
                };
                let layers = self.layers(project, group, &service.name.node);
                builds.extend(build(project, &layers, &lookup));
            }
        }
        builds
    }

    /// The definitions of a service, the weakest first.
    fn layers<'p>(&self, project: &'p Project, group: &Group, name: &str) -> Vec<Layer<'p>> {
        let mut found = Vec::new();
        for file in &group.files {
            self.extend(project, (*file, &group.folder), name, &mut found, MAX_DEPTH);
        }
        found
    }

    /// Adds the definition of a service in a file, whose paths are relative to a folder, behind those that it extends.
    fn extend<'p>(
        &self,
        project: &'p Project,
        (at, folder): (usize, &str),
        name: &str,
        found: &mut Vec<Layer<'p>>,
        depth: u32,
    ) {
        let Some(compose) = project.composes.get(at) else { return };
        let Some(service) = compose.service(name) else { return };
        if let (Some((other, from)), Some(depth)) = (&service.extended, depth.checked_sub(1))
            && let Some(other) = other.known()
        {
            match from.as_ref().map(|from| paths::join(folder, from.known()?)) {
                None => self.extend(project, (at, folder), other, found, depth),
                Some(Some(path)) => {
                    if let Some(at) = self.by_path.get(&path) {
                        self.extend(project, (*at, paths::folder(&path)), other, found, depth);
                    }
                }
                Some(None) => {}
            }
        }
        found.push(Layer { service, file: compose.file, folder: folder.to_owned() });
    }

    /// The services of that name with those that they depend on.
    fn closure(&self, project: &Project, group: &Group, asked: &BTreeSet<String>) -> BTreeSet<String> {
        let mut closed = asked.clone();
        let mut open: Vec<String> = asked.iter().cloned().collect();
        while let Some(name) = open.pop() {
            for layer in self.layers(project, group, &name) {
                for dependency in &layer.service.depends_on {
                    if closed.insert(dependency.service.node.clone()) {
                        open.push(dependency.service.node.clone());
                    }
                }
            }
        }
        closed
    }

    /// Reads the files that the services of a file extend.
    fn read_extended(&mut self, project: &mut Project, at: usize, folder: &str) {
        let services = &project.composes[at].services;
        let files = services.iter().filter_map(|service| service.extended.as_ref()?.1.as_ref()?.known());
        let paths: BTreeSet<String> = files.filter_map(|file| paths::join(folder, file)).collect();
        for path in paths {
            self.file(project, &path);
        }
    }
}

impl ComposeCommand {
    /// Whether a service that is not asked for by name is built: one without profiles, or of a profile that is on.
    fn admits(&self, layers: &[Layer<'_>], lookup: &dyn Fn(&str) -> Variable) -> bool {
        let mut profiles = layers.iter().flat_map(|layer| &layer.service.profiles).peekable();
        let on =
            |name: &str| self.profiles.iter().any(|(on, _)| on.as_known().is_none_or(|on| on == name || on == "*"));
        profiles.peek().is_none() || profiles.any(|profile| profile.text(lookup).as_known().is_some_and(on))
    }
}

/// What is known of a variable.
fn variable(name: &str, environment: &BTreeMap<String, Text>, defaults: &BTreeMap<String, String>) -> Variable {
    match environment.get(name) {
        Some(text) => match text.as_known() {
            Some(known) => Variable::Set(known.to_owned()),
            None => Variable::Partly(text.clone()),
        },
        None => defaults.get(name).map_or(Variable::Unknown, |value| Variable::Set(value.clone())),
    }
}

/// The services of a group, in the order in which they are first written.
fn names<'p>(project: &'p Project, group: &Group) -> Vec<&'p str> {
    let mut seen = BTreeSet::new();
    let files = group.files.iter().filter_map(|file| project.composes.get(*file));
    let names = files.flat_map(|file| file.services.iter().map(|service| service.name.node.as_str()));
    names.filter(|name| seen.insert(*name)).collect()
}

/// The build of a service; nothing if it has none.
fn build(project: &Project, layers: &[Layer<'_>], lookup: &dyn Fn(&str) -> Variable) -> Option<Build> {
    let builds = || layers.iter().filter_map(|layer| Some((layer, layer.service.build.as_ref()?)));
    let (place, _) = builds().next_back()?;
    let name = &place.service.name;
    let last = |get: &dyn Fn(&ServiceBuild) -> Option<Scalar>| {
        let mut found = builds().rev().filter_map(|(layer, build)| Some((layer, get(build)?)));
        found.next()
    };
    let field = |field: &Option<Field<Scalar>>| field.as_ref().map(|field| field.value.clone());
    let placed = |scalar: &Scalar| (scalar.text(lookup), scalar.span);
    let all = |get: &dyn Fn(&ServiceBuild) -> Option<&Field<Vec<Scalar>>>| -> Vec<Placed> {
        let lists = builds().filter_map(|(_, build)| get(build));
        lists.flat_map(|list| &list.value).map(placed).filter(|(text, _)| !text.is_empty()).collect()
    };
    let mut build = Build::new(Maker::Service { file: place.file, name: name.node.clone() }, &*name.node, name.span);
    let context = last(&|build| build.context.clone());
    build.context = match &context {
        Some((layer, scalar)) => context_of(&scalar.text(lookup), &layer.folder),
        None => Context::Folder(place.folder.clone()),
    };
    build.context_span = context.as_ref().map(|(_, scalar)| scalar.span);
    let inline = last(&|build| field(&build.dockerfile_inline));
    let named = last(&|build| field(&build.dockerfile));
    build.inline = inline.as_ref().and_then(|(layer, scalar)| dockerfile_of(project, layer, scalar, lookup));
    build.dockerfile_path = match (&inline, named, &build.context) {
        (Some(_), ..) => None,
        (None, Some((_, scalar)), Context::Folder(folder)) => {
            let text = scalar.text(lookup);
            let path = text.as_known().and_then(|path| paths::join(folder, path));
            Some(Value { eval: path.into(), span: scalar.span })
        }
        (None, None, Context::Folder(folder)) => {
            Some(Value { eval: paths::join(folder, "Dockerfile").into(), span: name.span })
        }
        (None, named, _) => Some(Value::dynamic(named.map_or(name.span, |(_, scalar)| scalar.span))),
    };
    let one =
        |scalar: &Scalar| Value { eval: scalar.text(lookup).as_known().map(str::to_owned).into(), span: scalar.span };
    build.target = last(&|build| field(&build.target)).map(|(_, scalar)| one(&scalar));
    let args = builds().flat_map(|(_, build)| &build.args).map(|arg| argument(arg, lookup));
    build.args = last_of_each(args.collect(), |arg| &arg.name);
    for (layer, assignment) in
        builds().flat_map(|(layer, build)| build.additional_contexts.iter().map(move |context| (layer, context)))
    {
        let text = assignment.value.as_ref().map(|value| value.text(lookup)).unwrap_or_default();
        let service = text.as_known().and_then(|text| text.strip_prefix("service:"));
        let context = match service {
            Some(service) => Context::Target(service.to_owned()),
            None => context_of(&text, &layer.folder),
        };
        let name = assignment.name.node.clone();
        build.contexts.push(NamedContext { name, context, span: assignment.entry });
    }
    build.contexts = last_of_each(build.contexts, |context| &context.name);
    let platforms = all(&|build| build.platforms.as_ref());
    let own = layers.iter().rev().find_map(|layer| layer.service.platform.as_ref());
    let platforms =
        if platforms.is_empty() { own.map(|own| placed(&own.value)).into_iter().collect() } else { platforms };
    build.platforms_known = platforms.iter().all(|(text, _)| text.as_known().is_some());
    build.platforms = platforms
        .into_iter()
        .map(|(text, span)| Value { eval: text.as_known().map(str::to_owned).into(), span })
        .collect();
    let image = layers.iter().rev().find_map(|layer| layer.service.image.as_ref());
    build.tags = image.map(|image| placed(&image.value)).into_iter().collect();
    build.tags.extend(all(&|build| build.tags.as_ref()));
    let entries =
        |list: Vec<Placed>| -> Vec<Entry> { list.iter().map(|(text, span)| Entry::parse(text, *span)).collect() };
    build.cache_from = entries(all(&|build| build.cache_from.as_ref()));
    build.cache_to = entries(all(&|build| build.cache_to.as_ref()));
    build.load = Eval::Known(true);
    let flag = |scalar: Option<(&Layer<'_>, Scalar)>| match scalar {
        None => Eval::Known(false),
        Some((_, scalar)) => scalar.as_bool().into(),
    };
    build.no_cache = flag(last(&|build| field(&build.no_cache)));
    build.pull = flag(last(&|build| field(&build.pull)));
    let labels = builds().flat_map(|(_, build)| &build.labels);
    let labels = labels.map(|label| argument(label, lookup));
    build.labels = labels.map(|label| (label.name, label.value, label.span)).collect();
    let secrets = builds().flat_map(|(_, build)| &build.secrets);
    build.secrets = secrets.map(|secret| (secret.raw.as_str().to_owned(), secret.span)).collect();
    // What an extended service of another project gives is not known.
    let unknown = layers.iter().any(|layer| {
        layer
            .service
            .extended
            .as_ref()
            .is_some_and(|(_, file)| file.as_ref().is_some_and(|file| !is_read(project, layer, file)))
    });
    if unknown && context.is_none() {
        build.context = Context::Dynamic;
        build.dockerfile_path = Some(Value::dynamic(name.span));
    }
    Some(build)
}

/// A Dockerfile in a compose file, if all of it is known.
fn dockerfile_of(
    project: &Project,
    layer: &Layer<'_>,
    scalar: &Scalar,
    lookup: &dyn Fn(&str) -> Variable,
) -> Option<Inline> {
    let mut text = MappedText::empty(layer.file, scalar.span.start as usize);
    for part in &scalar.template.parts {
        match part {
            Part::Text(known) => text.push_mapped(known),
            Part::Broken(_) => return None,
            Part::Variable(variable) => {
                let template = Interpolation { parts: vec![part.clone()] };
                let value = Scalar { template, ..scalar.clone() }.text(lookup);
                text.push_for(variable.span.range(), value.as_known()?);
            }
        }
    }
    let writing = match scalar.style {
        ScalarStyle::Literal => Writing::Dollars,
        _ => Writing::Opaque,
    };
    let file = project.snapshot.get(layer.file).map(|file| (file.text(), file.lines()));
    Some(Inline::new(text, writing, file))
}

/// The items without those that a later one of the same name replaces.
fn last_of_each<T>(items: Vec<T>, name: impl Fn(&T) -> &String) -> Vec<T> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<T> = items.into_iter().rev().filter(|item| seen.insert(name(item).clone())).collect();
    kept.reverse();
    kept
}

fn is_read(project: &Project, layer: &Layer<'_>, file: &Scalar) -> bool {
    let path = file.known().and_then(|file| paths::join(&layer.folder, file));
    path.is_some_and(|path| project.snapshot.find(&path).is_some())
}

fn argument(assignment: &Assignment, lookup: &dyn Fn(&str) -> Variable) -> BuildArg {
    let name = assignment.name.node.clone();
    let value = match &assignment.value {
        Some(value) => value.text(lookup),
        // The environment gives the value.
        None => match lookup(&name) {
            Variable::Set(value) => Text::known(value),
            Variable::Partly(value) => value,
            Variable::Unset | Variable::Unknown => {
                let mut text = Text::default();
                text.push(TextPart::Unknown(name.clone()));
                text
            }
        },
    };
    let span: Span = assignment.value.as_ref().map_or(assignment.name.span, |value| value.span);
    BuildArg { name, value, name_span: assignment.name.span, span }
}
