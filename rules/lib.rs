//! The rules of bakelint. A folder is a theme: what the user gains. A file is a rule, named as its id.

// The blocks of a page name the files they stand for, which rustdoc takes for attributes it does not know.
#![allow(rustdoc::invalid_codeblock_attributes, rustdoc::invalid_rust_codeblocks)]

use std::sync::LazyLock;

use bakelint_core::rule::Rule;

pub mod bake;
pub mod cache;
pub mod context;
pub mod correctness;
pub mod downloads;
pub mod layers;
mod left_out;
pub mod pinning;
pub mod security;
pub mod size;
pub mod workflow;

pub use left_out::{IN_PART, LEFT_OUT, left_out};

/// All rules, by theme.
pub fn all() -> &'static [Rule] {
    static ALL: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let themes: &[&[Rule]] = &[
            bake::RULES,
            cache::RULES,
            context::RULES,
            correctness::RULES,
            downloads::RULES,
            layers::RULES,
            pinning::RULES,
            security::RULES,
            size::RULES,
            workflow::RULES,
        ];
        themes.concat()
    });
    &ALL
}
