//! The `bakelint` program.
fn main() {}
