//! The cache keys of a graph's vertices at a commit.
//!
//! A key is a digest of the operation, of the keys of what it works on, and of the content of the files that it selects.
//! Of the files of a result, BuildKit knows the content only once it has the result: then it looks for a key with the
//! content, and remembers that the result belongs to it (solver/edge.go, the slow cache key, and `Query` in
//! solver/cachemanager.go). Here the key with the content is the only one, wherever the content is known, and a [`Link`]
//! names the result that has it.

use super::content::{Content, Digest, Hasher, ObjectSource, Selector};
use super::effects::{Effect, Source, Taken};
use super::graph::{Graph, Input, VertexId};
use super::history::HistoryError;
use super::rootfs::Rootfs;
use super::tree::{Oid, Tree};
use std::collections::HashMap;

/// A result whose files a vertex counts by their content.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// What has the result.
    pub result: VertexId,
    /// Names the result and the place that it has among the inputs.
    pub name: Digest,
}

/// The files of a commit as the builds see them.
#[derive(Clone, Copy)]
pub struct Files<'f> {
    /// Per context what is left of it after its ignore file.
    pub roots: &'f [Option<Oid>],
    /// Per selection its digest.
    pub selected: &'f [Option<Digest>],
}

/// The cache keys of a graph's vertices.
#[derive(Debug, Clone)]
pub struct Keys {
    keys: Vec<Option<Digest>>,
    links: HashMap<VertexId, Vec<Link>>,
    /// The files of the vertices that others take some from.
    rootfs: Vec<Option<Rootfs>>,
    selected: Vec<Option<Digest>>,
    generation: usize,
}

impl Keys {
    /// The key of a vertex; `None` where it, or one that it needs, selects something that is not there.
    pub fn get(&self, id: VertexId) -> Option<Digest> {
        self.keys.get(id).copied().flatten()
    }

    /// As [`get`](Self::get), for vertices of builds that do not fail.
    pub fn of(&self, id: VertexId) -> Digest {
        self.get(id).unwrap_or(Digest([0; 16]))
    }

    /// The results whose files a vertex counts by their content.
    pub fn links(&self, id: VertexId) -> &[Link] {
        self.links.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether any vertex counts files of results by their content.
    pub fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    /// Whether any vertex has no key.
    pub fn is_partial(&self) -> bool {
        self.keys.contains(&None)
    }

    /// Computes the keys; `observed` is what [`Graph::observed`] says.
    ///
    /// `fresh` goes into the keys of what never is the same twice. What nothing of this has changed for since `before` has
    /// the same key as there.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn compute<S: ObjectSource>(
        content: &mut Content<S>,
        graph: &Graph,
        observed: &[bool],
        files: Files<'_>,
        fresh: &[u8],
        before: Option<&Keys>,
    ) -> Result<Keys, HistoryError> {
        let before = before.filter(|before| before.generation == content.generation());
        let count = graph.vertices().len();
        let mut keys = Keys {
            keys: Vec::with_capacity(count),
            links: HashMap::new(),
            rootfs: Vec::with_capacity(count),
            selected: files.selected.to_vec(),
            generation: content.generation(),
        };
        let mut is_same = Vec::with_capacity(count);
        for (id, vertex) in graph.vertices().iter().enumerate() {
            let same = before.filter(|before| {
                let same_selection = |id: usize| before.selected.get(id) == Some(&files.selected[id]);
                !vertex.ignore_cache
                    && vertex.inputs.iter().all(|input| match input {
                        Input::Chain(id) | Input::Files(id, _) => is_same[*id],
                        Input::Context(id) => same_selection(*id),
                        Input::ContextRoot(_) => false,
                    })
            });
            let (key, links, rootfs) = match same {
                Some(before) => (before.get(id), before.links(id).to_vec(), before.rootfs[id]),
                None => {
                    let (key, links) = keys.key(content, graph, id, fresh)?;
                    let rootfs = match key.filter(|_| observed[id]) {
                        Some(key) => {
                            let known = keys.rootfs(content, graph, files.roots, id, key)?;
                            Some(known.unwrap_or_else(|| Rootfs::unknown(content, key)))
                        }
                        None => None,
                    };
                    (key, links, rootfs)
                }
            };
            is_same.push(before.is_some_and(|before| key.is_some() && before.get(id) == key));
            keys.keys.push(key);
            keys.rootfs.push(rootfs);
            if !links.is_empty() {
                keys.links.insert(id, links);
            }
        }
        Ok(keys)
    }

    fn key<S: ObjectSource>(
        &self,
        content: &mut Content<S>,
        graph: &Graph,
        id: VertexId,
        fresh: &[u8],
    ) -> Result<(Option<Digest>, Vec<Link>), HistoryError> {
        let vertex = &graph.vertices()[id];
        let mut hasher = Hasher::new("vertex").part(vertex.operation.0);
        let mut links = Vec::new();
        for (place, input) in vertex.inputs.iter().enumerate() {
            let digest = match input {
                Input::Chain(id) => self.keys[*id],
                Input::Context(id) => self.selected[*id],
                Input::ContextRoot(_) => {
                    hasher.add(fresh);
                    continue;
                }
                Input::Files(id, selectors) => match self.keys[*id] {
                    None => None,
                    Some(result) => {
                        let selected = match &self.rootfs[*id] {
                            Some(rootfs) => rootfs.select(content, selectors)?,
                            None => None,
                        };
                        if selected.is_some() {
                            let name = Hasher::new("link").part((place as u64).to_le_bytes()).part(result.0).finish();
                            links.push(Link { result: *id, name });
                        }
                        selected.or_else(|| Some(files_of(result, selectors)))
                    }
                },
            };
            match digest {
                Some(digest) => hasher.add(digest.0),
                None => return Ok((None, Vec::new())),
            }
        }
        if vertex.ignore_cache {
            hasher.add(fresh);
        }
        Ok((Some(hasher.finish()), links))
    }

    /// The files that a vertex results in, as far as they are known; `None` where nothing is.
    fn rootfs<S: ObjectSource>(
        &self,
        content: &mut Content<S>,
        graph: &Graph,
        roots: &[Option<Oid>],
        id: VertexId,
        key: Digest,
    ) -> Result<Option<Rootfs>, HistoryError> {
        let vertex = &graph.vertices()[id];
        let of = |id: VertexId| self.rootfs.get(id).copied().flatten();
        let base = match vertex.inputs.first() {
            Some(Input::Chain(id)) => of(*id),
            Some(Input::ContextRoot(id)) => roots[*id].map(Rootfs::known),
            _ => Some(Rootfs::known(content.insert(Tree::default()))),
        };
        let Some(base) = base else { return Ok(None) };
        let taken_from = |taken: &Taken| {
            let (from, made_by) = match taken.source {
                Source::Base => (base, key),
                Source::Vertex(id) => (of(id)?, self.get(id)?),
                Source::Context(id) => (Rootfs::known(roots[id]?), key),
                Source::Nothing => return None,
            };
            Some((from, files_of(made_by, std::slice::from_ref(&taken.selector))))
        };
        let mut rootfs = base;
        let is_known = match graph.effect(id) {
            Effect::Unknown => false,
            Effect::Directory { path, owned } => {
                if *owned {
                    rootfs.mark(vertex.operation);
                }
                rootfs.make_directory(content, path)?
            }
            Effect::Copy(all) => {
                for taken in all {
                    if taken.marked {
                        rootfs.mark(vertex.operation);
                    }
                    let Some((from, made_by)) = taken_from(taken) else { return Ok(None) };
                    if !rootfs.copy(content, taken, &from, made_by)? {
                        return Ok(None);
                    }
                }
                true
            }
            Effect::Merge => match vertex.inputs.get(1) {
                Some(Input::Chain(id)) => match of(*id) {
                    Some(upper) => rootfs.lay_over(content, &upper)?,
                    None => false,
                },
                _ => false,
            },
            Effect::Commands(commands) => {
                let mut view = rootfs;
                for taken in &commands.mounts {
                    let Some((from, made_by)) = taken_from(taken) else { return Ok(None) };
                    if !view.mount(content, taken, &from, made_by)? {
                        return Ok(None);
                    }
                }
                rootfs.run(content, commands, &view, key)?
            }
        };
        Ok(is_known.then_some(rootfs))
    }
}

/// What files of a result follow from if nothing is known of them.
fn files_of(result: Digest, selectors: &[Selector]) -> Digest {
    let hasher = Hasher::new("of result").part(result.0);
    selectors.iter().fold(hasher, |hasher, selector| hasher.part(&selector.path)).finish()
}
