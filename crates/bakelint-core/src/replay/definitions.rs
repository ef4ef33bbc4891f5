//! The builds that a commit's own files describe.

use super::content::{Content, ObjectSource};
use super::convert::{BuildContext, BuildInput};
use super::declared;
use super::history::HistoryError;
use super::store::Caches;
use super::tree::Oid;
use crate::bake::functions::FunctionEnv;
use crate::bake::{self, Definition, DefinitionFile, Host, Inputs, PathKind, Plan, Target};
use crate::source::{FileId, Source};
use crate::syntax::dockerfile::{self, Dockerfile};
use crate::syntax::dockerignore::clean;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What to build at each commit.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Bake files relative to the root of the project; those that bake finds by itself if there are none.
    pub files: Vec<String>,
    /// A Dockerfile to build alone, when no bake file is meant.
    pub dockerfile: Option<String>,
    /// The folder that is the context of that build; `""` is the root of the project.
    pub context: String,
    /// Targets or groups, in the order in which they are built; the default group, or all targets, if there are none.
    pub targets: Vec<String>,
    /// Overrides, as bake's `--set`.
    pub overrides: Vec<String>,
    /// Values of variables that are the same for all commits.
    pub variables: BTreeMap<String, String>,
    /// Environment variables that have another value at each commit, such as the commit's id or a build number.
    pub per_commit: Vec<String>,
}

/// The builds of one commit.
#[derive(Debug, Clone, Default)]
pub struct Defined {
    /// All builds; those that others link to come with them.
    pub inputs: Vec<BuildInput>,
    /// Names of the builds that are asked for, in order.
    pub requested: Vec<String>,
    /// Builds that cannot be told, and why.
    pub failed: Vec<(String, String)>,
    /// Where the caches of the builds come from and go to, as the bake files say it.
    pub caches: Vec<(String, Caches)>,
}

/// Reads the builds of commits; what does not change is parsed once.
pub struct Definitions {
    request: Request,
    dockerfiles: HashMap<Oid, Arc<Dockerfile>>,
    inline: HashMap<String, Arc<Dockerfile>>,
    /// The builds of before, with the contents of all files that they come from.
    last: Option<(Vec<Seen>, Arc<Defined>)>,
}

/// A file that was looked for, with what was found.
type Seen = (String, Option<Oid>);

/// What is special about one commit for its definitions.
#[derive(Debug, Clone, Copy)]
pub struct AtCommit<'a> {
    /// The root of the project in the commit's tree.
    pub root: Oid,
    /// The commit's id, a value that no other commit has.
    pub id: &'a str,
    /// Its number in the replay.
    pub number: usize,
}

impl Definitions {
    /// Definitions for this request.
    pub fn new(request: Request) -> Self {
        Definitions { request, dockerfiles: HashMap::new(), inline: HashMap::new(), last: None }
    }

    /// The builds of one commit. The same value as before is returned if nothing that they depend on has changed.
    ///
    /// # Errors
    ///
    /// The object store fails. What is wrong with a definition stands in [`Defined::failed`].
    pub fn at<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        commit: AtCommit<'_>,
    ) -> Result<Arc<Defined>, HistoryError> {
        if let Some((files, defined)) = &self.last
            && self.request.per_commit.is_empty()
        {
            let mut same = true;
            for (path, oid) in files {
                same &= content.file_id(commit.root, path)? == *oid;
            }
            if same {
                return Ok(Arc::clone(defined));
            }
        }
        let mut reader = Reader { definitions: self, content, commit, seen: Vec::new() };
        let defined = Arc::new(reader.read()?);
        let seen = reader.seen;
        // A value that depends on the clock or on chance is another one at each commit.
        let volatile = defined.inputs.iter().any(|input| input.args.iter().any(|(_, value)| value.contains(DYNAMIC)));
        self.last = (!volatile).then(|| (seen, Arc::clone(&defined)));
        Ok(defined)
    }
}

/// Stands before the commit's id in values that only a build would know.
const DYNAMIC: &str = "\u{1}dynamic ";

struct Reader<'r, S> {
    definitions: &'r mut Definitions,
    content: &'r mut Content<S>,
    commit: AtCommit<'r>,
    seen: Vec<Seen>,
}

impl<S: ObjectSource> Reader<'_, S> {
    fn find(&mut self, path: &str) -> Result<Option<Oid>, HistoryError> {
        let oid = self.content.file_id(self.commit.root, path)?;
        self.seen.push((path.to_owned(), oid));
        Ok(oid)
    }

    fn read(&mut self) -> Result<Defined, HistoryError> {
        if let Some(path) = self.definitions.request.dockerfile.clone() {
            return self.standalone(&path);
        }
        let mut definition = Definition::default();
        let named = !self.definitions.request.files.is_empty();
        let names: Vec<String> = match named {
            true => self.definitions.request.files.clone(),
            false => bake::DEFAULT_FILES.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut defined = Defined::default();
        for name in names {
            match self.find(&name)? {
                Some(oid) => {
                    let source = Source::new(name.clone(), self.content.blob(oid)?);
                    let file = FileId(definition.files.len() as u32);
                    definition.files.push(DefinitionFile::parse(name, file, source.text()));
                }
                None if named => {
                    defined.failed.push((String::new(), format!("there is no {name}")));
                    return Ok(defined);
                }
                None => {}
            }
        }
        if definition.files.is_empty() {
            if self.find("Dockerfile")?.is_some() {
                return self.standalone("Dockerfile");
            }
            defined.failed.push((String::new(), "there is no bake file and no Dockerfile".to_owned()));
            return Ok(defined);
        }
        match self.plan(&definition)? {
            Ok((plan, requested)) => {
                for (name, target) in &plan.targets {
                    match self.target(target)? {
                        Ok(input) => defined.inputs.push(input),
                        Err(why) => defined.failed.push((name.clone(), why)),
                    }
                    defined.caches.push((name.clone(), declared::caches_of_target(target)));
                }
                defined.requested = requested;
            }
            Err(why) => defined.failed.push((String::new(), why)),
        }
        Ok(defined)
    }

    fn plan(&mut self, definition: &Definition) -> Result<Result<(Plan, Vec<String>), String>, HistoryError> {
        let request = &self.definitions.request;
        let values = request.per_commit.iter().map(|name| (name.clone(), per_commit(name, self.commit)));
        let host = CommitHost {
            root: self.commit.root,
            environment: values.collect(),
            content: RefCell::new(&mut *self.content),
            seen: RefCell::new(Vec::new()),
            failed: RefCell::new(None),
        };
        let plan = Self::plan_with(request, definition, &host);
        let CommitHost { seen, failed, .. } = host;
        self.seen.append(&mut seen.into_inner());
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(plan),
        }
    }

    fn plan_with(request: &Request, definition: &Definition, host: &dyn Host) -> Result<(Plan, Vec<String>), String> {
        let known = |value: &String| bake::Eval::Known(value.clone());
        let mut inputs = Inputs {
            targets: request.targets.clone(),
            overrides: request.overrides.clone(),
            variables: request.variables.iter().map(|(name, value)| (name.clone(), known(value))).collect(),
            trace: false,
            ..Inputs::default()
        };
        let told = |error: &bake::BakeError| error.display(|span| definition.source(span)).to_string();
        let evaluation = bake::evaluate(definition, &inputs, host);
        if let Some(error) = evaluation.errors.first() {
            return Err(told(error));
        }
        let is_declared = |name: &str| {
            evaluation.groups.iter().any(|group| group.name == name)
                || evaluation.targets.iter().any(|target| target.name == name)
        };
        if inputs.targets.is_empty() && !is_declared("default") {
            inputs.targets = evaluation.targets.iter().map(|target| target.name.clone()).collect();
        }
        // A target that was added later is no mistake of the commits before.
        let exists = |name: &String| {
            let pattern = name.contains(['*', '?', '[']);
            pattern || is_declared(name)
        };
        if inputs.targets.iter().any(exists) {
            inputs.targets.retain(exists);
        }
        let plan = evaluation.plan(&inputs, host).map_err(|error| told(&error))?;
        let mut requested: Vec<String> =
            inputs.targets.iter().filter(|name| plan.targets.contains_key(*name)).cloned().collect();
        for (name, target) in &plan.targets {
            if !target.linked && !requested.contains(name) {
                requested.push(name.clone());
            }
        }
        Ok((plan, requested))
    }

    fn target(&mut self, target: &Target) -> Result<Result<BuildInput, String>, HistoryError> {
        let text = |set: &Option<bake::Set<String>>| set.as_ref().map(|set| set.value.clone());
        let context = context(&text(&target.context).unwrap_or_else(|| ".".into()));
        let (dockerfile, path) = match text(&target.dockerfile_inline) {
            Some(text) => (self.inline(text), None),
            None => {
                let name = text(&target.dockerfile).filter(|name| !name.is_empty());
                let name = name.unwrap_or_else(|| "Dockerfile".into());
                let folder = match &context {
                    BuildContext::Folder(folder) => folder.as_str(),
                    _ => return Ok(Err("its Dockerfile is in a context that is no folder of the repository".into())),
                };
                let path = match name.strip_prefix("cwd://") {
                    Some(name) => clean(name),
                    None if name.starts_with('/') => return Ok(Err(format!("{name} is outside of the repository"))),
                    None => clean(&format!("{folder}/{name}")).trim_start_matches('/').to_owned(),
                };
                match self.dockerfile(&path)? {
                    Some(found) => (found, Some(path)),
                    None => return Ok(Err(format!("there is no {path}"))),
                }
            }
        };
        let mut input = BuildInput::new(&target.name, dockerfile);
        input.dockerfile_path = path;
        input.context = context;
        input.target = text(&target.target);
        let dynamic = format!("{DYNAMIC}{}", self.commit.id);
        for (name, value) in &target.args {
            let value = if value.origin.dynamic { Some(dynamic.clone()) } else { value.value.clone() };
            input.args.extend(value.map(|value| (name.clone(), value)));
        }
        let epoch = "SOURCE_DATE_EPOCH".to_owned();
        if self.definitions.request.per_commit.contains(&epoch) && !target.args.contains_key(&epoch) {
            // Buildx passes it on by itself.
            let value = per_commit(&epoch, self.commit);
            input.args.push((epoch, value));
        }
        input.contexts = target.contexts.iter().map(|(name, set)| (name.clone(), named_context(&set.value))).collect();
        let list =
            |list: &bake::List<String>| -> Vec<String> { list.iter().flatten().map(|set| set.value.clone()).collect() };
        input.platforms = list(&target.platforms)
            .iter()
            .flat_map(|text| text.split(','))
            .map(|text| text.trim().to_owned())
            .collect();
        input.no_cache = target.no_cache.as_ref().is_some_and(|set| set.value);
        input.no_cache_filter = list(&target.no_cache_filter);
        input.ulimits = list(&target.ulimits);
        input.shm_size = text(&target.shm_size);
        input.network = text(&target.network);
        input.extra_hosts = target.extra_hosts.keys().cloned().collect();
        Ok(Ok(input))
    }

    fn standalone(&mut self, path: &str) -> Result<Defined, HistoryError> {
        let mut defined = Defined::default();
        match self.dockerfile(path)? {
            Some(dockerfile) => {
                let mut input = BuildInput::new(path, dockerfile);
                input.dockerfile_path = Some(path.to_owned());
                input.context = BuildContext::Folder(folder(&self.definitions.request.context));
                input.target = self.definitions.request.targets.first().cloned();
                let request = &self.definitions.request;
                input.args = request.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                let values = request.per_commit.iter().map(|name| (name.clone(), per_commit(name, self.commit)));
                input.args.extend(values);
                defined.requested.push(path.to_owned());
                defined.inputs.push(input);
            }
            None => defined.failed.push((path.to_owned(), format!("there is no {path}"))),
        }
        Ok(defined)
    }

    fn dockerfile(&mut self, path: &str) -> Result<Option<Arc<Dockerfile>>, HistoryError> {
        let mut found = self.find(path)?;
        if found.is_none()
            && let Some(folder) =
                path.strip_suffix("Dockerfile").filter(|folder| folder.is_empty() || folder.ends_with('/'))
        {
            // Buildx takes the name in lower case as well.
            found = self.find(&format!("{folder}dockerfile"))?;
        }
        let Some(oid) = found else { return Ok(None) };
        if let Some(known) = self.definitions.dockerfiles.get(&oid) {
            return Ok(Some(Arc::clone(known)));
        }
        let source = Source::new(path, self.content.blob(oid)?);
        let parsed = Arc::new(dockerfile::parse(FileId(0), source.text()));
        self.definitions.dockerfiles.insert(oid, Arc::clone(&parsed));
        Ok(Some(parsed))
    }

    fn inline(&mut self, text: String) -> Arc<Dockerfile> {
        if let Some(known) = self.definitions.inline.get(&text) {
            return Arc::clone(known);
        }
        let parsed = Arc::new(dockerfile::parse(FileId(0), &text));
        // Texts with the commit's id in them would pile up.
        if self.definitions.inline.len() < 1000 {
            self.definitions.inline.insert(text, Arc::clone(&parsed));
        }
        parsed
    }
}

/// The files of a commit as bake's surroundings; nothing of the machine is seen.
struct CommitHost<'h, S> {
    root: Oid,
    environment: BTreeMap<String, String>,
    content: RefCell<&'h mut Content<S>>,
    seen: RefCell<Vec<Seen>>,
    /// The first failure of the object store.
    failed: RefCell<Option<HistoryError>>,
}

impl<S: ObjectSource> CommitHost<'_, S> {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let mut content = self.content.borrow_mut();
        let found = content.file_id(self.root, path).and_then(|oid| {
            self.seen.borrow_mut().push((path.to_owned(), oid));
            oid.map(|oid| content.blob(oid)).transpose()
        });
        found.unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            None
        })
    }
}

impl<S: ObjectSource> FunctionEnv for CommitHost<'_, S> {
    fn now(&self) -> i64 {
        0
    }

    fn home_dir(&self) -> String {
        "/root".to_owned()
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

impl<S: ObjectSource> Host for CommitHost<'_, S> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.file(path).ok_or_else(|| "no such file or directory".to_owned())
    }

    fn kind(&self, path: &str) -> PathKind {
        if let Some(bytes) = self.file(path) {
            return PathKind::File(bytes.len() as u64);
        }
        match self.content.borrow_mut().directory(self.root, path) {
            Ok(Some(_)) => PathKind::Directory,
            _ => PathKind::Missing,
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn variables(&self) -> Vec<(String, String)> {
        self.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn standard_input(&self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn platform(&self) -> String {
        "linux/amd64".to_owned()
    }
}

/// The value that a variable has at one commit only: the commit's id, or a time for what must be one.
fn per_commit(name: &str, commit: AtCommit<'_>) -> String {
    match name {
        "SOURCE_DATE_EPOCH" => (1_000_000_000 + commit.number).to_string(),
        _ => commit.id.to_owned(),
    }
}

/// A main context as a path or URL.
fn context(text: &str) -> BuildContext {
    let text = text.strip_prefix("cwd://").unwrap_or(text);
    if bake::is_remote(text) || text.starts_with('/') || text == "-" {
        return BuildContext::Remote(text.to_owned());
    }
    BuildContext::Folder(folder(text))
}

fn named_context(text: &str) -> BuildContext {
    if let Some(target) = text.strip_prefix("target:") {
        return BuildContext::Target(target.to_owned());
    }
    if let Some(image) = text.strip_prefix("docker-image://") {
        return BuildContext::Image(image.to_owned());
    }
    match text.strip_prefix("oci-layout://") {
        Some(_) => BuildContext::Remote(text.to_owned()),
        None => context(text),
    }
}

/// A folder relative to the root of the project; `""` is the root.
fn folder(text: &str) -> String {
    let folder = clean(text);
    if folder == "." { String::new() } else { folder }
}
