//! Findings for people: miette's drawing of the source around each place. The only file that knows miette.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

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
        let text = |file: FileId| project.snapshot.get(file).cloned().map(Text::new);
        let here = |label: &&Label| label.span.file == diagnostic.span.file;
        let mut labels = vec![LabeledSpan::new_primary_with_span(None, at(diagnostic.span))];
        labels.extend(diagnostic.labels.iter().filter(here).map(drawn_label));
        let mut related: Vec<Drawn> = Vec::new();
        let mut files: Vec<FileId> = Vec::new();
        for label in diagnostic.labels.iter().filter(|label| !here(label)) {
            match files.iter().position(|file| *file == label.span.file) {
                Some(at) => related[at].labels.push(drawn_label(label)),
                None => {
                    files.push(label.span.file);
                    related.push(Drawn {
                        severity: Severity::Info,
                        code: None,
                        message: format!("see also {}", project.path(label.span.file)),
                        help: None,
                        source: text(label.span.file),
                        labels: vec![drawn_label(label)],
                        related: Vec::new(),
                    });
                }
            }
        }
        let fix = diagnostic.fix.as_ref().map(|fix| match fix.safety {
            Safety::Safe => format!("fix (--fix): {}", fix.title),
            Safety::Unsafe => format!("fix (--fix=unsafe): {}", fix.title),
            Safety::Display => format!("possible fix: {}", fix.title),
        });
        let cache = diagnostic.fix.as_ref().filter(|fix| fix.cache == CacheEffect::RebuildOnce);
        let cache = cache.map(|_| "it changes a cache key: the steps behind it are built once more".to_owned());
        let help: Vec<String> = diagnostic.help.clone().into_iter().chain(fix).chain(cache).collect();
        Drawn {
            severity: diagnostic.severity,
            code: Some(diagnostic.rule.to_owned()),
            message: diagnostic.message.clone(),
            help: (!help.is_empty()).then(|| help.join("\n")),
            source: text(diagnostic.span.file),
            labels,
            related,
        }
    }
}

fn at(span: Span) -> SourceSpan {
    (span.start as usize, span.len()).into()
}

fn drawn_label(label: &Label) -> LabeledSpan {
    LabeledSpan::new_with_span(Some(label.message.clone()), at(label.span))
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
