//! An override of a bake call does something else than it says.
//!
//! `set:` and `--set` take `TARGET.key=value`. An unknown key fails the call: the key is `platform`, not `platforms`, `secrets`, not
//! `secret`, `cache-from`, not `cache_from`. A comma does not make several tags: `web.tags=a,b` is one tag, and no valid one
//! (docker/buildx#872). Where one key of one pattern is given with `=` and with `+=`, the last one decides for all: with `=` behind it
//! even what `+=` adds replaces what the file says.
//!
//! Not flagged: overrides whose key is not known.
//!
//! ## Examples
//!
//! ### Two tags and an unknown key
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
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
//!           set: |
//!             web.tags=shop:a,shop:b
//!             *.cache_from=type=gha
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:13: error[misused-override] `shop:a,shop:b` is one tag here, and no valid one
//! .github/workflows/ci.yml:10:15: error[misused-override] bake knows no override `cache_from`
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -7,4 +7,4 @@
//!          with:
//!            set: |
//!              web.tags=shop:a,shop:b
//! -            *.cache_from=type=gha
//! +            *.cache-from=type=gha
//! ```
//!
//! ### One tag a line
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
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
//!           set: |
//!             web.tags=shop:a
//!             web.tags=shop:b
//!             web.platform=linux/amd64,linux/arm64
//!             *.cache-from=type=gha
//!             *.args.VERSION=1
//! ```
//!
//! ## Also tested
//!
//! ### Adding and replacing
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake --set web.tags+=shop:a --set web.tags=shop:b
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:62: warning[misused-override] `web.tags` is given with `=` and with `+=`, and the last one decides for all
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "misused-override", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for call in &project.bake_calls {
            let mut operators: BTreeMap<(String, String), (bool, Span)> = BTreeMap::new();
            for (text, span) in &call.set {
                let Some((left, value)) = text.split_once('=') else { continue };
                let Some(left) = left.as_known() else { continue };
                let (left, adds) = (left.trim_end_matches('+'), left.ends_with('+'));
                let Some((pattern, key)) = left.split_once('.') else { continue };
                let key = key.split('.').next().unwrap_or(key);
                if !OVERRIDE_KEYS.contains(&key) {
                    if seen.insert((*span, key.to_owned())) {
                        unknown_key(project, found, *span, pattern, key);
                    }
                    continue;
                }
                let value = value.as_known().unwrap_or_default();
                if key == "tags" && value.contains(',') && seen.insert((*span, key.to_owned())) {
                    let diagnostic = found.add(*span, format!("`{value}` is one tag here, and no valid one"));
                    diagnostic.help("a comma does not separate tags: give the override once for each");
                }
                let several = ["tags", "platform", "output", "cache-from", "cache-to", "secrets", "ssh"];
                if !several.contains(&key) {
                    continue;
                }
                let (first, place) = *operators.entry((pattern.to_owned(), key.to_owned())).or_insert((adds, *span));
                if first != adds && seen.insert((*span, format!("{key}="))) {
                    let diagnostic = found.add(
                        *span,
                        format!("`{pattern}.{key}` is given with `=` and with `+=`, and the last one decides for all"),
                    );
                    diagnostic.severity(Severity::Warning).label(place, "given here, too");
                    diagnostic.help("with `+=` all are added to what the file says, with `=` all replace it");
                }
            }
        }
    }
}

fn unknown_key(project: &Project, found: &mut Findings, span: Span, pattern: &str, key: &str) {
    let start = span.start as usize + pattern.len() + 1;
    let place = Span::new(span.file, start..start + key.len());
    let written = project.snapshot.get(span.file).is_some_and(|file| file.text().get(place.range()) == Some(key));
    let diagnostic = found.add(if written { place } else { span }, format!("bake knows no override `{key}`"));
    match nearest(key, OVERRIDE_KEYS.iter().copied()) {
        Some(near) => {
            diagnostic.help(format!("did you mean `{near}`? bake fails with \"unknown key: {key}\""));
            if written {
                diagnostic.fix(Fix::unsafe_(format!("Set `{near}`"), vec![Edit::replace(place, near)]));
            }
        }
        None => {
            diagnostic.help(format!("bake fails with \"unknown key: {key}\""));
        }
    }
}
