//! A table for the terminal.

use bakelint_core::replay::durations::Durations;
use bakelint_core::replay::outcome::{BuildHistory, Cause, Replay, StepHistory};
use bakelint_core::replay::{History, WhatIf};

use super::{Subject, counts, rebuild_share, time_of, words};
use crate::report::{Look, plural};

/// The replay as a table: one line a step, with a bar for how often it is rebuilt and the most frequent causes.
pub fn print(
    subject: &Subject,
    history: &History,
    durations: &Durations,
    answer: Option<&WhatIf>,
    look: Look,
) -> String {
    let mut page = Page { text: String::new(), look };
    page.head(subject, history);
    for build in &history.replay.builds {
        page.build(build, durations);
    }
    page.costs(&history.replay);
    page.summary(&history.replay, durations, subject);
    if let Some(answer) = answer {
        page.answer(answer, durations);
    }
    page.failures(history);
    page.losses(&history.replay);
    for note in &history.replay.notes {
        let width = look.width.saturating_sub(6);
        let lines = textwrap::wrap(note, width);
        for (at, line) in lines.iter().enumerate() {
            page.line(&format!("{} {line}", if at == 0 { "note:" } else { "     " }));
        }
    }
    page.text
}

struct Page {
    text: String,
    look: Look,
}

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn paint(&self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Red => "31",
        };
        if self.look.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn head(&mut self, subject: &Subject, history: &History) {
        let short = |at: Option<&bakelint_core::replay::history::Commit>| {
            at.map(|commit| commit.id.to_string()[..10].to_owned()).unwrap_or_default()
        };
        let commits = &history.commits;
        let mut title = format!("{} of {}", plural(counts(history).0, "commit"), subject.branch);
        if let (_, of_branches @ 1.., branches) = counts(history) {
            title.push_str(&format!(" and {of_branches} commits of {branches} merged branches"));
        }
        let range = format!("{}..{}", short(commits.first()), short(commits.last()));
        let definitions = if subject.fixed_definitions { "with today's definitions" } else { "each as it was" };
        self.line(&format!("{}  {}", self.paint(&title, Style::Bold), self.paint(&range, Style::Dim)));
        self.line(
            &self.paint(&format!("store {}, {}, {definitions}", subject.store_name(), subject.calls()), Style::Dim),
        );
        self.line("");
    }

    fn build(&mut self, build: &BuildHistory, durations: &Durations) {
        let linked = if build.requested { "" } else { "  (linked)" };
        self.line(&format!("{}{linked}", self.paint(&build.name, Style::Bold)));
        let stage_width = build.steps.iter().map(|step| step.step.stage.chars().count()).max().unwrap_or(0).min(24);
        for step in &build.steps {
            self.step(build, step, stage_width, durations);
        }
        self.line("");
    }

    fn step(&mut self, build: &BuildHistory, history: &StepHistory, stage_width: usize, durations: &Durations) {
        let step = &history.step;
        let (count, of) = history.rebuilds();
        let share = rebuild_share(history);
        let label = format!("{:stage_width$} {:>2}/{:<2}", clip(&step.stage, stage_width), step.index, step.total);
        let wide = self.look.width.saturating_sub(stage_width + 52).clamp(20, 60);
        let text = clip(&step.text.split_whitespace().collect::<Vec<_>>().join(" "), wide);
        let bar = bar(share.value, 10);
        let style = match share.value {
            value if value < 0.1 => Style::Green,
            value if value < 0.5 => Style::Yellow,
            _ => Style::Red,
        };
        let time =
            time_of(durations, build, history).map(|time| format!(" {}", seconds(time.seconds))).unwrap_or_default();
        let causes = if count == 0 { String::new() } else { self.paint(&causes(history), Style::Dim) };
        self.line(&format!(
            "  {} {text:wide$} {} {:>11}{time:>8}  {causes}",
            self.paint(&label, Style::Dim),
            self.paint(&bar, style),
            if history.rebuilt_at_worst > count {
                format!("{count}–{}/{of}", history.rebuilt_at_worst)
            } else {
                format!("{count}/{of}")
            },
        ));
    }

    /// The steps that most rebuilding goes back to.
    fn costs(&mut self, replay: &Replay) {
        let steps = starts(replay);
        if steps.is_empty() {
            return;
        }
        self.line(&self.paint("Where rebuilding starts", Style::Bold));
        for (build, step, why) in steps.into_iter().take(8) {
            let place = format!("{} {} {}/{}", build.name, step.step.stage, step.step.index, step.step.total);
            let text = clip(&step.step.text.split_whitespace().collect::<Vec<_>>().join(" "), 48);
            let cost =
                if step.blamed_seconds > 0.0 { format!(", {}", seconds(step.blamed_seconds)) } else { String::new() };
            self.line(&format!("  {place}  {text}  (line {})", step.step.line));
            self.line(&format!("      {}{cost}{}", plural(step.roots, "commit"), why));
        }
        self.line("");
    }

    fn summary(&mut self, replay: &Replay, durations: &Durations, subject: &Subject) {
        let commits = replay.times.len().saturating_sub(1);
        if commits == 0 {
            self.line("one commit alone tells nothing about rebuilding");
            return;
        }
        let mean = |value: f64| value / commits as f64;
        let after_first = || replay.times.iter().skip(1);
        let executed = mean(replay.executed_after_first() as f64);
        let mut line = format!("{executed:.1} steps a commit are executed");
        let unknown: usize = after_first().map(|time| time.unknown).sum();
        let any_time = after_first().any(|time| time.total > 0.0);
        if any_time {
            let path = mean(after_first().map(|time| time.longest_path).sum());
            let total = mean(after_first().map(|time| time.total).sum());
            line.push_str(&format!(
                "; {} a commit if independent steps run at the same time, {} one after the other",
                seconds(path),
                seconds(total)
            ));
        }
        self.line(&line);
        if durations.is_empty() {
            self.line("no seconds are told without times of steps (--log, --durations)");
        } else if !any_time && unknown > 0 {
            self.line("no executed step is in the logs, so no seconds are told");
        } else {
            let logs = plural(subject.logs, "log");
            self.line(&format!(
                "times are medians from {logs}; {unknown} executed steps have no known time and count as 0 s"
            ));
        }
    }

    fn answer(&mut self, answer: &WhatIf, durations: &Durations) {
        self.line("");
        self.line(&self.paint("With the change", Style::Bold));
        if let Some(steps) = answer.steps {
            let (value, low, high) = (steps.value, steps.low, steps.high);
            self.line(&format!("  saves {value:.2} executed steps a commit (95 %: {low:.2} to {high:.2})"));
        }
        if let Some(saved) = answer.seconds {
            let (value, low, high) = (seconds(saved.value), seconds(saved.low), seconds(saved.high));
            self.line(&format!("  saves {value} a commit (95 %: {low} to {high})"));
        }
        let cost =
            if durations.is_empty() { String::new() } else { format!(", {}", seconds(answer.first_run.longest_path)) };
        self.line(&format!("  the first run after it executes {}{cost}", plural(answer.first_run.executed, "step")));
        if let Some(runs) = answer.pays_back_after {
            self.line(&format!("  and is paid for after {:.0} more", runs.ceil()));
        }
    }

    fn losses(&mut self, replay: &Replay) {
        let steps = replay.builds.iter().flat_map(|build| &build.steps);
        if steps.into_iter().any(|step| step.rebuilt_at_worst > step.rebuilds().0) {
            self.line("note: the higher numbers hold if imports lose hits, as BuildKit does on fresh builders that bake targets");
            self.line(
                "      with common steps at once, or import several caches (moby/buildkit#4674, moby/buildkit#6418)",
            );
        }
    }

    fn failures(&mut self, history: &History) {
        let failures = &history.replay.failures;
        if let Some(first) = failures.first() {
            let id = history.commits.get(first.commit).map(|commit| commit.id.to_string()).unwrap_or_default();
            let id = id.get(..10).unwrap_or_default();
            let build = if first.build.is_empty() { "all builds" } else { &first.build };
            self.line(&format!(
                "{} that fail or cannot be told are left out; the first is {build} at {id}: {}",
                plural(failures.len(), "build"),
                first.reason
            ));
        }
    }
}

/// The steps that rebuilding goes back to, the costliest first, each with why.
pub fn starts(replay: &Replay) -> Vec<(&BuildHistory, &StepHistory, String)> {
    let steps = replay.builds.iter().flat_map(|build| build.steps.iter().map(move |step| (build, step)));
    let mut steps: Vec<(&BuildHistory, &StepHistory)> = steps.filter(|(_, step)| step.roots > 0).collect();
    steps.sort_by(|(_, a), (_, b)| b.blamed_seconds.total_cmp(&a.blamed_seconds).then(b.roots.cmp(&a.roots)));
    steps.into_iter().map(|(build, step)| (build, step, sole_cause(step))).collect()
}

/// The three most frequent causes with their counts.
fn causes(step: &StepHistory) -> String {
    let ranked = step.ranked_causes();
    let shown: Vec<String> =
        ranked.iter().take(3).map(|(cause, commits, _)| format!("{} {commits}", words(cause))).collect();
    let more = ranked.len().saturating_sub(3);
    if more > 0 { format!("{}, {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// The folder that alone causes most rebuilds.
fn sole_cause(step: &StepHistory) -> String {
    let ranked = step.ranked_causes();
    let alone = ranked.iter().filter(|(cause, _, alone)| *alone > 0 && matches!(cause, Cause::Files { .. }));
    match alone.max_by_key(|(_, _, alone)| *alone) {
        Some((cause, _, alone)) => format!("; {alone} only because of {}", words(cause)),
        None => format!("; {}", causes(step)),
    }
}

/// A bar of this many cells, an eighth of a cell at the finest.
fn bar(share: f64, cells: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * cells as f64 * 8.0).round() as usize;
    // Something that happens at all shows.
    let eighths = if share > 0.0 { eighths.max(1) } else { eighths };
    let mut bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    bar.push_str(&" ".repeat(cells - bar.chars().count()));
    bar
}

/// Seconds as people read them.
pub fn seconds(seconds: f64) -> String {
    let absolute = seconds.abs();
    if absolute < 9.95 {
        format!("{seconds:.1} s")
    } else if absolute < 120.0 {
        format!("{seconds:.0} s")
    } else if absolute < 7200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_wide_as_their_share() {
        let cases = [(0.0, "    "), (0.001, "▏   "), (0.5, "██  "), (0.53, "██▏ "), (1.0, "████"), (7.0, "████")];
        for (share, expected) in cases {
            assert_eq!(bar(share, 4), expected, "{share}");
        }
    }

    #[test]
    fn seconds_read_well() {
        let cases =
            [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (600.0, "10 min"), (9000.0, "2.5 h"), (-3.0, "-3.0 s")];
        for (value, expected) in cases {
            assert_eq!(seconds(value), expected);
        }
    }
}
