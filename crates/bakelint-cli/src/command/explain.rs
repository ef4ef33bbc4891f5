//! `bakelint explain`: a rule's page.

use bakelint_core::config::known_rule;
use serde_json::json;

use super::rules::row;
use crate::args::{Explain, PageFormat};
use crate::{CLEAN, Failure, Surroundings};

/// What is tested but of no interest to a reader begins here.
const ALSO_TESTED: &str = "## Also tested";

/// Runs the verb.
pub fn run(args: &Explain, around: &mut Surroundings) -> Result<u8, Failure> {
    let rules = bakelint_rules::all();
    let Some(rule) = rules.iter().find(|rule| rule.answers_to(&args.rule)) else {
        if let Some((name, reason)) = elsewhere(&args.rule) {
            return without_rule(args, &name, &reason, around);
        }
        let help = known_rule(&args.rule, 0..0, rules, bakelint_rules::LEFT_OUT).err().and_then(|error| error.help);
        return Err(Failure::Usage { message: format!("no rule is called `{}`", args.rule), help });
    };
    let page = rule.page();
    let page = page.split(ALSO_TESTED).next().unwrap_or_default().trim();
    if args.format == PageFormat::Json {
        let mut row = row(rule);
        row["page"] = json!(page);
        serde_json::to_writer_pretty(&mut *around.out, &row).map_err(std::io::Error::from)?;
        writeln!(around.out)?;
        return Ok(CLEAN);
    }
    writeln!(around.out, "# {}\n\n{page}\n", rule.meta.id)?;
    let fix = rule.meta.fix.map_or("none".into(), |safety| safety.to_string());
    write!(
        around.out,
        "Severity {}, confidence {}, fix {fix}, since {}",
        rule.meta.severity, rule.meta.confidence, rule.meta.since
    )?;
    if !rule.meta.also.is_empty() {
        let named = |also: &&str| {
            let in_part = if bakelint_rules::IN_PART.contains(also) { " (in part)" } else { "" };
            format!("{also}{in_part}")
        };
        write!(around.out, ", also known as {}", rule.meta.also.iter().map(named).collect::<Vec<_>>().join(", "))?;
    }
    writeln!(around.out)?;
    Ok(CLEAN)
}

/// A check of another tool that has no rule here: its whole name, and what there is to say.
fn elsewhere(name: &str) -> Option<(String, String)> {
    if let Some((name, reason)) = bakelint_rules::left_out(name) {
        return Some((name.to_owned(), reason.to_owned()));
    }
    let name = known_rule(name, 0..0, &[], &[]).ok()?;
    let code = name.strip_prefix("shellcheck:")?;
    let reason = format!(
        "A check of ShellCheck, which `bakelint check --shellcheck` runs over the scripts of RUN instructions: \
         <https://www.shellcheck.net/wiki/{code}>"
    );
    Some((name, reason))
}

fn without_rule(args: &Explain, name: &str, reason: &str, around: &mut Surroundings) -> Result<u8, Failure> {
    if args.format == PageFormat::Json {
        let row = json!({"rule": null, "aliases": [name], "page": reason});
        serde_json::to_writer_pretty(&mut *around.out, &row).map_err(std::io::Error::from)?;
        writeln!(around.out)?;
    } else {
        let about = if name.starts_with("shellcheck:") { "" } else { "There is no rule for it. " };
        writeln!(around.out, "# {name}\n\n{about}{reason}")?;
    }
    Ok(CLEAN)
}
