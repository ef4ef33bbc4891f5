//! Bodies, attributes and blocks.

use super::super::ast::*;
use super::super::scan::{Token, TokenKind};
use super::Parser;
use crate::source::Spanned;

impl Parser<'_> {
    pub(super) fn body(&mut self, end: TokenKind) -> Body {
        let opener = self.previous();
        let start = if end == TokenKind::End { 0 } else { opener.end };
        let mut items: Vec<Item> = Vec::new();
        let mut close = loop {
            let token = self.peek();
            match token.kind {
                kind if kind == end => {
                    self.read();
                    break token.start;
                }
                TokenKind::Newline => {
                    self.read();
                }
                TokenKind::Ident => items.extend(self.item()),
                _ => {
                    let bad = self.read();
                    self.bad_item(bad, opener, end);
                    if end == TokenKind::End && bad.kind != TokenKind::End {
                        self.recover_item();
                        continue;
                    }
                    let last = self.previous().start;
                    if bad.kind != TokenKind::End {
                        self.recover(end);
                    }
                    break last;
                }
            }
        };
        close = close.max(start);
        let missing = match end {
            TokenKind::End => self.place.span(start, start),
            _ => self.place.span(opener.start, opener.start),
        };
        Body { items, span: self.place.span(start, close), missing, json: false }
    }

    fn bad_item(&mut self, bad: Token, opener: Token, end: TokenKind) {
        match bad.kind {
            TokenKind::OpenQuote => {
                self.echo("Invalid argument name", "An argument's name is written without quotes.", bad)
            }
            TokenKind::End if end == TokenKind::CloseBrace => self.echo(
                "Unclosed configuration block",
                "The file ends before the closing brace of this block. A brace may be missing further down.",
                opener,
            ),
            _ => self.echo("Argument or block definition required", "An argument or a block must begin here.", bad),
        }
    }

    fn item(&mut self) -> Option<Item> {
        let name = self.read();
        match self.peek().kind {
            TokenKind::Equal => Some(Item::Attribute(self.attribute(name, false))),
            TokenKind::OpenQuote | TokenKind::OpenBrace | TokenKind::Ident => self.block(name).map(Item::Block),
            _ => {
                self.recover_item();
                let detail = "An argument or a block must begin here. An argument is set with an equals sign (=).";
                self.error("Argument or block definition required", detail, name);
                None
            }
        }
    }

    fn attribute(&mut self, name: Token, single_line: bool) -> Attribute {
        let equals = self.read();
        let errors = self.errors.len();
        let value = self.expression();
        let mut end = self.previous();
        if self.lost(errors) {
            self.recover_item();
        } else if !single_line {
            let next = self.peek();
            if next.kind == TokenKind::Newline || next.kind == TokenKind::End {
                self.read();
            } else {
                match next.kind {
                    TokenKind::Comma => {
                        self.echo("Unexpected comma after argument", "Line ends separate arguments, not commas.", next)
                    }
                    _ => self.echo("Missing newline after argument", "A line end must follow an argument.", next),
                }
                end = self.previous();
                self.recover_item();
            }
        }
        let name_span = self.span(name);
        let span = match value.span.end >= name_span.start && value.span.file == name_span.file {
            true => name_span.cover(value.span),
            false => self.between(name, end),
        };
        Attribute { name: self.word(name), equals: self.span(equals), value, span }
    }

    fn block(&mut self, kind: Token) -> Option<Block> {
        let mut labels = Vec::new();
        let open = loop {
            let token = self.peek();
            match token.kind {
                TokenKind::OpenBrace => break self.read(),
                TokenKind::OpenQuote => labels.push(self.label()),
                TokenKind::Ident => {
                    self.read();
                    labels.push(self.word(token));
                }
                _ => {
                    const SUMMARY: &str = "Invalid block definition";
                    match token.kind {
                        TokenKind::Equal => self.error(
                            SUMMARY,
                            "An equals sign (=) sets an argument; it has no place in the header of a block.",
                            token,
                        ),
                        TokenKind::Newline => self.error(
                            SUMMARY,
                            "The opening brace ({) of a block stands on the same line as its header.",
                            token,
                        ),
                        _ => self.echo(SUMMARY, "A quoted label or an opening brace ({) must follow here.", token),
                    }
                    self.recover_item();
                    let at = self.span(kind);
                    let body = Body { items: Vec::new(), span: at, missing: at, json: false };
                    return Some(Block { kind: self.word(kind), labels, open: at, body, close: at, span: at });
                }
            }
        };
        let body = if self.enter() {
            let body = match self.peek().kind {
                TokenKind::Newline | TokenKind::End | TokenKind::CloseBrace => self.body(TokenKind::CloseBrace),
                _ => self.single_line_body(open),
            };
            self.depth -= 1;
            body
        } else {
            self.recover(TokenKind::CloseBrace);
            let at = self.span(open).after();
            Body { items: Vec::new(), span: at, missing: at, json: false }
        };
        let close = self.previous();
        let next = self.peek();
        if next.kind == TokenKind::Newline || next.kind == TokenKind::End {
            self.read();
        } else {
            self.echo("Missing newline after block definition", "A line end must follow a block.", next);
            self.recover_item();
        }
        let span = self.between(kind, close);
        Some(Block { kind: self.word(kind), labels, open: self.span(open), body, close: self.span(close), span })
    }

    /// The body of a block that is opened and closed on one line: exactly one argument.
    fn single_line_body(&mut self, open: Token) -> Body {
        const SUMMARY: &str = "Invalid single-argument block definition";
        let name = self.read();
        let start = open.end;
        let mut items = Vec::new();
        let next = self.peek();
        match (name.kind, next.kind) {
            (TokenKind::Ident, TokenKind::Equal) => items.push(Item::Attribute(self.attribute(name, true))),
            (TokenKind::Ident, TokenKind::OpenQuote | TokenKind::OpenBrace | TokenKind::Ident) => {
                self.recover_item();
                let detail = "A block on one line holds one argument and no block.";
                self.error("Argument definition required", detail, name);
            }
            _ => {
                self.recover_item();
                let detail = "An argument must begin here. It is set with an equals sign (=).";
                self.error("Argument or block definition required", detail, name);
            }
        }
        let next = self.peek();
        let detail = match next.kind {
            TokenKind::CloseBrace => {
                self.read();
                let span = self.place.span(start, next.start.max(start));
                return Body { items, span, missing: self.place.span(start, start), json: false };
            }
            TokenKind::Comma => {
                Some("A block on one line holds one argument only. Give each argument a line of its own.")
            }
            TokenKind::Newline => Some("A block that has an argument on its first line must end on that line."),
            TokenKind::End => {
                let detail = "The file ends before the closing brace of this block.";
                self.echo("Unclosed configuration block", detail, open);
                None
            }
            _ => {
                self.echo(SUMMARY, "The closing brace must follow the one argument of a block on one line.", next);
                None
            }
        };
        if let Some(detail) = detail {
            self.error(SUMMARY, detail, next);
        }
        self.recover(TokenKind::CloseBrace);
        let span = self.place.span(start, self.previous().start.max(start));
        Body { items, span, missing: self.place.span(start, start), json: false }
    }

    /// A quoted label: text without interpolations.
    fn label(&mut self) -> Spanned<String> {
        const SUMMARY: &str = "Invalid string literal";
        let open = self.read();
        let mut text = String::new();
        let end = loop {
            let token = self.read();
            match token.kind {
                TokenKind::CloseQuote => break token,
                TokenKind::QuotedText => text.push_str(&self.decode(token).value),
                TokenKind::Interpolation | TokenKind::Control => {
                    let sign = if token.kind == TokenKind::Interpolation { "$" } else { "%" };
                    let detail = format!(
                        "No template sequence may stand in this string. For a literal \"{sign}\" before a brace write \"{sign}{sign}\"."
                    );
                    self.error(SUMMARY, detail, token);
                    text.push_str(sign);
                    text.push_str("{ ... }");
                    self.recover(TokenKind::TemplateEnd);
                }
                TokenKind::End => {
                    self.error("Unterminated string literal", "The file ends before the closing quote.", token);
                    break token;
                }
                _ => {
                    self.error(SUMMARY, "This may not stand in a quoted string.", token);
                    break self.recover(TokenKind::CloseQuote);
                }
            }
        };
        Spanned::new(text, self.between(open, end))
    }
}
