//! One page that needs nothing else: a map of steps by commits, with numbers and causes.

use std::fmt::Write;

use bakelint_core::replay::durations::Durations;
use bakelint_core::replay::simulate::{BuildHistory, Cause, StepHistory};
use bakelint_core::replay::{History, WhatIf};
use serde_json::json;

use super::text::seconds;
use super::{Subject, rebuild_share, time_of, words};
use crate::report::plural;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2430; --soft: #667085; --line: #e4e7ec; --paper: #fff; --hit: #eef1f5;
  --root: #d92d20; --after: #f7b27a; --lost: #7a5af8; --good: #12805c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b3; --line: #2b3340; --paper: #12161d; --hit: #1f2630;
  --root: #f97066; --after: #93531f; --lost: #9b8afb; --good: #47cd89; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; max-width: 1400px; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, .soft { color: var(--soft); } .cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; }
.card { border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .9rem; min-width: 9rem; }
.card b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
td, th { padding: .16rem .5rem; text-align: left; vertical-align: middle; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
th { color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--line); }
tr:hover td { background: color-mix(in srgb, var(--hit) 60%, transparent); }
code { font: 12.5px ui-monospace, monospace; } .num { text-align: right; font-variant-numeric: tabular-nums; }
.map { padding: .1rem 0; } .map svg { display: block; width: 100%; height: 18px; border-radius: 3px; background: transparent; }
.h { fill: var(--hit); } .r { fill: var(--root); } .a { fill: var(--after); } .l { fill: var(--lost); }
.legend span { display: inline-flex; align-items: center; gap: .4rem; margin-right: 1.2rem; }
.legend i { width: .9rem; height: .9rem; border-radius: 3px; display: inline-block; }
.meter { display: inline-block; height: .55rem; border-radius: 3px; background: var(--root); vertical-align: middle; }
#tip { position: fixed; pointer-events: none; display: none; max-width: 28rem; padding: .4rem .6rem; border-radius: .4rem;
  background: var(--ink); color: var(--paper); font-size: 12px; z-index: 1; white-space: pre-line; }
.saved { color: var(--good); }
";

/// Shows what a cell of the map stands for. The page is complete without it.
const SCRIPT: &str = "
const data = JSON.parse(document.getElementById('data').textContent), tip = document.getElementById('tip');
for (const svg of document.querySelectorAll('.map svg')) {
  svg.addEventListener('mousemove', event => {
    const box = svg.getBoundingClientRect(), n = data.commits.length;
    const at = Math.min(n - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * n)));
    const why = (data.causes[svg.dataset.step] || {})[at];
    tip.textContent = data.commits[at] + (why ? '\\n' + why : '');
    tip.style.display = 'block';
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
    tip.style.top = (event.clientY + 16) + 'px';
  });
  svg.addEventListener('mouseleave', () => { tip.style.display = 'none'; });
}
";

/// The replay as a page.
pub fn print(subject: &Subject, history: &History, durations: &Durations, answer: Option<&WhatIf>) -> String {
    let replay = &history.replay;
    let mut page = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    put(
        &mut page,
        format_args!("<title>Layer rebuilds of {}</title>\n<style>{STYLE}</style>\n", escape(&subject.branch)),
    );
    let definitions = if subject.fixed_definitions { "today's definitions" } else { "each commit's own definitions" };
    let calls = subject.calls();
    put(
        &mut page,
        format_args!(
            "<h1>Layer rebuilds of {}</h1>\n<p>{}, {definitions}, store {}, {calls}. Predicted from the git history; \
             nothing was built.</p>\n",
            escape(&subject.branch),
            plural(history.commits.len(), "commit"),
            subject.store_name()
        ),
    );
    cards(&mut page, history, durations, answer);
    page.push_str(
        "<p class=\"legend\"><span><i style=\"background:var(--hit)\"></i>from the cache</span>\
         <span><i style=\"background:var(--root)\"></i>rebuilt for its own sake</span>\
         <span><i style=\"background:var(--after)\"></i>rebuilt because a step before was</span>\
         <span><i style=\"background:var(--lost)\"></i>lost by the cache</span></p>\n",
    );
    let mut causes = Vec::new();
    for build in &replay.builds {
        table(&mut page, build, durations, history.commits.len(), &mut causes);
    }
    notes(&mut page, history);
    let commits: Vec<String> =
        history.commits.iter().map(|commit| format!("{}  {}", &commit.id.to_string()[..10], commit.subject)).collect();
    // What stands in a script element must not look like its end.
    let data = json!({"commits": commits, "causes": causes}).to_string().replace('<', "\\u003c");
    put(
        &mut page,
        format_args!(
            "<div id=\"tip\"></div>\n<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n</html>\n"
        ),
    );
    page
}

fn put(page: &mut String, text: std::fmt::Arguments) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(text);
}

fn cards(page: &mut String, history: &History, durations: &Durations, answer: Option<&WhatIf>) {
    let replay = &history.replay;
    let commits = replay.times.len().saturating_sub(1).max(1) as f64;
    let mut card = |value: String, label: &str| {
        put(page, format_args!("<div class=\"card\"><b>{value}</b><span class=\"soft\">{label}</span></div>\n"));
    };
    let mut cards = vec![(format!("{:.1}", replay.executed_after_first() as f64 / commits), "steps executed a commit")];
    if !durations.is_empty() {
        let after_first = || replay.times.iter().skip(1);
        let path: f64 = after_first().map(|time| time.longest_path).sum();
        let total: f64 = after_first().map(|time| time.total).sum();
        cards.push((seconds(path / commits), "a commit, independent steps at once"));
        cards.push((seconds(total / commits), "a commit, one step after the other"));
    }
    if let Some(answer) = answer {
        if let Some(steps) = answer.steps {
            cards.push((format!("{:.2} ({:.2} to {:.2})", steps.value, steps.low, steps.high), "steps saved a commit"));
        }
        if let Some(saved) = answer.seconds {
            let range = format!("{} ({} to {})", seconds(saved.value), seconds(saved.low), seconds(saved.high));
            cards.push((range, "saved a commit, 95 % interval"));
        }
        cards.push((plural(answer.first_run.executed, "step"), "executed by the first run after the change"));
    }
    cards.into_iter().for_each(|(value, label)| card(value, label));
    page.insert_str(page.find("<div class=\"card\">").unwrap_or(page.len()), "<div class=\"cards\">\n");
    page.push_str("</div>\n");
}

fn table(
    page: &mut String,
    build: &BuildHistory,
    durations: &Durations,
    commits: usize,
    causes: &mut Vec<serde_json::Value>,
) {
    let linked = if build.requested { "" } else { " <span class=\"soft\">linked</span>" };
    put(page, format_args!("<h2>{}{linked}</h2>\n<table>\n", escape(&build.name)));
    let time = if durations.is_empty() { "" } else { "<th class=\"num\" style=\"width:5rem\">time</th>" };
    put(
        page,
        format_args!(
            "<tr><th style=\"width:9rem\">stage</th><th style=\"width:24%\">step</th>\
             <th style=\"width:8rem\">rebuilt</th>{time}<th>commits, oldest first</th><th style=\"width:18%\">why</th></tr>\n"
        ),
    );
    for step in &build.steps {
        row(page, build, step, durations, commits, causes.len());
        let told = step.causes.iter().map(|(commit, causes)| {
            let words: Vec<String> = causes.iter().map(words).collect();
            (commit.to_string(), json!(words.join(", ")))
        });
        causes.push(told.collect::<serde_json::Map<_, _>>().into());
    }
    page.push_str("</table>\n");
}

fn row(
    page: &mut String,
    build: &BuildHistory,
    history: &StepHistory,
    durations: &Durations,
    commits: usize,
    number: usize,
) {
    let step = &history.step;
    let (count, of) = history.rebuilds();
    let share = rebuild_share(history);
    let text = escape(&step.text);
    let worst = history.rebuilt_at_worst;
    let worst = if worst > count { format!("–{worst}") } else { String::new() };
    put(
        page,
        format_args!(
            "<tr><td>{} <span class=\"soft\">{}/{}</span></td><td title=\"{text}\"><code>{text}</code></td>\
             <td title=\"{:.0} % (95 %: {:.0} to {:.0} %)\"><span class=\"meter\" style=\"width:{:.0}px\"></span> {count}{worst}/{of}</td>",
            escape(&step.stage),
            step.index,
            step.total,
            share.value * 100.0,
            share.low * 100.0,
            share.high * 100.0,
            share.value * 56.0,
        ),
    );
    if !durations.is_empty() {
        let time = time_of(durations, build, history).map(|time| seconds(time.seconds)).unwrap_or_default();
        put(page, format_args!("<td class=\"num\">{time}</td>"));
    }
    put(
        page,
        format_args!(
            "<td class=\"map\"><svg data-step=\"{number}\" viewBox=\"0 0 {commits} 1\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{count} of {of} commits\">"
        ),
    );
    let mut at = 0;
    while at < history.rebuilt.len() {
        let class = cell(history, at);
        let end = (at + 1..history.rebuilt.len()).find(|other| cell(history, *other) != class);
        let end = end.unwrap_or(history.rebuilt.len());
        if let Some(class) = class {
            put(page, format_args!("<rect class=\"{class}\" x=\"{at}\" width=\"{}\" height=\"1\"/>", end - at));
        }
        at = end;
    }
    let why: Vec<String> =
        history.ranked_causes().iter().take(3).map(|(cause, n, _)| format!("{} {n}", words(cause))).collect();
    let why = escape(&why.join(", "));
    put(page, format_args!("</svg></td><td class=\"soft\" title=\"{why}\">{why}</td></tr>\n"));
}

/// The class of a cell: hit, root, after another step, lost; nothing where the step does not exist.
fn cell(history: &StepHistory, commit: usize) -> Option<&'static str> {
    let rebuilt = history.rebuilt.get(commit).copied().flatten()?;
    let causes = history.causes.get(&commit);
    Some(match (rebuilt, causes) {
        (false, _) => "h",
        (true, Some(causes)) if causes.contains(&Cause::CacheLost) => "l",
        (true, Some(causes)) if causes.iter().all(|cause| *cause == Cause::Inherited) => "a",
        (true, _) => "r",
    })
}

fn notes(page: &mut String, history: &History) {
    let replay = &history.replay;
    if replay.notes.is_empty() && replay.failures.is_empty() {
        return;
    }
    page.push_str("<h2>Notes</h2>\n<ul>\n");
    for note in &replay.notes {
        put(page, format_args!("<li>{}</li>\n", escape(note)));
    }
    for failure in replay.failures.iter().take(20) {
        let id = history.commits.get(failure.commit).map(|commit| commit.id.to_string()).unwrap_or_default();
        let build = if failure.build.is_empty() { "all builds" } else { &failure.build };
        let id = id.get(..10).unwrap_or_default();
        put(page, format_args!("<li>{} at {id} fails: {}</li>\n", escape(build), escape(&failure.reason)));
    }
    page.push_str("</ul>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
