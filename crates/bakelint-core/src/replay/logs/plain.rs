//! `--progress=plain`, bare or as part of a GitHub job log.
//!
//! The printer (BuildKit util/progress/progressui/printer.go) writes blocks: a header `#N name`, lines `#N …` of that
//! vertex only, and a blank line before the next header. A vertex that is left unfinished ends with `#N ...` and opens
//! again later. What a `RUN` prints carries its offset in seconds, so a bare `DONE 1.2s` is always the printer's own.

use super::time::{parse_rfc3339, union};
use super::{BuildLog, Format, Outcome, Vertex};
use std::collections::HashMap;

pub(super) fn parse(text: &str) -> BuildLog {
    let mut reader = Reader::default();
    for line in text.split('\n') {
        let line = without_colours(line.strip_suffix('\r').unwrap_or(line));
        let (line, at) = without_wrapper(&line);
        reader.line(line, at);
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    vertices: Vec<Vertex>,
    /// Open intervals by the runner's clock, per vertex.
    spans: Vec<Vec<(f64, f64)>>,
    by_number: HashMap<u32, usize>,
    /// The vertex whose block is being read, and when it opened.
    current: Option<(u32, usize)>,
    opened: Option<f64>,
    skipped: usize,
}

impl Reader {
    fn line(&mut self, line: &str, at: Option<f64>) {
        let Some((number, body)) = numbered(line) else {
            // Unfinished output lines, the error excerpt and the runner's own lines have no number.
            self.skipped += usize::from(!line.is_empty() && self.current.is_none());
            return;
        };
        if number == 0 {
            return;
        }
        match self.by_number.get(&number).copied() {
            None => self.open(number, body, at),
            Some(index) if self.vertices[index].name == body => {
                self.current = Some((number, index));
                self.opened = at;
            }
            Some(index) if self.current.is_some_and(|(open, _)| open == number) => self.control(index, body, at),
            // A line of another vertex than the open one: a cut or reordered log.
            Some(_) => self.skipped += 1,
        }
    }

    fn open(&mut self, number: u32, name: &str, at: Option<f64>) {
        let index = self.vertices.len();
        self.by_number.insert(number, index);
        self.vertices.push(Vertex {
            digest: None,
            name: name.to_owned(),
            outcome: Outcome::Unfinished,
            seconds: None,
            interval: None,
            inputs: Vec::new(),
            error: None,
        });
        self.spans.push(Vec::new());
        self.current = Some((number, index));
        self.opened = at;
    }

    fn control(&mut self, index: usize, body: &str, at: Option<f64>) {
        let vertex = &mut self.vertices[index];
        if let Some(seconds) = done(body) {
            vertex.outcome = Outcome::Done;
            // The value covers all intervals so far, so the last one printed is the whole.
            vertex.seconds = seconds.or(vertex.seconds);
        } else if body == "CACHED" {
            vertex.outcome = Outcome::Cached;
        } else if body == "CANCELED" {
            vertex.outcome = Outcome::Canceled;
        } else if let Some(message) = body.strip_prefix("ERROR: ") {
            vertex.outcome = Outcome::Failed;
            vertex.error = Some(message.to_owned());
        } else if body != "..." {
            return;
        }
        if let (Some(from), Some(to)) = (self.opened, at) {
            self.spans[index].push((from, to));
        }
    }

    fn finish(mut self) -> BuildLog {
        for (vertex, spans) in self.vertices.iter_mut().zip(&mut self.spans) {
            if vertex.outcome != Outcome::Done {
                vertex.seconds = None;
            }
            if union(spans) > 0.0 {
                let end = spans.iter().map(|span| span.1).fold(f64::MIN, f64::max);
                vertex.interval = spans.first().map(|span| (span.0, end));
            }
        }
        BuildLog { format: Format::Plain, vertices: self.vertices, skipped: self.skipped }
    }
}

/// `#12 body` as its two parts.
fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, body) = line.strip_prefix('#')?.split_once(' ')?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    Some((number.parse().ok().filter(|_| digits)?, body))
}

/// The seconds of `DONE` or `DONE 1.2s`; the outer `None` when the body is neither.
fn done(body: &str) -> Option<Option<f64>> {
    let rest = body.strip_prefix("DONE")?;
    if rest.is_empty() {
        return Some(None);
    }
    let number = rest.strip_prefix(' ')?.strip_suffix('s')?;
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    number.parse().ok().filter(|_| plain).map(Some)
}

/// Takes the terminal colours out.
fn without_colours(line: &str) -> std::borrow::Cow<'_, str> {
    if !line.contains('\x1b') {
        return line.into();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(sequence) = rest.strip_prefix('[') {
            // Parameters and intermediates are below 0x40, the final byte is not.
            let end = sequence.bytes().position(|b| (0x40..0x7f).contains(&b)).map_or(sequence.len(), |end| end + 1);
            rest = sequence.get(end..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out.into()
}

/// Takes off what GitHub puts before a line: `job<TAB>step<TAB>` of `gh run view --log`, the byte order mark of a job
/// log's first line, and the timestamp.
fn without_wrapper(line: &str) -> (&str, Option<f64>) {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let mut columns = line.splitn(3, '\t');
    let inner = match (columns.next(), columns.next(), columns.next()) {
        (Some(_), Some(_), Some(inner)) if stamped(inner).is_some() => inner,
        _ => line,
    };
    match stamped(inner) {
        Some((at, rest)) => (rest, Some(at)),
        None => (line, None),
    }
}

/// A line that starts with a timestamp and one blank (or ends behind the timestamp).
fn stamped(line: &str) -> Option<(f64, &str)> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let end = line.find(' ').unwrap_or(line.len());
    // The shortest form, without a fraction, has 20 bytes; the test is cheap, and most lines end here.
    if !(20..=35).contains(&end) {
        return None;
    }
    Some((parse_rfc3339(&line[..end])?, line.get(end + 1..).unwrap_or_default()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const SAMPLE: &str = "\
#0 building with \"default\" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 120B done
#1 DONE 0.0s

#2 [build 2/3] COPY . .
#2 CACHED

#3 [build 3/3] RUN make
#3 0.100 #2 DONE 9.9s
#3 1.5 half a line
DONE 7.7s
#3 ...

#4 [docs 1/1] RUN sleep 5
#4 DONE 5.2s

#3 [build 3/3] RUN make
#3 \u{1b}[31m12.4 late\u{1b}[0m
#3 DONE 12.5s

#5 importing cache manifest from gha:1
#5 DONE 0.3s

#5 importing cache manifest from gha:1
#5 DONE 0.9s

#6 [web 1/2] RUN false
#6 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1

#7 [web 2/2] RUN later
#7 CANCELED
------
 > [web 1/2] RUN false:
------
ERROR: failed to solve
";

    #[test]
    fn every_vertex_has_its_last_state() {
        let log = parse(SAMPLE);
        let found: Vec<_> = log.vertices.iter().map(|v| (v.name.as_str(), v.outcome, v.seconds)).collect();
        let expected = [
            ("[internal] load build definition from Dockerfile", Outcome::Done, Some(0.0)),
            ("[build 2/3] COPY . .", Outcome::Cached, None),
            ("[build 3/3] RUN make", Outcome::Done, Some(12.5)),
            ("[docs 1/1] RUN sleep 5", Outcome::Done, Some(5.2)),
            ("importing cache manifest from gha:1", Outcome::Done, Some(0.9)),
            ("[web 1/2] RUN false", Outcome::Failed, None),
            ("[web 2/2] RUN later", Outcome::Canceled, None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn job_logs_are_unwrapped_and_give_wall_clock_times() {
        let stamp = |second: usize, line: &str| format!("2026-11-23T13:04:{second:02}.0000000Z {line}\n");
        let lines = ["#1 [a 1/1] RUN x", "#1 DONE 2.0s", "", "#2 [b 1/1] RUN y", "#2 DONE 3.0s"];
        let bare: String = lines.iter().enumerate().map(|(at, line)| stamp(at * 2, line)).collect();
        let tabbed: String = bare.lines().map(|line| format!("build\tBuild images\t{line}\n")).collect();
        for text in [format!("\u{feff}{bare}"), tabbed] {
            let log = parse(&text);
            let seconds: Vec<_> = log.vertices.iter().map(|v| v.seconds).collect();
            assert_eq!(seconds, [Some(2.0), Some(3.0)]);
            let interval = log.vertices[1].interval.expect("clock times");
            assert_eq!(interval.1 - interval.0, 2.0);
        }
    }

    #[test]
    fn a_spoofed_header_does_not_end_another_vertex() {
        let log = parse("#1 [a 1/1] RUN x\n#1 0.100 start\n#2 DONE 1.0s\n#1 DONE 2.0s\n");
        assert_eq!(log.vertices[0].outcome, Outcome::Unfinished);
        assert_eq!(log.skipped, 1);
    }
}
