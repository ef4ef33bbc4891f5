//! `--progress=rawjson`: one SolveStatus object per line (BuildKit client/graph.go).

use super::time::{parse_rfc3339, union};
use super::{BuildLog, Format, Outcome, Vertex};
use serde::Deserialize;
use std::collections::HashMap;

/// Whether the first line that is not blank is a status object, possibly behind a runner's timestamp.
pub(super) fn looks_like(text: &str) -> bool {
    text.lines().take(50).filter_map(object).any(|line| serde_json::from_str::<Status>(line).is_ok())
}

/// The JSON object that a line ends with.
fn object(line: &str) -> Option<&str> {
    const KEYS: [&str; 4] = ["{\"vertexes\":", "{\"statuses\":", "{\"logs\":", "{\"warnings\":"];
    let at = line.find('{')?;
    let line = line.get(at..)?.trim_end();
    // A report without news is empty.
    (line == "{}" || KEYS.iter().any(|key| line.starts_with(key))).then_some(line)
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    vertexes: Vec<RawVertex>,
}

/// What one report says about a vertex, in this format and in build records.
#[derive(Deserialize, Default, Clone)]
pub(super) struct RawVertex {
    #[serde(default)]
    pub digest: String,
    #[serde(default)]
    pub inputs: Vec<String>,
    #[serde(default)]
    pub name: String,
    #[serde(default, deserialize_with = "timestamp")]
    pub started: Option<f64>,
    #[serde(default, deserialize_with = "timestamp")]
    pub completed: Option<f64>,
    #[serde(default)]
    pub cached: bool,
    #[serde(default)]
    pub error: String,
    #[serde(default, rename = "progressGroup")]
    pub group: Option<Group>,
}

/// What ties the vertices of one `COPY --link` together.
#[derive(Deserialize, Default, Clone)]
pub(super) struct Group {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub name: String,
}

fn timestamp<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.as_deref().and_then(parse_rfc3339))
}

pub(super) fn parse(text: &str) -> BuildLog {
    let mut merge = Merge::default();
    let mut skipped = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match object(line).and_then(|line| serde_json::from_str::<Status>(line).ok()) {
            Some(status) => status.vertexes.into_iter().for_each(|vertex| merge.add(vertex)),
            None => skipped += 1,
        }
    }
    merge.finish(Format::RawJson, skipped)
}

/// Puts the reports about each vertex together: later fields win, and each pair of start and completion is an interval.
/// In a bake the same digest is reported once per target, so everything goes by digest.
#[derive(Default)]
pub(super) struct Merge {
    entries: Vec<Entry>,
    by_digest: HashMap<String, usize>,
    /// First entry that was seen in a progress group.
    by_group: HashMap<String, usize>,
}

#[derive(Default)]
struct Entry {
    raw: RawVertex,
    spans: Vec<(f64, f64)>,
    open: Option<f64>,
    /// The entry of the same `COPY --link` that stands for both.
    leader: Option<usize>,
}

impl Merge {
    pub fn add(&mut self, vertex: RawVertex) {
        if vertex.digest.is_empty() {
            return;
        }
        let index = *self.by_digest.entry(vertex.digest.clone()).or_insert_with(|| {
            self.entries.push(Entry::default());
            self.entries.len() - 1
        });
        if let Some(group) = vertex.group.as_ref().filter(|group| !group.id.is_empty()) {
            let leader = *self.by_group.entry(group.id.clone()).or_insert(index);
            let (from, to) = (self.leader(index), self.leader(leader));
            if from != to {
                // The earlier entry leads, so chains always lead upwards and end.
                self.entries[from.max(to)].leader = Some(from.min(to));
            }
        }
        let entry = &mut self.entries[index];
        let name = vertex.group.as_ref().map(|group| &group.name).filter(|name| !name.is_empty());
        let name = name.cloned().unwrap_or(vertex.name);
        // Of the names that a shared vertex has per target, the first stays.
        if entry.raw.name.is_empty() {
            entry.raw.name = name;
        }
        entry.raw.digest = vertex.digest;
        if !vertex.inputs.is_empty() {
            entry.raw.inputs = vertex.inputs;
        }
        entry.raw.cached |= vertex.cached;
        if !vertex.error.is_empty() {
            entry.raw.error = vertex.error;
        }
        match (vertex.started, vertex.completed) {
            (started, Some(completed)) => {
                if let Some(from) = started.or(entry.open.take()) {
                    entry.spans.push((from, completed.max(from)));
                }
                entry.open = None;
            }
            (Some(started), None) => entry.open = entry.open.or(Some(started)),
            (None, None) => {}
        }
    }

    fn leader(&self, mut index: usize) -> usize {
        while let Some(up) = self.entries[index].leader {
            index = up;
        }
        index
    }

    pub fn finish(mut self, format: Format, skipped: usize) -> BuildLog {
        for index in (0..self.entries.len()).rev() {
            let leader = self.leader(index);
            if leader == index {
                continue;
            }
            let Entry { raw, spans, open, .. } = std::mem::take(&mut self.entries[index]);
            let into = &mut self.entries[leader];
            into.raw.cached &= raw.cached;
            into.raw.inputs.extend(raw.inputs);
            into.spans.extend(spans);
            into.open = into.open.or(open);
            if into.raw.error.is_empty() {
                into.raw.error = raw.error;
            }
            // Taken entries keep the mark that they are no vertices of their own.
            self.entries[index].leader = Some(leader);
        }
        let vertices = self.entries.into_iter().filter(|entry| entry.leader.is_none()).map(Entry::vertex).collect();
        BuildLog { format, vertices, skipped }
    }
}

impl Entry {
    fn vertex(mut self) -> Vertex {
        let raw = self.raw;
        let outcome = if raw.error.contains("context canceled") {
            Outcome::Canceled
        } else if !raw.error.is_empty() {
            Outcome::Failed
        } else if raw.cached {
            Outcome::Cached
        } else if !self.spans.is_empty() && self.open.is_none() {
            Outcome::Done
        } else {
            Outcome::Unfinished
        };
        let seconds = union(&mut self.spans);
        let end = self.spans.iter().map(|span| span.1).fold(f64::MIN, f64::max);
        Vertex {
            digest: Some(raw.digest),
            name: raw.name,
            outcome,
            seconds: (outcome == Outcome::Done).then_some(seconds),
            interval: self.spans.first().map(|first| (first.0, end)),
            inputs: raw.inputs,
            error: (!raw.error.is_empty()).then_some(raw.error),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const SAMPLE: &str = concat!(
        r#"{"vertexes":[{"digest":"sha256:a","name":"[build 1/2] RUN make","inputs":["sha256:0"]}]}"#,
        "\n",
        r#"{"vertexes":[{"digest":"sha256:a","name":"[build 1/2] RUN make","started":"2026-11-23T13:00:00Z"}]}"#,
        "\n",
        r#"{"vertexes":[{"digest":"sha256:a","name":"[web build 1/2] RUN make","started":"2026-11-23T13:00:00.1Z","completed":"2026-11-23T13:00:04Z"}]}"#,
        "\n",
        r#"{"vertexes":[{"digest":"sha256:a","name":"[build 1/2] RUN make","started":"2026-11-23T13:00:00Z","completed":"2026-11-23T13:00:04Z"}],"logs":[{"vertex":"sha256:a","data":"eA==","timestamp":"2026-11-23T13:00:04Z"}]}"#,
        "\n",
        r#"{"vertexes":[{"digest":"sha256:c","name":"[app 1/2] COPY --link a .","cached":true,"started":"2026-11-23T13:00:00Z","completed":"2026-11-23T13:00:00Z","progressGroup":{"id":"g","name":"[app 1/2] COPY --link a .","weak":true}},{"digest":"sha256:m","name":"[app 1/2] LINK COPY --link a .","started":"2026-11-23T13:00:05Z","completed":"2026-11-23T13:00:06Z","progressGroup":{"id":"g","name":"[app 1/2] COPY --link a ."}}]}"#,
        "\n",
        r#"{"vertexes":[{"digest":"sha256:d","name":"[app 2/2] RUN x","started":"2026-11-23T13:00:06Z","completed":"2026-11-23T13:00:07Z","error":"process failed"}]}"#,
        "\nERROR: failed to solve: process failed\n",
    );

    #[test]
    fn reports_about_one_digest_become_one_vertex() {
        let log = parse(SAMPLE);
        let found: Vec<_> = log.vertices.iter().map(|v| (v.name.as_str(), v.outcome, v.seconds)).collect();
        let expected = [
            ("[build 1/2] RUN make", Outcome::Done, Some(4.0)),
            ("[app 1/2] COPY --link a .", Outcome::Done, Some(1.0)),
            ("[app 2/2] RUN x", Outcome::Failed, None),
        ];
        assert_eq!(found, expected);
        assert_eq!(log.vertices[0].inputs, ["sha256:0"]);
        assert_eq!(log.skipped, 1);
    }

    #[test]
    fn a_runner_may_stamp_each_line() {
        let stamped: String = SAMPLE.lines().map(|line| format!("2026-11-23T13:00:00.0000000Z {line}\n")).collect();
        let log = super::super::BuildLog::parse(stamped.as_bytes()).expect("text");
        assert_eq!(log.vertices, parse(SAMPLE).vertices);
    }
}
