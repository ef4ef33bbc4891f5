//! What the commands of a RUN write, where they are of a few well-known programs that write what they are told to and
//! nothing else.
//!
//! Two kinds of programs are worth it: those of text ([POSIX](https://pubs.opengroup.org/onlinepubs/9799919799/idx/utilities.html)),
//! with which people cut a manifest down to what an installation needs, and
//! [`cargo chef prepare`](https://github.com/LukeMathWalker/cargo-chef), which is made for it. They stand in a stage of
//! their own, behind a `COPY . .`, and all later steps live on what they write staying equal.
//!
//! Whatever is not understood makes the whole RUN unknown.

use super::content::Hasher;
use super::effects::{Commands, Extent, Match, Read, Write};
use super::glob;
use crate::syntax::dockerignore::clean;
use crate::syntax::shell::{
    AndOr, Command, CommandKind, Joiner, List, Part, Pipeline, Redirect, RedirectOperator, Script, Separator, Simple,
    Word,
};

/// Most paths that one RUN may read or write before it is left alone.
const MAX_PATHS: usize = 200;

/// What commands run in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'s> {
    /// The folder that they start in.
    pub dir: &'s str,
    /// Whom they run as.
    pub user: &'s str,
    /// The platform.
    pub platform: &'s str,
    /// Their variables.
    pub env: &'s [(String, String)],
}

impl Surroundings<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.env.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }
}

/// Beginnings of the names of variables that programs of text, or the shell, look at.
const TEXT_VARIABLES: [&str; 9] = ["BASH", "ENV", "GREP_", "IFS", "LANG", "LC_", "LD_", "PATH", "POSIX"];

/// What the commands of a script write; `None` if that is not known.
pub(super) fn effect(script: &Script, around: Surroundings<'_>) -> Option<Commands> {
    if script.fault.is_some() {
        return None;
    }
    let mut run = Run {
        dir: clean(&format!("/{}", around.dir)),
        around,
        script,
        said: Hasher::new("commands").part(around.dir).part(around.user).part(around.platform),
        sees_all: false,
        reads: Vec::new(),
        writes: Vec::new(),
    };
    run.list(&script.list, true)?;
    for (name, value) in around.env {
        if run.sees_all || TEXT_VARIABLES.iter().any(|start| name.starts_with(start)) {
            run.said.add(name);
            run.said.add(value);
        }
    }
    let path = around.variable("PATH").unwrap_or_default();
    let tools = path.split(':').filter(|folder| folder.starts_with('/')).map(clean).collect();
    Some(Commands { said: run.said.finish(), mounts: Vec::new(), writes: run.writes, tools })
}

/// Commands on their way.
struct Run<'r> {
    dir: String,
    around: Surroundings<'r>,
    script: &'r Script,
    /// The commands as the shell understands them.
    said: Hasher,
    /// Whether a program may look at any variable.
    sees_all: bool,
    /// What was read so far: all that is written from now on may follow from it, if only by whether a command is reached.
    reads: Vec<Read>,
    writes: Vec<Write>,
}

/// A word as the shell passes it on.
struct Argument {
    text: String,
    /// Whether the shell puts the names of files in its place.
    is_pattern: bool,
}

impl Argument {
    fn is_option(&self) -> bool {
        self.text.starts_with('-') && self.text.len() > 1
    }
}

impl Run<'_> {
    fn list(&mut self, list: &List, may_change_folder: bool) -> Option<()> {
        for AndOr { first, rest, end } in &list.entries {
            if end.is_some_and(|end| end.node == Separator::Background) {
                return None;
            }
            self.said.add(";");
            self.pipeline(first, may_change_folder)?;
            for (joiner, pipeline) in rest {
                self.said.add(if joiner.node == Joiner::And { "&&" } else { "||" });
                self.pipeline(pipeline, may_change_folder)?;
            }
        }
        Some(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, may_change_folder: bool) -> Option<()> {
        let alone = pipeline.commands.len() == 1;
        self.said.add(if pipeline.negated.is_some() { "!" } else { "" });
        self.said.add((pipeline.commands.len() as u64).to_le_bytes());
        self.said.add(pipeline.pipes.iter().map(|pipe| u8::from(pipe.node)).collect::<Vec<_>>());
        pipeline.commands.iter().try_for_each(|command| self.command(command, may_change_folder && alone))
    }

    fn command(&mut self, command: &Command, may_change_folder: bool) -> Option<()> {
        // What a command writes follows from what it reads, so its input comes first and its output last.
        let is_input = |redirect: &&Redirect| redirect.operator.node == RedirectOperator::Input;
        command.redirects.iter().filter(is_input).try_for_each(|redirect| self.redirect(redirect))?;
        match &command.kind {
            CommandKind::Simple(simple) => self.simple(simple, may_change_folder)?,
            CommandKind::Group(list) => {
                self.said.add("{");
                self.list(list, may_change_folder)?;
                self.said.add("}");
            }
            CommandKind::Subshell(list) => {
                let dir = self.dir.clone();
                self.said.add("(");
                self.list(list, true)?;
                self.said.add(")");
                self.dir = dir;
            }
            _ => return None,
        }
        command.redirects.iter().filter(|redirect| !is_input(redirect)).try_for_each(|redirect| self.redirect(redirect))
    }

    fn redirect(&mut self, redirect: &Redirect) -> Option<()> {
        use RedirectOperator::{
            Append, AppendOutputAndError, Clobber, DuplicateOutput, Heredoc, HeredocStripped, Herestring, Input,
            Output, OutputAndError,
        };
        self.said.add(format!("{:?} {:?}", redirect.operator.node, redirect.descriptor));
        match redirect.operator.node {
            Output | Append | Clobber | OutputAndError | AppendOutputAndError => {
                let path = self.word(&redirect.target).filter(|path| !path.is_pattern)?.text;
                if path != "/dev/null" {
                    self.write(&path, false)?;
                }
            }
            Input => {
                let path = self.word(&redirect.target)?;
                self.read(&path, Extent::Whole)?;
            }
            DuplicateOutput => {
                let target = redirect.target.text()?;
                self.said.add(&*target);
                (target == "-" || target.parse::<u32>().is_ok()).then_some(())?;
            }
            Heredoc | HeredocStripped => {
                let body = self.script.heredocs.get(redirect.heredoc?)?;
                self.said.add(body.text.as_str());
                (!body.expand || !body.text.contains(['$', '`', '\\'])).then_some(())?;
            }
            Herestring => drop(self.word(&redirect.target)?),
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &Word) -> Option<Argument> {
        let text = word.value(&|name| self.around.variable(name))?;
        let is_pattern = word.is_pattern();
        // Home folders and braces differ from shell to shell; a variable's value may fall apart into words.
        let odd = !word.is_quoted() && (text.starts_with('~') || !word.variables().is_empty())
            || is_pattern && (word.is_quoted() || text.contains('{'));
        self.said.add(&text);
        self.said.add([u8::from(is_pattern)]);
        (!odd).then_some(Argument { text, is_pattern })
    }

    fn simple(&mut self, simple: &Simple, may_change_folder: bool) -> Option<()> {
        if simple.command != 0 || !simple.assignments.is_empty() || simple.script.is_some() {
            return None;
        }
        self.said.add((simple.words.len() as u64).to_le_bytes());
        if simple.words.first().is_some_and(|name| name.is("echo") || name.is("printf")) {
            return simple.words.iter().try_for_each(|word| self.shown(word));
        }
        let words = simple.words.iter().map(|word| self.word(word)).collect::<Option<Vec<_>>>()?;
        let (name, arguments) = words.split_first()?;
        let name = if name.is_pattern { return None } else { glob::base(&name.text) };
        let operands = || arguments.iter().filter(|argument| !argument.is_option());
        let only = |short: &str, long: &[&str]| {
            arguments.iter().filter(|argument| argument.is_option()).all(|argument| {
                match argument.text.strip_prefix("--") {
                    Some(name) => long.contains(&name),
                    None => argument.text[1..].chars().all(|option| short.contains(option)),
                }
            })
        };
        match name {
            "true" | "false" | ":" => {}
            "set" => only("euxo", &[]).then_some(())?,
            "cd" => {
                let target = arguments.first().filter(|_| may_change_folder && arguments.len() == 1)?;
                (!target.is_pattern && !target.is_option() && target.text != "-").then_some(())?;
                self.dir = self.absolute(&target.text);
            }
            "mkdir" if only("pv", &["parents", "verbose"]) => {
                operands().try_for_each(|path| self.write_operand(path, true))?;
            }
            "touch" if only("", &[]) => operands().try_for_each(|path| self.write_operand(path, false))?,
            "rm" if only("rfv", &["recursive", "force"]) => {
                operands().try_for_each(|path| self.write_operand(path, false))?;
            }
            "cp" | "mv" if only("arRfpdLPv", &["recursive", "archive", "force"]) => {
                let paths: Vec<&Argument> = operands().collect();
                let (target, sources) = paths.split_last().filter(|(_, sources)| !sources.is_empty())?;
                for source in sources {
                    self.read(source, Extent::Whole)?;
                }
                if name == "mv" {
                    sources.iter().try_for_each(|source| self.write_operand(source, false))?;
                }
                self.write_operand(target, false)?;
            }
            "ls" if only("1ACRa", &[]) => {
                let part = || Extent::Tree { content: Vec::new(), names: vec!["**".to_owned()], needs: None };
                let here = Argument { text: ".".to_owned(), is_pattern: false };
                let default = operands().next().is_none().then_some(&here);
                operands().chain(default).try_for_each(|path| self.read(path, part()))?;
            }
            // Nobody knows what they see, but they write to their output alone.
            "ls" | "date" | "du" | "id" | "pwd" | "stat" | "uname" | "which" | "test" | "[" => self.everything()?,
            "find" if !arguments.iter().any(|argument| writes_of_find(&argument.text)) => self.everything()?,
            "head" => self.head(arguments)?,
            "grep" | "egrep" | "fgrep" => self.grep(name, arguments)?,
            "cat" if only("AbEnsTuv", &[]) => operands().try_for_each(|path| self.read(path, Extent::Whole))?,
            "wc" if only("clLmw", &[]) => operands().try_for_each(|path| self.read(path, Extent::Whole))?,
            "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" if only("b", &[]) => {
                operands().try_for_each(|path| self.read(path, Extent::Whole))?;
            }
            // None of their options names a file but as a word of its own, and each word may be one.
            "cut" | "jq" | "tail" => operands().try_for_each(|path| self.read(path, Extent::Whole))?,
            "tr" => {}
            "sort" if only("bdfginruVk", &[]) => operands().try_for_each(|path| self.read(path, Extent::Whole))?,
            "cargo" if arguments.iter().take(2).map(|a| a.text.as_str()).eq(["chef", "prepare"]) => {
                self.cargo_chef(&arguments[2..])?;
            }
            _ => return None,
        }
        Some(())
    }

    /// A word that is printed and no more: it may be anything but the output of commands.
    fn shown(&mut self, word: &Word) -> Option<()> {
        if self.word(word).is_some_and(|word| !word.is_pattern) {
            return Some(());
        }
        let is_simple = |part: &Part| match part {
            Part::Text { .. } => true,
            Part::Variable { inner, operator, .. } => inner.is_empty() && !operator.contains('='),
            _ => false,
        };
        word.parts.iter().all(is_simple).then_some(())?;
        self.everything()
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { clean(path) } else { clean(&format!("{}/{path}", self.dir)) }
    }

    fn write_operand(&mut self, path: &Argument, directory: bool) -> Option<()> {
        if path.is_pattern { None } else { self.write(&path.text, directory) }
    }

    fn write(&mut self, path: &str, directory: bool) -> Option<()> {
        let path = self.absolute(path);
        if path == "/" || path.starts_with("/dev/") || path.starts_with("/proc/") || self.writes.len() >= MAX_PATHS {
            return None;
        }
        self.writes.push(Write { path, directory, reads: self.reads.clone() });
        Some(())
    }

    fn read(&mut self, path: &Argument, part: Extent) -> Option<()> {
        let absolute = self.absolute(&path.text);
        let (folder, name) = absolute.rsplit_once('/')?;
        if path.is_pattern && (glob::has_wildcard(folder) || name.is_empty()) {
            return None;
        }
        self.add(Read { path: absolute, is_pattern: path.is_pattern, part })
    }

    fn add(&mut self, read: Read) -> Option<()> {
        if !self.reads.contains(&read) {
            self.reads.push(read);
        }
        (self.reads.len() <= MAX_PATHS).then_some(())
    }

    fn everything(&mut self) -> Option<()> {
        self.add(Read { path: "/".to_owned(), is_pattern: false, part: Extent::Everything })
    }

    fn head(&mut self, arguments: &[Argument]) -> Option<()> {
        let (mut lines, mut files) = (10, Vec::new());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let text = argument.text.as_str();
            let number = match text.strip_prefix("-n").or_else(|| text.strip_prefix("--lines=")) {
                Some("") => Some(rest.next()?.text.as_str()),
                Some(number) => Some(number),
                None => text.strip_prefix('-').filter(|number| !number.is_empty()),
            };
            match number {
                // A negative number counts from the end, and does not parse.
                Some(number) => lines = number.parse().ok()?,
                None => files.push(argument),
            }
        }
        files.into_iter().try_for_each(|file| self.read(file, Extent::Lines(lines)))
    }

    /// Where the pattern is a plain text, only the lines that hold it count.
    fn grep(&mut self, name: &str, arguments: &[Argument]) -> Option<()> {
        let (mut fixed, mut options_end) = (name == "fgrep", false);
        let mut operands = Vec::new();
        for argument in arguments {
            match argument.text.as_str() {
                "--" if !options_end => options_end = true,
                text if !options_end && argument.is_option() => {
                    // Line numbers, counts of other lines and surroundings depend on more than the lines themselves.
                    let known = !text.starts_with("--") && text[1..].chars().all(|option| "hHsqEFGo".contains(option));
                    fixed |= text.contains('F');
                    if !known {
                        return self.everything();
                    }
                }
                _ => operands.push(argument),
            }
        }
        let (pattern, files) = operands.split_first()?;
        if pattern.is_pattern {
            return None;
        }
        let part = plain_text(&pattern.text, fixed).map_or(Extent::Whole, Extent::Matching);
        files.iter().try_for_each(|file| self.read(file, part.clone()))
    }

    /// A recipe holds the manifests, the lock file and the settings of the workspace, and where the sources of each target
    /// are, but not what is in them (cargo-chef's src/skeleton). Without a lock file, cargo asks the registry for one.
    fn cargo_chef(&mut self, arguments: &[Argument]) -> Option<()> {
        self.sees_all = true;
        let mut recipe = "recipe.json".to_owned();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, value) = match argument.text.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (argument.text.as_str(), rest.next()?.text.clone()),
            };
            match name {
                "--recipe-path" => recipe = value,
                "--bin" => {}
                _ => return None,
            }
        }
        let own = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let content =
            own(&["**/Cargo.toml", "**/Cargo.lock", ".cargo/config", ".cargo/config.toml", "rust-toolchain*"]);
        let names = own(&[
            "**/src/main.rs",
            "**/src/lib.rs",
            "**/src/bin",
            "**/build.rs",
            "**/tests",
            "**/examples",
            "**/benches",
        ]);
        let part = Extent::Tree { content, names, needs: Some("Cargo.lock".to_owned()) };
        self.add(Read { path: self.dir.clone(), is_pattern: false, part })?;
        self.write(&recipe, false)
    }
}

/// Whether an argument of find makes it do more than look.
fn writes_of_find(argument: &str) -> bool {
    ["-delete", "-exec", "-fls", "-fprint", "-ok"].iter().any(|action| argument.starts_with(action))
}

/// The text that a pattern of grep stands for, if it holds nothing but anchors besides.
fn plain_text(pattern: &str, fixed: bool) -> Option<Match> {
    let (mut text, mut at_start, mut at_end) = (pattern, false, false);
    if !fixed {
        if let Some(rest) = text.strip_prefix('^') {
            (text, at_start) = (rest, true);
        }
        if let Some(rest) = text.strip_suffix('$') {
            (text, at_end) = (rest, true);
        }
    }
    let special = |c: char| !fixed && ".[]*^$\\+?{}|()".contains(c) || c == '\n';
    (!text.contains(special)).then(|| Match { text: text.to_owned(), at_start, at_end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::mapped::MappedText;
    use crate::syntax::shell::{Options, parse};

    /// What is written, a line each: the path and behind `<` what it follows from.
    fn written(script: &str) -> Option<Vec<String>> {
        let script = parse(&MappedText::verbatim(FileId(0), 0, script), Options::default());
        let env = [("OUT".to_owned(), "/out".to_owned())];
        let effect = effect(&script, Surroundings { dir: "/w", user: "", platform: "linux/amd64", env: &env })?;
        let read = |read: &Read| match &read.part {
            Extent::Everything => "*".to_owned(),
            Extent::Whole => read.path.clone(),
            Extent::Lines(n) => format!("{}:{n}", read.path),
            Extent::Matching(m) => format!("{}:{}", read.path, m.text),
            Extent::Tree { content, names, .. } => {
                format!("{}:{}", read.path, content.iter().chain(names).next().map_or("", String::as_str))
            }
        };
        let line = |write: &Write| {
            let reads: Vec<String> = write.reads.iter().map(read).collect();
            format!("{}{} < {}", write.path, if write.directory { "/" } else { "" }, reads.join(" "))
                .trim_end_matches(" < ")
                .to_owned()
        };
        Some(effect.writes.iter().map(line).collect())
    }

    #[test]
    fn well_known_commands_write_what_they_are_told_to() {
        let cases: &[(&str, &[&str])] = &[
            ("echo ok > done", &["/w/done"]),
            ("mkdir -p a/b \"$OUT\" && touch $OUT/x", &[]),
            ("mkdir -p a/b \"$OUT\" && touch \"$OUT/x\"", &["/w/a/b/", "/out/", "/out/x"]),
            (
                "grep -h '^field' in/*.txt > out; echo > done",
                &["/w/out < /w/in/*.txt:field", "/w/done < /w/in/*.txt:field"],
            ),
            ("grep 'a.*b' in | sort -u >out", &["/w/out < /w/in"]),
            ("{ echo a; cat <b; } > c < d", &["/w/c < /w/d /w/b"]),
            ("head -n 1 a | wc -l > /n 2>/dev/null", &["/n < /w/a:1"]),
            ("cd /x && (cd y; cat a > b) && cp c d", &["/x/y/b < /x/y/a", "/x/d < /x/y/a /x/c"]),
            ("jq '{dependencies}' package.json >deps.json", &["/w/deps.json < /w/{dependencies} /w/package.json"]),
            ("echo $RANDOM *.txt > x; printf '%s' \"$OUT\" > y", &["/w/x < *", "/w/y < *"]),
            ("date > x; grep -rn x . > y; find / -name x", &["/w/x < *", "/w/y < *"]),
            ("ls -R a > tree", &["/w/tree < /w/a:**"]),
            ("cargo chef prepare --recipe-path recipe.json", &["/w/recipe.json < /w:**/Cargo.toml"]),
        ];
        for (script, expected) in cases {
            let expected = (!expected.is_empty()).then(|| expected.iter().map(|line| (*line).to_owned()).collect());
            assert_eq!(written(script), expected, "{script}");
        }
    }

    #[test]
    fn anything_else_is_unknown() {
        let scripts = [
            "make",
            "touch -d now x",
            "cat $X > y",
            "echo ${A:=b} > x",
            "cat ~/x > y",
            "cat */x > y",
            "cat {a,b} > y",
            "cat a > *.txt",
            "rm *.md",
            "sort -o x y",
            "find . -name x -delete",
            "head -c 3 a > b",
            "if true; then echo > x; fi",
            "echo $(date) > x",
            "X=1 echo > x",
            "sudo echo > x",
            "echo a > x &",
            "cat <<X > y\n$HOME\nX\n",
            "cat < a | cd b",
            "echo a | tee b | head",
            "sha256sum -c sums > x",
            "cargo build",
            "npx turbo prune web --docker",
            "cp a /",
            "'",
        ];
        for script in scripts {
            assert_eq!(written(script), None, "{script}");
        }
    }

    #[test]
    fn every_beginning_of_a_script_is_read() {
        let script = "cd /a && mkdir -p b; { grep -h '^x' c/*.txt | head -n 3; } > d <<X || (cargo chef prepare --bin=e)\n$Y\nX\n";
        for (end, _) in script.char_indices() {
            written(&script[..end]);
        }
        assert_eq!(written(script), None);
    }

    #[test]
    fn a_pattern_without_special_characters_is_a_text() {
        let cases = [
            ("^field", false, Some(("field", true, false))),
            ("a b$", false, Some(("a b", false, true))),
            ("a.b", false, None),
            ("a.b", true, Some(("a.b", false, false))),
            ("^", true, Some(("^", false, false))),
        ];
        for (pattern, fixed, expected) in cases {
            let found = plain_text(pattern, fixed);
            let found = found.as_ref().map(|found| (found.text.as_str(), found.at_start, found.at_end));
            assert_eq!(found, expected, "{pattern}");
        }
        let found = |text: &str, line: &str| plain_text(text, false).is_some_and(|text| text.is_in(line.as_bytes()));
        assert!(found("^a", "ab") && !found("^a", "ba") && found("a$", "ba") && found("^a$", "a") && found("b", "abc"));
        assert!(found("", "x") && !found("^a$", "aa"));
    }
}
