//! Facts about the project that its files do not tell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happens to a CI runner's disk after a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runner {
    /// It is thrown away, as GitHub's hosted runners are: only an exported cache survives.
    #[default]
    Ephemeral,
    /// The builder keeps its cache from job to job.
    Persistent,
}

/// What the configuration and the command line say about the project and its builds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Registries that images may come from; empty: any.
    pub registries: Vec<String>,
    /// Platform of a build that names none; `linux/amd64` when not set.
    pub default_platform: Option<String>,
    /// What happens to a CI runner's disk.
    pub runner: Runner,
    /// Labels that shipped images must have, each with the form of its value (`text`, `url`, `semver`, `hash`, `spdx`,
    /// `rfc3339`, `email`).
    pub labels: BTreeMap<String, String>,
    /// Whether other labels than those are wrong.
    pub strict_labels: bool,
    /// The build that `--target`, `--build-arg` and so on describe, for Dockerfiles that nothing in the repository builds.
    pub build: BuildSettings,
}

/// A build as the command line describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSettings {
    /// Stage to build; the last one when not set.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Named contexts.
    pub contexts: BTreeMap<String, String>,
    /// Platform to build for.
    pub platform: Option<String>,
    /// Platform that builds.
    pub build_platform: Option<String>,
    /// Whether BuildKit's experimental checks run.
    pub experimental: bool,
    /// A value that replaces the `# check=` directive.
    pub check: Option<String>,
    /// Platforms of base images by reference.
    pub image_platforms: BTreeMap<String, String>,
    /// Configurations of base images, as JSON, by reference.
    pub image_configs: BTreeMap<String, String>,
}
