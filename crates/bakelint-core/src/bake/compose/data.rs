//! The values of a compose file, with their places.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Problem;
use crate::bake::target::Via;
use crate::bake::trace::{Parts, Trace};
use crate::source::Span;
use crate::syntax::mapped::MappedText;
use crate::syntax::text::Piece;
use crate::syntax::yaml::{self, Content, CoreValue, Node, ScalarStyle};

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub data: Data,
    pub span: Span,
    /// Where the pieces of a text are written; empty if it is known as a whole only.
    pub pieces: Vec<Piece>,
    /// The variables in it.
    pub uses: Vec<Arc<str>>,
    /// Whether it depends on something that only a build knows.
    pub dynamic: bool,
    /// How the service comes by it if it does not say it itself.
    pub via: Option<Arc<Via>>,
    /// What it took the place of, the latest first.
    pub replaced: Vec<Earlier>,
}

/// A value that another took the place of.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    pub trace: Arc<Trace>,
    pub via: Option<Arc<Via>>,
    pub dynamic: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A date or time, as Go prints it.
    Time(String),
    Text(String),
    List(Vec<Item>),
    Map(Map),
}

/// Keys with their places and values.
pub(super) type Map = BTreeMap<String, Field>;

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub key: Span,
    pub item: Item,
}

impl Item {
    pub fn new(data: Data, span: Span) -> Item {
        Item { data, span, pieces: Vec::new(), uses: Vec::new(), dynamic: false, via: None, replaced: Vec::new() }
    }

    pub fn text(text: impl Into<String>, like: &Item) -> Item {
        Item { data: Data::Text(text.into()), ..like.clone() }
    }

    pub fn map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same in place of another.
    pub fn instead_of(mut self, other: Item) -> Item {
        self.replaced.push(Earlier { trace: other.trace(), via: other.via, dynamic: other.dynamic });
        self.replaced.extend(other.replaced);
        self
    }

    /// Says that all of it comes from elsewhere. `step` makes one step of what was known of it before.
    pub fn comes_by(&mut self, step: &dyn Fn(Option<Arc<Via>>) -> Via) {
        self.via = Some(Arc::new(step(self.via.take())));
        for earlier in &mut self.replaced {
            earlier.via = Some(Arc::new(step(earlier.via.take())));
        }
        match &mut self.data {
            Data::List(items) => items.iter_mut().for_each(|item| item.comes_by(step)),
            Data::Map(map) => map.values_mut().for_each(|field| field.item.comes_by(step)),
            _ => {}
        }
    }

    /// As Go's `fmt.Sprint` prints it; none for lists and maps.
    pub fn print(&self) -> Option<String> {
        Some(match &self.data {
            Data::Null => "<nil>".to_owned(),
            Data::Bool(value) => value.to_string(),
            Data::Int(value) => value.to_string(),
            Data::Float(value) => print_float(*value),
            Data::Time(text) | Data::Text(text) => text.clone(),
            Data::List(_) | Data::Map(_) => return None,
        })
    }

    /// The name of its type in messages.
    pub fn type_name(&self) -> &'static str {
        match &self.data {
            Data::Null => "<nil>",
            Data::Bool(_) => "bool",
            Data::Int(_) => "int",
            Data::Float(_) => "float64",
            Data::Time(_) => "time.Time",
            Data::Text(_) => "string",
            Data::List(_) => "list",
            Data::Map(_) => "mapping",
        }
    }

    pub fn trace(&self) -> Arc<Trace> {
        let parts = if self.pieces.is_empty() { Parts::Whole } else { Parts::Text(self.pieces.clone()) };
        Arc::new(Trace { span: self.span, parts, uses: self.uses.clone().into(), names: Arc::default() })
    }

    pub fn problem(&self, message: impl Into<String>) -> Problem {
        let mut problem = Problem::at(self.span, message);
        let mut via = self.via.as_deref();
        while let Some(step) = via {
            let (span, note) = match step {
                Via::Extends { span, .. } => (*span, "extended here"),
                Via::Include { span, .. } => (*span, "included here"),
            };
            problem.labels.push((span, note.to_owned()));
            via = step.inner();
        }
        problem
    }
}

/// The shortest digits that read back, with an exponent below 1e-4 and from 1e6 on.
pub(super) fn print_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value}")
}

/// A path that was marked with `!reset` or `!override`: what an earlier file says there does not count.
pub(super) type Reset = Vec<String>;

/// Reads a document.
///
/// # Errors
/// When a key is given twice or is no text.
pub(super) fn read(node: Node<'_>, text: &str, resets: &mut Vec<Reset>) -> Result<Item, Problem> {
    let mut path = Vec::new();
    Ok(read_node(node, text, &mut path, resets)?.unwrap_or_else(|| Item::new(Data::Null, node.span())))
}

/// None for a value that is reset.
fn read_node(
    node: Node<'_>,
    text: &str,
    path: &mut Vec<String>,
    resets: &mut Vec<Reset>,
) -> Result<Option<Item>, Problem> {
    let span = node.span();
    match node.resolved().tag().map(|tag| tag.node) {
        Some("!reset") => {
            resets.push(path.clone());
            return Ok(None);
        }
        Some("!override") => resets.push(path.clone()),
        _ => {}
    }
    let data = match node.content() {
        Content::Absent | Content::Alias(_) => Data::Null,
        Content::Scalar(scalar) => {
            let mut item = Item::new(scalar_data(node, scalar), span);
            if let (Data::Text(_), Some(mapped)) = (&item.data, node.mapped_text(text)) {
                item.pieces = pieces(&mapped, text);
            }
            return Ok(Some(item));
        }
        Content::Sequence(_) => {
            let mut items = Vec::new();
            for (index, item) in node.items().enumerate() {
                path.push(index.to_string());
                items.extend(read_node(item, text, path, resets)?);
                path.pop();
            }
            Data::List(items)
        }
        Content::Mapping(_) => {
            if let Some((_, again)) = node.duplicates().first() {
                let name = again.name().unwrap_or_default();
                let message = format!("mapping key \"{name}\" already defined");
                return Err(Problem::at(again.key.span(), message));
            }
            let mut map = Map::new();
            for entry in node.merged_entries() {
                let Some(name) = entry.name().filter(|_| is_text(entry.key)) else {
                    let at = if path.is_empty() { "at top level".to_owned() } else { format!("in {}", path.join(".")) };
                    let shown = entry.name().unwrap_or("null");
                    return Err(Problem::at(entry.key.span(), format!("non-string key {at}: {shown}")));
                };
                path.push(name.to_owned());
                if let Some(item) = read_node(entry.value, text, path, resets)? {
                    map.insert(name.to_owned(), Field { key: entry.key.span(), item });
                }
                path.pop();
            }
            Data::Map(map)
        }
    };
    Ok(Some(Item::new(data, span)))
}

fn is_text(key: Node<'_>) -> bool {
    match key.scalar() {
        Some(scalar) if scalar.style == ScalarStyle::Plain => {
            matches!(yaml::go(&scalar.text), CoreValue::Text | CoreValue::Timestamp)
        }
        Some(_) => true,
        None => false,
    }
}

fn scalar_data(node: Node<'_>, scalar: &yaml::Scalar) -> Data {
    let tag = node.resolved().tag().map(|tag| tag.node);
    if scalar.style != ScalarStyle::Plain || tag == Some("!!str") {
        return Data::Text(scalar.text.clone());
    }
    match yaml::go(&scalar.text) {
        CoreValue::Null => Data::Null,
        CoreValue::Bool(value) => Data::Bool(value),
        CoreValue::Number(yaml::Number::Int(value)) if tag == Some("!!float") => Data::Float(value as f64),
        CoreValue::Number(yaml::Number::Int(value)) => Data::Int(value),
        CoreValue::Number(yaml::Number::UInt(value)) => Data::Text(value.to_string()),
        CoreValue::Number(yaml::Number::Float(value)) => Data::Float(value),
        CoreValue::Timestamp => Data::Time(print_time(&scalar.text)),
        CoreValue::Text => Data::Text(scalar.text.clone()),
    }
}

/// A YAML date or time as Go prints it: `2006-01-02 15:04:05.999999999 -0700 MST`.
fn print_time(text: &str) -> String {
    let mut numbers = text.splitn(3, '-');
    let mut date = |width: usize| format!("{:0>width$}", numbers.next().unwrap_or_default());
    let (year, month) = (date(4), date(2));
    let rest = date(0);
    let day_len = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (day, time) = rest.split_at(day_len);
    let time = time.trim_start_matches(['T', 't', ' ']);
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut clock = clock.split(':').map(|part| format!("{part:0>2}"));
    let mut next = || clock.next().filter(|part| part.len() == 2).unwrap_or_else(|| "00".to_owned());
    let fraction = fraction.get(..fraction.len().min(9)).unwrap_or_default().trim_end_matches('0');
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    let zone = match zone {
        "" | "Z" => "+0000 UTC".to_owned(),
        zone => {
            let digits = zone.replace(':', "");
            if matches!(digits.as_str(), "+0000" | "-0000") {
                "+0000 UTC".to_owned()
            } else {
                format!("{digits} {digits}")
            }
        }
    };
    format!("{year}-{month}-{day:0>2} {}:{}:{}{fraction} {zone}", next(), next(), next())
}

/// The places of a text, run by run: as long as the file has it byte for byte, in one piece.
fn pieces(mapped: &MappedText, source: &str) -> Vec<Piece> {
    let text = mapped.as_str();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut add = |range: Range<usize>| {
        let span = mapped.span_of(range.clone());
        let verbatim = source.get(span.range()) == text.get(range.clone());
        match pieces.last_mut() {
            Some(last) if verbatim && last.verbatim && last.span.end == span.start => last.span.end = span.end,
            _ => pieces.push(Piece { at: range.start as u32, span, verbatim }),
        }
    };
    match mapped.is_verbatim() {
        true if text.is_empty() => {}
        true => add(0..text.len()),
        false => text.char_indices().for_each(|(at, c)| add(at..at + c.len_utf8())),
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_floats_print_as_in_go() {
        let cases = [
            ("2024-01-02", "2024-01-02 00:00:00 +0000 UTC"),
            ("2024-1-2 3:4:5", "2024-01-02 03:04:05 +0000 UTC"),
            ("2024-01-02T03:04:05.120Z", "2024-01-02 03:04:05.12 +0000 UTC"),
            ("2024-01-02t03:04:05+02:00", "2024-01-02 03:04:05 +0200 +0200"),
        ];
        for (text, expected) in cases {
            assert_eq!(print_time(text), expected);
        }
        let floats = [
            (1000.0, "1000"),
            (1.5, "1.5"),
            (1e5, "100000"),
            (1234567.5, "1.2345675e+06"),
            (0.00001, "1e-05"),
            (0.1, "0.1"),
            (-0.0, "-0"),
        ];
        for (value, expected) in floats {
            assert_eq!(print_float(value), expected);
        }
    }
}
