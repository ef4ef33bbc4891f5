//! "Did you mean": the nearest known word.

/// The option that is nearest to `word`, at most two edits away and not equal to it. Among equally near ones the first
/// is taken. Follows BuildKit's `util/suggest`.
pub(super) fn suggestion(word: &str, options: &[&'static str], case_sensitive: bool) -> Option<&'static str> {
    // Nothing further than two edits is taken, so a long word needs no look.
    if word.len() > 64 {
        return None;
    }
    let lowered = if case_sensitive { word.to_owned() } else { word.to_lowercase() };
    let mut best = None;
    let mut least = 3;
    for option in options {
        let other = if case_sensitive { (*option).to_owned() } else { option.to_lowercase() };
        let distance = distance(&lowered, &other);
        if distance == 0 {
            return None;
        }
        if distance < least {
            least = distance;
            best = Some(*option);
        }
    }
    best
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        assert_eq!(suggestion("form", &["chown", "from"], true), Some("from"));
        assert_eq!(suggestion("FROB", &["COPY", "FROM"], false), Some("FROM"));
        assert_eq!(suggestion("wget", &["from"], true), None);
    }
}
