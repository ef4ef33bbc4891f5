//! The protocol of an exposed port is not in lower case.
//!
//! `EXPOSE 53/UDP` means `53/udp`, which is how every tool writes it and what the image says in the end.
//! See <https://docs.docker.com/reference/build-checks/expose-proto-casing/>.
//!
//! ## Examples
//!
//! ### Capital letters
//!
//! ```dockerfile
//! FROM alpine:3.21
//! EXPOSE 53/UDP 53/tcp
//! ```
//!
//! ```text
//! Dockerfile:2:8: info[uppercase-expose-protocol] the protocol of `53/UDP` is not in lower case
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.21
//! -EXPOSE 53/UDP 53/tcp
//! +EXPOSE 53/udp 53/tcp
//! ```
//!
//! ### Lower case
//!
//! ```dockerfile
//! FROM alpine:3.21
//! EXPOSE 53/udp 80/
//! ```
//!
//! ## Also tested
//!
//! ### Out of a variable
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG PORTS="80/Tcp 81"
//! EXPOSE $PORTS \
//!   82/SCTP
//! ```
//!
//! ```text
//! Dockerfile:3:1: info[uppercase-expose-protocol] the protocol of `82/SCTP` is not in lower case
//! Dockerfile:3:8: info[uppercase-expose-protocol] the protocol of `80/Tcp` is not in lower case
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM alpine:3.21
//!  ARG PORTS="80/Tcp 81"
//!  EXPOSE $PORTS \
//! -  82/SCTP
//! +  82/sctp
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "uppercase-expose-protocol",
        severity: Severity::Info,
        fix: Some(Safety::Safe),
        also: &["buildkit:ExposeProtoCasing"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, step) in evaluation.steps() {
                let Effect::Expose(ports) = &step.effect else { continue };
                for exposed in ports {
                    let protocol = &exposed.protocol;
                    let lower = protocol.to_lowercase();
                    if lower == *protocol {
                        continue;
                    }
                    let (span, heeds) = evaluation.place(file, stage, step, exposed.span);
                    let message = format!("the protocol of `{}` is not in lower case", exposed.raw);
                    let diagnostic = found.add(span, message).heeds(heeds);
                    if exposed.literal && protocol.is_ascii() {
                        let start = exposed.span.end as usize - protocol.len();
                        let place = Span::new(file.file, start..exposed.span.end as usize);
                        diagnostic.fix(Fix::safe(format!("Write `{lower}`"), vec![Edit::replace(place, lower)]));
                    }
                }
            }
        }
    }
}
