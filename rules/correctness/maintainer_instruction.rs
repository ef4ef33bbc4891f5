//! MAINTAINER is used, which is deprecated since 2017.
//!
//! It sets a field of the image that few tools show. A label does the same, can be set together with others, and
//! `org.opencontainers.image.authors` is its standard name.
//! See <https://docs.docker.com/reference/build-checks/maintainer-deprecated/>.
//!
//! hadolint calls it DL4000. Its ignore comments do not silence this, because BuildKit warns all the same; `# check=skip=MaintainerDeprecated`
//! does.
//!
//! ## Examples
//!
//! ### The old way
//!
//! ```dockerfile
//! FROM debian:12
//! MAINTAINER Jane Doe <jane@example.com>
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[maintainer-instruction] MAINTAINER is deprecated
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM debian:12
//! -MAINTAINER Jane Doe <jane@example.com>
//! +LABEL org.opencontainers.image.authors="Jane Doe <jane@example.com>"
//! ```
//!
//! ### A label
//!
//! ```dockerfile
//! FROM debian:12
//! LABEL org.opencontainers.image.authors="Jane Doe <jane@example.com>"
//! ```
//!
//! ## Also tested
//!
//! ### Quotes and what a label would expand
//!
//! ```dockerfile
//! # escape=`
//! FROM debian:12
//! maintainer "Jane"
//! MAINTAINER A "B" $C \D `E
//! ```
//!
//! ```text
//! Dockerfile:3:1: warning[maintainer-instruction] MAINTAINER is deprecated
//! Dockerfile:4:1: warning[maintainer-instruction] MAINTAINER is deprecated
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  # escape=`
//!  FROM debian:12
//! -maintainer "Jane"
//! -MAINTAINER A "B" $C \D `E
//! +label org.opencontainers.image.authors="Jane"
//! +LABEL org.opencontainers.image.authors="A `"B`" `$C \D ``E"
//! ```
//!
//! ### An ignore comment for hadolint is none for BuildKit
//!
//! ```dockerfile
//! FROM debian:12
//! # hadolint ignore=DL4000
//! MAINTAINER Jane \
//!   Doe
//! # check=skip=MaintainerDeprecated
//! MAINTAINER Jane
//! ```
//!
//! ```text
//! Dockerfile:3:1: warning[maintainer-instruction] MAINTAINER is deprecated
//! ```
//!
//! ### Two lines
//!
//! ```dockerfile
//! FROM debian:12
//! MAINTAINER Jane \
//!   Doe
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[maintainer-instruction] MAINTAINER is deprecated
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "maintainer-instruction",
        fix: Some(Safety::Safe),
        also: &["buildkit:MaintainerDeprecated", "hadolint:DL4000"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            for node in project.instructions_read(at).iter().filter(|node| node.keyword == Keyword::Maintainer) {
                let span = file.on_first_line(node, node.word.span());
                let diagnostic = found
                    .add(span, "MAINTAINER is deprecated")
                    .help("use the label `org.opencontainers.image.authors`");
                let Body::Maintainer(author) = &node.body else { continue };
                if !author.is_verbatim() || !node.word.is_verbatim() || !node.flags.is_empty() {
                    continue;
                }
                let keyword = if node.word.as_str() == node.word.to_lowercase() { "label" } else { "LABEL" };
                let escape = file.tree.escape;
                let unquoted = author.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                let mut value = String::new();
                for c in unquoted.filter(|text| !text.contains('"')).unwrap_or(author).chars() {
                    if c == '"' || c == '$' || c == escape {
                        value.push(escape);
                    }
                    value.push(c);
                }
                let edits = vec![
                    Edit::replace(node.word.span(), keyword),
                    Edit::replace(author.span(), format!("org.opencontainers.image.authors=\"{value}\"")),
                ];
                diagnostic.fix(Fix::safe("Use a label", edits));
            }
        }
    }
}
