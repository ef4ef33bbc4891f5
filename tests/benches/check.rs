//! What a check costs, and how the cost grows: `cargo bench -p bakelint-tests --bench check`.
//!
//! Every input is made in memory in three sizes, each ten times the one before. The throughput columns of one bench are to
//! stay where they are from row to row; where they fall, the cost grows faster than the input.

use std::fmt::Write;

use bakelint_core::prelude::*;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    divan::main();
}

/// The steps of an ordinary image, with the findings that ordinary images have.
const DOCKERFILE: &str = r#"# syntax=docker/dockerfile:1
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /code
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential libpq-dev curl \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
COPY . .
RUN <<SCRIPT
set -e
python manage.py collectstatic --noinput
find . -name '*.pyc' | xargs rm -f
SCRIPT

FROM python:${PYTHON}-slim
WORKDIR /code
COPY --from=build /code /code
EXPOSE 8000
USER 1000
CMD ["gunicorn", "shop.wsgi", "--bind", "0.0.0.0:8000"]
"#;

/// Lints a project and says how many bytes a second that is.
fn lint(bencher: Bencher, items: usize, files: Vec<(String, String)>) {
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    let snapshot = Snapshot::from_texts(files);
    let linter = Linter::new(bakelint_rules::all(), Config::default());
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(items))
        .bench(|| linter.lint(divan::black_box(snapshot.clone())));
}

/// A repository of so many Dockerfiles, each in a folder of its own.
#[divan::bench(args = [20, 200, 2000])]
fn dockerfiles(bencher: Bencher, count: usize) {
    let files = |n: usize| {
        let folder = format!("service{n}");
        [(format!("{folder}/Dockerfile"), DOCKERFILE.to_owned()), (format!("{folder}/requirements.txt"), String::new())]
    };
    lint(bencher, count, (0..count).flat_map(files).collect());
}

/// One Dockerfile of so many instructions.
#[divan::bench(args = [100, 1000, 10000])]
fn instructions(bencher: Bencher, count: usize) {
    let mut text = "FROM debian:12\n".to_owned();
    for n in 0..count / 4 {
        let _ = write!(text, "ARG A{n}=1\nENV E{n}=$A{n}\nCOPY f{n} /f{n}\nRUN echo \"$E{n}\" && make -C /f{n} all\n");
    }
    lint(bencher, count, vec![("Dockerfile".into(), text)]);
}

/// One Dockerfile of so many stages, each on the one before.
#[divan::bench(args = [10, 100, 1000])]
fn chained_stages(bencher: Bencher, count: usize) {
    let mut text = "FROM debian:12 AS s0\n".to_owned();
    for n in 1..count {
        let _ = write!(text, "FROM s{} AS s{n}\nRUN step {n}\n", n - 1);
    }
    lint(bencher, count, vec![("Dockerfile".into(), text)]);
}

/// One RUN instruction of so many commands.
#[divan::bench(args = [100, 1000, 10000])]
fn commands(bencher: Bencher, count: usize) {
    let commands: Vec<String> = (0..count).map(|n| format!("echo \"step {n}\" > /tmp/{n}")).collect();
    lint(bencher, count, vec![("Dockerfile".into(), format!("FROM debian:12\nRUN {}\n", commands.join(" \\\n && ")))]);
}

/// A bake file of so many targets that a matrix makes.
#[divan::bench(args = [10, 100, 1000])]
fn matrix(bencher: Bencher, count: usize) {
    let versions: Vec<String> = (0..count).map(|n| format!("\"{n}\"")).collect();
    let bake = format!(
        "group \"default\" {{ targets = [\"app\"] }}\ntarget \"app\" {{\n  name = \"app-${{v}}\"\n  matrix = {{ v = [{}] }}\n  \
         args = {{ PYTHON = v }}\n  tags = [\"shop:${{v}}\"]\n  cache-to = [\"type=gha,scope=app-${{v}},ignore-error=true\"]\n}}\n",
        versions.join(", ")
    );
    let files = [("docker-bake.hcl", bake.as_str()), ("Dockerfile", DOCKERFILE), ("requirements.txt", "")];
    lint(bencher, count, files.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
}

/// A workflow of so many jobs, each with a build.
#[divan::bench(args = [10, 100, 1000])]
fn jobs(bencher: Bencher, count: usize) {
    let mut text = "on: push\njobs:\n".to_owned();
    for n in 0..count {
        let _ = write!(
            text,
            "  build{n}:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      \
             - uses: docker/build-push-action@v6\n        with:\n          push: true\n          tags: shop:{n}\n          \
             cache-to: type=gha,scope=build{n}\n"
        );
    }
    let files = [(".github/workflows/ci.yml", text.as_str()), ("Dockerfile", DOCKERFILE), ("requirements.txt", "")];
    lint(bencher, count, files.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
}

/// A finding's patch: the safe fixes of a repository of so many Dockerfiles.
#[divan::bench(args = [2, 20, 200])]
fn fixes(bencher: Bencher, count: usize) {
    let text = DOCKERFILE.replace("AS build", "as build").replace("CMD [", "MAINTAINER me\nCMD [");
    let files: Vec<_> = (0..count).map(|n| (format!("service{n}/Dockerfile"), text.clone())).collect();
    let linter = Linter::new(bakelint_rules::all(), Config::default());
    let snapshot = Snapshot::from_texts(files);
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let fixed = linter.fix(snapshot.clone(), Safety::Safe, |_, _| true);
        patch(&snapshot, &fixed.report.project.snapshot)
    });
}
