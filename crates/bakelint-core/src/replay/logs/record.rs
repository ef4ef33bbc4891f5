//! `.dockerbuild` records: a tar archive with an OCI layout, whose layers hold the status stream of the build.
//!
//! `docker buildx history export` writes them, and the official actions upload them by default. Docker need not be
//! installed to read one: a tar walk, three small JSON documents and a protobuf reader are enough. Media types and
//! field numbers are those of BuildKit's solver/llbsolver/history and api/services/control/control.proto.

use super::rawjson::{Group, Merge, RawVertex};
use super::{BuildLog, Format, LogError};
use serde::Deserialize;
use std::collections::HashMap;

/// No build record is larger; a stream that unpacks to more is hostile.
pub(super) const MAX_UNPACKED: usize = 512 << 20;

const STATUS: &str = "application/vnd.buildkit.status.v0";

/// Whether the bytes start with a tar header.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    digest: String,
}

pub(super) fn parse(tar: &[u8]) -> Result<BuildLog, LogError> {
    let files = files(tar);
    let blob = |digest: &str| files.get(format!("blobs/{}", digest.replacen(':', "/", 1)).as_str()).copied();
    let index = files.get("index.json").ok_or(LogError::NotARecord("it has no index.json"))?;
    let index: Index =
        serde_json::from_slice(index).map_err(|_| LogError::NotARecord("its index.json is no OCI index"))?;
    let mut merge = Merge::default();
    let (mut skipped, mut found) = (0, false);
    for manifest in index.manifests {
        let manifest = blob(&manifest.digest).and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok());
        for layer in manifest.into_iter().flat_map(|manifest| manifest.layers) {
            if layer.media_type == STATUS {
                found = true;
                skipped += blob(&layer.digest).map_or(1, |stream| read_status(stream, &mut merge));
            }
        }
    }
    if !found {
        return Err(LogError::NotARecord("it holds no build status"));
    }
    Ok(merge.finish(Format::Record, skipped))
}

/// The regular files of a tar archive by name, as far as the archive goes.
fn files(tar: &[u8]) -> HashMap<&str, &[u8]> {
    let mut files = HashMap::new();
    let mut at = 0_usize;
    while let Some(header) = tar.get(at..at + 512) {
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            std::str::from_utf8(&field[..end]).unwrap_or_default().trim()
        };
        let Ok(size) = usize::from_str_radix(text(124, 136), 8) else { break };
        let Some(body) = at.checked_add(512).and_then(|from| tar.get(from..from.checked_add(size)?)) else { break };
        if matches!(header[156], b'0' | 0) {
            files.insert(text(0, 100).trim_start_matches("./"), body);
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    files
}

/// Reads the stream of length-prefixed StatusResponse messages; returns how many were not understood.
fn read_status(mut stream: &[u8], merge: &mut Merge) -> usize {
    let mut skipped = 0;
    while let Some((len, rest)) = stream.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let Some(message) = rest.get(..len) else {
            return skipped + 1;
        };
        for (field, value) in Fields(message) {
            if let (1, Value::Bytes(vertex)) = (field, value) {
                merge.add(read_vertex(vertex));
            }
        }
        skipped += usize::from(len > 0 && Fields(message).next().is_none());
        stream = &rest[len..];
    }
    skipped
}

fn read_vertex(message: &[u8]) -> RawVertex {
    let mut vertex = RawVertex::default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (field, value) in Fields(message) {
        match (field, value) {
            (1, Value::Bytes(bytes)) => vertex.digest = text(bytes),
            (2, Value::Bytes(bytes)) => vertex.inputs.push(text(bytes)),
            (3, Value::Bytes(bytes)) => vertex.name = text(bytes),
            (4, Value::Number(n)) => vertex.cached = n != 0,
            (5, Value::Bytes(bytes)) => vertex.started = read_timestamp(bytes),
            (6, Value::Bytes(bytes)) => vertex.completed = read_timestamp(bytes),
            (7, Value::Bytes(bytes)) => vertex.error = text(bytes),
            (8, Value::Bytes(bytes)) => {
                let mut group = Group::default();
                for (field, value) in Fields(bytes) {
                    match (field, value) {
                        (1, Value::Bytes(bytes)) => group.id = text(bytes),
                        (2, Value::Bytes(bytes)) => group.name = text(bytes),
                        _ => {}
                    }
                }
                vertex.group = Some(group);
            }
            _ => {}
        }
    }
    vertex
}

/// A google.protobuf.Timestamp in seconds since 1970.
fn read_timestamp(message: &[u8]) -> Option<f64> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    for (field, value) in Fields(message) {
        match (field, value) {
            (1, Value::Number(n)) => seconds = n as i64,
            (2, Value::Number(n)) => nanos = n as i64,
            _ => {}
        }
    }
    (seconds > 0).then_some(seconds as f64 + nanos as f64 / 1e9)
}

/// The fields of a protobuf message; ends at the first byte that is none.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(len)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat()
    }

    /// A status stream of one step that ran from second 100 to second 102.5 and one that was cached.
    fn stream() -> Vec<u8> {
        let at = |seconds: u8, half: bool| {
            let nanos: &[u8] = if half { &[0x10, 0x80, 0xca, 0xb5, 0xee, 0x01] } else { &[] };
            [&[0x08, seconds], nanos].concat()
        };
        let done = [
            field(1, b"sha256:a"),
            field(2, b"sha256:0"),
            field(3, b"[build 2/2] RUN make"),
            field(5, &at(100, false)),
            field(6, &at(102, true)),
        ]
        .concat();
        let cached = [field(1, b"sha256:b"), field(3, b"[build 1/2] COPY . ."), vec![0x20, 1]].concat();
        let mut stream = Vec::new();
        for message in [field(1, &done), field(1, &cached)] {
            stream.extend((message.len() as u32).to_le_bytes());
            stream.extend(message);
        }
        stream
    }

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (name, body) in files {
            let mut header = [0_u8; 512];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
            header[156] = b'0';
            header[257..262].copy_from_slice(b"ustar");
            tar.extend(header);
            tar.extend(*body);
            tar.resize(tar.len().div_ceil(512) * 512, 0);
        }
        tar.resize(tar.len() + 1024, 0);
        tar
    }

    fn record() -> Vec<u8> {
        let manifest = format!(r#"{{"layers":[{{"mediaType":"{STATUS}","digest":"sha256:s"}}]}}"#);
        tar(&[
            ("index.json", br#"{"manifests":[{"digest":"sha256:m"}]}"#),
            ("blobs/sha256/m", manifest.as_bytes()),
            ("blobs/sha256/s", &stream()),
        ])
    }

    #[test]
    fn a_record_tells_what_ran_and_for_how_long() {
        let log = BuildLog::parse(&record()).expect("a record");
        let found: Vec<_> = log.vertices.iter().map(|v| (v.name.as_str(), v.outcome, v.seconds)).collect();
        let expected =
            [("[build 2/2] RUN make", Outcome::Done, Some(2.5)), ("[build 1/2] COPY . .", Outcome::Cached, None)];
        assert_eq!(found, expected);
    }

    #[test]
    fn damage_is_an_error_or_counted_never_a_panic() {
        let record = record();
        for end in 0..record.len() {
            let _ = BuildLog::parse(&record[..end]);
        }
        let stream = stream();
        for end in 0..stream.len() {
            read_status(&stream[..end], &mut Merge::default());
        }
        let empty = tar(&[("index.json", br#"{"manifests":[]}"#)]);
        assert_eq!(BuildLog::parse(&empty), Err(LogError::NotARecord("it holds no build status")));
    }
}
