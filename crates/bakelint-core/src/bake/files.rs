//! Which files a definition consists of.

use super::host::{Host, PathKind};

/// The names that are looked up if none is given; all that exist are read, in this order.
pub const DEFAULT_FILES: &[&str] = &[
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
];

/// Reads the files of a definition: the named ones, else those that `BUILDX_BAKE_FILE` names, else the default ones. Empty
/// files count as not there; `-` is standard input.
///
/// # Errors
/// When a named file cannot be read, or nothing is left.
pub fn read_files(names: &[String], host: &dyn Host) -> Result<Vec<(String, Vec<u8>)>, String> {
    let named = match names.is_empty() {
        true => files_of_environment(host)?,
        false => names.iter().map(|name| name.strip_prefix("cwd://").unwrap_or(name).to_owned()).collect(),
    };
    let mut files = Vec::new();
    if named.is_empty() {
        for name in DEFAULT_FILES.iter().filter(|name| host.kind(name) != PathKind::Missing) {
            files.push(((*name).to_owned(), read(name, host)?));
        }
    } else {
        for name in named {
            if name == "-" {
                let text = host.standard_input().map_err(|why| format!("read standard input: {why}"))?;
                files.push((name, text));
            } else {
                let text = read(&name, host)?;
                files.push((name, text));
            }
        }
    }
    files.retain(|(name, text)| name == "-" || !text.is_empty());
    match files.is_empty() {
        true => Err("couldn't find a bake definition".to_owned()),
        false => Ok(files),
    }
}

fn read(name: &str, host: &dyn Host) -> Result<Vec<u8>, String> {
    host.read(name).map_err(|why| format!("open {name}: {why}"))
}

/// The files that `BUILDX_BAKE_FILE` lists; none if it is not set or blank.
fn files_of_environment(host: &dyn Host) -> Result<Vec<String>, String> {
    let Some(list) = host.variable("BUILDX_BAKE_FILE") else { return Ok(Vec::new()) };
    let separator = host.variable("BUILDX_BAKE_PATH_SEPARATOR").filter(|separator| !separator.is_empty());
    let separator = separator.as_deref().unwrap_or(if cfg!(windows) { ";" } else { ":" });
    let names = list.split(separator).map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    match names.iter().find(|name| *name != "-" && host.kind(name) == PathKind::Missing) {
        Some(missing) => Err(format!("stat {missing}: no such file or directory")),
        None => Ok(names),
    }
}
