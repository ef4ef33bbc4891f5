//! Templates: interpolations, directives and escapes.

use super::super::ast::*;
use super::super::scan::{Token, TokenKind};
use super::{MAX_DEPTH, Parser, Place};
use crate::source::{Span, Spanned};
use crate::suggest::nearest;
use crate::syntax::text::{Text, locate};

/// A piece of a template before directives are paired.
enum Part {
    Text(Text, Span),
    Expr(Expr),
    If(Expr, Span),
    For { key_name: Option<Spanned<String>>, value_name: Spanned<String>, collection: Expr, span: Span },
    Else(Span),
    EndIf(Span),
    EndFor(Span),
}

/// A directive that waits for its end.
enum Frame {
    If {
        condition: Expr,
        open: Span,
        yes: Vec<Expr>,
        no: Option<(Span, Vec<Expr>)>,
    },
    For {
        key_name: Option<Spanned<String>>,
        value_name: Spanned<String>,
        collection: Expr,
        open: Span,
        parts: Vec<Expr>,
    },
}

impl Parser<'_> {
    /// A template up to the token `end`; its opening token is read already.
    pub(super) fn template(&mut self, open: Span, form: TemplateForm, end: TokenKind) -> Expr {
        let (mut parts, close) = self.template_parts(open, end);
        let close = self.span(close);
        if form == TemplateForm::FlushHeredoc {
            flush(&mut parts);
        }
        let span = match form {
            TemplateForm::Bare => open.cover(close),
            _ if close.file == open.file && close.end >= open.start => open.cover(close),
            _ => open,
        };
        if let [Part::Expr(_)] = parts[..]
            && let Some(Part::Expr(inner)) = parts.pop()
        {
            return Expr::new(ExprKind::Wrap(Box::new(inner)), span);
        }
        let parts = self.assemble(parts, open, close);
        Expr::new(ExprKind::Template(Box::new(Template { form, open, parts, close })), span)
    }

    fn template_parts(&mut self, open: Span, end: TokenKind) -> (Vec<Part>, Token) {
        let first = self.peek();
        let mut parts = Vec::new();
        let mut trim_next = false;
        let close = loop {
            let token = self.read();
            if token.kind == end {
                break token;
            }
            let trim = std::mem::take(&mut trim_next);
            match token.kind {
                TokenKind::QuotedText | TokenKind::BareText => {
                    let mut text = self.decode(token);
                    if trim {
                        let blank = text.value.len() - text.value.trim_start().len();
                        text = text.slice(blank..text.value.len());
                    }
                    parts.push(Part::Text(text, self.span(token)));
                }
                TokenKind::Interpolation | TokenKind::Control => {
                    if self.slice(token).len() == 3
                        && let Some(Part::Text(text, _)) = parts.last_mut()
                    {
                        *text = text.slice(0..text.value.trim_end().len());
                    }
                    self.newlines.push(false);
                    let (part, close) = match token.kind {
                        TokenKind::Interpolation => self.interpolation(open, first, end),
                        _ => self.directive(token),
                    };
                    self.newlines.pop();
                    parts.extend(part);
                    trim_next = close.is_some_and(|close| self.slice(close) == "~}");
                }
                _ => {
                    self.echo("Unterminated template string", "The string has no end.", token);
                    break self.recover(end);
                }
            }
        };
        (parts, close)
    }

    fn interpolation(&mut self, open: Span, first: Token, end: TokenKind) -> (Option<Part>, Option<Token>) {
        const SUMMARY: &str = "Extra characters after interpolation expression";
        let expr = self.expression();
        let close = self.peek();
        if close.kind == TokenKind::TemplateEnd {
            self.read();
            return (Some(Part::Expr(expr)), Some(close));
        }
        let unclosed = "Unclosed template interpolation sequence";
        match close.kind {
            _ if self.recovery => {}
            TokenKind::End => {
                let at = if first.kind == TokenKind::End { open } else { self.span(first) };
                let detail = "The text ends before the closing brace of this interpolation.";
                self.errors.push(Error::new(unclosed, detail, at));
            }
            TokenKind::CloseQuote | TokenKind::OpenQuote if end == TokenKind::CloseQuote => {
                self.error(unclosed, "The string ends before the closing brace of this interpolation.", first);
            }
            TokenKind::Colon => self.error(
                SUMMARY,
                "A colon has no meaning here. To pass ${…} on to another language, write $${…}.",
                close,
            ),
            _ => self.error(
                SUMMARY,
                "A closing brace must follow the expression. To pass ${…} on to another language, write $${…}.",
                close,
            ),
        }
        self.recover(TokenKind::TemplateEnd);
        (Some(Part::Expr(expr)), None)
    }

    fn directive(&mut self, token: Token) -> (Option<Part>, Option<Token>) {
        let keyword = self.peek();
        if keyword.kind != TokenKind::Ident {
            let detail = "One of the words if, else, endif, for, endfor must follow %{.";
            self.echo("Invalid template directive", detail, keyword);
            self.recover(TokenKind::TemplateEnd);
            return (None, None);
        }
        self.read();
        let word = self.slice(keyword);
        let part = match word {
            "if" => {
                let condition = self.expression();
                Part::If(condition, self.between(token, self.peek()))
            }
            "else" => Part::Else(self.between(token, self.peek())),
            "endif" => Part::EndIf(self.between(token, self.peek())),
            "endfor" => Part::EndFor(self.between(token, self.peek())),
            "for" => match self.for_intro() {
                Ok((key_name, value_name)) => {
                    let collection = self.expression();
                    Part::For { key_name, value_name, collection, span: self.between(token, self.peek()) }
                }
                Err(detail) => {
                    let at = self.peek();
                    self.echo("Invalid 'for' directive", detail, at);
                    self.recover(TokenKind::TemplateEnd);
                    return (None, None);
                }
            },
            _ => {
                let near = nearest(word, ["if", "for", "else", "endif", "endfor"]);
                let help = near.map(|near| format!(" Did you mean \"{near}\"?")).unwrap_or_default();
                let detail = format!("\"{word}\" is no template keyword.{help}");
                self.echo("Invalid template control keyword", detail, keyword);
                self.recover(TokenKind::TemplateEnd);
                return (None, None);
            }
        };
        let close = self.peek();
        if close.kind == TokenKind::TemplateEnd {
            self.read();
            return (Some(part), Some(close));
        }
        self.echo(&format!("Extra characters in {word} marker"), "A closing brace must follow here.", close);
        self.recover(TokenKind::TemplateEnd);
        (Some(part), None)
    }

    /// Pairs the directives.
    fn assemble(&mut self, parts: Vec<Part>, open: Span, close: Span) -> Vec<Expr> {
        let mut root: Vec<Expr> = Vec::new();
        let mut frames: Vec<Frame> = Vec::new();
        fn sink<'f>(root: &'f mut Vec<Expr>, frames: &'f mut [Frame]) -> &'f mut Vec<Expr> {
            match frames.last_mut() {
                None => root,
                Some(Frame::If { yes, no: None, .. }) => yes,
                Some(Frame::If { no: Some((_, no)), .. }) => no,
                Some(Frame::For { parts, .. }) => parts,
            }
        }
        for part in parts {
            let (name, span) = match part {
                Part::Text(text, span) => {
                    match sink(&mut root, &mut frames).last_mut() {
                        Some(Expr { kind: ExprKind::Text(last), span: whole }) => {
                            last.append(&text);
                            *whole = whole.cover(span);
                        }
                        _ => sink(&mut root, &mut frames).push(Expr::new(ExprKind::Text(text), span)),
                    }
                    continue;
                }
                Part::Expr(expr) => {
                    sink(&mut root, &mut frames).push(expr);
                    continue;
                }
                Part::If(condition, span) if self.depth + (frames.len() as u32) < MAX_DEPTH => {
                    frames.push(Frame::If { condition, open: span, yes: Vec::new(), no: None });
                    continue;
                }
                Part::For { key_name, value_name, collection, span }
                    if self.depth + (frames.len() as u32) < MAX_DEPTH =>
                {
                    frames.push(Frame::For { key_name, value_name, collection, open: span, parts: Vec::new() });
                    continue;
                }
                Part::If(_, span) | Part::For { span, .. } => {
                    let detail = format!("Only {MAX_DEPTH} levels of nesting are read.");
                    self.errors.push(Error::new("Nesting too deep", detail, span));
                    return vec![self.invalid(open.cover(close))];
                }
                Part::Else(span) => {
                    if let Some(Frame::If { no: no @ None, .. }) = frames.last_mut() {
                        *no = Some((span, Vec::new()));
                        continue;
                    }
                    ("else", span)
                }
                Part::EndIf(span) => ("endif", span),
                Part::EndFor(span) => ("endfor", span),
            };
            let done = match (name, frames.pop()) {
                ("endif", Some(Frame::If { condition, open, yes, no })) => {
                    let (before_no, no) = no.unwrap_or_else(|| (span.before(), Vec::new()));
                    let yes = bare(yes, open.after());
                    let no = bare(no, before_no.after());
                    let kind = ExprKind::Conditional(Box::new(Conditional { condition, yes, no }));
                    Expr::new(kind, open.cover(span))
                }
                ("endfor", Some(Frame::For { key_name, value_name, collection, open, parts })) => {
                    let value = bare(parts, open.after());
                    let whole = open.cover(span);
                    let of = For {
                        open,
                        key_name,
                        value_name,
                        collection,
                        key: None,
                        value,
                        condition: None,
                        group: None,
                        close: span,
                    };
                    let inner = Expr::new(ExprKind::For(Box::new(of)), whole);
                    Expr::new(ExprKind::Join(Box::new(inner)), whole)
                }
                (_, frame) => {
                    let detail = match frame {
                        None => "No directive is open here.",
                        Some(Frame::If { .. }) => "An \"if\" is open here and must be ended by \"endif\" first.",
                        Some(Frame::For { .. }) => "A \"for\" is open here and must be ended by \"endfor\" first.",
                    };
                    self.errors.push(Error::new(format!("Unexpected {name} directive"), detail, span));
                    self.invalid(span)
                }
            };
            sink(&mut root, &mut frames).push(done);
        }
        if let Some(frame) = frames.pop() {
            let (name, at) = match frame {
                Frame::If { open, .. } => ("if", open),
                Frame::For { open, .. } => ("for", open),
            };
            let detail = format!("The \"{name}\" directive has no \"end{name}\".");
            self.errors.push(Error::new("Unexpected end of template", detail, at));
            return vec![self.invalid(open.cover(close))];
        }
        if root.is_empty() {
            // As in hashicorp/hcl, the empty text stands behind the string.
            root.push(Expr::new(ExprKind::Text(Text::default()), close.after()));
        }
        root
    }

    /// Appends what stands at `start` as it is. In a decoded string that may be escapes of the string around it, each a piece of its own.
    fn copy(&self, text: &mut Text, start: usize, value: &str) {
        let end = start + value.len();
        let Place::Text(pieces, _) = self.place else {
            return text.push(value, self.place.span(start as u32, end as u32), true);
        };
        let first = pieces.partition_point(|piece| piece.at as usize <= start).saturating_sub(1);
        for (index, piece) in pieces.iter().enumerate().skip(first).take_while(|(_, piece)| (piece.at as usize) < end) {
            let next = pieces.get(index + 1).map_or(end, |next| next.at as usize);
            let range = start.max(piece.at as usize)..end.min(next);
            let place = locate(std::slice::from_ref(piece), range.clone());
            if let (Some(value), Some(span)) = (value.get(range.start - start..range.end - start), place) {
                text.push(value, span, piece.verbatim);
            }
        }
    }

    /// The text that a token of literal text stands for.
    pub(super) fn decode(&mut self, token: Token) -> Text {
        let quoted = token.kind == TokenKind::QuotedText;
        let source = self.slice(token);
        let mut text = Text::default();
        let mut at = 0;
        while at < source.len() {
            let rest = &source[at..];
            let stop = |c: char| c == '$' || c == '%' || (quoted && c == '\\');
            let plain = rest.find(stop).unwrap_or(rest.len());
            let piece = |from: usize, to: usize| {
                self.place.span(token.start + (at + from) as u32, token.start + (at + to) as u32)
            };
            if plain > 0 {
                self.copy(&mut text, token.start as usize + at, &rest[..plain]);
                at += plain;
                continue;
            }
            let mut chars = rest.chars();
            let sign = chars.next().unwrap_or_default();
            if sign != '\\' {
                let doubled = rest[1..].starts_with(sign) && rest[2..].starts_with('{');
                match doubled {
                    true => {
                        text.push(&rest[1..3], piece(0, 3), false);
                        at += 3;
                    }
                    false => {
                        self.copy(&mut text, token.start as usize + at, &rest[..1]);
                        at += 1;
                    }
                }
                continue;
            }
            let selector = chars.next();
            let simple = match selector {
                Some('n') => Some("\n"),
                Some('r') => Some("\r"),
                Some('t') => Some("\t"),
                Some('"') => Some("\""),
                Some('\\') => Some("\\"),
                _ => None,
            };
            if let Some(simple) = simple {
                text.push(simple, piece(0, 2), false);
                at += 2;
                continue;
            }
            let wanted = match selector {
                Some('u') => 4,
                Some('U') => 8,
                _ => 0,
            };
            let digits = rest[1..].chars().skip(1).take(wanted).take_while(char::is_ascii_hexdigit).count();
            let len = match selector {
                None => 1,
                Some('u' | 'U') => 2 + digits,
                Some(other) => 1 + other.len_utf8(),
            };
            let span = piece(0, len);
            let mut value = &rest[..len];
            let mut decoded = String::new();
            let problem = match selector {
                Some('u' | 'U') if digits == wanted => {
                    match u32::from_str_radix(&rest[2..len], 16).ok().and_then(char::from_u32) {
                        Some(c) => {
                            decoded.push(c);
                            value = &decoded;
                            None
                        }
                        None => Some(format!("There is no character U+{}.", &rest[2..len])),
                    }
                }
                Some('u') => Some("Four hexadecimal digits must follow \\u.".to_owned()),
                Some('U') => Some("Eight hexadecimal digits must follow \\U.".to_owned()),
                None => Some("A character must follow the backslash.".to_owned()),
                Some(other) => {
                    value = &rest[1..len];
                    Some(format!("\\{other} is no escape sequence."))
                }
            };
            if let Some(detail) = problem {
                self.errors.push(Error::new("Invalid escape sequence", detail, span));
            }
            text.push(value, span, false);
            at += len;
        }
        text
    }
}

/// The parts of a directive's body as a template; `at` is its place if it is empty.
fn bare(mut parts: Vec<Expr>, at: Span) -> Expr {
    if parts.is_empty() {
        parts.push(Expr::new(ExprKind::Text(Text::default()), at));
    }
    let span = match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => first.span.cover(last.span),
        _ => at,
    };
    let template = Template { form: TemplateForm::Bare, open: span.before(), parts, close: span.after() };
    Expr::new(ExprKind::Template(Box::new(template)), span)
}

/// Takes the common indentation off the lines of a `<<-` here-document.
///
/// Every line that begins with literal text counts, except blank ones; a line that begins with a sequence has none.
fn flush(parts: &mut [Part]) {
    use unicode_segmentation::UnicodeSegmentation;
    let mut least = usize::MAX;
    let mut line_start = true;
    let mut lines: Vec<usize> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let text = match part {
            Part::Text(text, _) => Some(text.value.as_str()),
            _ => None,
        };
        if std::mem::take(&mut line_start) {
            let blanks = match text {
                Some(text) if text.trim_start().is_empty() && text.ends_with('\n') => usize::MAX,
                Some(text) => {
                    lines.push(index);
                    text[..text.len() - text.trim_start().len()].graphemes(true).count()
                }
                None => 0,
            };
            least = least.min(blanks);
        }
        line_start = text.is_some_and(|text| text.ends_with('\n'));
    }
    for index in lines {
        let Some(Part::Text(text, span)) = parts.get_mut(index) else { continue };
        let cut: usize = text.value.graphemes(true).take(least).map(str::len).sum();
        *text = text.slice(cut..text.value.len());
        if let Some(first) = text.pieces.first() {
            *span = Span { start: first.span.start, ..*span };
        }
    }
}
