//! For other tools.

use bakelint_core::replay::durations::Durations;
use bakelint_core::replay::outcome::{BuildHistory, StepHistory};
use bakelint_core::replay::{History, WhatIf};
use serde_json::{Map, Value, json};

use super::{Subject, rebuild_share, time_of};

/// The replay as one JSON document.
pub fn print(subject: &Subject, history: &History, durations: &Durations, answer: Option<&WhatIf>) -> String {
    let replay = &history.replay;
    let builds: Vec<Value> = replay.builds.iter().map(|build| self::build(durations, build)).collect();
    let times = replay.times.iter().map(|time| {
        let mut value = json!({"executed": time.executed});
        if !durations.is_empty() {
            value["longest_path_seconds"] = json!(time.longest_path);
            value["total_seconds"] = json!(time.total);
            value["steps_without_time"] = json!(time.unknown);
        }
        value
    });
    let failures = replay.failures.iter().map(|failure| {
        let commit = history.commits.get(failure.commit).map(|commit| commit.id.to_string());
        json!({"commit": commit, "build": failure.build, "reason": failure.reason})
    });
    let mut document = json!({
        "version": 1,
        "branch": subject.branch,
        "store": subject.store_name(),
        "together": subject.together,
        "definitions": if subject.fixed_definitions { "today" } else { "as-was" },
        "commits": history.commits.iter().map(|commit| commit.id.to_string()).collect::<Vec<_>>(),
        "builds": builds,
        "times": times.collect::<Vec<_>>(),
        "failures": failures.collect::<Vec<_>>(),
        "notes": replay.notes,
    });
    if history.commits.iter().any(|commit| commit.branch.is_some()) {
        document["branches"] = history.commits.iter().map(|commit| commit.branch).collect();
    }
    if let Some(answer) = answer {
        document["what_if"] = json!({
            "steps_saved_per_commit": answer.steps,
            "seconds_saved_per_commit": answer.seconds,
            "first_run": {
                "executed": answer.first_run.executed,
                "seconds": answer.seconds.map(|_| answer.first_run.longest_path),
            },
            "pays_back_after_runs": answer.pays_back_after,
            "builds": answer.after.builds.iter().map(|build| self::build(durations, build)).collect::<Vec<_>>(),
        });
    }
    format!("{document}\n")
}

fn build(durations: &Durations, build: &BuildHistory) -> Value {
    let steps = build.steps.iter().map(|step| self::step(durations, build, step));
    json!({"name": build.name, "requested": build.requested, "steps": steps.collect::<Vec<_>>()})
}

fn step(durations: &Durations, build: &BuildHistory, history: &StepHistory) -> Value {
    let step = &history.step;
    let (count, of) = history.rebuilds();
    let mut value = Map::new();
    let mut set = |name: &str, item: Value| value.insert(name.to_owned(), item);
    set("stage", json!(step.stage));
    set("index", json!(step.index));
    set("of", json!(step.total));
    set("keyword", json!(step.keyword));
    set("line", json!(step.line));
    set("text", json!(step.text));
    if let Some(platform) = &step.platform {
        set("platform", json!(platform));
    }
    let flags: Vec<Value> =
        history.rebuilt.iter().map(|flag| flag.map_or(Value::Null, |flag| json!(u8::from(flag)))).collect();
    set("rebuilt", Value::Array(flags));
    let share = rebuild_share(history);
    set(
        "rebuilds",
        json!({"count": count, "of": of, "share": share.value, "low": share.low, "high": share.high,
        "at_worst": history.rebuilt_at_worst}),
    );
    let causes = history.ranked_causes().into_iter().map(|(cause, commits, alone)| {
        let mut value = json!(cause);
        value["commits"] = json!(commits);
        value["alone"] = json!(alone);
        value
    });
    set("causes", causes.collect());
    if let Some(time) = time_of(durations, build, history) {
        set("time", json!(time));
    }
    if !durations.is_empty() {
        set("blamed_seconds", json!(history.blamed_seconds));
    }
    set("roots", json!(history.roots));
    Value::Object(value)
}
