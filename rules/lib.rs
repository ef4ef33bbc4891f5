//! The rules of bakelint.
