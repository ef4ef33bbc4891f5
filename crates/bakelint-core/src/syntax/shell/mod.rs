//! Shell command lists of RUN instructions and workflow steps.
//!
//! The reader knows the POSIX grammar and what bash adds to it in everyday scripts. It is made for questions such as
//! "which programs run here, with which words?", not for running anything: words keep their quoting and expansions, and
//! what a variable or another program decides stays unknown.
//!
//! [`parse`] never fails. A script that it cannot read, because a quote is open or a keyword is missing, has a
//! [`Script::fault`] and no commands at all, so that nobody draws conclusions from half a script.
//!
//! ```
//! use bakelint_core::source::FileId;
//! use bakelint_core::syntax::mapped::MappedText;
//! use bakelint_core::syntax::shell::{Options, parse};
//!
//! let text = MappedText::verbatim(FileId(0), 0, "cd /src && sudo -E make -j\"$N\" | sh -c 'tee log'");
//! let script = parse(&text, Options::default());
//! let names: Vec<_> = script.commands().iter().filter_map(|found| found.simple.name()).collect();
//! assert_eq!(names, ["cd", "make", "sh", "tee"]);
//! ```

mod edit;
mod invocation;
mod parser;
mod visit;
mod word;

pub use edit::append;
pub use visit::{CommandRef, Context};
pub use word::{Part, Word};

use crate::source::{Span, Spanned};
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// How to read a script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Take `${{ … }}` for text that another tool fills in before the shell runs, as GitHub Actions does, even within
    /// single quotes.
    pub templates: bool,
}

/// Reads a script. Takes time linear in its length.
pub fn parse(text: &MappedText, options: Options) -> Script {
    parser::parse(text, options, 0)
}

/// A script of one command whose words are given as they are, without a shell: the exec form of an instruction. Its words
/// hold no expansions; a script behind `sh -c` is read.
pub fn from_words(words: &[MappedText], span: Span) -> Script {
    let part = |text: &MappedText| Part::Text { text: text.clone(), quoted: true };
    let word = |text: &MappedText| Word {
        span: text.span(),
        parts: if text.is_empty() { Vec::new() } else { vec![part(text)] },
    };
    let simple = Simple {
        assignments: Vec::new(),
        words: words.iter().map(word).collect(),
        command: 0,
        wrappers: Vec::new(),
        script: None,
    };
    let span_of_words = words.iter().map(MappedText::span).reduce(Span::cover).unwrap_or(span);
    let command = Command { kind: CommandKind::Simple(Box::new(simple)), redirects: Vec::new(), span: span_of_words };
    let pipeline = Pipeline { negated: None, commands: vec![command], pipes: Vec::new() };
    let entry = AndOr { first: pipeline, rest: Vec::new(), end: None };
    let list = List { entries: vec![entry] };
    let mut script = Script { span, list, heredocs: Vec::new(), comments: Vec::new(), fault: None };
    invocation::resolve(&mut script, Options::default(), 0);
    script
}

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Where the text stands.
    pub span: Span,
    /// The commands; empty if the script cannot be read.
    pub list: List,
    /// Bodies of here-documents; redirections point here.
    pub heredocs: Vec<HeredocBody>,
    /// Comments, from the `#` on.
    pub comments: Vec<Span>,
    /// Why the script cannot be read.
    pub fault: Option<SyntaxError>,
}

/// Commands one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The entries in order.
    pub entries: Vec<AndOr>,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AndOr {
    /// The first pipeline.
    pub first: Pipeline,
    /// Each further pipeline with the operator before it.
    pub rest: Vec<(Spanned<Joiner>, Pipeline)>,
    /// What ends it, if anything does.
    pub end: Option<Spanned<Separator>>,
}

/// What joins two pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Joiner {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// What ends an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Separator {
    /// `;`
    Semicolon,
    /// A line end.
    Newline,
    /// `&`: the entry runs in the background.
    Background,
}

/// Commands joined by pipes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// The `!` before it.
    pub negated: Option<Span>,
    /// The commands, at least one.
    pub commands: Vec<Command>,
    /// The pipes between them; true for `|&`, which pipes the error output too.
    pub pipes: Vec<Spanned<bool>>,
}

/// A command with its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it is.
    pub kind: CommandKind,
    /// Redirections, wherever they stand in it.
    pub redirects: Vec<Redirect>,
    /// All of it.
    pub span: Span,
}

/// The kinds of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandKind {
    /// Assignments and words.
    Simple(Box<Simple>),
    /// `( … )`
    Subshell(List),
    /// `{ …; }`
    Group(List),
    /// `if …; then …; elif …; else …; fi`
    If {
        /// Condition and body of `if` and each `elif`.
        branches: Vec<(List, List)>,
        /// The body of `else`.
        otherwise: Option<List>,
    },
    /// `while …; do …; done`, or `until`
    While {
        /// The condition.
        condition: List,
        /// The body.
        body: List,
    },
    /// `for x in …; do …; done`, or `select`
    For {
        /// The variable; empty for `for ((…))`.
        variable: String,
        /// The words behind `in`; `None` without `in`.
        words: Option<Vec<Word>>,
        /// The body.
        body: List,
    },
    /// `case … in … esac`
    Case {
        /// The word that is compared.
        subject: Word,
        /// Patterns and body of each arm.
        arms: Vec<(Vec<Word>, List)>,
    },
    /// `name() …`
    Function {
        /// The name.
        name: String,
        /// The body.
        body: Box<Command>,
    },
    /// `[[ … ]]`, with its words and operators as written
    Test(Vec<Word>),
    /// `(( … ))`
    Arithmetic,
}

/// Assignments and words: the only kind of command that runs a program.
///
/// Many programs only run another one: `sudo make` runs `make`. [`name`](Self::name) and [`arguments`](Self::arguments)
/// speak of the program behind such wrappers, [`words`](Self::words) holds everything that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    /// Assignments before the command, and those that `env` and `sudo` take.
    pub assignments: Vec<Assignment>,
    /// All words.
    pub words: Vec<Word>,
    /// Index in `words` of the program that runs in the end; the number of words if there is none, or if a wrapper's
    /// options are not understood.
    pub command: usize,
    /// Indices in `words` of the wrappers before it, such as `sudo`.
    pub wrappers: Vec<usize>,
    /// The script that a shell is given as text: `sh -c '…'`, `eval …`, or a here-document on a shell's input. Variables
    /// that the outer shell replaces stand in it as they are written.
    pub script: Option<Box<Script>>,
}

impl Simple {
    /// The program behind all wrappers, without its folder. `None` if there is none or if it is not known.
    pub fn name(&self) -> Option<&str> {
        let text = self.words.get(self.command)?.as_plain()?;
        Some(text.rsplit('/').next().unwrap_or(text)).filter(|name| !name.is_empty())
    }

    /// The words behind the program; empty if there is none.
    pub fn arguments(&self) -> &[Word] {
        self.words.get(self.command + 1..).unwrap_or_default()
    }

    /// The span of the program and its arguments, without wrappers and redirections.
    pub fn invocation_span(&self) -> Option<Span> {
        Some(self.words.get(self.command)?.span.cover(self.words.last()?.span))
    }

    /// Whether a wrapper with this name stands before the program.
    pub fn has_wrapper(&self, name: &str) -> bool {
        let plain = |index: &usize| self.words.get(*index).and_then(Word::as_plain);
        self.wrappers.iter().filter_map(plain).any(|word| word.rsplit('/').next() == Some(name))
    }
}

/// An assignment to a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name.
    pub name: String,
    /// The value; an array's words are not kept.
    pub value: Word,
    /// All of it.
    pub span: Span,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The descriptor before the operator.
    pub descriptor: Option<u32>,
    /// The operator.
    pub operator: Spanned<RedirectOperator>,
    /// What stands behind it; a here-document's mark.
    pub target: Word,
    /// Index in [`Script::heredocs`].
    pub heredoc: Option<usize>,
    /// All of it.
    pub span: Span,
}

/// Redirection operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedirectOperator {
    /// `<`
    Input,
    /// `>`
    Output,
    /// `>>`
    Append,
    /// `>|`
    Clobber,
    /// `<>`
    ReadWrite,
    /// `<&`
    DuplicateInput,
    /// `>&`
    DuplicateOutput,
    /// `&>`
    OutputAndError,
    /// `&>>`
    AppendOutputAndError,
    /// `<<`
    Heredoc,
    /// `<<-`
    HeredocStripped,
    /// `<<<`
    Herestring,
}

/// The body of a here-document in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeredocBody {
    /// The body without the end mark, leading tabs taken off for `<<-`.
    pub text: MappedText,
    /// Whether the shell replaces variables and commands in it.
    pub expand: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn read(text: &str) -> Script {
        parse(&MappedText::verbatim(FileId(0), 0, text), Options::default())
    }

    /// The simple commands, a line each: program and arguments behind wrappers, `?` for what is not known.
    fn commands(text: &str) -> Vec<String> {
        let script = read(text);
        assert_eq!(script.fault, None, "{text}");
        let line = |found: CommandRef| {
            let words = &found.simple.words[found.simple.command..];
            let text = |word: &Word| word.text().map_or("?".to_owned(), |text| text.into_owned());
            words.iter().map(text).collect::<Vec<_>>().join(" ")
        };
        script.commands().into_iter().map(line).collect()
    }

    #[test]
    fn lists_pipes_and_compound_commands_are_flattened_in_order() {
        let cases: &[(&str, &[&str])] = &[
            ("a b && c || d; e & f | g |& h\ni", &["a b", "c", "d", "e", "f", "g", "h", "i"]),
            ("(cd /x; make) && { a; b; }", &["cd /x", "make", "a", "b"]),
            ("if ! a; then b; elif c; then d; else e; fi >log", &["a", "b", "c", "d", "e"]),
            ("for x in 1 2; do echo $x; done", &["echo ?"]),
            ("for x; do a; done; for ((i=0; i<3; i++)); do b; done", &["a", "b"]),
            ("while read l; do a \"$l\"; done < f; until b; do c; done", &["read l", "a ?", "b", "c"]),
            ("case $x in a|b) c;; (d) e ;& *) f; esac", &["c", "e", "f"]),
            ("f() { a; }; function g { b; }; f", &["a", "b", "f"]),
            ("[[ -f x && ( $a < b ) ]] && c", &["c"]),
            ("(( i = (1 + 2) << 3 )) || a $(( $(b) + 1 ))", &["a ?", "b"]),
            ("a=$(b | c) d `e \\`f\\``", &["d ?", "b", "c", "e ?", "f"]),
            ("diff <(a) <(b) # c && d", &["diff ? ?", "a", "b"]),
            ("x=(a b 'c d') y", &["y"]),
            ("declare -a x=(1 2); ls !(a|b)", &["declare -a x=", "ls !(a|b)"]),
            ("time { a; b; }; ! time c", &["a", "b", "c"]),
            ("echo if then; echo {a,b} }", &["echo if then", "echo {a,b} }"]),
            ("a \\\n  b # c\n\n d\r\n e", &["a b", "d", "e"]),
            ("a 2>&1 >/dev/null &>>x <<<y b", &["a b"]),
            ("$((a); b)", &["?", "a", "b"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(commands(text), *expected, "{text}");
        }
    }

    #[test]
    fn wrappers_are_walked_over() {
        let cases: &[(&str, &[&str])] = &[
            ("sudo -E -u root A=b apt-get install -y x", &["apt-get install -y x"]),
            ("env -i A=b -u C cmd -u", &["cmd -u"]),
            ("exec /usr/bin/env nice -n5 nice -n 5 command -- make -j", &["make -j"]),
            ("command -v curl", &["command -v curl"]),
            ("timeout -k 5 10s curl x", &["curl x"]),
            ("find . | xargs -0 -n1 -I{} rm -rf {}", &["find .", "rm -rf {}"]),
            (
                "sh -exc 'a && b'; bash -o pipefail -c \"c | d $x\"",
                &["sh -exc a && b", "a", "b", "bash -o pipefail -c ?", "c", "d ?"],
            ),
            ("eval \"a b\" '; c'; su app -c 'd e'", &["eval a b ; c", "a b", "c", "su app -c d e", "d e"]),
            ("sudo bash -c 'sudo sh -c \"a\"'", &["bash -c sudo sh -c \"a\"", "sh -c a", "a"]),
            ("bash script.sh; bash -s <<X\na\nX\n", &["bash script.sh", "bash -s", "a"]),
            ("sudo $X a", &["? a"]),
            ("env", &["env"]),
        ];
        for (text, expected) in cases {
            assert_eq!(commands(text), *expected, "{text}");
        }
        let script = read("FOO=1 env BAR=2 make");
        let names: Vec<_> = script.commands()[0].simple.assignments.iter().map(|one| one.name.clone()).collect();
        assert_eq!(names, ["FOO", "BAR"]);
    }

    #[test]
    fn words_know_what_they_hold() {
        let script = read("a 'x y'\"$z\" \\$q ${v:-$w} *.txt $'t\\t' pre$mid");
        let words = &script.commands()[0].simple.words;
        assert_eq!(words[1].text(), None);
        assert_eq!(words[1].value(&|name| (name == "z").then(|| "1".to_owned())).as_deref(), Some("x y1"));
        assert_eq!(words[2].text().as_deref(), Some("$q"));
        let names: Vec<_> = words[3].variables().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["v", "w"]);
        assert!(words[4].is_pattern() && !words[1].is_pattern());
        assert_eq!(words[5].text().as_deref(), Some("t\t"));
        assert_eq!(words[6].prefix(), "pre");
    }

    #[test]
    fn everything_has_a_place_in_the_file() {
        // `RUN a \⏎ && b "c"`, joined.
        let mut text = MappedText::verbatim(FileId(0), 4, "a ");
        text.push(8, " && b \"c d\"");
        let script = parse(&text, Options::default());
        let found = script.commands();
        assert_eq!(found[0].span.range(), 4..5);
        assert_eq!(found[1].span.range(), 12..19);
        assert_eq!(found[1].simple.words[1].span.range(), 14..19);
        assert_eq!(script.list.entries[0].rest[0].0.span.range(), 9..11);
        let inner = read("sh -c 'x; y z'");
        assert_eq!(inner.commands()[2].span.range(), 10..13);
    }

    #[test]
    fn words_without_a_shell_are_one_command() {
        let text = "[\"sh\", \"-c\", \"a && b\"]";
        let words: Vec<_> = [2..4, 8..10, 14..20]
            .map(|range: std::ops::Range<usize>| MappedText::verbatim(FileId(0), range.start, &text[range]))
            .into();
        let script = from_words(&words, Span::new(FileId(0), 0..text.len()));
        let names: Vec<_> = script.commands().iter().filter_map(|found| found.simple.name()).collect();
        assert_eq!(names, ["sh", "a", "b"]);
        assert_eq!(script.commands()[2].span.range(), 19..20);
        assert!(from_words(&[], Span::new(FileId(0), 0..2)).commands()[0].simple.name().is_none());
    }

    #[test]
    fn bodies_of_here_documents_follow_the_line() {
        let script = read("cat <<A <<-'B' > f && b\n$x\nA\n\ty\n\tB\nc");
        assert_eq!(script.commands().len(), 3);
        let bodies: Vec<_> = script.heredocs.iter().map(|body| (body.text.as_str(), body.expand)).collect();
        assert_eq!(bodies, [("$x\n", true), ("y\n", false)]);
    }

    #[test]
    fn templates_of_workflows_are_unknown_text() {
        let text = MappedText::verbatim(FileId(0), 0, "echo '${{ a }}-x' ${{ b || 'c' }}\n${{ d }} e");
        let script = parse(&text, Options { templates: true });
        assert_eq!(script.fault, None);
        let words = &script.commands()[0].simple.words;
        assert!(words[1].text().is_none() && words[2].text().is_none());
        assert_eq!(script.commands()[1].simple.name(), None);
    }

    #[test]
    fn a_script_that_cannot_be_read_has_no_commands() {
        let cases = [
            ("a 'b", 2..3),
            ("a \"b $(c", 6..7),
            ("a && && b", 5..7),
            ("if a; then b", 12..12),
            ("(a", 0..1),
            ("a )", 2..3),
            ("{ a", 3..3),
            ("case x in y) z", 14..14),
            ("a `b", 2..3),
            ("a ${b", 2..4),
            ("[[ a", 0..2),
            ("a;;b", 1..3),
            ("do a", 0..2),
            ("a |", 3..3),
            ("for 1 in a; do b; done", 4..5),
        ];
        for (text, range) in cases {
            let script = read(text);
            let fault = script.fault.clone().unwrap_or_else(|| panic!("{text}"));
            assert_eq!(fault.span.range(), range, "{text}: {}", fault.message);
            assert!(script.commands().is_empty() && script.heredocs.is_empty());
        }
    }

    #[test]
    fn depth_is_bounded_and_time_is_linear() {
        let nests = [
            ("", "( ", ")"),
            ("a ", "$(", ")"),
            ("a ", "$((", "))"),
            ("a ", "${a:-", "}"),
            ("", "{ ", "; }"),
            ("a ", "<(", ")"),
        ];
        for (before, open, close) in nests {
            let text = format!("{before}{}b{}", open.repeat(20_000), close.repeat(20_000));
            assert!(read(&text).fault.is_some(), "{open}");
            assert!(read(&format!("{before}{}", open.repeat(100_000))).fault.is_some(), "{open}");
        }
        assert!(read(&"a `b` ".repeat(20_000)).fault.is_none());
        assert!(read(&"f() ".repeat(50_000)).fault.is_some());
        assert!(read(&"time ".repeat(50_000)).fault.is_none());
        assert_eq!(read(&"a <<X\nb\nX\n".repeat(20_000)).heredocs.len(), 20_000);
    }

    #[test]
    fn every_prefix_is_read_without_panic() {
        let text = "a=(b c) d+=1 x[1]=2 'é' \"$é\" <<E <<-'F' | sudo -u `x` sh -c \"y $(z)\" && case $a in (b|c) d;; esac\n\
            ${{x}} E\n\tF\nif [[ a =~ (b|c) ]]; then { f() { g; }; }; fi 2>&1 >(h) $'\\x41\\u00e9' @(i|j) ((1)) $((2)) \\";
        for options in [Options::default(), Options { templates: true }] {
            for (end, _) in text.char_indices() {
                let script = parse(&MappedText::verbatim(FileId(0), 0, &text[..end]), options);
                script.commands();
            }
        }
    }
}
