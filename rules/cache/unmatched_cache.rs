//! A cache is written and never read, or read and never written.
//!
//! An export that nothing imports costs its upload in every run and saves nothing. An import of a place that nothing writes finds
//! nothing: the build starts cold, and no message says so. Often one of the two names is mistyped, or one of them was changed and the
//! other was forgotten.
//!
//! All builds of the repository are looked at: bake targets, workflow steps, scripts in steps. Places with unknown parts match
//! whatever they may be. Scopes of GitHub's cache belong to one repository; a registry, a bucket or a folder may be used from
//! elsewhere, so that findings about them are less sure, and a registry image that is read but not written here is only a hint.
//!
//! Not flagged: a place that another file mentions, such as a Makefile or a step that moves the folder; anything, as long as some
//! entries of the repository's builds depend on unknown values, or a workflow of another repository is called and told about caches.
//!
//! ## Examples
//!
//! ### Scopes that never meet
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha,scope=web-cache"]
//!   cache-to   = ["type=gha,scope=web-cahce,mode=max"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: web
//! ```
//!
//! ```text
//! docker-bake.hcl:3:17: warning[unmatched-cache] no build imports the gha cache scope `web-cahce`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,4 +1,4 @@
//!  target "web" {
//!    cache-from = ["type=gha,scope=web-cache"]
//! -  cache-to   = ["type=gha,scope=web-cahce,mode=max"]
//! +  cache-to   = ["type=gha,scope=web-cache,mode=max"]
//!  }
//! ```
//!
//! ### Scopes that meet
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### A workflow of another repository exports it
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     uses: docker/github-builder/.github/workflows/build.yml@v1
//!     with:
//!       cache: true
//!       cache-scope: image
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha,scope=image-linux-amd64
//! ```
//!
//! ### Nothing is imported at all
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:21: warning[unmatched-cache] no build imports the registry cache `ghcr.io/shop/app:cache`
//! ```
//!
//! ### Nothing is exported
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha,scope=app
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:23: warning[unmatched-cache] no build exports the gha cache scope `app`
//! ```
//!
//! ### A folder that a step moves, and a scope for each leg
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         stage: ${{ fromJson(vars.STAGES) }}
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: |
//!             type=local,src=/tmp/cache
//!             type=gha,scope=app-${{ matrix.stage }}
//!           cache-to: |
//!             type=local,dest=/tmp/cache-new
//!             type=gha,scope=app-${{ matrix.stage }}
//!       - run: mv /tmp/cache-new /tmp/cache
//! ```
//!
//! ### Entries that a step computes
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: ${{ steps.cache.outputs.from }}
//!           cache-to: type=gha,scope=app
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unmatched-cache", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let traffic = project.cache_traffic();
        let unread = match traffic.reads_known {
            true => alone(project, &traffic.writes, &traffic.reads),
            false => BTreeMap::new(),
        };
        let unwritten = match traffic.writes_known {
            true => alone(project, &traffic.reads, &traffic.writes),
            false => BTreeMap::new(),
        };
        for (span, location) in &unread {
            let diagnostic = found.add(*span, format!("no build imports {location}"));
            diagnostic.confidence(match location {
                CacheLocation::Gha(_) => Confidence::High,
                _ => Confidence::Medium,
            });
            // A name that is read and not written, and looks like this one, is meant.
            let candidates = unwritten.values().filter(|other| kind(other) == kind(location));
            let near = location.name().as_known().and_then(|name| {
                nearest(name, candidates.filter_map(|other| other.name().as_known())).map(|near| (name, near))
            });
            let Some((name, near)) = near else {
                diagnostic
                    .help("each run uploads it, and nothing is saved: import it with `cache-from`, or leave it out");
                continue;
            };
            let reads = unwritten.iter().filter(|(_, other)| other.name().as_known() == Some(near));
            for (read, _) in reads {
                diagnostic.label(*read, "nothing writes what this reads");
            }
            diagnostic.help(format!("`cache-from` names `{near}`: one of the two is mistyped"));
            let text = project.snapshot.get(span.file).map_or("", |file| file.slice(*span));
            if let [(at, _)] = text.match_indices(name).collect::<Vec<_>>()[..] {
                let start = span.start as usize + at;
                let edit = Edit::replace(Span::new(span.file, start..start + name.len()), near);
                diagnostic.fix(Fix::unsafe_(format!("Write what is read, `{near}`"), vec![edit]));
            }
        }
        for (span, location) in &unwritten {
            let told = unread.values().any(|other| {
                let names = other.name().as_known().zip(location.name().as_known());
                kind(other) == kind(location) && names.is_some_and(|(one, two)| nearest(one, [two]).is_some())
            });
            if told {
                continue;
            }
            let diagnostic = found.add(*span, format!("no build exports {location}"));
            diagnostic.confidence(match location {
                CacheLocation::Gha(_) => Confidence::High,
                CacheLocation::Registry(_) => Confidence::Low,
                _ => Confidence::Medium,
            });
            diagnostic.help("nothing is found there, and the build starts cold: export it with `cache-to`");
        }
    }
}

fn kind(location: &CacheLocation) -> std::mem::Discriminant<CacheLocation> {
    std::mem::discriminant(location)
}

/// The places of `uses` that none of `others` can meet, once for each entry.
fn alone(project: &Project, uses: &[CacheUse<'_>], others: &[CacheUse<'_>]) -> BTreeMap<Span, CacheLocation> {
    let mut alone: BTreeMap<Span, CacheLocation> = BTreeMap::new();
    let mut met: Vec<Span> = Vec::new();
    for using in uses {
        let span = using.entry.span;
        if others.iter().any(|other| other.location.may_be(&using.location)) {
            met.push(span);
        } else {
            alone.insert(span, using.location.clone());
        }
    }
    alone.retain(|span, location| !met.contains(span) && !is_mentioned(project, *span, location, uses));
    alone
}

/// Whether something that is not read as a build mentions the place.
fn is_mentioned(project: &Project, span: Span, location: &CacheLocation, uses: &[CacheUse<'_>]) -> bool {
    let Some(name) = location.name().as_known() else {
        // It cannot be looked for.
        return !matches!(location, CacheLocation::Gha(_));
    };
    if let CacheLocation::Registry(_) = location
        && project.builds.iter().any(|build| build.tags.iter().any(|(tag, _)| may_equal(tag, location.name())))
    {
        return true;
    }
    let words = match location {
        CacheLocation::Gha(_) if name == "buildkit" => return false,
        CacheLocation::Gha(_) => format!("scope={name}"),
        _ => name.to_owned(),
    };
    let own = |file: FileId, at: usize| {
        let place = Span::new(file, at..at + words.len());
        span.contains(place) || uses.iter().any(|using| using.entry.span.contains(place))
    };
    project.snapshot.files().any(|(file, source)| source.text().match_indices(&words).any(|(at, _)| !own(file, at)))
}
