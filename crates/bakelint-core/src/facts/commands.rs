//! What the RUN instructions of a Dockerfile run, and under which shell.

use std::collections::BTreeMap;

use crate::model::Project;
use crate::model::dockerfile::{Base, Dockerfile};
use crate::source::Span;
use crate::syntax::dockerfile::{Body, Lookup};
use crate::syntax::shell::{CommandRef, Part, Word};

/// The program that runs the commands of a shell form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellProgram {
    /// What kind it is.
    pub family: ShellFamily,
    /// Program and options: `/bin/bash -o pipefail -c`.
    pub words: Vec<String>,
    /// Whether a pipeline fails when any of its commands does.
    pub pipefail: bool,
    /// Whether it stops at the first command that fails.
    pub errexit: bool,
    /// The SHELL instruction, or the `#!` of the here-document; `None` for the default.
    pub span: Option<Span>,
}

/// Kinds of shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShellFamily {
    /// A POSIX shell or one near to it.
    Posix,
    /// PowerShell.
    PowerShell,
    /// cmd.exe.
    Cmd,
    /// Something else.
    Other,
}

impl ShellProgram {
    fn new(words: Vec<String>, span: Option<Span>) -> Self {
        let names: Vec<String> = words.iter().map(|word| base_name(word)).collect();
        let is_posix = |name: &String| {
            matches!(name.as_str(), "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "busybox")
        };
        let family = match names.first().map(String::as_str) {
            Some("powershell" | "pwsh") => ShellFamily::PowerShell,
            Some("cmd") => ShellFamily::Cmd,
            // A wrapper such as `conda run` may stand before the shell.
            _ if names.iter().any(is_posix) => ShellFamily::Posix,
            _ => ShellFamily::Other,
        };
        let pipefail = options(&words).any(|option| option == "pipefail");
        let errexit = options(&words).any(|option| option == "e" || option == "errexit");
        ShellProgram { family, words, pipefail, errexit, span }
    }

    /// Its name without its folder.
    pub fn name(&self) -> String {
        self.words.first().map(|word| base_name(word)).unwrap_or_default()
    }
}

/// The single letters and long names of a shell's options: `-euxo pipefail` is e, u, x and pipefail.
fn options(words: &[String]) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    let mut named = false;
    for word in words {
        if std::mem::take(&mut named) {
            found.push(word.clone());
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.starts_with('-')) {
            found.extend(letters.chars().map(String::from));
            named = letters.contains('o');
        }
    }
    found.into_iter()
}

fn base_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_lowercase();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

/// The shell of each instruction of a Dockerfile.
pub(super) fn shells(project: &Project, at: usize) -> Vec<ShellProgram> {
    let dockerfile = &project.dockerfiles[at];
    let build = project.builds_of(at).next();
    let posix = ShellProgram::new(vec!["/bin/sh".into(), "-c".into()], None);
    let cmd = ShellProgram::new(vec!["cmd".into(), "/S".into(), "/C".into()], None);
    let mut by_stage: Vec<ShellProgram> = Vec::new();
    let mut shells = vec![posix.clone(); dockerfile.tree.instructions.len()];
    for stage in 0..dockerfile.tree.stages.len() {
        let mut shell = match dockerfile.base(stage, build) {
            Base::Stage(parent) => by_stage.get(parent).unwrap_or(&posix).clone(),
            Base::Image(image) => {
                let name = image.to_string().to_lowercase();
                let is_windows = ["windows", "nanoserver", "servercore"].iter().any(|word| name.contains(word));
                if is_windows { cmd.clone() } else { posix.clone() }
            }
            _ => posix.clone(),
        };
        for (index, instruction) in dockerfile.stage_instructions(stage) {
            if let Body::Shell(words) = &instruction.body {
                shell = ShellProgram::new(words.iter().map(|word| word.to_string()).collect(), Some(instruction.span));
            }
            shells[index] = of_heredoc(dockerfile, index).unwrap_or_else(|| shell.clone());
        }
        by_stage.push(shell);
    }
    shells
}

/// The interpreter of a here-document that is run as a program.
fn of_heredoc(dockerfile: &Dockerfile, index: usize) -> Option<ShellProgram> {
    let instruction = dockerfile.tree.instructions.get(index).filter(|instruction| !instruction.heredocs.is_empty())?;
    let interpreter = instruction.script()?.interpreter?;
    let words = interpreter.split_whitespace().map(str::to_owned);
    let words: Vec<String> = words.skip_while(|word| base_name(word) == "env" || word == "-S").collect();
    Some(ShellProgram::new(words, Some(interpreter.span())))
}

/// A word of a command behind its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// An option.
    Option(CommandOption),
    /// Something else.
    Operand(Operand),
}

/// An option of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOption {
    /// The name with its dashes: `-y`, `--yes`. Letters written together, as in `-yq`, are options of their own.
    pub name: String,
    /// The value, whether attached or the next word; `None` without one, or if it is not known.
    pub value: Option<String>,
    /// Where it stands, with its value.
    pub span: Span,
}

/// An operand of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// The text; `None` if it is not known.
    pub text: Option<String>,
    /// What is known of its start.
    pub prefix: String,
    /// The word that it stands in.
    pub span: Span,
    /// Whether it may stand for several words, options among them: a variable of unknown value without quotes.
    pub opaque: bool,
}

/// How a program writes its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionStyle {
    /// `-y`, `-yq`, `-t name`, `--name=value`, `--name value`.
    Gnu,
    /// `-name value`, `--name=value`; letters are never written together.
    Long,
}

/// Cuts the words behind a program into options and operands. `valued` tells which options take the next word when no value
/// is attached. `look_up` tells values of variables; an unquoted one is split at blanks as the shell does.
pub fn arguments(
    words: &[Word],
    style: OptionStyle,
    valued: &dyn Fn(&str) -> bool,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Vec<Argument> {
    let mut found = Vec::new();
    let mut waiting: Option<CommandOption> = None;
    let mut options_end = false;
    let words = words.iter().flat_map(|word| split(word, look_up));
    for operand in words {
        if let Some(mut option) = waiting.take() {
            option.span = option.span.cover(operand.span);
            option.value = operand.text;
            found.push(Argument::Option(option));
            continue;
        }
        let text = operand.text.as_deref().unwrap_or(&operand.prefix);
        let is_option = !options_end && text.starts_with('-') && text.len() > 1;
        if !is_option {
            found.push(Argument::Operand(operand));
            continue;
        }
        if text == "--" {
            options_end = true;
            continue;
        }
        let span = operand.span;
        let known = operand.text.is_some();
        let long = text.starts_with("--") || style == OptionStyle::Long;
        if long {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned()).filter(|_| known)),
                None => (text, None),
            };
            let takes_next = !text.contains('=') && valued(name);
            let option = CommandOption { name: name.to_owned(), value, span };
            if takes_next {
                waiting = Some(option)
            } else {
                found.push(Argument::Option(option))
            }
            continue;
        }
        for (index, letter) in text.char_indices().skip(1) {
            let name = format!("-{letter}");
            let rest = &text[index + letter.len_utf8()..];
            if valued(&name) {
                let option = CommandOption { name, value: None, span };
                if rest.is_empty() && known {
                    waiting = Some(option);
                } else {
                    let value = Some(rest.strip_prefix('=').unwrap_or(rest).to_owned()).filter(|_| known);
                    found.push(Argument::Option(CommandOption { value, ..option }));
                }
                break;
            }
            if let Some(value) = rest.strip_prefix('=') {
                let value = Some(value.to_owned()).filter(|_| known);
                found.push(Argument::Option(CommandOption { name, value, span }));
                break;
            }
            found.push(Argument::Option(CommandOption { name, value: None, span }));
        }
    }
    found.extend(waiting.map(Argument::Option));
    found
}

/// The words that a word becomes.
fn split(word: &Word, look_up: &dyn Fn(&str) -> Option<String>) -> Vec<Operand> {
    let operand = |text: Option<String>, prefix: String, opaque| Operand { text, prefix, span: word.span, opaque };
    if let Some(text) = word.text() {
        let known = |text: String| operand(Some(text.clone()), text, false);
        let is_braced = matches!(word.parts.as_slice(), [Part::Text { quoted: false, .. }]) && text.contains('{');
        return if is_braced { braces(&text).into_iter().map(known).collect() } else { vec![known(text.into_owned())] };
    }
    let unquoted = |part: &Part| match part {
        Part::Variable { quoted, .. } | Part::Command { quoted, .. } => !quoted,
        _ => false,
    };
    let splits = word.parts.iter().any(unquoted);
    let prefix = word.prefix();
    match word.value(look_up) {
        Some(text) if splits => {
            text.split_whitespace().map(|part| operand(Some(part.to_owned()), part.to_owned(), false)).collect()
        }
        Some(text) => vec![operand(Some(text.clone()), text, false)],
        None => {
            let opaque = splits && prefix.is_empty();
            vec![operand(None, prefix, opaque)]
        }
    }
}

/// Brace expansion of a word, `/var/{lib,cache}/x`. A word that would become very many stays as it is.
pub fn braces(text: &str) -> Vec<String> {
    const MOST: usize = 64;
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        if done.len() + open.len() > MOST {
            return vec![text];
        }
        match first_brace(&text) {
            Some((before, choices, after)) => {
                open.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
            }
            None => done.push(text),
        }
    }
    done
}

/// The innermost first `{a,b}` of a text.
fn first_brace(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let end = text.match_indices('}').find_map(|(end, _)| {
        let start = text[..end].rfind('{')?;
        text[start..end].contains(',').then_some((start, end))
    });
    let (start, end) = end?;
    Some((&text[..start], text[start + 1..end].split(',').collect(), &text[end + 1..]))
}

/// Values of shell variables, as far as the commands of a script set them in plain sight.
#[derive(Debug, Default)]
pub struct ShellVariables {
    /// By name: the index of each command that sets it, with the value.
    settings: BTreeMap<String, Vec<(usize, Option<String>)>>,
}

impl ShellVariables {
    /// What the commands before one set a variable to, by the command's index: `None` if they do not set it, `Some(None)` if the
    /// value is not known.
    pub fn get(&self, name: &str, before: usize) -> Option<Option<&str>> {
        let settings = self.settings.get(name)?;
        let last = settings.partition_point(|(at, _)| *at < before).checked_sub(1)?;
        Some(settings[last].1.as_deref())
    }

    /// The value of a variable: what the script sets before a command, else what `outer` knows.
    pub(super) fn look_up(&self, name: &str, before: usize, outer: &dyn Fn(&str) -> Lookup) -> Option<String> {
        match self.get(name, before) {
            Some(value) => value.map(str::to_owned),
            None => match outer(name) {
                Lookup::Set(value) => Some(value),
                _ => None,
            },
        }
    }

    fn set(&mut self, name: &str, at: usize, value: Option<String>) {
        self.settings.entry(name.to_owned()).or_default().push((at, value));
    }

    /// Notes what the command with the index `at` sets; to be called in order.
    pub(super) fn note(&mut self, at: usize, command: &CommandRef, outer: &dyn Fn(&str) -> Lookup) {
        let sure = !command.context.conditional && !command.context.repeated && !command.context.function;
        let simple = command.simple;
        match simple.name() {
            None if simple.words.is_empty() => {
                for assignment in &simple.assignments {
                    let value = assignment.value.value(&|name| self.look_up(name, at + 1, outer)).filter(|_| sure);
                    self.set(&assignment.name, at, value);
                }
            }
            Some("export" | "readonly" | "declare" | "local" | "typeset") => {
                for word in simple.arguments() {
                    let value = word.value(&|name| self.look_up(name, at + 1, outer));
                    let known = value.is_some() && sure;
                    let text = value.unwrap_or_else(|| word.prefix());
                    let Some((name, value)) = text.split_once('=') else { continue };
                    self.set(name, at, Some(value.to_owned()).filter(|_| known));
                }
            }
            Some("read" | "getopts") => {
                simple.arguments().iter().filter_map(Word::as_plain).for_each(|name| self.set(name, at, None));
            }
            Some("unset") => {
                let value = Some(String::new()).filter(|_| sure);
                let names = simple.arguments().iter().filter_map(Word::as_plain);
                names.for_each(|name| self.set(name, at, value.clone()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::mapped::MappedText;
    use crate::syntax::shell;

    fn read(text: &str, style: OptionStyle) -> Vec<String> {
        let script = shell::parse(&MappedText::verbatim(FileId(0), 0, text), shell::Options::default());
        let valued = |name: &str| matches!(name, "-t" | "--repo" | "-tags");
        let look_up = |name: &str| (name == "V").then(|| "1 2".to_owned());
        let arguments = arguments(script.commands()[0].simple.arguments(), style, &valued, &look_up);
        arguments
            .into_iter()
            .map(|argument| match argument {
                Argument::Option(CommandOption { name, value: Some(value), .. }) => format!("{name}:{value}"),
                Argument::Option(CommandOption { name, .. }) => name,
                Argument::Operand(operand) if operand.opaque => "?".to_owned(),
                Argument::Operand(operand) => operand.text.unwrap_or(operand.prefix + "?"),
            })
            .collect()
    }

    #[test]
    fn words_are_options_with_their_values_or_operands() {
        let cases: &[(&str, OptionStyle, &[&str])] = &[
            (
                "x -yq a --repo b c --repo=d -ye",
                OptionStyle::Gnu,
                &["-y", "-q", "a", "--repo:b", "c", "--repo:d", "-y", "-e"],
            ),
            ("x -t a -ta -qt a -q=2 b", OptionStyle::Gnu, &["-t:a", "-t:a", "-q", "-t:a", "-q:2", "b"]),
            (
                "x $V \"$V\" a=$V $Q a=$Q \"$Q\" -$Q",
                OptionStyle::Gnu,
                &["1", "2", "1 2", "a=1", "2", "?", "a=?", "?", "-?"],
            ),
            ("x -- -y", OptionStyle::Gnu, &["-y"]),
            ("x -tags a,b -mod=mod ./... -v", OptionStyle::Long, &["-tags:a,b", "-mod:mod", "./...", "-v"]),
            ("x a{b,c}d '{e,f}' -t", OptionStyle::Gnu, &["abd", "acd", "{e,f}", "-t"]),
        ];
        for (text, style, expected) in cases {
            assert_eq!(read(text, *style), *expected, "{text}");
        }
    }

    #[test]
    fn shells_are_told_by_their_words() {
        let shell = |words: &[&str]| ShellProgram::new(words.iter().map(|word| (*word).to_owned()).collect(), None);
        let bash = shell(&["/usr/bin/bash", "-euxo", "pipefail", "-c"]);
        assert!(bash.pipefail && bash.errexit && bash.family == ShellFamily::Posix);
        assert!(!shell(&["/bin/bash", "-c"]).pipefail);
        assert_eq!(shell(&["C:\\x\\PowerShell.exe", "-Command"]).family, ShellFamily::PowerShell);
        assert_eq!(shell(&["conda", "run", "-n", "x", "/bin/bash", "-c"]).family, ShellFamily::Posix);
        assert_eq!(shell(&["python3", "-c"]).family, ShellFamily::Other);
    }

    #[test]
    fn braces_become_words_and_never_too_many() {
        assert_eq!(braces("/var/{lib,cache}/{a,b}"), ["/var/lib/a", "/var/lib/b", "/var/cache/a", "/var/cache/b"]);
        assert_eq!(braces("{a"), ["{a"]);
        assert!(braces(&"{a,b}".repeat(1000)).len() <= 65);
    }
}
