#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::value::Text;
use crate::syntax::SyntaxError;
use crate::syntax::expression::Value;

const FILE: FileId = FileId(0);

const RELEASE: &str = r#"name: Release
on:
  push:
    branches: [main, 'release/**']
    paths-ignore: ['**.md', docs/**]
    tags: ['v*']
  pull_request:
  workflow_dispatch:
    inputs:
      level: {type: choice, default: info, required: true}
env:
  REGISTRY: ghcr.io/${{ github.repository_owner }}
  LEVEL: low
permissions: {contents: read, packages: write}
concurrency:
  group: ${{ github.workflow }}-${{ github.ref }}
  cancel-in-progress: true
jobs:
  lint:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v5
      - run: make lint
  build:
    name: Build ${{ matrix.target }}
    needs: lint
    if: github.event_name != 'schedule'
    runs-on: [self-hosted, linux]
    strategy:
      fail-fast: false
      matrix:
        target: [api, web]
        go: [1.22, 1.23]
        exclude:
          - {target: web, go: 1.22}
        include:
          - {target: api, extra: yes}
          - {target: docs, go: 1.23}
    env:
      IMAGE: ${{ env.REGISTRY }}/${{ matrix.target }}
      LEVEL: high
    services:
      db:
        image: postgres:17
        options: --health-cmd pg_isready
        ports: ["5432:5432"]
    outputs:
      digest: ${{ steps.push.outputs.digest }}
    steps:
      - name: Build
        id: push
        uses: docker/build-push-action@v6.1
        with:
          Tags: |
            ${{ env.IMAGE }}:latest

            ${{ env.IMAGE }}:${{ github.sha }}
          push: ${{ github.event_name != 'pull_request' }}
          cache-to: type=gha,scope=${{ matrix.target }}
      - run: |
          echo "LEVEL=none" >> "$GITHUB_ENV"
        env: {LEVEL: top}
      - if: ${{ failure() && github.event_name == 'push' }}
        run: exit 1
        working-directory: ${{ inputs.dir }}
  call:
    needs: [build, lint]
    uses: ./.github/workflows/deploy.yml
    with: {env: prod}
    secrets: inherit
"#;

fn read(text: &str) -> Workflow {
    let (workflow, errors) = Workflow::parse(FILE, text);
    assert_eq!(errors, []);
    workflow
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.range()).unwrap()
}

#[test]
fn everything_is_there_with_its_place() {
    let workflow = read(RELEASE);
    assert_eq!(workflow.name.as_ref().and_then(Field::known), Some("Release"));
    assert!(slice(RELEASE, workflow.on.unwrap()).starts_with("on:\n  push:"));
    assert!(workflow.runs_on_pull_request() && !workflow.is_reusable());
    assert!(workflow.runs_only_on(&["push", "pull_request", "workflow_dispatch"]));
    let input = &workflow.trigger("workflow_dispatch").unwrap().inputs[0];
    assert_eq!((input.name.node.as_str(), input.default.as_ref().and_then(Field::known)), ("level", Some("info")));
    assert_eq!(workflow.permissions.as_ref().unwrap().scopes.get("packages").and_then(Field::known), Some("write"));
    let cancel = workflow.concurrency.as_ref().unwrap().cancel_in_progress.as_ref().unwrap();
    assert_eq!(cancel.value.as_bool(), Eval::Known(Some(true)));

    let build = &workflow.jobs[1];
    assert_eq!(slice(RELEASE, build.needs[0].span), "lint");
    assert_eq!(slice(RELEASE, build.condition.as_ref().unwrap().span), "github.event_name != 'schedule'");
    let labels: Vec<_> = build.runs_on.as_ref().unwrap().labels.iter().filter_map(Scalar::known).collect();
    assert_eq!(labels, ["self-hosted", "linux"]);
    let service = &build.services[0];
    assert_eq!(
        (service.name.node.as_str(), service.image.as_ref().and_then(Scalar::known)),
        ("db", Some("postgres:17"))
    );
    assert_eq!(service.ports[0].known(), Some("5432:5432"));

    let step = &build.steps[0];
    assert!(step.uses_action("Docker/Build-Push-Action"));
    let uses = step.uses.as_ref().unwrap();
    assert_eq!(slice(RELEASE, uses.reference.version().unwrap().span), "v6.1");
    assert_eq!(uses.reference.version_numbers(), Some(vec![6, 1]));
    assert_eq!(slice(RELEASE, step.input("tags").unwrap().name.span), "Tags");
    assert!(slice(RELEASE, step.span).starts_with("name: Build\n"));
    assert_eq!(build.steps[1].title(), "Run echo \"LEVEL=none\" >> \"$GITHUB_ENV\"");
    let call = &workflow.jobs[2];
    assert_eq!(call.uses.as_ref().unwrap().reference, ActionRef::Local("./.github/workflows/deploy.yml".into()));
    assert!(call.inherits_secrets);
}

#[test]
fn jobs_wait_for_what_they_need() {
    let workflow = read(RELEASE);
    assert_eq!(workflow.needs(2), [0, 1]);
    assert_eq!(workflow.needs_closure(2).into_iter().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(workflow.dependents(0), [1, 2]);
    assert!(!workflow.may_overlap(0, 2));
}

#[test]
fn a_matrix_becomes_legs() {
    let workflow = read(RELEASE);
    let show = |leg: &Leg| {
        let value = |value: &Value| value.to_text().unwrap_or_else(|| "?".into());
        leg.values.iter().map(|(key, v)| format!("{key}={}", value(&v.node))).collect::<Vec<_>>().join(" ")
    };
    let legs = |job: &Job| job.legs().iter().map(show).collect::<Vec<_>>();
    assert_eq!(
        legs(&workflow.jobs[1]),
        ["target=api go=1.22 extra=yes", "target=api go=1.23 extra=yes", "target=web go=1.23", "target=docs go=1.23"]
    );
    assert!(workflow.jobs[1].legs_known());
    assert_eq!(legs(&workflow.jobs[0]), [""]);

    // (matrix, legs, whether all is known); the second is the example of GitHub's documentation.
    let cases: &[(&str, &[&str], bool)] = &[
        ("{a: [1, 2], b: ['x']}", &["a=1 b=x", "a=2 b=x"], true),
        (
            "{fruit: [apple, pear], animal: [cat, dog], include: [{color: green}, {color: pink, animal: cat}, \
             {fruit: apple, shape: circle}, {fruit: banana}, {fruit: banana, animal: cat}]}",
            &[
                "fruit=apple animal=cat color=pink shape=circle",
                "fruit=apple animal=dog color=green shape=circle",
                "fruit=pear animal=cat color=pink",
                "fruit=pear animal=dog color=green",
                "fruit=banana",
                "fruit=banana animal=cat",
            ],
            true,
        ),
        ("{include: [{a: 1}, {a: 2, b: 3}]}", &["a=1", "a=2 b=3"], true),
        ("{a: [x, '${{ inputs.y }}']}", &["a=x", "a=?"], false),
        ("{a: '${{ fromJSON(needs.b.outputs.c) }}', b: [1, 2]}", &["a=? b=1", "a=? b=2"], false),
        ("${{ fromJSON(inputs.m) }}", &[""], false),
        ("{a: [3.10, 010, yes]}", &["a=3.1", "a=10", "a=yes"], true),
        ("{os: [{n: l, v: 1}, {n: w, v: 2}], exclude: [{os: {n: w}}]}", &["os=Object"], true),
    ];
    for (matrix, expected, known) in cases {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    strategy:\n      matrix: {matrix}\n    steps: [{{run: x}}]\n"
        );
        let workflow = read(&text);
        assert_eq!(legs(&workflow.jobs[0]), *expected, "{matrix}");
        assert_eq!(workflow.jobs[0].legs_known(), *known, "{matrix}");
    }
    let many = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "on: push\njobs:\n  a:\n    runs-on: x\n    strategy:\n      matrix: {{a: [{many}], b: [{many}], c: [{many}]}}\n    steps: [{{run: x}}]\n"
    );
    assert_eq!(read(&text).jobs[0].legs().len(), 256);
}

#[test]
fn templates_are_worth_what_the_place_tells() {
    let workflow = read(RELEASE);
    let build = &workflow.jobs[1];
    let legs = build.legs();
    let scope = Scope::new(&workflow).in_job(build, legs.first());
    let step = &build.steps[0];
    let at_step = scope.clone().in_step(step);
    let tags: Vec<String> =
        at_step.lines(&step.input("tags").unwrap().value).iter().map(|(t, _)| t.to_string()).collect();
    assert_eq!(
        tags,
        ["ghcr.io/${github.repository_owner}/api:latest", "ghcr.io/${github.repository_owner}/api:${github.sha}"]
    );
    let cache = at_step.text(&step.input("cache-to").unwrap().value);
    assert_eq!(cache.as_known(), Some("type=gha,scope=api"));

    let push = step.input("push").unwrap();
    assert_eq!(at_step.switch(push), None);
    let event = |name: &str| at_step.clone().assume(&["github", "event_name"], Value::Text(name.into()));
    assert_eq!((event("push").switch(push), event("pull_request").switch(push)), (Some(true), Some(false)));

    // The job's LEVEL may be changed by a script; that of a step stands.
    assert!(scope.env("LEVEL").is_none());
    let second = scope.clone().in_step(&build.steps[1]);
    assert_eq!(second.env("LEVEL").and_then(Scalar::known), Some("top"));
    assert_eq!(Scope::new(&workflow).env("LEVEL").and_then(Scalar::known), Some("low"));

    let last = build.steps[2].condition.as_ref();
    assert_eq!(scope.holds(last), None);
    assert_eq!(scope.clone().assume(&["failure()"], Value::Bool(false)).holds(last), Some(false));
    let schedule = scope.clone().assume(&["github", "event_name"], Value::Text("schedule".into()));
    assert_eq!(schedule.holds(build.condition.as_ref()), Some(false));
    assert_eq!(scope.assume(&["success()"], Value::Bool(true)).holds(None), Some(true));

    let action = "runs: {using: composite, steps: [{run: 'make ${{ inputs.goal }}', shell: bash}]}";
    let (action, errors) = Action::parse(FILE, action);
    assert_eq!((errors.len(), action.is_composite()), (0, true));
    let goal = Scope::unknown().assume(&["inputs", "goal"], Value::Text("all".into()));
    assert_eq!(goal.text(&action.steps[0].run.as_ref().unwrap().value), Text::known("make all"));
}

#[test]
fn an_env_that_stands_in_itself_comes_to_an_end() {
    let workflow =
        read("on: push\nenv:\n  A: x${{ env.B }}\n  B: y${{ env.A }}\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n");
    let scope = Scope::new(&workflow);
    let text = scope.text(&workflow.env.fields[0].value);
    assert!(text.as_known().is_none());
}

#[test]
fn filters_follow_github_s_cheat_sheet() {
    // (pattern, names it matches, names it does not)
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("feature/*", &["feature/my-branch"], &["feature/beta-a/my-branch", "feature"]),
        ("feature/**", &["feature/beta-a/my-branch", "feature/your-branch"], &["feature"]),
        ("main", &["main"], &["mains"]),
        ("*", &["main", "releases"], &["all/the/branches"]),
        ("**", &["all/the/branches", "every/tag"], &[]),
        ("*feature", &["mona-feature", "feature"], &["feature-1"]),
        ("v2*", &["v2", "v2.0", "v2.9"], &["v1"]),
        ("v[12].[0-9]+.[0-9]+", &["v1.10.1", "v2.0.0"], &["v3.0.0", "v1.x.0"]),
        ("*.jsx?", &["page.js", "page.jsx"], &["page.jsxx"]),
        ("**.js", &["index.js", "js/index.js", "src/js/app.js"], &["index.ts"]),
        ("docs/*", &["docs/README.md"], &["docs/a/b"]),
        ("**/docs/**", &["docs/hello.md", "dir/docs/my-file.txt"], &["mydocs/a"]),
        ("**/README.md", &["README.md", "js/README.md"], &["js/xREADME.md"]),
        ("**/*src/**", &["a/src/app.js", "my-src/code/js/app.js"], &["src2/a"]),
        ("**/migrate-*.sql", &["migrate-10909.sql", "db/migrate-v1.0.sql"], &["db/xmigrate.sql"]),
        ("\\*", &["*"], &["a"]),
    ];
    for (pattern, yes, no) in cases {
        yes.iter().for_each(|name| assert!(pattern_matches(pattern, name), "{pattern} matches {name}"));
        no.iter().for_each(|name| assert!(!pattern_matches(pattern, name), "{pattern} does not match {name}"));
    }
    assert!(filter_includes(&["releases/**", "!releases/**-alpha"], "releases/10"));
    assert!(!filter_includes(&["releases/**", "!releases/**-alpha"], "releases/10-alpha"));
    assert!(filter_includes(&["*.md", "!README.md", "README*"], "README.md"));

    let workflow = read(RELEASE);
    let push = workflow.trigger("push").unwrap();
    assert!(push.admits_branch("release/1/x") && !push.admits_branch("dev"));
    assert!(push.admits_tag("v1") && !push.admits_tag("1"));
    assert!(push.admits_path("src/a.rs") && !push.admits_path("a/b.md") && !push.admits_path("docs/x"));
    assert!(workflow.trigger("pull_request").unwrap().admits_path("README.md"));
}

#[test]
fn github_refuses_some_workflows() {
    // (workflow, message, token)
    let cases = [
        ("", "the workflow is empty", ""),
        ("- a\n", "a workflow is a mapping", "- a"),
        ("name: x\n", "the workflow has no `on`", "name: x"),
        ("on: push\n", "the workflow has no jobs", "on: push"),
        ("on: push\njobs: {a: {runs-on: x}}\n", "the job `a` has no steps", "a"),
        ("on: push\njobs: {a: {steps: [{run: x}]}}\n", "the job `a` has no `runs-on`", "a"),
        ("on: push\njobs: {a: {needs: b, runs-on: x, steps: [{run: x}]}}\n", "there is no job `b`", "b"),
        ("on: push\njobs: {a: {needs: a, runs-on: x, steps: [{run: x}]}}\n", "the job `a` needs itself", "a"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{name: x}]}}\n", "a step needs `uses` or `run`", "{name: x}"),
        (
            "on: push\njobs: {a: {runs-on: x, steps: [{uses: a/b@v1, run: x}]}}\n",
            "a step has either `uses` or `run`",
            "run",
        ),
        ("on: push\njobs: {a: {runs-on: x, steps: [{uses: a/b}]}}\n", "this names no action", "a/b"),
        ("on: push\non: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n", "the key `on` is written twice", "on"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: '${{ foo }}'}]}}\n", "there is no context `foo`", "foo"),
        (
            "on: push\njobs: {a: {if: github.x =, runs-on: x, steps: [{run: x}]}}\n",
            "unexpected `=` in an expression",
            "=",
        ),
    ];
    for (text, message, token) in cases {
        let (_, errors) = Workflow::parse(FILE, text);
        let first: &SyntaxError = errors.first().unwrap_or_else(|| panic!("{text} has no error"));
        assert_eq!((first.message.as_str(), slice(text, first.span)), (message, token), "{text}");
    }
}

#[test]
fn references_name_actions_workflows_and_images() {
    let parse = |text: &str| ActionRef::parse(&MappedText::verbatim(FILE, 0, text));
    let commit = parse("actions/cache/save@0123456789012345678901234567890123456789");
    assert!(commit.is("actions/cache/save") && commit.is_commit() && commit.version_numbers().is_none());
    assert_eq!(parse("o/r@v2").version_numbers(), Some(vec![2]));
    assert_eq!(parse("o/r@main").version_numbers(), None);
    assert_eq!(parse("docker://alpine:3").name(), None);
    assert_eq!(parse("docker://alpine:3"), ActionRef::Docker("alpine:3".into()));
    for text in ["", "o", "o/r", "o@v1", "/r@v1", "o/r@"] {
        assert_eq!(parse(text), ActionRef::Invalid, "{text}");
    }
}

#[test]
fn every_prefix_and_every_odd_shape_can_be_read() {
    for end in (0..RELEASE.len()).filter(|end| RELEASE.is_char_boundary(*end)) {
        let (workflow, _) = Workflow::parse(FILE, &RELEASE[..end]);
        for job in &workflow.jobs {
            for leg in &job.legs() {
                let scope = Scope::new(&workflow).in_job(job, Some(leg));
                job.steps.iter().flat_map(|step| &step.with.fields).for_each(|field| _ = scope.text(&field.value));
            }
        }
    }
    let keys = ["on", "env", "permissions", "concurrency", "defaults", "jobs"];
    let job_keys =
        ["needs", "if", "runs-on", "strategy", "env", "services", "container", "steps", "outputs", "uses", "with"];
    for value in ["", "x", "[]", "[x, [y], {z: 1}]", "{}", "{x: }", "{x: [y], matrix: 1, run: [x]}", "*a", "12", "!x y"]
    {
        for key in keys {
            Workflow::parse(FILE, &format!("{key}: {value}\n"));
            Action::parse(FILE, &format!("{key}: {value}\nruns: {value}\n"));
        }
        for key in job_keys {
            Workflow::parse(FILE, &format!("on: push\njobs:\n  a:\n    {key}: {value}\n"));
            Workflow::parse(FILE, &format!("jobs: {{a: {{steps: [{{{key}: {value}}}, {value}]}}}}\n"));
        }
    }
}
