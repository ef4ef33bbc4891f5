//! SARIF 2.1.0, for code scanning: rules, regions, fixes and fingerprints.

use std::io::{self, Write};

use bakelint_core::baseline::fingerprints;
use bakelint_core::prelude::*;
use serde_json::{Value, json};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Prints the findings as one SARIF log.
pub fn print(linter: &Linter, project: &Project, diagnostics: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    let mut ids: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids.iter().map(|id| rule(linter, id)).collect();
    let prints = fingerprints(project, diagnostics);
    let results: Vec<Value> =
        diagnostics.iter().zip(&prints).map(|(diagnostic, print)| result(project, diagnostic, &ids, print)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "bakelint", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(linter: &Linter, id: &str) -> Value {
    let Some(rule) = linter.rule(id) else { return json!({"id": id}) };
    json!({
        "id": id,
        "shortDescription": {"text": rule.summary()},
        "help": {"text": format!("bakelint explain {id}")},
        "defaultConfiguration": {"level": level(rule.meta.severity)},
        "properties": {"theme": rule.theme, "aliases": rule.meta.also},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(project: &Project, diagnostic: &Diagnostic, ids: &[&str], print: &str) -> Value {
    let mut text = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        text = format!("{text}. {help}");
    }
    let mut result = json!({
        "ruleId": diagnostic.rule,
        "ruleIndex": ids.binary_search(&diagnostic.rule).unwrap_or_default(),
        "level": level(diagnostic.severity),
        "message": {"text": text},
        "locations": [location(project, diagnostic.span)],
        "partialFingerprints": {"bakelint/v1": print},
    });
    if !diagnostic.labels.is_empty() {
        let related = diagnostic.labels.iter().map(|label| {
            let mut place = location(project, label.span);
            place["message"] = json!({"text": label.message});
            place
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = diagnostic.fix.as_ref().filter(|fix| fix.files.is_empty()) {
        let mut files: Vec<FileId> = fix.edits.iter().map(|edit| edit.span.file).collect();
        files.sort_unstable();
        files.dedup();
        let changes = files.iter().map(|file| {
            let edits = fix.edits.iter().filter(|edit| edit.span.file == *file);
            let replacements: Vec<Value> = edits
                .map(
                    |edit| json!({"deletedRegion": region(project, edit.span), "insertedContent": {"text": edit.text}}),
                )
                .collect();
            json!({"artifactLocation": {"uri": uri(project.path(*file))}, "replacements": replacements})
        });
        result["fixes"] = json!([{"description": {"text": fix.title}, "artifactChanges": changes.collect::<Vec<_>>()}]);
    }
    result
}

fn location(project: &Project, span: Span) -> Value {
    let artifact = json!({"uri": uri(project.path(span.file)), "uriBaseId": "%SRCROOT%"});
    json!({"physicalLocation": {"artifactLocation": artifact, "region": region(project, span)}})
}

fn region(project: &Project, span: Span) -> Value {
    let Some(source) = project.snapshot.get(span.file) else { return json!({"startLine": 1}) };
    let (start, end) = (source.position(span.start as usize), source.position(span.end as usize));
    json!({
        "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
        "byteOffset": span.start, "byteLength": span.len(),
    })
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/+@".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
