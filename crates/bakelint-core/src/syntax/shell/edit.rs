//! Edits of scripts that keep their layout.

use super::{AndOr, Command, CommandKind, Joiner, List, Script, Separator};
use crate::edit::Edit;
use crate::source::Span;

/// An edit that runs `command` behind the simple command at `after`, on success of it, and leaves everything else as it is.
///
/// The new command is joined and laid out as its neighbours are. `text` is the text of the file and `escape` what continues a
/// line there; within a here-document nothing does. `None` where the result of the script could change in another way: the
/// command is part of a pipe, stands beside `||`, in the text of `sh -c`, in the background or in a condition.
pub fn append(script: &Script, after: Span, command: &str, text: &str, escape: char) -> Option<Edit> {
    let place = find(&script.list, after)?;
    let Place { list, entry, position } = place;
    let and_or = list.entries.get(entry)?;
    let only_and = and_or.rest.iter().all(|(joiner, _)| joiner.node == Joiner::And);
    let background = and_or.end.is_some_and(|end| end.node == Separator::Background);
    if !only_and || background {
        return None;
    }
    let is_last = position == and_or.rest.len();
    let layout = Layout { text, escape };
    let insertion = if is_last && list.entries.len() > 1 {
        layout.separated(list, entry, command)?
    } else {
        layout.joined(and_or, position, after, command)?
    };
    Some(Edit::replace(after.after(), insertion))
}

struct Place<'s> {
    list: &'s List,
    /// Index in the list.
    entry: usize,
    /// 0 for the first pipeline of the entry.
    position: usize,
}

/// Where a command stands, which is alone in its pipeline.
fn find(list: &List, after: Span) -> Option<Place<'_>> {
    for (entry, and_or) in list.entries.iter().enumerate() {
        let pipelines = std::iter::once(&and_or.first).chain(and_or.rest.iter().map(|(_, pipeline)| pipeline));
        for (position, pipeline) in pipelines.enumerate() {
            for command in &pipeline.commands {
                if !command.span.contains(after) {
                    continue;
                }
                let alone = pipeline.commands.len() == 1 && pipeline.negated.is_none();
                return match &command.kind {
                    CommandKind::Simple(_) => {
                        (alone && command.span == after).then_some(Place { list, entry, position })
                    }
                    _ => inside(command, after),
                };
            }
        }
    }
    None
}

fn inside(command: &Command, after: Span) -> Option<Place<'_>> {
    match &command.kind {
        CommandKind::Subshell(body) | CommandKind::Group(body) => find(body, after),
        CommandKind::If { branches, otherwise } => {
            branches.iter().map(|(_, body)| body).chain(otherwise).find_map(|body| find(body, after))
        }
        CommandKind::Case { arms, .. } => arms.iter().find_map(|(_, body)| find(body, after)),
        _ => None,
    }
}

struct Layout<'t> {
    text: &'t str,
    escape: char,
}

impl Layout<'_> {
    /// The blanks and line ends between two places, if there is nothing else.
    fn gap(&self, start: u32, end: u32) -> Option<&str> {
        let gap = self.text.get(start as usize..end as usize)?;
        gap.chars().all(|c| c.is_ascii_whitespace() || c == self.escape).then_some(gap)
    }

    /// ` && command`, laid out as another `&&` of the same list is.
    fn joined(&self, and_or: &AndOr, position: usize, after: Span, command: &str) -> Option<String> {
        let ends = |at: usize| match at.checked_sub(1) {
            None => Some(and_or.first.commands.last()?.span.end),
            Some(rest) => Some(and_or.rest.get(rest)?.1.commands.last()?.span.end),
        };
        // The joiner behind the command, else the one before it.
        for index in [Some(position), position.checked_sub(1)].into_iter().flatten() {
            let Some((joiner, pipeline)) = and_or.rest.get(index) else { continue };
            let next = pipeline.commands.first()?.span.start;
            let before = self.gap(ends(index)?, joiner.span.start);
            let behind = self.gap(joiner.span.end, next);
            if let (Some(before), Some(behind)) = (before, behind) {
                return Some(format!("{before}&&{behind}{command}"));
            }
            return Some(self.new_line(joiner.span).map_or_else(
                || format!(" && {command}"),
                |(line_end, indent)| format!(" {}{line_end}{indent}&& {command}", self.escape),
            ));
        }
        let lines = self.text.get(after.range())?;
        match lines.split_once('\n') {
            None => Some(format!(" && {command}")),
            Some((first, rest)) => {
                let line_end = if first.ends_with('\r') { "\r\n" } else { "\n" };
                let indents = rest.lines().filter(|line| !line.trim_start().starts_with('#'));
                let indent = indents.map(indentation).min_by_key(|indent| indent.len()).unwrap_or("    ");
                let indent = if indent.is_empty() { "    " } else { indent };
                Some(format!(" {}{line_end}{indent}&& {command}", self.escape))
            }
        }
    }

    /// `; command`, or a new line, laid out as another separator of the same list is.
    fn separated(&self, list: &List, entry: usize, command: &str) -> Option<String> {
        for index in [Some(entry), entry.checked_sub(1)].into_iter().flatten() {
            let Some(next) = list.entries.get(index + 1).and_then(|next| next.first.commands.first()) else { continue };
            let end = list.entries.get(index)?.end?;
            match end.node {
                Separator::Semicolon => {
                    let gap = self.gap(end.span.end, next.span.start).unwrap_or(" ");
                    return Some(format!(";{gap}{command}"));
                }
                Separator::Newline => {
                    let (line_end, indent) = self.new_line(next.span).unwrap_or(("\n", ""));
                    return Some(format!("{line_end}{indent}{command}"));
                }
                Separator::Background => return None,
            }
        }
        None
    }

    /// The line end before the line of a place and that line's indentation, if the place is not on the first line.
    fn new_line(&self, place: Span) -> Option<(&'static str, &str)> {
        let before = self.text.get(..place.start as usize)?;
        let start = before.rfind('\n')?;
        let line_end = if before[..start].ends_with('\r') { "\r\n" } else { "\n" };
        Some((line_end, indentation(&self.text[start + 1..])))
    }
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::dockerfile;
    use crate::syntax::shell::{Options, parse};

    /// The file with `z` run behind the first command `x …`.
    fn appended(text: &str) -> Option<String> {
        let tree = dockerfile::parse(FileId(0), text);
        let script = parse(&tree.instructions[0].script()?.text, Options::default());
        let commands = script.commands();
        let command = commands.iter().find(|command| command.simple.name() == Some("x"))?;
        let edit = append(&script, command.span, "z", text, tree.escape)?;
        let mut text = text.to_owned();
        text.replace_range(edit.span.range(), &edit.text);
        Some(text)
    }

    #[test]
    fn a_command_is_added_in_the_layout_of_its_neighbours() {
        let cases = [
            ("RUN x 1\n", Some("RUN x 1 && z\n")),
            ("RUN x 1 2>&1 && b\n", Some("RUN x 1 2>&1 && z && b\n")),
            ("RUN a && x\n", Some("RUN a && x && z\n")),
            ("RUN a \\\n  && x \\\n    1\n", Some("RUN a \\\n  && x \\\n    1 \\\n  && z\n")),
            ("RUN a && \\\n    x && \\\n    b\n", Some("RUN a && \\\n    x && \\\n    z && \\\n    b\n")),
            ("RUN a \\\r\n  && x\r\n", Some("RUN a \\\r\n  && x \\\r\n  && z\r\n")),
            ("RUN a \\\n # note\n  && x\n", Some("RUN a \\\n # note\n  && x \\\n  && z\n")),
            ("RUN x \\\n      1 \\\n      2\n", Some("RUN x \\\n      1 \\\n      2 \\\n      && z\n")),
            ("RUN set -e; x; b\n", Some("RUN set -e; x; z; b\n")),
            ("RUN set -e; \\\n\tx; \\\n\tb\n", Some("RUN set -e; \\\n\tx; \\\n\tz; \\\n\tb\n")),
            ("RUN set -e; x\n", Some("RUN set -e; x; z\n")),
            ("RUN set -e; a && x; b\n", Some("RUN set -e; a && x; z; b\n")),
            ("RUN <<E\na\n  x\nb\nE\n", Some("RUN <<E\na\n  x\nz\nb\nE\n")),
            ("RUN (a && x) || b\n", Some("RUN (a && x && z) || b\n")),
            ("RUN if a; then x; fi\n", Some("RUN if a; then x && z; fi\n")),
            ("RUN x || true\n", None),
            ("RUN x | tee\n", None),
            ("RUN sh -c 'x'\n", None),
            ("RUN x & wait\n", None),
            ("RUN for i in 1; do x; done\n", None),
        ];
        for (text, expected) in cases {
            assert_eq!(appended(text).as_deref(), expected, "{text}");
        }
    }
}
