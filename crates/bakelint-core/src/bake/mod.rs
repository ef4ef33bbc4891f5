//! The bake evaluator: what `docker buildx bake --print` resolves, with the place of every value.
//!
//! A [`Definition`] is parsed once; [`evaluate`] evaluates it for each request. Nothing here touches the system: files,
//! environment and clock come from a [`Host`].

mod blocks;
mod checks;
mod compose;
pub mod convert;
mod csv;
mod decode;
mod definition;
mod entry;
mod error;
mod eval;
mod evaluation;
mod facts;
mod files;
mod flags;
pub mod functions;
mod host;
mod ignored;
mod included;
mod inputs;
mod interpreter;
mod mentions;
pub mod number;
mod overrides;
pub(crate) mod pattern;
mod print;
mod provenance;
mod remote;
mod request;
mod target;
mod trace;
mod type_expr;
pub mod types;
pub mod value;

pub(crate) use compose::parse_env;
pub use definition::*;
pub use entry::{Attestation, CacheOption, Entry, Export, Policy, Resources, Secret, Ssh, Written};
pub use error::{Argument, BakeError, Located};
pub use evaluation::{Evaluation, Variable, evaluate};
pub use facts::{Link, LinkKind, UnknownName, UsedNames};
pub use files::{DEFAULT_FILES, read_files};
pub use flags::{Flags, ListKind, parse_go_bool, parse_list, parse_variables};
pub use host::{Host, PathKind, Sealed};
pub use ignored::IgnoredKey;
pub use included::IncludedFile;
pub use inputs::Inputs;
pub use overrides::OVERRIDE_KEYS;
pub use print::ListFormat;
pub use provenance::Step;
pub use remote::is_remote;
pub use request::Plan;
pub use target::{Eval, Group, List, Origin, Set, Source, Target, Via};
pub use trace::{Giver, NameKind, Named, Parts, Trace};
