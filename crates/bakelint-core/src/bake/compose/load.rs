//! Compose files to one model: interpolation, includes, extends, merging, paths.
//!
//! See loader/loader.go, extends.go and include.go of compose-go.

use std::collections::BTreeSet;

use super::data::{Data, Field, Item, Map, Reset, read};
use super::environment::{Environment, parse_env, read_text};
use super::interpolate::{interpolate, substitute};
use super::merge::{KEPT, apply_resets, canonical, enforce_unicity, merge};
use super::{ComposeFile, Problem, short};
use crate::bake::host::{Host, PathKind};
use crate::bake::included::Reader;
use crate::bake::remote::{clean_path, folder};
use crate::bake::target::Via;
use crate::source::{FileId, Span};
use crate::syntax::yaml;

/// How many services may extend each other in a row, and files include each other.
const MAX_CHAIN: usize = 100;

/// Services and secrets of the loaded files, with the environment that they saw.
pub(super) struct Model {
    pub services: Option<Item>,
    pub secrets: Option<Item>,
    pub environment: Environment,
    /// The services that are left out for a mistake of their own.
    pub broken: BTreeSet<String>,
}

/// Loads files on top of each other. What is wrong with a single service comes with the model of the others.
///
/// # Errors
/// At a mistake that concerns them all.
pub(super) fn load(
    files: &[&ComposeFile<'_>],
    environment: &Environment,
    reader: &Reader<'_>,
) -> Result<(Model, Vec<Problem>), Problem> {
    let mut environment = environment.clone();
    let project = project_name(files, &environment)?;
    environment.set("COMPOSE_PROJECT_NAME", project);
    let mut loader =
        Loader { reader, directory: String::new(), nested: 0, problems: Vec::new(), broken: BTreeSet::new() };
    let mut model = loader.model(files, "", &environment, &mut Vec::new())?;
    if model.is_empty() && loader.problems.is_empty() {
        return Err(Problem::new("empty compose file"));
    }
    let mut take = |key: &str| model.remove(key).map(|field| field.item);
    let model = Model { services: take("services"), secrets: take("secrets"), environment, broken: loader.broken };
    Ok((model, loader.problems))
}

/// The `name` of the last file that has one, else that of the environment, else `bake`.
fn project_name(files: &[&ComposeFile<'_>], environment: &Environment) -> Result<String, Problem> {
    let given = environment.get("COMPOSE_PROJECT_NAME").map(|(name, _)| name).filter(|name| !name.is_empty());
    let mut found = None;
    for file in files {
        for document in file.tree.documents() {
            let name = document.root.and_then(|root| file.tree.node(root).get("name"));
            found = name
                .and_then(|name| Some((name.text()?.to_owned(), name.span())))
                .filter(|(name, _)| !name.is_empty())
                .or(found);
        }
    }
    if let Some((name, span)) = found {
        let name = substitute(&name, &|name| environment.get(name))
            .map_err(|why| Problem::at(span, format!("error while interpolating name: {why}")))?;
        if !name.text.is_empty() {
            return Ok(name.text);
        }
    }
    Ok(given.unwrap_or_else(|| "bake".to_owned()))
}

struct Loader<'h> {
    reader: &'h Reader<'h>,
    /// Where the files that services extend are looked for.
    directory: String,
    nested: usize,
    /// What is wrong with single services and entries.
    problems: Vec<Problem>,
    /// The services that are left out therefore.
    broken: BTreeSet<String>,
}

/// One document, read and interpolated.
struct Document {
    map: Map,
    resets: Vec<Reset>,
}

impl Loader<'_> {
    /// The merged model of several files. Relative paths start from `directory`.
    fn model(
        &mut self,
        files: &[&ComposeFile<'_>],
        directory: &str,
        environment: &Environment,
        included: &mut Vec<String>,
    ) -> Result<Map, Problem> {
        let mut model = Map::new();
        for file in files {
            for document in self.documents(file, environment)? {
                let Document { mut map, resets } = document;
                included.push(file.name.to_owned());
                self.include(&mut map, directory, environment, included, &resets)?;
                included.pop();
                apply_resets(&mut model, &resets, &mut Vec::new());
                self.extend_services(&mut map, file.name, environment, &resets)?;
                self.per_service(&mut map, keep_relevant)?;
                let span = Span::at(FileId(0), 0);
                let base = Item::new(Data::Map(std::mem::take(&mut model)), span);
                let merged = merge(base, Item::new(Data::Map(map), span), &mut Vec::new())?;
                let Data::Map(merged) = merged.data else { continue };
                model = merged;
                self.per_service(&mut model, normalize_service)?;
            }
        }
        add_default_contexts(&mut model);
        resolve_paths(&mut model, directory, self.reader.host);
        resolve_environment(&mut model, environment);
        Ok(model)
    }

    /// Does something to each service; one that it fails for is left out.
    ///
    /// # Errors
    /// When the section of the services is none.
    fn per_service(
        &mut self,
        model: &mut Map,
        change: fn(&str, &mut Item) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        // Other sections count only in so far as the file is not empty.
        for (key, field) in model.iter_mut() {
            if !matches!(key.as_str(), "services" | "secrets") {
                field.item.data = Data::Null;
            }
        }
        let Some(field) = model.get_mut("services") else { return Ok(()) };
        let problem = field.item.problem("services must be a mapping");
        let services = field.item.map_mut().ok_or(problem)?;
        services.retain(|name, field| match change(name, &mut field.item) {
            Ok(()) => true,
            Err(problem) => {
                self.problems.push(problem);
                self.broken.insert(name.clone());
                false
            }
        });
        Ok(())
    }

    fn documents(&mut self, file: &ComposeFile<'_>, environment: &Environment) -> Result<Vec<Document>, Problem> {
        if let Some(error) = file.errors.first() {
            let name = if file.name.is_empty() { String::new() } else { format!("{}: ", file.name) };
            let message = format!("failed to parse {name}yaml: {}", error.message);
            return Err(Problem::at(error.span, message));
        }
        let mut documents = Vec::new();
        for document in file.tree.documents() {
            let Some(root) = document.root else { continue };
            let mut resets = Vec::new();
            let mut item = read(file.tree.node(root), file.text, &mut resets)?;
            let problem = item.problem("top-level object must be a mapping");
            interpolate(&mut item, environment, &mut Vec::new(), &mut self.problems);
            match item.data {
                Data::Map(map) => documents.push(Document { map, resets }),
                _ => return Err(problem),
            }
        }
        Ok(documents)
    }

    // Extends.

    fn extend_services(
        &mut self,
        map: &mut Map,
        file: &str,
        environment: &Environment,
        resets: &[Reset],
    ) -> Result<(), Problem> {
        let Some(field) = map.get_mut("services") else { return Ok(()) };
        let problem = field.item.problem("services must be a mapping");
        let services = field.item.map_mut().ok_or(problem)?;
        let names: Vec<String> = services.keys().cloned().collect();
        let mut broken = Vec::new();
        for name in names {
            match self.extend_service(&name, services, file, environment, resets, &mut Vec::new()) {
                Ok(Some(extended)) => {
                    if let Some(field) = services.get_mut(&name) {
                        field.item = extended;
                    }
                }
                Ok(None) => {}
                Err(problem) => {
                    self.problems.push(problem);
                    broken.push(name);
                }
            }
        }
        // Only now: others may extend them too, and fail for the same reason.
        for name in broken {
            services.remove(&name);
            self.broken.insert(name);
        }
        Ok(())
    }

    /// The service with all that it extends merged in; none if it stays as it is.
    #[allow(clippy::too_many_arguments, reason = "the state of one recursion")]
    fn extend_service(
        &mut self,
        name: &str,
        services: &mut Map,
        file: &str,
        environment: &Environment,
        resets: &[Reset],
        chain: &mut Vec<(String, String)>,
    ) -> Result<Option<Item>, Problem> {
        let Some(own) = services.get(name).map(|field| field.item.clone()) else { return Ok(None) };
        if let Data::Null = own.data {
            return Ok(None);
        }
        let Some(service) = own.map() else { return Err(own.problem(format!("services.{name} must be a mapping"))) };
        let Some(extends) = service.get("extends").map(|field| field.item.clone()) else { return Ok(None) };
        let (wanted, source) = match &extends.data {
            Data::Map(map) => {
                let wanted = map.get("service").and_then(|field| field.item.as_str());
                let problem = || extends.problem(format!("extends.{name}.service is required"));
                let source = map.get("file").filter(|field| !matches!(field.item.data, Data::Null));
                (wanted.ok_or_else(problem)?.to_owned(), source.map(|field| field.item.clone()))
            }
            Data::Text(text) => (text.clone(), None),
            _ => (String::new(), None),
        };
        let mut other;
        let mut file_name = file.to_owned();
        let (base_services, base_resets): (&mut Map, Vec<Reset>) = match &source {
            Some(source) => {
                let Some(path) = source.as_str() else { return Err(source.problem("extends.file must be a string")) };
                let (found, resets) = self.extended_file(path, source, name, environment)?;
                other = found;
                if !other.contains_key(&wanted) {
                    let message =
                        format!("cannot extend service \"{name}\" in {file}: service \"{wanted}\" not found in {path}");
                    return Err(extends.problem(message));
                }
                file_name = path.to_owned();
                (&mut other, resets)
            }
            None => {
                if !services.contains_key(&wanted) {
                    let near = crate::suggest::nearest(&wanted, services.keys().map(String::as_str));
                    let help = near.map(|near| format!(", did you mean \"{near}\"?")).unwrap_or_default();
                    let message =
                        format!("cannot extend service \"{name}\" in {file}: service \"{wanted}\" not found{help}");
                    return Err(extends.problem(message));
                }
                (services, resets.to_vec())
            }
        };
        let step = (file_name.clone(), name.to_owned());
        if chain.contains(&step) || chain.len() > MAX_CHAIN {
            let steps = chain.iter().chain([&step]).map(|(file, name)| match file.as_str() {
                "" => name.clone(),
                file => format!("{name} in {file}"),
            });
            let steps: Vec<String> = steps.collect();
            return Err(extends.problem(format!("Circular reference: {}", steps.join(", extends "))));
        }
        chain.push(step);
        let base = self.extend_service(&wanted, base_services, &file_name, environment, &base_resets, chain)?;
        chain.pop();
        let base = match base {
            Some(base) => base,
            None => match base_services.get(&wanted).map(|field| field.item.clone()) {
                Some(base) if !matches!(base.data, Data::Null) => base,
                _ => return Ok(None),
            },
        };
        let Data::Map(mut base_map) = base.data else { return Ok(None) };
        apply_resets(&mut base_map, resets, &mut vec!["services".to_owned(), name.to_owned()]);
        let mut base = Item::new(Data::Map(base_map), base.span);
        base.comes_by(&|inner| Via::Extends { span: extends.span, inner });
        let mut merged = merge(base, own, &mut vec!["services".to_owned(), "x".to_owned()])?;
        if let Some(map) = merged.map_mut() {
            map.remove("extends");
        }
        Ok(Some(merged))
    }

    /// The services of a file that a service extends, with paths relative to the working directory.
    fn extended_file(
        &mut self,
        path: &str,
        at: &Item,
        name: &str,
        environment: &Environment,
    ) -> Result<(Map, Vec<Reset>), Problem> {
        let local = clean_path(path);
        let place = match local.starts_with('/') || self.directory.is_empty() {
            true => local.clone(),
            false => clean_path(&format!("{}/{local}", self.directory)),
        };
        let read = self.reader.open(&place).map_err(|why| at.problem(why))?;
        let (tree, errors) = yaml::parse(read.file, read.source.text());
        let file = ComposeFile { name: &local, text: read.source.text(), tree: &tree, errors: &errors };
        let moved = |problem: Problem| problem.reached_by(at.span, "extended here");
        let mut services = None;
        let mut resets = Vec::new();
        let known = self.problems.len();
        for document in self.documents(&file, environment).map_err(moved)? {
            let mut map = document.map;
            resets.extend(document.resets);
            // A mistake in any service of that file keeps it from being used at all.
            self.per_service(&mut map, keep_relevant).map_err(moved)?;
            self.per_service(&mut map, normalize_service).map_err(moved)?;
            resolve_paths(&mut map, &folder(&local), self.reader.host);
            services = map.remove("services").or(services);
        }
        if let Some(problem) = self.problems.drain(known..).next() {
            return Err(moved(problem));
        }
        let Some(field) = services else {
            let message = format!("cannot extend service \"{name}\" in {local}: no services section");
            return Err(at.problem(message));
        };
        let item = field.item;
        match item.data {
            Data::Map(map) => Ok((map, resets)),
            _ => Err(at.problem(format!("cannot extend service \"{name}\" in {local}: services must be a mapping"))),
        }
    }

    // Includes.

    fn include(
        &mut self,
        map: &mut Map,
        directory: &str,
        environment: &Environment,
        included: &mut Vec<String>,
        resets: &[Reset],
    ) -> Result<(), Problem> {
        let Some(field) = map.remove("include") else { return Ok(()) };
        let items = match field.item.data {
            Data::List(ref items) => items.clone(),
            Data::Null => return Ok(()),
            _ => return Err(field.item.problem("`include` must be a list")),
        };
        for entry in items {
            let known = self.problems.len();
            let result = self.include_one(map, &entry, directory, environment, included, resets);
            self.problems.extend(result.err());
            for problem in &mut self.problems[known..] {
                *problem = problem.clone().reached_by(entry.span, "included here");
            }
        }
        Ok(())
    }

    fn include_one(
        &mut self,
        map: &mut Map,
        entry: &Item,
        directory: &str,
        environment: &Environment,
        included: &mut Vec<String>,
        resets: &[Reset],
    ) -> Result<(), Problem> {
        if self.nested >= MAX_CHAIN {
            return Err(entry.problem(format!("more than {MAX_CHAIN} files include each other in a row")));
        }
        let option = |key: &str| -> Vec<String> {
            let field = entry.map().and_then(|map| map.get(key));
            match field.map(|field| &field.item.data) {
                Some(Data::Text(text)) => vec![text.clone()],
                Some(Data::List(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
                _ => Vec::new(),
            }
        };
        let paths = match &entry.data {
            Data::Text(text) => vec![text.clone()],
            _ => option("path"),
        };
        let join = |folder: &str, path: &str| match path.starts_with('/') || folder.is_empty() {
            true => clean_path(path),
            false => clean_path(&format!("{folder}/{path}")),
        };
        let paths: Vec<String> = paths.iter().map(|path| join(directory, path)).collect();
        let Some(main) = paths.first() else { return Ok(()) };
        let project = option("project_directory").first().map_or_else(|| folder(main), |given| join(directory, given));
        if included.iter().any(|file| file == main) {
            let files = included.iter().filter(|file| !file.is_empty()).chain([main]);
            let files: Vec<&str> = files.map(String::as_str).collect();
            let message = format!("include cycle detected: {}", files.join(" include "));
            return Err(entry.problem(message));
        }
        let mut inner = environment.clone();
        let mut env_files: Vec<String> = option("env_file");
        env_files.retain(|file| file != "/dev/null");
        if option("env_file").is_empty() {
            let default = join(&project, ".env");
            if let PathKind::File(_) = self.reader.host.kind(&default) {
                env_files.push(default);
            }
        } else {
            env_files = env_files.iter().map(|file| join(directory, file)).collect();
        }
        for file in env_files {
            let text = read_text(&file, self.reader.host)
                .map_err(|why| entry.problem(format!("couldn't find env file: {why}")))?;
            let found = parse_env(&text, &|name| environment.get(name)).map_err(|why| entry.problem(why))?;
            inner.complete(found);
        }
        let mut read = Vec::new();
        for path in &paths {
            read.push(self.reader.open(path).map_err(|why| entry.problem(why))?);
        }
        let trees: Vec<_> = read.iter().map(|read| yaml::parse(read.file, read.source.text())).collect();
        let files: Vec<ComposeFile<'_>> = read
            .iter()
            .zip(&trees)
            .map(|(read, (tree, errors))| ComposeFile {
                name: &read.source.path,
                text: read.source.text(),
                tree,
                errors,
            })
            .collect();
        self.nested += 1;
        let outer = std::mem::replace(&mut self.directory, project.clone());
        let model = self.model(&files.iter().collect::<Vec<_>>(), &project, &inner, included);
        self.directory = outer;
        self.nested -= 1;
        for (key, mut field) in model? {
            if !matches!(key.as_str(), "services" | "secrets") {
                continue;
            }
            field.item.comes_by(&|inner| Via::Include { span: entry.span, inner });
            let Data::Map(resources) = field.item.data else { continue };
            let own = map
                .entry(key.clone())
                .or_insert_with(|| Field { key: entry.span, item: Item::new(Data::Map(Map::new()), entry.span) });
            let problem = own.item.problem(format!("{key} must be a mapping"));
            let own = own.item.map_mut().ok_or(problem)?;
            for (name, mut resource) in resources {
                let merged = match own.remove(&name) {
                    None => resource,
                    Some(conflict) => {
                        let mut path = vec![key.clone(), name.clone()];
                        if let Some(base) = resource.item.map_mut() {
                            apply_resets(base, resets, &mut path.clone());
                        }
                        let item = merge(resource.item, conflict.item, &mut path)?;
                        Field { key: conflict.key, item }
                    }
                };
                own.insert(name, merged);
            }
        }
        Ok(())
    }
}

/// Drops the attributes of a service that no build depends on.
fn keep_relevant(name: &str, item: &mut Item) -> Result<(), Problem> {
    match &mut item.data {
        Data::Map(service) => {
            short::check(name, service)?;
            service.retain(|key, _| KEPT.contains(&key.as_str()));
            Ok(())
        }
        Data::Null => Ok(()),
        _ => Err(item.problem(format!("services.{name} must be a mapping"))),
    }
}

fn normalize_service(name: &str, item: &mut Item) -> Result<(), Problem> {
    let Some(service) = item.map_mut() else { return Ok(()) };
    enforce_unicity(name, service)?;
    canonical(name, service)?;
    enforce_unicity(name, service)
}

fn builds(model: &mut Map) -> impl Iterator<Item = &mut Map> {
    let services = model.get_mut("services").and_then(|field| field.item.map_mut()).into_iter().flatten();
    services.filter_map(|(_, field)| field.item.map_mut()?.get_mut("build")?.item.map_mut())
}

fn add_default_contexts(model: &mut Map) {
    let services = model.get_mut("services").and_then(|field| field.item.map_mut()).into_iter().flatten();
    for (_, field) in services {
        let Some(build) = field.item.map_mut().and_then(|service| service.get_mut("build")) else { continue };
        let key = build.key;
        if let Some(build) = build.item.map_mut() {
            build
                .entry("context".to_owned())
                .or_insert_with(|| Field { key, item: Item::new(Data::Text(".".to_owned()), key) });
        }
    }
}

/// Makes paths relative to the working directory instead of `directory`, and cleans them.
fn resolve_paths(model: &mut Map, directory: &str, host: &dyn Host) {
    let path = |item: &mut Item| {
        let Data::Text(text) = &item.data else { return };
        let expanded = match text.strip_prefix('~') {
            Some(rest) => format!("{}/{}", host.home_dir(), rest.trim_start_matches('/')),
            None => text.clone(),
        };
        let absolute = expanded.starts_with('/');
        let resolved = match absolute || expanded.is_empty() {
            true if text.starts_with('~') => clean_path(&expanded),
            true => expanded,
            false if directory.is_empty() => clean_path(&expanded),
            false => clean_path(&format!("{directory}/{expanded}")),
        };
        if resolved != *text {
            item.pieces.clear();
            item.data = Data::Text(resolved);
        }
    };
    let context = |item: &mut Item| {
        let remote = ["https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:"];
        let special = |text: &str| text.contains("://") || remote.iter().any(|prefix| text.starts_with(prefix));
        if !item.as_str().is_some_and(special) {
            path(item);
        }
    };
    let each = |field: Option<&mut Field>, resolve: &dyn Fn(&mut Item)| {
        let entries = field.and_then(|field| field.item.map_mut()).into_iter().flatten();
        entries.for_each(|(_, field)| resolve(&mut field.item));
    };
    for build in builds(model) {
        if let Some(field) = build.get_mut("context") {
            context(&mut field.item);
        }
        each(build.get_mut("additional_contexts"), &context);
        each(build.get_mut("ssh"), &path);
    }
    if let Some(services) = model.get_mut("services").and_then(|field| field.item.map_mut()) {
        for field in services.values_mut() {
            let Some(service) = field.item.map_mut() else { continue };
            if let Some(Data::List(files)) = service.get_mut("env_file").map(|field| &mut field.item.data) {
                for file in files {
                    if let Some(field) = file.map_mut().and_then(|file| file.get_mut("path")) {
                        path(&mut field.item);
                    }
                }
            }
            if let Some(file) = service.get_mut("extends").and_then(|field| field.item.map_mut()?.get_mut("file")) {
                path(&mut file.item);
            }
        }
    }
    if let Some(secrets) = model.get_mut("secrets").and_then(|field| field.item.map_mut()) {
        for field in secrets.values_mut() {
            if let Some(file) = field.item.map_mut().and_then(|secret| secret.get_mut("file")) {
                path(&mut file.item);
            }
        }
    }
}

/// Gives values to the names in a list of `environment` that the environment has.
fn resolve_environment(model: &mut Map, environment: &Environment) {
    let services = model.get_mut("services").and_then(|field| field.item.map_mut()).into_iter().flatten();
    for (_, field) in services {
        let list = field.item.map_mut().and_then(|service| service.get_mut("environment"));
        if let Some(Data::List(items)) = list.map(|field| &mut field.item.data) {
            items.retain(|item| item.as_str().is_some());
            for item in items {
                let name = item.as_str().unwrap_or_default().to_owned();
                if let Some((value, dynamic)) = environment.get(&name) {
                    item.data = Data::Text(format!("{name}={value}"));
                    item.dynamic |= dynamic;
                }
            }
        }
    }
}
