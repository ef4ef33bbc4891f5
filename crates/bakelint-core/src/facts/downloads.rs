//! What RUN instructions download, and which archives they unpack.

use crate::facts::commands::{Argument, CommandOption, Operand, OptionStyle, arguments};
use crate::source::Span;
use crate::syntax::shell::CommandRef;

/// A command that downloads something by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Index of the command among those of the instruction.
    pub command: usize,
    /// The program: `curl`, `wget`, `git`.
    pub program: String,
    /// The URL; `None` if a part of it is not known.
    pub url: Option<String>,
    /// What is known of the URL's start.
    pub prefix: String,
    /// The word of the URL.
    pub span: Span,
    /// The file or folder that it is written to, as given; `None` for the standard output, a name that follows from the URL, or one that is
    /// not known.
    pub output: Option<String>,
    /// The program that reads it from a pipe.
    pub piped_to: Option<String>,
    /// For git: the branch, tag or commit that is asked for.
    pub revision: Option<String>,
    /// The options.
    pub options: Vec<CommandOption>,
    /// Whether it runs only if something else says so.
    pub conditional: bool,
}

/// A command that unpacks an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpack {
    /// Index of the command among those of the instruction.
    pub command: usize,
    /// The program: `tar`, `unzip`, `gunzip`.
    pub program: String,
    /// The archive's path as given; `None` for the standard input or if it is not known.
    pub archive: Option<String>,
    /// The whole command.
    pub span: Span,
}

/// Options of curl that take a value, from its manual.
const CURL: &[&str] = &[
    "-A",
    "--user-agent",
    "-b",
    "--cookie",
    "-c",
    "--cookie-jar",
    "-C",
    "--continue-at",
    "-d",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-urlencode",
    "-D",
    "--dump-header",
    "-e",
    "--referer",
    "-E",
    "--cert",
    "-F",
    "--form",
    "-H",
    "--header",
    "-K",
    "--config",
    "-m",
    "--max-time",
    "-o",
    "--output",
    "--output-dir",
    "-r",
    "--range",
    "-T",
    "--upload-file",
    "-u",
    "--user",
    "-w",
    "--write-out",
    "-x",
    "--proxy",
    "-X",
    "--request",
    "-y",
    "--speed-time",
    "-Y",
    "--speed-limit",
    "-z",
    "--time-cond",
    "--cacert",
    "--capath",
    "--connect-timeout",
    "--key",
    "--limit-rate",
    "--max-redirs",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--resolve",
    "--tls-max",
    "--ciphers",
    "--proto",
    "--proto-redir",
    "--interface",
    "--oauth2-bearer",
    "--url",
    "--connect-to",
    "--create-file-mode",
    "--proto-default",
];

/// Options of wget that take a value, from its manual.
const WGET: &[&str] = &[
    "-o",
    "--output-file",
    "-a",
    "--append-output",
    "-i",
    "--input-file",
    "-t",
    "--tries",
    "-O",
    "--output-document",
    "-T",
    "--timeout",
    "-w",
    "--wait",
    "-Q",
    "--quota",
    "-P",
    "--directory-prefix",
    "-U",
    "--user-agent",
    "-e",
    "--execute",
    "-A",
    "--accept",
    "-R",
    "--reject",
    "-D",
    "--domains",
    "-l",
    "--level",
    "--header",
    "--user",
    "--password",
    "--post-data",
    "--post-file",
    "--method",
    "--body-data",
    "--ca-certificate",
    "--certificate",
    "--private-key",
    "--limit-rate",
    "--waitretry",
    "--read-timeout",
    "--dns-timeout",
    "--connect-timeout",
    "--max-redirect",
    "--secure-protocol",
    "--progress",
    "--retry-on-http-error",
];

/// Options of `git clone` that take a value, from its manual.
const GIT_CLONE: &[&str] = &[
    "-b",
    "--branch",
    "--depth",
    "-o",
    "--origin",
    "-c",
    "--config",
    "-j",
    "--jobs",
    "--reference",
    "--template",
    "-u",
    "--upload-pack",
    "--shallow-since",
    "--shallow-exclude",
    "--filter",
    "--separate-git-dir",
    "--server-option",
    "--revision",
    "-C",
];

/// The downloads of a command.
pub(super) fn downloads(
    command: &CommandRef,
    index: usize,
    piped_to: Option<&str>,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Vec<Download> {
    let Some(program) = command.simple.name() else { return Vec::new() };
    let (valued, outputs): (&[&str], &[&str]) = match program {
        "curl" => (CURL, &["-o", "--output"]),
        "wget" | "wget2" => (WGET, &["-O", "--output-document"]),
        "aria2c" => (&["-o", "--out", "-d", "--dir", "-x", "-s", "-j"], &["-o", "--out"]),
        "git" => (GIT_CLONE, &[]),
        _ => return Vec::new(),
    };
    let valued = |name: &str| valued.contains(&name);
    let mut options = Vec::new();
    let mut operands: Vec<Operand> = Vec::new();
    for argument in arguments(command.simple.arguments(), OptionStyle::Gnu, &valued, look_up) {
        match argument {
            Argument::Option(option) if option.name == "--url" => operands.push(Operand {
                prefix: option.value.clone().unwrap_or_default(),
                text: option.value,
                span: option.span,
                opaque: false,
            }),
            Argument::Option(option) => options.push(option),
            Argument::Operand(operand) => operands.push(operand),
        }
    }
    let option = |names: &[&str]| {
        let last = options.iter().rev().find(|option| names.contains(&option.name.as_str()));
        last.and_then(|option| option.value.clone())
    };
    let mut output = option(outputs).filter(|path| path != "-");
    let revision = option(&["-b", "--branch", "--revision"]).filter(|_| program == "git");
    if program == "git" {
        let verb = operands.iter().position(|operand| operand.text.as_deref() == Some("clone"));
        let Some(verb) = verb else { return Vec::new() };
        operands.drain(..=verb);
        output = operands.get(1).and_then(|operand| operand.text.clone());
        operands.truncate(1);
    }
    let download = |operand: Operand| Download {
        command: index,
        program: program.to_owned(),
        url: operand.text,
        prefix: operand.prefix,
        span: operand.span,
        output: output.clone(),
        piped_to: piped_to.map(str::to_owned),
        revision: revision.clone(),
        options: options.clone(),
        conditional: command.context.conditional || command.context.function,
    };
    operands.into_iter().map(download).collect()
}

/// Whether a command unpacks an archive.
pub(super) fn unpack(command: &CommandRef, index: usize, look_up: &dyn Fn(&str) -> Option<String>) -> Option<Unpack> {
    let program = command.simple.name()?;
    let words = command.simple.arguments();
    let valued: &[&str] = match program {
        "tar" | "bsdtar" | "gtar" => &[
            "-f",
            "--file",
            "-C",
            "--directory",
            "-T",
            "--exclude",
            "--strip-components",
            "--transform",
            "--owner",
            "--group",
        ],
        "unzip" => &["-d", "-x", "-P"],
        "7z" | "7za" | "7zr" => &[],
        "gunzip" | "bunzip2" | "unxz" | "unlzma" | "uncompress" | "unzstd" | "zcat" | "bzcat" | "xzcat" => &["-S"],
        "gzip" | "bzip2" | "xz" | "zstd" => &["-o"],
        _ => return None,
    };
    let mut operands = Vec::new();
    let mut options = Vec::new();
    for argument in arguments(words, OptionStyle::Gnu, &|name| valued.contains(&name), look_up) {
        match argument {
            Argument::Option(option) => options.push(option),
            Argument::Operand(operand) => operands.push(operand),
        }
    }
    let has = |names: &[&str]| options.iter().any(|option| names.contains(&option.name.as_str()));
    let first = operands.first().and_then(|operand| operand.text.clone());
    let archive = match program {
        "tar" | "bsdtar" | "gtar" => {
            // The first word may be a cluster of letters without a dash, as in `tar xzf file`.
            let bundle = first.as_deref().filter(|text| {
                let written_first = words.first().is_some_and(|word| word.is(text));
                written_first && text.chars().all(|letter| letter.is_ascii_alphabetic())
            });
            let extracts = has(&["-x", "--extract", "--get"]) || bundle.is_some_and(|letters| letters.contains('x'));
            if !extracts {
                return None;
            }
            let named = options.iter().find(|option| option.name == "-f" || option.name == "--file");
            let by_bundle = bundle.filter(|letters| letters.contains('f')).and(operands.get(1));
            named.and_then(|option| option.value.clone()).or_else(|| by_bundle.and_then(|operand| operand.text.clone()))
        }
        "gzip" | "bzip2" | "xz" | "zstd" => {
            if !has(&["-d", "--decompress", "--uncompress"]) {
                return None;
            }
            first
        }
        "7z" | "7za" | "7zr" => {
            if !matches!(first.as_deref(), Some("x" | "e")) {
                return None;
            }
            operands.get(1).and_then(|operand| operand.text.clone())
        }
        _ => first,
    };
    let archive = archive.filter(|path| path != "-");
    Some(Unpack { command: index, program: program.to_owned(), archive, span: command.span })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::mapped::MappedText;
    use crate::syntax::shell;

    fn first(text: &str) -> String {
        let script = shell::parse(&MappedText::verbatim(FileId(0), 0, text), shell::Options::default());
        let command = script.commands()[0];
        let look_up = |_: &str| None;
        if let Some(found) = unpack(&command, 0, &look_up) {
            return format!("unpack {}", found.archive.unwrap_or_default());
        }
        let one = |found: Download| {
            let url = found.url.unwrap_or(found.prefix + "?");
            let extra = [found.output, found.revision].into_iter().flatten().map(|text| format!(" > {text}"));
            url + &extra.collect::<String>()
        };
        downloads(&command, 0, None, &look_up).into_iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn downloads_and_archives_are_found() {
        let cases = [
            ("curl -fsSLo /x -H 'A: b' https://a/b https://c/$D", "https://a/b > /x, https://c/? > /x"),
            ("curl -sS https://a -o -", "https://a"),
            ("wget -qO- https://a/b", "https://a/b"),
            ("wget -q -O /x.tgz \"$URL\"", "? > /x.tgz"),
            ("git -C /x clone --depth 1 -b v1 https://a/b.git dir", "https://a/b.git > dir > v1"),
            ("git checkout x", ""),
            ("tar xzf a.tgz -C /x", "unpack a.tgz"),
            ("tar -xz --strip-components=1", "unpack "),
            ("tar -C /x -xf a.tar.xz", "unpack a.tar.xz"),
            ("tar czf a.tgz b", ""),
            ("unzip -q a.zip -d /x", "unpack a.zip"),
            ("gzip -d a.gz", "unpack a.gz"),
            ("gzip a", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(first(text), expected, "{text}");
        }
    }
}
