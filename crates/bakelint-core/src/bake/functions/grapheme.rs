//! Grapheme clusters by the rules of Unicode 15.0, which go-textseg follows.

use std::sync::LazyLock;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

/// What the user takes for characters: the clusters of the text in order.
pub(super) fn clusters(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true).flat_map(split_conjuncts)
}

/// Cuts a cluster before each letter that stands behind a mark.
///
/// Since Unicode 15.1 a consonant joins the one before it across a virama, as in Devanagari. No older rule lets a
/// letter follow a mark within a cluster, except for the vowel signs of Thai and Lao that count as letters.
fn split_conjuncts(cluster: &str) -> impl Iterator<Item = &str> {
    static CONJUNCT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{M}\x{200D}]\p{Lo}").ok());
    let mut cuts = vec![0];
    if !cluster.is_ascii()
        && let Some(conjunct) = CONJUNCT.as_ref()
    {
        let mut from = 0;
        while let Some(found) = conjunct.find_at(cluster, from) {
            let letter = cluster[..found.end()].char_indices().next_back();
            from = found.end();
            if let Some((at, c)) = letter
                && !matches!(c, '\u{e33}' | '\u{eb3}')
            {
                cuts.push(at);
            }
        }
    }
    cuts.push(cluster.len());
    (1..cuts.len()).map(move |index| &cluster[cuts[index - 1]..cuts[index]])
}
