//! Every example on every rule's page, run: the report and the patch are as the page says, and everything that must hold for
//! any rule and any fix does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bakelint_core::prelude::*;
use bakelint_core::rule::Rule;
use libtest_mimic::{Failed, Trial};

use crate::page::{Example, Page};
use crate::workspace;

/// One trial for each example, and one for each page as a whole.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for rule in bakelint_rules::all() {
        let id = rule.meta.id;
        let page = match Page::parse(&rule.page()) {
            Ok(page) => page,
            Err(error) => {
                trials.push(Trial::test(format!("{id}::page"), move || Err(error.into())));
                continue;
            }
        };
        if std::env::var_os("BLESS").is_some() {
            trials.push(Trial::test(format!("{id}::bless"), move || bless(rule, page)));
            continue;
        }
        for example in page.examples() {
            let example = example.clone();
            trials.push(Trial::test(format!("{id}::{}", example.name), move || check(rule, &example)));
        }
        trials.push(Trial::test(format!("{id}::page"), move || check_page(rule, &page)));
    }
    trials
}

/// The project's linter for one rule, with the example's own configuration.
fn linter(rule: &Rule, example: &Example, level: &str) -> Result<Linter, Failed> {
    let text = example.files.iter().find(|(path, _)| path == "bakelint.toml").map_or("", |(_, text)| text);
    let mut config = Config::parse(text, bakelint_rules::all(), bakelint_rules::LEFT_OUT)?;
    config.selection.select = vec![rule.meta.id.into()];
    config.selection.min_confidence = Some(Confidence::Low);
    if level == "off" {
        config.levels.insert(rule.meta.id.into(), None);
    }
    Ok(Linter::new(bakelint_rules::all(), config))
}

fn snapshot(files: &[(String, String)]) -> Snapshot {
    Snapshot::from_texts(files.iter().cloned())
}

fn report(project: &Project, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| project.concise(diagnostic) + "\n").collect()
}

/// Least safety of the fixes that a page shows: those that its rule offers, sketches too.
fn shown(rule: &Rule) -> Safety {
    rule.meta.fix.unwrap_or(Safety::Safe).min(Safety::Unsafe)
}

/// What the rule says of an example and makes of it.
fn outcome(rule: &Rule, example: &Example) -> Result<(Option<String>, Option<String>), Failed> {
    let linter = linter(rule, example, "on")?;
    let before = snapshot(&example.files);
    let found = linter.lint(before.clone());
    let text = report(&found.project, &found.diagnostics);
    let least = if rule.meta.fix == Some(Safety::Display) { Safety::Display } else { shown(rule) };
    let fixed = linter.fix(before.clone(), least, |_, _| true);
    let diff = patch(&before, &fixed.report.project.snapshot);
    let some = |text: String| (!text.is_empty()).then_some(text);
    Ok((some(text), some(diff)))
}

fn bless(rule: &Rule, mut page: Page) -> Result<(), Failed> {
    for example in page.examples_mut() {
        (example.report, example.patch) = outcome(rule, example)?;
    }
    let path = source_path(rule);
    let source = std::fs::read_to_string(&path)?;
    let code = source.lines().skip_while(|line| line.starts_with("//!"));
    let head = page.print();
    let head = head.lines().map(|line| if line.is_empty() { "//!".to_owned() } else { format!("//! {line}") });
    let text: String = head.chain(code.map(str::to_owned)).map(|line| line + "\n").collect();
    if text != source {
        std::fs::write(&path, text)?;
    }
    Ok(())
}

/// Where a rule's source is.
pub fn source_path(rule: &Rule) -> PathBuf {
    workspace().join("rules").join(rule.theme).join(rule.meta.id.replace('-', "_") + ".rs")
}

fn same(what: &str, expected: &Option<String>, actual: &Option<String>) -> Result<(), Failed> {
    let trimmed = |text: &Option<String>| {
        text.as_deref().unwrap_or_default().lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>()
    };
    let (expected, actual) = (trimmed(expected), trimmed(actual));
    if expected == actual {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&expected, &actual);
    Err(format!("{what} is not as on the page (BLESS=1 rewrites it):\n{}", diff.unified_diff()).into())
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(message().into()) }
}

fn check(rule: &Rule, example: &Example) -> Result<(), Failed> {
    let (text, diff) = outcome(rule, example)?;
    same("the report", &example.report, &text)?;
    same("the patch", &example.patch, &diff)?;
    check_fixes(rule, example)?;
    check_silence(rule, example)?;
    check_crlf(rule, example)?;
    check_layouts(rule, example)?;
    check_together(example)?;
    check_prefixes(example)
}

/// After the patch nothing of the rule is left to fix, a second run changes nothing, no file became unreadable, what bake builds
/// is still there, and no fix claims more than the rule's facts do.
fn check_fixes(rule: &Rule, example: &Example) -> Result<(), Failed> {
    let linter = linter(rule, example, "on")?;
    let before = linter.lint(snapshot(&example.files));
    for diagnostic in &before.diagnostics {
        if let Some(fix) = &diagnostic.fix {
            ensure(rule.meta.fix.is_some_and(|most| fix.safety <= most), || {
                format!("`{}` is {}, but the rule's facts say {:?}", fix.title, fix.safety, rule.meta.fix)
            })?;
        }
    }
    let least = shown(rule);
    let fixed = linter.fix(snapshot(&example.files), least, |_, _| true);
    let left: Vec<&Diagnostic> =
        fixed.report.diagnostics.iter().filter(|d| d.fix.as_ref().is_some_and(|fix| fix.safety >= least)).collect();
    ensure(left.is_empty(), || format!("after the fix these are left to fix: {left:#?}"))?;
    let again = linter.fix(fixed.report.project.snapshot.clone(), least, |_, _| true);
    ensure(again.applied == 0, || "a second run of the fix changes something".into())?;
    // What bake would refuse: names that nobody declares and Dockerfiles that are not there.
    let unresolved = |project: &Project| {
        let names: usize = project.bakes.iter().map(|bake| bake.evaluation.unknown_names().len()).sum();
        names + project.builds.iter().filter(|build| build.dockerfile.is_none()).count()
    };
    ensure(unresolved(&fixed.report.project) <= unresolved(&before.project), || {
        "the patched bake files do not resolve".into()
    })?;
    let errors = |project: &Project| project.errors.len();
    ensure(errors(&fixed.report.project) <= errors(&before.project), || {
        format!("the patched files do not parse: {:?}", fixed.report.project.errors)
    })
}

/// An ignore comment at the top of each file silences the rule there, and so does switching it off.
fn check_silence(rule: &Rule, example: &Example) -> Result<(), Failed> {
    let off = linter(rule, example, "off")?.lint(snapshot(&example.files));
    let own = |found: &Report| found.diagnostics.iter().filter(|d| d.rule == rule.meta.id).count();
    ensure(own(&off) == 0, || "level = \"off\" does not silence it".into())?;
    let found = linter(rule, example, "on")?.lint(snapshot(&example.files));
    let ignored: Vec<(String, String)> = example
        .files
        .iter()
        .map(|(path, text)| {
            let id = rule.meta.id;
            let has = found.diagnostics.iter().any(|d| found.project.path(d.span.file) == path);
            let comments = !path.ends_with(".json") && has;
            // A comment above a directive would end the directives.
            let directives = text.lines().take_while(|line| line.starts_with("# ") && line.contains('=')).count();
            let at = text.split_inclusive('\n').take(directives).map(str::len).sum::<usize>();
            let (head, tail) = text.split_at(at);
            let comment = if comments { format!("# bakelint: ignore[{id}] tried\n") } else { String::new() };
            (path.clone(), format!("{head}{comment}{tail}"))
        })
        .collect();
    let silent = linter(rule, example, "on")?.lint(snapshot(&ignored));
    let left = silent
        .diagnostics
        .iter()
        .filter(|d| d.rule == rule.meta.id && !silent.project.path(d.span.file).ends_with(".json"));
    let left: Vec<_> = left.collect();
    ensure(left.is_empty(), || format!("an ignore comment at the top leaves {left:#?}"))
}

/// The same files with CRLF line ends give the same findings and a patch that keeps them.
fn check_crlf(rule: &Rule, example: &Example) -> Result<(), Failed> {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let files: Vec<(String, String)> = example
        .files
        .iter()
        .map(|(path, text)| (path.clone(), if path == "bakelint.toml" { text.clone() } else { crlf(text) }))
        .collect();
    let linter = linter(rule, example, "on")?;
    let (lf, cr) = (linter.lint(snapshot(&example.files)), linter.lint(snapshot(&files)));
    let (lf_text, cr_text) = (report(&lf.project, &lf.diagnostics), report(&cr.project, &cr.diagnostics));
    same("the report with CRLF", &Some(lf_text), &Some(cr_text.replace("\\r", "")))?;
    let least = shown(rule);
    let lf = linter.fix(snapshot(&example.files), least, |_, _| true).report.project.snapshot;
    let cr = linter.fix(snapshot(&files), least, |_, _| true).report.project.snapshot;
    for (_, file) in lf.files().filter(|(_, file)| file.path != "bakelint.toml") {
        let other = cr.find(&file.path).and_then(|id| cr.get(id)).map(|file| file.text().to_owned());
        let created = !example.files.iter().any(|(path, _)| *path == file.path);
        if !created {
            same(&format!("{} fixed with CRLF", file.path), &Some(crlf(file.text())), &other)?;
            ensure(other.as_deref() == Some(&crlf(file.text())), || {
                format!("{} fixed with CRLF has mixed line ends", file.path)
            })?;
        }
    }
    Ok(())
}

/// Another layout of a Dockerfile that says the same.
struct Layout {
    name: &'static str,
    /// The text in this layout; `None` where it has none.
    rewrite: fn(&Dockerfile) -> Option<String>,
    /// Whether the same steps come out of it, so that a fix must not make others of them.
    same_steps: bool,
}

const LAYOUTS: &[Layout] = &[
    Layout { name: "two kinds of line ends", rewrite: with_two_line_ends, same_steps: true },
    Layout { name: "comments between continued lines", rewrite: with_comments, same_steps: true },
    Layout { name: "tabs", rewrite: with_tabs, same_steps: true },
    Layout { name: "a backtick for the escape character", rewrite: with_backticks, same_steps: true },
    Layout { name: "triggers", rewrite: with_triggers, same_steps: false },
];

/// However a Dockerfile is laid out, its fixes leave a file that parses, come to rest, make no step that the fixes of the example do not make,
/// and leave the lines alone that they are not about.
fn check_layouts(rule: &Rule, example: &Example) -> Result<(), Failed> {
    let linter = linter(rule, example, "on")?;
    let least = shown(rule);
    let plain = linter.lint(snapshot(&example.files)).project;
    let fixed = linter.fix(snapshot(&example.files), least, |_, _| true).report.project;
    let known: Vec<String> = [&plain, &fixed].iter().flat_map(|project| steps(project)).collect();
    for layout in LAYOUTS {
        let rewritten = |path: &String| {
            let dockerfile = plain.dockerfiles.iter().find(|dockerfile| dockerfile.path == *path)?;
            (layout.rewrite)(dockerfile)
        };
        let files: Vec<(String, String)> = example
            .files
            .iter()
            .map(|(path, text)| (path.clone(), rewritten(path).unwrap_or_else(|| text.clone())))
            .collect();
        if files == example.files {
            continue;
        }
        let before = linter.lint(snapshot(&files)).project;
        let after = linter.fix(snapshot(&files), least, |_, _| true).report.project;
        let context = |what: &str| format!("with {}, {what}", layout.name);
        ensure(after.errors.len() <= before.errors.len(), || {
            context(&format!("the fixed files do not parse: {:?}", after.errors))
        })?;
        let again = linter.fix(after.snapshot.clone(), least, |_, _| true);
        ensure(again.applied == 0, || context("a second run of the fix changes something"))?;
        if layout.same_steps {
            let new: Vec<String> = steps(&after).into_iter().filter(|step| !known.contains(step)).collect();
            ensure(new.is_empty(), || context(&format!("the fix makes {new:#?}, and none of {known:#?}")))?;
        }
        for (path, text) in &files {
            let Some(file) = after.snapshot.find(path).and_then(|file| after.snapshot.get(file)) else { continue };
            let (old, new) = (ends(text), ends(file.text()));
            ensure(old.iter().all(|(line, end)| new.get(line).is_none_or(|other| other == end)), || {
                context(&format!("line ends of {path} change where nothing else does"))
            })?;
        }
    }
    Ok(())
}

/// The ends of the lines, by each line with those around it; of those that are there once.
fn ends(text: &str) -> BTreeMap<[&str; 3], &str> {
    let lines: Vec<(&str, &str)> =
        text.split_inclusive('\n').map(|line| line.split_at(line.trim_end_matches(['\r', '\n']).len())).collect();
    let mut found: BTreeMap<[&str; 3], Vec<&str>> = BTreeMap::new();
    for around in lines.windows(3) {
        let [before, (line, end), after] = around else { continue };
        found.entry([before.0, line, after.0]).or_default().push(end);
    }
    found.into_iter().filter_map(|(lines, ends)| Some((lines, *ends.first().filter(|_| ends.len() == 1)?))).collect()
}

/// What the instructions of the Dockerfiles say, whatever blanks and escape character they use.
fn steps(project: &Project) -> Vec<String> {
    let instructions = project.dockerfiles.iter().flat_map(|dockerfile| &dockerfile.tree.instructions);
    let bodies = |instruction: &dockerfile::Instruction| {
        instruction.heredocs.iter().map(|heredoc| heredoc.content().to_string()).collect::<String>()
    };
    instructions
        .map(|instruction| format!("{} {}", instruction.text, bodies(instruction)))
        .map(|text| text.replace('`', "\\").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The text with each line changed that `change` is given: its number from 1 and the line with its end.
fn by_line(dockerfile: &Dockerfile, change: impl Fn(u32, &str) -> String) -> String {
    let lines = dockerfile.source.text().split_inclusive('\n');
    (1..).zip(lines).map(|(number, line)| change(number, line)).collect()
}

/// Whether a line is continued by the next one, or continues the one before.
fn is_continued(dockerfile: &Dockerfile, number: u32, by_next: bool) -> bool {
    dockerfile.tree.instructions.iter().any(|instruction| {
        let (first, last) = (instruction.lines.0, instruction.head_end);
        if by_next { first <= number && number < last } else { first < number && number <= last }
    })
}

fn with_two_line_ends(dockerfile: &Dockerfile) -> Option<String> {
    Some(by_line(dockerfile, |number, line| match number % 2 {
        0 => line.replace('\n', "\r\n"),
        _ => line.to_owned(),
    }))
}

fn with_comments(dockerfile: &Dockerfile) -> Option<String> {
    Some(by_line(dockerfile, |number, line| match is_continued(dockerfile, number, true) {
        true => format!("{line}    # between\n"),
        false => line.to_owned(),
    }))
}

fn with_tabs(dockerfile: &Dockerfile) -> Option<String> {
    Some(by_line(dockerfile, |number, line| match is_continued(dockerfile, number, false) && line.starts_with(' ') {
        true => format!("\t{}", line.trim_start_matches(' ')),
        false => line.to_owned(),
    }))
}

fn with_backticks(dockerfile: &Dockerfile) -> Option<String> {
    let text = dockerfile.source.text();
    let inner = text.replace("\\\n", "");
    if inner.contains('\\') || text.contains('`') || !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    Some(format!("# escape=`\n{}", text.replace("\\\n", "`\n")))
}

fn with_triggers(dockerfile: &Dockerfile) -> Option<String> {
    let kept = [Keyword::From, Keyword::Onbuild, Keyword::Maintainer];
    let is_step = |number: u32| {
        let instruction = dockerfile.tree.instructions.iter().find(|instruction| instruction.lines.0 == number);
        instruction.is_some_and(|step| step.stage.is_some() && !kept.contains(&step.keyword))
    };
    Some(by_line(dockerfile, |number, line| match is_step(number) {
        true => format!("ONBUILD {}", line.trim_start()),
        false => line.to_owned(),
    }))
}

/// All rules together come to rest.
fn check_together(example: &Example) -> Result<(), Failed> {
    let linter = Linter::new(bakelint_rules::all(), Config::default());
    for least in [Safety::Safe, Safety::Unsafe] {
        let fixed = linter.fix(snapshot(&example.files), least, |_, _| true);
        let again = linter.fix(fixed.report.project.snapshot, least, |_, _| true);
        ensure(again.applied == 0, || format!("the {least} fixes of all rules together do not come to rest"))?;
    }
    Ok(())
}

/// Whatever of a file has been typed so far, nothing panics.
fn check_prefixes(example: &Example) -> Result<(), Failed> {
    let linter = Linter::new(bakelint_rules::all(), Config::default());
    for (at, (path, text)) in example.files.iter().enumerate() {
        if path == "bakelint.toml" {
            continue;
        }
        let mut files = example.files.clone();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            files[at].1 = text[..end].to_owned();
            linter.lint(snapshot(&files));
        }
    }
    Ok(())
}

fn check_page(rule: &Rule, page: &Page) -> Result<(), Failed> {
    let summary = rule.summary();
    ensure(summary.ends_with('.') && summary.len() <= 100, || format!("the summary is no short sentence: {summary}"))?;
    ensure(page.examples().any(|example| example.report.is_some()), || "no example has a finding".into())?;
    ensure(page.examples().any(|example| example.report.is_none()), || "no example is clean".into())?;
    let fixes = page.examples().any(|example| example.patch.is_some());
    ensure(fixes == rule.meta.fix.is_some(), || {
        format!("fix = {:?}, but examples with a patch: {fixes}", rule.meta.fix)
    })?;
    let mut names: Vec<&str> = page.examples().map(|example| example.name.as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    ensure(names.len() == count, || "two examples have one name".into())
}
