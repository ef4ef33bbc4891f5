//! Builds the tree from the parser's events.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle as Style, ScanError, StructureStyle, Tag};

use super::{
    Alias, CollectionStyle, Comment, Content, Document, EntryData, ItemData, Mapping, NodeData, NodeId, Scalar,
    ScalarStyle, Sequence, Tree,
};
use crate::source::{FileId, SUBSTITUTE, Span, Spanned};
use crate::syntax::SyntaxError;

/// How many nodes a file may have once every alias is replaced by its target. The largest honest files stay far below.
const EXPANSION_LIMIT: u64 = 1_000_000;

/// How deep a file may nest once every alias is replaced by its target, so that code may recurse over a tree.
const DEPTH_LIMIT: u32 = 1000;

/// How many collections of one style may be open at once.
const NESTING_LIMIT: usize = 500;

/// Reads all documents of `text`.
///
/// A document ends at its first error; what was read before stays in the tree, and reading goes on behind the next
/// `---`. Accepted is what libyaml accepts, the parser whose ports GitHub and Compose use: quoted text and flow
/// collections may be indented less than YAML asks for, and a block scalar that the file's end cuts off has no line end.
pub fn parse(file: FileId, text: &str) -> (Tree, Vec<SyntaxError>) {
    let mut read = Cow::Borrowed(text);
    let mut dashes = Vec::new();
    loop {
        let mut builder = Builder::new(file, text, &dashes);
        match builder.read(&read) {
            // libyaml takes the `-` in `[-]` for text. So does this module, by reading some letter in its place.
            Err(dash) if dashes.len() < LONE_DASHES && text.as_bytes().get(dash) == Some(&b'-') => {
                read.to_mut().replace_range(dash..=dash, "x");
                dashes.push(dash);
            }
            _ => {
                builder.errors.sort_by_key(|error| error.span);
                return (builder.tree, builder.errors);
            }
        }
    }
}

/// How many characters of an error's first word are underlined at most.
const WORD_LIMIT: usize = 80;

/// How many plain `-` may stand in the flow sequences of a file: each makes the file be read once more.
const LONE_DASHES: usize = 32;

/// The first character that YAML forbids everywhere (YAML 1.2.2, section 5.1), which the parser lets pass.
fn forbidden_character(file: FileId, text: &str) -> Option<SyntaxError> {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= '\u{a0}',
    };
    let (at, c) = text.char_indices().find(|(_, c)| !allowed(*c))?;
    let span = Span::new(file, at..at + c.len_utf8());
    if c == SUBSTITUTE {
        let help = Some("save the file as UTF-8".to_owned());
        return Some(SyntaxError { message: "this is not valid UTF-8".to_owned(), span, help });
    }
    let message = format!("the character U+{:04X} may not stand in YAML", u32::from(c));
    let help = Some("delete it, or write it as an escape in double quotes".to_owned());
    Some(SyntaxError { message, span, help })
}

/// The size of a node once its aliases are expanded.
#[derive(Debug, Clone, Copy)]
struct Measure {
    nodes: u64,
    height: u32,
}

/// A collection that is not closed yet.
struct Open {
    id: NodeId,
    /// The key that waits for its value, with the start of the entry.
    key: Option<(NodeId, u32)>,
}

struct Builder<'a> {
    text: &'a str,
    /// Where the parser reads a letter for a `-`.
    dashes: &'a [usize],
    tree: Tree,
    errors: Vec<SyntaxError>,
    open: Vec<Open>,
    /// Target of each anchor by the parser's number.
    anchors: HashMap<usize, NodeId>,
    /// One for each node.
    measures: Vec<Measure>,
    /// Nodes of the present document, aliases expanded.
    expanded: u64,
    /// Offset behind the last token that was placed.
    position: usize,
    last_node: Option<NodeId>,
}

impl<'a> Builder<'a> {
    fn new(file: FileId, text: &'a str, dashes: &'a [usize]) -> Self {
        Builder {
            text,
            dashes,
            tree: Tree::empty(file),
            errors: forbidden_character(file, text).into_iter().collect(),
            open: Vec::new(),
            anchors: HashMap::new(),
            measures: Vec::new(),
            expanded: 0,
            position: 0,
            last_node: None,
        }
    }

    /// Takes in all events of `text`, which is as long as the file; fails at a plain `-` that the parser refuses.
    fn read(&mut self, text: &str) -> Result<(), usize> {
        let options = granit_parser::options! {
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            block_scalar_eof_without_line_feed: true,
            bom_inside_document_as_content: true,
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: NESTING_LIMIT,
            block_nesting_limit: NESTING_LIMIT,
        };
        let mut parser = Parser::new_from_str_with_options(text, options);
        let mut refused = None;
        while let Some(next) = parser.next_event() {
            match next {
                Ok((event, span)) => self.event(event, span),
                Err(error) => {
                    if *error.kind() == ErrorKind::PlainScalarStartsWithDashFlowIndicator {
                        refused = refused.or(error.marker().byte_offset());
                    }
                    self.error(&error);
                    self.end_document();
                    // Go on behind the next `---`, if there is one.
                    if !parser.proceed_next_document().unwrap_or(false) {
                        break;
                    }
                }
            }
        }
        self.end_document();
        refused.map_or(Ok(()), Err)
    }

    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) {
        let range = at.byte_range().unwrap_or(self.position..self.position);
        let range = range.start..range.end.max(range.start);
        match event {
            Event::DocumentStart(explicit, _) => {
                self.end_document();
                // An explicit start covers its `---`; an implicit one lies somewhere before the content.
                if explicit {
                    self.position = range.end;
                }
                let span = self.span(if explicit { range } else { range.start..range.start });
                self.tree.documents.push(Document { root: None, span });
            }
            Event::DocumentEnd => self.end_document(),
            Event::Comment(text, _) => {
                let line = self.text.get(..range.start).unwrap_or_default();
                let own_line = !line.ends_with(|c: char| c != '\n') || {
                    let begin = line.rfind(['\n', '\r']).map_or(0, |at| at + 1);
                    line[begin..].trim_start_matches('\u{feff}').chars().all(|c| c == ' ' || c == '\t')
                };
                let span = self.span(range);
                self.tree.comments.push(Comment { span, text: text.into_owned(), own_line });
            }
            Event::Scalar(text, style, anchor, tag) => {
                // An absent value is reported at its `:`.
                let absent = style == Style::Plain && range.is_empty();
                let start = self.indicator(range.start + usize::from(absent)).unwrap_or(range.start);
                let (content, span) = self.scalar(text.into_owned(), style, range, at.start.col());
                self.add(content, span, anchor, self.tag(tag.as_deref(), &at), start);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let start = self.indicator(range.start).unwrap_or(range.start);
                let content = Content::Sequence(Sequence { style: style.into(), items: Vec::new() });
                self.begin(content, range, anchor, self.tag(tag.as_deref(), &at), start);
            }
            Event::MappingStart(style, anchor, tag) => {
                let start = self.indicator(range.start).unwrap_or(range.start);
                let content = Content::Mapping(Mapping { style: style.into(), entries: Vec::new() });
                self.begin(content, range, anchor, self.tag(tag.as_deref(), &at), start);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(range),
            Event::Alias(id) => {
                let start = self.indicator(range.start).unwrap_or(range.start);
                let name = self.slice(&range).trim_start_matches('*').to_owned();
                let target = self.anchors.get(&id).copied();
                self.alias(name, target, range, start);
            }
            Event::UnresolvedAlias(name) => {
                let start = self.indicator(range.start).unwrap_or(range.start);
                self.alias(name.into_owned(), None, range, start);
            }
            Event::Anchor(_, name) => {
                let span = self.span(range);
                if let Some(node) = self.last_node.and_then(|id| self.tree.nodes.get_mut(id.0 as usize)) {
                    node.anchor = Some(Box::new(Spanned::new(name.into_owned(), span)));
                }
            }
            _ => {}
        }
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.tree.file, range)
    }

    fn slice(&self, range: &std::ops::Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The explicit tag with its place, as written.
    fn tag(&self, tag: Option<&Tag>, at: &granit_parser::Span) -> Option<Box<Spanned<String>>> {
        let tag = tag?;
        let range = at.tag_span().and_then(|span| span.byte_range());
        let range = range.unwrap_or_else(|| at.byte_range().map_or(0..0, |range| range.start..range.start));
        Some(Box::new(Spanned::new(tag.original(), self.span(range))))
    }

    /// Takes in the `-`, `?` or `:` of the node that comes next, if one stands before the offset `end`.
    ///
    /// The parser reports no indicators, so they are looked for behind the last token; only blanks, comments, tags and
    /// anchors can stand there besides.
    fn indicator(&mut self, end: usize) -> Option<usize> {
        let open = self.open.last()?;
        let wanted = match (&self.tree.nodes[open.id.0 as usize].content, open.key) {
            (Content::Sequence(Sequence { style: CollectionStyle::Block, .. }), _) => b'-',
            (Content::Mapping(_), None) => b'?',
            (Content::Mapping(_), Some(_)) => b':',
            _ => return None,
        };
        let at = find_indicator(self.text.as_bytes(), self.position, end, wanted)?;
        self.position = at + 1;
        Some(at)
    }

    /// The content and the token of a scalar.
    fn scalar(
        &mut self,
        mut text: String,
        style: Style,
        range: std::ops::Range<usize>,
        column: usize,
    ) -> (Content, Span) {
        let style = match style {
            Style::Plain if range.is_empty() => {
                let is_key = self.open.last().is_some_and(|open| {
                    open.key.is_none() && matches!(self.tree.nodes[open.id.0 as usize].content, Content::Mapping(_))
                });
                let blank_before =
                    !is_key && self.slice(&(0..range.start)).ends_with(|c: char| c.is_ascii_whitespace());
                let at = if blank_before { self.position } else { self.position.max(range.start) };
                let at = at.min(self.text.len());
                return (Content::Absent, self.span(at..at));
            }
            Style::SingleQuoted => ScalarStyle::SingleQuoted,
            Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
            Style::Literal => ScalarStyle::Literal,
            Style::Folded => ScalarStyle::Folded,
            _ => ScalarStyle::Plain,
        };
        if style == ScalarStyle::Plain && self.dashes.contains(&range.start) {
            text = format!("-{}", text.get(1..).unwrap_or_default());
        }
        let indent = u32::try_from(column).unwrap_or(u32::MAX);
        let range = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let wanted = if style == ScalarStyle::Literal { b'|' } else { b'>' };
                let header = find_indicator(self.text.as_bytes(), self.position, range.start, wanted);
                let start = header.unwrap_or(range.start);
                // The reported end runs over blank lines and the next line's indentation.
                let head_end = self.text.as_bytes()[start..].iter().position(|b| matches!(b, b'\n' | b'\r'));
                let content = self.text.get(range.clone()).unwrap_or_default();
                let trimmed = range.start + content.trim_end_matches([' ', '\t', '\n', '\r']).len();
                let end = if text.trim_end_matches([' ', '\t', '\n']).is_empty() && header.is_some() {
                    // Nothing but blank lines: the header is all there is.
                    let head = start + head_end.unwrap_or(self.text.len() - start);
                    start + header_length(self.text.get(start..head).unwrap_or_default())
                } else {
                    trimmed
                };
                start..end.max(start)
            }
            _ => range,
        };
        (Content::Scalar(Scalar { text, style, indent }), self.span(range))
    }

    fn alias(&mut self, name: String, target: Option<NodeId>, range: std::ops::Range<usize>, start: usize) {
        let span = self.span(range);
        let refuse = |message: String| Err(SyntaxError::new(message, span));
        let depth = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        let checked = match target {
            None => refuse(format!("no anchor `&{name}` comes before this alias")),
            Some(target) if self.open.iter().any(|open| open.id == target) => {
                refuse(format!("the anchor `&{name}` would contain itself"))
            }
            Some(target) => {
                let measure = self.measures[target.0 as usize];
                if self.expanded.saturating_add(measure.nodes) > EXPANSION_LIMIT {
                    refuse("the aliases of this document expand to more than a million nodes".to_owned())
                } else if depth.saturating_add(measure.height) > DEPTH_LIMIT {
                    refuse("the aliases of this document expand to a nesting that is too deep".to_owned())
                } else {
                    Ok((target, measure))
                }
            }
        };
        let (target, measure) = match checked {
            Ok((target, measure)) => (Some(target), measure),
            Err(error) => {
                // One report of an expansion that is too large is enough.
                if target.is_none() || self.errors.last().is_none_or(|last| last.message != error.message) {
                    self.errors.push(error);
                }
                (None, Measure { nodes: 1, height: 1 })
            }
        };
        let id = self.add(Content::Alias(Alias { name, target }), span, 0, None, start);
        // `add` counted one node for the alias itself.
        self.expanded = self.expanded.saturating_add(measure.nodes - 1);
        self.measures[id.0 as usize] = measure;
        self.raise(measure);
    }

    /// Adds a node without children, or a collection that is still empty.
    fn add(
        &mut self,
        content: Content,
        span: Span,
        anchor: usize,
        tag: Option<Box<Spanned<String>>>,
        start: usize,
    ) -> NodeId {
        let id = NodeId(u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX));
        let parent = self.open.last().map(|open| open.id);
        if !is_block(&content) {
            // The start of a block collection is reported anywhere up to its first child.
            self.position = self.position.max(span.end as usize);
        }
        self.tree.nodes.push(NodeData { content, span, parent, anchor: None, tag });
        self.measures.push(Measure { nodes: 1, height: 1 });
        self.expanded = self.expanded.saturating_add(1);
        self.last_node = Some(id);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.attach(id, start);
        id
    }

    /// Makes `id` an item, key or value of the innermost open collection, or the document's root.
    fn attach(&mut self, id: NodeId, start: usize) {
        let Some(open) = self.open.last_mut() else {
            if let Some(document) = self.tree.documents.last_mut() {
                document.root.get_or_insert(id);
            }
            return;
        };
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        match &mut self.tree.nodes[open.id.0 as usize].content {
            Content::Sequence(sequence) => sequence.items.push(ItemData { start, node: id }),
            Content::Mapping(mapping) => match open.key.take() {
                None => open.key = Some((id, start)),
                // For a value, `start` is the place of the `:` if there is one.
                Some((key, entry)) => {
                    let colon = if self.text.as_bytes().get(start as usize) == Some(&b':') { start + 1 } else { start };
                    mapping.entries.push(EntryData { start: entry, colon, key, value: id });
                }
            },
            _ => {}
        }
        if let Some(open) = self.open.last() {
            let measure = &mut self.measures[open.id.0 as usize];
            measure.nodes = measure.nodes.saturating_add(1);
            measure.height = measure.height.max(2);
        }
    }

    /// Lets the innermost open collection be at least as large as one child of this size.
    fn raise(&mut self, child: Measure) {
        if let Some(open) = self.open.last() {
            let measure = &mut self.measures[open.id.0 as usize];
            // `attach` counted one node for the child.
            measure.nodes = measure.nodes.saturating_add(child.nodes - 1);
            measure.height = measure.height.max(child.height.saturating_add(1));
        }
    }

    fn begin(
        &mut self,
        content: Content,
        range: std::ops::Range<usize>,
        anchor: usize,
        tag: Option<Box<Spanned<String>>>,
        start: usize,
    ) {
        let span = self.span(range);
        let id = self.add(content, span, anchor, tag, start);
        self.open.push(Open { id, key: None });
    }

    fn end(&mut self, range: std::ops::Range<usize>) {
        let closing = matches!(self.slice(&range), "]" | "}").then_some(range.end);
        self.close(closing);
    }

    /// Closes the innermost open collection; `closing` is the end of its bracket.
    fn close(&mut self, closing: Option<usize>) {
        let Some(open) = self.open.pop() else { return };
        if let Some((key, start)) = open.key {
            // The document broke off between a key and its value.
            self.open.push(Open { id: open.id, key: Some((key, start)) });
            let after = self.position;
            let span = self.span(after..after);
            self.add(Content::Absent, span, 0, None, after);
            self.open.pop();
        }
        self.include_properties(open.id);
        let full = |id: NodeId| self.tree.node(id).full_span();
        let bounds = match &self.tree.nodes[open.id.0 as usize].content {
            Content::Sequence(Sequence { items, .. }) => items
                .first()
                .zip(items.last())
                .map(|(first, last)| (first.start, full(last.node).end.max(last.start + 1))),
            Content::Mapping(Mapping { entries, .. }) => {
                let ends = entries.first().zip(entries.last());
                ends.map(|(first, last)| (first.start, full(last.value).end.max(last.colon)))
            }
            _ => None,
        };
        let flow = !is_block(&self.tree.nodes[open.id.0 as usize].content);
        let node = &mut self.tree.nodes[open.id.0 as usize];
        if let Some((first, last)) = bounds {
            // The parser puts the start of a block collection anywhere between its indicator and its first child.
            node.span.start = if flow { node.span.start.min(first) } else { first };
            node.span.end = last.min(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
        if let Some(closing) = closing.filter(|_| flow) {
            node.span.end = node.span.end.max(u32::try_from(closing).unwrap_or(u32::MAX));
        }
        node.span.end = node.span.end.max(node.span.start);
        self.position = self.position.max(node.span.end as usize);
        let measure = self.measures[open.id.0 as usize];
        self.raise(measure);
    }

    /// Lets the entries and items of a collection begin at their tags and anchors, which the parser reports late.
    fn include_properties(&mut self, id: NodeId) {
        let mut content = std::mem::replace(&mut self.tree.nodes[id.0 as usize].content, Content::Absent);
        let full = |id: NodeId| self.tree.node(id).full_span().start;
        match &mut content {
            Content::Sequence(Sequence { items, .. }) => {
                items.iter_mut().for_each(|item| item.start = item.start.min(full(item.node)));
            }
            Content::Mapping(Mapping { entries, .. }) => {
                entries.iter_mut().for_each(|entry| entry.start = entry.start.min(full(entry.key)));
            }
            _ => {}
        }
        self.tree.nodes[id.0 as usize].content = content;
    }

    fn end_document(&mut self) {
        while !self.open.is_empty() {
            self.close(None);
        }
        self.anchors.clear();
        self.expanded = 0;
        self.last_node = None;
        let root = self.tree.documents.last().and_then(|document| document.root);
        let full = root.map(|root| self.tree.node(root).full_span());
        if let (Some(document), Some(full)) = (self.tree.documents.last_mut(), full) {
            document.span = document.span.cover(full);
        }
    }

    fn error(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let (message, help) = explain(error.kind());
        // Underline one word; at the end of a line there is none.
        let rest = self.text.get(at..).unwrap_or_default();
        let ends = |(at, c): &(usize, char)| c.is_ascii_whitespace() || (*at > 0 && ",[]{}".contains(*c));
        let limit = if rest.starts_with(['[', ']', '{', '}', ',']) { 1 } else { WORD_LIMIT };
        let word = rest.char_indices().take(limit).take_while(|next| !ends(next));
        let length = word.last().map_or(0, |(at, c)| at + c.len_utf8());
        let span = self.span(at..at + length);
        self.errors.push(SyntaxError { message, span, help: help.map(str::to_owned) });
    }
}

/// The offset of `wanted` in `from..to`, where besides it only blanks, comments, tags, anchors and other indicators
/// can stand.
fn find_indicator(text: &[u8], from: usize, to: usize, wanted: u8) -> Option<usize> {
    let mut at = from;
    while at < to {
        match text.get(at)? {
            byte if *byte == wanted => return Some(at),
            b'#' => at += text[at..].iter().position(|b| matches!(b, b'\n' | b'\r'))?,
            b'&' | b'!' => at += text[at..].iter().position(u8::is_ascii_whitespace)?,
            _ => at += 1,
        }
    }
    None
}

fn is_block(content: &Content) -> bool {
    matches!(
        content,
        Content::Sequence(Sequence { style: CollectionStyle::Block, .. })
            | Content::Mapping(Mapping { style: CollectionStyle::Block, .. })
    )
}

/// Length of a block scalar's header, such as `|2-`, without a comment behind it.
fn header_length(line: &str) -> usize {
    1 + line.get(1..).unwrap_or_default().bytes().take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-')).count()
}

impl From<StructureStyle> for CollectionStyle {
    fn from(style: StructureStyle) -> Self {
        match style {
            StructureStyle::Block => CollectionStyle::Block,
            StructureStyle::Flow => CollectionStyle::Flow,
        }
    }
}

/// Says in the words of a YAML author what the parser stumbled over, and what to do about it.
fn explain(kind: &ErrorKind) -> (String, Option<&'static str>) {
    let (message, help) = match kind {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => ("a tab cannot be used for indentation", Some("indent with blanks")),
        ErrorKind::MappingValueNotAllowed => (
            "a `key: value` cannot begin here",
            Some("quote the text before it if it holds `: `, or indent this line as its siblings"),
        ),
        ErrorKind::ExpectedBlockMappingKey => {
            ("expected a key of the mapping that is open here", Some("indent this line as the keys above it"))
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("expected `-` of the list that is open here", Some("indent this line as the items above it"))
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a `-` item cannot begin here", Some("begin a list on the line below its key"))
        }
        ErrorKind::MappingKeyNotAllowed => ("a key cannot begin here", None),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("expected `:` behind this key", Some("write `key: value`; a key stands on one line"))
        }
        ErrorKind::InvalidIndentation => ("this line is indented less than what it continues", None),
        ErrorKind::UnclosedQuotedScalar => ("the quoted text is not closed", Some("add the closing quote")),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "text behind the closing quote",
            Some("quote the whole value; a quote inside is doubled in '…' and escaped in \"…\""),
        ),
        ErrorKind::UnknownQuotedScalarEscape => {
            ("unknown escape sequence in double quotes", Some("write `\\\\` for a backslash, or use single quotes"))
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            return (format!("`{open}` is not closed"), None);
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), None);
        }
        ErrorKind::InvalidColonPlacement => {
            ("a `:` cannot stand here", Some("close the bracket or quote that is open above, or quote this text"))
        }
        ErrorKind::MisplacedFlowCollectionEnd => ("this bracket closes nothing", None),
        ErrorKind::ExpectedFlowMappingSeparator => ("expected `,` or `}`", None),
        ErrorKind::ExpectedFlowSequenceSeparator => ("expected `,` or `]`", None),
        ErrorKind::ExpectedNodeContent => ("expected a value", None),
        ErrorKind::UnexpectedCharacter { character } => {
            let help = matches!(character, '@' | '`' | '%').then_some("quote a value that begins with this character");
            return (format!("a value cannot begin with `{}`", character.escape_default()), help);
        }
        ErrorKind::RecursionLimitExceeded => ("the nesting is too deep", None),
        ErrorKind::UndeclaredTagHandle => ("the tag's handle is not declared", None),
        ErrorKind::CommentNotSeparated => ("a blank must stand before `#`", None),
        ErrorKind::InvalidBlockScalarHeader => ("only a comment may follow the block scalar's header", None),
        ErrorKind::InvalidBlockScalarIndent => ("a blank line is indented deeper than the text below it", None),
        other => return (other.to_string(), None),
    };
    (message.to_owned(), help)
}
