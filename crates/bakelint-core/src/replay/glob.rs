//! Go's `path.Match`, which BuildKit expands wildcards in `COPY` sources with.

/// Whether the whole `name` matches `pattern`: `*` and `?` stop at a slash, `[a-z]` and `[^a-z]` are sets, a backslash
/// takes the next character as it is. A malformed pattern matches nothing.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it stands for so far; a star never needs an earlier one back.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        if p == pattern.len() && n == name.len() {
            return true;
        }
        let step = name.get(n).and_then(|c| one(&pattern[p..], *c));
        if let Some(used) = step {
            (p, n) = (p + used, n + 1);
            continue;
        }
        match star {
            Some((after, at)) if name.get(at).is_some_and(|c| *c != '/') => {
                star = Some((after, at + 1));
                (p, n) = (after, at + 1);
            }
            _ => return false,
        }
    }
}

/// How many characters of the pattern's start match this one character; `None` if they do not.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => (c != '/').then_some(1),
        '\\' => (*pattern.get(1)? == c).then_some(2),
        '[' => {
            let negated = pattern.get(1) == Some(&'^');
            let mut at = if negated { 2 } else { 1 };
            let mut found = false;
            let mut first = true;
            while first || *pattern.get(at)? != ']' {
                let (low, next) = literal(pattern, at)?;
                let (high, next) = match pattern.get(next) {
                    Some('-') => literal(pattern, next + 1)?,
                    _ => (low, next),
                };
                found |= (low..=high).contains(&c);
                (at, first) = (next, false);
            }
            (found != negated).then_some(at + 1)
        }
        literal => (literal == c).then_some(1),
    }
}

/// A character of a set, its escape resolved, and where the next one stands.
fn literal(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match *pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        c => Some((c, at + 1)),
    }
}

/// Whether a path has a wildcard that is not escaped.
pub(super) fn has_wildcard(path: &str) -> bool {
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => return true,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    false
}

/// Go's `path.Base`: the last part of a path.
pub(super) fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((_, last)) => last,
        None if trimmed.is_empty() => {
            if path.is_empty() {
                "."
            } else {
                "/"
            }
        }
        None => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_go() {
        let yes = [
            ("", ""),
            ("*", ""),
            ("*.ts", "a.ts"),
            ("a*b*c", "aXbYbc"),
            ("packages/*/package.json", "packages/ui/package.json"),
            ("[a-c]?", "bx"),
            ("[^a]", "b"),
            ("[\\]]", "]"),
            ("\\*", "*"),
            ("日?", "日本"),
        ];
        let no = [
            ("*", "a/b"),
            ("?", "/"),
            ("a", "ab"),
            ("[a", "a"),
            ("[]", "a"),
            ("[a-]", "a"),
            ("\\", "\\"),
            ("*.ts", "a.tsx"),
            ("packages/*/package.json", "packages/a/b/package.json"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in no {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_are_not_slow() {
        assert!(!matches(&"*a".repeat(2000), &"a".repeat(1999)));
    }

    #[test]
    fn the_last_part_of_a_path() {
        assert_eq!((base("/a/b/"), base("/"), base(""), base("x")), ("b", "/", ".", "x"));
    }
}
