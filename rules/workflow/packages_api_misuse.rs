//! A script calls the packages API of GitHub in a way that cannot work.
//!
//! The API lists, reads, deletes and restores versions of packages, and nothing else. Its paths begin with `/orgs/ORG`,
//! `/users/USER` or `/user`; there is none below `/repos`. A version has a number as its id: neither a tag nor a commit nor a
//! digest names it. The name of a container's version is its digest, and its tags are in `metadata.container.tags`. See
//! <https://docs.github.com/en/rest/packages/packages>.
//!
//! `gh api` sends a POST as soon as a field is given with `-f` or `-F` and no method is named. A tag is set in the registry, not
//! here: `docker buildx imagetools create --tag NEW OLD`.
//!
//! Not flagged: paths whose beginning is not known, and ids that may be numbers.
//!
//! ## Examples
//!
//! ### A tag that is to be set, and one that is to be deleted
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   tag:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           gh api -X POST "/user/packages/container/web/versions/$VERSION_ID" -f "tags[]=$GITHUB_SHA"
//!       - if: failure()
//!         run: gh api -X DELETE "/user/packages/container/web/versions/$GITHUB_SHA"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:11: error[packages-api-misuse] the packages API has no POST that changes versions or their tags
//! .github/workflows/ci.yml:9:31: error[packages-api-misuse] `${github.sha}` is no id of a version: that is a number
//! ```
//!
//! ### Tags by the registry, versions by their ids
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   tag:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx imagetools create --tag "ghcr.io/shop/web:$GITHUB_SHA" ghcr.io/shop/web:edge
//!       - run: |
//!           gh api --paginate "/orgs/shop/packages/container/web/versions" \
//!             --jq '.[] | select(.metadata.container.tags | any(startswith("pr-"))) | .id' |
//!             xargs -I {} gh api -X DELETE "/orgs/shop/packages/container/web/versions/{}"
//! ```
//!
//! ## Also tested
//!
//! ### Below the repository, and tags asked for by name
//!
//! ```yaml .github/workflows/clean.yml
//! on: push
//! jobs:
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           gh api "repos/$GITHUB_REPOSITORY/packages/container/web/versions"
//!           gh api "/user/packages/container/cache/versions" --jq '.[] | select(.name | test("pr-\\d+")) | .id'
//!           gh api "/user/packages/container/cache/versions" | jq '.[] | select(.name == "latest") | .id'
//!           gh api "/user/packages/container/cache/versions" -f per_page=100
//! ```
//!
//! ```text
//! .github/workflows/clean.yml:7:18: error[packages-api-misuse] the packages API has nothing below `/repos`
//! .github/workflows/clean.yml:8:79: error[packages-api-misuse] the name of a container's version is its digest, not its tag
//! .github/workflows/clean.yml:9:79: error[packages-api-misuse] the name of a container's version is its digest, not its tag
//! .github/workflows/clean.yml:10:11: error[packages-api-misuse] a field without a method makes this a POST, and there is none of versions
//! ```
//!
//! ### With curl, and what is not known
//!
//! ```yaml .github/workflows/clean.yml
//! on: push
//! jobs:
//!   clean:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           curl -fsS -X POST -H "Authorization: Bearer $TOKEN" https://api.github.com/orgs/shop/packages/container/web/tags
//!           curl -fsS -H "Authorization: Bearer $TOKEN" https://api.github.com/orgs/shop/packages/container/web/versions
//!           gh api -X DELETE "$BASE/packages/container/web/versions/$ID"
//!           gh api -X POST "/user/packages/container/web/versions/12/restore"
//!           gh api --method GET "/user/packages/container/cache/versions" -f per_page=100
//!           gh api "/user/packages/npm/cache/versions" --jq '.[] | select(.name == "1.2.3") | .id'
//! ```
//!
//! ```text
//! .github/workflows/clean.yml:7:11: error[packages-api-misuse] the packages API has no POST that changes versions or their tags
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "packages-api-misuse", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for call in project.package_calls() {
            let Some(root) = call.path.first().and_then(Text::as_known) else { continue };
            if root == "repos" {
                found.add(call.path_span, "the packages API has nothing below `/repos`").help(
                    "packages belong to an owner: `/orgs/ORG/packages/…`, `/users/USER/packages/…` or `/user/packages/…`",
                );
                continue;
            }
            if !matches!(root, "orgs" | "users" | "user") {
                continue;
            }
            match call.method.as_deref() {
                Some(method @ ("POST" | "PUT" | "PATCH")) if !may_restore(call) => {
                    if call.method_span.is_none() {
                        found
                            .add(call.span, "a field without a method makes this a POST, and there is none of versions")
                            .help("name the method: `--method GET`");
                    } else {
                        found
                            .add(
                                call.span,
                                format!("the packages API has no {method} that changes versions or their tags"),
                            )
                            .help("set a tag in the registry: `docker buildx imagetools create --tag NEW OLD`");
                    }
                }
                Some("DELETE") => {
                    if let Some(id) = call.behind("versions").filter(|id| is_no_number(id)) {
                        found
                            .add(call.path_span, format!("`{id}` is no id of a version: that is a number"))
                            .help("look the id up in the list of versions, by `metadata.container.tags`");
                    }
                }
                _ => {}
            }
            if let Some(span) = call.filter.as_ref().filter(|_| call.is_container()).and_then(tag_as_name) {
                found
                    .add(span, "the name of a container's version is its digest, not its tag")
                    .help("compare `.metadata.container.tags[]`");
            }
        }
    }
}

/// Whether the call restores a version, or ends in something that is not known.
fn may_restore(call: &PackageCall) -> bool {
    let Some(last) = call.path.last() else { return true };
    let id = call.behind("versions").is_some_and(|id| id == last);
    match last.as_known() {
        Some(last) => last == "restore",
        None => !id,
    }
}

/// Where a jq program compares a name with something that is no digest.
fn tag_as_name(filter: &MappedText) -> Option<Span> {
    const FUNCTIONS: &[&str] = &["test(", "startswith(", "endswith(", "contains(", "match("];
    let text = filter.as_str();
    text.match_indices(".name").find_map(|(at, name)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ']' | ')')) {
            return None;
        }
        let rest = text[at + name.len()..].trim_start();
        let literal = match rest.strip_prefix('|') {
            Some(piped) => {
                let piped = piped.trim_start();
                FUNCTIONS.iter().find_map(|function| piped.strip_prefix(function))?
            }
            None => rest.strip_prefix("==").or_else(|| rest.strip_prefix("!="))?,
        };
        let literal = literal.trim_start().strip_prefix('"')?;
        let digest = literal.trim_start_matches('^').starts_with("sha256");
        (!digest).then(|| filter.span_of(at..at + name.len()))
    })
}
