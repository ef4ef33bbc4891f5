//! Ignore comments: bakelint's own, hadolint's, and BuildKit's `# check=skip=`.
//!
//! A comment on a line of its own belongs to the next node and covers it and its children; in the first comment block of a
//! file it covers the file. A comment behind something covers what starts on its line.

use crate::diagnostic::Diagnostic;
use crate::model::Project;
use crate::model::outline::{Comment, Node, Outline};
use crate::rule::Rule;
use crate::snapshot::FileKind;
use crate::source::{FileId, Source, Span};

/// A comment that asks for silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// The comment.
    pub span: Span,
    /// Where findings are dropped.
    pub covers: Span,
    /// Which rules: names as they were written; empty means all of `tool`.
    pub rules: Vec<String>,
    /// Whose comment it is.
    pub tool: Tool,
}

/// Whose way of ignoring a comment follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `# bakelint: ignore[rule, rule] reason`.
    Bakelint,
    /// `# hadolint ignore=DL3006` and `# hadolint global ignore=…`.
    Hadolint,
    /// `# check=skip=StageNameCasing`.
    BuildKit,
}

impl Ignore {
    /// Whether the comment silences a finding of `rule`.
    pub fn silences(&self, diagnostic: &Diagnostic, rule: Option<&Rule>) -> bool {
        let also = diagnostic.also(rule.map_or(&[], |rule| rule.meta.also));
        let own = |prefix: &str| {
            also.iter()
                .filter_map(|name| name.strip_prefix(prefix))
                .any(|name| self.rules.is_empty() || self.rules.iter().any(|rule| rule.eq_ignore_ascii_case(name)))
        };
        self.covers.contains(diagnostic.span)
            && match self.tool {
                Tool::Bakelint => self.rules.iter().any(|name| {
                    let bare = |also: &&str| also == name || also.split_once(':').is_some_and(|(_, bare)| bare == name);
                    name == diagnostic.rule || rule.is_some_and(|rule| rule.theme == name) || also.iter().any(bare)
                }),
                Tool::Hadolint => own("hadolint:"),
                Tool::BuildKit => own("buildkit:"),
            }
    }
}

/// All ignore comments of a file.
pub fn ignores(project: &Project, file: FileId) -> Vec<Ignore> {
    let Some(source) = project.snapshot.get(file) else { return Vec::new() };
    if !source.text().contains("ignore") && !source.text().contains("skip") {
        return Vec::new();
    }
    let outline = project.outline(file);
    let first = outline.next(0).map_or(u32::MAX, |node| node.span.start);
    let mut found = Vec::new();
    for comment in outline.comments() {
        let Some((tool, global, rules)) = parse(&comment.text) else { continue };
        if tool != Tool::Bakelint && FileKind::of(&source.path) != FileKind::Dockerfile && !project.is_dockerfile(file)
        {
            continue;
        }
        let whole = Span::new(file, 0..source.bytes().len());
        let top = comment.span.end <= first && !comment.trailing && (tool == Tool::Bakelint || tool == Tool::BuildKit);
        let covers = if global || top { Some(whole) } else { covered(comment, outline, source) };
        let Some(covers) = covers else { continue };
        found.push(Ignore { span: comment.span, covers, rules, tool });
    }
    found
}

/// What a comment that is not about the whole file covers.
fn covered(comment: &Comment, outline: &Outline, source: &Source) -> Option<Span> {
    if comment.trailing {
        let line = source.lines().range(source.lines().line_of(comment.span.start as usize));
        let line = Span::new(comment.span.file, line);
        let starts =
            outline.nodes().iter().filter(|node| node.span.start >= line.start && node.span.start < comment.span.start);
        return Some(starts.fold(line, |covers, node| covers.cover(node.span)));
    }
    // Behind the last child of a node, and inside of a node without children, the comment is about the node around it.
    let around = outline.innermost(comment.span).and_then(|node| outline.nodes().get(node));
    let inside = |node: &&Node| around.is_none_or(|around| around.span.contains(node.span));
    let node = outline.next(comment.span.end).filter(inside).or(around)?;
    // hadolint's comment is for the next instruction, not for the stage that begins with it.
    if comment.text.starts_with("hadolint") {
        let children = outline.nodes().iter().filter(|child| child.span.start == node.span.start);
        return children.map(|child| child.span).min_by_key(|span| span.len());
    }
    Some(node.span)
}

/// Reads a comment's text: whose it is, whether it is for the whole file, and the rules.
fn parse(text: &str) -> Option<(Tool, bool, Vec<String>)> {
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    if let Some(rest) = text.strip_prefix("bakelint:") {
        let rest = rest.trim_start().strip_prefix("ignore")?.trim_start().strip_prefix('[')?;
        let (rules, _reason) = rest.split_once(']')?;
        return Some((Tool::Bakelint, false, list(rules)));
    }
    if let Some(rest) = text.strip_prefix("hadolint") {
        let rest = rest.trim_start();
        let (global, rest) = rest.strip_prefix("global").map_or((false, rest), |rest| (true, rest.trim_start()));
        let rest = rest.strip_prefix("ignore")?.trim_start().strip_prefix('=')?;
        let rules = rest.split('#').next().unwrap_or_default();
        return Some((Tool::Hadolint, global, list(rules))).filter(|(_, _, rules)| !rules.is_empty());
    }
    let (name, value) = text.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("check") {
        return None;
    }
    // The value ends at its first blank (BuildKit frontend/dockerfile/parser/directives.go).
    let value = value.trim_start().split([' ', '\t']).next()?;
    let skip = value.split(';').find_map(|option| option.strip_prefix("skip="))?;
    let rules = list(skip);
    let all = rules.iter().any(|rule| rule.eq_ignore_ascii_case("all"));
    Some((Tool::BuildKit, false, if all { Vec::new() } else { rules }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_of_writing_it() {
        let rules = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let cases = [
            (
                "bakelint: ignore[unpinned-base, DL3006] on purpose",
                Some((Tool::Bakelint, false, rules(&["unpinned-base", "DL3006"]))),
            ),
            ("bakelint: ignore everything", None),
            ("hadolint ignore=DL3006,SC2086 # because", Some((Tool::Hadolint, false, rules(&["DL3006", "SC2086"])))),
            ("hadolint global ignore=DL3006", Some((Tool::Hadolint, true, rules(&["DL3006"])))),
            ("hadolint ignore", None),
            ("check=skip=A,B;error=true", Some((Tool::BuildKit, false, rules(&["A", "B"])))),
            ("check=skip=A, B", Some((Tool::BuildKit, false, rules(&["A"])))),
            ("check=skip=all", Some((Tool::BuildKit, false, rules(&[])))),
            ("check=error=true", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
