//! Holds HCL expressions and syntax against recorded answers of `docker buildx bake --print`.
//!
//! The snippets live in `shared/conformance` of a folder above the workspace, or where `BAKELINT_CONFORMANCE` points.

use std::fs;
use std::path::{Path, PathBuf};

use bakelint_core::bake::{Definition, DefinitionFile, Inputs, Sealed, evaluate};
use bakelint_core::source::{FileId, Source};
use serde_json::Value;

fn snippets() -> Option<PathBuf> {
    let given = std::env::var_os("BAKELINT_CONFORMANCE").map(|root| PathBuf::from(root).join("hcl/snippets.json"));
    let beside = || {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.map(|folder| folder.join("shared/conformance/hcl/snippets.json")).find(|file| file.is_file())
    };
    let file = given.or_else(beside);
    if file.is_none() {
        println!("skipped: no folder above this one has shared/conformance/hcl/snippets.json");
    }
    file
}

/// The printed argument `x` of the target `default`, or place and kind of the errors.
fn answer(name: &str, text: &str) -> Result<String, Vec<String>> {
    let source = Source::new(name, text.as_bytes());
    let files = vec![DefinitionFile::parse(name, FileId(0), text)];
    let definition = Definition { files };
    let inputs = Inputs::default();
    let host = Sealed::default();
    let evaluation = evaluate(&definition, &inputs, &host);
    if !evaluation.errors.is_empty() {
        let place = |error: &bakelint_core::bake::BakeError| {
            let Some(span) = error.span else { return error.message() };
            let position = source.position(span.start as usize);
            format!("{}:{}: {}", position.line, position.column, error.message())
        };
        return Err(evaluation.errors.iter().map(place).collect());
    }
    let plan = evaluation.plan(&inputs, &host).map_err(|error| vec![error.message()])?;
    let printed: Value = serde_json::from_str(&plan.print()).map_err(|error| vec![error.to_string()])?;
    let argument = printed.pointer("/target/default/args/x").and_then(Value::as_str);
    Ok(argument.unwrap_or("<absent>").to_owned())
}

#[test]
fn expressions_and_syntax_are_read_as_buildx_reads_them() {
    let Some(file) = snippets() else { return };
    let text = fs::read_to_string(&file).expect("the file is there");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("the file is an array");
    let mut wrong = Vec::new();
    for case in &cases {
        let field = |name: &str| case.get(name).and_then(Value::as_str);
        let (Some(name), Some(hcl)) = (field("name"), field("hcl")) else { panic!("incomplete case {case}") };
        let found = answer(name, hcl);
        let holds = match (&found, field("value_of_x"), field("error")) {
            (Ok(found), Some(expected), _) => found == expected,
            (Err(found), _, Some(expected)) => {
                // `ERROR: FILE:LINE,COLUMN-…: SUMMARY; …`
                let place = expected.split(&format!("{name}:")).nth(1).and_then(|rest| rest.split(',').next());
                place.is_none_or(|line| found.iter().any(|found| found.starts_with(&format!("{line}:"))))
            }
            _ => false,
        };
        if !holds {
            wrong.push(format!("{name}: expected {case}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
