//! One page that needs nothing else: a map of steps by commits, with numbers and causes.

use std::fmt::{Arguments, Write};

use bakelint_core::replay::durations::Durations;
use bakelint_core::replay::outcome::{BuildHistory, Cause, StepHistory};
use bakelint_core::replay::{History, WhatIf};
use serde_json::{Map, Value, json};

use super::text::{seconds, starts};
use super::{Subject, counts, rebuild_share, time_of, words};
use crate::report::plural;

const STYLE: &str = include_str!("page.css");

/// Tells what the cell under the pointer stands for. The page is complete without it.
const SCRIPT: &str = include_str!("page.js");

/// With more commits than this, cells have no gaps between them.
const GAPS_UP_TO: usize = 250;

/// The replay as a page.
pub fn print(subject: &Subject, history: &History, durations: &Durations, answer: Option<&WhatIf>) -> String {
    let mut page = Page { text: String::new(), history, durations, causes: Vec::new() };
    let branch = escape(&subject.branch);
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Layer rebuilds of {branch}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    ));
    page.head(subject, &branch);
    page.cards(answer);
    page.chart();
    page.starts();
    page.put(format_args!(
        "<p class=\"legend\"><span><i class=\"h\"></i>from the cache</span><span><i class=\"r\"></i>rebuilt for its own sake</span>\
         <span><i class=\"a\"></i>rebuilt because a step before was</span><span><i class=\"l\"></i>not in the cache</span>\
         <span><i class=\"c\"></i>first build</span></p>\n"
    ));
    for build in &history.replay.builds {
        page.build(build);
    }
    page.notes();
    page.data();
    page.text
}

struct Page<'p> {
    text: String,
    history: &'p History,
    durations: &'p Durations,
    /// By step: what the cells say.
    causes: Vec<Value>,
}

impl Page<'_> {
    fn put(&mut self, text: Arguments) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
    }

    fn head(&mut self, subject: &Subject, branch: &str) {
        let definitions =
            if subject.fixed_definitions { "today’s definitions" } else { "each commit’s own definitions" };
        let mut commits = plural(counts(self.history).0, "commit");
        if let (_, of_branches @ 1.., branches) = counts(self.history) {
            commits.push_str(&format!(" and {of_branches} commits of {branches} merged branches"));
        }
        let store = subject.store_name();
        self.put(format_args!(
            "<header>\n<h1>Layer rebuilds of <b>{branch}</b></h1>\n<p>{commits}<span>·</span>{definitions}<span>·</span>\
             store {store}<span>·</span>{}</p>\n</header>\n",
            subject.calls(),
        ));
    }

    fn cards(&mut self, answer: Option<&WhatIf>) {
        let replay = &self.history.replay;
        let commits = replay.times.len().saturating_sub(1).max(1) as f64;
        let mut cards =
            vec![(format!("{:.1}", replay.executed_after_first() as f64 / commits), "steps executed a commit", "")];
        if !self.durations.is_empty() {
            let after_first = || replay.times.iter().skip(1);
            let path: f64 = after_first().map(|time| time.longest_path).sum();
            let total: f64 = after_first().map(|time| time.total).sum();
            cards.push((seconds(path / commits), "a commit, independent steps at once", ""));
            cards.push((seconds(total / commits), "a commit, one step after the other", ""));
        }
        let steps = replay.builds.iter().flat_map(|build| &build.steps);
        let (never, all) =
            steps.fold((0, 0), |(never, all), step| (never + usize::from(step.rebuilds().0 == 0), all + 1));
        cards.push((format!("{never} of {all}"), "steps are never rebuilt", ""));
        if let Some(answer) = answer {
            if let Some(saved) = answer.steps {
                cards.push((format!("{:.2}", saved.value), "steps saved a commit by the change", "saved"));
            }
            if let Some(saved) = answer.seconds {
                cards.push((seconds(saved.value), "saved a commit by the change", "saved"));
            }
            cards.push((plural(answer.first_run.executed, "step"), "in the first run after the change", ""));
        }
        self.put(format_args!("<div class=\"cards\">\n"));
        for (value, label, class) in cards {
            self.put(format_args!("<div class=\"card {class}\"><b>{value}</b>{label}</div>\n"));
        }
        self.put(format_args!("</div>\n"));
    }

    /// Executed steps by commit.
    fn chart(&mut self) {
        let times = &self.history.replay.times;
        let commits = times.len();
        // The first commit executes everything and would make all others look small.
        let most = times.iter().skip(1).map(|time| time.executed).max().unwrap_or(0);
        if commits < 2 || most == 0 {
            return;
        }
        let gap = gap(commits);
        self.put(format_args!(
            "<section class=\"chart\">\n<h2>Steps executed by commit <small>at most {most}</small></h2>\n\
             <svg data-step=\"all\" viewBox=\"0 0 {commits} {most}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"executed steps by commit\">"
        ));
        for (at, time) in times.iter().enumerate().skip(1).filter(|(_, time)| time.executed > 0) {
            let (y, width) = (most - time.executed, 1.0 - gap);
            self.put(format_args!("<rect x=\"{at}\" y=\"{y}\" width=\"{width}\" height=\"{}\"/>", time.executed));
        }
        self.put(format_args!("</svg>\n{}</section>\n", axis(self.history)));
    }

    /// The steps that most rebuilding goes back to.
    fn starts(&mut self) {
        let starts = starts(&self.history.replay);
        let most = starts.iter().map(|(_, step, _)| step.roots).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        self.put(format_args!("<section class=\"starts\">\n<h2>Where rebuilding starts</h2>\n"));
        for (build, step, why) in starts.into_iter().take(6) {
            let cost = match step.blamed_seconds {
                0.0 => String::new(),
                cost => format!(", {}", seconds(cost)),
            };
            self.put(format_args!(
                "<div class=\"start\"><div><code title=\"{0}\">{0}</code><small>{1} · {2} {3}/{4} · line {5}</small></div>\
                 <div class=\"meter\"><i style=\"width:{6:.1}%\"></i></div><p>{7}{cost}{8}</p></div>\n",
                escape(&one_line(&step.step.text)),
                escape(&build.name),
                escape(&step.step.stage),
                step.step.index,
                step.step.total,
                step.step.line,
                step.roots as f64 / most as f64 * 100.0,
                plural(step.roots, "commit"),
                escape(&why),
            ));
        }
        self.put(format_args!("</section>\n"));
    }

    fn build(&mut self, build: &BuildHistory) {
        let linked = if build.requested { "" } else { " <small>linked</small>" };
        let timed = if self.durations.is_empty() { "" } else { " timed" };
        let count = plural(build.steps.len(), "step");
        self.put(format_args!(
            "<section class=\"build{timed}\">\n<h2>{}{linked} <small>{count}</small></h2>\n<div class=\"row head\">\
             <span>step</span>{}<span class=\"num\">rebuilt</span>{}<span class=\"why\">why</span></div>\n",
            escape(&build.name),
            if timed.is_empty() { "" } else { "<span class=\"num\">time</span>" },
            axis(self.history),
        ));
        let mut stage = None;
        for step in &build.steps {
            if stage != Some(&step.step.stage) {
                self.put(format_args!("<h3>{}</h3>\n", escape(&step.step.stage)));
                stage = Some(&step.step.stage);
            }
            self.row(build, step);
        }
        self.put(format_args!("</section>\n"));
    }

    fn row(&mut self, build: &BuildHistory, history: &StepHistory) {
        let step = &history.step;
        let (count, of) = history.rebuilds();
        let share = rebuild_share(history);
        let text = escape(&one_line(&step.text));
        let platform = step.platform.as_ref().map(|name| format!(" <em>{}</em>", escape(name))).unwrap_or_default();
        self.put(format_args!(
            "<div class=\"row\"><span class=\"step\" title=\"{text}\"><small>{}/{}</small> <code>{text}</code>{platform}</span>",
            step.index, step.total
        ));
        if !self.durations.is_empty() {
            let time = time_of(self.durations, build, history).map(|time| seconds(time.seconds)).unwrap_or_default();
            self.put(format_args!("<span class=\"num\">{time}</span>"));
        }
        let worst = match history.rebuilt_at_worst {
            worst if worst > count => format!("–{worst}"),
            _ => String::new(),
        };
        let heat = if count == 0 { " none" } else { "" };
        self.put(format_args!(
            "<span class=\"num{heat}\" title=\"{:.0} % (95 %: {:.0} to {:.0} %)\"><b>{count}{worst}</b>/{of}</span>",
            share.value * 100.0,
            share.low * 100.0,
            share.high * 100.0,
        ));
        self.map(history, count, of);
        let ranked = history.ranked_causes();
        let why: Vec<String> =
            ranked.iter().take(3).map(|(cause, commits, _)| format!("{} {commits}", words(cause))).collect();
        let why = escape(&why.join(", "));
        self.put(format_args!("<span class=\"why\" title=\"{why}\">{why}</span></div>\n"));
        let told = history.causes.iter().map(|(commit, causes)| {
            let words: Vec<String> = causes.iter().map(words).collect();
            (commit.to_string(), json!(shortened(&words)))
        });
        self.causes.push(told.collect::<Map<_, _>>().into());
    }

    fn map(&mut self, history: &StepHistory, count: usize, of: usize) {
        let commits = self.history.commits.len();
        let gap = gap(commits);
        self.put(format_args!(
            "<svg data-step=\"{}\" viewBox=\"0 0 {commits} 1\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{count} of {of} commits\">",
            self.causes.len()
        ));
        let mut at = 0;
        while at < history.rebuilt.len() {
            let class = cell(history, at);
            let end = (at + 1..history.rebuilt.len()).find(|other| cell(history, *other) != class);
            let end = end.unwrap_or(history.rebuilt.len());
            let Some(class) = class else {
                at = end;
                continue;
            };
            // Hits are the ground that the others stand on.
            let one_by_one = gap > 0.0 && class != "h";
            let step = if one_by_one { 1 } else { end - at };
            while at < end {
                let width = step as f64 - if one_by_one { gap } else { 0.0 };
                self.put(format_args!("<rect class=\"{class}\" x=\"{at}\" width=\"{width}\" height=\"1\"/>"));
                at += step;
            }
        }
        self.put(format_args!("</svg>"));
    }

    fn notes(&mut self) {
        let replay = &self.history.replay;
        let mut notes: Vec<String> = replay.notes.iter().map(|note| escape(note)).collect();
        if replay.builds.iter().flat_map(|build| &build.steps).any(|step| step.rebuilt_at_worst > step.rebuilds().0) {
            let text = "the higher numbers hold if imports lose hits, as BuildKit does on fresh builders that bake targets with \
                        common steps at once, or import several caches (moby/buildkit#4674, moby/buildkit#6418)";
            notes.push(text.to_owned());
        }
        for failure in replay.failures.iter().take(20) {
            let id = self.history.commits.get(failure.commit).map(|commit| commit.id.to_string()).unwrap_or_default();
            let build = if failure.build.is_empty() { "all builds" } else { &failure.build };
            let id = id.get(..10).unwrap_or_default();
            notes.push(format!("{} at {id} fails: {}", escape(build), escape(&failure.reason)));
        }
        if let more @ 1.. = replay.failures.len().saturating_sub(20) {
            notes.push(format!("{more} more failures"));
        }
        self.put(format_args!("<footer>\n"));
        for note in notes {
            self.put(format_args!("<p>{note}</p>\n"));
        }
        self.put(format_args!("<p>Predicted from the git history; nothing was built.</p>\n</footer>\n"));
    }

    fn data(&mut self) {
        let commits = self.history.commits.iter().zip(&self.history.replay.times).map(|(commit, time)| {
            let branch = commit.branch.map(|number| format!(" (merged branch {})", number + 1)).unwrap_or_default();
            let id = commit.id.to_string();
            let head = format!("{} {}{branch}", id.get(..10).unwrap_or_default(), date(commit.time));
            json!([head, commit.subject, time.executed])
        });
        let commits: Vec<Value> = commits.collect();
        // What stands in a script element must not look like its end.
        let data = json!({"commits": commits, "causes": self.causes}).to_string().replace('<', "\\u003c");
        self.put(format_args!(
            "<div id=\"line\"></div><div id=\"tip\"><b></b><span></span><i></i></div>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        ));
    }
}

/// The part of a cell that is left free between it and the next one.
fn gap(commits: usize) -> f64 {
    if commits <= GAPS_UP_TO { 0.14 } else { 0.0 }
}

/// Months along the commits; the first always, others where there is room.
fn axis(history: &History) -> String {
    let mut axis = String::from("<span class=\"axis\">");
    let all = history.commits.len().max(1) as f64;
    let mut last: Option<(f64, String)> = None;
    for (at, commit) in history.commits.iter().enumerate() {
        let place = at as f64 / all * 100.0;
        let month: String = date(commit.time).chars().take(7).collect();
        let fits =
            last.as_ref().is_none_or(|(before, other)| *other != month && place - before >= 14.0 && place <= 92.0);
        if fits {
            axis.push_str(&format!("<time style=\"left:{place:.1}%\">{month}</time>"));
            last = Some((place, month));
        }
    }
    axis + "</span>"
}

/// The day of a time in seconds since 1970, `2026-11-24`, from the civil calendar's eras of 400 years.
fn date(seconds: i64) -> String {
    // Beyond the year 9999 nothing is told apart.
    let days = seconds.clamp(-62_000_000_000, 253_000_000_000).div_euclid(86_400) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = (era * 400 + year + i64::from(month <= 2)).clamp(0, 9999);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The class of a cell: hit, root, after another step, lost, cold; nothing where the step does not exist.
fn cell(history: &StepHistory, commit: usize) -> Option<&'static str> {
    let rebuilt = history.rebuilt.get(commit).copied().flatten()?;
    let causes = history.causes.get(&commit);
    Some(match (rebuilt, causes) {
        (false, _) => "h",
        (true, _) if commit == 0 => "c",
        (true, Some(causes)) if causes.contains(&Cause::CacheLost) => "l",
        (true, Some(causes)) if causes.iter().all(|cause| *cause == Cause::Inherited) => "a",
        (true, _) => "r",
    })
}

fn shortened(words: &[String]) -> String {
    let more = words.len().saturating_sub(6);
    let shown = words[..words.len() - more].join(", ");
    if more > 0 { format!("{shown}, {more} more") } else { shown }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_times() {
        let cases = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_700_000_000, "2023-11-14"),
            (1_795_478_399, "2026-11-23"),
            (-1, "1969-12-31"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(seconds), expected, "{seconds}");
        }
    }
}
