//! What a build printed or recorded about itself: which steps ran, which came from the cache, how long each took.
//!
//! Four forms are read: a `.dockerbuild` record (`docker buildx history export`, uploaded by the official actions),
//! `--progress=rawjson`, `--progress=plain`, and GitHub job logs that wrap either of the latter. [`BuildLog::parse`]
//! looks at the bytes to tell them apart.
//!
//! Reading never fails half way: a cut, mixed or foreign log gives the vertices that could be understood, and
//! [`BuildLog::skipped`] counts the lines that could not.

mod inflate;
mod plain;
mod rawjson;
mod record;
mod time;

use std::fmt;

/// How a vertex ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was executed.
    Done,
    /// Its result came from the cache.
    Cached,
    /// It was executed and failed.
    Failed,
    /// It was stopped because another one failed.
    Canceled,
    /// The log ends before it did.
    Unfinished,
}

/// One vertex of a build: a Dockerfile step, an image pull, a cache import, an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Vertex {
    /// Content digest of the vertex; plain logs do not print it.
    pub digest: Option<String>,
    /// The name as printed. The vertices of one `COPY --link` are one vertex here, as in plain logs.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Seconds of execution: the union of all its intervals, so that work reported twice counts once. `None` when it
    /// did not run to its end.
    pub seconds: Option<f64>,
    /// First start and last end in seconds since 1970, when the log has wall-clock times.
    pub interval: Option<(f64, f64)>,
    /// Digests of the vertices whose results it used.
    pub inputs: Vec<String>,
    /// The message it failed with.
    pub error: Option<String>,
}

impl Vertex {
    /// The parts of [`Vertex::name`], when it is a numbered Dockerfile step.
    pub fn step(&self) -> Option<StepName<'_>> {
        StepName::parse(&self.name)
    }
}

/// The form that a log was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `--progress=plain`.
    Plain,
    /// `--progress=rawjson`.
    RawJson,
    /// A `.dockerbuild` archive.
    Record,
}

/// A build log, read.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildLog {
    /// The form it had.
    pub format: Format,
    /// Its vertices in the order of their first appearance.
    pub vertices: Vec<Vertex>,
    /// Lines (or records) that belong to no vertex and are no known decoration.
    pub skipped: usize,
}

/// Why a `.dockerbuild` archive could not be read. Text logs always can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The gzip stream is damaged or larger than what a build record can be.
    #[error("the gzip stream is damaged at byte {0}")]
    Gzip(usize),
    /// The archive holds no status record.
    #[error("the archive is no build record: {0}")]
    NotARecord(&'static str),
}

impl BuildLog {
    /// Reads a log in any of the known forms.
    ///
    /// # Errors
    ///
    /// Only archives can fail: a gzip stream that cannot be unpacked, or a tar archive without a build status in it.
    pub fn parse(bytes: &[u8]) -> Result<BuildLog, LogError> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let tar = inflate::gunzip(bytes, record::MAX_UNPACKED)?;
            return record::parse(&tar);
        }
        if record::is_tar(bytes) {
            return record::parse(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        Ok(if rawjson::looks_like(&text) { rawjson::parse(&text) } else { plain::parse(&text) })
    }

    /// How much of the build's executed work overlapped: the sum of the vertices' seconds over the length of the
    /// union of their intervals. 1 means one after the other; `None` without wall-clock times.
    pub fn overlap(&self) -> Option<f64> {
        let ran = |vertex: &&Vertex| vertex.outcome == Outcome::Done && vertex.step().is_some();
        let timed = self.vertices.iter().filter(ran).filter_map(|vertex| Some((vertex.seconds?, vertex.interval?)));
        let (seconds, mut spans): (Vec<f64>, Vec<(f64, f64)>) = timed.unzip();
        let sum: f64 = seconds.iter().sum();
        let wall = time::union(&mut spans);
        (wall > 0.0).then_some(sum / wall)
    }
}

/// The parts of a step's name, `[web linux/amd64 build 2/5] ONBUILD RUN make`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepName<'a> {
    /// The one to three words before the number: bake target, platform, stage. Which is which depends on what the
    /// build had; see [`StepName::stage`].
    pub words: &'a str,
    /// The number of the step in its stage, from 1.
    pub index: u32,
    /// How many steps the stage has.
    pub total: u32,
    /// Whether an `ONBUILD` trigger of the base image asked for it.
    pub onbuild: bool,
    /// The instruction: keyword in capitals, build arguments expanded.
    pub text: &'a str,
}

impl<'a> StepName<'a> {
    /// Reads a name; `None` for vertices that are no numbered step.
    pub fn parse(name: &'a str) -> Option<Self> {
        let rest = name.strip_prefix('[')?;
        // The instruction may hold brackets itself, so the first one that follows a number closes the prefix.
        let (inside, text) = rest.split_once("] ")?;
        let (words, number) = inside.rsplit_once(' ').unwrap_or(("", inside));
        let (index, total) = number.split_once('/')?;
        let mut text = text;
        let mut onbuild = false;
        if let Some(rest) = text.strip_prefix("ONBUILD ") {
            (text, onbuild) = (rest, true);
        }
        let text = text.strip_prefix("LINK ").unwrap_or(text);
        let number = |digits: &str| digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        Some(StepName { words: words.trim(), index: number(index)?, total: number(total)?, onbuild, text })
    }

    /// The word that can only be the stage: the last one that is no platform. A build with several targets prefixes
    /// the target, and an unnamed only stage has no word of its own, so the word may also be a target's name.
    pub fn stage(&self) -> Option<&'a str> {
        self.words.split_ascii_whitespace().rfind(|word| !is_platform(word))
    }

    /// The platform, when the build had several.
    pub fn platform(&self) -> Option<&'a str> {
        self.words.split_ascii_whitespace().find(|word| is_platform(word))
    }
}

impl fmt::Display for StepName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.words.is_empty() { "" } else { " " };
        write!(f, "[{}{gap}{}/{}] {}", self.words, self.index, self.total, self.text)
    }
}

/// Whether a word of a step's name is a platform such as `linux/arm64/v8` or `linux/amd64->arm64`.
fn is_platform(word: &str) -> bool {
    let os = word.split('/').next().unwrap_or_default();
    word.contains('/') && matches!(os, "linux" | "windows" | "darwin" | "freebsd" | "wasi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_their_parts() {
        let cases = [
            ("[build  2/12] RUN make [all]", Some(("build", 2, 12, false, "RUN make [all]"))),
            ("[2/5] WORKDIR /app", Some(("", 2, 5, false, "WORKDIR /app"))),
            ("[web linux/amd64->arm64 build 2/2] RUN x", Some(("web linux/amd64->arm64 build", 2, 2, false, "RUN x"))),
            ("[web 1/4] ONBUILD COPY a b", Some(("web", 1, 4, true, "COPY a b"))),
            ("[app 1/2] LINK COPY --link a .", Some(("app", 1, 2, false, "COPY --link a ."))),
            ("[internal] load build context", None),
            ("[celery] FROM docker.io/library/node:20", None),
            ("[auth] library/node:pull token for registry-1.docker.io", None),
            ("exporting to image", None),
            ("[x +1/2] RUN y", None),
            ("[", None),
        ];
        for (name, expected) in cases {
            let found = StepName::parse(name).map(|s| (s.words, s.index, s.total, s.onbuild, s.text));
            assert_eq!(found, expected, "{name}");
        }
        let name = StepName::parse("[web linux/arm64/v8 build 2/2] RUN x").expect("a step");
        assert_eq!((name.stage(), name.platform()), (Some("build"), Some("linux/arm64/v8")));
    }

    /// Lines that change places, are there twice or are cut anywhere give other vertices at most, and no time that was not
    /// in the log.
    #[test]
    fn a_mixed_log_is_read_without_inventing_anything() {
        for log in [plain::tests::SAMPLE, rawjson::tests::SAMPLE] {
            let whole = BuildLog::parse(log.as_bytes()).expect("text is always read");
            let longest = whole.vertices.iter().filter_map(|vertex| vertex.seconds).fold(0.0, f64::max);
            let lines: Vec<&str> = log.lines().collect();
            for turn in 0..lines.len() {
                let turned = [&lines[turn..], &lines[..turn]].concat();
                let swapped: Vec<&str> = turned.chunks(2).flat_map(|pair| pair.iter().rev()).copied().collect();
                let reversed: Vec<&str> = turned.iter().rev().copied().collect();
                let twice: Vec<&str> = turned.iter().flat_map(|line| [*line, *line]).collect();
                let cut: Vec<&str> =
                    turned.iter().map(|line| line.get(..turn * line.len() / lines.len()).unwrap_or_default()).collect();
                for mixed in [turned.clone(), swapped, reversed, twice, cut] {
                    let read = BuildLog::parse(mixed.join("\n").as_bytes()).expect("text is always read");
                    let times = || read.vertices.iter().filter_map(|vertex| vertex.seconds);
                    assert!(times().all(|seconds| (0.0..=longest).contains(&seconds)), "{mixed:?}");
                }
            }
        }
    }

    /// Every prefix of every kind of log is read without a panic, and vertices only ever become more.
    #[test]
    fn a_cut_log_is_read_as_far_as_it_goes() {
        for log in [plain::tests::SAMPLE, rawjson::tests::SAMPLE] {
            let mut most = 0;
            for end in 0..=log.len() {
                let read = BuildLog::parse(&log.as_bytes()[..end]).expect("text is always read");
                most = most.max(read.vertices.len());
            }
            assert_eq!(BuildLog::parse(log.as_bytes()).expect("whole").vertices.len(), most);
        }
    }
}
