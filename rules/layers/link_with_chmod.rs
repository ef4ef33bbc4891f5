//! `COPY --link` has a `--chmod`, which switches `--link` off.
//!
//! A linked copy is a layer of its own: it stays as it is when the layers below it change. BuildKit makes one only without
//! `--chmod` (`frontend/dockerfile/dockerfile2llb/convert_copy.go` asks for `cfg.link && cfg.chmod == ""`); with it the copy is an
//! ordinary one that is made anew, and the file looks as if it were not.
//!
//! Give the files their mode where they are made: in the repository, or with a `RUN chmod` in the stage that they are copied from.
//! Or drop `--link`, which does nothing here; the patch does that.
//!
//! ## Examples
//!
//! ### Both
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY --link --chmod=0755 entrypoint.sh /
//! ```
//!
//! ```text
//! Dockerfile:2:6: info[link-with-chmod] `--link` does nothing next to `--chmod`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.22
//! -COPY --link --chmod=0755 entrypoint.sh /
//! +COPY --chmod=0755 entrypoint.sh /
//! ```
//!
//! ### One of them
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY --link --chown=10:10 entrypoint.sh /
//! COPY --chmod=0755 entrypoint.sh /other.sh
//! ADD --link https://example.com/a /a
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "link-with-chmod", severity: Severity::Info, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for dockerfile in &project.dockerfiles {
            for (index, instruction) in dockerfile.instructions() {
                let (Body::Copy(copy) | Body::Add(copy)) = &instruction.body else { continue };
                let (Some(link), Some(chmod)) = (instruction.flag("link"), instruction.flag("chmod")) else { continue };
                if !copy.link {
                    continue;
                }
                let message = "`--link` does nothing next to `--chmod`";
                let diagnostic = found.add_at(dockerfile, index, link.span, "here", message);
                diagnostic.label(chmod.span, "switches it off");
                diagnostic.help("give the files their mode before they are copied, or drop `--link`");
                let edit = dockerfile.tree.remove_word(dockerfile.source.text(), link.span);
                diagnostic.fix(Fix::safe("Drop `--link`", vec![edit]));
            }
        }
    }
}
