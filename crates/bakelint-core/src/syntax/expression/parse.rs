//! Reads templates, conditions and expressions.

use std::ops::Range;

use super::evaluate::parse_number;
use super::{Expr, ExprKind, Literal, Operator, Part, Template};
use crate::source::{Span, Spanned};
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// How deep expressions may nest, as in the runner (`ExpressionConstants.MaxDepth`).
const DEPTH_LIMIT: usize = 50;

/// How long an expression may be, in characters (`ExpressionConstants.MaxLength`).
const LENGTH_LIMIT: usize = 21_000;

/// How many operators and properties an expression may have, so that code may recurse over it.
const LINK_LIMIT: usize = 500;

/// The contexts that exist, though not everywhere.
const CONTEXTS: &[&str] =
    &["github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"];

/// The functions that exist, with the least and the most arguments.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("contains", 2, 2),
    ("startswith", 2, 2),
    ("endswith", 2, 2),
    ("format", 1, 255),
    ("join", 1, 2),
    ("tojson", 1, 1),
    ("fromjson", 1, 1),
    ("hashfiles", 1, 255),
    ("case", 3, 255),
    ("success", 0, 255),
    ("always", 0, 0),
    ("cancelled", 0, 0),
    ("failure", 0, 255),
];

/// Splits text into literal parts and `${{ … }}`.
pub fn parse_template(text: &MappedText) -> (Template, Vec<SyntaxError>) {
    let mut errors = Vec::new();
    let mut parts = Vec::new();
    let source = text.as_str();
    let mut done = 0;
    while let Some(open) = source[done..].find("${{").map(|at| done + at) {
        if open > done {
            parts.push(Part::Text(text.slice(done..open)));
        }
        let Some(close) = closing(source, open + 3) else {
            let span = text.span_of(open..open + 3);
            let message = "`${{` is not closed";
            errors.push(SyntaxError { message: message.to_owned(), span, help: Some("add `}}`".to_owned()) });
            parts.push(Part::Broken(text.span_of(open..source.len())));
            return (Template { parts, span: text.span() }, errors);
        };
        done = close + 2;
        let span = text.span_of(open..done);
        parts.push(match parse_within(text, open + 3..close) {
            Ok(expr) => Part::Expression { expr, span },
            Err(error) => {
                errors.push(error);
                Part::Broken(span)
            }
        });
    }
    if done < source.len() {
        parts.push(Part::Text(text.slice(done..source.len())));
    }
    (Template { parts, span: text.span() }, errors)
}

/// The offset of the `}}` that ends an expression; a `}}` in a text literal does not.
fn closing(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut quoted = false;
    for at in from..bytes.len() {
        match bytes[at] {
            b'\'' => quoted = !quoted,
            b'}' if !quoted && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads the condition of an `if:`, which is an expression as a whole or in `${{ }}`.
///
/// Text around `${{ }}` makes the condition a text that is never empty, so that it always holds; such a condition reads as
/// a call of `format`, as GitHub reads it.
pub fn parse_condition(text: &MappedText) -> (Option<Expr>, Vec<SyntaxError>) {
    if !text.as_str().contains("${{") {
        return match parse_expression(text) {
            Ok(expr) => (Some(expr), Vec::new()),
            Err(error) => (None, vec![error]),
        };
    }
    let (template, errors) = parse_template(text);
    if let Some(expr) = template.as_expression() {
        return (Some(expr.clone()), errors);
    }
    let mut format = String::new();
    let mut arguments = Vec::new();
    for part in template.parts {
        match part {
            Part::Text(text) => format.push_str(&text.as_str().replace('{', "{{").replace('}', "}}")),
            Part::Expression { expr, .. } => {
                format.push_str(&format!("{{{}}}", arguments.len()));
                arguments.push(expr);
            }
            Part::Broken(_) => return (None, errors),
        }
    }
    let span = text.span();
    arguments.insert(0, Expr { kind: ExprKind::Literal(Literal::Text(format)), span });
    let name = Spanned::new("format".to_owned(), span);
    (Some(Expr { kind: ExprKind::Call(name, arguments), span }), errors)
}

/// Reads an expression without `${{ }}`.
pub fn parse_expression(text: &MappedText) -> Result<Expr, SyntaxError> {
    parse_within(text, 0..text.as_str().len())
}

fn parse_within(text: &MappedText, range: Range<usize>) -> Result<Expr, SyntaxError> {
    let source = text.as_str().get(..range.end).unwrap_or_default();
    let mut parser = Parser { text, source, at: range.start, token: Token::End, links: 0, range: range.clone() };
    if source.get(range.clone()).is_some_and(|source| source.chars().count() > LENGTH_LIMIT) {
        return Err(parser.error(range, "the expression is longer than 21,000 characters"));
    }
    parser.advance()?;
    if parser.token == Token::End {
        return Err(parser.error(parser.range.clone(), "expected an expression"));
    }
    let expr = parser.binary(0, 0)?;
    match parser.token {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("the end of the expression")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(Literal),
    Name(String),
    Operator(Operator),
    Not,
    Dot,
    Star,
    Comma,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    End,
}

struct Parser<'a> {
    text: &'a MappedText,
    /// The text up to the end of the expression.
    source: &'a str,
    /// Behind the token.
    at: usize,
    token: Token,
    links: usize,
    /// Of the token.
    range: Range<usize>,
}

impl Parser<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        self.text.span_of(range)
    }

    fn error(&self, range: Range<usize>, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(message, self.span(range))
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        self.error(self.range.clone(), format!("expected {expected}"))
    }

    /// Reads the next token.
    fn advance(&mut self) -> Result<(), SyntaxError> {
        let rest = &self.source[self.at..];
        let start = self.at + rest.len() - rest.trim_start().len();
        let bytes = &self.source.as_bytes()[start..];
        let two = bytes.get(1).copied();
        let (token, length) = match bytes.first() {
            None => (Token::End, 0),
            Some(b'(') => (Token::Open, 1),
            Some(b')') => (Token::Close, 1),
            Some(b'[') => (Token::OpenBracket, 1),
            Some(b']') => (Token::CloseBracket, 1),
            Some(b',') => (Token::Comma, 1),
            Some(b'*') => (Token::Star, 1),
            Some(b'!') if two == Some(b'=') => (Token::Operator(Operator::NotEqual), 2),
            Some(b'!') => (Token::Not, 1),
            Some(b'=') if two == Some(b'=') => (Token::Operator(Operator::Equal), 2),
            Some(b'<') if two == Some(b'=') => (Token::Operator(Operator::LessOrEqual), 2),
            Some(b'<') => (Token::Operator(Operator::Less), 1),
            Some(b'>') if two == Some(b'=') => (Token::Operator(Operator::GreaterOrEqual), 2),
            Some(b'>') => (Token::Operator(Operator::Greater), 1),
            Some(b'&') if two == Some(b'&') => (Token::Operator(Operator::And), 2),
            Some(b'|') if two == Some(b'|') => (Token::Operator(Operator::Or), 2),
            Some(b'\'') => self.text_literal(start)?,
            Some(b'.') if !self.after_value() => self.number(start)?,
            Some(b'.') => (Token::Dot, 1),
            Some(b'0'..=b'9' | b'+' | b'-') => self.number(start)?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                let name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
                let length = bytes.iter().take_while(name).count();
                (self.word(&self.source[start..start + length]), length)
            }
            Some(_) => {
                let c = self.source[start..].chars().next().unwrap_or(' ');
                let mut error = self.error(start..start + c.len_utf8(), format!("unexpected `{c}` in an expression"));
                error.help = match c {
                    '"' => Some("text stands in single quotes".to_owned()),
                    '=' => Some("compare with `==`".to_owned()),
                    '&' | '|' => Some(format!("write `{c}{c}`")),
                    _ => None,
                };
                return Err(error);
            }
        };
        self.range = start..start + length;
        self.at = start + length;
        self.token = token;
        Ok(())
    }

    /// Whether the present token ends a value, so that a `.` behind it asks for a property.
    fn after_value(&self) -> bool {
        matches!(self.token, Token::Name(_) | Token::Close | Token::CloseBracket | Token::Star)
    }

    fn word(&self, word: &str) -> Token {
        // Behind a `.` any word is a property.
        if self.token == Token::Dot {
            return Token::Name(word.to_owned());
        }
        match word {
            "null" => Token::Literal(Literal::Null),
            "true" => Token::Literal(Literal::Bool(true)),
            "false" => Token::Literal(Literal::Bool(false)),
            "NaN" => Token::Literal(Literal::Number(f64::NAN)),
            "Infinity" => Token::Literal(Literal::Number(f64::INFINITY)),
            _ => Token::Name(word.to_owned()),
        }
    }

    fn text_literal(&self, start: usize) -> Result<(Token, usize), SyntaxError> {
        let mut text = String::new();
        let mut rest = &self.source[start + 1..];
        while let Some((part, behind)) = rest.split_once('\'') {
            text.push_str(part);
            match behind.strip_prefix('\'') {
                Some(behind) => {
                    text.push('\'');
                    rest = behind;
                }
                None => return Ok((Token::Literal(Literal::Text(text)), self.source.len() - start - behind.len())),
            }
        }
        Err(self.error(start..self.source.len(), "the text is not closed"))
    }

    fn number(&self, start: usize) -> Result<(Token, usize), SyntaxError> {
        let bytes = &self.source.as_bytes()[start..];
        let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-');
        let length = bytes.iter().take_while(part).count().max(1);
        let text = &self.source[start..start + length];
        let value = parse_number(text);
        if value.is_nan() && !text.ends_with("NaN") {
            return Err(self.error(start..start + length, format!("`{text}` is not a number")));
        }
        Ok((Token::Literal(Literal::Number(value)), length))
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<Range<usize>, SyntaxError> {
        if self.token != *token {
            return Err(self.unexpected(what));
        }
        let range = self.range.clone();
        self.advance()?;
        Ok(range)
    }

    /// Operators of at least this strength; all of them group to the left.
    fn binary(&mut self, strength: u8, depth: usize) -> Result<Expr, SyntaxError> {
        let mut left = self.unary(depth)?;
        while let Token::Operator(operator) = self.token {
            if operator.strength() < strength {
                break;
            }
            self.link()?;
            self.advance()?;
            let right = self.binary(operator.strength() + 1, depth + 1)?;
            let span = left.span.cover(right.span);
            left = Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), span };
        }
        Ok(left)
    }

    fn unary(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        if depth > DEPTH_LIMIT {
            return Err(self.too_deep());
        }
        if self.token == Token::Not {
            let start = self.span(self.range.clone());
            self.advance()?;
            let inner = self.unary(depth + 1)?;
            let span = start.cover(inner.span);
            return Ok(Expr { kind: ExprKind::Not(Box::new(inner)), span });
        }
        let mut value = self.primary(depth)?;
        loop {
            match self.token {
                Token::Dot => {
                    self.link()?;
                    self.advance()?;
                    let end = self.span(self.range.clone());
                    let span = value.span.cover(end);
                    let kind = match std::mem::replace(&mut self.token, Token::End) {
                        Token::Name(name) => ExprKind::Property(Box::new(value), Spanned::new(name, end)),
                        Token::Star => ExprKind::Every(Box::new(value)),
                        token => {
                            self.token = token;
                            return Err(self.unexpected("a name behind `.`"));
                        }
                    };
                    // The token before a `.` must be one that ends a value.
                    self.token = Token::Star;
                    self.advance()?;
                    value = Expr { kind, span };
                }
                Token::OpenBracket => {
                    self.link()?;
                    self.advance()?;
                    let kind = if self.token == Token::Star {
                        self.advance()?;
                        ExprKind::Every(Box::new(value.clone()))
                    } else {
                        let index = self.binary(0, depth + 1)?;
                        match index.kind {
                            ExprKind::Literal(Literal::Text(name)) => {
                                ExprKind::Property(Box::new(value.clone()), Spanned::new(name, index.span))
                            }
                            kind => {
                                let index = Expr { kind, span: index.span };
                                ExprKind::Index(Box::new(value.clone()), Box::new(index))
                            }
                        }
                    };
                    let end = self.expect(&Token::CloseBracket, "`]`")?;
                    let span = value.span.cover(self.span(end));
                    value = Expr { kind, span };
                }
                _ => return Ok(value),
            }
        }
    }

    /// Counts an operator or property, each of which nests the tree one deeper.
    fn link(&mut self) -> Result<(), SyntaxError> {
        self.links += 1;
        if self.links > LINK_LIMIT { Err(self.too_deep()) } else { Ok(()) }
    }

    fn too_deep(&self) -> SyntaxError {
        self.error(self.range.clone(), "the expression nests too deeply")
    }

    fn primary(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        let range = self.range.clone();
        let span = self.span(range.clone());
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Literal(literal) => {
                self.advance()?;
                Ok(Expr { kind: ExprKind::Literal(literal), span })
            }
            Token::Open => {
                self.token = Token::Open;
                self.advance()?;
                let inner = self.binary(0, depth + 1)?;
                self.expect(&Token::Close, "`)`")?;
                Ok(inner)
            }
            Token::Name(name) => {
                self.token = Token::Name(String::new());
                self.advance()?;
                if self.token == Token::Open { self.call(name, span, depth) } else { self.context(name, span) }
            }
            token => {
                self.token = token;
                Err(self.unexpected("a value"))
            }
        }
    }

    fn context(&self, name: String, span: Span) -> Result<Expr, SyntaxError> {
        let lower = name.to_ascii_lowercase();
        if CONTEXTS.contains(&lower.as_str()) {
            return Ok(Expr { kind: ExprKind::Context(lower), span });
        }
        let mut error = SyntaxError::new(format!("there is no context `{name}`"), span);
        error.help = Some(if matches!(lower.as_str(), "true" | "false" | "null") {
            format!("write `{lower}`")
        } else {
            format!("write `'{name}'` if it is text")
        });
        Err(error)
    }

    fn call(&mut self, name: String, span: Span, depth: usize) -> Result<Expr, SyntaxError> {
        let lower = name.to_ascii_lowercase();
        let known = FUNCTIONS.iter().find(|(known, ..)| *known == lower);
        let Some((_, least, most)) = known else {
            return Err(SyntaxError::new(format!("there is no function `{name}`"), span));
        };
        self.advance()?;
        let mut arguments = Vec::new();
        while self.token != Token::Close {
            if !arguments.is_empty() {
                self.expect(&Token::Comma, "`,` or `)`")?;
            }
            arguments.push(self.binary(0, depth + 1)?);
        }
        let whole = span.cover(self.span(self.range.clone()));
        self.advance()?;
        if !(*least..=*most).contains(&arguments.len()) {
            let count = if least == most { least.to_string() } else { format!("{least} to {most}") };
            let message = format!("`{name}` takes {count} arguments, not {}", arguments.len());
            return Err(SyntaxError::new(message, whole));
        }
        Ok(Expr { kind: ExprKind::Call(Spanned::new(lower, span), arguments), span: whole })
    }
}
