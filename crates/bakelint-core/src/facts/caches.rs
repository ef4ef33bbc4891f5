//! Where build caches lie.

use std::fmt;

use crate::edit::Edit;
use crate::model::Project;
use crate::model::bake::BakeCall;
use crate::model::build::{Build, Entry};
use crate::model::value::{Text, TextPart};
use crate::model::workflow::{ActionRef, Job};
use crate::source::Span;

/// The place that a cache export writes and a cache import reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CacheLocation {
    /// A scope of the GitHub Actions cache.
    Gha(Text),
    /// An image reference.
    Registry(Text),
    /// A folder of the builder's client, with the tag in its index.
    Local(Text, Text),
    /// A name in a bucket of S3, below a prefix.
    S3(Text, Text, Text),
    /// A name in a container of Azure Blob Storage.
    Azblob(Text, Text),
}

impl CacheLocation {
    /// The option that tells the locations of one backend apart, as an export and as an import write it.
    pub fn options(&self) -> &'static [&'static str] {
        match self {
            CacheLocation::Gha(_) => &["scope"],
            CacheLocation::Registry(_) => &["ref"],
            CacheLocation::Local(..) => &["dest", "src"],
            CacheLocation::S3(..) | CacheLocation::Azblob(..) => &["name"],
        }
    }

    /// The name that tells it from the other locations of its backend: scope, reference, folder or name.
    pub fn name(&self) -> &Text {
        match self {
            CacheLocation::Gha(name) | CacheLocation::Registry(name) | CacheLocation::Local(name, _) => name,
            CacheLocation::S3(_, _, name) | CacheLocation::Azblob(_, name) => name,
        }
    }

    /// Whether both may be the same place, given that their unknown parts may be anything.
    pub fn may_be(&self, other: &CacheLocation) -> bool {
        match (self, other) {
            (CacheLocation::Gha(one), CacheLocation::Gha(two)) => may_equal(one, two),
            (CacheLocation::Registry(one), CacheLocation::Registry(two)) => {
                may_equal(&full_reference(one), &full_reference(two))
            }
            (CacheLocation::Local(one, tag), CacheLocation::Local(two, other)) => {
                may_equal(&full_folder(one), &full_folder(two)) && may_equal(tag, other)
            }
            (CacheLocation::S3(one, a, b), CacheLocation::S3(two, c, d)) => {
                may_equal(one, two) && may_equal(a, c) && may_equal(b, d)
            }
            (CacheLocation::Azblob(one, a), CacheLocation::Azblob(two, b)) => may_equal(one, two) && may_equal(a, b),
            _ => false,
        }
    }

    /// Whether it is the same place in all jobs and matrix legs of one run of a workflow.
    pub fn is_fixed_in_run(&self) -> bool {
        match self {
            CacheLocation::Gha(one) | CacheLocation::Registry(one) => one.is_fixed_in_run(),
            CacheLocation::Local(one, two) | CacheLocation::Azblob(one, two) => {
                one.is_fixed_in_run() && two.is_fixed_in_run()
            }
            CacheLocation::S3(one, two, three) => [one, two, three].iter().all(|text| text.is_fixed_in_run()),
        }
    }
}

impl fmt::Display for CacheLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CacheLocation::Gha(scope) => write!(f, "the gha cache scope `{scope}`"),
            CacheLocation::Registry(reference) => write!(f, "the registry cache `{reference}`"),
            CacheLocation::Local(folder, _) => write!(f, "the cache folder `{folder}`"),
            CacheLocation::S3(bucket, _, name) => write!(f, "the cache `{name}` in the S3 bucket `{bucket}`"),
            CacheLocation::Azblob(container, name) => write!(f, "the cache `{name}` in the container `{container}`"),
        }
    }
}

/// A reference with the tag that it has by default.
fn full_reference(reference: &Text) -> Text {
    let last = reference.parts().last();
    let tagged = match last {
        Some(TextPart::Known(text)) => {
            text.rsplit('/').next().is_some_and(|name| name.contains([':', '@'])) || reference.parts().len() > 1
        }
        _ => true,
    };
    let mut full = reference.clone();
    if !tagged {
        full.push(TextPart::Known(":latest".into()));
    }
    match full.parts().first() {
        Some(TextPart::Known(text)) if text.starts_with("docker.io/") => {
            let mut short = Text::known(text.trim_start_matches("docker.io/").trim_start_matches("library/"));
            full.parts()[1..].iter().for_each(|part| short.push(part.clone()));
            short
        }
        _ => full,
    }
}

fn full_folder(folder: &Text) -> Text {
    match folder.as_known() {
        Some(known) => Text::known(known.trim_start_matches("./").trim_end_matches('/')),
        None => folder.clone(),
    }
}

/// Whether two texts may be equal, given that their unknown parts may be anything.
pub fn may_equal(one: &Text, two: &Text) -> bool {
    let ends = |text: &Text| match (text.parts().first(), text.parts().last()) {
        (Some(TextPart::Known(first)), Some(TextPart::Known(last))) => (first.clone(), last.clone()),
        (Some(TextPart::Known(first)), _) => (first.clone(), String::new()),
        (_, Some(TextPart::Known(last))) => (String::new(), last.clone()),
        _ => (String::new(), String::new()),
    };
    match (one.as_known(), two.as_known()) {
        (Some(one), Some(two)) => one == two,
        (Some(known), None) | (None, Some(known)) => {
            let open = if one.as_known().is_none() { one } else { two };
            let ((start, end), mut rest) = (ends(open), known);
            if start.len() + end.len() > known.len() || !known.starts_with(&start) || !known.ends_with(&end) {
                return false;
            }
            // Known parts come in order.
            open.parts().iter().all(|part| match part {
                TextPart::Known(text) => rest.split_once(text.as_str()).is_some_and(|(_, tail)| {
                    rest = tail;
                    true
                }),
                TextPart::Unknown(_) => true,
            })
        }
        (None, None) => {
            let ((start, end), (other_start, other_end)) = (ends(one), ends(two));
            (start.starts_with(&other_start) || other_start.starts_with(&start))
                && (end.ends_with(&other_end) || other_end.ends_with(&end))
        }
    }
}

/// One entry of a build's `cache-to` or `cache-from`.
#[derive(Debug, Clone)]
pub struct CacheUse<'p> {
    /// The build.
    pub build: &'p Build,
    /// The entry.
    pub entry: &'p Entry,
    /// The place it names.
    pub location: CacheLocation,
}

/// Which caches the builds of the project write and read.
#[derive(Debug, Default)]
pub struct CacheTraffic<'p> {
    /// Exports, without inline ones.
    pub writes: Vec<CacheUse<'p>>,
    /// Imports.
    pub reads: Vec<CacheUse<'p>>,
    /// Whether [`writes`](Self::writes) is all that the repository writes.
    pub writes_known: bool,
    /// Whether [`reads`](Self::reads) is all that the repository reads.
    pub reads_known: bool,
}

impl Project {
    /// Which caches the builds write and read.
    pub fn cache_traffic(&self) -> CacheTraffic<'_> {
        // An override whose key is not known may be a cache entry.
        let complete = |call: &BakeCall| {
            !call.open && call.set.iter().all(|(text, _)| text.is_empty() || text.prefix().contains('='))
        };
        let mut jobs = self.workflows.iter().flat_map(|workflow| &workflow.jobs);
        let known = self.bake_calls.iter().all(complete) && !jobs.any(Job::may_use_caches);
        let mut traffic = CacheTraffic { writes_known: known, reads_known: known, ..CacheTraffic::default() };
        for build in &self.builds {
            let uses = |entries: &'_ [Entry]| -> bool { entries.iter().all(|entry| entry.kind.as_known().is_some()) };
            traffic.writes_known &= build.cache_known && uses(&build.cache_to);
            traffic.reads_known &= build.cache_known && uses(&build.cache_from);
            let located = |entry: &'_ Entry| entry.cache_location();
            traffic.writes.extend(
                build.cache_to.iter().filter_map(|entry| Some(CacheUse { build, entry, location: located(entry)? })),
            );
            traffic.reads.extend(
                build.cache_from.iter().filter_map(|entry| Some(CacheUse { build, entry, location: located(entry)? })),
            );
        }
        traffic
    }
}

impl Project {
    /// Whether buildx leaves an entry out where the build is called: GitHub's cache needs an address and a token that the runner gives to
    /// actions and not to scripts (buildx, `build/opt.go`). A step before the script may pass them on.
    pub fn is_gha_hidden(&self, build: &Build, entry: &Entry) -> bool {
        let Some(caller) = build.caller.as_ref().filter(|_| entry.is("gha")) else { return false };
        let Some((workflow, job, step)) = self.step(caller.step) else { return false };
        let text = self.snapshot.get(workflow.file).map_or("", |source| source.text());
        // The token may be an option of the entry.
        if step.run.is_none() || entry.get("token").is_some() || text.contains("ACTIONS_RUNTIME_TOKEN") {
            return false;
        }
        let mut before = job.steps.iter().take(caller.step.step).filter_map(|step| step.uses.as_ref());
        !before.any(|uses| may_expose(&uses.reference))
    }

    /// An edit that adds an option to an entry of a cache or output, where it is written as literal text or as an object on one line.
    pub fn add_option(&self, entry: &Entry, name: &str, value: &str) -> Option<Edit> {
        let span = entry.span;
        let text = self.snapshot.get(span.file)?.slice(span);
        if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            let filled = inner.trim_end().trim_end_matches(',').len();
            let at = Span::at(span.file, span.start as usize + 1 + filled);
            return (!inner.contains('\n')).then(|| Edit::insert(at, format!(", {name} = \"{value}\"")));
        }
        let inner = text.strip_suffix('"').unwrap_or(text);
        let written = inner.trim_start_matches('"');
        let plain = written.contains("type=") && !written.contains(['"', '\n', '\'']);
        let at = Span::at(span.file, span.start as usize + inner.len());
        plain.then(|| Edit::insert(at, format!(",{name}={value}")))
    }
}

/// Whether an action may put the runner's variables into the environment of the steps behind it.
fn may_expose(action: &ActionRef) -> bool {
    let known = ["actions", "docker", "aws-actions", "google-github-actions", "azure"];
    match action {
        ActionRef::Repository { owner, repository, .. } => {
            repository.eq_ignore_ascii_case("github-script") || !known.iter().any(|own| owner.eq_ignore_ascii_case(own))
        }
        _ => true,
    }
}

impl Job {
    /// Whether a workflow of another repository is called that may use caches: one that is told about them.
    fn may_use_caches(&self) -> bool {
        let away = self.uses.as_ref().is_some_and(|uses| matches!(uses.reference, ActionRef::Repository { .. }));
        let tells = |name: &str| name.to_ascii_lowercase().contains("cache");
        away && self.with.fields.iter().any(|field| tells(&field.name.node))
    }

    /// Whether it runs on a Linux machine of GitHub's, which is new for each job and has Docker as it comes.
    pub fn is_hosted(&self) -> bool {
        let labels = self.runs_on.as_ref().map(|runs_on| runs_on.labels.as_slice()).unwrap_or_default();
        let own = |label: &str| {
            let version = label.strip_prefix("ubuntu-").unwrap_or_default();
            let version = version.strip_suffix("-arm").unwrap_or(version);
            version == "latest"
                || version.split_once('.').is_some_and(|(year, month)| {
                    !year.is_empty() && year.bytes().chain(month.bytes()).all(|byte| byte.is_ascii_digit())
                })
        };
        matches!(labels, [label] if label.known().is_some_and(own))
    }
}

impl Entry {
    /// Whether a cache export keeps the layers of all stages; without `mode=max` it keeps those of the result alone.
    pub fn is_max(&self) -> bool {
        self.get("mode").is_some_and(|mode| mode.as_known() != Some("min"))
    }

    /// The place that an entry of `cache-from` or `cache-to` names; none for the inline cache, for unknown backends, and
    /// where an option that has no default is missing. The defaults are those of BuildKit (cache/remotecache).
    pub fn cache_location(&self) -> Option<CacheLocation> {
        let or = |name: &str, default: &str| self.get(name).cloned().unwrap_or_else(|| Text::known(default));
        let given = |name: &str| self.get(name).filter(|value| !value.is_empty()).cloned();
        match self.kind.as_known()? {
            "gha" => Some(CacheLocation::Gha(given("scope").unwrap_or_else(|| Text::known("buildkit")))),
            "registry" => Some(CacheLocation::Registry(given("ref")?)),
            "local" => Some(CacheLocation::Local(given("dest").or_else(|| given("src"))?, or("tag", "latest"))),
            "s3" => Some(CacheLocation::S3(given("bucket")?, or("prefix", ""), or("name", "buildkit"))),
            "azblob" => Some(CacheLocation::Azblob(or("container", "buildkit-cache"), or("name", "buildkit"))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    #[test]
    fn unknown_parts_may_be_anything() {
        let text = |words: &[&str]| {
            let mut text = Text::default();
            for word in words {
                text.push(match word.strip_prefix('$') {
                    Some(name) => TextPart::Unknown(name.into()),
                    None => TextPart::Known((*word).into()),
                });
            }
            text
        };
        let cases: &[(&[&str], &[&str], bool)] = &[
            (&["web"], &["web"], true),
            (&["web"], &["worker"], false),
            (&["web-", "$arch"], &["web-arm64"], true),
            (&["web-", "$arch"], &["worker-arm64"], false),
            (&["web-", "$arch", "-x"], &["web-x"], false),
            (&["web-", "$arch"], &["worker-", "$arch"], false),
            (&["$name", "-a"], &["web-", "$arch"], true),
            (&["$name", "-a"], &["$name", "-b"], false),
        ];
        for (one, two, expected) in cases {
            assert_eq!(may_equal(&text(one), &text(two)), *expected, "{one:?} {two:?}");
            assert_eq!(may_equal(&text(two), &text(one)), *expected, "{two:?} {one:?}");
        }
    }

    #[test]
    fn entries_name_places() {
        let cases = [
            ("type=gha", Some("the gha cache scope `buildkit`")),
            ("type=gha,scope=web,mode=max", Some("the gha cache scope `web`")),
            ("user/app:cache", Some("the registry cache `user/app:cache`")),
            ("type=registry", None),
            ("type=local,dest=/tmp/cache", Some("the cache folder `/tmp/cache`")),
            ("type=s3,bucket=b,region=eu-central-1", Some("the cache `buildkit` in the S3 bucket `b`")),
            ("type=azblob,name=web", Some("the cache `web` in the container `buildkit-cache`")),
            ("type=inline", None),
        ];
        for (text, expected) in cases {
            let entry = Entry::parse(&Text::known(text), Span::at(FileId(0), 0));
            let found = entry.cache_location().map(|location| location.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
