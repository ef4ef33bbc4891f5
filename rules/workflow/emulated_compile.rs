//! A compiler runs under emulation although it could run on the builder's own platform.
//!
//! For a platform that is not the runner's, QEMU translates every instruction of a RUN: compilers are slowed down several times. Go
//! compiles for other platforms by itself, and JavaScript bundles and Java archives are the same for all. A stage with
//! `FROM --platform=$BUILDPLATFORM` runs natively, and once for all platforms if nothing in it depends on the target
//! (<https://docs.docker.com/build/building/multi-platform/#cross-compilation>).
//!
//! The rule looks at builds for several platforms in jobs that set QEMU up, at stages that only hand on files: `go build` without cgo, bundles
//! of which `dist`, `build` and the like are copied on, and Maven and Gradle builds of which archives are copied on.
//!
//! Not flagged: stages with a platform of their own, builders on native machines, and jobs for one platform each.
//!
//! ## Examples
//!
//! ### A bundle for each platform
//!
//! ```dockerfile
//! FROM node:24-slim AS assets
//! WORKDIR /src
//! COPY . .
//! RUN npm ci
//! RUN npm run build
//!
//! FROM nginx:1.29
//! COPY --from=assets /src/dist /usr/share/nginx/html
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64,linux/arm64
//! ```
//!
//! ```text
//! Dockerfile:5:5: info[emulated-compile] stage `assets` makes the same files again, under emulation, for linux/arm64
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//! -FROM node:24-slim AS assets
//! +FROM --platform=$BUILDPLATFORM node:24-slim AS assets
//!  WORKDIR /src
//!  COPY . .
//!  RUN npm ci
//! ```
//!
//! ### Cross-compiled
//!
//! ```dockerfile
//! FROM --platform=$BUILDPLATFORM golang:1.25 AS build
//! ARG TARGETOS TARGETARCH
//! WORKDIR /src
//! COPY . .
//! RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/web ./cmd/web
//!
//! FROM alpine:3.22
//! COPY --from=build /out/web /usr/bin/web
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64,linux/arm64
//! ```
//!
//! ## Also tested
//!
//! ### Go under emulation, and bundles with modules of their platform
//!
//! ```dockerfile
//! FROM golang:1.25 AS build
//! COPY . .
//! RUN CGO_ENABLED=0 go build -o /out/web ./cmd/web
//!
//! FROM golang:1.25 AS with-cgo
//! RUN go build -o /out/db ./cmd/db
//!
//! FROM node:24 AS server
//! COPY . .
//! RUN npm ci && npm run build
//!
//! FROM maven:3 AS jar
//! RUN mvn package
//!
//! FROM alpine:3.22
//! COPY --from=build /out/web /usr/bin/web
//! COPY --from=with-cgo /out/db /usr/bin/db
//! COPY --from=server /src /src
//! COPY --from=jar /src/target/app.jar /app.jar
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64,linux/arm64
//! ```
//!
//! ```text
//! Dockerfile:3:19: info[emulated-compile] stage `build` compiles under emulation for linux/arm64, and Go can do without
//! Dockerfile:13:5: info[emulated-compile] stage `jar` makes the same files again, under emulation, for linux/arm64
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -9,7 +9,7 @@
//!  COPY . .
//!  RUN npm ci && npm run build
//!
//! -FROM maven:3 AS jar
//! +FROM --platform=$BUILDPLATFORM maven:3 AS jar
//!  RUN mvn package
//!
//!  FROM alpine:3.22
//! ```
//!
//! ### A runner for each platform
//!
//! ```dockerfile
//! FROM node:24-slim AS assets
//! RUN npm run build
//!
//! FROM nginx:1.29
//! COPY --from=assets /src/dist /usr/share/nginx/html
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     strategy:
//!       matrix:
//!         include:
//!           - {runner: ubuntu-latest, platform: linux/amd64}
//!           - {runner: ubuntu-24.04-arm, platform: linux/arm64}
//!     runs-on: ${{ matrix.runner }}
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: ${{ matrix.platform }}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// What a compiler makes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Product {
    /// A program for a platform that the compiler is told.
    Go,
    /// Files that are the same for all platforms.
    Bundle,
    /// Archives that are the same for all platforms.
    Archive,
}

impl Check for Rule {
    const META: Meta =
        Meta { id: "emulated-compile", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<(usize, usize)> = Vec::new();
        for build in &project.builds {
            let emulated = project.emulated_platforms(build).join(", ");
            if emulated.is_empty() {
                continue;
            }
            let (Some(at), Some(reach)) = (build.dockerfile, project.reach(build)) else { continue };
            let dockerfile = &project.dockerfiles[at];
            for run in project.runs(at) {
                let used = reach.get(run.stage).copied().unwrap_or_default();
                if used != StageUse::Builder
                    || has_platform(dockerfile, run.stage, build)
                    || seen.contains(&(at, run.stage))
                {
                    continue;
                }
                let Some((product, span)) = compiles(project, run) else { continue };
                if product != Product::Go && !is_neutral(dockerfile, run.stage, product) {
                    continue;
                }
                seen.push((at, run.stage));
                let stage = dockerfile.stage_name(run.stage);
                let message = match product {
                    Product::Go => {
                        format!("stage `{stage}` compiles under emulation for {emulated}, and Go can do without")
                    }
                    _ => format!("stage `{stage}` makes the same files again, under emulation, for {emulated}"),
                };
                let diagnostic = found.add_at(dockerfile, run.instruction, span, "this", message);
                let platforms = build.platforms.last().map_or(build.span, |platform| platform.span);
                diagnostic.label(platforms, "built for these platforms");
                diagnostic.help(match product {
                    Product::Go => {
                        "`FROM --platform=$BUILDPLATFORM`, and `GOOS=$TARGETOS GOARCH=$TARGETARCH` for the compiler"
                    }
                    _ => "with `FROM --platform=$BUILDPLATFORM` the stage runs once, natively",
                });
                if product != Product::Go {
                    let base = &dockerfile.tree.stages[run.stage].base;
                    let edit = Edit::insert(base.span(), "--platform=$BUILDPLATFORM ");
                    diagnostic.fix(Fix::unsafe_("Build it on the builder's own platform", vec![edit]).rebuilds_once());
                }
            }
        }
    }
}

/// Whether the stage, or one that it is made from, says on which platform it runs.
fn has_platform(dockerfile: &Dockerfile, stage: usize, build: &Build) -> bool {
    let mut at = stage;
    loop {
        if dockerfile.tree.stages[at].platform.is_some() {
            return true;
        }
        // A base stands before what is made from it, so this ends.
        match dockerfile.base(at, Some(build)) {
            Base::Stage(base) if base < at => at = base,
            Base::Stage(_) | Base::Context(_) => return true,
            Base::Image(_) | Base::Scratch => return false,
        }
    }
}

/// What the RUN compiles, and where.
fn compiles(project: &Project, run: &Run) -> Option<(Product, Span)> {
    let commands = project.commands(run);
    commands.iter().find_map(|command| {
        let name = command.simple.name()?;
        let words: Vec<&str> = command.simple.arguments().iter().filter_map(Word::as_plain).collect();
        let span = command.simple.invocation_span()?;
        let product = match (name, words.as_slice()) {
            ("go", ["build" | "install", ..]) => {
                let set = |name: &str, value: &str| {
                    command.simple.assignments.iter().any(|one| one.name == name && one.value.is(value))
                        || matches!(project.variable(run.dockerfile, run.stage, run.instruction, name), dockerfile::Lookup::Set(known) if known == value)
                };
                set("CGO_ENABLED", "0").then_some(Product::Go)?
            }
            ("npm" | "pnpm" | "yarn", ["run", "build", ..]) | ("yarn" | "pnpm", ["build", ..]) => Product::Bundle,
            ("mvn" | "mvnw", words) if words.contains(&"package") || words.contains(&"verify") => Product::Archive,
            ("gradle" | "gradlew", words) if ["build", "bootJar", "shadowJar", "jar", "assemble"].iter().any(|task| words.contains(task)) => {
                Product::Archive
            }
            _ => return None,
        };
        Some((product, span))
    })
}

/// Whether what other stages copy from a stage is the same for all platforms, by its name, and nothing is made from the stage.
fn is_neutral(dockerfile: &Dockerfile, stage: usize, product: Product) -> bool {
    const BUNDLES: &[&str] = &["dist", "build", "public", "static", "out", "www", "html", "assets", "_site"];
    let made_from = (0..dockerfile.tree.stages.len()).any(|other| dockerfile.base(other, None) == Base::Stage(stage));
    let copies = dockerfile.instructions().filter_map(|(_, instruction)| match &instruction.body {
        Body::Copy(copy) => {
            let from = copy.from.as_ref()?;
            (dockerfile.tree.copy_from(from) == StageRef::Stage(stage)).then_some(copy)
        }
        _ => None,
    });
    let mut sources =
        copies.flat_map(|copy| &copy.sources).map(|source| source.word.as_str().trim_end_matches('/')).peekable();
    let neutral = |source: &str| {
        let last = source.rsplit('/').find(|part| *part != "*" && *part != ".").unwrap_or_default();
        match product {
            Product::Bundle => BUNDLES.contains(&last),
            _ => last.ends_with(".jar") || last.ends_with(".war"),
        }
    };
    !made_from && sources.peek().is_some() && sources.all(neutral)
}
