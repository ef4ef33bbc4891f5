//! Text to tokens.
//!
//! Follows hclsyntax/scan_tokens.rl of hashicorp/hcl: the longest match wins, strings and here-documents are scanned
//! in modes of their own, and a stack of brace depths tells where an interpolation ends.

use crate::source::SUBSTITUTE;

/// One token: its kind and its bytes in the scanned text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
    /// Whether the token stands in no string, here-document or interpolation.
    pub plain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    OpenQuote,
    CloseQuote,
    OpenHeredoc,
    CloseHeredoc,
    /// Text in a quoted string, where backslashes escape.
    QuotedText,
    /// Text in a here-document or in a bare template.
    BareText,
    QuotedNewline,
    Interpolation,
    Control,
    TemplateEnd,
    Number,
    Ident,
    Comment,
    Newline,
    Equal,
    EqualEqual,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    And,
    Or,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Bang,
    Question,
    Colon,
    DoubleColon,
    Dot,
    Comma,
    Ellipsis,
    FatArrow,
    Bitwise,
    Backtick,
    Apostrophe,
    Semicolon,
    BadUtf8,
    Invalid,
    End,
}

/// Whether a character may begin an identifier.
fn starts_ident(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '_' => true,
        _ if c.is_ascii() => false,
        _ => c.is_alphabetic() && !unicode_normalization::char::is_combining_mark(c),
    }
}

/// Whether a character may stand inside an identifier.
fn continues_ident(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '_' | '-' | '0'..='9' => true,
        _ if c.is_ascii() => false,
        _ => {
            c.is_alphanumeric()
                || unicode_normalization::char::is_combining_mark(c)
                || matches!(c, '\u{203f}' | '\u{2040}')
        }
    }
}

/// What the scanner is inside of.
enum Mode {
    /// Expressions; the brace depth at which an interpolation ends, none at the outermost level.
    Main(Option<u32>),
    Quoted,
    Heredoc {
        marker: (usize, usize),
        line_start: bool,
    },
    Bare,
}

/// The tokens of a configuration file or an expression. The last one is [`TokenKind::End`].
pub(super) fn scan(text: &str) -> Vec<Token> {
    Scanner::new(text, Mode::Main(None)).run()
}

/// The tokens of a template without quotes. The last one is [`TokenKind::End`].
pub(super) fn scan_template(text: &str) -> Vec<Token> {
    Scanner::new(text, Mode::Bare).run()
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    modes: Vec<Mode>,
    braces: u32,
    tokens: Vec<Token>,
    /// No `*/` follows from here on: spares looking again for every `/*`.
    no_comment_end: bool,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str, mode: Mode) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Scanner {
            text,
            bytes: text.as_bytes(),
            at,
            modes: vec![mode],
            braces: 0,
            tokens: Vec::with_capacity(text.len() / 4 + 1),
            no_comment_end: false,
        }
    }

    fn run(mut self) -> Vec<Token> {
        while self.at < self.bytes.len() {
            match self.modes.last() {
                Some(Mode::Quoted) => self.quoted(),
                Some(Mode::Heredoc { .. }) => self.heredoc(),
                Some(Mode::Bare) => self.bare(),
                Some(Mode::Main(_)) | None => self.main(),
            }
        }
        self.push(TokenKind::End, 0);
        self.tokens
    }

    /// The byte `ahead` of the next one; 0 behind the end.
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next character. Positions are always on character boundaries: `at` moves by whole characters only.
    fn char(&self) -> char {
        self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or('\0')
    }

    fn push(&mut self, kind: TokenKind, len: usize) {
        let plain = self.modes.len() == 1;
        self.tokens.push(Token { kind, start: self.at as u32, end: (self.at + len) as u32, plain });
        self.at += len;
    }

    fn main(&mut self) {
        use TokenKind::*;
        let two = |kind| (kind, 2);
        let (kind, len) = match (self.byte(0), self.byte(1)) {
            (b' ' | b'\t', _) => {
                self.at += 1;
                return;
            }
            (b'0'..=b'9', _) => (Number, self.number()),
            (b'#', _) | (b'/', b'/') => {
                let rest = &self.bytes[self.at..];
                (Comment, memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1))
            }
            (b'/', b'*') => match self.block_comment() {
                Some(len) => (Comment, len),
                None => (Slash, 1),
            },
            (b'\n', _) => (Newline, 1),
            (b'\r', b'\n') => two(Newline),
            (b'=', b'=') => two(EqualEqual),
            (b'=', b'>') => two(FatArrow),
            (b'!', b'=') => two(NotEqual),
            (b'>', b'=') => two(GreaterEqual),
            (b'<', b'=') => two(LessEqual),
            (b'<', b'<') => return self.less(),
            (b'&', b'&') => two(And),
            (b'|', b'|') => two(Or),
            (b':', b':') => two(DoubleColon),
            (b'.', b'.') if self.byte(2) == b'.' => (Ellipsis, 3),
            (b'~', b'}') => return self.close_brace(2),
            (b'{', _) => {
                self.push(OpenBrace, 1);
                self.braces = self.braces.wrapping_add(1);
                return;
            }
            (b'}', _) => return self.close_brace(1),
            (b'"', _) => {
                self.push(OpenQuote, 1);
                self.modes.push(Mode::Quoted);
                return;
            }
            (byte, _) => match byte {
                b'[' => (OpenBracket, 1),
                b']' => (CloseBracket, 1),
                b'(' => (OpenParen, 1),
                b')' => (CloseParen, 1),
                b'.' => (Dot, 1),
                b',' => (Comma, 1),
                b'*' => (Star, 1),
                b'/' => (Slash, 1),
                b'%' => (Percent, 1),
                b'+' => (Plus, 1),
                b'-' => (Minus, 1),
                b'=' => (Equal, 1),
                b'<' => (Less, 1),
                b'>' => (Greater, 1),
                b'!' => (Bang, 1),
                b'?' => (Question, 1),
                b':' => (Colon, 1),
                b'&' | b'|' | b'~' | b'^' => (Bitwise, 1),
                b';' => (Semicolon, 1),
                b'`' => (Backtick, 1),
                b'\'' => (Apostrophe, 1),
                _ => {
                    let c = self.char();
                    if starts_ident(c) {
                        (Ident, self.ident(self.at))
                    } else {
                        (if c == SUBSTITUTE { BadUtf8 } else { Invalid }, c.len_utf8())
                    }
                }
            },
        };
        self.push(kind, len);
    }

    /// Length of the identifier at `from`, 0 if none begins there.
    fn ident(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        match rest.chars().next() {
            Some(first) if starts_ident(first) => rest.find(|c| !continues_ident(c)).unwrap_or(rest.len()),
            _ => 0,
        }
    }

    /// Length of the number at hand. Dots may stand in it, but not at its end.
    fn number(&self) -> usize {
        let mut len = 0;
        let mut accepted = 1;
        loop {
            match self.byte(len) {
                b'0'..=b'9' => len += 1,
                b'.' => {
                    len += 1;
                    continue;
                }
                b'e' | b'E' => match (self.byte(len + 1), self.byte(len + 2)) {
                    (b'0'..=b'9', _) => len += 2,
                    (b'+' | b'-', b'0'..=b'9') => len += 3,
                    _ => return accepted,
                },
                _ => return accepted,
            }
            accepted = len;
        }
    }

    fn block_comment(&mut self) -> Option<usize> {
        if self.no_comment_end {
            return None;
        }
        let end = memchr::memmem::find(&self.bytes[self.at + 2..], b"*/");
        self.no_comment_end = end.is_none();
        end.map(|end| end + 4)
    }

    /// `<<` begins a here-document if a marker and a line end follow directly.
    fn less(&mut self) {
        let from = self.at + if self.byte(2) == b'-' { 3 } else { 2 };
        let name = self.ident(from);
        let rest = &self.bytes[from + name..];
        let line_end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
        if name == 0 || line_end == 0 {
            return self.push(TokenKind::Less, 1);
        }
        self.push(TokenKind::OpenHeredoc, from + name + line_end - self.at);
        self.modes.push(Mode::Heredoc { marker: (from, from + name), line_start: true });
    }

    fn close_brace(&mut self, len: usize) {
        let ends = matches!(self.modes.last(), Some(Mode::Main(Some(depth))) if *depth == self.braces);
        // `~}` outside of an interpolation is kept as such for the parser to refuse.
        self.push(if ends || len == 2 { TokenKind::TemplateEnd } else { TokenKind::CloseBrace }, len);
        self.braces = self.braces.wrapping_sub(1);
        if ends {
            self.modes.pop();
        }
    }

    fn open_sequence(&mut self) {
        let kind = if self.byte(0) == b'$' { TokenKind::Interpolation } else { TokenKind::Control };
        let len = if self.byte(2) == b'~' { 3 } else { 2 };
        if let Some(Mode::Heredoc { line_start, .. }) = self.modes.last_mut() {
            *line_start = false;
        }
        self.push(kind, len);
        self.braces = self.braces.wrapping_add(1);
        self.modes.push(Mode::Main(Some(self.braces)));
    }

    /// Length of the literal text that begins with `$` or `%` and opens nothing; none at the end of the text.
    fn sign(&self) -> Option<usize> {
        let sign = self.byte(0);
        if self.at + 1 >= self.bytes.len() {
            return None;
        }
        Some(match (self.byte(1), self.byte(2), self.byte(3)) {
            (next, b'{', b'~') if next == sign => 4,
            (next, b'{', _) if next == sign => 3,
            _ => 1,
        })
    }

    /// Length of the run of characters before the first of `stops`.
    fn run_before(&self, stops: impl Fn(u8) -> bool) -> usize {
        let rest = &self.bytes[self.at..];
        rest.iter().position(|byte| stops(*byte)).unwrap_or(rest.len())
    }

    fn opens_sequence(&self) -> bool {
        matches!((self.byte(0), self.byte(1)), (b'$' | b'%', b'{'))
    }

    fn quoted(&mut self) {
        match self.byte(0) {
            _ if self.opens_sequence() => self.open_sequence(),
            b'"' => {
                self.modes.pop();
                self.push(TokenKind::CloseQuote, 1);
            }
            b'$' | b'%' => match self.sign() {
                Some(len) => self.push(TokenKind::QuotedText, len),
                None => self.push(TokenKind::Invalid, 1),
            },
            b'\r' | b'\n' => {
                self.push(TokenKind::QuotedNewline, self.run_before(|byte| byte != b'\r' && byte != b'\n'))
            }
            SUBSTITUTE_BYTE => self.push(TokenKind::BadUtf8, 1),
            _ => {
                let mut len = 0;
                loop {
                    match self.byte(len) {
                        b'\\' => {
                            let rest = self.text.get(self.at + len + 1..).unwrap_or_default();
                            match rest.chars().next() {
                                None | Some('\r' | '\n') => break,
                                Some(escaped) => len += 1 + escaped.len_utf8(),
                            }
                        }
                        b'$' | b'%' | b'"' | b'\r' | b'\n' | SUBSTITUTE_BYTE => break,
                        _ if self.at + len >= self.bytes.len() => break,
                        _ => len += 1,
                    }
                }
                match len {
                    0 => self.push(TokenKind::Invalid, 1),
                    _ => self.push(TokenKind::QuotedText, len),
                }
            }
        }
    }

    fn heredoc(&mut self) {
        let len = match self.byte(0) {
            _ if self.opens_sequence() => return self.open_sequence(),
            b'$' | b'%' => match self.sign() {
                Some(len) => len,
                None => return self.push(TokenKind::Invalid, 1),
            },
            SUBSTITUTE_BYTE => return self.push(TokenKind::BadUtf8, 1),
            _ => self.run_before(|byte| matches!(byte, b'$' | b'%' | b'\r' | b'\n' | SUBSTITUTE_BYTE)),
        };
        let rest = &self.bytes[self.at + len..];
        let line_end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
        let text = self.text;
        let Some(Mode::Heredoc { marker, line_start }) = self.modes.last_mut() else { return };
        if line_end == 0 {
            *line_start = false;
            // A carriage return alone ends the scan in hashicorp/hcl too.
            return match len {
                0 => self.push(TokenKind::Invalid, self.bytes.len() - self.at),
                _ => self.push(TokenKind::BareText, len),
            };
        }
        let line = text.get(self.at..self.at + len).unwrap_or_default();
        if *line_start && line.trim() == text.get(marker.0..marker.1).unwrap_or_default() {
            self.push(TokenKind::CloseHeredoc, len);
            self.modes.pop();
            self.push(TokenKind::Newline, line_end);
            return;
        }
        *line_start = true;
        self.push(TokenKind::BareText, len + line_end);
    }

    fn bare(&mut self) {
        let rest_len = self.bytes.len() - self.at;
        let len = match self.byte(0) {
            _ if self.opens_sequence() => return self.open_sequence(),
            b'$' | b'%' => match self.sign() {
                Some(len) => len,
                None => return self.push(TokenKind::BareText, rest_len),
            },
            _ => self.run_before(|byte| matches!(byte, b'$' | b'%' | b'\r' | b'\n')),
        };
        let rest = &self.bytes[self.at + len..];
        let line_end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
        match len + line_end {
            0 => self.push(TokenKind::BareText, rest_len),
            len => self.push(TokenKind::BareText, len),
        }
    }
}

/// [`SUBSTITUTE`] is ASCII.
const SUBSTITUTE_BYTE: u8 = SUBSTITUTE as u8;
