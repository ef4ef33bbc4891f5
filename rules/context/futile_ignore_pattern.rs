//! A pattern of an ignore file does nothing.
//!
//! Three mistakes, all silent:
//!
//! - a comment behind a pattern. Only a line that *begins* with `#` is a comment; `node_modules # big` ignores a file of that name;
//! - an exception, `!docs/api.md`, where no pattern above it leaves out what it brings back;
//! - a pattern that an exception for the same thing, further down, takes back: the last one that matches decides
//!   (<https://docs.docker.com/build/concepts/context/#dockerignore-files>).
//!
//! Not flagged: exceptions below patterns with wild cards that may match them, and patterns for files that are not there, which a build or a
//! tool may write.
//!
//! ## Examples
//!
//! ### All three
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY . /src
//! ```
//!
//! ```text .dockerignore
//! node_modules # installed in the image
//! dist
//! coverage
//! !dist
//! !docs/api.md
//! ```
//!
//! ```text
//! .dockerignore:1:1: warning[futile-ignore-pattern] what stands behind `#` is part of the pattern
//! .dockerignore:2:1: warning[futile-ignore-pattern] `dist` is taken back further down
//! .dockerignore:5:1: warning[futile-ignore-pattern] `!docs/api.md` is an exception from nothing
//! ```
//!
//! ```diff
//! --- a/.dockerignore
//! +++ b/.dockerignore
//! @@ -1,4 +1,5 @@
//! -node_modules # installed in the image
//! +# installed in the image
//! +node_modules
//!  dist
//!  coverage
//!  !dist
//! ```
//!
//! ### Exceptions from something
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY . /src
//! ```
//!
//! ```text .dockerignore
//! # Installed in the image.
//! node_modules
//! docs
//! !docs/api.md
//! **/*.txt
//! !notes
//! ```
//!
//! ## Also tested
//!
//! ### Everything, parents, names with a hash
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY . /src
//! ```
//!
//! ```text .dockerignore
//! *
//! !src
//! src/#recycle
//! src/tmp
//! !src/tmp/keep
//! src/tmp
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "futile-ignore-pattern", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<FileId> = Vec::new();
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for file in project.builds_of(at).filter_map(|build| project.ignore_file(build, dockerfile)) {
                if !seen.contains(&file) {
                    seen.push(file);
                    check_file(file, project.text(file), found);
                }
            }
        }
    }
}

fn check_file(file: FileId, text: &str, found: &mut Findings) {
    let (ignore, _) = dockerignore::parse(file, text);
    let patterns = ignore.patterns();
    for (at, pattern) in patterns.iter().enumerate() {
        let written = text.get(pattern.span.start as usize..pattern.span.end as usize).unwrap_or_default();
        if let Some(comment) = comment(written) {
            let diagnostic = found.add(pattern.span, "what stands behind `#` is part of the pattern");
            diagnostic.help("a comment has to stand on a line of its own");
            let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let lines = format!("{}{eol}{}", &written[comment..], written[..comment].trim_end());
            diagnostic.fix(Fix::unsafe_("Put the comment above the pattern", vec![Edit::replace(pattern.span, lines)]));
        } else if pattern.negated {
            if !patterns[..at].iter().any(|earlier| !earlier.negated && may_meet(&earlier.text, &pattern.text)) {
                let diagnostic = found.add(pattern.span, format!("`{written}` is an exception from nothing"));
                diagnostic.help("no pattern above it leaves that out");
            }
        } else if let Some(later) =
            patterns[at + 1..].iter().find(|later| later.text == pattern.text).filter(|later| later.negated)
            && !patterns[at + 1..].iter().take_while(|next| next.span != later.span).any(|next| next.negated)
        {
            let diagnostic = found.add(pattern.span, format!("`{written}` is taken back further down"));
            diagnostic.label(later.span, "the last one that matches decides");
        }
    }
}

/// Where a comment begins that was meant as one.
fn comment(written: &str) -> Option<usize> {
    let at = written.find('#').filter(|at| *at > 0)?;
    let before = written[..at].ends_with([' ', '\t']);
    let behind = written[at + 1..].starts_with([' ', '\t']) || written[at + 1..].is_empty();
    (before && behind).then_some(at)
}

/// Whether some path may match both patterns, or lie below what they match.
fn may_meet(one: &str, two: &str) -> bool {
    let is_open = |text: &str| text.contains(['*', '?', '[', '\\']);
    let below = |inner: &str, outer: &str| {
        inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')) || outer.is_empty()
    };
    is_open(one) || is_open(two) || below(one, two) || below(two, one) || one == "."
}
