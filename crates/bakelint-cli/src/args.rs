//! The command line as it was typed.

use std::path::PathBuf;

use bakelint_core::prelude::{Confidence, Safety, Severity};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Find what makes image builds slow, fragile or wrong, prove what a change saves, write the patch.
#[derive(Debug, Parser)]
#[command(name = "bakelint", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a repository, folders or files
    Check(Check),
    /// Resolve bake files as `docker buildx bake --print` does, without a builder
    Bake(Box<Bake>),
    /// Tell from the git history how often each step of each build is rebuilt, and why
    Replay(Box<Replay>),
    /// Write or refresh a baseline: findings that are known and accepted
    Baseline(Baseline),
    /// Print the project model as JSON or as a graph; for one Dockerfile its instructions and stages
    Inspect(Inspect),
    /// Write a bakelint.toml to begin with, or one made from another tool's configuration
    Init(Init),
    /// Show the page of a rule
    Explain(Explain),
    /// List all rules
    Rules(Rules),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set; also elsewhere when CLICOLOR_FORCE is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the source around each place
    #[default]
    Full,
    /// One line a finding: `path:line:column: severity[rule] message`
    Concise,
    /// For other tools; a stable contract
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations in a GitHub workflow
    Github,
    /// GitLab's code quality report
    Gitlab,
    /// JUnit XML
    Junit,
}

/// Which paths, which findings and which facts about the builds.
#[derive(Debug, Args)]
pub struct Scope {
    /// Repository, folders or files
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    /// Run only these rules; an id, an alias such as DL3006 or buildkit:StageNameCasing, or a theme
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "Findings")]
    pub select: Vec<String>,

    /// Drop the findings of these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "Findings")]
    pub ignore: Vec<String>,

    /// Also run these opt-in rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "Findings")]
    pub enable: Vec<String>,

    /// Drop findings below this; without it, infos are shown but do not fail
    #[arg(long, value_name = "SEVERITY", value_parser = parse::<Severity>, help_heading = "Findings")]
    pub min_severity: Option<Severity>,

    /// Drop findings that are less sure than this
    #[arg(long, value_name = "CONFIDENCE", value_parser = parse::<Confidence>, help_heading = "Findings")]
    pub min_confidence: Option<Confidence>,

    /// Show the hints of low confidence too
    #[arg(long, help_heading = "Findings")]
    pub pedantic: bool,

    /// Use this bakelint.toml instead of the one found upwards from PATH
    #[arg(long, value_name = "FILE", conflicts_with = "isolated", help_heading = "Configuration")]
    pub config: Option<PathBuf>,

    /// Use no bakelint.toml
    #[arg(long, help_heading = "Configuration")]
    pub isolated: bool,

    /// The build to assume where the repository does not say it.
    #[command(flatten)]
    pub build: BuildFacts,
}

/// The build to assume where the repository does not say it.
#[derive(Debug, Args)]
#[command(next_help_heading = "The build, where the repository does not say it")]
pub struct BuildFacts {
    /// Stage to build
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// Build argument
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub build_arg: Vec<(String, String)>,

    /// Named context
    #[arg(long, value_name = "NAME=CONTEXT", value_parser = pair)]
    pub build_context: Vec<(String, String)>,

    /// Platform to build for
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,

    /// Platform that builds
    #[arg(long, value_name = "PLATFORM")]
    pub build_platform: Option<String>,

    /// Run BuildKit's experimental checks too
    #[arg(long)]
    pub experimental: bool,

    /// Use this instead of the `# check=` directive
    #[arg(long, value_name = "VALUE")]
    pub check: Option<String>,

    /// Platform of a base image
    #[arg(long, value_name = "REF=PLATFORM", value_parser = pair)]
    pub image_platform: Vec<(String, String)>,

    /// Configuration of a base image: JSON, or a file that holds it
    #[arg(long, value_name = "REF=CONFIG", value_parser = pair)]
    pub image_config: Vec<(String, String)>,

    /// A registry that images may come from
    #[arg(long, value_name = "REGISTRY")]
    pub trusted_registry: Vec<String>,

    /// A label that shipped images must have, with the form of its value
    #[arg(long, value_name = "KEY:FORM", value_parser = label)]
    pub require_label: Vec<(String, String)>,

    /// Other labels than the required ones are wrong
    #[arg(long)]
    pub strict_labels: bool,
}

/// `bakelint check`.
#[derive(Debug, Args)]
pub struct Check {
    /// What to check.
    #[command(flatten)]
    pub scope: Scope,

    /// Write the fixes
    #[arg(long, value_name = "SAFETY", num_args = 0..=1, require_equals = true, default_missing_value = "safe",
          value_parser = fixable, conflicts_with = "diff")]
    pub fix: Option<Safety>,

    /// Print the fixes as one patch instead of writing them
    #[arg(long, value_name = "SAFETY", num_args = 0..=1, require_equals = true, default_missing_value = "safe",
          value_parser = fixable)]
    pub diff: Option<Safety>,

    /// How findings are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,

    /// Report only findings that this file does not have
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Report only findings that the commit shared with this revision does not have
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// Exit with 0 whatever is found
    #[arg(long)]
    pub exit_zero: bool,

    /// Print a count by rule instead of the findings
    #[arg(long)]
    pub statistics: bool,

    /// Print findings only
    #[arg(long, short)]
    pub quiet: bool,

    /// Add what the newest commits say: how often the step of a finding was rebuilt, and what its fix would have saved
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "200",
          value_parser = commits)]
    pub history: Option<Commits>,

    /// How long steps take.
    #[command(flatten)]
    pub times: Times,

    /// Run ShellCheck, if it is installed, over the scripts of RUN instructions
    #[arg(long)]
    pub shellcheck: bool,

    /// Read one file from standard input as this path
    #[arg(long, value_name = "PATH", conflicts_with = "fix")]
    pub stdin_filename: Option<String>,
}

/// `bakelint bake`. The words are those of `docker buildx bake`.
#[derive(Debug, Args)]
pub struct Bake {
    /// Targets, groups and patterns; `default` if there are none
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,

    /// Build definition file
    #[arg(long, short, value_name = "FILE")]
    pub file: Vec<String>,

    /// Override an attribute: PATTERN.KEY[+]=VALUE
    #[arg(long, value_name = "OVERRIDE")]
    pub set: Vec<String>,

    /// Set a variable
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,

    /// Print the resolved targets; this is what happens anyway
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub print: Option<bool>,

    /// List targets or variables
    #[arg(long, value_name = "type=targets|variables[,format=json]")]
    pub list: Option<String>,

    /// Push the results
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub push: Option<bool>,

    /// Load the results into Docker
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub load: Option<bool>,

    /// Use no cache
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub no_cache: Option<bool>,

    /// Pull all images
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub pull: Option<bool>,

    /// Shorthand for --set=*.attest=type=sbom
    #[arg(long, value_name = "VALUE", default_value = "", hide_default_value = true)]
    pub sbom: String,

    /// Shorthand for --set=*.attest=type=provenance
    #[arg(long, value_name = "VALUE", default_value = "", hide_default_value = true)]
    pub provenance: String,

    /// Options of policies
    #[arg(long, value_name = "OPTIONS")]
    pub policy: Vec<String>,

    /// Method that targets are built with
    #[arg(long, value_name = "METHOD", default_value = "", hide_default_value = true)]
    pub call: String,

    /// Shorthand for --call=check
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub check: Option<bool>,

    /// Allow builds to use a resource; checked for its form only
    #[arg(long, value_name = "RESOURCE")]
    pub allow: Vec<String>,

    /// Accepted for its caller's sake, and ignored.
    #[arg(long, hide = true)]
    pub builder: Option<String>,

    /// Accepted for its caller's sake, and ignored.
    #[arg(long, hide = true)]
    pub progress: Option<String>,

    /// Accepted for its caller's sake, and ignored.
    #[arg(long, hide = true)]
    pub metadata_file: Option<String>,
}

/// Where results of steps survive from one commit's build to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StoreName {
    /// What workflows and bake files of the newest commit say
    #[default]
    Auto,
    /// One builder that keeps everything
    Persistent,
    /// A fresh builder; the registry or local cache of the commit before, with mode=max
    #[value(alias = "registry-max")]
    RefLastMax,
    /// The same with mode=min, as inline caches are
    #[value(alias = "inline", alias = "registry-min")]
    RefLastMin,
    /// A fresh builder; a scope of GitHub's cache for each build, with mode=max: branches see their own and the default
    /// branch's
    #[value(alias = "gha-max")]
    Gha,
    /// The same with mode=min
    GhaMin,
    /// A fresh builder and no cache
    None,
}

/// Whose definitions are built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DefinitionsOf {
    /// Each commit's own
    #[default]
    AsWas,
    /// Those of the newest commit: what these commits would cost now
    Today,
}

/// How a replay is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// A table
    #[default]
    Text,
    /// For other tools
    Json,
    /// One page with a map of steps by commits
    Html,
}

/// How many commits; `None` means all.
#[derive(Debug, Clone, Copy)]
pub struct Commits(pub Option<usize>);

/// How long steps take.
#[derive(Debug, Args)]
pub struct Times {
    /// A build's log or record (.dockerbuild) to take times from; give several
    #[arg(long, value_name = "FILE", help_heading = "Times")]
    pub log: Vec<PathBuf>,

    /// A TOML file with times of steps
    #[arg(long, value_name = "FILE", help_heading = "Times")]
    pub durations: Option<PathBuf>,
}

/// `bakelint replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// A folder of the repository; contexts and files are relative to it
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    /// How many of the newest commits, or `all`
    #[arg(long, value_name = "N", default_value = "200", value_parser = commits, help_heading = "History")]
    pub commits: Commits,

    /// Where the history ends
    #[arg(long, value_name = "REV", default_value = "HEAD", help_heading = "History")]
    pub branch: String,

    /// Build the commits of merged branches too, as pull requests do
    #[arg(long, help_heading = "History")]
    pub branches: bool,

    /// Whose bake files and Dockerfiles are built
    #[arg(long, value_enum, default_value_t, value_name = "OF", help_heading = "History")]
    pub definitions: DefinitionsOf,

    /// Bake file
    #[arg(long, short, value_name = "FILE", help_heading = "Builds")]
    pub file: Vec<String>,

    /// Build this Dockerfile alone, with PATH as its context
    #[arg(long, value_name = "FILE", conflicts_with = "file", help_heading = "Builds")]
    pub dockerfile: Option<String>,

    /// Target or group, in the order in which they are built
    #[arg(long, value_name = "NAME", help_heading = "Builds")]
    pub target: Vec<String>,

    /// Override a target's value
    #[arg(long, value_name = "TARGET.KEY=VALUE", help_heading = "Builds")]
    pub set: Vec<String>,

    /// Set a variable or build argument to the same value for all commits
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Builds")]
    pub var: Vec<(String, String)>,

    /// An environment variable that is another one at each commit, such as the commit's id
    #[arg(long, value_name = "NAME", help_heading = "Builds")]
    pub per_commit_arg: Vec<String>,

    /// All targets are built by one call, instead of one call after the other
    #[arg(long, help_heading = "Builds")]
    pub together: bool,

    /// Where results survive
    #[arg(long, value_enum, default_value_t, value_name = "STORE", help_heading = "Builds")]
    pub store: StoreName,

    /// How long steps take.
    #[command(flatten)]
    pub times: Times,

    /// Tell what it would have saved if PATH had been this FILE
    #[arg(long, value_name = "PATH=FILE", value_parser = pair, help_heading = "What if")]
    pub replace: Vec<(String, String)>,

    /// How it is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ReplayFormat,
}

/// `bakelint baseline`.
#[derive(Debug, Args)]
pub struct Baseline {
    /// What to check.
    #[command(flatten)]
    pub scope: Scope,

    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = "bakelint.baseline.json")]
    pub output: PathBuf,
}

/// How the model is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// The whole model
    #[default]
    Json,
    /// For Graphviz
    Dot,
    /// For Markdown pages
    Mermaid,
}

/// `bakelint inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Repository or one Dockerfile
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    /// How the model is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: GraphFormat,
}

/// `bakelint init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder to write the file into
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    /// Take over this tool's configuration from the folder
    #[arg(long, value_enum, value_name = "TOOL")]
    pub from: Option<OtherTool>,
}

/// Tools whose configuration can be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OtherTool {
    /// hadolint: .hadolint.yaml or .hadolint.yml
    Hadolint,
}

/// `bakelint explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A rule's id or alias
    pub rule: String,

    /// How the page is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PageFormat,
}

/// How pages and the catalogue are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// For people
    #[default]
    Text,
    /// For tools
    Json,
}

/// `bakelint rules`.
#[derive(Debug, Args)]
pub struct Rules {
    /// How the catalogue is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PageFormat,
}

/// `bakelint completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

fn go_bool(word: &str) -> Result<bool, String> {
    bakelint_core::bake::parse_go_bool(word).ok_or_else(|| "expected true or false".into())
}

fn parse<T: std::str::FromStr<Err = String>>(word: &str) -> Result<T, String> {
    word.parse()
}

fn fixable(word: &str) -> Result<Safety, String> {
    match word {
        "safe" => Ok(Safety::Safe),
        "unsafe" => Ok(Safety::Unsafe),
        _ => Err("expected safe or unsafe".into()),
    }
}

fn pair(word: &str) -> Result<(String, String), String> {
    let (name, value) = word.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

fn label(word: &str) -> Result<(String, String), String> {
    let (name, form) = word.rsplit_once(':').ok_or("expected KEY:FORM")?;
    Ok((name.into(), form.into()))
}

fn commits(word: &str) -> Result<Commits, String> {
    match word {
        "all" => Ok(Commits(None)),
        _ => word
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .map(|n| Commits(Some(n)))
            .ok_or_else(|| "expected a number or all".into()),
    }
}
