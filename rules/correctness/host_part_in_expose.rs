//! EXPOSE names an address or a port of the host.
//!
//! EXPOSE only notes which ports a container listens on; it maps none. In `EXPOSE 8080:80` the `8080` has no effect, and BuildKit says that
//! it will become an error. Use `docker run -p` or `ports:` in a compose file to map.
//! See <https://docs.docker.com/reference/build-checks/expose-invalid-format/>.
//!
//! ## Examples
//!
//! ### A mapping
//!
//! ```dockerfile
//! FROM alpine:3.21
//! EXPOSE 8080:80 127.0.0.1:53:53/udp
//! ```
//!
//! ```text
//! Dockerfile:2:8: warning[host-part-in-expose] EXPOSE maps no port, so the first part of `8080:80` has no effect
//! Dockerfile:2:16: warning[host-part-in-expose] EXPOSE maps no port, so the first part of `127.0.0.1:53:53/udp` has no effect
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.21
//! -EXPOSE 8080:80 127.0.0.1:53:53/udp
//! +EXPOSE 80 53/udp
//! ```
//!
//! ### A port
//!
//! ```dockerfile
//! FROM alpine:3.21
//! EXPOSE 80 8000-8010/tcp
//! ```
//!
//! ## Also tested
//!
//! ### Out of a variable
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ENV PORT=80
//! EXPOSE 8080:$PORT [::1]:81:81
//! ```
//!
//! ```text
//! Dockerfile:3:8: warning[host-part-in-expose] EXPOSE maps no port, so the first part of `8080:80` has no effect
//! Dockerfile:3:19: warning[host-part-in-expose] EXPOSE maps no port, so the first part of `[::1]:81:81` has no effect
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM alpine:3.21
//!  ENV PORT=80
//! -EXPOSE 8080:$PORT [::1]:81:81
//! +EXPOSE 8080:$PORT 81
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "host-part-in-expose",
        fix: Some(Safety::Safe),
        also: &["buildkit:ExposeInvalidFormat"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, step) in evaluation.steps() {
                let Effect::Expose(ports) = &step.effect else { continue };
                for exposed in ports {
                    if !exposed.is_mapping {
                        continue;
                    }
                    let (span, heeds) = evaluation.place(file, stage, step, exposed.span);
                    let diagnostic = found
                        .add(span, format!("EXPOSE maps no port, so the first part of `{}` has no effect", exposed.raw))
                        .heeds(heeds);
                    if let Some(colon) = exposed.raw.rfind(':').filter(|_| exposed.literal) {
                        let start = exposed.span.start as usize;
                        let edit = Edit::delete(Span::new(file.file, start..start + colon + 1));
                        diagnostic.fix(Fix::safe("Keep only the port of the container", vec![edit]));
                    }
                }
            }
        }
    }
}
