//! Findings: what is wrong, where, how sure we are, and what to do about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::edit::Fix;
use crate::source::Span;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Could be better.
    Info,
    /// Costs time, money or repeatability.
    Warning,
    /// Breaks the build, or does something else than it says.
    Error,
}

/// How likely a finding is true. Findings of [`Confidence::Low`] are shown only when asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A hint; needs a person to judge.
    Low,
    /// True unless something outside of the repository says otherwise.
    Medium,
    /// Follows from the files alone.
    High,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            /// All values, lowest first.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// The word for it on the command line, in configuration and in reports.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("expected one of {}", words.join(", "))
                })
            }
        }
    };
}
pub(crate) use words;

words!(Severity { Info = "info", Warning = "warning", Error = "error" });
words!(Confidence { Low = "low", Medium = "medium", High = "high" });

/// A second place that helps to understand a finding; any file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be seen there.
    pub message: String,
}

/// Which `# check=skip=` comments silence a finding that stands for one of BuildKit's checks. BuildKit heeds a comment above
/// an instruction in some of its checks only; a directive at the top of the file always counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Heeds {
    /// One above the instruction that the finding points at.
    #[default]
    Here,
    /// One above the instruction at this place.
    At(Span),
    /// None.
    Nothing,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Id of the rule that made it.
    pub rule: &'static str,
    /// The rule's severity, unless the configuration says otherwise.
    pub severity: Severity,
    /// How sure the rule is of this finding.
    pub confidence: Confidence,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// The token that should change.
    pub span: Span,
    /// Other places, in the order in which they should be read.
    pub labels: Vec<Label>,
    /// Why it matters or what to do, in a sentence or two.
    pub help: Option<String>,
    /// A patch.
    pub fix: Option<Fix>,
    /// Names of other tools' checks that this finding stands for; `None` for all of its rule's.
    pub aliases: Option<Vec<&'static str>>,
    /// Which comments for BuildKit silence it.
    pub heeds: Heeds,
}

impl Diagnostic {
    /// Adds a place, in this file or another.
    pub fn label(&mut self, span: Span, message: impl Into<String>) -> &mut Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Says why it matters or what to do.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Attaches the patch.
    pub fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fix = Some(fix);
        self
    }

    /// Says which comments for BuildKit silence it, when that is not the one above the instruction.
    pub fn heeds(&mut self, heeds: Heeds) -> &mut Self {
        self.heeds = heeds;
        self
    }

    /// Lowers or raises the rule's usual severity for this finding.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    /// Says which of the rule's aliases this finding stands for, when not all of them.
    pub fn known_as(&mut self, alias: &'static str) -> &mut Self {
        self.aliases.get_or_insert_default().push(alias);
        self
    }

    /// Says that the finding stands for none of the rule's aliases: no other tool knows it.
    pub fn unknown_elsewhere(&mut self) -> &mut Self {
        self.aliases = Some(Vec::new());
        self
    }

    /// Names of other tools' checks that this finding stands for, given those of its rule.
    pub fn also<'d>(&'d self, of_rule: &'d [&'static str]) -> &'d [&'static str] {
        self.aliases.as_deref().unwrap_or(of_rule)
    }

    /// Lowers or raises the rule's usual confidence for this finding.
    pub fn confidence(&mut self, confidence: Confidence) -> &mut Self {
        self.confidence = confidence;
        self
    }
}
