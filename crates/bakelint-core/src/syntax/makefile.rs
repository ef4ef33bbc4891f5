//! Makefiles, as far as it takes to know which commands a target runs: variables, rules and recipes.
//!
//! See the GNU make manual. Nothing is computed: what a function or a shell gives stays unknown.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::source::{FileId, Spanned};
use crate::syntax::mapped::MappedText;

/// A Makefile.
#[derive(Debug, Clone, Default)]
pub struct Makefile {
    /// The assignments in order.
    pub assignments: Vec<Assignment>,
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// What is included, as written.
    pub includes: Vec<String>,
    /// Whether the lines of a recipe run in one shell: `.ONESHELL`.
    pub one_shell: bool,
}

/// An assignment to a variable.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The character before the `=`: `:`, `?`, `+` or `!`; a blank for a plain `=`.
    pub operator: char,
    /// The value as written.
    pub value: String,
    /// Whether it counts under a condition or for some targets only.
    pub conditional: bool,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The targets as written, with their places.
    pub targets: Vec<Spanned<String>>,
    /// The prerequisites as written.
    pub prerequisites: String,
    /// The lines of the recipe, continued ones together, without their marks `@`, `-` and `+`.
    pub recipe: Vec<MappedText>,
}

/// Reads a Makefile. Takes time linear in its length.
pub fn parse(file: FileId, text: &str) -> Makefile {
    let mut makefile = Makefile::default();
    let mut lines = Lines { file, text, at: 0 };
    let mut depth = 0usize;
    let mut in_rule = false;
    while let Some((start, end)) = lines.peek() {
        let line = &text[start..end];
        if in_rule && line.starts_with('\t') {
            if let (Some(recipe), Some(rule)) = (lines.recipe(), makefile.rules.last_mut()) {
                rule.recipe.push(recipe);
            }
            continue;
        }
        let logical = lines.logical();
        let words = uncommented(&logical);
        let trimmed = words.trim();
        let first = trimmed.split_whitespace().next().unwrap_or_default();
        match first {
            "" => continue,
            "ifeq" | "ifneq" | "ifdef" | "ifndef" => depth += 1,
            "endif" => depth = depth.saturating_sub(1),
            "else" => {}
            "define" => {
                lines.skip_definition();
                let name = trimmed["define".len()..].trim().trim_end_matches(['=', ':', '?', '+', ' ']);
                let value = String::new();
                makefile.assignments.push(Assignment {
                    name: name.to_owned(),
                    operator: '!',
                    value,
                    conditional: false,
                });
            }
            "include" | "-include" | "sinclude" => {
                makefile.includes.extend(trimmed.split_whitespace().skip(1).map(str::to_owned));
            }
            _ => in_rule = statement(&logical, words.len(), depth > 0, &mut makefile) || in_rule && first == "vpath",
        }
    }
    makefile
}

/// Reads an assignment or the head of a rule. Says whether a recipe may follow.
fn statement(logical: &MappedText, length: usize, conditional: bool, makefile: &mut Makefile) -> bool {
    let text = &logical.as_str()[..length];
    let mut rest = text.trim_start();
    loop {
        let word = rest.split_whitespace().next().unwrap_or_default();
        let modifier = matches!(word, "export" | "override" | "private" | "unexport");
        let after = rest[word.len()..].trim_start();
        if !modifier || after.starts_with(['=', ':', '?', '+', '!']) {
            break;
        }
        rest = after;
    }
    match separator(rest) {
        Some((at, length, operator @ (' ' | ':' | '?' | '+' | '!'))) => {
            let (name, value) = (rest[..at].trim().to_owned(), rest[at + length..].trim().to_owned());
            makefile.assignments.push(Assignment { name, operator, value, conditional });
            false
        }
        Some((at, length, _)) => {
            let before = text.len() - rest.len();
            let behind = &rest[at + length..];
            let (prerequisites, inline) = match behind.split_once(';') {
                Some((prerequisites, _)) => (prerequisites, Some(before + at + length + prerequisites.len() + 1)),
                None => (behind, None),
            };
            if let Some((at, _, ' ' | ':' | '?' | '+' | '!')) = separator(prerequisites) {
                // A variable of these targets only.
                let name = prerequisites[..at].trim().to_owned();
                makefile.assignments.push(Assignment { name, operator: ' ', value: String::new(), conditional: true });
                return false;
            }
            let mut targets = Vec::new();
            let mut offset = before;
            for word in rest[..at].split(char::is_whitespace) {
                if !word.is_empty() {
                    targets.push(Spanned::new(word.to_owned(), logical.span_of(offset..offset + word.len())));
                }
                offset += word.len() + rest[offset - before + word.len()..].chars().next().map_or(1, char::len_utf8);
            }
            makefile.one_shell |= targets.iter().any(|target| target.node == ".ONESHELL");
            // Behind a `|` stands what must be there but need not be new.
            let prerequisites = prerequisites.replace('|', " ");
            let recipe = inline.map(|at| unmarked(logical.slice(at..text.len()))).into_iter().collect();
            makefile.rules.push(Rule { targets, prerequisites, recipe });
            true
        }
        None => false,
    }
}

/// The first `=` or `:` outside of references: its place, its length, and what it is: the character before an assignment's `=`, or
/// `r` for a rule.
fn separator(text: &str) -> Option<(usize, usize, char)> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b'=' if depth == 0 => return Some((at, 1, ' ')),
            b'?' | b'+' | b'!' if depth == 0 && bytes.get(at + 1) == Some(&b'=') => {
                return Some((at, 2, *byte as char));
            }
            b':' if depth == 0 => {
                let colons = bytes[at..].iter().take_while(|byte| **byte == b':').count();
                return match bytes.get(at + colons) {
                    Some(b'=') => Some((at, colons + 1, ':')),
                    _ => Some((at, colons, 'r')),
                };
            }
            _ => {}
        }
    }
    None
}

/// The text before a comment.
fn uncommented(text: &str) -> &str {
    let bytes = text.as_bytes();
    let comment = memchr::memchr_iter(b'#', bytes).find(|at| *at == 0 || bytes[*at - 1] != b'\\');
    &text[..comment.unwrap_or(text.len())]
}

/// A line of a recipe without the marks that are make's.
fn unmarked(text: MappedText) -> MappedText {
    let start = text.len() - text.trim_start_matches(['@', '-', '+', ' ', '\t']).len();
    text.slice(start..text.len())
}

struct Lines<'t> {
    file: FileId,
    text: &'t str,
    at: usize,
}

impl Lines<'_> {
    /// The next line without its end.
    fn peek(&self) -> Option<(usize, usize)> {
        if self.at >= self.text.len() {
            return None;
        }
        let end = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end);
        let bare = self.text[self.at..end].trim_end_matches('\r');
        Some((self.at, self.at + bare.len()))
    }

    fn step(&mut self) -> Option<(usize, usize)> {
        let line = self.peek()?;
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end + 1);
        Some(line)
    }

    /// The next line with those that continue it; a blank stands for the line end between.
    fn logical(&mut self) -> MappedText {
        let mut whole = MappedText::empty(self.file, self.at);
        while let Some((start, end)) = self.step() {
            let line = &self.text[start..end];
            if !is_continued(line) {
                whole.push(start, line);
                break;
            }
            whole.push(start, &line[..line.len() - 1]);
            whole.push_for(end - 1..end, " ");
        }
        whole
    }

    /// The next line of a recipe with those that continue it, as the shell gets it.
    fn recipe(&mut self) -> Option<MappedText> {
        let (start, end) = self.peek()?;
        let mut whole = MappedText::empty(self.file, start + 1);
        let mut first = true;
        while let Some((start, end)) = self.step() {
            let line = &self.text[start..end];
            let skipped = usize::from(line.starts_with('\t'));
            if !first {
                whole.push(start.saturating_sub(1), "\n");
            }
            whole.push(start + skipped, &line[skipped..]);
            first = false;
            if !is_continued(line) {
                break;
            }
        }
        debug_assert!(start <= end);
        Some(unmarked(whole))
    }

    fn skip_definition(&mut self) {
        while let Some((start, end)) = self.step() {
            if self.text[start..end].trim_start().starts_with("endef") {
                return;
            }
        }
    }
}

fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// What variables are worth.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    read: Rc<Read>,
    own: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Default)]
struct Read {
    known: BTreeMap<String, Option<String>>,
    /// The last value that stands anywhere, for variables that are not known.
    likely: BTreeMap<String, String>,
}

/// More text than this is not put together out of variables, and no more references are followed for it.
const MAX_LENGTH: usize = 16 * 1024;
const MAX_STEPS: u32 = 512;
const MAX_DEPTH: u32 = 16;

impl Variables {
    /// The variables of Makefiles, in the order in which they are read. What the environment sets is worth more than `?=`.
    pub fn new<'m>(files: impl IntoIterator<Item = &'m Makefile>, is_set: &dyn Fn(&str) -> bool) -> Self {
        let mut variables = Read::default();
        for assignment in files.into_iter().flat_map(|file| &file.assignments) {
            let name = &assignment.name;
            if matches!(assignment.operator, ' ' | ':' | '?') && !assignment.value.is_empty() {
                variables.likely.insert(name.clone(), assignment.value.clone());
            }
            if assignment.operator == '?' && (is_set(name) || matches!(variables.known.get(name), Some(Some(_)))) {
                continue;
            }
            let before = variables.known.get(name);
            let value = match assignment.operator {
                _ if assignment.conditional => match before {
                    // The same again.
                    Some(Some(known)) if *known == assignment.value => Some(assignment.value.clone()),
                    _ => None,
                },
                '!' => None,
                '+' => match before {
                    Some(None) => None,
                    Some(Some(known)) if known.len() + assignment.value.len() < MAX_LENGTH => {
                        Some(format!("{known} {}", assignment.value))
                    }
                    Some(Some(_)) => None,
                    None => Some(assignment.value.clone()),
                },
                '?' if before.is_some() => None,
                _ => Some(assignment.value.clone()),
            };
            variables.known.insert(name.clone(), value);
        }
        Variables { read: Rc::new(variables), own: BTreeMap::new() }
    }

    /// Sets a variable for good; without a value it is one that the shell knows.
    pub fn set(&mut self, name: impl Into<String>, value: Option<String>) {
        self.own.insert(name.into(), value);
    }

    /// Whether an assignment or a call gives the variable.
    pub fn is_set(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.read.known.contains_key(name)
    }

    /// As [`expand`](Self::expand), for text without a place.
    pub fn expand_text(&self, text: &str) -> String {
        self.expand(&MappedText::verbatim(FileId(0), 0, text)).to_string()
    }

    /// The text with references replaced by what is known. What is not becomes a variable of the shell by the same name, or
    /// `${{ … }}`. A program that depends on conditions is taken for the one that is named last.
    pub fn expand(&self, text: &MappedText) -> MappedText {
        let mut out = MappedText::empty(text.file(), text.span().start as usize);
        let steps = Cell::new(0);
        let mut rest = 0;
        while let Some((at, end, name)) = reference(text, rest) {
            out.push_mapped(&text.slice(rest..at));
            let value = match name {
                "$" => "$".to_owned(),
                name => self.value(name, out.trim().is_empty(), &steps, MAX_DEPTH),
            };
            out.push_for(text.span_of(at..end).range(), &value);
            rest = end;
        }
        out.push_mapped(&text.slice(rest..text.len()));
        out
    }

    fn value(&self, name: &str, is_program: bool, steps: &Cell<u32>, depth: u32) -> String {
        steps.set(steps.get() + 1);
        let unknown = || {
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty();
            if plain { format!("${{{name}}}") } else { format!("${{{{ {} }}}}", name.replace('}', ")")) }
        };
        let value = match (self.own.get(name), self.read.known.get(name)) {
            (Some(Some(value)), _) | (None, Some(Some(value))) => Some(value),
            (None, Some(None)) if is_program => self.read.likely.get(name),
            _ => None,
        };
        let Some(value) = value else { return unknown() };
        let Some(depth) = depth.checked_sub(1).filter(|_| steps.get() < MAX_STEPS) else { return unknown() };
        let mut out = String::new();
        let mut rest = 0;
        while let Some((at, end, name)) = reference(value, rest) {
            out.push_str(&value[rest..at]);
            match name {
                "$" => out.push('$'),
                name => out += &self.value(name, is_program && out.trim().is_empty(), steps, depth),
            }
            rest = end;
            if out.len() > MAX_LENGTH {
                return unknown();
            }
        }
        out + &value[rest..]
    }
}

/// The first `$` reference from `from` on: where it is, and what stands in it.
fn reference(text: &str, from: usize) -> Option<(usize, usize, &str)> {
    let bytes = text.as_bytes();
    let at = from + memchr::memchr(b'$', bytes.get(from..)?)?;
    let open = *bytes.get(at + 1)?;
    let close = match open {
        b'(' => b')',
        b'{' => b'}',
        _ => {
            let end = at + 1 + text[at + 1..].chars().next()?.len_utf8();
            return Some((at, end, &text[at + 1..end]));
        }
    };
    let mut depth = 0usize;
    for (offset, byte) in bytes[at + 1..].iter().enumerate() {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                let end = at + 1 + offset;
                return Some((at, end + 1, text[at + 2..end].trim()));
            }
        }
    }
    Some((at, text.len(), &text[at + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Builds the images.
DOCKER ?= docker
ifdef CI
TAG = ci
else
TAG = dev
endif
FLAGS := --pull \\
  --build-arg V=$(VERSION)
VERSION != git describe
export NAME = shop
define HELP
all: nothing
endef
include common.mk

.PHONY: all image
all: image | dir
image push: $(SRC) ; @echo start
\t@$(DOCKER) build $(FLAGS) \\
\t  -t $(NAME)/$@:$(TAG) $$PWD
\t-rm x # kept
image: TAG = special
%.img: ; docker build $*
";

    fn read() -> (Makefile, Vec<String>) {
        let makefile = parse(FileId(0), TEXT);
        let mut variables = Variables::new([&makefile], &|_| false);
        variables.set("@", Some("image".into()));
        let recipes = makefile.rules.iter().flat_map(|rule| &rule.recipe);
        let lines = recipes.map(|line| variables.expand(line).to_string()).collect();
        (makefile, lines)
    }

    #[test]
    fn recipes_are_what_the_shell_gets() {
        let (makefile, lines) = read();
        let expected = [
            "echo start",
            "docker build --pull    --build-arg V=${VERSION} \\\n  -t shop/image:${TAG} $PWD",
            "rm x # kept",
            "docker build ${{ * }}",
        ];
        assert_eq!(lines, expected);
        let targets: Vec<&str> =
            makefile.rules.iter().flat_map(|rule| &rule.targets).map(|target| target.node.as_str()).collect();
        assert_eq!(targets, [".PHONY", "all", "image", "push", "%.img"]);
        assert_eq!(makefile.rules[1].prerequisites.split_whitespace().collect::<Vec<_>>(), ["image", "dir"]);
        assert_eq!(makefile.includes, ["common.mk"]);
        let span = makefile.rules[2].targets[1].span;
        assert_eq!(&TEXT[span.range()], "push");
        let span = makefile.rules[2].recipe[1].slice(0..9).span();
        assert_eq!(&TEXT[span.range()], "$(DOCKER)");
    }

    #[test]
    fn references_end_somewhere() {
        let nested: String = (0..40).map(|n| format!("A{n} = $(A{0})$(A{0})\n", n + 1)).collect();
        let makefile = parse(FileId(0), &format!("{nested}L = $(L)\nall:\n\techo $(A0) $(L) $( $\n"));
        let variables = Variables::new([&makefile], &|_| false);
        let line = variables.expand(&makefile.rules[0].recipe[0]);
        assert!(line.starts_with("echo $"), "{line}");
        for end in (0..TEXT.len()).filter(|end| TEXT.is_char_boundary(*end)) {
            parse(FileId(0), &TEXT[..end]);
        }
    }
}
