//! The comment above a stage or an ARG does not begin with its name.
//!
//! `docker build --call=outline` and `--call=targets` show the comment above an ARG or a named stage as its description, if it
//! begins with the name: `# VERSION of the app`. Any other comment right above is taken for a slip.
//! See <https://docs.docker.com/reference/build-checks/invalid-definition-description/>.
//!
//! The check is experimental and silent unless it is asked for, by `# check=experimental=InvalidDefinitionDescription`, by
//! `--experimental`, or by `--check`. An empty comment line (`#`) parts a comment from what follows; an empty line does not. As
//! with BuildKit, `skip` does not silence it.
//!
//! ## Examples
//!
//! ### Other words
//!
//! ```dockerfile
//! # check=experimental=InvalidDefinitionDescription
//! # The version of the base
//! ARG VERSION=3.21
//! # Builds everything
//! FROM alpine:$VERSION AS build
//! ```
//!
//! ```text
//! Dockerfile:3:1: info[misnamed-description] the comment above this ARG does not begin with `VERSION`
//! Dockerfile:5:1: info[misnamed-description] the comment above this stage does not begin with `build`
//! ```
//!
//! ### Names first
//!
//! ```dockerfile
//! # check=experimental=all
//! # VERSION of the base
//! ARG VERSION=3.21
//! # build makes everything
//! FROM alpine:$VERSION AS Build
//! # about what follows
//! #
//! ARG A B
//! ```
//!
//! ### Not asked for
//!
//! ```dockerfile
//! # The version of the base
//! ARG VERSION=3.21
//! FROM alpine:$VERSION
//! ```
//!
//! ## Also tested
//!
//! ### Several names, an empty line, and a comment that asks for it
//!
//! ```dockerfile
//! # B is fine
//!
//! ARG A B
//! FROM alpine:3.21
//! # check=experimental=all
//! # C is not
//!
//! ARG A B
//! ```
//!
//! ```text
//! Dockerfile:8:1: info[misnamed-description] the comment above this ARG does not begin with `A` or `B`
//! ```

use bakelint_core::prelude::*;

/// BuildKit's name of the check.
const CHECK: &str = "InvalidDefinitionDescription";

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "misnamed-description",
        severity: Severity::Info,
        also: &["buildkit:InvalidDefinitionDescription"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            let all = project.check_options(at).is_ok_and(|options| options.enables(CHECK));
            for (index, node) in project.instructions_read(at).iter().enumerate() {
                let asked = || file.tree.check_comment(node).is_some_and(|(_, options)| options.enables(CHECK));
                let (what, names) = match &node.body {
                    Body::From(dockerfile::From { name: Some(name), .. }) => ("this stage", vec![name.to_lowercase()]),
                    Body::Arg(pairs) => ("this ARG", pairs.iter().map(|pair| pair.name.to_string()).collect()),
                    _ => continue,
                };
                let comments = file.tree.comments.get(node.comments.clone()).unwrap_or_default();
                let Some(comment) = comments.last() else { continue };
                let word = comment.text.split(' ').next().unwrap_or_default();
                if !(all || asked())
                    || names.iter().any(|name| name == word)
                    || project.reading(at) == Reading::Instructions(index)
                {
                    continue;
                }
                let name = names.join("` or `");
                found
                    .add(
                        file.on_first_line(node, node.word.span()),
                        format!("the comment above {what} does not begin with `{name}`"),
                    )
                    .label(comment.span, "taken for its description")
                    .help("write the name first, or part the two by an empty comment line, `#`")
                    .heeds(Heeds::Nothing);
            }
        }
    }
}
