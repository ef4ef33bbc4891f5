//! What the history says about findings, put to them: `check --history`.

use std::path::Path;

use bakelint_core::prelude::*;
use bakelint_core::replay::Commits;
use bakelint_core::replay::findings::{FixNumbers, Numbers, StepNumbers, numbers};
use bakelint_core::replay::history::{Range, Repository};

use crate::args::{self, Check, Format};
use crate::command::replay::{durations, failure, progress_bar};
use crate::report::plural;
use crate::report::replay::text::seconds;
use crate::{Failure, Surroundings};

/// The findings with what the newest commits say about them. JSON has the numbers beside the findings; all other formats
/// say them in the findings' own words.
pub fn told(
    args: &Check,
    commits: args::Commits,
    root: &Path,
    project: &Project,
    mut diagnostics: Vec<Diagnostic>,
    around: &Surroundings,
) -> Result<(Vec<Diagnostic>, Vec<Numbers>), Failure> {
    let durations = durations(&args.times, around)?;
    let repository = Repository::open(root).map_err(failure)?;
    let commits = Commits { tip: "HEAD", range: commits.0.map_or(Range::All, Range::Last), branches: false };
    let bar = progress_bar();
    let mut progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let found = numbers(&repository, project, &diagnostics, commits, &durations, &mut progress);
    bar.finish_and_clear();
    let numbers = found.map_err(failure)?;
    for (diagnostic, numbers) in diagnostics.iter_mut().zip(&numbers) {
        let step = numbers.step.as_ref().map(of_step);
        let fix = numbers.fix.as_ref().map(of_fix);
        match args.format {
            Format::Json => {}
            // One line has room for the one number.
            Format::Concise => {
                if let Some(step) = step {
                    diagnostic.message = format!("{} ({step})", diagnostic.message);
                }
            }
            _ => {
                let lines: Vec<String> = diagnostic.help.take().into_iter().chain(step).chain(fix).collect();
                diagnostic.help = (!lines.is_empty()).then(|| lines.join("\n"));
            }
        }
    }
    Ok((diagnostics, numbers))
}

/// `rebuilt at 187 of 199 commits, at 31 only because of docs/**`.
fn of_step(numbers: &StepNumbers) -> String {
    let mut text = format!("rebuilt at {} of {}", numbers.rebuilt, plural(numbers.commits, "commit"));
    if let Some((path, count)) = &numbers.only_because_of {
        text.push_str(&format!(", at {count} only because of {path}"));
    }
    text
}

/// `the fix would have saved 2.1 steps a commit (95 %: 1.8 to 2.4)`, or seconds where they are known.
fn of_fix(numbers: &FixNumbers) -> String {
    let steps = numbers.steps_saved_per_commit;
    let mut text = match numbers.seconds_saved_per_commit {
        Some(saved) if saved.value != 0.0 => {
            let (value, low, high) = (seconds(saved.value), seconds(saved.low), seconds(saved.high));
            format!("the fix would have saved {value} a commit (95 %: {low} to {high})")
        }
        _ if steps.value == 0.0 => "the fix would have saved no executed step on these commits".to_owned(),
        _ => format!(
            "the fix would have saved {:.2} executed steps a commit (95 %: {:.2} to {:.2})",
            steps.value, steps.low, steps.high
        ),
    };
    text.push_str(&format!("; the first run after it executes {}", plural(numbers.first_run_executed, "step")));
    if let Some(cost) = numbers.first_run_seconds {
        text.push_str(&format!(" in {}", seconds(cost)));
    }
    if let Some(runs) = numbers.pays_back_after_runs {
        text.push_str(&format!(" and is paid for after {:.0} more", runs.ceil()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use bakelint_core::replay::stats::Estimate;

    #[test]
    fn numbers_read_as_sentences() {
        let step = StepNumbers {
            build: "web".into(),
            stage: "build".into(),
            index: 2,
            commits: 199,
            rebuilt: 187,
            only_because_of: Some(("docs/**".into(), 31)),
        };
        assert_eq!(of_step(&step), "rebuilt at 187 of 199 commits, at 31 only because of docs/**");
        let estimate = |value: f64| Estimate { value, low: value - 0.5, high: value + 0.5 };
        let fix = FixNumbers {
            steps_saved_per_commit: estimate(2.0),
            seconds_saved_per_commit: None,
            first_run_executed: 3,
            first_run_seconds: None,
            pays_back_after_runs: None,
        };
        let text = "the fix would have saved 2.00 executed steps a commit (95 %: 1.50 to 2.50); the first run after it \
                    executes 3 steps";
        assert_eq!(of_fix(&fix), text);
        let timed = FixNumbers {
            seconds_saved_per_commit: Some(estimate(30.0)),
            first_run_seconds: Some(65.0),
            pays_back_after_runs: Some(2.2),
            ..fix
        };
        let text = "the fix would have saved 30 s a commit (95 %: 30 s to 30 s); the first run after it executes 3 steps in \
                    65 s and is paid for after 3 more";
        assert_eq!(of_fix(&timed), text);
    }
}
