//! The stages of a Dockerfile and the names by which they refer to each other.

use std::ops::Range;

use super::chars::lower;
use super::{Body, Dockerfile, Instruction};
use crate::syntax::mapped::MappedText;

/// A build stage: a FROM and what follows up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name in lower case, as BuildKit keeps it. `None` if it has none, or one that BuildKit refuses.
    pub name: Option<String>,
    /// Index of the FROM in [`Dockerfile::instructions`].
    pub from: usize,
    /// Index range of the instructions behind the FROM.
    pub instructions: Range<usize>,
    /// The base as written, before expansion.
    pub base: MappedText,
    /// The value of `--platform` before expansion.
    pub platform: Option<MappedText>,
}

/// What a name in `COPY --from` or a mount's `from` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StageRef {
    /// The stage with this index. It may stand behind the instruction or be its own stage, which BuildKit refuses later.
    Stage(usize),
    /// A number that is no stage's index.
    OutOfRange(i64),
    /// No stage: an image or a named context.
    External,
}

impl Dockerfile {
    /// The stage that is the base of another one, by the base's name after expansion. Only stages before the index
    /// `before` count, the last one of several with that name. The case of the base matters, although the names of
    /// stages are in lower case: `FROM BUILD` never means a stage (BuildKit `addState` in `dockerfile2llb/convert.go`).
    pub fn base_stage(&self, before: usize, base: &str) -> Option<usize> {
        let stages = self.stages_by_name.get(base)?;
        stages.get(stages.partition_point(|stage| *stage < before).checked_sub(1)?).copied()
    }

    /// The last stage with a name, whatever its case.
    pub fn stage_named(&self, name: &str) -> Option<usize> {
        self.stages_by_name.get(&lower(name))?.last().copied()
    }

    /// What the value of `COPY --from` means: an index or a name, whatever its case.
    pub fn copy_from(&self, from: &str) -> StageRef {
        // Go's `Atoi` takes a sign, as Rust's `parse` does.
        match from.parse::<i64>() {
            Ok(index) => match usize::try_from(index) {
                Ok(stage) if stage < self.stages.len() => StageRef::Stage(stage),
                _ => StageRef::OutOfRange(index),
            },
            Err(_) => self.mount_from(from),
        }
    }

    /// What the `from` of a mount means. Numbers are names of images here.
    pub fn mount_from(&self, from: &str) -> StageRef {
        self.stage_named(from).map_or(StageRef::External, StageRef::Stage)
    }

    /// The instructions of a stage behind its FROM.
    pub fn stage_instructions(&self, stage: usize) -> &[Instruction] {
        let range = self.stages.get(stage).map(|stage| stage.instructions.clone());
        range.and_then(|range| self.instructions.get(range)).unwrap_or_default()
    }

    /// The ARG instructions before the first FROM, which serve FROM lines only.
    pub fn meta_args(&self) -> impl Iterator<Item = &Instruction> {
        let end = self.stages.first().map_or(self.instructions.len(), |stage| stage.from);
        self.instructions[..end].iter().filter(|instruction| matches!(instruction.body, Body::Arg(_)))
    }
}
