//! Checks of other tools that have no rule here, and why.
//!
//! Their names are accepted wherever a rule is named, so that a configuration can be moved over as it is.

/// Name and reason, sorted by name.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("hadolint:DL1000", "It is a syntax error of hadolint's own parser; `syntax-error` says what BuildKit refuses."),
    ("hadolint:DL3005", "hadolint has retired it; `distribution-upgrade` is for those who mind upgrades in a build."),
    (
        "hadolint:DL3010",
        "It asks for ADD to unpack archives, but ADD does that unseen and in a layer of its own; a RUN with a bind mount unpacks \
         an archive without keeping it.",
    ),
    ("hadolint:DL3011", "BuildKit refuses such a port, so it is a `syntax-error`."),
    ("hadolint:DL3017", "hadolint has retired it; upgrades of Alpine packages bring in security fixes."),
    ("hadolint:DL3023", "BuildKit refuses a stage that copies from itself, so it is an error already."),
    ("hadolint:DL3031", "hadolint has retired it; upgrades with yum bring in security fixes."),
    ("hadolint:DL3039", "hadolint has retired it; upgrades with dnf bring in security fixes."),
    ("hadolint:DL3043", "BuildKit refuses such an ONBUILD, so it is a `syntax-error`."),
    ("hadolint:DL3047", "The progress of wget makes a log longer and nothing else."),
    ("hadolint:DL3057", "Kubernetes, ECS and others ignore HEALTHCHECK, and an image cannot know who runs it."),
    (
        "hadolint:DL3059",
        "Merging RUN instructions makes caching worse: a change in one of them repeats all, and the layers of builder stages are \
         not shipped anyway.",
    ),
    ("hadolint:DL3061", "BuildKit refuses an instruction before the first FROM, so it is a `syntax-error`."),
    (
        "hadolint:DL4001",
        "Having both curl and wget costs a few hundred kilobytes, and often one of them is in the base image.",
    ),
    ("hadolint:DL4002", "hadolint has retired it."),
];

/// Checks of other tools whose rule here flags fewer places on purpose, sorted. The rule's page says which and why.
pub const IN_PART: &[&str] = &[
    "hadolint:DL3000",
    "hadolint:DL3001",
    "hadolint:DL3002",
    "hadolint:DL3003",
    "hadolint:DL3025",
    "hadolint:DL3029",
    "hadolint:DL3060",
    "hadolint:DL3064",
    "hadolint:DL3066",
    "hadolint:DL4006",
];

/// Why there is no rule for a check of another tool, by its name with or without the tool.
pub fn left_out(name: &str) -> Option<(&'static str, &'static str)> {
    let bare = |full: &str| full.split_once(':').is_some_and(|(_, bare)| bare == name);
    LEFT_OUT.iter().copied().find(|(full, _)| *full == name || bare(full))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::all;

    #[test]
    fn every_check_of_hadolint_has_a_rule_or_a_reason() {
        let codes = (1000..=1001).chain(3000..=3067).chain(4000..=4006).map(|number| format!("DL{number}"));
        for code in codes {
            let rules = all().iter().filter(|rule| rule.answers_to(&code)).count();
            assert_eq!(rules + usize::from(left_out(&code).is_some()), 1, "{code}");
        }
        assert!(LEFT_OUT.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn a_page_says_what_its_rule_leaves_alone() {
        assert!(IN_PART.is_sorted());
        for name in IN_PART {
            let code = name.trim_start_matches("hadolint:");
            let rules: Vec<_> = all().iter().filter(|rule| rule.answers_to(name)).collect();
            let says = |page: &str| {
                let section = page.split("## Compared with hadolint").nth(1)?;
                section.split("\n## ").next().map(|section| section.contains(code))
            };
            assert_eq!(rules.iter().filter_map(|rule| says(&rule.page())).collect::<Vec<_>>(), [true], "{name}");
        }
    }
}
