//! A database that lives as long as a job writes its data to the disk.
//!
//! PostgreSQL, MySQL and MariaDB wait at each commit until the disk has it. A service of a job is thrown away with the job, so its data may as
//! well lie in memory: `--tmpfs` with the data directory, in the service's `options`, or `fsync` switched off
//! (<https://www.postgresql.org/docs/current/non-durability.html>).
//!
//! How much that saves depends on how often the tests commit: this is a hint, and has low confidence. A database in memory needs room there,
//! and tests of what survives a crash need the disk.
//!
//! Not flagged: services with a tmpfs, a volume or other settings of that kind.
//!
//! ## Examples
//!
//! ### On the disk
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     services:
//!       database:
//!         image: postgres:17
//!         env:
//!           POSTGRES_PASSWORD: test
//!         options: --health-cmd pg_isready
//!     steps:
//!       - run: make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:16: info[durable-test-database] the database `database` waits for the disk at each commit
//! ```
//!
//! ### In memory
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     services:
//!       database:
//!         image: postgres:17
//!         env:
//!           POSTGRES_PASSWORD: test
//!         options: --health-cmd pg_isready --tmpfs /var/lib/postgresql/data
//!     steps:
//!       - run: make test
//! ```
//!
//! ## Also tested
//!
//! ### Another image, a volume, an image that is not known
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     services:
//!       cache:
//!         image: redis:8
//!       data:
//!         image: mysql:9
//!         volumes: ["/data:/var/lib/mysql"]
//!       matrix:
//!         image: ${{ matrix.database }}
//!     steps:
//!       - run: make test
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "durable-test-database", severity: Severity::Info, confidence: Confidence::Low, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let jobs = project.workflows.iter().flat_map(|workflow| &workflow.jobs);
        for service in jobs.flat_map(|job| &job.services) {
            let Some(image) = &service.image else { continue };
            let Some(folder) = image.known().and_then(data_folder) else { continue };
            let options = service.options.as_ref().map_or("", |options| options.value.text.as_str());
            let set = ["tmpfs", "fsync", "mount", "-v ", "flush"].iter().any(|word| options.contains(word));
            if set || !service.volumes.is_empty() {
                continue;
            }
            let message = format!("the database `{}` waits for the disk at each commit", service.name.node);
            let diagnostic = found.add(image.span, message);
            diagnostic.help(format!("`options: --tmpfs {folder}` keeps its data in memory, where the job needs it"));
        }
    }
}

/// Where a database of that image has its data.
fn data_folder(image: &str) -> Option<&'static str> {
    let image = ImageRef::parse(image).ok()?;
    match image.familiar_name().as_str() {
        // The data moved up in version 18.
        "postgres" | "postgis/postgis" => {
            let major = image.tag.as_deref()?.split(['.', '-']).next()?.parse::<u32>().ok()?;
            Some(if major < 18 { "/var/lib/postgresql/data" } else { "/var/lib/postgresql" })
        }
        "mysql" | "mariadb" | "percona" => Some("/var/lib/mysql"),
        _ => None,
    }
}
