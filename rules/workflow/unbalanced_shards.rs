//! The legs of a matrix share tests so that one of them takes much longer than the others.
//!
//! A run is as long as its slowest shard; what the others are ready before is lost. Dealing the tests out by their times, the longest
//! first and always to the shard that has least, comes close to the best for free.
//!
//! Times are read from `.test_durations`, the file that `pytest --store-durations` of pytest-split writes: seconds by test. Found is a
//! matrix whose values are lists of folders or files with tests, each of which has times there, where another distribution of the same
//! words is at least a tenth shorter. `pytest --splits N --group K` deals single tests out by the same file.
//!
//! Not flagged: values that name something without a time, and matrices with other axes.
//!
//! ## Examples
//!
//! ### Dealt out by hand
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         shard:
//!           - accounts config utils
//!           - pages blog photos
//!     steps:
//!       - run: pytest ${{ matrix.shard }}
//! ```
//!
//! ```json .test_durations
//! {
//!   "accounts/tests.py::test_login": 120, "config/tests.py::test_read": 90, "pages/tests.py::test_view": 180,
//!   "utils/tests.py::test_slug": 60, "blog/tests.py::test_post": 150, "photos/tests.py::test_resize": 90
//! }
//! ```
//!
//! ```text
//! .github/workflows/test.yml:9:13: info[unbalanced-shards] this shard takes 420 seconds where 360 would do
//! ```
//!
//! ### By their times
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         shard:
//!           - pages config photos
//!           - blog accounts utils
//!     steps:
//!       - run: pytest ${{ matrix.shard }}
//! ```
//!
//! ```json .test_durations
//! {
//!   "accounts/tests.py::test_login": 120, "config/tests.py::test_read": 90, "pages/tests.py::test_view": 180,
//!   "utils/tests.py::test_slug": 60, "blog/tests.py::test_post": 150, "photos/tests.py::test_resize": 90
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Without times for all
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         shard: [a b, c d]
//!         python: ["3.13"]
//!     steps:
//!       - run: pytest ${{ matrix.shard }}
//! ```
//!
//! ```json .test_durations
//! {"a/tests.py::test_a": 120, "b/tests.py::test_b": 90, "c/tests.py::test_c": 1}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unbalanced-shards", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let Some(times) = project.test_times() else { return };
        for job in project.workflows.iter().flat_map(|workflow| &workflow.jobs) {
            let matrix = job.strategy.as_ref().and_then(|strategy| strategy.matrix.as_ref());
            let Some(matrix) = matrix.filter(|matrix| matrix.include.is_empty() && matrix.exclude.is_empty()) else {
                continue;
            };
            for axis in &matrix.axes {
                let name = format!("matrix.{}", axis.name.node);
                let used =
                    job.steps.iter().any(|step| step.run.as_ref().is_some_and(|run| run.value.text.contains(&name)));
                if used && !axis.dynamic {
                    check_axis(&times, axis, found);
                }
            }
        }
    }
}

fn check_axis(known: &TestTimes, axis: &workflow::Axis, found: &mut Findings) {
    let values = &axis.values;
    let texts: Option<Vec<String>> = values.iter().map(|value| value.node.to_text()).collect();
    let Some(texts) = texts.filter(|texts| (2..=64).contains(&texts.len())) else { return };
    let shards: Vec<Vec<&str>> = texts.iter().map(|text| text.split_whitespace().collect()).collect();
    if shards.iter().all(|words| words.len() < 2) {
        return;
    }
    let mut times: Vec<Vec<(f64, &str)>> = Vec::new();
    for words in &shards {
        let timed: Vec<(f64, &str)> = words.iter().map(|word| (known.of(word), *word)).collect();
        if timed.is_empty() || timed.iter().any(|(time, _)| *time <= 0.0) {
            return;
        }
        times.push(timed);
    }
    let sum = |shard: &Vec<(f64, &str)>| shard.iter().map(|(time, _)| time).sum::<f64>();
    let sums: Vec<f64> = times.iter().map(sum).collect();
    let mut dealt: Vec<Vec<(f64, &str)>> = vec![Vec::new(); times.len()];
    let mut all: Vec<(f64, &str)> = times.iter().flatten().copied().collect();
    all.sort_by(|(one, name), (two, other)| two.total_cmp(one).then(name.cmp(other)));
    for next in all {
        let least = (0..dealt.len()).min_by(|one, two| sum(&dealt[*one]).total_cmp(&sum(&dealt[*two])));
        if let Some(least) = least {
            dealt[least].push(next);
        }
    }
    let longest = |sums: &[f64]| sums.iter().copied().fold(0.0, f64::max);
    let better: Vec<f64> = dealt.iter().map(sum).collect();
    let (now, then) = (longest(&sums), longest(&better));
    if then > 0.9 * now {
        return;
    }
    let Some(slowest) = (0..sums.len()).max_by(|one, two| sums[*one].total_cmp(&sums[*two])) else { return };
    let message = format!("this shard takes {now:.0} seconds where {then:.0} would do");
    let diagnostic = found.add(values[slowest].span, message);
    for (at, value) in values.iter().enumerate().filter(|(at, _)| *at != slowest).take(4) {
        diagnostic.label(value.span, format!("{:.0} seconds", sums[at]));
    }
    diagnostic.label(Span::at(known.file, 0), "the times of the tests");
    let shown = dealt.iter().zip(&better).take(8).map(|(shard, time)| {
        let words: Vec<&str> = shard.iter().map(|(_, word)| *word).collect();
        format!("`{}` {time:.0} seconds", words.join(" "))
    });
    let shown: Vec<String> = shown.collect();
    let splits = values.len();
    diagnostic.help(format!(
        "dealt out by their times: {}; `pytest --splits {splits} --group N` deals out single tests",
        shown.join(", ")
    ));
}
