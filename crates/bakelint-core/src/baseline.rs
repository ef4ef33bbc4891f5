//! Fingerprints of findings by meaning, and the baseline: old findings pass, new ones fail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::diagnostic::Diagnostic;
use crate::model::Project;

/// The fingerprint of each finding, in order: equal before and after anything that does not change what the finding
/// says (inserted lines, other layout, a renamed file).
///
/// It is made of the rule, the names of the nodes around the place, the text of the place without its layout, and the
/// ordinal among findings that are equal in all of that.
pub fn fingerprints(project: &Project, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let keys = diagnostics.iter().map(|diagnostic| {
        let file = diagnostic.span.file;
        let text =
            project.snapshot.get(file).map(|source| canonical(source.slice(diagnostic.span))).unwrap_or_default();
        format!("{}\0{}\0{text}", diagnostic.rule, project.outline(file).path(diagnostic.span))
    });
    keys.map(|key| {
        let ordinal = seen.entry(key.clone()).or_default();
        *ordinal += 1;
        let digest = Sha256::digest(format!("{key}\0{ordinal}"));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    })
    .collect()
}

/// The words of a text joined by single blanks, without comment lines and continuation marks.
pub fn canonical(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.strip_suffix('\\').unwrap_or(line).split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

/// Findings that are known and accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of this format.
    pub version: u32,
    /// One entry a finding.
    pub findings: Vec<Known>,
}

/// A finding that is known and accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What decides.
    pub fingerprint: String,
    /// For people who read the file.
    pub rule: String,
    /// Where it was when it was written down; for people too.
    pub path: String,
    /// What it said.
    pub message: String,
}

impl Baseline {
    /// The version that this code writes.
    pub const VERSION: u32 = 1;

    /// A baseline that accepts all of `diagnostics`.
    pub fn of(project: &Project, diagnostics: &[Diagnostic]) -> Self {
        let known =
            fingerprints(project, diagnostics).into_iter().zip(diagnostics).map(|(fingerprint, diagnostic)| Known {
                fingerprint,
                rule: diagnostic.rule.to_owned(),
                path: project.snapshot.get(diagnostic.span.file).map(|file| file.path.clone()).unwrap_or_default(),
                message: diagnostic.message.clone(),
            });
        let mut findings: Vec<Known> = known.collect();
        findings.sort_by(|a, b| (&a.path, &a.rule, &a.fingerprint).cmp(&(&b.path, &b.rule, &b.fingerprint)));
        Baseline { version: Self::VERSION, findings }
    }

    /// Splits findings into those that are new and a count of those that are known; entries that nothing matches any more
    /// are returned as stale.
    pub fn compare(&self, project: &Project, diagnostics: Vec<Diagnostic>) -> Comparison<'_> {
        let prints = fingerprints(project, &diagnostics);
        let known: std::collections::BTreeSet<&str> =
            self.findings.iter().map(|known| known.fingerprint.as_str()).collect();
        let met: std::collections::BTreeSet<&str> = prints.iter().map(String::as_str).collect();
        let stale = self.findings.iter().filter(|known| !met.contains(known.fingerprint.as_str())).collect();
        let total = diagnostics.len();
        let new: Vec<Diagnostic> = diagnostics
            .into_iter()
            .zip(&prints)
            .filter(|(_, print)| !known.contains(print.as_str()))
            .map(|(d, _)| d)
            .collect();
        Comparison { known: total - new.len(), new, stale }
    }
}

/// Findings held against a baseline.
#[derive(Debug)]
pub struct Comparison<'b> {
    /// Findings that the baseline does not have.
    pub new: Vec<Diagnostic>,
    /// How many it has.
    pub known: usize,
    /// Its entries that no finding matches.
    pub stale: Vec<&'b Known>,
}
