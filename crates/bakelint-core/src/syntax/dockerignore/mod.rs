//! `.dockerignore`: which files of a context a build sees.
//!
//! Reading follows `moby/patternmatcher`'s `ignorefile.ReadAll`, matching its `patternmatcher.go` and the walk of
//! `tonistiigi/fsutil`'s `filter.go`, corner cases included: patterns are anchored at the context's root, a pattern that
//! matches a folder covers what lies in it, the last matching line wins, and a `!` line brings back what an earlier line
//! took away.

mod pattern;

use pattern::Matcher;

use crate::edit::Edit;
use crate::source::{FileId, Span};
use crate::syntax::SyntaxError;

/// The default name, at the root of the context.
pub const FILE_NAME: &str = ".dockerignore";

/// The longest line that Docker reads, in bytes (`bufio.MaxScanTokenSize`).
const LINE_LIMIT: usize = 64 * 1024;

/// An ignore file: its patterns in order, ready to match.
#[derive(Debug, Clone)]
pub struct Ignore {
    patterns: Vec<Pattern>,
    negated: bool,
    /// Each `!` pattern without a trailing `/**` or `/*`, or nothing if one of them holds a wild card elsewhere: a folder
    /// that is ignored and leads to none of them need not be looked into.
    exceptions: Option<Vec<String>>,
}

/// One line that holds a pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The pattern as Docker compares it: without `!`, cleaned, relative to the root of the context.
    pub text: String,
    /// Whether it begins with `!`: what it matches is not ignored after all.
    pub negated: bool,
    /// The pattern as it is written, without blanks around it.
    pub span: Span,
    matcher: Matcher,
}

impl Pattern {
    /// Whether the pattern matches `path` itself; the folders above it are not looked at, nor is `!`.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.matches(path)
    }

    /// Whether the pattern matches everything at the root of the context, as `*`, `**` and `**/*` do.
    pub fn is_everything(&self) -> bool {
        !self.negated && matches!(self.text.as_str(), "*" | "**" | "**/*")
    }
}

/// Reads an ignore file. A line that Docker refuses makes the whole build fail; here it matches nothing.
pub fn parse(file: FileId, text: &str) -> (Ignore, Vec<SyntaxError>) {
    let mut patterns = Vec::new();
    let mut errors = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let begin = start;
        start += line.len() + 1;
        if line.len() >= LINE_LIMIT {
            let span = Span::new(file, begin..begin + line.len());
            errors.push(SyntaxError::new("the line is longer than 64 KiB", span));
            break;
        }
        let unmarked = if begin == 0 { line.trim_start_matches('\u{feff}') } else { line };
        let written = unmarked.trim();
        if unmarked.starts_with('#') || written.is_empty() {
            continue;
        }
        let at = begin + line.len() - unmarked.len() + unmarked.len() - unmarked.trim_start().len();
        let span = Span::new(file, at..at + written.len());
        match normalize(written) {
            Ok(None) => {}
            Ok(Some((negated, text))) => {
                let matcher = Matcher::new(&text).unwrap_or_else(|message| {
                    errors.push(SyntaxError::new(message, span));
                    Matcher::Nothing
                });
                patterns.push(Pattern { text, negated, span, matcher });
            }
            Err(message) => errors.push(SyntaxError::new(message, span)),
        }
    }
    (Ignore::new(patterns), errors)
}

/// Whether a line is negated, and its pattern as Docker compares it; nothing if no pattern is left.
fn normalize(written: &str) -> Result<Option<(bool, String)>, &'static str> {
    // ReadAll cleans what stands behind the `!`; New then cleans the whole once more, and `!/` becomes a lone `!`.
    let (mark, rest) = match written.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", written),
    };
    let cleaned = if rest.is_empty() { String::new() } else { clean(rest) };
    let relative = if cleaned.len() > 1 { cleaned.strip_prefix('/').unwrap_or(&cleaned) } else { &cleaned };
    let marked = format!("{mark}{relative}");
    if marked.trim().is_empty() {
        return Ok(None);
    }
    let whole = clean(marked.trim());
    match whole.strip_prefix('!') {
        Some("") => Err("`!` needs a pattern behind it"),
        Some(pattern) => Ok(Some((true, pattern.to_owned()))),
        None => Ok(Some((false, whole))),
    }
}

/// The shortest path that means the same, as Go's `filepath.Clean` finds it on Unix.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None if !rooted => parts.push(".."),
                Some(_) => _ = parts.pop(),
                None => {}
            },
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// What is known about one folder of the context while walking down: see [`Ignore::root`].
#[derive(Debug, Clone)]
pub struct Folder {
    /// Whether the folder itself is ignored. What lies in it may still come back; see [`Ignore::can_skip`].
    pub ignored: bool,
    /// The patterns that matched it or a folder around it.
    matched: Vec<u64>,
}

impl Ignore {
    fn new(patterns: Vec<Pattern>) -> Self {
        let negated = patterns.iter().any(|pattern| pattern.negated);
        let stem = |text: &str| {
            let text = text.strip_suffix("/**").unwrap_or(text);
            text.strip_suffix("/*").unwrap_or(text).to_owned()
        };
        let stems: Vec<String> =
            patterns.iter().filter(|pattern| pattern.negated).map(|pattern| stem(&pattern.text)).collect();
        let plain = stems.iter().all(|stem| !stem.contains(['*', '[', ']', '?', '^', '\\']));
        Ignore { patterns, negated, exceptions: plain.then_some(stems) }
    }

    /// The patterns, in order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether any line begins with `!`.
    pub fn has_negation(&self) -> bool {
        self.negated
    }

    /// Whether a build does not see the file or folder at `path`, which is relative to the root of the context.
    ///
    /// This is what the transfer of a context does. To look at many paths, walk with [`root`](Ignore::root) and
    /// [`enter`](Ignore::enter).
    pub fn is_ignored(&self, path: &str) -> bool {
        self.verdict(path).is_some_and(|pattern| !pattern.negated)
    }

    /// The pattern that decides about `path`: ignored if it is not negated, seen if it is or if there is none.
    pub fn verdict(&self, path: &str) -> Option<&Pattern> {
        let mut folder = self.root();
        for (slash, _) in path.match_indices('/') {
            folder = self.enter(&folder, &path[..slash]);
        }
        self.decide(&folder, path).0.and_then(|at| self.patterns.get(at))
    }

    /// Whether `path` or a folder above it is matched, each pattern tried on all of them in turn. BuildKit's check for
    /// copied files that are ignored asks this. It differs from [`is_ignored`](Ignore::is_ignored) only where a `!` line
    /// matches a folder that no earlier line had ignored.
    pub fn matches_or_parents(&self, path: &str) -> bool {
        let mut matched = false;
        let parents = parents(path);
        for pattern in &self.patterns {
            if pattern.negated == matched && (pattern.matches(path) || parents.iter().any(|path| pattern.matches(path)))
            {
                matched = !pattern.negated;
            }
        }
        matched
    }

    /// The root of the context, where a walk begins.
    pub fn root(&self) -> Folder {
        Folder { ignored: false, matched: vec![0; self.patterns.len().div_ceil(64)] }
    }

    /// Steps into the folder at `path` (relative to the root of the context), which lies in `parent`.
    pub fn enter(&self, parent: &Folder, path: &str) -> Folder {
        let (last, matched) = self.decide(parent, path);
        let ignored = last.and_then(|at| self.patterns.get(at)).is_some_and(|pattern| !pattern.negated);
        Folder { ignored, matched }
    }

    /// Whether a build does not see the file at `path` (relative to the root of the context), which lies in `parent`.
    pub fn is_ignored_in(&self, parent: &Folder, path: &str) -> bool {
        self.decide(parent, path).0.and_then(|at| self.patterns.get(at)).is_some_and(|pattern| !pattern.negated)
    }

    /// Whether nothing that lies in the folder at `path` can be seen, so that a walk may leave it out.
    pub fn can_skip(&self, folder: &Folder, path: &str) -> bool {
        let leads_to = |exception: &String| {
            exception.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        folder.ignored && self.exceptions.as_ref().is_some_and(|exceptions| !exceptions.iter().any(leads_to))
    }

    /// The last pattern that changed the verdict, and all that matched so far.
    fn decide(&self, parent: &Folder, path: &str) -> (Option<usize>, Vec<u64>) {
        let mut matched = parent.matched.clone();
        let mut last = None;
        let mut ignored = false;
        for (at, pattern) in self.patterns.iter().enumerate() {
            let Some(word) = matched.get_mut(at / 64) else { continue };
            let bit = 1u64 << (at % 64);
            // A pattern that could not change anything is not tried, and does not count for what lies below.
            if *word & bit == 0 && pattern.negated == ignored && pattern.matches(path) {
                *word |= bit;
            }
            if *word & bit != 0 {
                if ignored == pattern.negated {
                    last = Some(at);
                }
                ignored = !pattern.negated;
            }
        }
        (last, matched)
    }

    /// Whether BuildKit's check for copied files takes the root of the context for ignored.
    pub fn ignores_root(&self) -> bool {
        self.patterns.iter().any(Pattern::is_everything)
    }
}

/// The folders above `path`, outermost first, as `MatchesOrParentMatches` lists them.
fn parents(path: &str) -> Vec<&str> {
    let Some(slash) = path.rfind('/') else { return Vec::new() };
    let folder = if slash == 0 { "/" } else { &path[..slash] };
    let mut parents: Vec<&str> = folder.match_indices('/').map(|(at, _)| &folder[..at]).collect();
    parents.push(folder);
    parents
}

/// The ignore file that is in force for a build, as paths in order of precedence: the Dockerfile's own, by the name that
/// the build asks for, then the one at the root of the context. The first that exists counts, even if it is empty
/// (BuildKit `frontend/dockerui/config.go`).
pub fn candidates(dockerfile: &str, context: &str) -> [String; 2] {
    let folder = context.trim_end_matches('/');
    let at_root = if matches!(folder, "" | ".") { FILE_NAME.to_owned() } else { format!("{folder}/{FILE_NAME}") };
    [format!("{dockerfile}{FILE_NAME}"), at_root]
}

/// Adds `pattern` as the last line.
pub fn append_line(file: FileId, text: &str, pattern: &str) -> Edit {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { ending };
    Edit::insert(Span::at(file, text.len()), format!("{lead}{pattern}{ending}"))
}

/// Removes the line of `pattern`.
pub fn remove_line(text: &str, pattern: &Pattern) -> Edit {
    let range = pattern.span.range();
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |length| range.end + length + 1);
    Edit::delete(Span::new(pattern.span.file, start..end))
}

#[cfg(test)]
mod tests;
