//! A `uses:` ends with an ampersand.
//!
//! In a shell, ` &` sends a command to the background. YAML takes it for a part of the text: GitHub looks for a tag named
//! `v5 &`, which cannot exist, and fails the job while it is prepared. Steps of a job run one after the other; work that is
//! to run side by side belongs into jobs of its own.
//!
//! Not flagged: an ampersand in `run:`, where the shell reads it.
//!
//! ## Examples
//!
//! ### An upload in the background
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/upload-artifact@v5 &
//!         with:
//!           path: report.xml
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:15: error[ampersand-in-uses] `&` is read as part of the version: `actions/upload-artifact@v5 &` is not there
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -3,6 +3,6 @@
//!    test:
//!      runs-on: ubuntu-latest
//!      steps:
//! -      - uses: actions/upload-artifact@v5 &
//! +      - uses: actions/upload-artifact@v5
//!          with:
//!            path: report.xml
//! ```
//!
//! ### The version alone
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/upload-artifact@v5
//!         with:
//!           path: report.xml
//!       - run: make test & wait
//! ```
//!
//! ## Also tested
//!
//! ### In quotes, in a composite action
//!
//! ```yaml action.yml
//! name: report
//! runs:
//!   using: composite
//!   steps:
//!     - uses: "actions/upload-artifact@v5 &" # not waited for
//! ```
//!
//! ```text
//! action.yml:5:13: error[ampersand-in-uses] `&` is read as part of the version: `actions/upload-artifact@v5 &` is not there
//! ```
//!
//! ```diff
//! --- a/action.yml
//! +++ b/action.yml
//! @@ -2,4 +2,4 @@
//!  runs:
//!    using: composite
//!    steps:
//! -    - uses: "actions/upload-artifact@v5 &" # not waited for
//! +    - uses: "actions/upload-artifact@v5" # not waited for
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "ampersand-in-uses", severity: Severity::Error, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let jobs = project.workflows.iter().flat_map(|workflow| &workflow.jobs);
        let of_steps = project.steps().filter_map(|step| step.uses.as_ref());
        for uses in jobs.filter_map(|job| job.uses.as_ref()).chain(of_steps) {
            let text = uses.value.text.as_str();
            let Some(rest) = text.trim_end().strip_suffix('&') else { continue };
            let name = rest.trim_end();
            if name.len() == rest.len() || uses.value.is_dynamic() {
                continue;
            }
            let diagnostic =
                found.add(uses.value.span, format!("`&` is read as part of the version: `{text}` is not there"));
            diagnostic.help("steps run one after the other; what is to run at the same time needs a job of its own");
            let tail = uses.value.text.span_of(name.len()..text.len());
            diagnostic.fix(Fix::safe("Leave the ampersand out", vec![Edit::delete(tail)]));
        }
    }
}
