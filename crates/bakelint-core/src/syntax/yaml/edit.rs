//! Edits that keep a file's layout: entries and items come and go as lines or between commas, as their neighbours do.
//!
//! Every function takes the text that the tree was parsed from. New text is given as YAML at no indentation, lines
//! ended by LF, without a line end behind the last; it is indented and its line ends are made the file's.

use std::borrow::Cow;

use super::{CollectionStyle, Content, CoreValue, Entry, Node, ScalarStyle, Tree, core, go};
use crate::edit::Edit;
use crate::source::Span;

/// Number of columns before the first token of `node`, the `- ` of list items before it included.
pub fn indentation(text: &str, node: Node<'_>) -> usize {
    column(text, node.full_span().start as usize)
}

/// How many columns a mapping inside a mapping is indented further; 2 where the file shows none.
pub fn indent_unit(text: &str, tree: &Tree) -> usize {
    let block_mapping = |node: &Node<'_>| matches!(node.written(), Content::Mapping(mapping) if mapping.style == CollectionStyle::Block);
    let nodes = tree.nodes();
    nodes
        .filter(block_mapping)
        .filter_map(|node| {
            let parent = node.parent().filter(block_mapping)?;
            indentation(text, node).checked_sub(indentation(text, parent)).filter(|unit| *unit > 0)
        })
        .next()
        .unwrap_or(2)
}

/// The whole lines of `entry`, from its key to the end of its last line, with a comment behind it and the line end.
/// Nothing if it shares its first line with other tokens, as in `- key: value` or between braces.
pub fn entry_lines(text: &str, entry: Entry<'_>) -> Option<Span> {
    element_lines(text, entry.mapping, entry.span())
}

/// The whole lines of item `index` of a block sequence; see [`entry_lines`].
pub fn item_lines(text: &str, sequence: Node<'_>, index: usize) -> Option<Span> {
    let elements = Elements::of(sequence.resolved())?;
    element_lines(text, sequence.resolved(), *elements.spans.get(index)?)
}

/// The lines of comment that stand directly above the line of `span`, with their line ends.
pub fn comment_above(text: &str, tree: &Tree, span: Span) -> Option<Span> {
    let mut start = line_start(text, span.start as usize);
    let end = start;
    let before = tree.comments.partition_point(|comment| (comment.span.start as usize) < end);
    for comment in tree.comments.get(..before).unwrap_or_default().iter().rev() {
        let next = after_line(text, comment.span.end as usize);
        if !comment.own_line || next != start {
            break;
        }
        start = line_start(text, comment.span.start as usize);
    }
    (start < end).then(|| Span::new(span.file, start..end))
}

/// Puts `entry` (such as `timeout-minutes: 30`) before the entry at `index` of `mapping`, or behind the last.
///
/// `mapping` may also be an absent or null value, or `{}`. Nothing if that cannot be done: `mapping` is an alias or
/// something else than a mapping, or `entry` has several lines and the mapping stands in braces.
pub fn insert_entry(text: &str, mapping: Node<'_>, index: usize, entry: &str) -> Option<Vec<Edit>> {
    insert(text, mapping, index, entry, &Kind { open: "{", close: "}", dash: "" })
}

/// Puts `item`, without a `- `, before the item at `index` of `sequence`, or behind the last; see [`insert_entry`].
pub fn insert_item(text: &str, sequence: Node<'_>, index: usize, item: &str) -> Option<Vec<Edit>> {
    insert(text, sequence, index, item, &Kind { open: "[", close: "]", dash: "- " })
}

/// Removes `entry` with a comment behind it. The only entry of a mapping leaves `{}`.
pub fn remove_entry(text: &str, entry: Entry<'_>) -> Option<Vec<Edit>> {
    remove(text, entry.mapping, entry.index, "{}")
}

/// Removes item `index` of `sequence` with a comment behind it. The only item leaves `[]`.
pub fn remove_item(text: &str, sequence: Node<'_>, index: usize) -> Option<Vec<Edit>> {
    remove(text, sequence.resolved(), index, "[]")
}

/// Makes `node` read as `new`, written as before where that is possible: in the same quotes, or as the lines of a
/// block scalar. An alias is replaced, not what it stands for. Nothing for a collection.
pub fn replace_scalar(text: &str, node: Node<'_>, new: &str) -> Option<Edit> {
    let style = node.parent().and_then(Node::collection_style).unwrap_or(CollectionStyle::Block);
    let span = node.span();
    let written = match node.written() {
        Content::Absent => {
            let blank = text.get(..span.start as usize).is_some_and(|before| before.ends_with([' ', '\t']));
            return Some(Edit::insert(span, format!("{}{}", if blank { "" } else { " " }, quoted(new, style))));
        }
        Content::Alias(_) => quoted(new, style).into_owned(),
        Content::Scalar(scalar) => match scalar.style {
            ScalarStyle::Plain => {
                // A number stays a number.
                let typed = |text: &str| core(text) != CoreValue::Text || go(text) != CoreValue::Text;
                let keep = typed(&scalar.text) && typed(new) && !new.is_empty();
                if keep { new.to_owned() } else { quoted(new, style).into_owned() }
            }
            ScalarStyle::SingleQuoted if is_one_line(new) => format!("'{}'", new.replace('\'', "''")),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => double_quoted(new),
            ScalarStyle::Literal | ScalarStyle::Folded => block_scalar(text, new, scalar.indent as usize),
        },
        Content::Sequence(_) | Content::Mapping(_) => return None,
    };
    Some(Edit::replace(span, written))
}

/// `text` as a scalar that reads back as this very text, in quotes only where it must be; `style` is that of the
/// collection around it.
pub fn quoted(text: &str, style: CollectionStyle) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let indicator = match bytes {
        [] => true,
        [b'-' | b'?' | b':'] => true,
        [b'-' | b'?' | b':', second, ..] => {
            matches!(second, b' ' | b'\t') || (style == CollectionStyle::Flow && b",[]{}".contains(second))
        }
        [first, ..] => b" \t,[]{}#&*!|>'\"%@`".contains(first),
    };
    let typed = core(text) != CoreValue::Text || go(text) != CoreValue::Text || text == "<<";
    let plain = !indicator
        && !typed
        && is_one_line(text)
        && !text.ends_with([' ', '\t', ':'])
        && ![": ", ":\t", " #", "\t#"].iter().any(|sign| text.contains(sign))
        && !["---", "...", "\u{feff}"].iter().any(|sign| text.starts_with(sign))
        && (style == CollectionStyle::Block || !text.contains([',', '[', ']', '{', '}']));
    if plain {
        Cow::Borrowed(text)
    } else if is_one_line(text) && (text.contains(['"', '\\']) && !text.contains('\'')) {
        Cow::Owned(format!("'{text}'"))
    } else {
        Cow::Owned(double_quoted(text))
    }
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

fn double_quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if is_one_line(c.encode_utf8(&mut [0; 4])) => written.push(c),
            c => written.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    written.push('"');
    written
}

/// `new` as a literal block scalar whose lines are indented by `indent`, without the last line end.
fn block_scalar(text: &str, new: &str, indent: usize) -> String {
    let body = new.trim_end_matches('\n');
    let first = body.lines().find(|line| !line.is_empty()).unwrap_or_default();
    let writable = body.lines().all(|line| is_one_line(&line.replace('\t', " ")));
    if first.is_empty() || first.starts_with([' ', '\t']) || !writable || indent == 0 {
        return double_quoted(new);
    }
    let chomp = match new.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let mut written = format!("|{chomp}");
    // A kept line end behind the text is an empty line below it.
    for line in new.strip_suffix('\n').unwrap_or(new).split('\n') {
        written.push_str(line_ending(text));
        if !line.is_empty() {
            written.push_str(&" ".repeat(indent));
            written.push_str(line);
        }
    }
    written
}

/// What tells a mapping from a sequence when something is put in.
struct Kind {
    open: &'static str,
    close: &'static str,
    dash: &'static str,
}

fn insert(text: &str, node: Node<'_>, index: usize, new: &str, kind: &Kind) -> Option<Vec<Edit>> {
    let one_line = !new.contains('\n');
    let span = node.span();
    match node.written() {
        Content::Mapping(_) if kind.open != "{" => None,
        Content::Sequence(_) if kind.open != "[" => None,
        Content::Mapping(_) | Content::Sequence(_) => {
            let elements = Elements::of(node)?;
            let before = index.checked_sub(1).map(|last| last.min(elements.spans.len().saturating_sub(1)));
            match (elements.flow, elements.spans.first(), before.and_then(|at| elements.spans.get(at))) {
                (true, None, _) if one_line => {
                    Some(vec![Edit::replace(span, format!("{}{new}{}", kind.open, kind.close))])
                }
                (true, Some(_), Some(before)) if one_line => {
                    Some(vec![Edit::insert(before.after(), format!(", {new}"))])
                }
                (true, Some(first), None) if one_line => Some(vec![Edit::insert(*first, format!("{new}, "))]),
                (true, None, _) => insert_block(text, node, span, new, kind),
                (true, ..) => None,
                (false, first, before) => {
                    let first = *first?;
                    let indent = column(text, first.start as usize);
                    let lines = indented(text, new, indent, kind.dash);
                    let gap = format!("{}{}", line_ending(text), " ".repeat(indent));
                    Some(vec![match before {
                        Some(before) => {
                            let end = element_end(text, node, *before);
                            Edit::insert(Span::new(span.file, end..end), format!("{gap}{lines}"))
                        }
                        None => Edit::insert(first, format!("{lines}{gap}")),
                    }])
                }
            }
        }
        _ if node.alias().is_none() && node.is_null() => insert_block(text, node, span, new, kind),
        _ => None,
    }
}

/// Puts a new block collection in the place of a null or empty value.
fn insert_block(text: &str, node: Node<'_>, span: Span, new: &str, kind: &Kind) -> Option<Vec<Edit>> {
    let parent = node.parent()?;
    if parent.collection_style() != Some(CollectionStyle::Block) {
        return None;
    }
    let tree = node.tree();
    let base = column(text, Elements::of(parent)?.spans.first()?.start as usize);
    let indent = base + if parent.is_sequence() { 2 } else { indent_unit(text, tree) };
    let lines = indented(text, new, indent, kind.dash);
    if parent.is_sequence() {
        let lead = if span.is_empty() { " " } else { "" };
        return Some(vec![Edit::replace(span, format!("{lead}{lines}"))]);
    }
    let lines = format!("{}{}{lines}", line_ending(text), " ".repeat(indent));
    if !span.is_empty() {
        // The blank before the value goes too, and a comment behind it stays on the key's line.
        let start = text.get(..span.start as usize)?.trim_end_matches([' ', '\t']).len();
        let end = line_end(text, span.end as usize);
        let removed = Edit::delete(Span::new(span.file, start..span.end as usize));
        let at = Edit::insert(Span::new(span.file, end..end), lines.clone());
        let same = span.end as usize == end;
        return Some(if same { vec![Edit::replace(removed.span, lines)] } else { vec![removed, at] });
    }
    let end = line_end(text, span.end as usize);
    Some(vec![Edit::insert(Span::new(span.file, end..end), lines)])
}

fn remove(text: &str, node: Node<'_>, index: usize, empty: &str) -> Option<Vec<Edit>> {
    let elements = Elements::of(node)?;
    let span = *elements.spans.get(index)?;
    let previous = index.checked_sub(1).and_then(|at| elements.spans.get(at));
    let next = elements.spans.get(index + 1);
    let edit = match (elements.flow, previous, next) {
        (true, None, None) => Edit::replace(node.span(), empty),
        (true, _, Some(next)) => Edit::delete(Span { end: next.start, ..span }),
        (true, Some(previous), None) => Edit::delete(Span { start: previous.end, ..span }),
        (false, None, None) => {
            // Pull the brackets up to the key, which may stand lines above.
            let before = text.get(..node.full_span().start as usize)?;
            let key_end = before.trim_end_matches([' ', '\t', '\r', '\n']).len();
            let same_place = before.ends_with([' ', '\t']) && !before[key_end..].contains('\n');
            let parent_is_key = node.parent().is_some_and(Node::is_mapping) && before[..key_end].ends_with(':');
            if parent_is_key && !same_place && node.full_span() == node.span() {
                Edit::replace(Span::new(span.file, key_end..node.span().end as usize), format!(" {empty}"))
            } else {
                Edit::replace(node.span(), empty)
            }
        }
        (false, _, next) => match (element_lines(text, node, span), next) {
            (Some(lines), _) => Edit::delete(lines),
            (None, Some(next)) => Edit::delete(Span { end: next.start, ..span }),
            (None, None) => return None,
        },
    };
    Some(vec![edit])
}

/// The spans of a collection's entries or items, with `-` or `?`.
struct Elements {
    spans: Vec<Span>,
    flow: bool,
}

impl Elements {
    fn of(node: Node<'_>) -> Option<Elements> {
        let file = node.span().file;
        let spans = match node.written() {
            Content::Mapping(_) => node.entries().map(Entry::span).collect(),
            Content::Sequence(sequence) => {
                let start = |at: usize| sequence.items.get(at).map_or(0, |item| item.start);
                let end = |item: Node<'_>, start: u32| match item.written() {
                    Content::Absent => item.span().end.max(start),
                    _ => item.full_span().end,
                };
                let span = |(at, item)| Span { file, start: start(at), end: end(item, start(at)) };
                node.items().enumerate().map(span).collect()
            }
            _ => return None,
        };
        Some(Elements { spans, flow: node.collection_style() == Some(CollectionStyle::Flow) })
    }
}

fn element_lines(text: &str, node: Node<'_>, span: Span) -> Option<Span> {
    if node.collection_style() != Some(CollectionStyle::Block) {
        return None;
    }
    let start = line_start(text, span.start as usize);
    let leading = text.get(start..span.start as usize)?.trim_start_matches('\u{feff}');
    if !leading.bytes().all(|b| matches!(b, b' ' | b'\t')) {
        return None;
    }
    let end = element_end(text, node, span);
    Some(Span::new(span.file, start..after_line(text, end)))
}

/// The end of the last line of an element of a block collection; `|+` and `>+` own the empty lines below them.
fn element_end(text: &str, collection: Node<'_>, span: Span) -> usize {
    let mut end = line_end(text, span.end as usize);
    let leaf = collection.tree().path_at(span.end).into_iter().last();
    let keeps = leaf.filter(|leaf| leaf.span().end == span.end).is_some_and(|leaf| {
        let block = leaf.scalar().is_some_and(|s| matches!(s.style, ScalarStyle::Literal | ScalarStyle::Folded));
        let head = text.get(leaf.span().range()).and_then(|token| token.lines().next()).unwrap_or_default();
        block && head.bytes().take(3).any(|b| b == b'+')
    });
    if !keeps {
        return end;
    }
    loop {
        let next = after_line(text, end);
        let line = text.get(next..line_end(text, next)).unwrap_or_default();
        if next == end || next == text.len() || !line.trim().is_empty() {
            return end;
        }
        end = line_end(text, next);
    }
}

/// `new` with `dash` before its first line and every further line indented to stand below it.
fn indented(text: &str, new: &str, indent: usize, dash: &str) -> String {
    let mut written = dash.to_owned();
    for (at, line) in new.split('\n').enumerate() {
        if at > 0 {
            written.push_str(line_ending(text));
            if !line.is_empty() {
                written.push_str(&" ".repeat(indent + dash.len()));
            }
        }
        written.push_str(line);
    }
    written
}

/// The file's line ending, by its first line.
fn line_ending(text: &str) -> &'static str {
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

fn line_start(text: &str, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..at.min(text.len())]).map_or(0, |at| at + 1)
}

/// The offset of the line end at or behind `at`.
fn line_end(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    let bytes = text.as_bytes();
    match memchr::memchr(b'\n', &bytes[at..]) {
        Some(length) if length > 0 && bytes[at + length - 1] == b'\r' => at + length - 1,
        Some(length) => at + length,
        None => text.len(),
    }
}

/// The offset of the line below that of `at`.
fn after_line(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |length| at + length + 1)
}

/// Characters between the start of the line and `at`.
fn column(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    text.get(start..at).unwrap_or_default().trim_start_matches('\u{feff}').chars().count()
}
