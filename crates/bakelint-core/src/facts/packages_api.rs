//! Calls of GitHub's packages API in scripts of workflows.

use crate::facts::ci::StepCommand;
use crate::model::Project;
use crate::model::build::StepRef;
use crate::model::value::{Text, TextPart};
use crate::source::Span;
use crate::syntax::mapped::MappedText;
use crate::syntax::shell::{Part, Script, Word};

/// A call of the packages API (<https://docs.github.com/en/rest/packages/packages>) by `gh api` or curl.
#[derive(Debug, Clone)]
pub struct PackageCall {
    /// The step.
    pub place: StepRef,
    /// Index of the command in [`Script::commands`].
    pub index: usize,
    /// From the program to its last word.
    pub span: Span,
    /// The parts of the path, without what stands before its first `/`.
    pub path: Vec<Text>,
    /// Where the path is written.
    pub path_span: Span,
    /// The parameters behind the path's `?`.
    pub query: Vec<(String, Text)>,
    /// The method, if it is known.
    pub method: Option<String>,
    /// Where the method is named; nothing where the program chooses it.
    pub method_span: Option<Span>,
    /// Whether all pages are asked for, as `--paginate` does.
    pub paginated: bool,
    /// The jq program that the answer goes through.
    pub filter: Option<MappedText>,
    /// Indices of the commands that read the output, one after another; jq is among them.
    pub readers: Vec<usize>,
}

impl PackageCall {
    /// The part of the path behind a name: the id behind `versions`.
    pub fn behind(&self, name: &str) -> Option<&Text> {
        let at = self.path.iter().position(|part| part.as_known() == Some(name))?;
        self.path.get(at + 1)
    }

    /// Whether it is about container images.
    pub fn is_container(&self) -> bool {
        self.behind("packages").and_then(Text::as_known) == Some("container")
    }

    /// Whether it lists the versions of a package.
    pub fn lists_versions(&self) -> bool {
        self.method.as_deref() == Some("GET") && self.path.last().and_then(Text::as_known) == Some("versions")
    }

    /// Whether it deletes a version or a package.
    pub fn deletes(&self) -> bool {
        self.method.as_deref() == Some("DELETE")
    }

    /// How many versions a page of the answer has: 30 unless the call says otherwise.
    pub fn page_size(&self) -> Option<u64> {
        match self.query.iter().find(|(name, _)| name == "per_page") {
            Some((_, value)) => value.as_known()?.parse().ok(),
            None => Some(30),
        }
    }
}

impl Project {
    /// The calls of the packages API in scripts of workflows, in order.
    pub fn package_calls(&self) -> &[PackageCall] {
        struct Calls(Vec<PackageCall>);
        let derive = || {
            let mut found = Vec::new();
            for script in self.step_scripts() {
                let commands = self.commands_of(script.place);
                let is_api = |command: &&StepCommand| matches!(command.name.as_str(), "gh" | "curl");
                if !commands.iter().any(|command| is_api(&command)) {
                    continue;
                }
                let pipelines = script.script.pipelines();
                for command in commands.iter().filter(is_api) {
                    found.extend(call(command, &script.script, &pipelines, commands));
                }
            }
            Calls(found)
        };
        &self.derived.get(derive).0
    }
}

/// Options of `gh api` that take a value.
const GH_VALUED: &[&str] = &[
    "-X",
    "--method",
    "-f",
    "--raw-field",
    "-F",
    "--field",
    "-H",
    "--header",
    "-q",
    "--jq",
    "-t",
    "--template",
    "--hostname",
    "--input",
    "--cache",
    "-p",
    "--preview",
];

fn call(command: &StepCommand, script: &Script, pipelines: &[Vec<usize>], all: &[StepCommand]) -> Option<PackageCall> {
    let words = &command.words;
    let plain = |at: usize| words.get(at).and_then(|(text, _)| text.as_known());
    let is_gh = command.name == "gh";
    let mut path = None;
    let mut fields = false;
    let mut at = if is_gh { 1 } else { 0 };
    if is_gh && plain(0) != Some("api") {
        return None;
    }
    while let Some((text, span)) = words.get(at) {
        at += 1;
        let start = text.prefix();
        if start.starts_with('-') {
            let name = start.split('=').next().unwrap_or_default();
            fields |= match is_gh {
                true => matches!(name, "-f" | "--raw-field" | "-F" | "--field" | "--input"),
                false => matches!(name, "-d" | "--json") || name.starts_with("--data"),
            };
            if is_gh && GH_VALUED.contains(&start) {
                at += 1;
            }
        } else if is_gh && path.is_none() || text.to_string().contains("api.github.com/") {
            path = Some((text.clone(), *span));
        }
    }
    let (path, path_span) = path?;
    let (path, query) = path.split_once('?').unwrap_or((path, Text::default()));
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some((part, tail)) = rest.split_once('/') {
        parts.push(part);
        rest = tail;
    }
    parts.push(rest);
    let host = parts.iter().position(|part| part.as_known() == Some("api.github.com"));
    parts.drain(..host.map_or(0, |at| at + 1));
    if parts.first().is_some_and(Text::is_empty) {
        parts.remove(0);
    }
    let at = parts.iter().position(|part| part.as_known() == Some("packages"))?;
    if at > 3 {
        return None;
    }
    let mut parameters = Vec::new();
    let mut rest = Some(query);
    while let Some(text) = rest.take() {
        let (first, tail) = text.split_once('&').map_or((text, None), |(first, tail)| (first, Some(tail)));
        if let Some((name, value)) = first.split_once('=') {
            parameters.push((name.to_string(), value));
        }
        rest = tail;
    }
    let named = command.option(&["-X", "--method", "--request"]);
    let method = match &named {
        Some((text, _)) => text.as_known().map(str::to_uppercase),
        None => Some(if fields { "POST" } else { "GET" }.to_owned()),
    };
    let readers: Vec<usize> = pipelines
        .iter()
        .find_map(|line| {
            let own = line.iter().position(|member| *member == command.index)?;
            Some(line[own + 1..].to_vec())
        })
        .unwrap_or_default();
    let commands = script.commands();
    let own_filter = || {
        let words = commands.get(command.index)?.simple.arguments();
        let at = words.iter().position(|word| word.is("--jq") || word.is("-q"))?;
        words.get(at + 1).and_then(whole)
    };
    let piped_filter = || {
        let next = *readers.first()?;
        let jq = all.iter().find(|other| other.index == next && other.name == "jq")?;
        let words = commands.get(jq.index)?.simple.arguments();
        words.iter().find(|word| !word.prefix().starts_with('-')).and_then(whole)
    };
    let filter = own_filter().or_else(piped_filter);
    Some(PackageCall {
        place: command.place,
        index: command.index,
        span: command.span,
        path: parts,
        path_span,
        query: parameters,
        method,
        method_span: named.map(|(_, span)| span),
        paginated: words.iter().any(|(word, _)| word.as_known() == Some("--paginate")),
        filter,
        readers,
    })
}

/// The text of a word of one piece.
fn whole(word: &Word) -> Option<MappedText> {
    match word.parts.as_slice() {
        [Part::Text { text, .. }] => Some(text.clone()),
        _ => None,
    }
}

/// Whether a text can be no number: it holds a commit, a tag or a digest.
pub fn is_no_number(text: &Text) -> bool {
    let words = |words: &str| {
        matches!(words, "github.sha" | "github.ref_name" | "github.head_ref" | "github.ref")
            || words.ends_with(".head.sha")
            || matches!(words.rsplit('_').next(), Some("SHA" | "TAG" | "DIGEST" | "sha" | "tag" | "digest"))
    };
    let known = |known: &str| {
        // `ID`, `{}` and the like are placeholders of xargs.
        known.starts_with("sha256:")
            || (known.chars().any(|c| c.is_ascii_lowercase())
                && !known.contains(['{', '}', '%', '@', '<'])
                && !matches!(known, "id" | "version" | "version_id"))
    };
    text.parts().iter().any(|part| match part {
        TextPart::Known(text) => known(text),
        TextPart::Unknown(name) => words(name),
    })
}
