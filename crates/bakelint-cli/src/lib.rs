//! The command line of bakelint.
