//! Services are started only when an image that they do not need has been pulled or built.
//!
//! `docker compose up --detach` for databases takes as long as their images take to arrive and the databases to start; pulling or
//! building the image under test takes as long as well. One behind the other costs the sum. Started first, the services come up while the image
//! is pulled, and `docker compose up --wait` before the tests waits for what is left.
//!
//! Not flagged: services of the pulled or built image, and `up` without names of services.
//!
//! ## Examples
//!
//! ### Databases behind the image
//!
//! ```yaml compose.test.yml
//! services:
//!   db:
//!     image: postgres:17
//!   tests:
//!     image: ghcr.io/shop/web:test
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - run: docker pull ghcr.io/shop/web:test
//!       - run: docker compose -f compose.test.yml up --detach db
//!       - run: docker compose -f compose.test.yml run --rm tests
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:14: info[serial-services] `db` could come up while `ghcr.io/shop/web:test` is pulled
//! ```
//!
//! ### Databases first
//!
//! ```yaml compose.test.yml
//! services:
//!   db:
//!     image: postgres:17
//!   tests:
//!     image: ghcr.io/shop/web:test
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - run: docker compose -f compose.test.yml up --detach db &
//!       - run: docker pull ghcr.io/shop/web:test
//!       - run: docker compose -f compose.test.yml up --wait db
//!       - run: docker compose -f compose.test.yml run --rm tests
//! ```
//!
//! ## Also tested
//!
//! ### The service of the pulled image
//!
//! ```yaml compose.yml
//! services:
//!   web:
//!     image: ghcr.io/shop/web:test
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker pull ghcr.io/shop/web:test
//!       - run: docker compose up --detach web
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "serial-services", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for job_at in 0..workflow.jobs.len() {
                let commands = project.job_containers(at, job_at);
                let up = commands.iter().find_map(|command| match &command.action {
                    ContainerAction::Up { services, detached: true, .. } if !services.is_empty() => {
                        Some((command, services))
                    }
                    _ => None,
                });
                let Some((up, services)) = up else { continue };
                let names: Vec<&str> = services.iter().filter_map(Text::as_known).collect();
                let images: Vec<String> = project
                    .composes
                    .iter()
                    .flat_map(|file| &file.services)
                    .filter(|service| names.contains(&service.name.node.as_str()))
                    .map(|service| {
                        service.image.as_ref().and_then(|image| image.value.known()).unwrap_or_default().to_owned()
                    })
                    .collect();
                // Services that are built, or whose image is not known, may be the very image.
                if names.len() < services.len() || images.len() < names.len() || images.iter().any(String::is_empty) {
                    continue;
                }
                let keys: Vec<String> = images.iter().map(|image| image_key(&Text::known(image.as_str()))).collect();
                let mut before =
                    commands.iter().filter(|command| (command.place.step, command.index) < (up.place.step, up.index));
                let pull = before.find_map(|command| match &command.action {
                    ContainerAction::Pull(image) if !keys.contains(&image_key(image)) => Some((command.span, image)),
                    _ => None,
                });
                let Some((pull, image)) = pull else { continue };
                let message = format!("`{}` could come up while `{image}` is pulled", names.join("`, `"));
                let diagnostic = found.add(up.span, message);
                diagnostic.label(pull, "pulled first");
                diagnostic.help("start them in the background before the pull, and wait with `docker compose up --wait` before the tests");
            }
        }
    }
}
