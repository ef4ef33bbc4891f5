//! A repository's commits and objects, read through the `git` program.
//!
//! Nothing of the repository is checked out, executed or fetched: hooks, file system monitors, replacement objects and
//! lazy fetching of partial clones are switched off, and only the object store is asked.

use super::tree::{Entry, ObjectFormat, Oid};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Why the history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The `git` program cannot be started.
    #[error("cannot run `git`: {0}")]
    NoGit(std::io::Error),
    /// The directory is in no repository.
    #[error("{path} is in no git repository: {message}")]
    NotARepository {
        /// The directory.
        path: String,
        /// What git said.
        message: String,
    },
    /// The branch has no commit yet.
    #[error("the repository has no commits")]
    NoCommits,
    /// There is no such revision.
    #[error("`{0}` is no commit of this repository")]
    NoSuchRevision(String),
    /// An object is not there.
    #[error("object {oid} is missing; {hint}")]
    Missing {
        /// The object.
        oid: Oid,
        /// Why that may be and what to do.
        hint: &'static str,
    },
    /// An object cannot be read.
    #[error("object {oid} is damaged: {message}")]
    Damaged {
        /// The object.
        oid: Oid,
        /// What is wrong with it.
        message: String,
    },
    /// Git failed in another way.
    #[error("`git {command}` failed: {message}")]
    Git {
        /// The subcommand.
        command: String,
        /// What git said.
        message: String,
    },
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// The tree of its files.
    pub tree: Oid,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
    /// The first line of its message.
    pub subject: String,
    /// The number of the merged branch that it was made on; `None` for the branch whose history this is.
    pub branch: Option<u32>,
}

/// Which commits to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest so many.
    Last(usize),
    /// All.
    All,
}

/// A repository and a directory in it.
#[derive(Debug, Clone)]
pub struct Repository {
    path: PathBuf,
    prefix: String,
    format: ObjectFormat,
    shallow: bool,
    partial: bool,
    branch: Option<String>,
}

impl Repository {
    /// Finds the repository that holds the directory `path`: a checkout, a linked work tree or a bare repository.
    ///
    /// # Errors
    ///
    /// `git` cannot be run, or the directory is in no repository.
    pub fn open(path: &Path) -> Result<Repository, HistoryError> {
        let mut found = Repository {
            path: path.into(),
            prefix: String::new(),
            format: ObjectFormat::Sha1,
            shallow: false,
            partial: false,
            branch: None,
        };
        let answer = found.run(&["rev-parse", "--is-shallow-repository", "--show-object-format", "--show-prefix"]);
        let answer = answer.map_err(|error| match error {
            HistoryError::Git { message, .. } => {
                HistoryError::NotARepository { path: path.display().to_string(), message }
            }
            error => error,
        })?;
        let mut lines = answer.lines();
        found.shallow = lines.next() == Some("true");
        if lines.next() == Some("sha256") {
            found.format = ObjectFormat::Sha256;
        }
        found.prefix = lines.next().unwrap_or_default().trim_end_matches('/').to_owned();
        let setting = |name: &str| found.run(&["config", "--get", name]).unwrap_or_default().trim().to_owned();
        found.partial = !setting("extensions.partialClone").is_empty();
        found.branch = found.run(&["symbolic-ref", "--short", "-q", "HEAD"]).ok().map(|name| name.trim().to_owned());
        Ok(found)
    }

    /// Path of the directory inside the repository, without slashes at its ends; empty for the top.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The hash that names objects.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Whether the clone was cut off, so that older commits are not there.
    pub fn is_shallow(&self) -> bool {
        self.shallow
    }

    /// Name of the branch that is checked out.
    pub fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// First-parent commits up to `tip`, oldest first: what the branch itself was at, one after the other.
    ///
    /// # Errors
    ///
    /// There are no commits, `tip` is none, or git fails.
    pub fn commits(&self, tip: &str, range: Range) -> Result<Vec<Commit>, HistoryError> {
        let verify = format!("{tip}^{{commit}}");
        if tip.starts_with('-') || self.run(&["rev-parse", "--verify", "-q", "--end-of-options", &verify]).is_err() {
            let empty = tip == "HEAD";
            return Err(if empty { HistoryError::NoCommits } else { HistoryError::NoSuchRevision(tip.to_owned()) });
        }
        let count;
        let mut args = vec!["--first-parent"];
        if let Range::Last(n) = range {
            count = format!("--max-count={n}");
            args.push(&count);
        }
        args.extend(["--end-of-options", tip, "--"]);
        let mut commits: Vec<Commit> = self.log(&args)?.into_iter().map(|(commit, _)| commit).collect();
        commits.reverse();
        if commits.is_empty() { Err(HistoryError::NoCommits) } else { Ok(commits) }
    }

    /// The commit that `revision` and what is checked out have in common, so that what others did since is not counted;
    /// the revision's own commit where they have none, as in a clone that was cut off.
    ///
    /// # Errors
    ///
    /// There is no such commit, or git fails.
    pub fn common_commit(&self, revision: &str) -> Result<String, HistoryError> {
        let none = || HistoryError::NoSuchRevision(revision.to_owned());
        if revision.starts_with('-') {
            return Err(none());
        }
        let verify = format!("{revision}^{{commit}}");
        let commit = self.run(&["rev-parse", "--verify", "-q", "--end-of-options", &verify]).map_err(|_| none())?;
        let commit = commit.trim();
        let common = self.run(&["merge-base", commit, "HEAD"]).unwrap_or_default();
        let common = common.lines().next().unwrap_or_default().trim();
        Ok(if common.is_empty() { commit } else { common }.to_owned())
    }

    /// The files of a commit in and below the directory, by path relative to it. Submodules are left out, and so are names
    /// that are not UTF-8.
    ///
    /// # Errors
    ///
    /// Git fails.
    pub fn files(&self, commit: &str) -> Result<BTreeMap<String, Entry>, HistoryError> {
        let listing = self.run_bytes(&["ls-tree", "-r", "-z", "--end-of-options", commit])?;
        Ok(listing.split(|byte| *byte == 0).filter_map(listed).collect())
    }

    /// As [`commits`](Self::commits), with the commits of the branches that were merged among them, each as what a pull
    /// request was at: in order of time, behind what the branch was forked from and before its merge.
    ///
    /// # Errors
    ///
    /// As for [`commits`](Self::commits).
    pub fn commits_of_branches(&self, tip: &str, range: Range) -> Result<Vec<Commit>, HistoryError> {
        let main = self.commits(tip, range)?;
        let Some(oldest) = main.first() else { return Err(HistoryError::NoCommits) };
        let without = format!("^{}", oldest.id);
        let log = self.log(&["--end-of-options", tip, &without, "--"])?;
        let all: HashMap<Oid, (Commit, Vec<Oid>)> = log.into_iter().map(|entry| (entry.0.id, entry)).collect();
        Ok(interleave(main, &all))
    }

    /// Commits with their parents.
    fn log(&self, args: &[&str]) -> Result<Vec<(Commit, Vec<Oid>)>, HistoryError> {
        let options = ["log", "--no-show-signature", "--no-notes", "--no-decorate", "--no-color", "--encoding=UTF-8"];
        let format = ["--format=%H %T %ct %P%x09%s"];
        let answer = self.run(&[&options[..], &format, args].concat())?;
        Ok(answer.lines().filter_map(commit).collect())
    }

    /// Opens the object store.
    ///
    /// # Errors
    ///
    /// `git` cannot be run.
    pub fn objects(&self) -> Result<Objects, HistoryError> {
        let mut child = self
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(HistoryError::NoGit)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| HistoryError::NoGit(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Objects { repository: self.clone(), child, input, output: BufReader::with_capacity(1 << 16, output) })
    }

    /// The program with everything off that could run code, write, wait for a person or reach out.
    fn command(&self, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.path);
        for setting in [
            "core.fsmonitor=false",
            "core.hooksPath=/dev/null",
            "core.quotePath=false",
            "log.showSignature=false",
            "diff.external=",
            "gc.auto=0",
            "protocol.allow=never",
        ] {
            git.args(["-c", setting]);
        }
        git.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"]).args(args);
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES"] {
            git.env_remove(variable);
        }
        for variable in ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_EXTERNAL_DIFF", "GIT_TRACE"] {
            git.env_remove(variable);
        }
        git.env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("LC_ALL", "C");
        git
    }

    fn run(&self, args: &[&str]) -> Result<String, HistoryError> {
        self.run_bytes(args).map(|output| String::from_utf8_lossy(&output).into_owned())
    }

    fn run_bytes(&self, args: &[&str]) -> Result<Vec<u8>, HistoryError> {
        let output = self.command(args).stdin(Stdio::null()).output().map_err(HistoryError::NoGit)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr);
        let message = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message").trim();
        let message = message.strip_prefix("fatal: ").unwrap_or(message).to_owned();
        Err(HistoryError::Git { command: args.first().copied().unwrap_or_default().to_owned(), message })
    }
}

/// One entry of `git ls-tree -z`: `MODE KIND ID<tab>PATH`.
fn listed(entry: &[u8]) -> Option<(String, Entry)> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let mut words = std::str::from_utf8(&entry[..tab]).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let oid = words.next().filter(|kind| *kind == "blob").and_then(|_| Oid::from_hex(words.next()?))?;
    let path = std::str::from_utf8(&entry[tab + 1..]).ok()?;
    Some((path.to_owned(), Entry { mode, name: path.as_bytes().into(), oid }))
}

fn commit(line: &str) -> Option<(Commit, Vec<Oid>)> {
    let (ids, subject) = line.split_once('\t')?;
    let mut parts = ids.split(' ');
    let commit = Commit {
        id: Oid::from_hex(parts.next()?)?,
        tree: Oid::from_hex(parts.next()?)?,
        time: parts.next()?.parse().ok()?,
        subject: subject.to_owned(),
        branch: None,
    };
    Some((commit, parts.filter_map(Oid::from_hex).collect()))
}

/// Puts the commits of merged branches between those of the branch that they were merged into. Clocks of other people
/// may be wrong, so a commit never counts as older than the one before it, nor as newer than its merge.
fn interleave(main: Vec<Commit>, all: &HashMap<Oid, (Commit, Vec<Oid>)>) -> Vec<Commit> {
    let mut times: Vec<i64> = Vec::with_capacity(main.len());
    for commit in &main {
        times.push(times.last().map_or(commit.time, |before| commit.time.max(*before)));
    }
    let place: HashMap<Oid, usize> = main.iter().enumerate().map(|(at, commit)| (commit.id, at)).collect();
    let mut taken: HashSet<Oid> = HashSet::new();
    let mut runs: Vec<((i64, usize, bool, usize), Commit)> = Vec::new();
    let mut branches = 0;
    for (at, merge) in main.into_iter().enumerate() {
        let parents = all.get(&merge.id).map_or(&[][..], |(_, parents)| parents);
        for head in parents.iter().skip(1) {
            let mut chain = Vec::new();
            let mut next = Some(*head);
            while let Some((commit, parents)) = next.and_then(|id| all.get(&id))
                && !place.contains_key(&commit.id)
                && taken.insert(commit.id)
            {
                chain.push(commit);
                next = parents.first().copied();
            }
            let mut time = next.and_then(|fork| place.get(&fork)).map_or(i64::MIN, |fork| times[*fork]);
            for (number, commit) in chain.iter().rev().enumerate() {
                time = time.max(commit.time).min(times[at]).max(times[0]);
                runs.push(((time, at, false, number), Commit { branch: Some(branches), ..(*commit).clone() }));
            }
            branches += u32::from(!chain.is_empty());
        }
        runs.push(((times[at], at, true, 0), merge));
    }
    runs.sort_by_key(|(key, _)| *key);
    runs.into_iter().map(|(_, commit)| commit).collect()
}

/// An open object store: one `git cat-file --batch` that answers all requests.
#[derive(Debug)]
pub struct Objects {
    repository: Repository,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// The largest object that is read: definitions and directories are far smaller.
const MAX_OBJECT: usize = 64 << 20;

impl Objects {
    /// The hash that names objects.
    pub fn format(&self) -> ObjectFormat {
        self.repository.format
    }

    /// Reads an object that must be of this kind.
    ///
    /// # Errors
    ///
    /// It is missing, damaged or of another kind.
    pub fn read(&mut self, oid: Oid, kind: &'static str) -> Result<Vec<u8>, HistoryError> {
        let answer = self.ask(oid).map_err(|_| self.broken(oid))?;
        let mut words = answer.trim_end().split(' ').skip(1);
        let found = words.next().unwrap_or_default();
        if found == "missing" {
            return Err(self.missing(oid));
        }
        let Some(size) = words.next().and_then(|size| size.parse::<usize>().ok()) else {
            return Err(self.broken(oid));
        };
        // The content is followed by a line end. What is too large to be of use is read over.
        let mut content = Vec::new();
        let kept = size.min(MAX_OBJECT);
        let whole = (&mut self.output).take(kept as u64).read_to_end(&mut content);
        let rest = std::io::copy(&mut (&mut self.output).take((size - kept + 1) as u64), &mut std::io::sink());
        if whole.is_err() || rest.is_err() || content.len() < kept {
            return Err(self.broken(oid));
        }
        if found != kind {
            return Err(HistoryError::Damaged { oid, message: format!("it should be a {kind} and is a {found}") });
        }
        Ok(content)
    }

    fn ask(&mut self, oid: Oid) -> std::io::Result<String> {
        self.input.write_all(format!("{oid}\n").as_bytes())?;
        self.input.flush()?;
        let mut answer = String::new();
        if self.output.read_line(&mut answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }

    /// Git calls an object missing as well when it cannot unpack it. Asked again, it says more.
    fn missing(&self, oid: Oid) -> HistoryError {
        match self.repository.run(&["cat-file", "-p", &oid.to_string()]) {
            Err(HistoryError::Git { message, .. }) if !message.contains("Not a valid object name") => {
                HistoryError::Damaged { oid, message }
            }
            _ if self.repository.partial => {
                HistoryError::Missing { oid, hint: "the clone is partial and nothing is fetched; make a full clone" }
            }
            _ => HistoryError::Missing { oid, hint: "the repository is incomplete; `git fsck` tells more" },
        }
    }

    /// Git ended in the middle: it is asked again in a way that gives its message.
    fn broken(&self, oid: Oid) -> HistoryError {
        let message = match self.repository.run(&["cat-file", "-p", &oid.to_string()]) {
            Err(HistoryError::Git { message, .. }) => message,
            _ => "git ended while it was read".to_owned(),
        };
        HistoryError::Damaged { oid, message }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // The process ends by itself when its input closes; waiting for it leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
