//! Shell patterns as Go's `path.Match` reads them.

/// Whether the whole of `name` matches `pattern`.
///
/// # Errors
/// When the pattern is malformed and that was noticed before the answer was clear.
pub(crate) fn matches(pattern: &str, name: &str) -> Result<bool, Malformed> {
    let (mut pattern, mut name) = (pattern, name);
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains('/'));
        }
        if let Some(left) = match_chunk(chunk, name)?
            && (left.is_empty() || !pattern.is_empty())
        {
            name = left;
            continue;
        }
        if star {
            for (at, c) in name.char_indices() {
                if c == '/' {
                    break;
                }
                if let Some(left) = match_chunk(chunk, &name[at + c.len_utf8()..])? {
                    if pattern.is_empty() && !left.is_empty() {
                        continue;
                    }
                    name = left;
                    continue 'pattern;
                }
            }
        }
        // The rest of the pattern is checked for its syntax, as Go does.
        while !pattern.is_empty() {
            let (_, chunk, rest) = next_chunk(pattern);
            pattern = rest;
            match_chunk(chunk, "")?;
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// A pattern with an unclosed class or a backslash at its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Leading stars, the text up to the next star, and what follows.
fn next_chunk(pattern: &str) -> (bool, &str, &str) {
    let stripped = pattern.trim_start_matches('*');
    let star = stripped.len() < pattern.len();
    let mut in_class = false;
    let mut chars = stripped.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '*' if !in_class => return (star, &stripped[..at], &stripped[at..]),
            _ => {}
        }
    }
    (star, stripped, "")
}

/// What is left of `name` behind a match of `chunk`; none if it does not match.
fn match_chunk<'n>(mut chunk: &str, mut name: &'n str) -> Result<Option<&'n str>, Malformed> {
    // After a mismatch the chunk is only checked for its syntax.
    let mut failed = false;
    while let Some(c) = chunk.chars().next() {
        failed |= name.is_empty();
        let next = name.chars().next().filter(|_| !failed);
        let advance = |name: &mut &'n str| {
            if let Some(next) = next {
                *name = &name[next.len_utf8()..];
            }
        };
        match c {
            '[' => {
                advance(&mut name);
                chunk = &chunk[1..];
                let negated = chunk.strip_prefix('^');
                chunk = negated.unwrap_or(chunk);
                let mut hit = false;
                let mut ranges = 0;
                loop {
                    if let Some(rest) = chunk.strip_prefix(']').filter(|_| ranges > 0) {
                        chunk = rest;
                        break;
                    }
                    let (low, rest) = class_char(chunk)?;
                    chunk = rest;
                    let mut high = low;
                    if let Some(rest) = chunk.strip_prefix('-') {
                        (high, chunk) = class_char(rest)?;
                    }
                    hit |= next.is_some_and(|next| low <= next && next <= high);
                    ranges += 1;
                }
                failed |= hit == negated.is_some();
            }
            '?' => {
                failed |= next == Some('/');
                advance(&mut name);
                chunk = &chunk[1..];
            }
            _ => {
                let mut wanted = c;
                chunk = &chunk[c.len_utf8()..];
                if c == '\\' {
                    wanted = chunk.chars().next().ok_or(Malformed)?;
                    chunk = &chunk[wanted.len_utf8()..];
                }
                failed |= next.is_some_and(|next| next != wanted);
                advance(&mut name);
            }
        }
    }
    Ok((!failed).then_some(name))
}

/// The next character of a class.
fn class_char(class: &str) -> Result<(char, &str), Malformed> {
    let mut chars = class.chars();
    let c = match chars.next() {
        None | Some('-' | ']') => return Err(Malformed),
        Some('\\') => chars.next().ok_or(Malformed)?,
        Some(c) => c,
    };
    match chars.as_str() {
        "" => Err(Malformed),
        rest => Ok((c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        let cases = [
            ("*", "abc", Ok(true)),
            ("a*c", "abc", Ok(true)),
            ("a*c", "ab", Ok(false)),
            ("a*b*c*", "axbyc", Ok(true)),
            ("?b", "ab", Ok(true)),
            ("[a-c]x", "bx", Ok(true)),
            ("[^a-c]x", "bx", Ok(false)),
            ("[", "a", Err(Malformed)),
            ("[]a]", "]", Err(Malformed)),
            ("a[", "b", Err(Malformed)),
            ("\\*", "*", Ok(true)),
            ("a\\", "a", Err(Malformed)),
            ("", "", Ok(true)),
            ("", "a", Ok(false)),
            ("*x", "xxx", Ok(true)),
            ("abc", "abc", Ok(true)),
            ("abc", "abcd", Ok(false)),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
