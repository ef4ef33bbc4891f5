//! Where build caches lie.

use std::fmt;

use crate::model::build::Entry;
use crate::model::value::Text;

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

impl Entry {
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
