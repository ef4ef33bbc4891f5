#![allow(clippy::unwrap_used)]

use crate::model::Project;
use crate::model::build::{Build, Context, Maker};
use crate::model::settings::Settings;
use crate::model::value::Text;
use crate::snapshot::Snapshot;

/// The builds of a repository, a line each: what makes them, what they are called, and what is known of them.
fn builds(files: &[(&str, &str)]) -> Vec<String> {
    let project = Project::new(Snapshot::from_texts(files.iter().copied()), Settings::default());
    project.builds.iter().map(|build| line(&project, build)).collect()
}

fn line(project: &Project, build: &Build) -> String {
    let maker = match &build.maker {
        Maker::Target { .. } => "target",
        Maker::Service { .. } => "service",
        Maker::Step => "step",
        Maker::Script(_) => "script",
        Maker::Standalone(_) => "dockerfile",
    };
    let mut line = format!("{maker} {}", build.name);
    if let Some(caller) = &build.caller {
        let (_, job, _) = project.step(caller.step).unwrap();
        line += &format!(" in {}", job.id.node);
    }
    if let Some(script) = &build.script {
        line += &format!(" by {}", script.name);
    }
    line += &match &build.context {
        Context::Folder(folder) if folder.is_empty() => " of .".to_owned(),
        Context::Folder(folder) => format!(" of {folder}"),
        Context::Target(target) => format!(" of target:{target}"),
        Context::Image(image) => format!(" of {image}"),
        Context::Remote(place) => format!(" of {place}"),
        Context::Dynamic => " of ?".to_owned(),
    };
    if let Some(path) = &build.dockerfile_path {
        line += &format!(" file={}", path.eval.known().map_or("?", String::as_str));
    }
    if let Some(target) = &build.target {
        line += &format!(" target={}", target.eval.known().map_or("?", String::as_str));
    }
    let list = |name: &str, texts: Vec<String>| match texts.is_empty() {
        true => String::new(),
        false => format!(" {name}={}", texts.join(",")),
    };
    line += &list("args", build.args.iter().map(|arg| format!("{}:{}", arg.name, arg.value)).collect());
    line += &list("tags", build.tags.iter().map(|(tag, _)| tag.to_string()).collect());
    let place = |entry: &crate::model::build::Entry| {
        entry.cache_location().map_or_else(|| entry.kind.to_string(), |place| place.to_string())
    };
    line += &list("from", build.cache_from.iter().map(place).collect());
    line += &list("to", build.cache_to.iter().map(place).collect());
    let context = |context: &crate::model::build::NamedContext| match &context.context {
        Context::Folder(folder) => format!("{}:{folder}", context.name),
        Context::Target(target) => format!("{}:target:{target}", context.name),
        Context::Image(image) => format!("{}:{}", context.name, Text::to_string(image)),
        _ => format!("{}:?", context.name),
    };
    line + &list("contexts", build.contexts.iter().map(context).collect())
}

/// A workflow whose only job runs this script.
fn workflow(run: &str) -> String {
    let lines: String = run.lines().map(|line| format!("          {line}\n")).collect();
    format!(
        "on: push\nenv:\n  TAG: v1\njobs:\n  ci:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n{lines}        name: all\n"
    )
}

const CI: &str = ".github/workflows/ci.yml";

#[test]
fn services_are_builds_whether_a_command_makes_them_or_not() {
    let compose = "\
services:
  web:
    image: shop/web:${TAG}
    build:
      context: web
      dockerfile: ../web.Dockerfile
      target: run
      args: {A: 1, B: }
      cache_from: [shop/web:cache]
      additional_contexts: {base: 'service:base', lib: ./lib}
  base: {build: base}
  db: {image: postgres}
  debug: {build: debug, profiles: [debug]}
";
    assert_eq!(
        builds(&[("shop/compose.yaml", compose)]),
        [
            "service web of shop/web file=shop/web.Dockerfile target=run args=A:1,B:${B} tags=shop/web:${TAG} \
             from=the registry cache `shop/web:cache` contexts=base:target:base,lib:shop/lib",
            "service base of shop/base file=shop/base/Dockerfile",
            "service debug of shop/debug file=shop/debug/Dockerfile",
        ]
    );
    let calls: [(&str, &[&str]); 9] = [
        ("cd shop && docker compose build", &["web", "base"]),
        ("docker compose -f shop/compose.yaml build base", &["base"]),
        ("docker compose --project-directory shop build --push web", &["web"]),
        ("(cd shop; docker-compose --profile debug build)\ndocker compose build", &["web", "base", "debug"]),
        // `up` builds what has no image that could be pulled, and what it is told to.
        ("cd shop && podman-compose up -d", &["base"]),
        ("cd shop && docker compose up -d --build web", &["web"]),
        ("cd shop && docker compose build base && docker compose run base", &["base"]),
        ("docker compose -f $FILE build", &[]),
        ("docker compose build", &[]),
    ];
    for (run, expected) in calls {
        let found = builds(&[(CI, &workflow(run)), ("shop/compose.yaml", compose)]);
        let called = found.iter().filter(|line| line.contains(" in ci "));
        let called: Vec<&str> = called.map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(called, expected, "{run}");
        assert_eq!(found.len(), 3, "{run}");
    }
}

#[test]
fn compose_files_are_joined() {
    let base = "services:\n  web:\n    build:\n      context: .\n      args: {A: 1, B: 2}\n";
    let overlay = "services:\n  web:\n    build:\n      target: dev\n      args: {B: 3}\n";
    let command = workflow("docker compose -f compose.yaml -f compose.dev.yaml build --build-arg A=4");
    let found = builds(&[(CI, &command), ("compose.yaml", base), ("compose.dev.yaml", overlay)]);
    assert_eq!(found[0], "service web in ci of . file=Dockerfile target=dev args=B:3,A:4");
    // Without a command the overlay still says what it is laid over.
    let found = builds(&[("compose.yaml", base), ("compose.dev.yaml", overlay)]);
    assert_eq!(
        found,
        ["service web of . file=Dockerfile target=dev args=A:1,B:3", "service web of . file=Dockerfile args=A:1,B:2"]
    );
    let files = [
        (
            "app/compose.yaml",
            "include: [../lib/compose.yaml]\nservices:\n  web: {extends: {file: ../common.yaml, service: base}, build: {target: web}}\n",
        ),
        ("lib/compose.yaml", "services:\n  lib: {build: .}\n"),
        ("common.yaml", "services:\n  base: {extends: root}\n  root: {build: {context: src, args: [X=1]}}\n"),
        (CI, &workflow("cd app\ndocker compose build")),
    ];
    assert_eq!(
        &builds(&files)[..2],
        [
            "service web in ci of src file=src/Dockerfile target=web args=X:1",
            "service lib in ci of lib file=lib/Dockerfile"
        ]
    );
    // What a service of the same file extends in a circle is read once a level.
    builds(&[("compose.yaml", "services:\n  a: {extends: b, build: .}\n  b: {extends: a}\n")]);
}

#[test]
fn values_of_env_files_are_defaults() {
    let compose = "services:\n  web: {image: 'web:${TAG}', build: {context: ., args: {BASE: '${BASE:-alpine}'}}}\n";
    let files = [("compose.yaml", compose), (".env", "TAG=1\n"), ("x/compose.yaml", compose)];
    assert_eq!(
        builds(&files),
        [
            "service web of . file=Dockerfile args=BASE:${BASE} tags=web:1",
            "service web of x file=x/Dockerfile args=BASE:${BASE} tags=web:${TAG}",
        ]
    );
    let command = workflow("BASE=debian docker compose build");
    let found = builds(&[(CI, &command), ("compose.yaml", compose)]);
    assert_eq!(found[0], "service web in ci of . file=Dockerfile args=BASE:debian tags=web:v1");
}

#[test]
fn folders_of_subshells_end_with_them() {
    let run = "\
(cd a && docker build .)
docker build -t x:$TAG .
pushd b
podman build -f ci/Containerfile ..
popd
buildah bud -t y c
cd $GITHUB_WORKSPACE/d && docker build \"$PWD\"
(cd x; (cd y; docker build .); docker build .)
docker build \"$(pwd)/z\"
";
    let found = builds(&[(CI, &workflow(run))]);
    assert_eq!(
        found,
        [
            "step all in ci of a file=a/Dockerfile",
            "step all in ci of . file=Dockerfile tags=x:v1",
            "step all in ci of . file=b/ci/Containerfile",
            "step all in ci of c file=c/Dockerfile tags=y",
            "step all in ci of d file=d/Dockerfile",
            "step all in ci of d/x/y file=d/x/y/Dockerfile",
            "step all in ci of d/x file=d/x/Dockerfile",
            "step all in ci of d/z file=d/z/Dockerfile",
        ]
    );
}

const MAKEFILE: &str = "\
IMAGE ?= shop/web
VERSION := $(shell git describe)
all: web
web: base
\tcd web && docker build -t $(IMAGE):$(VERSION) --build-arg BASE=shop/base .
base:
\t@docker build -t shop/base base
img-%:
\tdocker build -t $* $@
TARGETS = bake lint
$(TARGETS):
\tdocker buildx bake $@
sub:
\t$(MAKE) -C sub IMAGE=other
";

#[test]
fn makefiles_are_run_by_steps_and_by_hand() {
    let bake = "target \"lint\" { dockerfile = \"lint.Dockerfile\" }\n";
    let sub = "IMAGE = none\nall:\n\t./build.sh $(IMAGE)\n";
    let script = "#!/bin/sh\nset -e\ncd \"$(dirname \"$0\")\"\ndocker build -t $1 .\n";
    let files = [("Makefile", MAKEFILE), ("docker-bake.hcl", bake), ("sub/Makefile", sub), ("sub/build.sh", script)];
    assert_eq!(
        builds(&files),
        [
            "script make base by make base of base file=base/Dockerfile tags=shop/base",
            "target lint by make lint of . file=lint.Dockerfile",
            "script make sub by sub/build.sh of sub file=sub/Dockerfile tags=other",
            "script make web by make web of web file=web/Dockerfile args=BASE:shop/base tags=shop/web:${VERSION}",
        ]
        .map(|line| line.replace("script make sub by", "script sub/build.sh by"))
    );
    let calls: [(&str, &[&str]); 4] = [
        (
            "make IMAGE=ci",
            &[
                "script all in ci by make base of base file=base/Dockerfile tags=shop/base",
                "script all in ci by make web of web file=web/Dockerfile args=BASE:shop/base tags=ci:${VERSION}",
            ],
        ),
        ("make -j4 img-db", &["script all in ci by make img-db of img-db file=img-db/Dockerfile tags=db"]),
        ("make lint", &["target lint in ci by make lint of . file=lint.Dockerfile"]),
        (
            "cd sub && IMAGE=${{ github.sha }} make IMAGE=$IMAGE",
            &["script all in ci by sub/build.sh of sub file=sub/Dockerfile tags=${IMAGE}"],
        ),
    ];
    for (run, expected) in calls {
        let workflow = workflow(run);
        let found = builds(&[files.as_slice(), &[(CI, &workflow)]].concat());
        let called: Vec<&String> = found.iter().filter(|line| line.contains(" in ci ")).collect();
        assert_eq!(called, expected, "{run}");
    }
}

#[test]
fn other_scripts_are_run_like_makefiles() {
    let package = r#"{"name": "x", "scripts": {"prebuild": "echo", "build": "docker build -t \"shop:$TAG\" .", "up": "docker compose up --build"}}"#;
    let just = "tag := 'x'\nimage name=tag: base\n    docker build -t {{name}} {{name}}\nbase:\n    #!/bin/bash\n    cd base\n    podman build .\n";
    let compose = "services:\n  web: {build: .}\n";
    let files = [("package.json", package), ("justfile", just), ("compose.yaml", compose)];
    assert_eq!(
        builds(&files),
        [
            "script just image by just image of x file=x/Dockerfile tags=x",
            "script just base by just base of base file=base/Dockerfile",
            "script npm run build by npm run build of . file=Dockerfile tags=shop:${TAG}",
            "service web by npm run up of . file=Dockerfile",
        ]
    );
    let calls: [(&str, &[&str]); 4] = [
        ("npm run build", &["script all in ci by npm run build of . file=Dockerfile tags=shop:v1"]),
        ("pnpm up", &["service web in ci by npm run up of . file=Dockerfile"]),
        (
            "just image web",
            &[
                "script all in ci by just base of base file=base/Dockerfile",
                "script all in ci by just image of web file=web/Dockerfile tags=web",
            ],
        ),
        ("npm install && npm --workspace a run build", &[]),
    ];
    for (run, expected) in calls {
        let workflow = workflow(run);
        let found = builds(&[files.as_slice(), &[(CI, &workflow)]].concat());
        let called: Vec<&String> = found.iter().filter(|line| line.contains(" in ci ")).collect();
        assert_eq!(called, expected, "{run}");
    }
}

#[test]
fn shell_scripts_are_run_where_their_files_are() {
    let script = "build() { docker build -t \"$1\" \"$2\"; }\nbuild web .\ndocker build -f ../Dockerfile ..\n";
    let files = [("scripts/build.sh", script), ("Dockerfile", "FROM a\n")];
    assert_eq!(
        builds(&files),
        [
            "script scripts/build.sh by scripts/build.sh of ? file=? tags=${1}",
            "script scripts/build.sh by scripts/build.sh of . file=Dockerfile"
        ]
    );
    // Scripts that run each other in a circle come to an end.
    let files = [("a.sh", "./b.sh\ndocker build a"), ("b.sh", "./a.sh; ./a.sh")];
    assert!(builds(&files).len() < 20);
}

#[test]
fn one_mistake_hides_no_other_target() {
    let bake = "group \"default\" { targets = [\"web\", \"gone\"] }\n\
                target \"web\" {\n  inherits = [\"nowhere\"]\n  target = \"web\"\n}\n\
                target \"api\" { target = \"api\" }\n";
    let ci = workflow("docker buildx bake default api --set web.nonsense=1 --set api.target=server");
    assert_eq!(
        builds(&[(CI, &ci), ("docker-bake.hcl", bake)]),
        ["target api in ci of . file=Dockerfile target=server", "target web in ci of . file=Dockerfile target=web"]
    );
}

#[test]
fn a_bake_call_reads_what_its_compose_files_lead_to() {
    let ci = workflow("docker buildx bake -f compose.yml");
    let compose = "services:\n  web:\n    image: shop/web:${TAG:-none}-${KIND}\n    extends: { file: parts/common.yml, service: app }\n";
    let common = "services:\n  app:\n    build: { context: app, target: run }\n";
    let files =
        [(CI, ci.as_str()), ("compose.yml", compose), ("parts/common.yml", common), (".env", "TAG=v0\nKIND=dotted\n")];
    assert_eq!(
        builds(&files)[0],
        "target web in ci of parts/app file=parts/app/Dockerfile target=run tags=shop/web:v1-dotted"
    );
}
