//! A script sleeps for a fixed time after it has started services.
//!
//! The time is lost in every run in which the services are up sooner, and too short in the run in which they are not: then
//! the tests fail for no reason. `docker compose up --wait` goes on as soon as every service is running and healthy, and
//! fails when one is not ([docker compose up](https://docs.docker.com/reference/cli/docker/compose/up/)). For that the
//! services need a `healthcheck`; without one, running is all that is waited for.
//!
//! The rule finds a `sleep` of `min-seconds` (5) or more that follows `docker compose up -d` or `docker run -d`, in the same
//! script or in the next step.
//!
//! Not flagged: a `sleep` in a loop or under a condition, which waits for something, and one that follows any other command.
//!
//! ## Examples
//!
//! ### Half a minute
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker compose up -d postgres redis
//!       - run: sleep 30
//!       - run: make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:14: info[sleep-for-service] every run sleeps for 30 seconds, whenever the services are ready
//! ```
//!
//! ### As long as it takes
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker compose up --wait postgres redis
//!       - run: make test
//! ```
//!
//! ## Also tested
//!
//! ### In one script, with a unit
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker run --detach --name web shop/web
//!           echo "Waiting"
//!           sleep 1m
//!           curl --fail localhost:8080
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:11: info[sleep-for-service] every run sleeps for 60 seconds, whenever the services are ready
//! ```
//!
//! ### A loop, a short time, and a time for something else
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker compose up -d
//!           until curl --fail localhost:8080; do sleep 10; done
//!       - run: |
//!           docker compose up -d
//!           sleep 2
//!       - run: |
//!           docker compose up -d
//!           docker compose kill web
//!           sleep 30
//! ```

use bakelint_core::prelude::*;

/// Options.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The shortest sleep that is reported, in seconds.
    pub min_seconds: u32,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { min_seconds: 5 }
    }
}

/// A command that starts services and does not wait for them.
#[derive(Clone, Copy)]
struct Start {
    span: Span,
    compose: bool,
}

impl Check for Rule {
    const META: Meta = Meta { id: "sleep-for-service", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for job in project.workflows.iter().flat_map(|workflow| &workflow.jobs) {
            let mut started = None;
            for step in &job.steps {
                started = match &step.run {
                    Some(run) => self.script(&run.value.text, started, found),
                    None => None,
                };
            }
        }
    }
}

impl Rule {
    /// Goes through a script; `started` is what the script before has started last, and the result what this one has.
    fn script(&self, text: &MappedText, mut started: Option<Start>, found: &mut Findings) -> Option<Start> {
        let script = shell::parse(text, shell::Options { templates: true });
        if script.fault.is_some() {
            return None;
        }
        for command in script.commands() {
            if command.context.substitution {
                continue;
            }
            if let Some(start) = start(&command) {
                started = Some(start);
                continue;
            }
            match command.simple.name() {
                None | Some("echo" | "printf" | "set" | "export" | "trap") => {}
                Some("sleep") => {
                    let always = !command.context.conditional && !command.context.repeated && !command.context.function;
                    let seconds = seconds(command.simple.arguments());
                    if let (Some(start), true, Some(seconds)) = (started.take(), always, seconds)
                        && seconds >= f64::from(self.min_seconds)
                    {
                        let diagnostic = found.add(
                            command.span,
                            format!("every run sleeps for {seconds} seconds, whenever the services are ready"),
                        );
                        diagnostic.label(start.span, "starts them");
                        diagnostic.help(if start.compose {
                            "give the services a `healthcheck` and start them with `docker compose up --wait`"
                        } else {
                            "ask in a loop until the service answers, or run it as a service of the job with a health check"
                        });
                    }
                }
                Some(_) => started = None,
            }
        }
        started
    }
}

/// The command as the start of services in the background, if it is that.
fn start(command: &CommandRef) -> Option<Start> {
    let words: Vec<&str> = command.simple.arguments().iter().map(|word| word.as_plain().unwrap_or_default()).collect();
    let has = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let compose = match command.simple.name()? {
        "docker-compose" => true,
        "docker" => words.first() == Some(&"compose"),
        _ => return None,
    };
    let begins = if compose {
        has(&["up"]) && has(&["-d", "--detach"]) && !has(&["--wait"])
    } else {
        // `-dit` and the like are several flags in one word.
        let detached = |word: &&str| {
            *word == "--detach"
                || (word.starts_with('-') && !word.starts_with("--") && word.len() <= 4 && word.contains('d'))
        };
        words.first() == Some(&"run") && words.iter().any(detached)
    };
    begins.then_some(Start { span: command.span, compose })
}

/// How long `sleep` sleeps, when that is known.
fn seconds(words: &[Word]) -> Option<f64> {
    let mut sum = 0.0;
    for word in words {
        let word = word.as_plain()?;
        let (number, unit) = match word.strip_suffix(['s', 'm', 'h']) {
            Some(number) if word.ends_with('m') => (number, 60.0),
            Some(number) if word.ends_with('h') => (number, 3600.0),
            Some(number) => (number, 1.0),
            None => (word, 1.0),
        };
        sum += number.parse::<f64>().ok().filter(|number| number.is_finite())? * unit;
    }
    Some(sum)
}
