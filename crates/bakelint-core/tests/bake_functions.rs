//! Holds the functions and operators of Bake files against answers recorded from `docker buildx bake`.

use std::collections::BTreeSet;

use bakelint_core::bake::functions::{self, json};
use bakelint_core::bake::{Definition, DefinitionFile, Inputs, Sealed, evaluate};
use bakelint_core::source::FileId;

/// An expression on a line of its own, its result indented below it.
fn cases() -> Vec<(&'static str, &'static str)> {
    let lines: Vec<&str> =
        include_str!("bake_functions.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    lines.chunks(2).map(|pair| (pair[0], pair[1].trim_start())).collect()
}

/// The value of an expression as JSON, or the first error.
fn answer(expression: &str) -> Result<String, String> {
    let text = format!("variable \"x\" {{\n  default = {expression}\n}}\n");
    let files = vec![DefinitionFile::parse("docker-bake.hcl", FileId(0), text)];
    let definition = Definition { files };
    let evaluation = evaluate(&definition, &Inputs::default(), &Sealed::default());
    if let Some(error) = evaluation.errors.first() {
        return Err(error.message());
    }
    let value = &evaluation.variables.get("x").expect("it is declared").value;
    json::encode(value).map_err(|error| error.to_string())
}

#[test]
fn expressions_have_the_values_and_errors_that_buildx_gives_them() {
    let mut wrong = Vec::new();
    for (expression, expected) in cases() {
        let (holds, found) = match (answer(expression), expected.strip_prefix("! ")) {
            (Err(message), Some(cause)) => (message.contains(cause.trim_end_matches('.')), format!("! {message}")),
            (Err(message), None) => (false, format!("! {message}")),
            (Ok(value), _) => (value == expected, value),
        };
        if !holds {
            wrong.push(format!("{expression}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases().len(), wrong.join("\n"));
}

#[test]
fn every_function_is_in_the_table() {
    let mut missing: BTreeSet<&str> = functions::names().collect();
    // They give something else on every machine.
    missing.remove("homedir");
    for (expression, _) in cases() {
        missing.retain(|name| !expression.contains(&format!("{name}(")));
    }
    assert!(missing.is_empty(), "no case calls {missing:?}");
}
