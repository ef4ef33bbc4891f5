//! ENV or LABEL is written in the old form, with a blank instead of `=`.
//!
//! `ENV name value` takes the whole rest of the line for the value. A second pair is swallowed without a word: `ENV A 1 B=2` sets `A`
//! to `1 B=2`. See <https://docs.docker.com/reference/build-checks/legacy-key-value-format/>.
//!
//! The form works and costs nothing, so that it is only noted, unless the value has a second pair.
//!
//! The fix keeps the value to the letter, blanks, quotes and variables included. Where that cannot be shown, there is none.
//!
//! ## Examples
//!
//! ### The old form
//!
//! ```dockerfile
//! FROM debian:12
//! ENV APP_HOME /opt/app
//! LABEL description the app of the shop
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:3:7: info[legacy-key-value] LABEL is written in the old form, without `=`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM debian:12
//! -ENV APP_HOME /opt/app
//! -LABEL description the app of the shop
//! +ENV APP_HOME=/opt/app
//! +LABEL description="the app of the shop"
//! ```
//!
//! ### The new form
//!
//! ```dockerfile
//! FROM debian:12
//! ENV APP_HOME=/opt/app DEBUG=""
//! ```
//!
//! ## Also tested
//!
//! ### Values that must not change
//!
//! ```dockerfile
//! FROM debian:12
//! ENV A a   and three blanks
//! ENV B "quoted words"
//! ENV C say "hello  world" to 'them $now'
//! ENV D $A and ${B:-none given}
//! ENV E a\ b c\\d \"e\" \$f
//! ENV F a=b c=d
//! ENV G "unbalanced
//! LABEL H it's
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:3:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:4:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:5:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:6:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:7:5: warning[legacy-key-value] ENV is written in the old form, without `=`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,9 +1,9 @@
//!  FROM debian:12
//! -ENV A a   and three blanks
//! -ENV B "quoted words"
//! -ENV C say "hello  world" to 'them $now'
//! -ENV D $A and ${B:-none given}
//! -ENV E a\ b c\\d \"e\" \$f
//! -ENV F a=b c=d
//! +ENV A="a   and three blanks"
//! +ENV B="quoted words"
//! +ENV C="say hello  world to them \$now"
//! +ENV D="$A and ${B:-none given}"
//! +ENV E="a b c\\d \"e\" \$f"
//! +ENV F="a=b c=d"
//!  ENV G "unbalanced
//!  LABEL H it's
//! ```
//!
//! ### Several lines
//!
//! ```dockerfile
//! FROM debian:12
//! ENV OPTIONS --first \
//!     --second \
//!     # why
//!     --third
//! ENV ONE \
//!     1
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:6:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,7 +1,6 @@
//!  FROM debian:12
//! -ENV OPTIONS --first \
//! +ENV OPTIONS="--first \
//!      --second \
//!      # why
//! -    --third
//! -ENV ONE \
//! -    1
//! +    --third"
//! +ENV ONE=1
//! ```
//!
//! ### Quotes that are no part of the value
//!
//! ```dockerfile
//! FROM debian:12
//! LABEL maintainer "A. Person <a@example.org>"
//! ONBUILD ENV GREETING "hello  world"
//! ENV PATH "/opt/my tools:$PATH"
//! ```
//!
//! ```text
//! Dockerfile:2:7: info[legacy-key-value] LABEL is written in the old form, without `=`
//! Dockerfile:4:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM debian:12
//! -LABEL maintainer "A. Person <a@example.org>"
//! +LABEL maintainer="A. Person <a@example.org>"
//!  ONBUILD ENV GREETING "hello  world"
//! -ENV PATH "/opt/my tools:$PATH"
//! +ENV PATH="/opt/my tools:$PATH"
//! ```
//!
//! ### Another escape character
//!
//! ```dockerfile
//! # escape=`
//! FROM debian:12
//! ENV DIR C:\app\ x
//! ENV TICK a `" b
//! ```
//!
//! ```text
//! Dockerfile:3:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! Dockerfile:4:5: info[legacy-key-value] ENV is written in the old form, without `=`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  # escape=`
//!  FROM debian:12
//! -ENV DIR C:\app\ x
//! -ENV TICK a `" b
//! +ENV DIR="C:\app\ x"
//! +ENV TICK="a `" b"
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "legacy-key-value",
        fix: Some(Safety::Safe),
        also: &["buildkit:LegacyKeyValueFormat"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, step) in evaluation.steps() {
                let (Body::Env(pairs) | Body::Label(pairs)) = step.body(&file.tree) else { continue };
                let (true, Effect::Set(_), [pair]) = (pairs.legacy, &step.effect, pairs.pairs.as_slice()) else {
                    continue;
                };
                let keyword = step.keyword(&file.tree);
                let (span, heeds) = evaluation.place(file, stage, step, pair.key.span());
                let message = format!("{} is written in the old form, without `=`", keyword.name());
                let diagnostic = found.add(span, message);
                diagnostic.heeds(heeds).help("the whole rest of the line is the value of one name");
                let swallowed = pair.value.split_whitespace().skip(1).any(|word| {
                    word.split_once('=').is_some_and(|(name, _)| {
                        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    })
                });
                if !swallowed {
                    diagnostic.severity(Severity::Info);
                }
                if step.is_own()
                    && let Some(edits) = rewrite(file, keyword, pair)
                {
                    diagnostic.fix(Fix::safe("Write `name=value`", edits));
                }
            }
        }
    }
}

/// The edits that make the new form of a pair, if they keep the value.
fn rewrite(file: &Dockerfile, keyword: Keyword, pair: &dockerfile::KeyValue) -> Option<Vec<Edit>> {
    let (key, value) = (&pair.key, &pair.value);
    let escape = file.tree.escape;
    let gap = Span { start: key.span().end, end: value.span().start, ..key.span() };
    // A comment between the two lines of name and value would be lost.
    if gap.start > gap.end || file.source.slice(gap).contains('#') || key.contains(['"', '\'', escape]) {
        return None;
    }
    let keeps = |new: &str| keeps_value(keyword, escape, key, value, new);
    if keeps(value) {
        return Some(vec![Edit::replace(gap, "=")]);
    }
    if !value.contains(['"', '\'', escape]) && keeps(&format!("\"{value}\"")) {
        // Continued lines stay as they are, because nothing but the ends is touched.
        return Some(vec![Edit::replace(gap, "=\""), Edit::insert(value.span().after(), "\"")]);
    }
    let quoted = in_quotes(value, escape)?;
    (value.is_verbatim() && keeps(&quoted)).then(|| vec![Edit::replace(gap, "="), Edit::replace(value.span(), quoted)])
}

/// One text in double quotes that means the same: what stands in quotes now is joined with what does not.
fn in_quotes(value: &str, escape: char) -> Option<String> {
    let mut quoted = String::from("\"");
    let literal = |quoted: &mut String, c: char| {
        if c == '"' || c == '$' || c == escape {
            quoted.push(escape);
        }
        quoted.push(c);
    };
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => loop {
                match chars.next()? {
                    '\'' => break,
                    inner => literal(&mut quoted, inner),
                }
            },
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    inner if inner == escape => {
                        quoted.push(inner);
                        quoted.push(chars.next()?);
                    }
                    inner => quoted.push(inner),
                }
            },
            _ if c == escape => literal(&mut quoted, chars.next()?),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    Some(quoted)
}

/// Whether the new form sets the same name to the same value, whatever its variables are worth.
fn keeps_value(keyword: Keyword, escape: char, key: &str, old: &MappedText, new: &str) -> bool {
    let directive = if escape == '`' { "# escape=`\n" } else { "" };
    let text = format!("{directive}FROM scratch\n{} {key}={new}\n", keyword.name());
    let tree = dockerfile::parse(old.file(), &text);
    let [_, instruction] = tree.instructions.as_slice() else { return false };
    let (Body::Env(pairs) | Body::Label(pairs)) = &instruction.body else { return false };
    let [pair] = pairs.pairs.as_slice() else { return false };
    let lexer = dockerfile::Lexer::new(escape);
    let same = |lookup: &dyn Fn(&str) -> dockerfile::Lookup| {
        let expand = |text: &MappedText| lexer.expand(text, &lookup).ok().map(|expansion| expansion.value);
        let (old, new) = (expand(old), expand(&pair.value));
        old.is_some() && old == new
    };
    tree.errors.is_empty()
        && !pairs.legacy
        && pair.key.as_str() == key
        && same(&|_| dockerfile::Lookup::Unset)
        && same(&|name| dockerfile::Lookup::Set(format!("<a \"{name}' $x\\>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Dockerfile after all fixes.
    fn fixed(text: &str) -> String {
        let linter = Linter::new(crate::all(), Config::default());
        let fixed = linter
            .fix(Snapshot::from_texts([("Dockerfile", text)]), Safety::Safe, |_, found| found.rule == Rule::META.id);
        let after = fixed.report.project.snapshot;
        after.find("Dockerfile").and_then(|file| after.get(file)).map(|file| file.text().to_owned()).unwrap_or_default()
    }

    #[test]
    fn tabs_and_carriage_returns_stay() {
        assert_eq!(fixed("FROM a\r\nENV A\ta\tb\t\r\nRUN x\r\n"), "FROM a\r\nENV A=\"a\tb\"\t\r\nRUN x\r\n");
        assert_eq!(fixed("FROM a\nENV A 'a\tb'\n"), "FROM a\nENV A='a\tb'\n");
        assert_eq!(fixed("FROM a\nENV A x \\\r\n  y\r\n"), "FROM a\nENV A=\"x \\\r\n  y\"\r\n");
    }
}
