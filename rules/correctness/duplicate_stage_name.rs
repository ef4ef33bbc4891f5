//! Two stages have the same name.
//!
//! The later one hides the earlier: `COPY --from`, `--target` and every FROM behind it mean the later stage, while a FROM
//! between the two means the earlier one. Names are compared without case.
//! See <https://docs.docker.com/reference/build-checks/duplicate-stage-name/>.
//!
//! hadolint calls it DL3024 when the names are spelled alike. Its ignore comments do not silence this, because BuildKit warns all the same;
//! `# check=skip=DuplicateStageName` at the top of the file does.
//!
//! ## Examples
//!
//! ### Twice
//!
//! ```dockerfile
//! FROM golang:1.24 AS build
//! RUN go build -o /api ./cmd/api
//! FROM golang:1.24 AS Build
//! RUN go build -o /job ./cmd/job
//! FROM scratch
//! COPY --from=build /job /job
//! ```
//!
//! ```text
//! Dockerfile:3:21: warning[duplicate-stage-name] an earlier stage is called `build` as well
//! ```
//!
//! ### Two names
//!
//! ```dockerfile
//! FROM golang:1.24 AS build-api
//! FROM golang:1.24 AS build-job
//! ```

use std::collections::{HashMap, HashSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "duplicate-stage-name", also: &["buildkit:DuplicateStageName", "hadolint:DL3024"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            if project.reading(at) != Reading::Whole {
                continue;
            }
            let mut seen: HashMap<&str, Span> = HashMap::new();
            let mut spellings: HashSet<&str> = HashSet::new();
            for (stage, node) in file.tree.stages.iter().enumerate() {
                let (Some(name), Some(from)) = (node.name.as_deref(), file.from(stage)) else { continue };
                let Body::From(dockerfile::From { name: Some(word), .. }) = &from.body else { continue };
                let is_new_spelling = spellings.insert(word.as_str());
                let Some(first) = seen.insert(name, word.span()) else { continue };
                let span = file.on_first_line(from, word.span());
                let diagnostic = found
                    .add(span, format!("an earlier stage is called `{name}` as well"))
                    .label(first, "the earlier one, which nothing behind this line can name")
                    .heeds(Heeds::Nothing)
                    .known_as("buildkit:DuplicateStageName");
                if !is_new_spelling {
                    diagnostic.known_as("hadolint:DL3024");
                }
            }
        }
    }
}
