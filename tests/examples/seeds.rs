//! Writes the examples of the rules' pages and the example repositories as inputs for the fuzz target `check`:
//! `cargo run -p bakelint-tests --example seeds -- fuzz/corpus/check`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use bakelint_core::prelude::*;
use bakelint_tests::{page::Page, workspace};

/// Inputs larger than this are cut by the fuzzer, or slow it down.
const MAX_BYTES: usize = 16 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("the folder to write into is missing")?;
    fs::create_dir_all(&folder)?;
    for rule in bakelint_rules::all() {
        for (number, example) in Page::parse(&rule.page())?.examples().enumerate() {
            let files = example.files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
            write(&folder.join(format!("{}-{number}", rule.meta.id)), files)?;
        }
    }
    for name in ["pipeline", "shop"] {
        let snapshot = Snapshot::read(&workspace().join("examples").join(name), &ReadOptions::default())?;
        write(&folder.join(name), snapshot.files().map(|(_, file)| (file.path.as_str(), file.bytes())))?;
    }
    Ok(())
}

/// One project in the form in which the fuzz target reads it.
fn write<'f>(seed: &Path, files: impl Iterator<Item = (&'f str, &'f [u8])>) -> std::io::Result<()> {
    let parts: Vec<Vec<u8>> = files.map(|(path, bytes)| [path.as_bytes(), b"\n", bytes].concat()).collect();
    let input = parts.join(&0);
    if input.len() > MAX_BYTES { Ok(()) } else { fs::write(seed, input) }
}
