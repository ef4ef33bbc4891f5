//! Ignore comments: bakelint's own, hadolint's, and BuildKit's `# check=skip=`.
//!
//! A comment on a line of its own belongs to the next node and covers it and its children; in the first comment block of a
//! file it covers the file. A comment behind something covers what starts on its line.

use crate::diagnostic::{Diagnostic, Heeds};
use crate::model::Project;
use crate::model::outline::{Comment, Node, Outline};
use crate::rule::Rule;
use crate::snapshot::FileKind;
use crate::source::{FileId, Source, Span};
use crate::syntax::dockerfile::CheckOptions;

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
    /// `# check=skip=StageNameCasing` as a directive, and what takes its place.
    BuildKit,
    /// `# check=skip=StageNameCasing` above an instruction.
    BuildKitComment,
}

impl Ignore {
    /// Whether the comment keeps hadolint, or the ShellCheck that it runs, from reporting a finding under this name.
    pub fn names_for_hadolint(&self, diagnostic: &Diagnostic, name: &str) -> bool {
        let code = name.strip_prefix("hadolint:").or_else(|| name.strip_prefix("shellcheck:"));
        self.tool == Tool::Hadolint
            && self.covers.contains(diagnostic.span)
            && code.is_some_and(|code| self.rules.iter().any(|rule| rule.eq_ignore_ascii_case(code)))
    }

    /// Whether the comment silences a finding of `rule`. A comment for hadolint silences what hadolint alone reports.
    pub fn silences(&self, diagnostic: &Diagnostic, rule: Option<&Rule>) -> bool {
        let also = diagnostic.also(rule.map_or(&[], |rule| rule.meta.also));
        let names = |prefix: &'static str| also.iter().filter_map(move |name| name.strip_prefix(prefix));
        let lists = |name: &str| self.rules.is_empty() || self.rules.iter().any(|rule| rule == name);
        // What is not a check, and what `skip` has no power over.
        let is_check = |name: &&str| !["error", "InvalidDefinitionDescription"].contains(name);
        let place = match diagnostic.heeds {
            Heeds::Nothing if self.tool == Tool::BuildKitComment => return false,
            Heeds::At(span) if self.tool == Tool::BuildKitComment => span,
            _ => diagnostic.span,
        };
        self.covers.contains(place)
            && match self.tool {
                Tool::Bakelint => self.rules.iter().any(|name| {
                    let bare = |also: &&str| also == name || also.split_once(':').is_some_and(|(_, bare)| bare == name);
                    name == diagnostic.rule || rule.is_some_and(|rule| rule.theme == name) || also.iter().any(bare)
                }),
                Tool::Hadolint => {
                    !names("buildkit:").any(|name| is_check(&name))
                        && also.iter().any(|name| self.names_for_hadolint(diagnostic, name))
                }
                Tool::BuildKit | Tool::BuildKitComment => names("buildkit:").filter(is_check).any(lists),
            }
    }
}

/// All ignore comments of a file, and what the command line asks for in their place.
pub fn ignores(project: &Project, file: FileId) -> Vec<Ignore> {
    let Some(source) = project.snapshot.get(file) else { return Vec::new() };
    let mut found = project.dockerfile_of(file).map(|at| buildkit(project, at)).unwrap_or_default();
    if !source.text().contains("ignore") {
        return found;
    }
    let outline = project.outline(file);
    let first = outline.next(0).map_or(u32::MAX, |node| node.span.start);
    for comment in outline.comments() {
        let Some((tool, global, rules)) = parse(&comment.text) else { continue };
        if tool != Tool::Bakelint && FileKind::of(&source.path) != FileKind::Dockerfile && !project.is_dockerfile(file)
        {
            continue;
        }
        let whole = Span::new(file, 0..source.bytes().len());
        let top = comment.span.end <= first && !comment.trailing && tool == Tool::Bakelint;
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
    None
}

/// What BuildKit's checks are asked to skip in a Dockerfile, by its directive and by comments above instructions.
fn buildkit(project: &Project, dockerfile: usize) -> Vec<Ignore> {
    let Some(file) = project.dockerfiles.get(dockerfile) else { return Vec::new() };
    let ignore = |span: Span, covers: Span, options: CheckOptions, tool: Tool| {
        let rules = if options.skip_all { Vec::new() } else { options.skip };
        (options.skip_all || !rules.is_empty()).then_some(Ignore { span, covers, rules, tool })
    };
    let whole = Span::new(file.file, 0..file.source.bytes().len());
    let options = project.check_options(dockerfile).unwrap_or_default();
    let mut found: Vec<Ignore> = ignore(whole.before(), whole, options, Tool::BuildKit).into_iter().collect();
    if file.source.text().contains("skip") {
        for instruction in &file.tree.instructions {
            let Some((span, options)) = file.tree.check_comment(instruction) else { continue };
            found.extend(ignore(span, instruction.span, options, Tool::BuildKitComment));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_of_writing_it() {
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
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
