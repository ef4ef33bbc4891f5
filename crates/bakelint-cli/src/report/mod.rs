//! Findings on paper: one file a format.

pub mod concise;
pub mod full;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod junit;
pub mod replay;
pub mod sarif;

use bakelint_core::prelude::*;

use crate::Surroundings;

/// How text may look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether colours may be used.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

impl Look {
    /// The look for where the program runs.
    pub fn of(around: &Surroundings) -> Self {
        Look { color: around.color, width: around.width.clamp(60, 140) }
    }
}

/// Counts of findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Files that were read.
    pub files: usize,
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity info.
    pub infos: usize,
    /// Findings with a fix that `--fix` applies.
    pub fixable: usize,
}

impl Summary {
    /// Counts `diagnostics` over the files of `project`.
    pub fn of(project: &Project, diagnostics: &[Diagnostic]) -> Self {
        let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        Summary {
            files: project.snapshot.files().count(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            fixable: diagnostics.iter().filter(|diagnostic| is_fixable(diagnostic)).count(),
        }
    }
}

/// Whether `--fix` would apply the finding's fix.
pub fn is_fixable(diagnostic: &Diagnostic) -> bool {
    diagnostic.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Safe)
}

/// "1 error", "2 errors".
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
