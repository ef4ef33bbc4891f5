//! COPY and ADD.

use super::super::content::{Hasher, Selector};
use super::super::effects::{Effect, Taken};
use super::super::glob;
use super::super::graph::Input;
use super::{ConvertError, Inputs, Numbers, Operation, Output, StageBuilder, State, chain, expand, owner};
use crate::syntax::dockerfile::{Copy, CopySource, Heredoc, Keyword, Lexer};
use crate::syntax::dockerignore::clean;
use crate::syntax::mapped::MappedText;

impl<'a> StageBuilder<'_, 'a> {
    pub(super) fn copy(
        &mut self,
        operation: Operation<'a>,
        copy: &Copy,
        from: Option<Output>,
        state: &mut State,
        numbers: &mut Numbers,
        no_cache: bool,
    ) -> Result<(), ConvertError> {
        let destination = self.expand(&copy.destination, state)?;
        let destination = destination_path(&state.dir, &destination);
        let optional = |text: &Option<MappedText>| text.as_ref().map(|text| self.expand(text, state)).transpose();
        let (chown, chmod, checksum) = (optional(&copy.chown)?, optional(&copy.chmod)?, optional(&copy.checksum)?);
        let chmod = chmod.filter(|mode| !mode.is_empty());
        let link = copy.link && chmod.is_none();
        // All octal spellings of a mode are one.
        let mode = chmod.map(|mode| u32::from_str_radix(&mode, 8).map_or(mode, |bits| format!("{bits:o}")));
        let exclude: Vec<String> = copy.exclude.iter().map(ToString::to_string).collect();
        let mut common = Hasher::new("flags");
        common.add(owner(chown.as_deref().unwrap_or_default()));
        common.add(mode.as_deref().unwrap_or("-"));
        exclude.iter().for_each(|pattern| common.add(pattern));
        let common = common.finish();

        let base = if link { Output::Scratch } else { state.output.clone() };
        let marked = chown.is_some_and(|owner| !owner.is_empty()) || mode.is_some();
        let mut taken = Vec::new();
        let mut inputs = Inputs { base, from: Vec::new() };
        let mut hasher = Hasher::new("copy");
        let is_add = operation.keyword == Keyword::Add;
        for source in sources(copy) {
            let (kind, name, input) = match source.heredoc {
                Some(at) => {
                    let Some(heredoc) = operation.instruction.heredocs.get(at) else { continue };
                    let data = self.heredoc_data(heredoc, state)?;
                    let file = Hasher::new("file").part("644").part(&heredoc.name).part(data).finish();
                    let id = self.source(file);
                    let path = format!("/{}", heredoc.name.trim_start_matches('/'));
                    let name = glob::base(&path).to_owned();
                    (Hasher::new("heredoc"), name, (Output::Vertex(id), Selector::path(path)))
                }
                None => {
                    let word = self.expand(&source.word, state)?;
                    self.copy_source(copy, &word, is_add, checksum.as_deref(), from.as_ref(), &exclude)?
                }
            };
            taken.push(Taken {
                source: self.taken_from(&input.0, &inputs.base),
                selector: input.1.clone(),
                destination: destination.clone(),
                unpacked: copy.unpack.unwrap_or(is_add),
                marked,
            });
            hasher.add(kind.part(name).finish().0);
            hasher.add(inputs.add(input.0, input.1).to_le_bytes());
            hasher.add(common.0);
            hasher.add(&destination);
        }
        let operation_digest = hasher.finish();
        let inputs = inputs.finish(&mut self.converter.graph);
        let id = self.vertex(operation_digest, inputs, no_cache, Effect::Copy(taken));
        let vertices = match (&state.output, link) {
            (Output::Scratch, _) | (_, false) => {
                state.output = Output::Vertex(id);
                vec![id]
            }
            (base, true) => {
                let mut parts = chain(base, &mut self.converter.graph);
                parts.push(Input::Chain(id));
                let merged = self.vertex(Hasher::new("merge").finish(), parts, no_cache, Effect::Merge);
                state.output = Output::Vertex(merged);
                vec![id, merged]
            }
        };
        self.step(operation, state, numbers, vertices);
        Ok(())
    }

    /// A source that is no here-document: what is fixed about it, its base name, and where its files come from.
    fn copy_source(
        &mut self,
        copy: &Copy,
        word: &str,
        is_add: bool,
        checksum: Option<&str>,
        from: Option<&Output>,
        exclude: &[String],
    ) -> Result<(Hasher, String, (Output, Selector)), ConvertError> {
        if is_add && is_remote(word) {
            let keep = copy.keep_git_dir.unwrap_or(false);
            let unpack = copy.unpack.unwrap_or(false);
            let remote = Hasher::new("remote").part(word).part([u8::from(keep)]).part(checksum.unwrap_or_default());
            let id = self.source(remote.finish());
            let path = word.split(['?', '#']).next().unwrap_or_default();
            let name = glob::base(path.split_once("://").map_or(path, |(_, rest)| rest)).to_owned();
            let kind = Hasher::new("remote").part([u8::from(unpack)]);
            return Ok((kind, name, (Output::Vertex(id), Selector::path("/"))));
        }
        let mut source = word;
        let (mut include, mut required) = (Vec::new(), Vec::new());
        if copy.parents {
            // What stands before `/./` is where the copied paths start.
            let pattern;
            (source, pattern) = word.split_once("/./").unwrap_or(("/", word));
            let rooted = if pattern.starts_with('/') { pattern.to_owned() } else { clean(&format!("/{pattern}")) };
            if !glob::has_wildcard(source) && !glob::has_wildcard(&rooted) {
                required.push(clean(&format!("/{source}/{rooted}")));
            }
            include.push(rooted.strip_prefix('/').unwrap_or(&rooted).to_owned());
        }
        let path = clean(&format!("/{source}"));
        let mut kind = Hasher::new("local").part([u8::from(copy.unpack.unwrap_or(is_add))]);
        include.iter().for_each(|pattern| kind.add(pattern));
        required.iter().for_each(|path| kind.add(path));
        let name = glob::base(&path).to_owned();
        let wildcard = glob::has_wildcard(&path);
        let selector = Selector { path, wildcard, include, exclude: exclude.to_vec(), required };
        let output = match from {
            Some(output) => output.clone(),
            None => self.main()?,
        };
        Ok((kind, name, (output, selector)))
    }

    fn heredoc_data(&self, heredoc: &Heredoc, state: &State) -> Result<String, ConvertError> {
        let body = heredoc.content();
        if heredoc.expand {
            expand(&Lexer::heredoc_body(), &body, &|name: &str| state.get(name))
        } else {
            Ok(body.to_string())
        }
    }
}

/// The sources in the order in which BuildKit copies them: paths, then here-documents.
fn sources(copy: &Copy) -> impl Iterator<Item = &CopySource> {
    let paths = copy.sources.iter().filter(|source| source.heredoc.is_none());
    paths.chain(copy.sources.iter().filter(|source| source.heredoc.is_some()))
}

/// Where a COPY goes: absolute, its trailing slash or dot kept, because it says that a directory is meant.
fn destination_path(dir: &str, destination: &str) -> String {
    let destination = if matches!(destination, "." | "") { "./" } else { destination };
    let absolute =
        if destination.starts_with('/') { clean(destination) } else { clean(&format!("/{dir}/{destination}")) };
    if destination.ends_with('/') && !absolute.ends_with('/') {
        absolute + "/"
    } else if destination.ends_with("/.") {
        if absolute == "/" { "/.".into() } else { absolute + "/." }
    } else {
        absolute
    }
}

/// Whether an ADD source is fetched: a URL or a git repository.
fn is_remote(word: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"].iter().any(|scheme| word.starts_with(scheme))
}
