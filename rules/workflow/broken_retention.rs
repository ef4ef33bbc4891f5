//! A clean-up of packages deletes the newest versions, or none at all.
//!
//! GitHub lists the versions of a package newest first, thirty to a page (`per_page` makes it up to a hundred). Of one page
//! `.[30:]` is nothing: the clean-up runs and never deletes. `head -n -5` takes the last five lines off, so it hands on the newest
//! and keeps the five oldest; `head -n 5` hands on the five newest. To keep the first lines use `tail -n +6`.
//!
//! The rule looks at scripts that list versions of a package and delete versions.
//!
//! Not flagged: lists that are sorted in between, and `--paginate`, where what is one page depends on the program's version.
//!
//! ## Examples
//!
//! ### Nothing is left of one page
//!
//! ```yaml .github/workflows/clean.yml
//! on: {schedule: [{cron: 0 3 * * 0}]}
//! jobs:
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - name: Keep the last 30
//!         run: |
//!           gh api /orgs/shop/packages/container/web/versions --jq '.[30:] | .[].id' |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/web/versions/{}
//! ```
//!
//! ```text
//! .github/workflows/clean.yml:8:67: error[broken-retention] nothing is ever deleted: a page has 30 versions, and `.[30:]` leaves none of them
//! ```
//!
//! ### The newest are deleted
//!
//! ```yaml .github/workflows/clean.yml
//! on: {schedule: [{cron: 0 3 * * 0}]}
//! jobs:
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - name: Keep the last 5
//!         run: |
//!           gh api /orgs/shop/packages/container/cache/versions --jq '.[].id' |
//!             head -n -5 |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/cache/versions/{}
//! ```
//!
//! ```text
//! .github/workflows/clean.yml:9:13: error[broken-retention] the newest versions are deleted: they come first, and `head -n -5` hands them on
//! ```
//!
//! ### The newest are kept
//!
//! ```yaml .github/workflows/clean.yml
//! on: {schedule: [{cron: 0 3 * * 0}]}
//! jobs:
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           gh api --paginate /orgs/shop/packages/container/web/versions --jq '.[].id' | tail -n +31 |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/web/versions/{}
//!       - run: |
//!           gh api "/orgs/shop/packages/container/web/versions?per_page=100" --jq '.[30:] | .[].id' |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/web/versions/{}
//! ```
//!
//! ## Also tested
//!
//! ### By loops and by jq, sorted and unsorted
//!
//! ```yaml .github/workflows/clean.yml
//! on: {schedule: [{cron: 0 3 * * 0}]}
//! jobs:
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           for id in $(gh api "/orgs/shop/packages/container/a/versions?per_page=50" | jq '.[50:][].id'); do
//!             gh api -X DELETE "/orgs/shop/packages/container/a/versions/$id"
//!           done
//!       - run: |
//!           gh api /orgs/shop/packages/container/b/versions | jq '.[:-5][].id' | while read -r id; do
//!             gh api -X DELETE "/orgs/shop/packages/container/b/versions/$id"
//!           done
//!       - run: |
//!           gh api /orgs/shop/packages/container/c/versions --jq 'sort_by(.created_at) | .[].id' | head -n -5 |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/c/versions/{}
//!       - run: |
//!           gh api /orgs/shop/packages/container/d/versions --jq '.[].id' | tac | head -n -5 |
//!             xargs -I {} gh api -X DELETE /orgs/shop/packages/container/d/versions/{}
//!       - run: gh api /orgs/shop/packages/container/e/versions --jq '.[].id' | head -n 5
//! ```
//!
//! ```text
//! .github/workflows/clean.yml:7:91: error[broken-retention] nothing is ever deleted: a page has 50 versions, and `.[50:]` leaves none of them
//! .github/workflows/clean.yml:11:65: error[broken-retention] the newest versions are deleted: they come first, and `.[:-5]` takes them
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "broken-retention", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let calls = project.package_calls();
        for list in calls.iter().filter(|call| call.lists_versions() && !call.paginated) {
            let Some(deletion) = calls.iter().find(|call| call.place == list.place && call.deletes()) else { continue };
            let filter = list.filter.as_ref().map(|filter| (filter, filter.as_str()));
            if filter.is_some_and(|(_, text)| {
                ["sort", "reverse", "group_by", "min_by", "max_by"].iter().any(|f| text.contains(f))
            }) {
                continue;
            }
            if let Some((filter, text)) = filter
                && let Some(slice) = slice(text)
            {
                let span = filter.span_of(slice.at..slice.end);
                let shown = &text[slice.at..slice.end];
                match (slice.from, slice.to, list.page_size()) {
                    (Some(from), None, Some(size)) if from >= 0 && from.unsigned_abs() >= size => {
                        let diagnostic = found.add(
                            span,
                            format!(
                                "nothing is ever deleted: a page has {size} versions, and `{shown}` leaves none of them"
                            ),
                        );
                        diagnostic.label(deletion.span, "would delete the rest");
                        diagnostic.help("ask for all pages with `--paginate` and cut behind that, with `tail -n +N`");
                    }
                    // To delete the very last version, as after a failure, is another matter.
                    (None | Some(0), Some(to), _) if to != 1 => {
                        let diagnostic = found.add(
                            span,
                            format!("the newest versions are deleted: they come first, and `{shown}` takes them"),
                        );
                        diagnostic.label(deletion.span, "deletes them");
                        diagnostic.help("to keep the first N write `.[N:]`");
                    }
                    _ => {}
                }
                continue;
            }
            let commands = project.commands_of(list.place);
            let readers = list.readers.iter().filter_map(|at| commands.iter().find(|command| command.index == *at));
            for reader in readers {
                match reader.name.as_str() {
                    "sort" | "tac" | "shuf" | "python" | "python3" | "awk" | "tail" => break,
                    "head" if takes_one(reader) => break,
                    "head" => {
                        let diagnostic = found.add(
                            reader.span,
                            format!(
                                "the newest versions are deleted: they come first, and {} hands them on",
                                shown(reader)
                            ),
                        );
                        diagnostic.label(list.span, "lists the newest first");
                        diagnostic.label(deletion.span, "deletes what comes through");
                        diagnostic.help("to keep the first N lines and hand on the rest write `tail -n +N+1`");
                        break;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Whether `head` hands on one line, as to delete the very last version.
fn takes_one(command: &StepCommand) -> bool {
    let words: String = command.words.iter().map(|(text, _)| text.to_string()).collect();
    matches!(words.as_str(), "-1" | "-n1" | "--lines=1")
}

fn shown(command: &StepCommand) -> String {
    let words: Vec<String> = command.words.iter().map(|(text, _)| text.to_string()).collect();
    format!("`{} {}`", command.name, words.join(" "))
}

/// A slice of an array in a jq program.
struct Slice {
    at: usize,
    end: usize,
    from: Option<i64>,
    to: Option<i64>,
}

/// The first slice of the program whose bounds are numbers: `.[30:]`.
fn slice(text: &str) -> Option<Slice> {
    text.match_indices(".[").find_map(|(at, open)| {
        let length = text[at..].find(']')?;
        let (from, to) = text[at + open.len()..at + length].split_once(':')?;
        let bound = |text: &str| -> Option<Option<i64>> {
            let text = text.trim();
            if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
        };
        Some(Slice { at, end: at + length + 1, from: bound(from)?, to: bound(to)? })
    })
}
