//! Something waits for a service whose first health check comes late.
//!
//! Docker checks a container for the first time when `interval` has passed, 30 seconds unless it is set
//! (<https://docs.docker.com/reference/dockerfile/#healthcheck>). A database that is ready after two seconds is waited for until
//! then, in every run, by `depends_on` with `service_healthy`, by `docker compose up --wait`, and by GitHub before the first step of
//! a job with `services`. Within a `start_period`, checks come every `start_interval` and failures do not count.
//! Docker Engine has `start_interval` since 25; GitHub's runners have newer ones.
//!
//! Not flagged: services that nothing waits for, intervals below `min-seconds`, and compose files that are neither called after tests nor
//! used by a workflow.
//!
//! ## Examples
//!
//! ### Thirty seconds before anybody looks
//!
//! ```yaml compose.test.yml
//! services:
//!   web:
//!     image: shop/web
//!     depends_on:
//!       db:
//!         condition: service_healthy
//!   db:
//!     image: postgres:17
//!     healthcheck:
//!       test: pg_isready
//!       retries: 5
//! ```
//!
//! ```text
//! compose.test.yml:7:3: info[slow-health-probe] `db` is not looked at before 30 seconds have passed, ready or not
//! ```
//!
//! ```diff
//! --- a/compose.test.yml
//! +++ b/compose.test.yml
//! @@ -9,3 +9,5 @@
//!      healthcheck:
//!        test: pg_isready
//!        retries: 5
//! +      start_period: 60s
//! +      start_interval: 1s
//! ```
//!
//! ### A look every second at first
//!
//! ```yaml compose.test.yml
//! services:
//!   web:
//!     image: shop/web
//!     depends_on:
//!       db:
//!         condition: service_healthy
//!   db:
//!     image: postgres:17
//!     healthcheck:
//!       test: pg_isready
//!       start_period: 60s
//!       start_interval: 1s
//! ```
//!
//! ## Also tested
//!
//! ### A service of a job
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     services:
//!       db:
//!         image: postgres:17
//!         options: >-
//!           --health-cmd pg_isready
//!           --health-interval 10s
//!           --health-retries 5
//!       cache:
//!         image: redis:8
//!         options: --health-cmd "redis-cli ping" --health-interval 2s
//!     steps:
//!       - run: make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:29: info[slow-health-probe] `db` is not looked at before 10 seconds have passed, ready or not
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -7,7 +7,7 @@
//!          image: postgres:17
//!          options: >-
//!            --health-cmd pg_isready
//! -          --health-interval 10s
//! +          --health-interval 10s --health-start-period 60s --health-start-interval 1s
//!            --health-retries 5
//!        cache:
//!          image: redis:8
//! ```
//!
//! ### Waited for on the command line, and not waited for
//!
//! ```yaml compose.yml
//! services:
//!   db:
//!     image: postgres:17
//!     healthcheck: {test: pg_isready, interval: 20s}
//! ```
//!
//! ```yaml compose.dev.yml
//! services:
//!   db:
//!     image: postgres:17
//!     healthcheck:
//!       test: pg_isready
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker compose up --wait
//! ```
//!
//! ```text
//! compose.yml:4:47: info[slow-health-probe] `db` is not looked at before 20 seconds have passed, ready or not
//! ```
//!
//! ```diff
//! --- a/compose.yml
//! +++ b/compose.yml
//! @@ -1,4 +1,4 @@
//!  services:
//!    db:
//!      image: postgres:17
//! -    healthcheck: {test: pg_isready, interval: 20s}
//! +    healthcheck: {test: pg_isready, interval: 20s, start_period: 60s, start_interval: 1s}
//! ```

use bakelint_core::prelude::*;

/// Options.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The shortest time before the first check that is reported, in seconds.
    pub min_seconds: u32,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { min_seconds: 10 }
    }
}

/// What the fix sets for the time in which a service starts.
const START: &str = "start_period: 60s\nstart_interval: 1s";

impl Check for Rule {
    const META: Meta =
        Meta { id: "slow-health-probe", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for file in &project.composes {
            for service in &file.services {
                self.service(project, file, service, found);
            }
        }
        for job in project.workflows.iter().flat_map(|workflow| &workflow.jobs) {
            for service in &job.services {
                self.job_service(service, found);
            }
        }
    }
}

impl Rule {
    fn service(&self, project: &Project, file: &Compose, service: &compose::Service, found: &mut Findings) {
        let Some(check) = service.healthcheck.as_ref().filter(|check| check.test.is_some()) else { return };
        if check.start_interval.is_some() || check.disable.is_some() {
            return;
        }
        let seconds = match &check.interval {
            None => 30.0,
            Some(interval) => match interval.value.seconds() {
                Some(seconds) => seconds,
                None => return,
            },
        };
        if seconds < f64::from(self.min_seconds) {
            return;
        }
        let depends = file.services.iter().flat_map(|other| &other.depends_on).find(|dependency| {
            let condition = dependency.condition.as_ref().and_then(compose::Scalar::known);
            dependency.service.node == service.name.node && condition == Some("service_healthy")
        });
        let path = project.path(file.file);
        if !is_for_tests(project, path) {
            return;
        }
        let waiter = depends.map(|dependency| (dependency.service.span, "waits until it is healthy")).or_else(|| {
            project.container_commands().iter().find_map(|command| match &command.action {
                ContainerAction::Up { waits: true, services, .. } => {
                    let own =
                        services.is_empty() || services.iter().any(|name| name.as_known() == Some(&service.name.node));
                    (own && names_file(project, command, path)).then_some((command.span, "waits until it is healthy"))
                }
                _ => None,
            })
        });
        let Some((waiter, words)) = waiter else { return };
        let place = check.interval.as_ref().map_or(service.name.span, |interval| interval.value.span);
        let diagnostic = found.add(
            place,
            format!("`{}` is not looked at before {seconds} seconds have passed, ready or not", service.name.node),
        );
        diagnostic.label(waiter, words);
        diagnostic
            .help("set `start_period` and `start_interval: 1s`, so that it is looked at every second while it starts");
        let edits = file.add_to_healthcheck(
            project.text(file.file),
            check,
            if check.start_period.is_some() { "start_interval: 1s" } else { START },
        );
        if let Some(edits) = edits {
            diagnostic.fix(Fix::unsafe_("Look at it every second while it starts", edits));
        }
    }

    fn job_service(&self, service: &workflow::Container, found: &mut Findings) {
        let Some(options) = &service.options else { return };
        let text = options.value.text.as_str();
        if !text.contains("--health-cmd") || text.contains("--health-start-interval") {
            return;
        }
        let flag = "--health-interval";
        let value = text.find(flag).map(|at| {
            let start = at + flag.len();
            let from = start + text[start..].find(|c: char| c != '=' && !c.is_whitespace() && c != '"').unwrap_or(0);
            let length = text[from..].find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len() - from);
            from..from + length
        });
        let (seconds, span) = match &value {
            Some(range) => match compose::parse_duration(&text[range.clone()]) {
                Some(seconds) => (seconds, options.value.text.span_of(range.clone())),
                None => return,
            },
            None => (30.0, service.name.span),
        };
        if seconds < f64::from(self.min_seconds) {
            return;
        }
        let diagnostic = found.add(
            span,
            format!("`{}` is not looked at before {seconds} seconds have passed, ready or not", service.name.node),
        );
        diagnostic.help("add `--health-start-period 60s --health-start-interval 1s`, so that it is looked at every second while it starts");
        if value.is_some() && !text.contains("--health-start-period") {
            let edit = Edit::insert(span.after(), " --health-start-period 60s --health-start-interval 1s");
            diagnostic.fix(Fix::unsafe_("Look at it every second while it starts", vec![edit]));
        }
    }
}

/// Whether a compose file is there for tests: it is called so, or a workflow starts services from it. Elsewhere services are
/// started rarely, and next to nobody waits.
fn is_for_tests(project: &Project, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "test" | "tests" | "ci" | "e2e" | "integration"))
        || project.container_commands().iter().any(|command| {
            let starts = matches!(command.action, ContainerAction::Up { .. } | ContainerAction::InService { .. });
            starts && names_file(project, command, path)
        })
}

/// Whether a Compose command reads the file: it names it, or names none and it is one of those that Compose finds.
fn names_file(project: &Project, command: &ContainerCommand, path: &str) -> bool {
    let words = project.commands_of(command.place).iter().find(|other| other.index == command.index);
    let named: Vec<String> = words
        .map(|words| {
            let pairs = words.words.windows(2);
            let is_file = |pair: &&[(Text, Span)]| matches!(pair[0].0.as_known(), Some("-f" | "--file"));
            pairs.filter(is_file).map(|pair| pair[1].0.to_string()).collect()
        })
        .unwrap_or_default();
    if named.is_empty() {
        return matches!(path, "compose.yaml" | "compose.yml" | "docker-compose.yml" | "docker-compose.yaml");
    }
    named.iter().any(|name| name.trim_start_matches("./") == path)
}
