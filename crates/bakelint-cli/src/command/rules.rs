//! `bakelint rules`: the catalogue.

use bakelint_core::rule::Rule;
use serde_json::json;

use crate::args::{PageFormat, Rules};
use crate::{CLEAN, Failure, Surroundings};

/// Runs the verb.
pub fn run(args: &Rules, around: &mut Surroundings) -> Result<u8, Failure> {
    let rules = bakelint_rules::all();
    if args.format == PageFormat::Json {
        let rows: Vec<_> = rules.iter().map(row).collect();
        serde_json::to_writer_pretty(&mut *around.out, &rows).map_err(std::io::Error::from)?;
        writeln!(around.out)?;
        return Ok(CLEAN);
    }
    let wide = rules.iter().map(|rule| rule.meta.id.len()).max().unwrap_or_default();
    let mut theme = "";
    for rule in rules {
        if rule.theme != theme {
            let gap = if theme.is_empty() { "" } else { "\n" };
            theme = rule.theme;
            writeln!(around.out, "{gap}{theme}")?;
        }
        let fix = if rule.meta.fix.is_some() { "fix" } else { "" };
        let opt_in = if rule.meta.opt_in { "opt-in" } else { "" };
        let severity = rule.meta.severity;
        let line = format!("  {:wide$}  {severity:7}  {fix:3}  {opt_in:6}  {}", rule.meta.id, rule.summary());
        writeln!(around.out, "{}", line.trim_end())?;
    }
    Ok(CLEAN)
}

/// A rule's facts for other tools.
pub fn row(rule: &Rule) -> serde_json::Value {
    let in_part: Vec<_> = rule.meta.also.iter().filter(|also| bakelint_rules::IN_PART.contains(also)).collect();
    json!({
        "rule": rule.meta.id,
        "theme": rule.theme,
        "summary": rule.summary(),
        "severity": rule.meta.severity,
        "confidence": rule.meta.confidence,
        "fix": rule.meta.fix,
        "since": rule.meta.since,
        "aliases": rule.meta.also,
        "in_part": in_part,
        "opt_in": rule.meta.opt_in,
    })
}
