//! Logs of real builds, as `--progress=rawjson` prints them, and the same runs as BuildKit's plain printer shows them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bakelint_core::replay::logs::{BuildLog, Format, Outcome};
use libtest_mimic::{Failed, Trial};

/// The trials, one for each build.
pub fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("logs");
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut builds: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "rawjson")).collect();
    builds.sort();
    let trial = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("logs::{name} takes as long in both forms"), move || same_times(&path))
    };
    builds.into_iter().map(trial).collect()
}

/// How a vertex ended and how long it took.
type End = (Outcome, Option<f64>);

fn read(path: &Path, format: Format) -> Result<BTreeMap<String, Vec<End>>, Failed> {
    let log = BuildLog::parse(&fs::read(path)?)?;
    if log.format != format {
        return Err(format!("{} is read as {:?}", path.display(), log.format).into());
    }
    let mut vertices: BTreeMap<String, Vec<End>> = BTreeMap::new();
    for vertex in log.vertices {
        vertices.entry(vertex.name).or_default().push((vertex.outcome, vertex.seconds));
    }
    Ok(vertices)
}

/// The plain form prints tenths of a second.
fn same_times(rawjson: &Path) -> Result<(), Failed> {
    let exact = read(rawjson, Format::RawJson)?;
    let printed = read(&rawjson.with_extension("plain"), Format::Plain)?;
    if exact.is_empty() || !exact.keys().eq(printed.keys()) {
        return Err(format!("{:?}\n{:?}", exact.keys(), printed.keys()).into());
    }
    for (name, ends) in &exact {
        let same = |(a, b): (&End, &End)| {
            a.0 == b.0
                && match (a.1, b.1) {
                    (Some(a), Some(b)) => (a - b).abs() <= 0.05 + 1e-6,
                    (a, b) => a == b,
                }
        };
        let other = &printed[name];
        if ends.len() != other.len() || !ends.iter().zip(other).all(same) {
            return Err(format!("{name}: {ends:?} and {other:?}").into());
        }
    }
    Ok(())
}
