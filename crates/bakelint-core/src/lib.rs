//! The library behind bakelint: reads a repository's Dockerfiles, Bake files, compose files and workflows as one
//! build graph, and offers rules a place to stand on.

pub mod bake;
pub mod facts;
pub mod model;
pub mod replay;
pub mod source;
pub mod syntax;
