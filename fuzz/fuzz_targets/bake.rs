//! Evaluates arbitrary Bake definitions.

#![no_main]

use bakelint_core::bake::{BakeError, Definition, DefinitionFile, Inputs, ListFormat, Sealed, evaluate};
use bakelint_core::source::{FileId, Source, Span};
use libfuzzer_sys::fuzz_target;

/// The names that a first byte chooses from: they tell the format.
const NAMES: [&str; 4] = ["docker-bake.hcl", "docker-bake.json", "compose.yaml", "bake"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let name = NAMES[usize::from(choice % 4)];
    // A zero byte divides two files, of which the second is always HCL.
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let first = Source::new(name, parts.next().unwrap_or_default());
    let mut files = vec![DefinitionFile::parse(name, FileId(0), first.text())];
    if let Some(second) = parts.next() {
        let second = Source::new("override.hcl", second);
        files.push(DefinitionFile::parse("override.hcl", FileId(1), second.text()));
    }
    let definition = Definition { files };
    let inputs = Inputs::default();
    let host = Sealed::default();
    let evaluation = evaluate(&definition, &inputs, &host);
    let check = |span: Span| {
        let Some((_, text, _)) = evaluation.source(&definition, span) else { panic!("{span:?} is in no file") };
        assert!(text.get(span.range()).is_some(), "{span:?} is no part of the file");
    };
    for error in evaluation.errors.iter().chain(&evaluation.warnings) {
        error.span.into_iter().chain(error.labels.iter().map(|(span, _)| *span)).for_each(check);
    }
    let untraced = evaluate(&definition, &Inputs { trace: false, ..Inputs::default() }, &host);
    let bare = |errors: &[BakeError]| errors.iter().map(BakeError::message).collect::<Vec<_>>();
    assert_eq!(bare(&evaluation.errors), bare(&untraced.errors), "tracing only tells better where");
    evaluation.list_variables(ListFormat::Json);
    evaluation.list_targets(ListFormat::Json);
    for target in evaluation.targets.iter().take(20) {
        let inputs = Inputs { targets: vec![target.name.clone()], ..Inputs::default() };
        let (mut plan, mistakes) = evaluation.partial_plan(&inputs, &host);
        mistakes.iter().filter_map(|error| error.span).for_each(check);
        for target in plan.targets.values() {
            let set = ["context", "tags", "args", "cache-to"].map(|path| target.origins(path));
            let all = set.into_iter().flatten().chain(target.replaced().values().flatten());
            for origin in all.take(50) {
                origin.span().into_iter().for_each(check);
                evaluation.steps(target, origin);
            }
        }
        if plan.prepare(&inputs, &host).is_ok() {
            plan.print();
        }
    }
});
