//! `${VARIABLE:-default}` in the values of compose files.
//!
//! Follows compose-go's `template/template.go`: names are of letters, digits and `_`; `$$` stands for `$`; a `$` before
//! anything else stands for itself; a sequence ends at the brace that balances its own, or at the last of its line.

use std::ops::Range;

use crate::source::{Span, Spanned};
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// How deeply defaults may be nested in defaults.
const DEPTH_LIMIT: u32 = 50;

/// Text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpolation {
    /// The parts in order.
    pub parts: Vec<Part>,
}

/// A part of an [`Interpolation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Text(MappedText),
    /// `$NAME`, `${NAME}`, `${NAME:-default}`.
    Variable(Variable),
    /// A sequence that Compose refuses.
    Broken(Span),
}

/// A use of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: Spanned<String>,
    /// What stands behind the name.
    pub modifier: Option<Modifier>,
    /// The whole, from the `$` to the brace.
    pub span: Span,
}

/// `:-default` and its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modifier {
    /// Which one it is.
    pub kind: ModifierKind,
    /// Whether there is a `:`, so that an empty variable counts as one that is not set.
    pub empty_is_unset: bool,
    /// What follows.
    pub argument: Interpolation,
}

/// The kinds of [`Modifier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModifierKind {
    /// `-`: the argument instead of a variable that is not set.
    Default,
    /// `+`: the argument instead of a variable that is set.
    Alternative,
    /// `?`: refuses a variable that is not set, with the argument as message.
    Required,
}

impl Interpolation {
    /// The text, if there is no variable in it.
    pub fn as_text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text.as_str()),
            _ => None,
        }
    }

    /// All variables, those in defaults included, in order.
    pub fn variables(&self) -> Vec<&Variable> {
        let mut found = Vec::new();
        let mut open: Vec<&Interpolation> = vec![self];
        while let Some(next) = open.pop() {
            for part in &next.parts {
                if let Part::Variable(variable) = part {
                    found.push(variable);
                    open.extend(variable.modifier.as_ref().map(|modifier| &modifier.argument));
                }
            }
        }
        found.sort_by_key(|variable| variable.span);
        found
    }
}

/// Takes a text apart.
pub fn parse(text: &MappedText) -> (Interpolation, Vec<SyntaxError>) {
    let mut errors = Vec::new();
    let interpolation = parse_range(text, 0..text.as_str().len(), 0, &mut errors);
    (interpolation, errors)
}

fn parse_range(text: &MappedText, range: Range<usize>, depth: u32, errors: &mut Vec<SyntaxError>) -> Interpolation {
    let source = text.as_str().get(..range.end).unwrap_or_default();
    let mut parts: Vec<Part> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = &source[at..];
        let sequence = match rest.as_bytes() {
            [b'$', b'$', ..] => {
                push_text(&mut parts, dollar(text, at));
                2
            }
            [b'$', b'{', ..] => {
                let read = if depth < DEPTH_LIMIT { braced(text, at, rest, depth, errors) } else { None };
                let (part, length) = read.unwrap_or_else(|| {
                    let span = text.span_of(at..at + 2);
                    errors.push(SyntaxError {
                        message: "this `${` begins no variable that Compose can read".to_owned(),
                        span,
                        help: Some("write `$$` for a dollar sign".to_owned()),
                    });
                    (Part::Broken(span), 2)
                });
                parts.push(part);
                length
            }
            [b'$', ..] if name_length(&rest[1..]) > 0 => {
                let end = at + 1 + name_length(&rest[1..]);
                let name = Spanned::new(source[at + 1..end].to_owned(), text.span_of(at + 1..end));
                parts.push(Part::Variable(Variable { name, modifier: None, span: text.span_of(at..end) }));
                end - at
            }
            _ => {
                // A `$` that begins nothing stands for itself; what follows is looked at anew.
                let length = if rest.starts_with('$') { 1 } else { rest.find('$').unwrap_or(rest.len()) };
                push_text(&mut parts, text.slice(at..at + length));
                length
            }
        };
        at += sequence;
    }
    Interpolation { parts }
}

/// The `$` that `$$` stands for.
fn dollar(text: &MappedText, at: usize) -> MappedText {
    let span = text.span_of(at..at + 2);
    let mut dollar = MappedText::empty(span.file, span.start as usize);
    dollar.push_for(span.range(), "$");
    dollar
}

fn push_text(parts: &mut Vec<Part>, text: MappedText) {
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_mapped(&text),
        _ => parts.push(Part::Text(text)),
    }
}

/// Reads a sequence that begins with `${`; nothing if Compose refuses it. `rest` begins at the `$`, which is at `at`.
fn braced(
    text: &MappedText,
    at: usize,
    rest: &str,
    depth: u32,
    errors: &mut Vec<SyntaxError>,
) -> Option<(Part, usize)> {
    let name_end = 2 + Some(name_length(&rest[2..])).filter(|length| *length > 0)?;
    let behind = &rest[name_end..];
    let name = Spanned::new(rest[2..name_end].to_owned(), text.span_of(at + 2..at + name_end));
    if behind.starts_with('}') {
        let length = name_end + 1;
        return Some((Part::Variable(Variable { name, modifier: None, span: text.span_of(at..at + length) }), length));
    }
    let sign = behind.strip_prefix(':').unwrap_or(behind);
    let empty_is_unset = sign.len() < behind.len();
    let kind = match sign.chars().next()? {
        '-' => ModifierKind::Default,
        '+' => ModifierKind::Alternative,
        '?' => ModifierKind::Required,
        _ => return None,
    };
    let argument = rest.len() - sign.len() + 1;
    let line = rest[argument..].find('\n').map_or(rest.len(), |length| argument + length);
    let last = argument + rest[argument..line].rfind('}')?;
    let close = closing_brace(&rest[..=last]).filter(|close| *close >= argument).unwrap_or(last);
    let argument = parse_range(text, at + argument..at + close, depth + 1, errors);
    let length = close + 1;
    let modifier = Some(Modifier { kind, empty_is_unset, argument });
    Some((Part::Variable(Variable { name, modifier, span: text.span_of(at..at + length) }), length))
}

/// The offset of the brace that balances the first one. As in compose-go, the character behind an opening brace is
/// passed over.
pub(crate) fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'}' => {
                open = open.checked_sub(1)?;
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The length of the name that a text begins with.
pub(crate) fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        return 0;
    }
    bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn show(source: &str, interpolation: &Interpolation) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.as_str().to_owned(),
            Part::Broken(_) => "<broken>".to_owned(),
            Part::Variable(variable) => {
                assert_eq!(source.get(variable.name.span.range()), Some(variable.name.node.as_str()));
                assert!(source.get(variable.span.range()).is_some_and(|text| text.starts_with('$')));
                let modifier = variable.modifier.as_ref().map_or_else(String::new, |modifier| {
                    let colon = if modifier.empty_is_unset { ":" } else { "" };
                    format!(" {colon}{:?} {}", modifier.kind, show(source, &modifier.argument))
                });
                format!("<{}{modifier}>", variable.name.node)
            }
        };
        interpolation.parts.iter().map(part).collect()
    }

    #[test]
    fn variables_stand_between_text() {
        let cases = [
            ("plain", "plain"),
            ("a$B-c", "a<B>-c"),
            ("a${B}c", "a<B>c"),
            ("$$B", "$B"),
            ("$$$B", "$<B>"),
            ("5$ and $1", "5$ and $1"),
            ("${A:-x}", "<A :Default x>"),
            ("${A-x}", "<A Default x>"),
            ("${A:+x}", "<A :Alternative x>"),
            ("${A?why not}", "<A Required why not>"),
            ("${A:-x}-${B:-y}", "<A :Default x>-<B :Default y>"),
            ("${A:-${B:-y}/z}", "<A :Default <B :Default y>/z>"),
            ("${A:-{}}", "<A :Default {}>"),
            ("${A:-}", "<A :Default >"),
            ("${}", "<broken>}"),
            ("${A", "<broken>A"),
            ("${A!b}", "<broken>A!b}"),
            ("${A:-x", "<broken>A:-x"),
            ("${1}", "<broken>1}"),
            ("é${A}é", "é<A>é"),
        ];
        for (source, expected) in cases {
            let text = MappedText::verbatim(FileId(0), 0, source);
            let (interpolation, errors) = parse(&text);
            assert_eq!(show(source, &interpolation), expected, "{source}");
            assert_eq!(errors.len(), expected.matches("<broken>").count(), "{source}");
        }
    }

    #[test]
    fn nesting_and_prefixes_cannot_break_it() {
        let source = format!("{}x{}", "${A:-".repeat(1000), "}".repeat(1000));
        let text = MappedText::verbatim(FileId(0), 0, &source);
        assert!(!parse(&text).1.is_empty());
        let source = "a${B:-${C?d}}$$é$E${";
        for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
            parse(&MappedText::verbatim(FileId(0), 0, &source[..end]));
        }
        let text = MappedText::verbatim(FileId(0), 0, "${A:-${B}}$C");
        let names: Vec<String> = parse(&text).0.variables().iter().map(|variable| variable.name.node.clone()).collect();
        assert_eq!(names, ["A", "B", "C"]);
    }
}
