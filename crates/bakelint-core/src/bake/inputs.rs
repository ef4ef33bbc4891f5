//! What is asked of a definition.

use std::collections::BTreeMap;

use super::host::Host;
use super::target::Eval;
use super::trace::Giver;

/// A request: targets, overrides and variables.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The targets, groups and patterns to resolve; `default` if there are none.
    pub targets: Vec<String>,
    /// The texts of `--set`, in order, with those that other flags imply behind them.
    pub overrides: Vec<String>,
    /// Variables as given to `--var`.
    pub variables: BTreeMap<String, Eval<String>>,
    /// Environment variables that are laid over those of the host: what a workflow sets, for instance.
    pub environment: BTreeMap<String, Eval<String>>,
    /// Whether the environment overrides variables at all.
    pub use_environment: bool,
    /// Whether paths are relative to the file that has them.
    pub relative_to_files: bool,
    /// The value of `BAKE_CMD_CONTEXT`.
    pub command_context: String,
    /// Whether the origin of every part of a value is recorded. Costs about as much as the evaluation.
    pub trace: bool,
}

impl Default for Inputs {
    fn default() -> Self {
        Inputs {
            targets: Vec::new(),
            overrides: Vec::new(),
            variables: BTreeMap::new(),
            environment: BTreeMap::new(),
            use_environment: true,
            relative_to_files: false,
            command_context: "cwd://".to_owned(),
            trace: true,
        }
    }
}

impl Inputs {
    /// The text that overrides a variable, and who gave it.
    pub(super) fn lookup(&self, name: &str, host: &dyn Host) -> Option<(Eval<String>, Giver)> {
        if let Some(text) = self.variables.get(name) {
            return Some((text.clone(), Giver::Flag));
        }
        let text = if self.use_environment { self.environment(name, host) } else { None };
        Some((text?, Giver::Environment(name.into())))
    }

    /// An environment variable.
    pub(super) fn environment(&self, name: &str, host: &dyn Host) -> Option<Eval<String>> {
        self.environment.get(name).cloned().or_else(|| host.variable(name).map(Eval::Known))
    }
}
