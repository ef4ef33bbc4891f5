//! ShellCheck over the scripts of RUN instructions, when it is asked for and installed.
//!
//! ShellCheck is a program of its own and is never needed. Each different script is looked at once: scripts go into files of a
//! temporary folder, many of them to one call, and the answers come back as JSON, whose places are carried over to the Dockerfile.
//!
//! What was said about a script is kept in the user's cache folder, so that a script is looked at again only when it or the program has
//! changed. The folder may be deleted at any time; where it cannot be written, nothing is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use bakelint_core::config::SHELLCHECK;
use bakelint_core::prelude::*;
use serde::{Deserialize, Serialize};

/// Most scripts of one call.
const BATCH: usize = 500;

/// Codes that say nothing in a Dockerfile: files that cannot be followed, and shells that ShellCheck does not know.
const EXCLUDED: &str = "SC1090,SC1091,SC2187";

static META: Meta = Meta { id: SHELLCHECK, ..Meta::DEFAULT };

/// A script to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Job {
    /// ShellCheck's name for the shell.
    dialect: &'static str,
    /// What is looked at: one line of ours, then the script.
    text: String,
}

/// A place where a script stands.
struct Place {
    job: Job,
    script: MappedText,
}

/// One thing that ShellCheck says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    file: String,
    line: usize,
    end_line: usize,
    column: usize,
    end_column: usize,
    level: String,
    code: u32,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    comments: Vec<Comment>,
}

/// What ShellCheck says about all RUN instructions of a project. What it said before is taken from the folder `cache`.
///
/// # Errors
/// When the program is not there, or cannot be run.
pub fn check(project: &Project, cache: Option<&Path>) -> io::Result<Vec<Diagnostic>> {
    let program = find()?;
    let cache = cache.map(|folder| Cache { folder: folder.to_owned(), program: identity(&program) });
    let places: Vec<Place> = project.all_runs().filter_map(|run| place(project, run)).collect();
    let mut jobs: BTreeMap<&'static str, Vec<&Job>> = BTreeMap::new();
    let mut answers: HashMap<&Job, Vec<Comment>> = HashMap::new();
    for job in places.iter().map(|place| &place.job).collect::<BTreeSet<_>>() {
        match cache.as_ref().and_then(|cache| cache.get(job)) {
            Some(comments) => _ = answers.insert(job, comments),
            None => jobs.entry(job.dialect).or_default().push(job),
        }
    }
    for (dialect, jobs) in &jobs {
        for batch in jobs.chunks(BATCH) {
            let folder = Folder::new()?;
            batch.iter().for_each(|job| _ = answers.insert(job, Vec::new()));
            for (index, comment) in run(&program, &folder.0, dialect, batch)? {
                if let Some(comments) = batch.get(index).and_then(|job| answers.get_mut(job)) {
                    comments.push(comment);
                }
            }
            for job in batch {
                if let (Some(cache), Some(comments)) = (&cache, answers.get(job)) {
                    cache.put(job, comments);
                }
            }
        }
    }
    let mut found = Findings::new(&META);
    for place in &places {
        for comment in answers.get(&place.job).into_iter().flatten() {
            add(&mut found, place, comment);
        }
    }
    Ok(found.into_diagnostics())
}

fn place(project: &Project, run: &Run) -> Option<Place> {
    if run.exec || run.shell.family != ShellFamily::Posix {
        return None;
    }
    let dialect = match run.shell.name().as_str() {
        "sh" => "sh",
        "bash" => "bash",
        "dash" | "ash" | "busybox" => "dash",
        "ksh" | "mksh" => "ksh",
        _ => return None,
    };
    let dockerfile = project.dockerfiles.get(run.dockerfile)?;
    let script = dockerfile.tree.instructions.get(run.instruction)?.script()?.text;
    let names = project.variable_names(run.dockerfile, run.stage, run.instruction);
    let exports: Vec<String> = names.into_iter().map(|name| format!("{name}=1")).collect();
    let first = if exports.is_empty() { ":".to_owned() } else { format!("export {}", exports.join(" ")) };
    let text = format!("{first}\n{}\n", script.as_str());
    Some(Place { job: Job { dialect, text }, script })
}

/// Calls the program: what it says, with the index of the script.
fn run(program: &Path, folder: &Path, dialect: &str, batch: &[&Job]) -> io::Result<Vec<(usize, Comment)>> {
    for (index, job) in batch.iter().enumerate() {
        fs::write(folder.join(index.to_string()), &job.text)?;
    }
    let output = Command::new(program)
        .args(["--norc", "--format=json1", "--exclude", EXCLUDED, "--shell", dialect])
        .args((0..batch.len()).map(|index| index.to_string()))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        io::Error::other(said.lines().next().unwrap_or("shellcheck gives no answer").to_owned())
    })?;
    Ok(answer.comments.into_iter().filter_map(|comment| Some((comment.file.parse().ok()?, comment))).collect())
}

/// Carries a place over to the Dockerfile. What is said about our own first line is dropped.
fn add(found: &mut Findings, place: &Place, comment: &Comment) -> Option<()> {
    let offset = |line: usize, column: usize| {
        let line_start = match line.checked_sub(2)? {
            0 => 0,
            nth => place.script.match_indices('\n').nth(nth - 1)?.0 + 1,
        };
        // Columns count characters from 1.
        let rest = place.script.get(line_start..)?;
        let column = rest.char_indices().map(|(at, _)| at).nth(column.checked_sub(1)?).unwrap_or(rest.len());
        Some(line_start + column)
    };
    let start = offset(comment.line, comment.column)?;
    let end = offset(comment.end_line, comment.end_column)?.max(start);
    let span = place.script.span_of(start..end);
    let severity = match comment.level.as_str() {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => Severity::Info,
    };
    let code = format!("SC{:04}", comment.code);
    let message = format!("{code}: {}", comment.message.trim_end_matches('.'));
    let help = format!("see <https://www.shellcheck.net/wiki/{code}>");
    found.add(span, message).severity(severity).help(help).known_as(alias(&code));
    Some(())
}

/// The finding's name with its tool. Names live as long as the program: there are a few hundred codes.
fn alias(code: &str) -> &'static str {
    static NAMES: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.entry(code.to_owned()).or_insert_with(|| Box::leak(format!("shellcheck:{code}").into_boxed_str()))
}

/// The program, as the search path has it.
fn find() -> io::Result<PathBuf> {
    let name = format!("shellcheck{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut programs =
        std::env::split_paths(&folders).filter(|folder| folder.is_absolute()).map(|folder| folder.join(&name));
    programs.find(|path| path.is_file()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// What changes when the program is replaced by another version.
fn identity(program: &Path) -> String {
    let known = fs::metadata(program).ok();
    let age = known.as_ref().and_then(|known| known.modified().ok());
    let since = age.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{} {} {}", program.display(), known.map_or(0, |known| known.len()), since.as_nanos())
}

/// Where a user's programs keep what they can make again; `None` if nobody says so.
pub fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let folder = set("XDG_CACHE_HOME").filter(absolute).or_else(|| match std::env::consts::OS {
        "windows" => set("LOCALAPPDATA"),
        "macos" => Some(set("HOME")?.join("Library/Caches")),
        _ => Some(set("HOME")?.join(".cache")),
    });
    Some(folder.filter(absolute)?.join("bakelint").join("shellcheck"))
}

/// What was said before: one file for each script.
struct Cache {
    folder: PathBuf,
    program: String,
}

/// The content of a file of the cache. The question is part of it, so that two with the same hash are told apart.
#[derive(Serialize, Deserialize)]
struct Entry {
    program: String,
    excluded: String,
    dialect: String,
    text: String,
    comments: Vec<Comment>,
}

impl Cache {
    fn path(&self, job: &Job) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (&self.program, EXCLUDED, job).hash(&mut hasher);
        self.folder.join(format!("{:016x}.json", hasher.finish()))
    }

    fn get(&self, job: &Job) -> Option<Vec<Comment>> {
        let entry: Entry = serde_json::from_slice(&fs::read(self.path(job)).ok()?).ok()?;
        let same = entry.program == self.program
            && entry.excluded == EXCLUDED
            && entry.dialect == job.dialect
            && entry.text == job.text;
        same.then_some(entry.comments)
    }

    /// Keeps what was said. Other processes see a whole file or none, because it is moved into place; whatever fails is no harm.
    fn put(&self, job: &Job, comments: &[Comment]) {
        let entry = Entry {
            program: self.program.clone(),
            excluded: EXCLUDED.to_owned(),
            dialect: job.dialect.to_owned(),
            text: job.text.clone(),
            comments: comments.to_vec(),
        };
        let path = self.path(job);
        let unfinished = path.with_extension(std::process::id().to_string());
        let write = || {
            fs::create_dir_all(&self.folder)?;
            fs::write(&unfinished, serde_json::to_vec(&entry)?)?;
            fs::rename(&unfinished, &path)
        };
        if write().is_err() {
            let _ = fs::remove_file(&unfinished);
        }
    }
}

/// A temporary folder that goes away with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Folder> {
        for attempt in 0..1000 {
            let name = format!("bakelint-{}-{attempt}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no temporary folder can be made"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_kept_for_the_same_question_only() {
        let folder = Folder::new().expect("there is room");
        let cache = |program: &str| Cache { folder: folder.0.join("a/b"), program: program.to_owned() };
        let job = |dialect, text: &str| Job { dialect, text: text.to_owned() };
        let comment = Comment {
            file: "0".into(),
            line: 2,
            end_line: 2,
            column: 1,
            end_column: 2,
            level: "info".into(),
            code: 2086,
            message: "Double quote.".into(),
        };
        assert_eq!(cache("1").get(&job("sh", "a")), None);
        cache("1").put(&job("sh", "a"), std::slice::from_ref(&comment));
        cache("1").put(&job("sh", "b"), &[]);
        assert_eq!(cache("1").get(&job("sh", "a")), Some(vec![comment]));
        assert_eq!(cache("1").get(&job("sh", "b")), Some(Vec::new()));
        assert_eq!(cache("1").get(&job("bash", "a")), None);
        assert_eq!(cache("2").get(&job("sh", "a")), None);
        fs::write(cache("1").path(&job("sh", "a")), "{").expect("it can be written");
        assert_eq!(cache("1").get(&job("sh", "a")), None);
        // A folder that cannot be made is no harm.
        fs::write(folder.0.join("file"), "").expect("it can be written");
        Cache { folder: folder.0.join("file/x"), program: String::new() }.put(&job("sh", "a"), &[]);
    }

    #[test]
    fn places_are_carried_over_to_the_dockerfile() {
        let text = "FROM debian:12\nARG V=1\nRUN true && \\\n    echo é $X\nRUN <<E\na\n  echo $Y\nE\n";
        let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default());
        let runs = project.runs(0);
        let place = |at: usize| place(&project, &runs[at]).expect("it is looked at");
        assert_eq!(place(0).job.text, "export V=1\ntrue &&     echo é $X\n");
        let comment = |line, column, end_column| Comment {
            file: "0".into(),
            line,
            end_line: line,
            column,
            end_column,
            level: "info".into(),
            code: 2086,
            message: "Double quote.".into(),
        };
        let said = |at: usize, comment: Comment| {
            let mut found = Findings::new(&META);
            add(&mut found, &place(at), &comment);
            let text = |one: &Diagnostic| {
                format!("{} {} {:?}", project.dockerfiles[0].source.slice(one.span), one.message, one.also(&[]))
            };
            found.into_diagnostics().iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(said(0, comment(2, 20, 22)), ["$X SC2086: Double quote [\"shellcheck:SC2086\"]"]);
        assert_eq!(said(1, comment(3, 8, 10)), ["$Y SC2086: Double quote [\"shellcheck:SC2086\"]"]);
        assert!(said(0, comment(1, 1, 2)).is_empty());
        assert!(said(0, comment(9, 1, 2)).is_empty());
    }
}
