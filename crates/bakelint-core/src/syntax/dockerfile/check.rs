//! What a `# check=` directive or comment asks of BuildKit's checks.
//!
//! Follows `ParseLintOptions` in BuildKit's `frontend/dockerfile/linter/linter.go` and the two places that look for it:
//! the directive at the top of a file, and comments above an instruction.

use super::lines::split_directive;
use super::values::parse_bool;
use super::{Dockerfile, Instruction, search_directive};
use crate::source::Span;
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// Which of BuildKit's checks are to be silent and which experimental ones are to speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// `skip=all`: every check is silent, except experimental ones that are asked for.
    pub skip_all: bool,
    /// `skip=`: these checks are silent.
    pub skip: Vec<String>,
    /// `experimental=all`: every experimental check speaks.
    pub experimental_all: bool,
    /// `experimental=`: these experimental checks speak.
    pub experimental: Vec<String>,
    /// `error=true`: the build fails if any check has something to say.
    pub error: bool,
}

impl CheckOptions {
    /// Reads a value such as `skip=JSONArgsRecommended,StageNameCasing;error=true`. Names of checks that do not exist
    /// are taken.
    ///
    /// # Errors
    ///
    /// An option without `=`, an unknown one, or an `error` that is no truth value: BuildKit then refuses the build. It
    /// splits at the first two semicolons only.
    pub fn parse(value: &MappedText) -> Result<CheckOptions, SyntaxError> {
        let mut options = CheckOptions::default();
        let value = value.trimmed();
        if value.is_empty() {
            return Ok(options);
        }
        let mut start = 0;
        for part in value.splitn(3, ';') {
            let span = value.span_of(start..start + part.len());
            start += part.len() + 1;
            let fault = |message: String| {
                let mut error = SyntaxError::new(message, span);
                error.help = Some("the options are `skip=`, `experimental=` and `error=`, parted by `;`".to_owned());
                error
            };
            let Some((key, list)) = part.split_once('=') else {
                return Err(fault(format!("the check option `{part}` has no `=`")));
            };
            let (key, list) = (key.trim(), list.trim());
            let names = || list.split(',').map(|name| name.trim().to_owned()).collect();
            match (key, list) {
                ("skip", "all") => options.skip_all = true,
                ("skip", _) => options.skip = names(),
                ("experimental", "all") => options.experimental_all = true,
                ("experimental", _) => options.experimental = names(),
                ("error", _) => {
                    options.error =
                        parse_bool(list).ok_or_else(|| fault(format!("`{list}` is neither true nor false")))?;
                }
                _ => return Err(fault(format!("there is no check option `{key}`"))),
            }
        }
        Ok(options)
    }

    /// Whether a check that is not experimental is silent.
    pub fn skips(&self, check: &str) -> bool {
        self.skip_all || self.skip.iter().any(|name| name == check)
    }

    /// Whether an experimental check speaks; `skip` has no power over it.
    pub fn enables(&self, check: &str) -> bool {
        self.experimental_all || self.experimental.iter().any(|name| name == check)
    }
}

impl Dockerfile {
    /// The `# check=` directive at the top of the file. `text` is the text that the file was parsed from.
    ///
    /// # Errors
    ///
    /// As [`CheckOptions::parse`].
    pub fn check_directive(&self, text: &str) -> Result<CheckOptions, SyntaxError> {
        match search_directive(self.file, text, "check") {
            Some(directive) => CheckOptions::parse(&directive.value),
            None => Ok(CheckOptions::default()),
        }
    }

    /// What a `# check=` comment above an instruction asks for, with its place. The first one counts. A value that
    /// cannot be read asks for nothing, and `error` has no meaning here.
    pub fn check_comment(&self, instruction: &Instruction) -> Option<(Span, CheckOptions)> {
        let comments = self.comments.get(instruction.comments.clone())?;
        comments.iter().find_map(|comment| {
            let (name, value) = split_directive(&comment.text)?;
            if !name.eq_ignore_ascii_case("check") {
                return None;
            }
            let value = value.split(' ').next().unwrap_or_default();
            let value = MappedText::verbatim(self.file, comment.span.start as usize, value);
            Some((comment.span, CheckOptions::parse(&value).unwrap_or_default()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::dockerfile::parse;

    fn options(value: &str) -> Result<CheckOptions, String> {
        CheckOptions::parse(&MappedText::verbatim(FileId(0), 0, value)).map_err(|error| error.message)
    }

    #[test]
    fn options_are_read_as_buildkit_does() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let none = CheckOptions::default();
        assert_eq!(options(""), Ok(none.clone()));
        assert_eq!(
            options("skip=A,B;error=true"),
            Ok(CheckOptions { skip: names(&["A", "B"]), error: true, ..none.clone() })
        );
        assert_eq!(
            options("skip=all;experimental=all"),
            Ok(CheckOptions { skip_all: true, experimental_all: true, ..none.clone() })
        );
        assert_eq!(options("skip=a;skip=b"), Ok(CheckOptions { skip: names(&["b"]), ..none }));
        for refused in ["skip", "ignore=A", "error=perhaps", "skip=A;", "error=1;skip=A;experimental=B;skip=C"] {
            let fine = refused.starts_with("error=1");
            assert_eq!(options(refused).is_ok(), fine, "{refused}");
        }
    }

    #[test]
    fn comments_belong_to_the_next_instruction() {
        let skipped = |text: &str| {
            let tree = parse(FileId(0), text);
            let last = tree.instructions.last().and_then(|instruction| tree.check_comment(instruction));
            last.map(|(_, options)| options.skip)
        };
        let a = Some(vec!["A".to_owned()]);
        assert_eq!(skipped("FROM x\n# check=skip=A B\nRUN x"), a);
        assert_eq!(skipped("FROM x\n# Check = skip=A\n\n# other\nRUN x"), a);
        assert_eq!(skipped("FROM x\n# check=skip=A\n#\nRUN x"), None);
        assert_eq!(skipped("FROM x\n# check=nonsense\n# check=skip=A\nRUN x"), Some(Vec::new()));
        assert_eq!(skipped("FROM x\nRUN x"), None);
    }
}
