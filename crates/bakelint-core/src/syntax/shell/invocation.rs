//! What a command really runs: the program behind `sudo`, `env` and the like, and the scripts given to shells.

use super::parser::{self, MAX_DEPTH};
use super::{
    AndOr, Assignment, Command, CommandKind, HeredocBody, List, Options, Part, Redirect, RedirectOperator, Script,
    Simple, Word,
};
use crate::syntax::mapped::MappedText;

/// How a wrapper's own words are told from the command's.
struct Wrapper {
    name: &'static str,
    /// Options that take the next word as value, unless the value is attached.
    valued: &'static [&'static str],
    /// Options that make it something else than a wrapper, such as `command -v`.
    other: &'static [&'static str],
    /// Number of plain words before the command.
    operands: usize,
    /// Whether `NAME=value` words before the command are assignments.
    assigns: bool,
}

const fn wrapper(name: &'static str, valued: &'static [&'static str], operands: usize) -> Wrapper {
    Wrapper { name, valued, other: &[], operands, assigns: false }
}

/// From the manuals of sudo, doas, GNU coreutils, util-linux, findutils, time, su-exec, gosu, busybox and bash.
const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        name: "sudo",
        valued: &[
            "-u",
            "-g",
            "-h",
            "-p",
            "-C",
            "-r",
            "-t",
            "-T",
            "-U",
            "-D",
            "-R",
            "-a",
            "--user",
            "--group",
            "--host",
            "--prompt",
            "--close-from",
            "--role",
            "--type",
            "--command-timeout",
            "--other-user",
            "--chdir",
            "--chroot",
        ],
        other: &["-l", "--list", "-v", "--validate", "-k", "-K", "-V", "--version", "-e", "--edit"],
        operands: 0,
        assigns: true,
    },
    wrapper("doas", &["-u", "-C", "-a"], 0),
    Wrapper {
        name: "env",
        valued: &["-u", "--unset", "-C", "--chdir"],
        other: &["-S", "--split-string"],
        operands: 0,
        assigns: true,
    },
    wrapper("exec", &["-a"], 0),
    Wrapper { name: "command", valued: &[], other: &["-v", "-V"], operands: 0, assigns: false },
    wrapper("builtin", &[], 0),
    wrapper("nice", &["-n", "--adjustment"], 0),
    Wrapper {
        name: "ionice",
        valued: &["-c", "-n", "--class", "--classdata"],
        other: &["-p", "-P", "-u"],
        operands: 0,
        assigns: false,
    },
    wrapper("time", &["-f", "-o", "--format", "--output"], 0),
    wrapper("nohup", &[], 0),
    wrapper("setsid", &[], 0),
    wrapper("stdbuf", &["-i", "-o", "-e", "--input", "--output", "--error"], 0),
    wrapper("timeout", &["-k", "-s", "--kill-after", "--signal"], 1),
    wrapper(
        "xargs",
        &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-s",
            "-d",
            "-E",
            "-a",
            "--max-args",
            "--max-procs",
            "--max-lines",
            "--max-chars",
            "--delimiter",
            "--arg-file",
            "--replace",
        ],
        0,
    ),
    wrapper("chroot", &["--userspec", "--groups"], 1),
    wrapper("gosu", &[], 1),
    wrapper("su-exec", &[], 1),
    wrapper("setpriv", &[], 0),
    wrapper("fakeroot", &["-l", "-s", "-i", "-b"], 0),
    wrapper("eatmydata", &[], 0),
    wrapper("unshare", &[], 0),
    wrapper("tini", &["-p", "-e"], 0),
    wrapper("dumb-init", &["--rewrite", "-r"], 0),
    wrapper("busybox", &[], 0),
    wrapper("xvfb-run", &["-n", "-s", "-e", "-f", "-p", "-w", "--server-num", "--server-args"], 0),
];

/// What an inner script costs of the depth that is read: a few levels are all that anybody writes.
const INNER_DEPTH: u32 = 8;

/// Programs that run a script of POSIX shell or one near to it.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash"];

/// Fills in wrappers and inner scripts of all commands.
pub(super) fn resolve(script: &mut Script, options: Options, depth: u32) {
    let Script { list: commands, heredocs, .. } = script;
    list(commands, &mut Scope { heredocs, options, depth });
}

struct Scope<'a> {
    heredocs: &'a [HeredocBody],
    options: Options,
    depth: u32,
}

fn list(commands: &mut List, scope: &mut Scope) {
    for AndOr { first, rest, .. } in &mut commands.entries {
        let rest = rest.iter_mut().flat_map(|(_, pipeline)| &mut pipeline.commands);
        first.commands.iter_mut().chain(rest).for_each(|next| command(next, scope));
    }
}

fn command(command: &mut Command, scope: &mut Scope) {
    let Command { kind, redirects, .. } = command;
    redirects.iter_mut().for_each(|redirect| word(&mut redirect.target, scope));
    match kind {
        CommandKind::Simple(simple) => {
            simple.words.iter_mut().for_each(|next| word(next, scope));
            simple.assignments.iter_mut().for_each(|assignment| word(&mut assignment.value, scope));
            unwrap(simple);
            simple.script = inner_script(simple, redirects, scope);
        }
        CommandKind::Subshell(body) | CommandKind::Group(body) => list(body, scope),
        CommandKind::If { branches, otherwise } => {
            for (condition, body) in branches {
                list(condition, scope);
                list(body, scope);
            }
            otherwise.iter_mut().for_each(|body| list(body, scope));
        }
        CommandKind::While { condition, body } => {
            list(condition, scope);
            list(body, scope);
        }
        CommandKind::For { words, body, .. } => {
            words.iter_mut().flatten().for_each(|next| word(next, scope));
            list(body, scope);
        }
        CommandKind::Case { subject, arms } => {
            word(subject, scope);
            for (patterns, body) in arms {
                patterns.iter_mut().for_each(|pattern| word(pattern, scope));
                list(body, scope);
            }
        }
        CommandKind::Function { body, .. } => self::command(body, scope),
        CommandKind::Test(words) => words.iter_mut().for_each(|next| word(next, scope)),
        CommandKind::Arithmetic => {}
    }
}

fn word(word: &mut Word, scope: &mut Scope) {
    parts(&mut word.parts, scope);
}

fn parts(parts: &mut [Part], scope: &mut Scope) {
    for part in parts {
        match part {
            Part::Command { list: inner, .. } | Part::Process { list: inner, .. } => list(inner, scope),
            Part::Variable { inner, .. } | Part::Arithmetic { inner, .. } => self::parts(inner, scope),
            Part::Text { .. } | Part::Template { .. } => {}
        }
    }
}

fn base_name(word: &Word) -> Option<&str> {
    let text = word.as_plain()?;
    text.rsplit('/').next()
}

/// Walks over wrappers to the program that runs in the end.
fn unwrap(simple: &mut Simple) {
    let mut at = 0;
    while let Some(wrapper) =
        simple.words.get(at).and_then(base_name).and_then(|name| WRAPPERS.iter().find(|wrapper| wrapper.name == name))
    {
        match behind_wrapper(wrapper, &simple.words, at + 1) {
            Behind::Command { at: next, assignments } => {
                simple.wrappers.push(at);
                simple.assignments.extend(assignments);
                at = next;
            }
            Behind::Other => break,
            Behind::Unknown => {
                at = simple.words.len();
                break;
            }
        }
    }
    simple.command = at;
}

enum Behind {
    /// The command begins here.
    Command { at: usize, assignments: Vec<Assignment> },
    /// It is no wrapper this time: the program itself is what runs.
    Other,
    /// An option that is not known to be one decides what follows.
    Unknown,
}

fn behind_wrapper(wrapper: &Wrapper, words: &[Word], from: usize) -> Behind {
    let mut at = from;
    let mut assignments = Vec::new();
    let mut operands = wrapper.operands;
    let mut options_end = false;
    while let Some(word) = words.get(at) {
        let prefix = word.prefix();
        if let Some(assignment) = Some(word).filter(|_| wrapper.assigns).and_then(as_assignment) {
            assignments.push(assignment);
            at += 1;
            continue;
        }
        let is_option = !options_end && prefix.starts_with('-') && (prefix.len() > 1 || wrapper.name == "env");
        if !is_option {
            if word.prefix().is_empty() && !word.parts.is_empty() && operands == 0 {
                // A variable may be an option or the command itself.
                return if at == from { Behind::Command { at, assignments } } else { Behind::Unknown };
            }
            if operands == 0 {
                return Behind::Command { at, assignments };
            }
            operands -= 1;
            at += 1;
            continue;
        }
        if prefix == "--" {
            options_end = true;
            at += 1;
            continue;
        }
        let attached = prefix.starts_with("--").then(|| prefix.split_once('=')).flatten();
        let name = attached.map_or(prefix.as_str(), |(name, _)| name);
        if wrapper.other.contains(&name) {
            return Behind::Other;
        }
        let takes_next = attached.is_none() && takes_next_word(wrapper, name);
        at += if takes_next { 2 } else { 1 };
    }
    // A wrapper without a command runs by itself, as `env` or `exec 3>&1` do.
    if wrapper.operands > operands || at > from { Behind::Unknown } else { Behind::Other }
}

/// Whether an option's value is the next word: it is one of those with values, or a cluster of letters that ends in one.
fn takes_next_word(wrapper: &Wrapper, option: &str) -> bool {
    if option.starts_with("--") {
        return wrapper.valued.contains(&option) && option != "--replace";
    }
    let valued = |letter: char| {
        wrapper.valued.iter().any(|known| known.strip_prefix('-').is_some_and(|rest| rest.chars().eq([letter])))
    };
    match option.char_indices().skip(1).find(|(_, letter)| valued(*letter)) {
        // Letters behind one with a value are the value.
        Some((index, letter)) => index + letter.len_utf8() == option.len(),
        None => false,
    }
}

/// A word `NAME=value`.
fn as_assignment(word: &Word) -> Option<Assignment> {
    let Some((Part::Text { text, quoted }, rest)) = word.parts.split_first() else { return None };
    let equals = text.find('=')?;
    let name = &text[..equals];
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return None;
    }
    let value = text.slice(equals + 1..text.len());
    let start = value.span().before();
    let mut parts = Vec::with_capacity(word.parts.len());
    if !value.is_empty() {
        parts.push(Part::Text { text: value, quoted: *quoted });
    }
    parts.extend(rest.iter().cloned());
    let value = Word { span: start.cover(word.span.after()), parts };
    Some(Assignment { name: name.to_owned(), value, span: word.span })
}

/// The script that a shell is given as text.
fn inner_script(simple: &Simple, redirects: &[Redirect], scope: &Scope) -> Option<Box<Script>> {
    if scope.depth >= MAX_DEPTH {
        return None;
    }
    let name = simple.name()?;
    let arguments = simple.arguments();
    let text = if SHELLS.contains(&name) {
        match shell_operand(arguments) {
            Operand::Script(word) => script_text(std::slice::from_ref(word))?,
            Operand::None => {
                let body = redirects.iter().rev().find_map(|redirect| redirect.heredoc)?;
                scope.heredocs.get(body)?.text.clone()
            }
            Operand::File => return None,
        }
    } else if name == "eval" {
        let dashes = usize::from(arguments.first().is_some_and(|word| word.is("--")));
        let words = arguments.get(dashes..)?;
        script_text(words)?
    } else if name == "su" || name == "runuser" {
        let option = arguments.iter().position(|word| word.is("-c") || word.is("--command"))?;
        script_text(std::slice::from_ref(arguments.get(option + 1)?))?
    } else if name == "trap" && redirects.iter().all(|redirect| redirect.operator.node != RedirectOperator::Heredoc) {
        let first = arguments.first().filter(|word| !word.prefix().starts_with('-') && arguments.len() > 1)?;
        script_text(std::slice::from_ref(first))?
    } else {
        return None;
    };
    Some(Box::new(parser::parse(&text, scope.options, scope.depth + INNER_DEPTH)))
}

enum Operand<'w> {
    /// The word behind `-c`.
    Script(&'w Word),
    /// A file, or something that is not understood.
    File,
    /// Nothing but options: commands come from the input.
    None,
}

fn shell_operand(arguments: &[Word]) -> Operand<'_> {
    let mut at = 0;
    let mut command = false;
    while let Some(word) = arguments.get(at) {
        let Some(text) = word.as_plain() else { break };
        let cluster = text.strip_prefix(['-', '+']).filter(|rest| !rest.is_empty());
        let Some(letters) = cluster else { break };
        if text == "--" {
            at += 1;
            break;
        }
        if text.starts_with("--") {
            // Long options such as --login; two of bash's take a file.
            at += if matches!(text, "--rcfile" | "--init-file") { 2 } else { 1 };
            continue;
        }
        command |= text.starts_with('-') && letters.contains('c');
        if letters.contains('s') && !letters.contains('c') {
            return Operand::None;
        }
        at += if letters.ends_with(['o', 'O']) { 2 } else { 1 };
    }
    match arguments.get(at) {
        Some(word) if command => Operand::Script(word),
        Some(_) => Operand::File,
        None if command => Operand::File,
        None => Operand::None,
    }
}

/// The text of words as the inner shell gets them: quotes of the outer one are gone, expansions stand as written.
/// `None` if nothing of the text is known.
fn script_text(words: &[Word]) -> Option<MappedText> {
    let first = words.first()?;
    let mut script = MappedText::empty(first.span.file, first.span.range().start);
    let mut any = false;
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            let at = word.span.range().start;
            script.push_for(at..at, " ");
        }
        for part in &word.parts {
            match part {
                Part::Text { text, .. } => {
                    script.push_mapped(text);
                    any = true;
                }
                Part::Variable { name, span, .. } => script.push_for(span.range(), &format!("${{{name}}}")),
                // A name that no variable has stands for what is not known.
                other => script.push_for(other.span().range(), "${_}"),
            }
        }
    }
    any.then_some(script)
}
