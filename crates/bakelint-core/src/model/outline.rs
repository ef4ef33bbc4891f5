//! The nodes of a file that a person could name: stage, layer, target, attribute, job, step.
//!
//! Ignore comments belong to nodes, and fingerprints name places by nodes, so that neither depends on line numbers.

use crate::source::Span;

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
