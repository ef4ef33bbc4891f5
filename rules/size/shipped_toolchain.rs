//! An image is shipped with the compiler that made what is in it.
//!
//! The official images of Go, Rust, Maven, Gradle and the .NET SDK, and the `devel` variants of CUDA, are made for
//! building: they hold compilers, headers and package caches, several hundred megabytes that are pushed, pulled and
//! scanned with every version, and that a program that is built does not need.
//!
//! Build in a stage of its own, and copy the result into an image that has what the program needs to run.
//! See <https://docs.docker.com/build/building/multi-stage/>.
//!
//! Not flagged: stages of which only files are taken, targets whose name says that they are for development or checks,
//! images that build something when they run, and images without a command.
//!
//! ## Examples
//!
//! ### The compiler goes along
//!
//! ```dockerfile
//! FROM golang:1.25
//! WORKDIR /src
//! COPY . .
//! RUN go build -o /usr/local/bin/shop .
//! CMD ["shop"]
//! ```
//!
//! ```text
//! Dockerfile:1:6: info[shipped-toolchain] the image is shipped with the Go compiler
//! ```
//!
//! ### In a stage of its own
//!
//! ```dockerfile
//! FROM golang:1.25 AS build
//! WORKDIR /src
//! COPY . .
//! RUN go build -o /shop .
//!
//! FROM gcr.io/distroless/static-debian12
//! COPY --from=build /shop /
//! CMD ["/shop"]
//! ```
//!
//! ## Also tested
//!
//! ### For development
//!
//! ```dockerfile
//! FROM golang:1.25 AS dev
//! RUN go install github.com/air-verse/air@v1.63.0
//! CMD ["air"]
//! ```
//!
//! ### Built when it runs
//!
//! ```dockerfile
//! FROM rust:1.90
//! RUN cargo build --release
//! CMD ["cargo", "test"]
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "shipped-toolchain", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for stage in project.target_stages(at) {
                let Some(image) = project.root_image(at, stage) else { continue };
                let Some(tools) = toolchain(&image) else { continue };
                // The stages that the image consists of.
                let mut below = vec![stage];
                while let Some(Base::Stage(base)) = below.last().map(|stage| dockerfile.base(*stage, None)) {
                    below.push(base);
                }
                // One that is called a builder is there to build in.
                let name = dockerfile.stage_name(stage).to_lowercase();
                let for_building = name.split(['-', '_', '.']).any(|part| part == "build" || part == "builder");
                let for_people = below.iter().any(|stage| project.is_for_people(at, *stage));
                let runs: Vec<&Run> = project.runs(at).iter().filter(|run| below.contains(&run.stage)).collect();
                let builds = runs.iter().any(|run| run.packages.iter().any(|command| command.action == Action::Build));
                let instructions =
                    dockerfile.instructions().filter(|(_, one)| one.stage.is_some_and(|stage| below.contains(&stage)));
                let commands: Vec<&Instruction> = instructions
                    .map(|(_, one)| one)
                    .filter(|one| matches!(one.body, Body::Cmd(_) | Body::Entrypoint(_)))
                    .collect();
                let uses = |one: &&Instruction| {
                    let words =
                        ["go", "cargo", "mvn", "gradle", "gradlew", "dotnet", "bash", "sh", "nvcc", "make", "air"];
                    let arguments = one.arguments.replace(['"', '[', ']', ','], " ");
                    let mut given = arguments.split_whitespace();
                    given.any(|word| words.contains(&word.rsplit('/').next().unwrap_or(word)) || word.ends_with(".sh"))
                };
                if !builds || commands.is_empty() || commands.iter().any(uses) || for_building || for_people {
                    continue;
                }
                let Some(root) = below.last().and_then(|stage| dockerfile.tree.stages.get(*stage)) else { continue };
                let message = format!("the image is shipped with {tools}");
                let diagnostic = found.add(root.base.span(), message);
                diagnostic.help("build in a stage of its own and copy the result into a smaller image");
            }
        }
    }
}

/// What an image has that only a build needs.
fn toolchain(image: &ImageRef) -> Option<&'static str> {
    let name = image.familiar_name();
    let tag = image.tag.as_deref().unwrap_or_default();
    match name.as_str() {
        "golang" => Some("the Go compiler"),
        "rust" => Some("the Rust compiler"),
        "maven" => Some("Maven and a JDK"),
        "gradle" => Some("Gradle and a JDK"),
        "mcr.microsoft.com/dotnet/sdk" => Some("the .NET SDK"),
        "nvidia/cuda" if tag.contains("devel") => Some("the CUDA compiler"),
        _ => None,
    }
}
