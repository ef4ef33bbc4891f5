//! The patterns of `${x#p}`, `${x%p}` and `${x/p/r}`.
//!
//! BuildKit turns a pattern into a regular expression (`convertShellPatternToRegex` in
//! `frontend/dockerfile/shell/lex.go`): `*` becomes `.*` or `.*?`, `?` becomes `.`, and neither matches a line end.

/// A pattern, ready to match.
pub(super) struct Pattern {
    tokens: Vec<Token>,
    longest: bool,
}

enum Token {
    Star,
    One,
    Char(char),
}

/// Whether a pattern matches.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It does, up to this character.
    Found(usize),
    None,
    /// Pattern and value are so large that nobody will wait for the answer.
    TooLarge,
}

/// The largest product of the lengths of pattern and value.
const MAX_STATES: usize = 1 << 22;

impl Pattern {
    /// Reads a pattern; `longest` makes stars take as much as they can.
    pub fn new(pattern: &str, longest: bool) -> Result<Self, String> {
        let mut tokens = Vec::new();
        // Go's scanner drops a byte order mark at the start of what it reads.
        let mut chars = pattern.strip_prefix('\u{feff}').unwrap_or(pattern).chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::One,
                '\\' => match chars.peek().copied() {
                    // The escape of a character that would end the form is gone, the character is read as any other.
                    Some('}' | '/') => continue,
                    Some(next @ ('*' | '?' | '\\')) => {
                        chars.next();
                        Token::Char(next)
                    }
                    Some(next) => return Err(format!("the pattern `{pattern}` has the unknown escape `\\{next}`")),
                    None => return Err(format!("the pattern `{pattern}` ends in an escape character")),
                },
                _ => Token::Char(c),
            });
        }
        Ok(Pattern { tokens, longest })
    }

    /// Reads a pattern for matching a reversed value, so that the start of the one is the end of the other.
    pub fn reversed(pattern: &str, longest: bool) -> Result<Self, String> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let len = if chars[at] == '\\' && at + 1 < chars.len() { 2 } else { 1 };
            pieces.push(&chars[at..at + len]);
            at += len;
        }
        let reversed: String = pieces.into_iter().rev().flatten().collect();
        Pattern::new(&reversed, longest)
    }

    /// Matches from the first character on.
    pub fn at_start(&self, value: &[char]) -> Match {
        match Search::new(self, value) {
            Some(mut search) => search.from(0).map_or(Match::None, Match::Found),
            None => Match::TooLarge,
        }
    }

    /// Replaces the first match, or all of them. In the latter case `$name` in the replacement is a capture, as in Go's
    /// `ReplaceAllString`: `$0` is the match, all others are empty. `None` when the values are too large.
    pub fn replace(&self, value: &str, replacement: &str, all: bool) -> Option<String> {
        let chars: Vec<char> = value.chars().collect();
        let mut search = Search::new(self, &chars)?;
        let mut out = String::new();
        let mut copied = 0;
        let mut last_end = 0;
        let mut at = 0;
        while at <= chars.len() {
            let Some((start, end)) = (at..=chars.len()).find_map(|start| Some((start, search.from(start)?))) else {
                break;
            };
            out.extend(&chars[copied..start]);
            copied = end;
            if !all {
                out.push_str(replacement);
                break;
            }
            // An empty match right behind another one does not count.
            if end > last_end || start == 0 {
                expand_template(replacement, &chars[start..end], &mut out);
            }
            last_end = end;
            at = end.max(at + 1);
        }
        out.extend(&chars[copied..]);
        Some(out)
    }
}

/// Go's `Regexp.Expand` for an expression without groups.
fn expand_template(template: &str, whole: &[char], out: &mut String) {
    let mut rest = template;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (braced, body) = match rest.strip_prefix('{') {
            Some(body) => (true, body),
            None => (false, rest),
        };
        let is_name = |c: char| c == '_' || super::chars::is_letter(c) || super::chars::is_digit(c);
        let end = body.find(|c| !is_name(c)).unwrap_or(body.len());
        let closed = !braced || body[end..].starts_with('}');
        if end == 0 || !closed {
            out.push('$');
            continue;
        }
        if body[..end].bytes().all(|byte| byte == b'0') && end == 1 {
            out.extend(whole);
        }
        rest = &body[end + usize::from(braced)..];
    }
    out.push_str(rest);
}

/// A backtracking search that never visits a state twice, so its time is bounded by the product of the lengths.
struct Search<'a> {
    pattern: &'a Pattern,
    value: &'a [char],
    visited: Vec<bool>,
}

impl<'a> Search<'a> {
    fn new(pattern: &'a Pattern, value: &'a [char]) -> Option<Self> {
        let states = (pattern.tokens.len() + 1).checked_mul(value.len() + 1).filter(|states| *states <= MAX_STATES)?;
        Some(Search { pattern, value, visited: vec![false; states] })
    }

    /// The end of the match that begins at `start`.
    fn from(&mut self, start: usize) -> Option<usize> {
        let width = self.pattern.tokens.len() + 1;
        let mut stack = vec![(0, start)];
        let mut furthest = start;
        while let Some((token, at)) = stack.pop() {
            if std::mem::replace(&mut self.visited[at * width + token], true) {
                continue;
            }
            furthest = furthest.max(at);
            let next = self.value.get(at).copied();
            match self.pattern.tokens.get(token) {
                None => {
                    // States behind a success are no failures: a later search may pass them again.
                    self.visited[start * width..(furthest + 1) * width].fill(false);
                    return Some(at);
                }
                Some(Token::Char(c)) if next == Some(*c) => stack.push((token + 1, at + 1)),
                Some(Token::One) if next.is_some_and(|c| c != '\n') => stack.push((token + 1, at + 1)),
                Some(Token::Star) => {
                    let more = next.filter(|c| *c != '\n').map(|_| (token, at + 1));
                    let done = Some((token + 1, at));
                    let [second, first] = if self.pattern.longest { [done, more] } else { [more, done] };
                    stack.extend(second);
                    stack.extend(first);
                }
                Some(_) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_empty_and_adjacent() {
        let replace = |pattern, value, with| Pattern::new(pattern, true).expect("a pattern").replace(value, with, true);
        assert_eq!(replace("", "ab", "-").as_deref(), Some("-a-b-"));
        assert_eq!(replace("*", "ab", "-").as_deref(), Some("-"));
        assert_eq!(replace("a", "aab", "<$0${0}$$$x>").as_deref(), Some("<aa$><aa$>b"));
        assert_eq!(replace("?", "a\nb", ".").as_deref(), Some(".\n."));
    }

    #[test]
    fn a_bad_case_for_backtracking_is_quick() {
        let pattern = Pattern::new(&"*a".repeat(500), true).expect("a pattern");
        let value: Vec<char> = "a".repeat(499).chars().chain("b".chars()).collect();
        assert_eq!(pattern.at_start(&value), Match::None);
    }

    #[test]
    fn escapes() {
        assert!(Pattern::new("\\x", true).is_err());
        assert!(Pattern::new("a\\", true).is_err());
        assert!(Pattern::reversed("a\\*c", true).is_ok());
    }
}
