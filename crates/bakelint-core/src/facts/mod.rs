//! What follows from the model, derived on demand by methods on it.

pub mod images;
pub mod prefix;
