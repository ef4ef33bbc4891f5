//! Findings for people: miette's drawing of the source around each place. The only file that knows miette.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bakelint_core::bake::BakeError;
use bakelint_core::prelude::*;
use bakelint_core::source::LineIndex;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};

use super::Look;
use crate::Failure;

/// Where a rule's page can be read.
const PAGES: &str = "bakelint explain";

/// Longest line that is shown whole; of a longer one only the part around the place.
const MAX_LINE: usize = 400;

/// Prints findings with the source around each place.
pub fn print(project: &Project, diagnostics: &[Diagnostic], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let handler = handler(look);
    for diagnostic in diagnostics {
        let drawn = Drawn::new(project, diagnostic);
        let mut text = String::new();
        // Drawing into a string fails only when a span lies outside of its text, which then is said in the drawing.
        let _ = handler.render_report(&mut text, &drawn);
        writeln!(out, "{}", trimmed(&text))?;
    }
    Ok(())
}

/// A failure of the program, drawn with its place when it has one.
pub fn failure(failure: &Failure, look: Look) -> String {
    let place = failure.place();
    let drawn = Drawn {
        severity: Severity::Error,
        code: None,
        message: failure.to_string(),
        help: failure.help().map(str::to_owned),
        source: place.as_ref().map(|(path, text, _)| Text::new(Arc::new(Source::new(*path, text.as_bytes())))),
        labels: place
            .map(|(_, _, span)| LabeledSpan::new_primary_with_span(None, (span.start, span.len())))
            .into_iter()
            .collect(),
        related: Vec::new(),
    };
    let mut text = String::new();
    let _ = handler(look).render_report(&mut text, &drawn);
    trimmed(&text)
}

/// What is wrong or odd about a Bake definition or request, drawn with its places. `file` gives the file of a span. Messages
/// are not broken into lines, so that they can be searched for.
pub fn mistake(
    error: &BakeError,
    severity: Severity,
    file: &dyn Fn(Span) -> Option<Arc<Source>>,
    look: Look,
) -> String {
    let mut drawn = Drawn {
        severity,
        code: None,
        message: error.message(),
        help: error.help.clone(),
        source: None,
        labels: Vec::new(),
        related: Vec::new(),
    };
    let text = |span: Span| file(span).map(Text::new);
    if let Some((span, source)) = error.span.and_then(|span| Some((span, text(span)?))) {
        drawn.source = Some(source);
        drawn.labels.push(LabeledSpan::new_primary_with_span(None, at(span)));
        let labels = error.labels.iter().map(|(span, message)| (*span, message.as_str()));
        drawn.add_labels(labels, span.file, &text, &|span| file(span).map_or(String::new(), |file| file.path.clone()));
    } else if let Some(argument) = &error.argument {
        drawn.source = Some(Text::new(Arc::new(Source::new(argument.name, argument.text.as_bytes()))));
        let place = (argument.range.start, argument.range.len());
        drawn.labels.push(LabeledSpan::new_primary_with_span(None, place));
    }
    let mut text = String::new();
    let _ = handler(look).with_wrap_lines(false).render_report(&mut text, &drawn);
    trimmed(&text)
}

fn handler(look: Look) -> GraphicalReportHandler {
    let theme = if look.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme).with_width(look.width).with_links(false).with_context_lines(1)
}

/// The drawing without blanks at line ends and without the blank line before it.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.trim_start_matches('\n').lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// A finding as miette wants it: what stands in other files becomes a diagnostic of its own.
#[derive(Debug)]
struct Drawn {
    severity: Severity,
    code: Option<String>,
    message: String,
    help: Option<String>,
    source: Option<Text>,
    labels: Vec<LabeledSpan>,
    related: Vec<Drawn>,
}

impl Drawn {
    fn new(project: &Project, diagnostic: &Diagnostic) -> Self {
        let text = |span: Span| project.snapshot.get(span.file).cloned().map(Text::new);
        let fix = diagnostic.fix.as_ref().map(|fix| match fix.safety {
            Safety::Safe => format!("fix (--fix): {}", fix.title),
            Safety::Unsafe => format!("fix (--fix=unsafe): {}", fix.title),
            Safety::Display => format!("possible fix: {}", fix.title),
        });
        let cache = diagnostic.fix.as_ref().filter(|fix| fix.cache == CacheEffect::RebuildOnce);
        let cache = cache.map(|_| "it changes a cache key: the steps behind it are built once more".to_owned());
        let help: Vec<String> = diagnostic.help.clone().into_iter().chain(fix).chain(cache).collect();
        let mut drawn = Drawn {
            severity: diagnostic.severity,
            code: Some(diagnostic.rule.to_owned()),
            message: diagnostic.message.clone(),
            help: (!help.is_empty()).then(|| help.join("\n")),
            source: text(diagnostic.span),
            labels: vec![LabeledSpan::new_primary_with_span(None, at(diagnostic.span))],
            related: Vec::new(),
        };
        let labels = diagnostic.labels.iter().map(|label| (label.span, label.message.as_str()));
        drawn.add_labels(labels, diagnostic.span.file, &text, &|span| project.path(span.file).to_owned());
        drawn
    }

    /// Adds labels: those of the file that is drawn to it, those of each other file to a drawing of its own.
    fn add_labels<'l>(
        &mut self,
        labels: impl Iterator<Item = (Span, &'l str)>,
        here: FileId,
        text: &dyn Fn(Span) -> Option<Text>,
        path: &dyn Fn(Span) -> String,
    ) {
        let mut files: Vec<FileId> = Vec::new();
        for (span, message) in labels {
            let label = LabeledSpan::new_with_span(Some(message.to_owned()), at(span));
            if span.file == here {
                self.labels.push(label);
                continue;
            }
            match files.iter().position(|file| *file == span.file) {
                Some(at) => self.related[at].labels.push(label),
                None => {
                    files.push(span.file);
                    self.related.push(Drawn {
                        severity: Severity::Info,
                        code: None,
                        message: format!("see also {}", path(span)),
                        help: None,
                        source: text(span),
                        labels: vec![label],
                        related: Vec::new(),
                    });
                }
            }
        }
    }
}

fn at(span: Span) -> SourceSpan {
    (span.start as usize, span.len()).into()
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl miette::Diagnostic for Drawn {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let has_page = |id: &&String| bakelint_rules::all().iter().any(|rule| rule.meta.id == **id);
        let page = self.code.as_ref().filter(has_page).map(|rule| format!("{PAGES} {rule}"));
        let lines: Vec<String> = self.help.clone().into_iter().chain(page).collect();
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let related = self.related.iter().map(|related| related as &dyn miette::Diagnostic);
        (!self.related.is_empty()).then(|| Box::new(related) as Box<dyn Iterator<Item = _>>)
    }
}

/// A file that finds its lines by index: miette's own sources count them from the first byte for each label, and draw
/// everything between two labels that are far apart.
#[derive(Debug)]
struct Text {
    source: Arc<Source>,
}

impl Text {
    fn new(source: Arc<Source>) -> Self {
        Text { source }
    }
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.source.text();
        let (from, to) = (span.offset(), span.offset() + span.len());
        if to > text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let lines: &LineIndex = self.source.lines();
        let first = lines.line_of(from).saturating_sub(before);
        let last_byte = if span.is_empty() { to } else { to - 1 };
        let last = (lines.line_of(last_byte) + after).min(lines.count() - 1);
        let mut window = lines.range(first).start..lines.range(last).end;
        let mut column = 0;
        if window.len() > MAX_LINE.max(span.len()) * (last - first + 1) {
            // A line without end: only what stands around the place.
            let start = floor(text, from.saturating_sub(MAX_LINE / 4).max(window.start));
            window = start..floor(text, (to + MAX_LINE / 4).min(window.end));
            column = start - lines.range(lines.line_of(start)).start;
        } else if before == 0 && after == 0 {
            // What the heading says where the place is.
            let start = lines.range(first).start;
            column = text.get(start..from).map_or(0, |before| before.chars().count());
            window.start = from;
        }
        let data = &text.as_bytes()[window.clone()];
        let line = lines.line_of(window.start);
        let span = (window.start, window.len()).into();
        let name = self.source.path.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, data, span, line, column, last - first + 1)))
    }
}

/// The nearest offset at or before `at` that lies between two characters.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
