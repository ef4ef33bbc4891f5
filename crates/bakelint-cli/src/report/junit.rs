//! JUnit XML: one test case a finding, or one that passes when there is none.

use std::io::{self, Write};

use bakelint_core::prelude::*;

/// Prints the findings as one test suite.
pub fn print(project: &Project, diagnostics: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    let count = diagnostics.len();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites><testsuite name=\"bakelint\" tests=\"{}\" failures=\"{count}\">", count.max(1))?;
    if diagnostics.is_empty() {
        writeln!(out, "<testcase classname=\"bakelint\" name=\"check\"/>")?;
    }
    for diagnostic in diagnostics {
        let line = project.concise(diagnostic);
        let path = escape(project.path(diagnostic.span.file));
        let help = diagnostic.help.as_deref().unwrap_or_default();
        write!(out, "<testcase classname=\"{path}\" name=\"{}\" file=\"{path}\">", escape(diagnostic.rule))?;
        write!(out, "<failure type=\"{}\" message=\"{}\">", diagnostic.severity, escape(&diagnostic.message))?;
        writeln!(out, "{}</failure></testcase>", escape(&format!("{line}\n{help}")))?;
    }
    writeln!(out, "</testsuite></testsuites>")
}

/// Escapes text for XML; characters that XML cannot hold become the replacement character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if u32::from(c) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
