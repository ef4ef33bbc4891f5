//! Tokens to tree.
//!
//! A recursive descent after hclsyntax/parser.go and parser_template.go of hashicorp/hcl, so that the same texts are
//! accepted and the same token is blamed. Recovery goes further: see [`super::parse`].

use super::ast::*;
use super::scan::{Token, TokenKind, scan, scan_template};
use crate::source::{FileId, Span, Spanned};
use crate::suggest::nearest;
use crate::syntax::text::{Piece, Text, locate};

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

    // Tokens.

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

    // Errors and recovery.

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

    // Bodies.

    fn body(&mut self, end: TokenKind) -> Body {
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

    // Expressions.

    fn invalid(&self, span: Span) -> Expr {
        Expr::new(ExprKind::Invalid, span)
    }

    pub(super) fn expression(&mut self) -> Expr {
        if !self.enter() {
            return self.invalid(self.span(self.peek()));
        }
        let expr = self.conditional();
        self.depth -= 1;
        expr
    }

    fn conditional(&mut self) -> Expr {
        let errors = self.errors.len();
        let condition = self.operators();
        if self.lost(errors) || !self.peek_is(TokenKind::Question) {
            return condition;
        }
        self.read();
        let errors = self.errors.len();
        let yes = self.expression();
        if self.lost(errors) {
            return condition;
        }
        let colon = self.peek();
        if colon.kind != TokenKind::Colon {
            let detail = "A colon (:) and the value for a false condition must follow here.";
            self.error("Missing false expression in conditional", detail, colon);
            return condition;
        }
        self.read();
        let errors = self.errors.len();
        let no = self.expression();
        if self.lost(errors) {
            return condition;
        }
        let span = condition.span.cover(no.span);
        Expr::new(ExprKind::Conditional(Box::new(Conditional { condition, yes, no })), span)
    }

    /// Binary operators by precedence. Chains that wait for an operand lie on a stack, loosest first.
    fn operators(&mut self) -> Expr {
        let mut chains: Vec<(u8, Spanned<BinaryOperator>, Binary)> = Vec::new();
        let errors = self.errors.len();
        let mut operand = self.postfix();
        while !self.lost(errors) {
            let token = self.peek();
            let Some((level, operator)) = binary_operator(token.kind) else { break };
            self.read();
            let operator = Spanned::new(operator, self.span(token));
            while let Some((_, pending, chain)) = chains.pop_if(|(of, ..)| *of > level) {
                operand = chained(chain, pending, operand);
            }
            match chains.last_mut() {
                Some((of, pending, chain)) if *of == level => {
                    chain.rest.push((std::mem::replace(pending, operator), operand));
                }
                _ => chains.push((level, operator, Binary { first: operand, rest: Vec::new() })),
            }
            operand = self.postfix();
        }
        while let Some((_, pending, chain)) = chains.pop() {
            operand = chained(chain, pending, operand);
        }
        operand
    }

    fn postfix(&mut self) -> Expr {
        let term = self.term();
        self.steps(term)
    }

    fn add_step(&self, source: Expr, step: Step) -> Expr {
        let span = source.span.cover(step.span);
        let kind = match source.kind {
            ExprKind::Traversal(mut traversal) => {
                traversal.steps.push(step);
                ExprKind::Traversal(traversal)
            }
            ExprKind::Access(mut access) => {
                access.steps.push(step);
                ExprKind::Access(access)
            }
            kind => {
                let source = Expr::new(kind, source.span);
                ExprKind::Access(Box::new(Access { source, steps: vec![step] }))
            }
        };
        Expr::new(kind, span)
    }

    /// `.0`: an index in the form that Terraform's first language had.
    fn legacy_index(&mut self, dot: Token) -> Step {
        let number = self.read();
        let text = self.slice(number);
        if let Some((first, second)) = text.split_once('.') {
            let detail = format!("Indexes behind dots cannot be chained. Write [{first}][{second}].");
            self.error("Invalid legacy index syntax", detail, number);
        }
        let key = self.number(number);
        Step { kind: StepKind::Key(Box::new(key)), span: self.between(dot, number) }
    }

    fn number(&mut self, token: Token) -> Expr {
        let text = self.slice(token);
        if !is_number(text) {
            self.error("Invalid number literal", "This is not a number.", token);
            return self.invalid(self.span(token));
        }
        Expr::new(ExprKind::Number(text.to_owned()), self.span(token))
    }

    fn steps(&mut self, mut expr: Expr) -> Expr {
        // Steps nest without recursion here, but the tree that they make must not be too deep for its readers.
        let depth = self.depth;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Dot => {
                    let dot = self.read();
                    let next = self.peek();
                    match next.kind {
                        TokenKind::Ident => {
                            self.read();
                            let kind = StepKind::Attribute(self.slice(next).to_owned());
                            expr = self.add_step(expr, Step { kind, span: self.between(dot, next) });
                        }
                        TokenKind::Number => {
                            let step = self.legacy_index(dot);
                            expr = self.add_step(expr, step);
                        }
                        TokenKind::Star => {
                            if !self.enter() {
                                break;
                            }
                            expr = self.attribute_splat(expr, dot);
                        }
                        _ => {
                            self.error("Invalid attribute name", "A name must follow the dot.", next);
                            expr = self.invalid(expr.span.cover(self.span(dot)));
                            self.recovery = true;
                        }
                    }
                }
                TokenKind::OpenBracket => {
                    let open = self.read();
                    if !self.enter() {
                        break;
                    }
                    expr = match self.peek().kind {
                        TokenKind::Star => self.full_splat(expr, open),
                        _ => {
                            let before = self.depth;
                            let indexed = self.index(expr, open);
                            self.depth = before;
                            if matches!(indexed.kind, ExprKind::Traversal(_) | ExprKind::Access(_)) {
                                self.depth -= 1;
                            }
                            indexed
                        }
                    };
                }
                _ => break,
            }
        }
        self.depth = depth;
        expr
    }

    /// `.*` and the attributes behind it, which are all that it applies to.
    fn attribute_splat(&mut self, source: Expr, dot: Token) -> Expr {
        let star = self.read();
        let marker = self.between(dot, star);
        let mut each = Expr::new(ExprKind::Each, marker);
        while self.peek_is(TokenKind::Dot) {
            let dot = self.read();
            let next = self.peek();
            match next.kind {
                TokenKind::Ident => {
                    self.read();
                    let kind = StepKind::Attribute(self.slice(next).to_owned());
                    each = self.add_step(each, Step { kind, span: self.between(dot, next) });
                }
                TokenKind::Number => {
                    let step = self.legacy_index(dot);
                    each = self.add_step(each, step);
                }
                _ => {
                    match next.kind {
                        TokenKind::Star => self.echo(
                            "Nested splat expression not allowed",
                            "A second .* cannot follow. Use [*] for both.",
                            next,
                        ),
                        _ => self.echo("Invalid attribute name", "A name must follow the dot.", star),
                    }
                    self.recovery = true;
                    return source;
                }
            }
        }
        let span = source.span.cover(each.span);
        Expr::new(ExprKind::Splat(Box::new(Splat { source, each, marker })), span)
    }

    /// `[*]` and all steps behind it.
    fn full_splat(&mut self, source: Expr, open: Token) -> Expr {
        self.read();
        let mut close = self.read();
        if close.kind != TokenKind::CloseBracket && !self.recovery {
            let detail = "A closing bracket (]) must follow the star at once.";
            self.error("Missing close bracket on splat index", detail, close);
            close = self.recover(TokenKind::CloseBracket);
        }
        let marker = self.between(open, close);
        let each = self.steps(Expr::new(ExprKind::Each, marker));
        let span = source.span.cover(each.span);
        Expr::new(ExprKind::Splat(Box::new(Splat { source, each, marker })), span)
    }

    fn index(&mut self, collection: Expr, open: Token) -> Expr {
        self.newlines.push(false);
        let errors = self.errors.len();
        let key = self.expression();
        let close = if self.lost(errors) {
            self.recover(TokenKind::CloseBracket)
        } else {
            let close = self.read();
            if close.kind != TokenKind::CloseBracket && !self.recovery {
                self.error("Missing close bracket on index", "A closing bracket (]) must follow the index.", close);
                self.recover(TokenKind::CloseBracket)
            } else {
                close
            }
        };
        self.newlines.pop();
        let brackets = self.between(open, close);
        let constant = match &key.kind {
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null => true,
            ExprKind::Template(_) => key.literal().is_some(),
            _ => false,
        };
        if constant {
            return self.add_step(collection, Step { kind: StepKind::Key(Box::new(key)), span: brackets });
        }
        let span = collection.span.cover(brackets);
        let open = self.span(open);
        Expr::new(ExprKind::Index(Box::new(Index { collection, key, open, brackets })), span)
    }

    fn term(&mut self) -> Expr {
        let start = self.peek();
        match start.kind {
            TokenKind::OpenParen => self.parens(),
            TokenKind::Number => {
                self.read();
                self.number(start)
            }
            TokenKind::Ident => {
                self.read();
                let span = self.span(start);
                if matches!(self.peek().kind, TokenKind::OpenParen | TokenKind::DoubleColon) {
                    return self.call(start);
                }
                let kind = match self.slice(start) {
                    "true" => ExprKind::Bool(true),
                    "false" => ExprKind::Bool(false),
                    "null" => ExprKind::Null,
                    _ => ExprKind::Traversal(Box::new(Traversal { root: self.word(start), steps: Vec::new() })),
                };
                Expr::new(kind, span)
            }
            TokenKind::OpenQuote => {
                self.read();
                let open = self.span(start);
                self.template(open, TemplateForm::Quoted, TokenKind::CloseQuote)
            }
            TokenKind::OpenHeredoc => {
                self.read();
                let form = match self.slice(start).starts_with("<<-") {
                    true => TemplateForm::FlushHeredoc,
                    false => TemplateForm::Heredoc,
                };
                let open = self.span(start);
                self.template(open, form, TokenKind::CloseHeredoc)
            }
            TokenKind::Minus | TokenKind::Bang => {
                self.read();
                if !self.enter() {
                    return self.invalid(self.span(start));
                }
                let operand = self.postfix();
                self.depth -= 1;
                let operator = if start.kind == TokenKind::Minus { UnaryOperator::Negate } else { UnaryOperator::Not };
                let operator = Spanned::new(operator, self.span(start));
                let span = operator.span.cover(operand.span);
                Expr::new(ExprKind::Unary(Box::new(Unary { operator, operand })), span)
            }
            TokenKind::OpenBracket => self.tuple(),
            TokenKind::OpenBrace => self.object(),
            kind => {
                match kind {
                    TokenKind::End => {
                        self.echo("Missing expression", "The file ends where an expression must begin.", start);
                    }
                    _ => self.echo("Invalid expression", "An expression must begin here.", start),
                }
                self.recovery = true;
                self.invalid(self.span(start))
            }
        }
    }

    fn parens(&mut self) -> Expr {
        let open = self.read();
        self.newlines.push(false);
        let errors = self.errors.len();
        let inner = self.expression();
        if self.errors.len() > errors {
            self.recover(TokenKind::CloseParen);
            self.newlines.pop();
            return inner;
        }
        let close = self.peek();
        if close.kind != TokenKind::CloseParen {
            self.error("Unbalanced parentheses", "A closing parenthesis must follow the expression.", close);
            self.recovery = true;
        }
        self.read();
        self.newlines.pop();
        Expr::new(ExprKind::Parens(Box::new(inner)), self.between(open, close))
    }

    fn call(&mut self, first: Token) -> Expr {
        let mut open = self.read();
        let mut last = first;
        let mut name = self.slice(first).to_owned();
        while open.kind == TokenKind::DoubleColon {
            let part = self.read();
            if part.kind != TokenKind::Ident {
                self.error("Missing function name", "A function's name must follow the two colons.", part);
                self.recover_over(TokenKind::OpenParen, TokenKind::CloseParen);
                return self.invalid(self.between(first, part));
            }
            name.push_str("::");
            name.push_str(self.slice(part));
            last = part;
            open = self.read();
        }
        let name = Spanned::new(name, self.between(first, last));
        if open.kind != TokenKind::OpenParen {
            let detail = "An opening parenthesis must follow the function's name.";
            self.error("Missing open parenthesis", detail, open);
            self.recover_over(TokenKind::OpenParen, TokenKind::CloseParen);
            return self.invalid(self.between(first, open));
        }
        self.newlines.push(false);
        let mut arguments: Vec<Element> = Vec::new();
        let mut expand = None;
        let close = loop {
            if self.peek_is(TokenKind::CloseParen) {
                break self.read();
            }
            let errors = self.errors.len();
            let value = self.expression();
            arguments.push(Element { value, comma: None });
            if self.lost(errors) {
                break self.recover(TokenKind::CloseParen);
            }
            let separator = self.read();
            match separator.kind {
                TokenKind::CloseParen => break separator,
                TokenKind::Ellipsis => {
                    expand = Some(self.span(separator));
                    if self.peek_is(TokenKind::CloseParen) {
                        break self.read();
                    }
                    let detail = "The closing parenthesis must follow the dots that spread an argument.";
                    self.echo("Missing closing parenthesis", detail, separator);
                    break self.recover(TokenKind::CloseParen);
                }
                TokenKind::Comma => {
                    let comma = self.span(separator);
                    if let Some(argument) = arguments.last_mut() {
                        argument.comma = Some(comma);
                    }
                }
                TokenKind::End => {
                    let detail = "The file ends before the closing parenthesis of this call.";
                    self.errors.push(Error::new("Unterminated function call", detail, self.between(first, open)));
                    break self.recover(TokenKind::CloseParen);
                }
                _ => {
                    self.error("Missing argument separator", "A comma must separate arguments.", separator);
                    break self.recover(TokenKind::CloseParen);
                }
            }
        };
        self.newlines.pop();
        let span = self.between(first, close);
        let call = Call { name, open: self.span(open), arguments, expand, close: self.span(close) };
        Expr::new(ExprKind::Call(Box::new(call)), span)
    }

    fn tuple(&mut self) -> Expr {
        let open = self.read();
        self.newlines.push(false);
        let expr = match self.is_word(self.peek(), "for") {
            true => self.for_expression(open, TokenKind::CloseBracket),
            false => self.tuple_elements(open),
        };
        self.newlines.pop();
        expr
    }

    fn tuple_elements(&mut self, open: Token) -> Expr {
        let mut elements: Vec<Element> = Vec::new();
        let close = loop {
            if self.peek_is(TokenKind::CloseBracket) {
                break self.read();
            }
            let errors = self.errors.len();
            let value = self.expression();
            elements.push(Element { value, comma: None });
            if self.lost(errors) {
                break self.recover(TokenKind::CloseBracket);
            }
            let next = self.peek();
            match next.kind {
                TokenKind::CloseBracket => break self.read(),
                TokenKind::Comma => {
                    self.read();
                    let comma = self.span(next);
                    if let Some(element) = elements.last_mut() {
                        element.comma = Some(comma);
                    }
                }
                _ => {
                    match next.kind {
                        TokenKind::End => self.echo(
                            "Unterminated tuple constructor expression",
                            "The file ends before the closing bracket of this list.",
                            open,
                        ),
                        _ => self.echo("Missing item separator", "A comma must separate the elements of a list.", next),
                    }
                    break self.recover(TokenKind::CloseBracket);
                }
            }
        };
        let span = self.between(open, close);
        let tuple = Tuple { open: self.span(open), elements, close: self.span(close) };
        Expr::new(ExprKind::Tuple(Box::new(tuple)), span)
    }

    fn object(&mut self) -> Expr {
        let open = self.read();
        // Only objects heed line ends, a `for` in braces does not.
        self.newlines.push(false);
        let is_for = self.is_word(self.peek(), "for");
        let expr = if is_for {
            self.for_expression(open, TokenKind::CloseBrace)
        } else {
            self.newlines.push(true);
            let expr = self.object_entries(open);
            self.newlines.pop();
            expr
        };
        self.newlines.pop();
        expr
    }

    fn object_entries(&mut self, open: Token) -> Expr {
        let mut entries: Vec<Entry> = Vec::new();
        let close = loop {
            let next = self.peek();
            match next.kind {
                TokenKind::Newline => {
                    self.read();
                    continue;
                }
                TokenKind::CloseBrace => break self.read(),
                _ => {}
            }
            let parens = next.kind == TokenKind::OpenParen;
            let errors = self.errors.len();
            let key = self.expression();
            if self.lost(errors) {
                break self.recover(TokenKind::CloseBrace);
            }
            let separator = self.peek();
            if !matches!(separator.kind, TokenKind::Equal | TokenKind::Colon) {
                self.missing_separator(open, separator);
                break self.recover(TokenKind::CloseBrace);
            }
            self.read();
            let errors = self.errors.len();
            let value = self.expression();
            let separator = self.span(separator);
            entries.push(Entry { key, parens, separator, value, comma: None });
            if self.lost(errors) {
                break self.recover(TokenKind::CloseBrace);
            }
            let next = self.peek();
            match next.kind {
                TokenKind::CloseBrace => break self.read(),
                TokenKind::Comma => {
                    self.read();
                    let comma = self.span(next);
                    if let Some(entry) = entries.last_mut() {
                        entry.comma = Some(comma);
                    }
                }
                TokenKind::Newline => {
                    self.read();
                }
                _ => {
                    match next.kind {
                        TokenKind::End => self.unterminated_object(open),
                        _ => self.echo(
                            "Missing attribute separator",
                            "A line end or a comma must separate the entries of an object.",
                            next,
                        ),
                    }
                    break self.recover(TokenKind::CloseBrace);
                }
            }
        };
        let span = self.between(open, close);
        let object = Object { open: self.span(open), entries, close: self.span(close), json: false };
        Expr::new(ExprKind::Object(Box::new(object)), span)
    }

    fn unterminated_object(&mut self, open: Token) {
        let detail = "The file ends before the closing brace of this object.";
        self.echo("Unterminated object constructor expression", detail, open);
    }

    fn missing_separator(&mut self, open: Token, next: Token) {
        const SUMMARY: &str = "Missing key/value separator";
        match next.kind {
            TokenKind::Newline | TokenKind::Comma => {
                self.echo("Missing attribute value", "An equals sign (=) and a value must follow the key.", next);
            }
            TokenKind::Ident => self.echo(
                SUMMARY,
                "An equals sign (=) must follow the key. A key with dots or blanks must be quoted.",
                next,
            ),
            TokenKind::End => self.unterminated_object(open),
            _ => self.echo(SUMMARY, "An equals sign (=) must follow the key.", next),
        }
    }

    fn for_expression(&mut self, open: Token, close: TokenKind) -> Expr {
        self.read();
        match self.for_parts(open, close) {
            Ok(expr) => expr,
            Err(()) => {
                let end = self.recover(close);
                self.invalid(self.between(open, end))
            }
        }
    }

    /// The names, the `in` and the collection that `for` begins with. The mistake if that is not what follows.
    #[allow(clippy::type_complexity, reason = "private and unpacked at once")]
    fn for_intro(&mut self) -> Result<(Option<Spanned<String>>, Spanned<String>), &'static str> {
        let mut name = self.peek();
        if name.kind != TokenKind::Ident {
            return Err("A name must follow \"for\".");
        }
        self.read();
        let mut key_name = None;
        if self.peek_is(TokenKind::Comma) {
            self.read();
            key_name = Some(self.word(name));
            name = self.peek();
            if name.kind != TokenKind::Ident {
                return Err("A second name must follow the comma.");
            }
            self.read();
        }
        if !self.is_word(self.peek(), "in") {
            return Err("The word \"in\" must follow the names.");
        }
        self.read();
        Ok((key_name, self.word(name)))
    }

    fn for_parts(&mut self, open: Token, close_kind: TokenKind) -> Result<Expr, ()> {
        const SUMMARY: &str = "Invalid 'for' expression";
        let (key_name, value_name) = match self.for_intro() {
            Ok(names) => names,
            Err(detail) => {
                let at = self.peek();
                self.echo(SUMMARY, detail, at);
                return Err(());
            }
        };
        let errors = self.errors.len();
        let collection = self.expression();
        if self.lost(errors) {
            return Err(());
        }
        let colon = self.peek();
        if colon.kind != TokenKind::Colon {
            self.echo(SUMMARY, "A colon (:) must follow the collection.", colon);
            return Err(());
        }
        self.read();
        let errors = self.errors.len();
        let mut value = self.expression();
        let mut key = None;
        if self.peek_is(TokenKind::FatArrow) {
            self.read();
            key = Some(std::mem::replace(&mut value, self.invalid(self.span(colon))));
            value = self.expression();
        }
        if self.lost(errors) {
            return Err(());
        }
        let mut group = None;
        if self.peek_is(TokenKind::Ellipsis) {
            let token = self.read();
            group = Some(self.span(token));
        }
        let mut condition = None;
        if self.is_word(self.peek(), "if") {
            self.read();
            let errors = self.errors.len();
            condition = Some(self.expression());
            if self.lost(errors) {
                return Err(());
            }
        }
        let mut close = self.peek();
        if close.kind == close_kind {
            self.read();
        } else {
            self.echo(SUMMARY, "The expression is complete, but more text follows.", close);
            close = self.recover(close_kind);
        }
        let blame = match (close_kind == TokenKind::CloseBrace, &key, group) {
            (false, Some(key), _) => Some(("A list has no keys: only one value may follow the colon.", key.span)),
            (false, None, Some(dots)) => Some(("Values can be grouped (...) in an object only.", dots)),
            (true, None, _) => Some(("An object needs a key and a value: key => value.", value.span)),
            _ => None,
        };
        if let Some((detail, span)) = blame {
            self.errors.push(Error::new(SUMMARY, detail, span));
        }
        let span = self.between(open, close);
        let (open, close) = (self.span(open), self.span(close));
        let of = For { open, key_name, value_name, collection, key, value, condition, group, close };
        Ok(Expr::new(ExprKind::For(Box::new(of)), span))
    }

    // Templates.

    /// A template up to the token `end`; its opening token is read already.
    fn template(&mut self, open: Span, form: TemplateForm, end: TokenKind) -> Expr {
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

    /// The text that a token of literal text stands for.
    fn decode(&mut self, token: Token) -> Text {
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
                // Within a decoded string the pieces may not be adjacent.
                text.push(&rest[..plain], piece(0, plain), true);
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
                        text.push(&rest[..1], piece(0, 1), true);
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

/// Ends a chain of operators.
fn chained(mut chain: Binary, pending: Spanned<BinaryOperator>, operand: Expr) -> Expr {
    let span = chain.first.span.cover(operand.span);
    chain.rest.push((pending, operand));
    Expr::new(ExprKind::Binary(Box::new(chain)), span)
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

/// Whether the text is a number of the decimal syntax that cty reads: digits, a fraction, an exponent.
pub(super) fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let whole = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    whole && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// The precedence of an operator, 0 being the loosest.
fn binary_operator(kind: TokenKind) -> Option<(u8, BinaryOperator)> {
    Some(match kind {
        TokenKind::Or => (0, BinaryOperator::Or),
        TokenKind::And => (1, BinaryOperator::And),
        TokenKind::EqualEqual => (2, BinaryOperator::Equal),
        TokenKind::NotEqual => (2, BinaryOperator::NotEqual),
        TokenKind::Greater => (3, BinaryOperator::Greater),
        TokenKind::GreaterEqual => (3, BinaryOperator::GreaterOrEqual),
        TokenKind::Less => (3, BinaryOperator::Less),
        TokenKind::LessEqual => (3, BinaryOperator::LessOrEqual),
        TokenKind::Plus => (4, BinaryOperator::Add),
        TokenKind::Minus => (4, BinaryOperator::Subtract),
        TokenKind::Star => (5, BinaryOperator::Multiply),
        TokenKind::Slash => (5, BinaryOperator::Divide),
        TokenKind::Percent => (5, BinaryOperator::Modulo),
        _ => return None,
    })
}
