//! How long steps take, from build logs and from what the user says.
//!
//! A step's time varies with the machine and the weather of the network, so the median over all executions in all logs
//! counts, and the number of samples is always told. A step without any sample has no time: nothing is invented.

use super::logs::{BuildLog, Outcome};
use super::stats::median;
use serde::Deserialize;
use std::collections::HashMap;

/// Times of steps, by what the steps do.
#[derive(Debug, Clone, Default)]
pub struct Durations {
    samples: Vec<Sample>,
    by_text: HashMap<String, Vec<usize>>,
    stated: Vec<Stated>,
    logs: usize,
    overlaps: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Sample {
    words: String,
    index: u32,
    keyword: String,
    seconds: f64,
}

/// A step whose time is asked for.
#[derive(Debug, Clone, Copy)]
pub struct StepKey<'a> {
    /// Bake target or service that builds it.
    pub build: &'a str,
    /// Name of its stage; `stage-N` if it has none.
    pub stage: &'a str,
    /// Its number in the stage, as BuildKit counts.
    pub index: u32,
    /// The instruction as BuildKit prints it: keyword in capitals, variables expanded.
    pub text: &'a str,
}

/// Where a time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The user's durations file.
    Stated,
    /// Executions of this very instruction.
    Measured,
    /// Executions of the step at the same place of the same stage, whose text was another one.
    SamePlace,
}

/// A step's time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct StepTime {
    /// Median, in seconds.
    pub seconds: f64,
    /// Shortest execution.
    pub min: f64,
    /// Longest execution.
    pub max: f64,
    /// How many executions were seen; 0 when the user stated the time.
    pub samples: usize,
    /// Where it comes from.
    pub origin: Origin,
}

/// The user's durations file:
///
/// ```toml
/// [[step]]
/// stage = "build"          # optional, as `target` is
/// text = "RUN npm ci"      # the instruction, or how it starts
/// seconds = 42
/// ```
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    step: Vec<Stated>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    target: Option<String>,
    stage: Option<String>,
    text: Option<String>,
    index: Option<u32>,
    seconds: f64,
}

/// Why a durations file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationsError {
    /// The file is no TOML of the known form.
    #[error("{0}")]
    Toml(String),
    /// A step has a time that is no number of seconds.
    #[error("step {0}: `seconds` must be a number that is not negative")]
    Seconds(usize),
    /// A step says neither `text` nor `index`.
    #[error("step {0}: say `text` or `index`, so that it is clear which instruction is meant")]
    Unclear(usize),
}

impl Durations {
    /// Takes the executed steps of one log in.
    pub fn add_log(&mut self, log: &BuildLog) {
        self.logs += 1;
        self.overlaps.extend(log.overlap());
        for vertex in log.vertices.iter().filter(|vertex| vertex.outcome == Outcome::Done) {
            let (Some(step), Some(seconds)) = (vertex.step(), vertex.seconds) else { continue };
            let text = normal(step.text);
            let keyword = text.split(' ').next().unwrap_or_default().to_owned();
            self.by_text.entry(text).or_default().push(self.samples.len());
            self.samples.push(Sample { words: step.words.to_owned(), index: step.index, keyword, seconds });
        }
    }

    /// Takes a durations file in; what it says goes before what logs say.
    ///
    /// # Errors
    ///
    /// The text is no TOML of the documented form, or a step's time is no number of seconds.
    pub fn add_file(&mut self, text: &str) -> Result<(), DurationsError> {
        let file: File = toml::from_str(text).map_err(|error| DurationsError::Toml(error.message().to_owned()))?;
        for (at, step) in file.step.iter().enumerate() {
            if !(step.seconds.is_finite() && step.seconds >= 0.0) {
                return Err(DurationsError::Seconds(at + 1));
            }
            if step.text.is_none() && step.index.is_none() {
                return Err(DurationsError::Unclear(at + 1));
            }
        }
        self.stated.extend(file.step);
        Ok(())
    }

    /// How many logs were taken in.
    pub fn logs(&self) -> usize {
        self.logs
    }

    /// Whether there is anything to look up.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.stated.is_empty()
    }

    /// How much steps overlapped in the logs: 1 is one after the other. `None` without wall-clock times.
    pub fn overlap(&self) -> Option<f64> {
        median(&mut self.overlaps.clone())
    }

    /// The time of a step: what the user states, else the median of the executions of the same instruction (those in a
    /// stage of that name if there are any), else of the step with the same keyword at the same place.
    pub fn of(&self, step: StepKey<'_>) -> Option<StepTime> {
        let text = normal(step.text);
        let keyword = text.split(' ').next().unwrap_or_default();
        let stated = self.stated.iter().find(|stated| {
            stated.target.as_ref().is_none_or(|target| target == step.build)
                && stated.stage.as_ref().is_none_or(|stage| stage == step.stage)
                && stated.index.is_none_or(|index| index == step.index)
                && stated.text.as_ref().is_none_or(|start| text.starts_with(&normal(start)))
        });
        if let Some(Stated { seconds, .. }) = stated {
            let seconds = *seconds;
            return Some(StepTime { seconds, min: seconds, max: seconds, samples: 0, origin: Origin::Stated });
        }
        let of_stage = |sample: &Sample| sample.words.split(' ').any(|word| word == step.stage);
        let same: Vec<&Sample> = self.by_text.get(&text).into_iter().flatten().map(|at| &self.samples[*at]).collect();
        let in_stage: Vec<&Sample> = same.iter().copied().filter(|sample| of_stage(sample)).collect();
        for samples in [in_stage, same] {
            if let Some(time) = summary(&samples, Origin::Measured) {
                return Some(time);
            }
        }
        let at_place = self.samples.iter().filter(|s| s.index == step.index && s.keyword == keyword && of_stage(s));
        summary(&at_place.collect::<Vec<_>>(), Origin::SamePlace)
    }
}

fn summary(samples: &[&Sample], origin: Origin) -> Option<StepTime> {
    let mut seconds: Vec<f64> = samples.iter().map(|sample| sample.seconds).collect();
    let median = median(&mut seconds)?;
    // Sorted by the median, so the ends are the extremes.
    Some(StepTime { seconds: median, min: seconds[0], max: seconds[seconds.len() - 1], samples: seconds.len(), origin })
}

/// An instruction with every run of blanks as one, so that re-wrapped lines are the same step.
fn normal(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[(&str, &str)]) -> BuildLog {
        let text: String = lines
            .iter()
            .enumerate()
            .map(|(at, (name, end))| format!("#{n} {name}\n#{n} {end}\n\n", n = at + 1))
            .collect();
        BuildLog::parse(text.as_bytes()).expect("a plain log")
    }

    fn key<'a>(stage: &'a str, index: u32, text: &'a str) -> StepKey<'a> {
        StepKey { build: "web", stage, index, text }
    }

    #[test]
    fn the_median_of_executions_counts_and_hits_do_not() {
        let mut durations = Durations::default();
        durations.add_log(&log(&[("[build 2/3] RUN make", "DONE 10.0s"), ("[test 2/3] RUN make", "DONE 90.0s")]));
        durations.add_log(&log(&[("[web build 2/3] RUN   make", "DONE 14.0s")]));
        durations.add_log(&log(&[("[build 2/3] RUN make", "CACHED")]));
        let time = durations.of(key("build", 2, "RUN make")).expect("measured");
        assert_eq!((time.seconds, time.samples, time.origin), (12.0, 2, Origin::Measured));
        let renamed = durations.of(key("compile", 4, "RUN make")).expect("measured elsewhere");
        assert_eq!((renamed.seconds, renamed.samples), (14.0, 3));
        let edited = durations.of(key("build", 2, "RUN make -j4")).expect("the same place");
        assert_eq!((edited.seconds, edited.origin), (12.0, Origin::SamePlace));
        assert_eq!(durations.of(key("build", 3, "RUN ls")), None);
    }

    #[test]
    fn a_durations_file_goes_first() {
        let mut durations = Durations::default();
        durations.add_log(&log(&[("[build 2/3] RUN npm ci --no-audit", "DONE 10.0s")]));
        durations
            .add_file("[[step]]\nstage = \"build\"\ntext = \"RUN npm  ci\"\nseconds = 42\n")
            .expect("the documented form");
        let time = durations.of(key("build", 2, "RUN npm ci --no-audit")).expect("stated");
        assert_eq!((time.seconds, time.samples, time.origin), (42.0, 0, Origin::Stated));
        let other = durations.of(key("web", 2, "RUN npm ci --no-audit")).expect("measured");
        assert_eq!(other.origin, Origin::Measured);
    }

    #[test]
    fn a_durations_file_with_a_mistake_is_refused() {
        let mut durations = Durations::default();
        let cases = [
            ("[[step]]\ntext = \"RUN x\"\nseconds = -1\n", DurationsError::Seconds(1)),
            ("[[step]]\nseconds = 1\n", DurationsError::Unclear(1)),
        ];
        for (text, error) in cases {
            assert_eq!(durations.add_file(text), Err(error), "{text}");
        }
        assert!(matches!(durations.add_file("[[steps]]\n"), Err(DurationsError::Toml(_))));
        assert!(durations.is_empty());
    }
}
