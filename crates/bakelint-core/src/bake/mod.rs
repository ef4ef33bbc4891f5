//! The bake evaluator: what `docker buildx bake --print` resolves, with the place of every value.

pub mod convert;
pub mod functions;
pub mod number;
pub mod types;
pub mod value;
