//! Tokens to tree.
//!
//! A recursive descent after hclsyntax/parser.go and parser_template.go of hashicorp/hcl, so that the same texts are
//! accepted and the same token is blamed. Recovery goes further: see [`super::parse`].

mod body;
mod expression;
mod template;

use super::ast::*;
use super::scan::{Token, TokenKind, scan, scan_template};
use crate::source::{FileId, Span, Spanned};
use crate::syntax::text::{Piece, locate};

/// How deeply brackets, blocks, interpolations and directives may be nested. buildx has no limit of its own; a
/// definition written by people stays far below.
pub const MAX_DEPTH: u32 = 200;

/// Where the parsed text stands in its file.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    /// The text is the whole file.
    File(FileId),
    /// The text is a decoded string.
    Text(&'p [Piece], Span),
}

impl Place<'_> {
    fn span(&self, start: u32, end: u32) -> Span {
        match self {
            Place::File(file) => Span { file: *file, start, end },
            Place::Text(pieces, whole) => locate(pieces, start as usize..end as usize).unwrap_or_else(|| whole.after()),
        }
    }
}

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    next: usize,
    place: Place<'t>,
    /// Whether line ends are tokens, one entry per bracket.
    newlines: Vec<bool>,
    /// Set once tokens were skipped: what follows may be reported wrongly, so errors that are likely echoes are not.
    recovery: bool,
    depth: u32,
    pub errors: Vec<Error>,
}

/// Reads a whole body from `tokens`, whose last token is [`TokenKind::End`].
pub(super) fn parse_body(text: &str, tokens: &[Token], place: Place<'_>) -> (Body, Vec<Error>) {
    let mut parser = Parser::new(text, tokens, place);
    let body = parser.body(TokenKind::End);
    (body, parser.errors)
}

/// Reads a bare template: the inside of a JSON string.
pub(super) fn parse_template(text: &str, place: Place<'_>) -> (Expr, Vec<Error>) {
    let tokens = scan_template(text);
    let mut parser = Parser::new(text, &tokens, place);
    parser.invalid_tokens();
    let open = parser.place.span(0, 0);
    let expr = parser.template(open, TemplateForm::Bare, TokenKind::End);
    (expr, parser.errors)
}

/// Tells of the characters that no HCL text has outside of strings.
pub(super) fn invalid_tokens(text: &str, tokens: &[Token], place: Place<'_>) -> Vec<Error> {
    let mut parser = Parser::new(text, tokens, place);
    parser.invalid_tokens();
    parser.errors
}

/// Reads one expression, for JSON strings that hold a type or a name.
pub(super) fn parse_expression(text: &str, place: Place<'_>) -> (Expr, Vec<Error>) {
    let tokens = scan(text);
    let mut parser = Parser::new(text, &tokens, place);
    parser.invalid_tokens();
    parser.newlines.push(false);
    let expr = parser.expression();
    let next = parser.peek();
    if next.kind != TokenKind::End && parser.errors.is_empty() {
        parser.error("Extra characters after expression", "An expression was read, but more text follows it.", next);
    }
    (expr, parser.errors)
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, tokens: &'t [Token], place: Place<'t>) -> Self {
        Parser { text, tokens, next: 0, place, newlines: vec![true], recovery: false, depth: 0, errors: Vec::new() }
    }

    fn token(&self) -> (Token, usize) {
        let include = self.newlines.last().copied().unwrap_or(true);
        for (index, token) in self.tokens.iter().enumerate().skip(self.next) {
            match token.kind {
                TokenKind::Comment => {
                    // A line comment stands for the line end that it swallows.
                    if include && self.slice(*token).ends_with('\n') {
                        return (Token { kind: TokenKind::Newline, ..*token }, index + 1);
                    }
                }
                TokenKind::Newline if !include => {}
                _ => return (*token, index + 1),
            }
        }
        let end = self.tokens.last().map_or(0, |token| token.end);
        (Token { kind: TokenKind::End, start: end, end, plain: true }, self.tokens.len())
    }

    fn peek(&self) -> Token {
        self.token().0
    }

    fn read(&mut self) -> Token {
        let (token, next) = self.token();
        self.next = next;
        token
    }

    fn peek_is(&self, kind: TokenKind) -> bool {
        self.peek().kind == kind
    }

    fn previous(&self) -> Token {
        match self.next.checked_sub(1).and_then(|index| self.tokens.get(index)) {
            Some(token) => *token,
            None => self.peek(),
        }
    }

    fn slice(&self, token: Token) -> &'t str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    fn span(&self, token: Token) -> Span {
        self.place.span(token.start, token.end)
    }

    fn between(&self, first: Token, last: Token) -> Span {
        self.place.span(first.start, last.end.max(first.end))
    }

    fn word(&self, token: Token) -> Spanned<String> {
        Spanned::new(self.slice(token).to_owned(), self.span(token))
    }

    fn is_word(&self, token: Token, word: &str) -> bool {
        token.kind == TokenKind::Ident && self.slice(token) == word
    }

    fn error(&mut self, summary: &str, detail: impl Into<String>, at: Token) {
        let span = self.span(at);
        self.errors.push(Error::new(summary, detail, span));
    }

    /// Reports a mistake that may be the echo of an earlier one.
    fn echo(&mut self, summary: &str, detail: impl Into<String>, at: Token) {
        if !self.recovery {
            self.error(summary, detail, at);
        }
    }

    /// Whether recovery began since there were `errors` errors.
    fn lost(&self, errors: usize) -> bool {
        self.recovery && self.errors.len() > errors
    }

    /// Goes behind the `end` that belongs to the bracket at hand.
    fn recover(&mut self, end: TokenKind) -> Token {
        use TokenKind::*;
        let is_start = |kind| match end {
            CloseBrace => kind == OpenBrace,
            CloseBracket => kind == OpenBracket,
            CloseParen => kind == OpenParen,
            CloseQuote => kind == OpenQuote,
            CloseHeredoc => kind == OpenHeredoc,
            TemplateEnd => kind == Interpolation || kind == Control,
            _ => false,
        };
        self.recovery = true;
        let mut nest = 0u32;
        loop {
            let token = self.read();
            if token.kind == End {
                return token;
            }
            if is_start(token.kind) {
                nest += 1;
            } else if token.kind == end {
                if nest == 0 {
                    return token;
                }
                nest -= 1;
            }
        }
    }

    /// Goes behind the bracket pair that `start` opens next.
    fn recover_over(&mut self, start: TokenKind, end: TokenKind) {
        loop {
            let token = self.read();
            if token.kind == start || token.kind == TokenKind::End {
                break;
            }
        }
        self.recover(end);
    }

    /// Goes behind the next line end that is in no bracket.
    fn recover_item(&mut self) {
        use TokenKind::*;
        self.recovery = true;
        let mut open: Vec<TokenKind> = Vec::new();
        loop {
            let token = self.read();
            let closes: &[TokenKind] = match token.kind {
                Newline if open.is_empty() => return,
                End => return,
                OpenBrace | OpenBracket | OpenParen | OpenQuote | OpenHeredoc | Interpolation | Control => {
                    open.push(token.kind);
                    continue;
                }
                CloseBrace => &[OpenBrace],
                CloseBracket => &[OpenBracket],
                CloseParen => &[OpenParen],
                CloseQuote => &[OpenQuote],
                CloseHeredoc => &[OpenHeredoc],
                TemplateEnd => &[Interpolation, Control],
                _ => continue,
            };
            while open.pop_if(|kind| !closes.contains(kind)).is_some() {}
            open.pop();
        }
    }

    /// Tells of the characters that no HCL text has outside of strings, once per kind where they come in heaps.
    pub fn invalid_tokens(&mut self) {
        use TokenKind::*;
        let (mut bitwise, mut backticks, mut apostrophes, mut semicolons, mut bad) = (0, 0, 0, 0, 0);
        for token in self.tokens {
            let text = self.slice(*token);
            let (summary, detail) = match token.kind {
                Bitwise if bitwise < 4 => {
                    bitwise += 1;
                    let help = match text {
                        "&" => " Did you mean \"&&\"?",
                        "|" => " Did you mean \"||\"?",
                        "~" => " Did you mean \"!\"?",
                        _ => "",
                    };
                    ("Unsupported operator", format!("There are no bitwise operators.{help}"))
                }
                Backtick => {
                    backticks += 1;
                    if backticks != 1 && backticks != 3 {
                        continue;
                    }
                    let detail =
                        "A backtick is not valid here. Text of several lines is written as here-document, like <<EOT.";
                    ("Invalid character", detail.to_owned())
                }
                Apostrophe => {
                    apostrophes += 1;
                    if apostrophes != 1 && apostrophes != 3 {
                        continue;
                    }
                    (
                        "Invalid character",
                        "Single quotes are not valid. Strings are enclosed in double quotes (\").".to_owned(),
                    )
                }
                Semicolon if semicolons == 0 => {
                    semicolons += 1;
                    let detail = "A semicolon is not valid here. Line ends separate arguments and blocks, commas separate values.";
                    ("Invalid character", detail.to_owned())
                }
                BadUtf8 if bad == 0 => {
                    bad += 1;
                    ("Invalid character encoding", "The file must be encoded as UTF-8.".to_owned())
                }
                QuotedNewline => {
                    let detail = "A quoted string ends on the line where it begins. Write \\n for a line end, or use a here-document.";
                    ("Invalid multi-line string", detail.to_owned())
                }
                Invalid => {
                    let detail = match text {
                        "\u{201c}" | "\u{201d}" => "Curly quotes are not valid here. Use straight ones (\").",
                        _ => "This character has no meaning here.",
                    };
                    ("Invalid character", detail.to_owned())
                }
                _ => continue,
            };
            self.error(summary, detail, *token);
        }
    }

    /// Counts one more level of nesting; false, with an error, when there are too many.
    fn enter(&mut self) -> bool {
        if self.depth >= MAX_DEPTH {
            let token = self.peek();
            self.echo("Nesting too deep", format!("Only {MAX_DEPTH} levels of nesting are read."), token);
            self.recovery = true;
            return false;
        }
        self.depth += 1;
        true
    }
}
