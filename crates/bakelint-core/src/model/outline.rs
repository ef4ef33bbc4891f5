//! The nodes of a file that a person could name: stage, layer, target, attribute, job, step.
//!
//! Ignore comments belong to nodes, and fingerprints name places by nodes, so that neither depends on line numbers.

use crate::source::{FileId, Source, Span};
use crate::syntax::dockerignore;
use crate::syntax::hcl::{self, Body, ExprKind, Item};
use crate::syntax::yaml;

/// A node that a person could name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From its first to its last byte, comments above it left out.
    pub span: Span,
    /// What it is called among its siblings, in words that stay the same when it moves or is laid out anew:
    /// `stage build`, `RUN npm ci`, `target web`, `job test`, `step actions/checkout`.
    pub name: String,
    /// The node around it.
    pub parent: Option<usize>,
}

/// A comment, without its mark and the blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The comment with its mark, without the line end.
    pub span: Span,
    /// Its text.
    pub text: String,
    /// Whether it stands behind something on its line.
    pub trailing: bool,
}

/// The nodes and comments of one file, both in order of their start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    nodes: Vec<Node>,
    comments: Vec<Comment>,
}

impl Outline {
    /// An outline of nodes given as span and name, in any order: a node's parent is the smallest one that contains it.
    pub fn new(nodes: impl IntoIterator<Item = (Span, String)>, mut comments: Vec<Comment>) -> Self {
        let mut nodes: Vec<Node> = nodes.into_iter().map(|(span, name)| Node { span, name, parent: None }).collect();
        nodes.sort_by_key(|node| (node.span.start, std::cmp::Reverse(node.span.end)));
        let mut open: Vec<usize> = Vec::new();
        for at in 0..nodes.len() {
            while open.last().is_some_and(|parent| !nodes[*parent].span.contains(nodes[at].span)) {
                open.pop();
            }
            nodes[at].parent = open.last().copied();
            open.push(at);
        }
        comments.sort_by_key(|comment| comment.span.start);
        Outline { nodes, comments }
    }

    /// The comments, in order.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The nodes, parents before children, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The smallest node that contains `span`.
    pub fn innermost(&self, span: Span) -> Option<usize> {
        let mut at = self.nodes.partition_point(|node| node.span.start <= span.start).checked_sub(1);
        while let Some(found) = at {
            if self.nodes[found].span.contains(span) {
                return at;
            }
            // A node that starts before the span and does not hold it may still lie in one that does.
            at = self.nodes[found].parent;
        }
        None
    }

    /// The node and those around it, innermost first.
    pub fn ancestors(&self, node: usize) -> impl Iterator<Item = &Node> {
        std::iter::successors(Some(node), |at| self.nodes.get(*at)?.parent).filter_map(|at| self.nodes.get(at))
    }

    /// The outermost node that starts at or behind `offset`, in order of the text.
    pub fn next(&self, offset: u32) -> Option<&Node> {
        self.nodes.get(self.nodes.partition_point(|node| node.span.start < offset))
    }

    /// The names from the outermost node to the one around `span`, joined by ` > `.
    pub fn path(&self, span: Span) -> String {
        let Some(node) = self.innermost(span) else { return String::new() };
        let mut names: Vec<&str> = self.ancestors(node).map(|node| node.name.as_str()).collect();
        names.reverse();
        names.join(" > ")
    }
}

/// The patterns of an ignore file, and its comments.
pub(super) fn of_dockerignore(file: FileId, source: &Source) -> Outline {
    let (ignore, _) = dockerignore::parse(file, source.text());
    let nodes = ignore.patterns().iter().map(|pattern| (pattern.span, pattern.text.clone()));
    let mut start = 0;
    let lines = source.text().split_inclusive('\n').map(|line| {
        start += line.len();
        (start - line.len(), line.trim_end())
    });
    // BuildKit takes a line for a comment only if the mark is the first thing on it.
    let comments = lines.filter(|(_, line)| line.starts_with('#')).map(|(start, line)| Comment {
        span: Span::new(file, start..start + line.len()),
        text: uncommented(line),
        trailing: false,
    });
    Outline::new(nodes, comments.collect())
}

/// The nodes of a bake file: blocks by kind and label, attributes by name, entries of objects and lists.
pub(super) fn of_hcl(file: &hcl::File, source: &Source) -> Outline {
    let mut nodes = Vec::new();
    hcl_body(&file.body, source, &mut nodes);
    let comments = file.comments.iter().map(|span| Comment {
        span: *span,
        text: uncommented(source.slice(*span)),
        trailing: is_trailing(source, *span),
    });
    Outline::new(nodes, comments.collect())
}

fn hcl_body(body: &Body, source: &Source, nodes: &mut Vec<(Span, String)>) {
    for item in &body.items {
        match item {
            Item::Attribute(attribute) => {
                nodes.push((attribute.span, attribute.name.node.clone()));
                hcl_value(&attribute.value, source, nodes, 0);
            }
            Item::Block(block) => {
                let labels = block.labels.iter().map(|label| label.node.as_str());
                let words: Vec<&str> = std::iter::once(block.kind.node.as_str()).chain(labels).collect();
                nodes.push((block.span, words.join(" ")));
                hcl_body(&block.body, source, nodes);
            }
        }
    }
}

/// How deep lists and objects are looked into; bake's own values are two deep.
const MAX_DEPTH: u32 = 16;

fn hcl_value(value: &hcl::Expr, source: &Source, nodes: &mut Vec<(Span, String)>, depth: u32) {
    if depth > MAX_DEPTH {
        return;
    }
    match &value.kind {
        ExprKind::Tuple(tuple) => {
            for element in &tuple.elements {
                nodes.push((element.value.span, words(source.slice(element.value.span))));
                hcl_value(&element.value, source, nodes, depth + 1);
            }
        }
        ExprKind::Object(object) => {
            for entry in &object.entries {
                let name = entry.name().map_or_else(|| words(source.slice(entry.key.span)), str::to_owned);
                nodes.push((entry.span(), name));
                hcl_value(&entry.value, source, nodes, depth + 1);
            }
        }
        _ => {}
    }
}

/// The nodes of a YAML file: entries of mappings by key, items of sequences by what tells them apart.
pub(super) fn of_yaml(tree: &yaml::Tree) -> Outline {
    let mut nodes = Vec::new();
    for document in tree.documents() {
        let mut open: Vec<yaml::Node> = document.root.map(|root| tree.node(root)).into_iter().collect();
        while let Some(node) = open.pop() {
            if node.alias().is_some() {
                continue;
            }
            for entry in node.entries() {
                nodes.push((entry.span(), entry.name().unwrap_or_default().to_owned()));
                open.push(entry.value);
            }
            for item in node.items() {
                nodes.push((item.span(), item_name(item)));
                open.push(item);
            }
        }
    }
    let comments = tree.comments().iter().map(|comment| Comment {
        span: comment.span,
        text: comment.text.trim().trim_start_matches('#').trim().to_owned(),
        trailing: !comment.own_line,
    });
    Outline::new(nodes, comments.collect())
}

/// What tells an item of a sequence from its siblings: a step's id, name, action without its version or command, else the text.
fn item_name(item: yaml::Node) -> String {
    if let Some(text) = item.text() {
        return words(text);
    }
    let field = |key: &str| item.get(key).and_then(|value| value.text());
    if let Some(name) = field("id").or_else(|| field("name")) {
        return format!("step {name}");
    }
    if let Some(action) = field("uses") {
        return format!("step {}", action.split('@').next().unwrap_or(action));
    }
    field("run")
        .map_or_else(|| "item".to_owned(), |run| format!("step {}", words(run.lines().next().unwrap_or_default())))
}

/// The words of a text, joined by single blanks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A comment without its marks.
fn uncommented(text: &str) -> String {
    let text = text.trim();
    let text =
        text.strip_prefix("//").or_else(|| text.strip_prefix("/*")).unwrap_or_else(|| text.trim_start_matches('#'));
    text.strip_suffix("*/").unwrap_or(text).trim().to_owned()
}

/// Whether something stands before a span on its line.
fn is_trailing(source: &Source, span: Span) -> bool {
    let line = source.lines().range(source.lines().line_of(span.start as usize));
    source.text().get(line.start..span.start as usize).is_some_and(|before| !before.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn span(range: std::ops::Range<usize>) -> Span {
        Span::new(FileId(0), range)
    }

    #[test]
    fn parents_are_the_smallest_nodes_around() {
        let nodes = [(0..50, "stage a"), (0..9, "FROM"), (10..20, "RUN x"), (50..60, "stage b")];
        let outline = Outline::new(nodes.map(|(range, name)| (span(range), name.to_owned())), Vec::new());
        assert_eq!(outline.path(span(12..13)), "stage a > RUN x");
        assert_eq!(outline.path(span(30..31)), "stage a");
        assert_eq!(outline.path(span(61..62)), "");
        assert_eq!(outline.next(0).map(|node| node.name.as_str()), Some("stage a"));
        assert_eq!(outline.next(21).map(|node| node.name.as_str()), Some("stage b"));
    }
}
