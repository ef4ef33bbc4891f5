//! "Did you mean": the known name that a mistyped one is nearest to.

/// The candidate nearest to `name`, when it is near enough to be a slip: at most one edit in three characters.
/// Case is not held against it. Of equally near candidates the first wins.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    nearest_within(name, candidates, (name.chars().count() / 3).max(1))
}

/// As [`nearest`], for names of which many look alike, such as variables: at most two edits, and one in three characters.
pub fn nearest_variable<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    nearest_within(name, candidates, (name.chars().count() / 3).min(2))
}

fn nearest_within<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>, allowed: usize) -> Option<&'c str> {
    let lower = name.to_lowercase();
    let distance = |other: &str| strsim::osa_distance(&lower, &other.to_lowercase());
    let near = candidates.into_iter().filter(|other| *other != name).map(|other| (distance(other), other));
    near.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_variable};

    #[test]
    fn variables_that_only_look_alike_are_told_apart() {
        let names = ["CATALINA_HOME", "VERSION", "B"];
        assert_eq!(nearest_variable("VERSON", names), Some("VERSION"));
        assert_eq!(nearest_variable("CATALINA_BASE", names), None);
        assert_eq!(nearest_variable("A", names), None);
    }

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let names = ["tags", "platforms", "cache-from", "cache-to"];
        let cases = [
            ("tag", Some("tags")),
            ("platform", Some("platforms")),
            ("cache_from", Some("cache-from")),
            ("Cache-To", Some("cache-to")),
            ("push", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }
}
