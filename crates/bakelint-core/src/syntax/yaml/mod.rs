//! YAML as GitHub Actions and Compose read it: text to a tree with the place of every token.
//!
//! The tree is an arena. [`Node`] is a cheap, copyable cursor into it, and follows aliases by itself: a rule that asks
//! for `node.get("build")` need not know whether the mapping was written there or pulled in with `*anchor`. What is
//! written stays visible too: duplicate keys, styles, tags, comments, and values that are not there at all.
//!
//! A document that breaks off keeps everything before the error.

mod decode;
mod edit;
mod parse;
mod schema;

pub use edit::{
    comment_above, entry_lines, indent_unit, indentation, insert_entry, insert_item, item_lines, quoted, remove_entry,
    remove_item, replace_scalar,
};
pub use parse::parse;
pub use schema::{CoreValue, Number, core, go};

use std::collections::{HashMap, HashSet, hash_map};

use crate::source::{FileId, Span, Spanned};
use crate::syntax::mapped::MappedText;

/// A node of one [`Tree`]: its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// All documents of one file.
#[derive(Debug, Clone)]
pub struct Tree {
    file: FileId,
    nodes: Vec<NodeData>,
    documents: Vec<Document>,
    comments: Vec<Comment>,
}

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// The outermost node; a document of nothing but comments has none.
    pub root: Option<NodeId>,
    /// From the `---` (or the first token) to the end of the last token.
    pub span: Span,
}

/// A comment with its `#` and without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Where it stands.
    pub span: Span,
    /// The text behind the `#`, blanks included.
    pub text: String,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

#[derive(Debug, Clone)]
struct NodeData {
    content: Content,
    span: Span,
    parent: Option<NodeId>,
    anchor: Option<Box<Spanned<String>>>,
    tag: Option<Box<Spanned<String>>>,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing is written where a value may stand, as in `key:`.
    Absent,
    /// Text.
    Scalar(Scalar),
    /// A list.
    Sequence(Sequence),
    /// Keys with values, in the order of the file.
    Mapping(Mapping),
    /// `*name`.
    Alias(Alias),
}

/// A scalar's decoded text and how it was written.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text after unquoting, unfolding and unescaping.
    pub text: String,
    /// How it was written.
    pub style: ScalarStyle,
    /// For a literal or folded scalar: number of blanks before its content on every line.
    indent: u32,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarStyle {
    /// `text`
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|` with lines below.
    Literal,
    /// `>` with lines below.
    Folded,
}

/// How a sequence or mapping is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CollectionStyle {
    /// One entry a line, by indentation.
    Block,
    /// In brackets or braces.
    Flow,
}

/// The items of a list.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// How it is written.
    pub style: CollectionStyle,
    items: Vec<ItemData>,
}

#[derive(Debug, Clone, Copy)]
struct ItemData {
    /// Offset of the `-`; in a flow sequence, of the item.
    start: u32,
    node: NodeId,
}

/// The entries of a mapping.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// How it is written.
    pub style: CollectionStyle,
    entries: Vec<EntryData>,
}

#[derive(Debug, Clone, Copy)]
struct EntryData {
    /// Offset of the key, or of its `?`.
    start: u32,
    /// Offset behind the `:`; equal to the end of the key where there is none.
    colon: u32,
    key: NodeId,
    value: NodeId,
}

/// A reference to an anchored node.
#[derive(Debug, Clone)]
pub struct Alias {
    /// The name, without the `*`.
    pub name: String,
    /// What it stands for; nothing when the anchor is unknown, would contain itself or would expand too far. Each of
    /// these is a syntax error.
    pub target: Option<NodeId>,
}

impl Tree {
    /// The file that the spans belong to.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// All documents, in order. An empty file has none.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The outermost node of the first document.
    pub fn root(&self) -> Option<Node<'_>> {
        self.documents.first()?.root.map(|id| self.node(id))
    }

    /// A cursor at `id`, which must come from this tree.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { tree: self, id }
    }

    /// Every node, each before what it holds.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        (0..self.nodes.len()).map(|at| self.node(NodeId(at as u32)))
    }

    /// All comments, in order.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The comments that begin in `span`, in order.
    pub fn comments_in(&self, span: Span) -> &[Comment] {
        let from = self.comments.partition_point(|comment| comment.span.start < span.start);
        let to = self.comments.partition_point(|comment| comment.span.start < span.end);
        self.comments.get(from..to).unwrap_or_default()
    }

    /// The nodes around `offset`, outermost first: the path an editor or an ignore comment walks along.
    pub fn path_at(&self, offset: u32) -> Vec<Node<'_>> {
        let mut path = Vec::new();
        let holds = |span: Span| span.start <= offset && offset <= span.end;
        let mut next = self.documents.iter().filter_map(|document| document.root).find(|root| {
            let node = self.node(*root);
            holds(node.full_span())
        });
        while let Some(id) = next {
            let node = self.node(id);
            path.push(node);
            next = match &self.data(id).content {
                Content::Mapping(mapping) => {
                    let at = mapping.entries.partition_point(|entry| entry.start <= offset);
                    let entry = at.checked_sub(1).and_then(|at| mapping.entries.get(at));
                    entry.and_then(|entry| [entry.key, entry.value].into_iter().find(|id| holds(self.full_span(*id))))
                }
                Content::Sequence(sequence) => {
                    let at = sequence.items.partition_point(|item| item.start <= offset);
                    let item = at.checked_sub(1).and_then(|at| sequence.items.get(at));
                    item.map(|item| item.node).filter(|id| holds(self.full_span(*id)))
                }
                _ => None,
            };
        }
        path
    }

    /// A tree of the same file that holds nothing.
    pub fn empty(file: FileId) -> Tree {
        Tree { file, nodes: Vec::new(), documents: Vec::new(), comments: Vec::new() }
    }

    fn full_span(&self, id: NodeId) -> Span {
        self.node(id).full_span()
    }

    fn data(&self, id: NodeId) -> &NodeData {
        // Ids are handed out by the parser of this tree only, and nodes are never removed.
        &self.nodes[id.0 as usize]
    }
}

/// A cursor into a [`Tree`]. Everything but [`span`](Node::span), [`full_span`](Node::full_span),
/// [`written`](Node::written) and [`alias`](Node::alias) looks through an alias at its target.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    id: NodeId,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'t> {
    /// The mapping that it is written in.
    pub mapping: Node<'t>,
    /// Its place among the mapping's entries, from 0.
    pub index: usize,
    /// The key.
    pub key: Node<'t>,
    /// The value; [`Node::is_absent`] when nothing is written.
    pub value: Node<'t>,
    data: EntryData,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.written() {
            Content::Absent => write!(f, "(absent)"),
            Content::Scalar(scalar) => write!(f, "{:?}", scalar.text),
            Content::Alias(alias) => write!(f, "*{}", alias.name),
            Content::Sequence(_) => f.debug_list().entries(self.items()).finish(),
            Content::Mapping(_) => f.debug_map().entries(self.entries().map(|entry| (entry.key, entry.value))).finish(),
        }
    }
}

impl<'t> Node<'t> {
    /// The node's index in its tree.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The tree that the cursor walks in.
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Where the node is written: a scalar with its quotes or its `|`, a flow collection with its brackets, a block
    /// collection from its first key or `-` to the end of its last token, an alias with its `*`. An absent value has
    /// an empty span where it could be written. Trailing blanks, comments and line ends do not belong to it.
    pub fn span(self) -> Span {
        self.data().span
    }

    /// [`span`](Node::span) with the anchor and the tag before it.
    pub fn full_span(self) -> Span {
        let data = self.data();
        let properties = [&data.anchor, &data.tag].into_iter().flatten().map(|property| property.span);
        properties.fold(data.span, Span::cover)
    }

    /// What is written at this place, an alias as an alias.
    pub fn written(self) -> &'t Content {
        &self.data().content
    }

    /// The alias that is written here, if it is one.
    pub fn alias(self) -> Option<&'t Alias> {
        match self.written() {
            Content::Alias(alias) => Some(alias),
            _ => None,
        }
    }

    /// The node that an alias stands for; the node itself if it is none or its target is unknown.
    pub fn resolved(self) -> Node<'t> {
        match self.written() {
            Content::Alias(Alias { target: Some(target), .. }) => self.tree.node(*target),
            _ => self,
        }
    }

    /// What the node holds. [`Content::Alias`] is left only where an alias could not be resolved.
    pub fn content(self) -> &'t Content {
        self.resolved().written()
    }

    /// The `&name` of the node, with its place.
    pub fn anchor(self) -> Option<Spanned<&'t str>> {
        self.resolved().data().anchor.as_ref().map(|anchor| Spanned::new(anchor.node.as_str(), anchor.span))
    }

    /// The explicit tag of the node as it is written, such as `!reset` or `!!str`, with its place.
    pub fn tag(self) -> Option<Spanned<&'t str>> {
        self.resolved().data().tag.as_ref().map(|tag| Spanned::new(tag.node.as_str(), tag.span))
    }

    /// The node that holds this one as item, key or value.
    pub fn parent(self) -> Option<Node<'t>> {
        self.data().parent.map(|id| self.tree.node(id))
    }

    /// Whether nothing is written, as in `key:`.
    pub fn is_absent(self) -> bool {
        matches!(self.content(), Content::Absent)
    }

    /// Whether the value is null: absent, or a plain `null`, `Null`, `NULL` or `~`.
    pub fn is_null(self) -> bool {
        match self.content() {
            Content::Absent => true,
            Content::Scalar(scalar) => {
                scalar.style == ScalarStyle::Plain && matches!(scalar.text.as_str(), "null" | "Null" | "NULL" | "~")
            }
            _ => false,
        }
    }

    /// Whether the node is a mapping.
    pub fn is_mapping(self) -> bool {
        matches!(self.content(), Content::Mapping(_))
    }

    /// Whether the node is a sequence.
    pub fn is_sequence(self) -> bool {
        matches!(self.content(), Content::Sequence(_))
    }

    /// The scalar, if it is one.
    pub fn scalar(self) -> Option<&'t Scalar> {
        match self.content() {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A scalar's decoded text, whatever its type would be; nothing for an absent value or a collection.
    pub fn text(self) -> Option<&'t str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    /// [`text`](Node::text) with the place where it is written.
    pub fn spanned_text(self) -> Option<Spanned<&'t str>> {
        self.text().map(|text| Spanned::new(text, self.span()))
    }

    /// The style of a collection.
    pub fn collection_style(self) -> Option<CollectionStyle> {
        match self.content() {
            Content::Sequence(sequence) => Some(sequence.style),
            Content::Mapping(mapping) => Some(mapping.style),
            _ => None,
        }
    }

    /// The items of a sequence; none for anything else.
    pub fn items(self) -> impl ExactSizeIterator<Item = Node<'t>> + DoubleEndedIterator + Clone {
        let items = match self.content() {
            Content::Sequence(sequence) => sequence.items.as_slice(),
            _ => &[],
        };
        items.iter().map(move |item| self.tree.node(item.node))
    }

    /// The entries of a mapping as they are written, duplicate keys and `<<` included; none for anything else.
    pub fn entries(self) -> impl ExactSizeIterator<Item = Entry<'t>> + DoubleEndedIterator + Clone {
        let mapping = self.resolved();
        let entries = match mapping.written() {
            Content::Mapping(mapping) => mapping.entries.as_slice(),
            _ => &[],
        };
        entries.iter().enumerate().map(move |(index, entry)| Entry {
            mapping,
            index,
            key: self.tree.node(entry.key),
            value: self.tree.node(entry.value),
            data: *entry,
        })
    }

    /// The entry of a mapping with this key, without those that `<<` would add. Where a key is written twice, the last.
    pub fn entry(self, key: &str) -> Option<Entry<'t>> {
        self.entries().rfind(|entry| entry.key.text() == Some(key))
    }

    /// The value of the entry with this key; see [`entry`](Node::entry).
    pub fn get(self, key: &str) -> Option<Node<'t>> {
        self.entry(key).map(|entry| entry.value)
    }

    /// The values down a path of keys.
    pub fn at(self, keys: &[&str]) -> Option<Node<'t>> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Every entry whose key is written earlier in the same mapping too, as (first, later). GitHub and Compose refuse
    /// such a file.
    pub fn duplicates(self) -> Vec<(Entry<'t>, Entry<'t>)> {
        let mut first = HashMap::new();
        let mut found = Vec::new();
        for entry in self.entries() {
            let Some(name) = entry.name() else { continue };
            match first.entry(name) {
                hash_map::Entry::Occupied(first) => found.push((*first.get(), entry)),
                hash_map::Entry::Vacant(place) => _ = place.insert(entry),
            }
        }
        found
    }

    /// The entries that count once `<<` is applied: own entries first and stronger than merged ones, an earlier
    /// mapping of a `<<: [*a, *b]` list stronger than a later one (<https://yaml.org/type/merge.html>). Each entry
    /// still knows the mapping it is written in. GitHub Actions does not merge; Compose does.
    pub fn merged_entries(self) -> Vec<Entry<'t>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut budget = MERGE_BUDGET;
        self.collect_merged(&mut found, &mut seen, &mut budget);
        found
    }

    fn collect_merged(self, found: &mut Vec<Entry<'t>>, seen: &mut HashSet<&'t str>, budget: &mut usize) {
        // An alias cannot lead back to a node that holds it, so this recursion is as deep as the tree at most.
        let own: Vec<Entry<'t>> = self.entries().collect();
        let Some(left) = budget.checked_sub(own.len() + 1) else { return };
        *budget = left;
        let last: HashMap<_, _> = own.iter().map(|entry| (entry.name(), *entry)).collect();
        for entry in own.iter().filter(|entry| !entry.is_merge()) {
            match entry.name() {
                Some(name) if !seen.insert(name) => {}
                name @ Some(_) => found.push(last.get(&name).copied().unwrap_or(*entry)),
                None => found.push(*entry),
            }
        }
        for entry in own.iter().filter(|entry| entry.is_merge()) {
            match entry.value.content() {
                Content::Sequence(_) => entry.value.items().for_each(|item| item.collect_merged(found, seen, budget)),
                _ => entry.value.collect_merged(found, seen, budget),
            }
        }
    }

    /// The entry that counts for `key` once `<<` is applied; see [`merged_entries`](Node::merged_entries).
    pub fn merged_entry(self, key: &str) -> Option<Entry<'t>> {
        self.entry(key).or_else(|| {
            let mut budget = MERGE_BUDGET;
            self.find_merged(key, &mut budget)
        })
    }

    fn find_merged(self, key: &str, budget: &mut usize) -> Option<Entry<'t>> {
        *budget = budget.checked_sub(1)?;
        if let Some(entry) = self.entry(key) {
            return Some(entry);
        }
        self.entries().filter(|entry| entry.is_merge()).find_map(|entry| match entry.value.content() {
            Content::Sequence(_) => entry.value.items().find_map(|item| item.find_merged(key, budget)),
            _ => entry.value.find_merged(key, budget),
        })
    }

    /// A scalar's text with the place of every byte of it. `text` is the text that the tree was parsed from.
    pub fn mapped_text(self, text: &str) -> Option<MappedText> {
        let node = self.resolved();
        node.scalar().map(|scalar| decode::decode(scalar, node.span(), text))
    }

    fn data(self) -> &'t NodeData {
        self.tree.data(self.id)
    }
}

/// How many mappings and entries one lookup through `<<` may visit.
const MERGE_BUDGET: usize = 100_000;

impl<'t> Entry<'t> {
    /// From the key (or its `?`) to the end of the value, or of the `:` where the value is absent.
    pub fn span(self) -> Span {
        let value = self.value.full_span();
        let absent = matches!(self.value.written(), Content::Absent);
        let end = if absent { self.data.colon.max(value.end) } else { value.end };
        Span { start: self.data.start, end, ..value }
    }

    /// The key's text.
    pub fn name(self) -> Option<&'t str> {
        self.key.text()
    }

    /// Whether this is a merge key: `<<`, unquoted.
    pub fn is_merge(self) -> bool {
        self.key.scalar().is_some_and(|scalar| scalar.text == "<<" && scalar.style == ScalarStyle::Plain)
    }
}

#[cfg(test)]
mod tests;
