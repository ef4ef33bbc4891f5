#![allow(clippy::unwrap_used)]

use crate::model::Project;
use crate::model::build::{Build, Context};
use crate::model::settings::Settings;
use crate::model::value::Text;
use crate::snapshot::Snapshot;

/// The builds of a repository, a line each: what makes them, what they are called, and what is known of them.
fn builds(files: &[(&str, &str)]) -> Vec<String> {
    let project = Project::new(Snapshot::from_texts(files.iter().copied()), Settings::default());
    project.builds.iter().map(|build| line(&project, build)).collect()
}

fn line(project: &Project, build: &Build) -> String {
    let maker = build.maker.kind();
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
\tdocker buildx bake $(OPTIONS) $@
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
    let calls: [(&str, &[&str]); 5] = [
        ("make lint OPTIONS=$OPTIONS", &["target lint in ci by make lint of . file=lint.Dockerfile"]),
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
    let files = [("scripts/build.sh", script), ("scripts/Dockerfile", "FROM a\n"), ("Dockerfile", "FROM a\n")];
    assert_eq!(
        builds(&files),
        [
            "script scripts/build.sh by scripts/build.sh of scripts file=scripts/Dockerfile tags=web",
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

#[test]
fn scripts_without_an_ending_are_told_by_their_first_line() {
    let script = "#!/usr/bin/env bash\ndocker build -t \"$1\" .\n";
    let python = "#!/usr/bin/env python3\nprint('docker build .')\n";
    let run = "./hack/build web\n./hack/tool x\nbash hack/build api\n";
    let mut snapshot =
        Snapshot::from_texts([(CI, workflow(run).as_str()), ("hack/build", script), ("hack/tool", python)]);
    let shown = |snapshot: &Snapshot| {
        let project = Project::new(snapshot.clone(), Settings::default());
        project.builds.iter().map(|build| line(&project, build)).collect::<Vec<_>>()
    };
    let expected = ["web", "api"].map(|tag| format!("script all in ci by hack/build of . file=Dockerfile tags={tag}"));
    assert_eq!(shown(&snapshot), expected);
    // One that was only listed is asked for.
    if let Some(file) = snapshot.find("hack/build") {
        snapshot.remove(file);
    }
    assert_eq!(shown(&snapshot), [] as [&str; 0]);
}

#[test]
fn taskfiles_are_run_by_steps_and_by_hand() {
    let taskfile = "\
version: '3'
vars: {IMAGE: shop, NAME: '{{.IMAGE}}/web'}
includes: {api: {taskfile: ./api, dir: api}}
tasks:
  default: {deps: [web]}
  web:
    env: {TAG: v2}
    cmds:
      - docker build -t {{.NAME}}:$TAG -t {{.MORE}} .
      - task: api:image
  all:
    cmds:
      - {for: [a, b], cmd: 'docker build {{.ITEM}}'}
";
    let inner = "version: '3'\ntasks:\n  image: docker build .\n";
    let files = [("Taskfile.yml", taskfile), ("api/Taskfile.yml", inner)];
    let api = "script task api:image by task api:image of api file=api/Dockerfile";
    assert_eq!(
        builds(&files),
        [
            "script task web by task web of . file=Dockerfile tags=shop/web:v2,${.MORE}",
            api,
            "script task all by task all of a file=a/Dockerfile",
            "script task all by task all of b file=b/Dockerfile",
        ]
    );
    let calls: [(&str, &[&str]); 3] = [
        (
            "task IMAGE=ci",
            &[
                "script all in ci by task web of . file=Dockerfile tags=ci/web:v2,${.MORE}",
                "script all in ci by task api:image of api file=api/Dockerfile",
            ],
        ),
        ("task -d api image -- web", &["script all in ci by task image of api file=api/Dockerfile"]),
        ("cd x && task api:image", &["script all in ci by task api:image of api file=api/Dockerfile"]),
    ];
    for (run, expected) in calls {
        let workflow = workflow(run);
        let found = builds(&[files.as_slice(), &[(CI, &workflow)]].concat());
        let called: Vec<&String> = found.iter().filter(|line| line.contains(" in ci ")).collect();
        assert_eq!(called, expected, "{run}");
    }
}

#[test]
fn loops_and_functions_are_run_as_often_as_the_shell_runs_them() {
    let cases: [(&str, &[&str]); 11] = [
        ("for t in web worker; do docker build --target $t .; done", &[". target=web", ". target=worker"]),
        ("L='a b'\nfor d in $L c; do (cd $d; docker build .); done", &["a", "b", "c"]),
        ("for a in x y; do for b in 1 2; do docker build $a/$b; done; done", &["x/1", "x/2", "y/1", "y/2"]),
        ("for d in $(ls); do docker build $d; done", &["?"]),
        ("for d in */; do docker build $d; done", &["?"]),
        ("t=a\nif x; then t=b; docker build $t; fi\ndocker build $t", &["b", "?"]),
        ("t=a\nwhile read x; do docker build $t; t=b; done", &["?"]),
        ("x || t=b\ndocker build $t", &["?"]),
        ("if x; then cd a; docker build .; fi\ndocker build .", &["a", "?"]),
        (
            "main() { b web . ; (cd x; b api y); b z .; }\nb() { local d=$2; docker build --target $1 ${d}; }\nmain",
            &[". target=web", "x/y target=api", ". target=z"],
        ),
        ("b() { docker build $1; shift; docker build $1; }\nb a b\n", &["a", "b"]),
    ];
    for (run, expected) in cases {
        let found = builds(&[(CI, &workflow(run))]);
        let shown: Vec<String> = found
            .iter()
            .map(|line| {
                let words = line.trim_start_matches("step all in ci of ").split(' ');
                words.filter(|word| !word.starts_with("file=") && *word != "target=?").collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(shown, expected, "{run}");
    }
    // However often they call each other, it comes to an end.
    let many = "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(6) + "f" + &"; done".repeat(6);
    builds(&[(CI, &workflow(&format!("f() {{ g; g; }}\ng() {{ f; docker build $a; f; }}\n{many}")))]);
}

#[test]
fn dockerfiles_come_on_the_input_too() {
    let files = [("a/Containerfile", "FROM a\n"), ("a/Dockerfile", "FROM a\n")];
    let cases = [
        ("cat web/Dockerfile | docker build -t x -", "? file=web/Dockerfile tags=x"),
        ("docker build - < $PWD/Dockerfile", "? file=Dockerfile"),
        ("cd a; docker build -f - . < ../x.Dockerfile", "a file=x.Dockerfile"),
        ("docker build - < context.tar.gz", "?"),
        ("envsubst < Dockerfile.in | docker build -", "?"),
        ("podman build a", "a file=a/Containerfile"),
        ("buildah bud a", "a file=a/Containerfile"),
        ("docker build a", "a file=a/Dockerfile"),
        ("podman build b", "b file=b/Dockerfile"),
    ];
    for (run, expected) in cases {
        let workflow = workflow(run);
        let found = builds(&[files.as_slice(), &[(CI, &workflow)]].concat());
        assert_eq!(found[0], format!("step all in ci of {expected}"), "{run}");
    }
}

#[test]
fn dev_containers_are_builds_of_an_editor() {
    let build = "{\n  // The image.\n  \"build\": {\"dockerfile\": \"../Dockerfile\", \"context\": \"..\", \"target\": \"dev\", \
                 \"args\": {\"A\": \"1\", \"B\": \"${localEnv:B}\"}, \"cacheFrom\": \"x/y:cache\"},\n}\n";
    let old = r#"{"dockerFile": "Dockerfile"}"#;
    let compose = r#"{"dockerComposeFile": ["../compose.yaml"], "service": "app"}"#;
    let services = "services:\n  app: {build: .}\n  other: {build: x}\n";
    let name = ".devcontainer/devcontainer.json";
    let shown = |text: &str| builds(&[(name, text), ("compose.yaml", services)]);
    assert_eq!(
        shown(build)[0],
        format!(
            "script {name} by {name} of . file=Dockerfile target=dev args=A:1,B:${{${{localEnv:B}}}} from=the registry cache `x/y:cache`"
        )
    );
    assert_eq!(shown(old)[0], format!("script {name} by {name} of .devcontainer file=.devcontainer/Dockerfile"));
    assert_eq!(shown(compose)[0], format!("service app by {name} of . file=Dockerfile"));
}

#[test]
fn files_of_the_metadata_action_give_tags_and_nothing_else() {
    let bake = "target \"docker-metadata-action\" {}\ntarget \"web\" {\n  inherits = [\"docker-metadata-action\"]\n  \
                cache-to = [\"type=gha,mode=max\"]\n}\n";
    let step = |files: &str| {
        format!(
            "on: push\njobs:\n  ci:\n    runs-on: x\n    steps:\n      - id: meta\n        uses: docker/metadata-action@v5\n      \
             - uses: docker/bake-action@v6\n        with:\n          targets: web\n          files: |\n            \
             ./docker-bake.hcl\n            {files}\n"
        )
    };
    let known = |files: &str, bake: &str| {
        let texts = [(CI, step(files)), ("docker-bake.hcl", bake.to_owned())];
        let project = Project::new(Snapshot::from_texts(texts), Settings::default());
        let build = project.builds.iter().find(|build| build.caller.is_some());
        let known = |known: fn(&Build) -> bool| build.is_some_and(known);
        (project.bake_calls[0].open, known(|build| build.tags_known), known(|build| build.cache_known))
    };
    assert_eq!(known("${{ steps.meta.outputs.bake-file }}", bake), (false, false, true));
    assert_eq!(known("cwd://${{ steps.meta.outputs.bake-file-tags }}", bake), (false, false, true));
    assert_eq!(known("cwd://${{ steps.meta.outputs.bake-file-labels }}", bake), (false, true, true));
    assert_eq!(known("${{ steps.other.outputs.bake-file }}", bake), (true, false, false));
    // Without a placeholder only the action's file has the target.
    let without = "target \"web\" { inherits = [\"docker-metadata-action\"] }\n";
    assert!(known("${{ steps.meta.outputs.bake-file }}", without).0);
}
