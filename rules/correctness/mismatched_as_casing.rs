//! FROM and AS are written in different cases.
//!
//! Keywords have no case, so this is only about reading: in `FROM image as name` the small word drowns between image and
//! name. See <https://docs.docker.com/reference/build-checks/from-as-casing/>.
//!
//! A FROM in mixed case is not flagged here: `inconsistent-instruction-casing` speaks of it.
//!
//! ## Examples
//!
//! ### AS in lower case
//!
//! ```dockerfile
//! FROM alpine:3.21 as build
//! ```
//!
//! ```text
//! Dockerfile:1:18: info[mismatched-as-casing] `as` is not in the same case as `FROM`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1 +1 @@
//! -FROM alpine:3.21 as build
//! +FROM alpine:3.21 AS build
//! ```
//!
//! ### AS in upper case
//!
//! ```dockerfile
//! from alpine:3.21 AS build
//! ```
//!
//! ```text
//! Dockerfile:1:18: info[mismatched-as-casing] `AS` is not in the same case as `from`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1 +1 @@
//! -from alpine:3.21 AS build
//! +from alpine:3.21 as build
//! ```
//!
//! ### The same case
//!
//! ```dockerfile
//! FROM alpine:3.21 AS build
//! ```
//!
//! ## Also tested
//!
//! ### Mixed case
//!
//! ```dockerfile
//! From alpine:3.21 as build
//! ```
//!
//! ### Two lines
//!
//! ```dockerfile
//! FROM alpine:3.21 \
//!   as build
//! ```
//!
//! ```text
//! Dockerfile:1:1: info[mismatched-as-casing] `as` is not in the same case as `FROM`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.21 \
//! -  as build
//! +  AS build
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "mismatched-as-casing",
        severity: Severity::Info,
        fix: Some(Safety::Safe),
        also: &["buildkit:FromAsCasing"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            let froms = project.instructions_read(at).iter().filter(|node| node.keyword == Keyword::From);
            for from in froms {
                let words = from.plain_words();
                let [_, word, _, ..] = words.as_slice() else { continue };
                let keyword = from.word.as_str();
                let wanted = match keyword {
                    _ if keyword == keyword.to_lowercase() => word.to_lowercase(),
                    _ if keyword == keyword.to_uppercase() => word.to_uppercase(),
                    _ => continue,
                };
                if wanted == word.as_str() {
                    continue;
                }
                let span = file.on_first_line(from, word.span());
                let diagnostic = found.add(span, format!("`{word}` is not in the same case as `{keyword}`"));
                if word.is_ascii() && word.is_verbatim() {
                    let title = format!("Write `{wanted}`");
                    diagnostic.fix(Fix::safe(title, vec![Edit::replace(word.span(), wanted)]));
                }
            }
        }
    }
}
