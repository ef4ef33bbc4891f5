//! A program that embeds bakelint.
fn main() {}
