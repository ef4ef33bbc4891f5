//! An instruction is written in another case than most of the file.
//!
//! Keywords have no case, and upper case is what most people expect. A file that mixes them is harder to scan.
//! See <https://docs.docker.com/reference/build-checks/consistent-instruction-casing/>.
//!
//! Lower case wins only if more keywords are in lower than in upper case. ARG before the first FROM and the instruction
//! behind ONBUILD are not counted, as BuildKit does not count them.
//!
//! ## Examples
//!
//! ### Mixed
//!
//! ```dockerfile
//! FROM alpine:3.21
//! run make
//! Copy app /app
//! CMD ["/app"]
//! ```
//!
//! ```text
//! Dockerfile:2:1: info[inconsistent-instruction-casing] `run` should be in upper case like most of the file
//! Dockerfile:3:1: info[inconsistent-instruction-casing] `Copy` should be in upper case like most of the file
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM alpine:3.21
//! -run make
//! -Copy app /app
//! +RUN make
//! +COPY app /app
//!  CMD ["/app"]
//! ```
//!
//! ### All in lower case
//!
//! ```dockerfile
//! from alpine:3.21
//! run make
//! ```
//!
//! ## Also tested
//!
//! ### Upper case wins a tie
//!
//! ```dockerfile
//! arg VERSION=3.21
//! FROM alpine:$VERSION
//! run make
//! ```
//!
//! ```text
//! Dockerfile:3:1: info[inconsistent-instruction-casing] `run` should be in upper case like most of the file
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  arg VERSION=3.21
//!  FROM alpine:$VERSION
//! -run make
//! +RUN make
//! ```
//!
//! ### A keyword on two lines
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ru\
//! n make
//! ```
//!
//! ```text
//! Dockerfile:2:1: info[inconsistent-instruction-casing] `run` should be in upper case like most of the file
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "inconsistent-instruction-casing",
        severity: Severity::Info,
        fix: Some(Safety::Safe),
        also: &["buildkit:ConsistentInstructionCasing"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            if project.reading(at) != Reading::Whole {
                continue;
            }
            let counted: Vec<&Instruction> =
                file.tree.instructions.iter().filter(|instruction| instruction.stage.is_some()).collect();
            let is_lower = |word: &str| word == word.to_lowercase();
            let is_upper = |word: &str| word == word.to_uppercase();
            let lower = counted.iter().filter(|node| is_lower(&node.word)).count();
            let upper = counted.iter().filter(|node| is_upper(&node.word) && !is_lower(&node.word)).count();
            for node in counted {
                let word = &node.word;
                let (wanted, name) = match lower > upper {
                    true => (word.to_lowercase(), "lower"),
                    false => (word.to_uppercase(), "upper"),
                };
                if wanted == word.as_str() {
                    continue;
                }
                let span = file.on_first_line(node, word.span());
                let message = format!("`{word}` should be in {name} case like most of the file");
                let diagnostic = found.add(span, message).heeds(Heeds::Nothing);
                if word.is_ascii() && word.is_verbatim() {
                    let title = format!("Write `{wanted}`");
                    diagnostic.fix(Fix::safe(title, vec![Edit::replace(word.span(), wanted)]));
                }
            }
        }
    }
}
