//! Findings for other tools: the stable JSON contract, version 1.

use std::io::{self, Write};

use bakelint_core::baseline::fingerprints;
use bakelint_core::prelude::*;
use bakelint_core::replay::findings::Numbers;
use bakelint_core::source::Position;
use serde::Serialize;

use super::Summary;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    diagnostics: Vec<Finding<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    theme: Option<&'a str>,
    aliases: Vec<&'a str>,
    severity: Severity,
    confidence: Confidence,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    fingerprint: String,
    span: Place<'a>,
    labels: Vec<Labelled<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Patch<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a Numbers>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Labelled<'a> {
    span: Place<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct Patch<'a> {
    title: &'a str,
    safety: Safety,
    cache: CacheEffect,
    edits: Vec<Change<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    span: Place<'a>,
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum File<'a> {
    Create { path: &'a str, text: &'a str },
    Delete { path: &'a str },
}

/// Prints findings as one JSON document, with what the history says about each if that was asked for.
pub fn print(
    linter: &Linter,
    project: &Project,
    diagnostics: &[Diagnostic],
    numbers: &[Numbers],
    out: &mut dyn Write,
) -> io::Result<()> {
    let prints = fingerprints(project, diagnostics);
    let findings = diagnostics.iter().zip(prints).enumerate().map(|(at, (diagnostic, print))| {
        let history = numbers.get(at).filter(|numbers| **numbers != Numbers::default());
        Finding { history, ..finding(linter, project, diagnostic, print) }
    });
    let document = Document { version: 1, diagnostics: findings.collect(), summary: Summary::of(project, diagnostics) };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn finding<'a>(
    linter: &'a Linter,
    project: &'a Project,
    diagnostic: &'a Diagnostic,
    fingerprint: String,
) -> Finding<'a> {
    let rule = linter.rule(diagnostic.rule);
    Finding {
        rule: diagnostic.rule,
        theme: rule.map(|rule| rule.theme),
        aliases: diagnostic.also(rule.map_or(&[], |rule| rule.meta.also)).to_vec(),
        severity: diagnostic.severity,
        confidence: diagnostic.confidence,
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        fingerprint,
        span: place(project, diagnostic.span),
        labels: diagnostic
            .labels
            .iter()
            .map(|label| Labelled { span: place(project, label.span), message: &label.message })
            .collect(),
        fix: diagnostic.fix.as_ref().map(|fix| patch(project, fix)),
        history: None,
    }
}

fn patch<'a>(project: &'a Project, fix: &'a Fix) -> Patch<'a> {
    let file = |change: &'a FileChange| match change {
        FileChange::Create { path, text } => File::Create { path, text },
        FileChange::Delete(file) => File::Delete { path: project.path(*file) },
    };
    Patch {
        title: &fix.title,
        safety: fix.safety,
        cache: fix.cache,
        edits: fix.edits.iter().map(|edit| Change { span: place(project, edit.span), text: &edit.text }).collect(),
        files: fix.files.iter().map(file).collect(),
    }
}

fn place(project: &Project, span: Span) -> Place<'_> {
    let position = |offset: u32| {
        let source = project.snapshot.get(span.file);
        source.map_or(Position { line: 1, column: 1, offset }, |source| source.position(offset as usize))
    };
    Place { file: project.path(span.file), start: position(span.start), end: position(span.end) }
}
