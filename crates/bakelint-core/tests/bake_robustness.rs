//! Evaluates broken Bake definitions: nothing that is typed half may make the evaluator panic or point outside of the
//! text.
//!
//! The texts are the table of expressions beside this file, and the files of the conformance cases where they are at
//! hand: in `shared/conformance` of a folder above the workspace, or where `BAKELINT_CONFORMANCE` points.

use std::fs;
use std::path::{Path, PathBuf};

use bakelint_core::bake::{Definition, DefinitionFile, Inputs, ListFormat, Sealed, evaluate};
use bakelint_core::source::FileId;

/// Evaluates one file, resolves all that it defines and prints it.
fn exercise(name: &str, text: &str) {
    let definition = Definition { files: vec![DefinitionFile::parse(name, FileId(0), text)] };
    let (inputs, host) = (Inputs::default(), Sealed::default());
    let evaluation = evaluate(&definition, &inputs, &host);
    for error in &evaluation.errors {
        let places = error.span.into_iter().chain(error.labels.iter().map(|(span, _)| *span));
        for span in places {
            assert!(text.get(span.range()).is_some(), "{span:?} of {error:?} is no part of\n{text}");
        }
    }
    evaluation.list_variables(ListFormat::Json);
    for target in &evaluation.targets {
        let inputs = Inputs { targets: vec![target.name.clone()], ..Inputs::default() };
        if let Ok(mut plan) = evaluation.plan(&inputs, &host)
            && plan.prepare(&inputs, &host).is_ok()
        {
            plan.print();
        }
    }
}

/// All prefixes of a short text, about a hundred of a long one.
fn prefixes(text: &str) -> impl Iterator<Item = &str> {
    let step = text.len() / 120 + 1;
    (0..=text.len()).step_by(step).filter(|end| text.is_char_boundary(*end)).map(|end| &text[..end])
}

/// The folders of the conformance cases.
fn cases() -> Vec<PathBuf> {
    let given = std::env::var_os("BAKELINT_CONFORMANCE").map(|root| PathBuf::from(root).join("bake/cases"));
    let beside = || {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.map(|folder| folder.join("shared/conformance/bake/cases")).find(|cases| cases.is_dir())
    };
    let Some(root) = given.or_else(beside) else {
        println!("skipped: no folder above this one has shared/conformance/bake/cases");
        return Vec::new();
    };
    let entries = fs::read_dir(root).expect("the cases can be listed");
    entries.map(|entry| entry.expect("the cases can be listed").path()).collect()
}

#[test]
fn prefixes_of_every_case_are_evaluated() {
    for folder in cases() {
        for entry in fs::read_dir(&folder).expect("a case can be listed") {
            let path = entry.expect("a case can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_input = [".hcl", ".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end))
                && !matches!(name.as_str(), "case.json" | "expected.json");
            if let Some(text) = is_input.then(|| fs::read(&path).ok()).flatten() {
                let text = String::from_utf8_lossy(&text);
                prefixes(&text).for_each(|prefix| exercise(&name, prefix));
            }
        }
    }
}

#[test]
fn every_prefix_of_every_expression_is_evaluated() {
    let table = include_str!("bake_functions.txt");
    for expression in table.lines().filter(|line| !line.starts_with([' ', '/']) && line.len() < 200) {
        for prefix in prefixes(expression) {
            exercise("docker-bake.hcl", &format!("x = {prefix}"));
            exercise("docker-bake.hcl", &format!("x = {prefix})]}}\ny = {{}}\n"));
        }
    }
}

#[test]
fn what_grows_without_end_is_refused() {
    let doubling = |first: &str, step: fn(usize) -> String| {
        (1..100).fold(format!("x0 = {first}\n"), |text, n| text + &format!("x{n} = {}\n", step(n - 1)))
    };
    let texts = [
        doubling("[1]", |n| format!("[x{n}, x{n}]")),
        doubling("{}", |n| format!("{{ a = x{n}, b = x{n} }}")),
        doubling("\"abc\"", |n| format!("\"${{x{n}}}${{x{n}}}\"")),
        doubling("[1, 2]", |n| format!("concat(x{n}, x{n})")),
        doubling("[1, 2]", |n| format!("setproduct(x{n}, x{n})")),
        doubling("\"aa\"", |n| format!("replace(x{n}, \"a\", x{n})")),
        doubling("\"a\"", |n| format!("jsonencode([x{n}, x{n}])")),
        doubling("\"a\"", |n| format!("format(\"%s%[1]s\", x{n})")),
        doubling("[]", |n| format!("[for x in [x{n}, x{n}] : [x, x]]")),
        doubling("1e4000", |n| format!("x{n} * x{n}")),
        "x = format(\"%999999d\", 1)\ny = indent(1e15, \"a\")\nz = 1e999999999 * 1e999999999\n".to_owned(),
        format!("x = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000)),
        format!("x = {}\n", "-".repeat(10_000)),
        format!("x = jsondecode(\"{}\")\n", "[".repeat(10_000)),
        format!("x = regex(\"{}\", \"a\")\n", "(".repeat(10_000)),
        format!("x = regex(\"{}a{}\", \"a\")\n", "(".repeat(5_000), "){2}".repeat(5_000)),
        format!("x = 1{}\n", " + 1".repeat(10_000)),
    ];
    for text in texts {
        exercise("docker-bake.hcl", &text);
    }
}
