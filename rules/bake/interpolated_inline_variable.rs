//! Bake puts its own value where an inline Dockerfile means its own variable.
//!
//! `${VAR}` in `dockerfile-inline` is bake's: it is replaced before BuildKit sees the text, by the bake variable of that name if there is
//! one, and else bake fails. A variable of the Dockerfile is written `$${VAR}`, or `$VAR` (docker/buildx#2305, docker/buildx#2613).
//!
//! Flagged are names that the inline text itself declares with ARG or ENV.
//!
//! ## Examples
//!
//! ### Replaced too early
//!
//! ```hcl
//! variable "VERSION" {
//!   default = "1"
//! }
//!
//! target "web" {
//!   dockerfile-inline = <<EOT
//! FROM alpine
//! ARG VERSION
//! RUN echo ${VERSION}
//! EOT
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:9:12: warning[interpolated-inline-variable] bake replaces `${VERSION}` before the ARG or ENV of that name counts
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -6,6 +6,6 @@
//!    dockerfile-inline = <<EOT
//!  FROM alpine
//!  ARG VERSION
//! -RUN echo ${VERSION}
//! +RUN echo $${VERSION}
//!  EOT
//!  }
//! ```
//!
//! ### Left to the Dockerfile, and meant for bake
//!
//! ```hcl
//! variable "BASE" {
//!   default = "alpine"
//! }
//!
//! target "web" {
//!   dockerfile-inline = <<EOT
//! FROM ${BASE}
//! ARG VERSION
//! RUN echo $${VERSION} $VERSION
//! EOT
//! }
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "interpolated-inline-variable", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for block in bake.definition.targets().filter(|block| !block.block.body.json) {
                let Some(inline) = block.attribute("dockerfile-inline") else { continue };
                let hcl::ExprKind::Template(template) = &inline.kind else { continue };
                let text = project.snapshot.get(inline.span.file).map_or("", |file| file.slice(inline.span));
                for part in &template.parts {
                    let Some(name) = part.keyword().filter(|name| declares(text, name)) else { continue };
                    let source = project.text(part.span.file);
                    // The part is the name; the braces stand around it.
                    let Some(open) = source.get(..part.span.start as usize).and_then(|before| before.rfind("${"))
                    else {
                        continue;
                    };
                    if !seen.insert(part.span) {
                        continue;
                    }
                    let message = format!("bake replaces `${{{name}}}` before the ARG or ENV of that name counts");
                    let diagnostic = found.add(part.span, message);
                    diagnostic.help(format!("`$${{{name}}}` leaves it to the Dockerfile"));
                    let edit = Edit::insert(Span::at(part.span.file, open), "$");
                    diagnostic.fix(Fix::unsafe_(format!("Leave `{name}` to the Dockerfile"), vec![edit]));
                }
            }
        }
    }
}

/// Whether an ARG or ENV of a Dockerfile's text declares the name.
fn declares(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line.split_whitespace();
        let keyword = words.next().unwrap_or_default();
        let declares = keyword.eq_ignore_ascii_case("ARG") || keyword.eq_ignore_ascii_case("ENV");
        declares && words.any(|word| word.split('=').next() == Some(name))
    })
}
