//! PostgreSQL runs on another C library in one compose file than in the other.
//!
//! The `alpine` images of PostgreSQL stand on musl, the others on glibc. Collations of the C library differ between the two: the order
//! of text, and with it `ORDER BY`, `LIKE` with an index, and unique indexes on text, may give other results in tests than in
//! production, and a data directory that one has written is corrupt for the other. See <https://wiki.postgresql.org/wiki/Locale_data_changes>.
//!
//! Use one image in both. The time until it is ready is that of `initdb` and of the first health check, not of the image's size: a
//! `tmpfs` for the data and `start_interval` for the check make it come up sooner.
//!
//! Found are compose files and jobs of workflows that use one repository and one major version, here with and there without `alpine` in
//! the tag. Not flagged: files that use both, which have two databases, and databases that are set up with a collation of their own
//! (`POSTGRES_INITDB_ARGS` with `--locale-provider`, `--locale=C` or `--no-locale`).
//!
//! ## Examples
//!
//! ### Smaller in tests
//!
//! ```yaml compose.yaml
//! services:
//!   postgres:
//!     image: postgres:17
//! ```
//!
//! ```yaml compose.test.yaml
//! services:
//!   postgres:
//!     image: postgres:17-alpine
//! ```
//!
//! ```text
//! compose.test.yaml:3:12: info[other-collation-in-tests] postgres 17 stands on musl here and on glibc elsewhere: text may be sorted in another order
//! ```
//!
//! ### The same
//!
//! ```yaml compose.yaml
//! services:
//!   postgres:
//!     image: postgres:17
//!   cache:
//!     image: redis:8
//! ```
//!
//! ```yaml compose.test.yaml
//! services:
//!   postgres:
//!     image: postgres:17
//!     tmpfs: [/var/lib/postgresql]
//!   cache:
//!     image: redis:8-alpine
//! ```
//!
//! ## Also tested
//!
//! ### In a job, and with a collation of its own
//!
//! ```yaml compose.yaml
//! services:
//!   postgres:
//!     image: postgres:17.4-bookworm
//!   other:
//!     image: postgres:17-alpine
//!     environment:
//!       POSTGRES_INITDB_ARGS: --no-locale
//! ```
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     services:
//!       postgres:
//!         image: postgres:17-alpine3.22
//!     steps:
//!       - run: pytest
//! ```
//!
//! ```text
//! .github/workflows/test.yml:7:16: info[other-collation-in-tests] postgres 17 stands on musl here and on glibc elsewhere: text may be sorted in another order
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Images whose tags say on what C library PostgreSQL stands.
const REPOSITORIES: &[&str] =
    &["postgres", "library/postgres", "postgis/postgis", "timescale/timescaledb", "pgvector/pgvector"];

impl Check for Rule {
    const META: Meta = Meta { id: "other-collation-in-tests", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        // By repository and major version: places with and without `alpine`.
        let mut uses: BTreeMap<(String, String), [Vec<Span>; 2]> = BTreeMap::new();
        let mut add = |image: &str, span: Span| {
            let Some((repository, tag)) = image.rsplit_once(':') else { return };
            let repository = repository.trim_start_matches("docker.io/");
            let tag = tag.split('@').next().unwrap_or_default();
            let major: String = tag.chars().take_while(char::is_ascii_digit).collect();
            if REPOSITORIES.contains(&repository) && !major.is_empty() {
                let places = uses.entry((repository.to_owned(), major)).or_default();
                places[usize::from(tag.contains("alpine"))].push(span);
            }
        };
        for service in project.composes.iter().flat_map(|file| &file.services) {
            let is_own = service.environment.iter().any(|set| {
                set.name.node == "POSTGRES_INITDB_ARGS"
                    && set.value.as_ref().is_some_and(|value| {
                        let text = value.text(&|_| compose::Variable::Unknown).to_string();
                        text.contains("--locale") || text.contains("--no-locale")
                    })
            });
            let image = service.image.as_ref().filter(|_| !is_own);
            let text = image.map(|image| image.value.text(&|_| compose::Variable::Unknown));
            if let (Some(image), Some(Some(text))) = (image, text.as_ref().map(Text::as_known)) {
                add(text, image.value.span);
            }
        }
        for job in project.workflows.iter().flat_map(|workflow| &workflow.jobs) {
            for service in &job.services {
                let image = service.image.as_ref();
                if let Some((text, image)) = image.and_then(|image| Some((image.known()?, image))) {
                    add(text, image.span);
                }
            }
        }
        for ((repository, major), [others, alpine]) in uses {
            let (Some(other), [first, ..]) = (others.first(), alpine.as_slice()) else { continue };
            // A file with both has two databases.
            if others.iter().any(|other| alpine.iter().any(|span| span.file == other.file)) {
                continue;
            }
            let message = format!(
                "{repository} {major} stands on musl here and on glibc elsewhere: text may be sorted in another order"
            );
            let diagnostic = found.add(*first, message);
            diagnostic.label(*other, "without `alpine`");
            diagnostic.help("use one image in both; it comes up sooner with its data on a `tmpfs` and a `start_interval` for the check");
        }
    }
}
