//! A stage's name is not all lower case.
//!
//! BuildKit keeps the names of stages in lower case. `COPY --from` and `--target` find `Build` however they spell it, but
//! `FROM Build` does not: it asks a registry for an image of that name, and no image has capital letters. A name in lower
//! case means the same everywhere. See <https://docs.docker.com/reference/build-checks/stage-name-casing/>.
//!
//! ## Examples
//!
//! ### Capital letters
//!
//! ```dockerfile
//! FROM alpine:3.21 AS Build
//! RUN make
//! FROM scratch
//! COPY --from=Build /out /
//! ```
//!
//! ```text
//! Dockerfile:1:21: warning[uppercase-stage-name] the name of stage `Build` is not all lower case
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//! -FROM alpine:3.21 AS Build
//! +FROM alpine:3.21 AS build
//!  RUN make
//!  FROM scratch
//!  COPY --from=Build /out /
//! ```
//!
//! ### Lower case
//!
//! ```dockerfile
//! FROM alpine:3.21 AS build-2
//! ```
//!
//! ## Also tested
//!
//! ### A name that is refused
//!
//! ```dockerfile
//! FROM alpine:3.21 AS Build$
//! ```
//!
//! ```text
//! Dockerfile:1:21: error[syntax-error] `Build$` cannot be the name of a stage
//! Dockerfile:1:21: warning[uppercase-stage-name] the name of stage `Build$` is not all lower case
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1 +1 @@
//! -FROM alpine:3.21 AS Build$
//! +FROM alpine:3.21 AS build$
//! ```
//!
//! ### Behind an instruction that is refused
//!
//! ```dockerfile
//! FROM alpine:3.21
//! EXPOSE
//! FROM alpine:3.21 AS Build
//! ```
//!
//! ```text
//! Dockerfile:2:1: error[syntax-error] EXPOSE needs at least one port
//! ```
//!
//! ### Silenced for BuildKit
//!
//! ```dockerfile
//! # check=skip=StageNameCasing on purpose
//! FROM alpine:3.21 AS Build
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "uppercase-stage-name",
        fix: Some(Safety::Safe),
        also: &["buildkit:StageNameCasing"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            let froms = project.instructions_read(at).iter().filter(|node| node.keyword == Keyword::From);
            for from in froms {
                let words = from.plain_words();
                let [_, _, name] = words.as_slice() else { continue };
                let lower = name.to_lowercase();
                if lower == name.as_str() {
                    continue;
                }
                let span = file.on_first_line(from, name.span());
                let diagnostic = found.add(span, format!("the name of stage `{name}` is not all lower case"));
                if name.is_ascii() && name.is_verbatim() {
                    let edit = Edit::replace(name.span(), lower);
                    diagnostic.fix(Fix::safe("Write the name in lower case", vec![edit]));
                }
            }
        }
    }
}
