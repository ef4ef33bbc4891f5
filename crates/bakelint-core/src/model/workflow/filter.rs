//! Filter patterns of `branches`, `tags` and `paths`.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet>

/// Whether a list of patterns includes `name`: the last pattern that matches decides, and one with `!` before it excludes.
pub fn filter_includes(patterns: &[impl AsRef<str>], name: &str) -> bool {
    patterns.iter().fold(false, |included, pattern| {
        let pattern = pattern.as_ref();
        match pattern.strip_prefix('!') {
            Some(pattern) => included && !pattern_matches(pattern, name),
            None => included || pattern_matches(pattern, name),
        }
    })
}

/// Whether a pattern without `!` matches `name`: `*` stands for anything but `/`, `**` for anything, `?` lets the
/// character before it be absent, `+` lets it be repeated, `[a-z]` stands for one of a class.
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    let items = items(pattern);
    // Bit n of `now`: the first n items are done.
    let mut now = vec![false; items.len() + 1];
    now[0] = true;
    skip(&items, &mut now);
    for c in name.chars() {
        let mut then = vec![false; items.len() + 1];
        for (at, item) in items.iter().enumerate().filter(|(at, _)| now[*at]) {
            if item.takes(c) {
                then[at + 1] = true;
                // An item that repeats may be done or not.
                then[at] |= item.repeats;
            }
        }
        skip(&items, &mut then);
        now = then;
    }
    now.last().copied().unwrap_or(false)
}

struct Item {
    class: Class,
    optional: bool,
    repeats: bool,
}

enum Class {
    /// Nothing: this item and the two behind it may all be absent.
    Folders,
    One(char),
    NoSlash,
    Any,
    Ranges(Vec<(char, char)>),
}

impl Item {
    fn takes(&self, c: char) -> bool {
        match &self.class {
            Class::Folders => false,
            Class::One(one) => *one == c,
            Class::NoSlash => c != '/',
            Class::Any => true,
            Class::Ranges(ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)),
        }
    }
}

fn items(pattern: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut rest = pattern.chars().peekable();
    let one = |class| Item { class, optional: false, repeats: false };
    while let Some(c) = rest.next() {
        match c {
            // Behind `Folders` there are always two more items, so its jump stays within the places.
            '*' => {
                let mut stars = 1;
                while rest.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                let class = if stars > 1 { Class::Any } else { Class::NoSlash };
                // `**/` also stands for no folder at all.
                let begins = items.last().is_none_or(|last| matches!(last.class, Class::One('/')));
                let folders = stars > 1 && begins && rest.next_if_eq(&'/').is_some();
                if folders {
                    items.push(Item { class: Class::Folders, optional: true, repeats: false });
                }
                items.push(Item { class, optional: true, repeats: true });
                if folders {
                    items.push(one(Class::One('/')));
                }
            }
            '?' if !items.is_empty() => items.iter_mut().next_back().into_iter().for_each(|item| item.optional = true),
            '+' if !items.is_empty() => items.iter_mut().next_back().into_iter().for_each(|item| item.repeats = true),
            '\\' => items.push(one(Class::One(rest.next().unwrap_or('\\')))),
            '[' => {
                let mut ranges = Vec::new();
                while let Some(low) = rest.next_if(|c| *c != ']') {
                    let high = match rest.next_if_eq(&'-') {
                        Some(_) => rest.next_if(|c| *c != ']').unwrap_or('-'),
                        None => low,
                    };
                    ranges.push((low, high));
                }
                rest.next();
                items.push(one(Class::Ranges(ranges)));
            }
            c => items.push(one(Class::One(c))),
        }
    }
    items
}

/// Adds the places that are reached without a character.
fn skip(items: &[Item], places: &mut [bool]) {
    for (at, item) in items.iter().enumerate() {
        if places[at] && item.optional {
            places[at + 1] = true;
            if matches!(item.class, Class::Folders) {
                places[at + 3] = true;
            }
        }
    }
}
