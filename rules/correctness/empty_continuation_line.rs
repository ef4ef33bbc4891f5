//! A blank line stands inside a continued instruction.
//!
//! BuildKit skips it today and says that it will become an error. Worse, a blank line that follows the last backslash does
//! not end the instruction: the next instruction is taken for the rest of this one.
//! See <https://docs.docker.com/reference/build-checks/no-empty-continuation/>.
//!
//! Comment lines inside of a continuation are fine. The finding is at the instruction's last line, where BuildKit has it.
//!
//! ## Examples
//!
//! ### A blank line between packages
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && \
//!
//!     apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:4:5: warning[empty-continuation-line] this RUN is continued over a blank line
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,3 @@
//!  FROM debian:12
//!  RUN apt-get update && \
//! -
//!      apt-get install -y curl
//! ```
//!
//! ### A comment instead
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && \
//!     # for the health check
//!     apt-get install -y curl
//! ```
//!
//! ## Also tested
//!
//! ### Several, and before a here-document
//!
//! ```dockerfile
//! FROM debian:12
//! RUN \
//!
//!   cat \
//!
//!   <<EOF
//!
//! text
//! EOF
//! ```
//!
//! ```text
//! Dockerfile:6:3: warning[empty-continuation-line] this RUN is continued over a blank line
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,8 +1,6 @@
//!  FROM debian:12
//!  RUN \
//! -
//!    cat \
//! -
//!    <<EOF
//!
//!  text
//! ```
//!
//! ### The next instruction is swallowed
//!
//! ```dockerfile
//! FROM debian:12
//! RUN make \
//!
//! RUN make install
//! ```
//!
//! ```text
//! Dockerfile:4:1: warning[empty-continuation-line] this RUN is continued over a blank line
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,3 @@
//!  FROM debian:12
//!  RUN make \
//! -
//!  RUN make install
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "empty-continuation-line",
        fix: Some(Safety::Safe),
        also: &["buildkit:NoEmptyContinuation"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            if project.reading(at) == Reading::Nothing {
                continue;
            }
            for (number, instruction) in file.instructions() {
                let Some(blank) = instruction.blank_continuation else { continue };
                let first = instruction.lines.0.saturating_sub(1) as usize;
                let head = file.tree.lines.get(first..instruction.head_end as usize).unwrap_or_default();
                let is_own = |line: &&dockerfile::Line| matches!(line.kind, dockerfile::LineKind::ContinuedBlank(own) if own as usize == number);
                let blanks = head.iter().filter(is_own).map(|line| Edit::delete(line.span));
                let fix = Fix::safe("Delete the blank lines", blanks.collect());
                let last = file.source.lines().range(instruction.head_end.saturating_sub(1) as usize);
                let text = file.source.text().get(last.clone()).unwrap_or_default();
                let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
                let start = last.start + indent;
                let span = Span::new(file.file, start..start + text[indent..].trim_end().len());
                let keyword = &instruction.word;
                found
                    .add(span, format!("this {keyword} is continued over a blank line"))
                    .label(blank, "the blank line")
                    .help("a later BuildKit will refuse it")
                    .heeds(Heeds::Nothing)
                    .fix(fix);
            }
        }
    }
}
