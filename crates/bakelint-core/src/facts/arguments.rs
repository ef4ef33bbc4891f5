//! Arguments that stand above steps that do not read them.

use crate::edit::Fix;
use crate::facts::reads::names_variable;
use crate::facts::runs::Run;
use crate::model::Project;
use crate::source::Span;
use crate::syntax::dockerfile::{ArgPair, Body, KeyValue};

/// The steps behind an ARG up to the first one that reads it.
#[derive(Debug, Clone, Default)]
pub struct UnreadArgument<'p> {
    /// The RUNs that do not read it, in order.
    pub passed: Vec<&'p Run>,
    /// Those among them that take time.
    pub heavy: Vec<&'p Run>,
    /// The ENVs and LABELs among the steps that hand on the value: the instruction, and the words that do so; none for all of its words.
    pub carried: Vec<(usize, Vec<Span>)>,
}

impl Project {
    /// The steps of a stage that stand behind an ARG and do not read it, all by index. A step that runs a program of which it is not known
    /// whether it heeds the environment may read it.
    pub fn steps_before_use(
        &self,
        dockerfile: usize,
        stage: usize,
        instruction: usize,
        name: &str,
    ) -> UnreadArgument<'_> {
        let mut unread = UnreadArgument::default();
        let Some(file) = self.dockerfiles.get(dockerfile) else { return unread };
        let mut tainted = vec![name.to_owned()];
        for (next, node) in file.stage_instructions(stage).skip_while(|(next, _)| *next <= instruction) {
            let reads = tainted.iter().any(|name| names_variable(node, name));
            match &node.body {
                Body::Env(pairs) if reads => {
                    let made = |pair: &&KeyValue| tainted.iter().any(|name| pair.value.contains(name.as_str()));
                    let names: Vec<String> = pairs.pairs.iter().filter(made).map(|pair| pair.key.to_string()).collect();
                    let spans = pairs.pairs.iter().filter(made).map(|pair| pair.span).collect();
                    unread.carried.push((next, if names.len() == pairs.pairs.len() { Vec::new() } else { spans }));
                    tainted.extend(names);
                }
                Body::Label(_) if reads => unread.carried.push((next, Vec::new())),
                _ if reads => break,
                Body::Run(_) => {
                    let Some(run) = self.run_at(dockerfile, next).filter(|run| !self.may_heed_environment(run)) else {
                        break;
                    };
                    unread.passed.push(run);
                    if file.is_heavy(next) {
                        unread.heavy.push(run);
                    }
                }
                _ => {}
            }
        }
        unread
    }

    /// A fix that moves an ARG, and what is made of it, behind the last step that takes time and does not read it. Nothing if there is none,
    /// or the layout does not allow it.
    pub fn sink_argument(
        &self,
        dockerfile: usize,
        instruction: usize,
        pair: &ArgPair,
        unread: &UnreadArgument<'_>,
    ) -> Option<Fix> {
        let dockerfile = self.dockerfiles.get(dockerfile)?;
        let behind = unread.heavy.last()?.instruction;
        let (tree, text) = (&dockerfile.tree, dockerfile.source.text());
        let node = tree.instructions.get(instruction)?;
        let Body::Arg(pairs) = &node.body else { return None };
        let words = dockerfile.source.slice(pair.span).trim_end();
        let mut edits = vec![if pairs.len() == 1 { node.remove() } else { tree.remove_word(text, pair.span) }];
        let eol = tree.line_ending(text);
        let mut lines = vec![format!("{} {words}", &*node.word)];
        let mut safe = unread.passed.iter().all(|run| self.installs_by_name(run));
        for (at, parts) in unread.carried.iter().filter(|(at, _)| *at < behind) {
            let moved = tree.instructions.get(*at)?;
            safe &= matches!(moved.body, Body::Label(_));
            if parts.is_empty() {
                edits.push(moved.remove());
                lines.push(dockerfile.source.slice(moved.span).to_owned());
                continue;
            }
            // Two neighbours would leave the blanks between them to both.
            let [part] = parts.as_slice() else { return None };
            edits.push(tree.remove_word(text, *part));
            lines.push(format!("{} {}", &*moved.word, dockerfile.source.slice(*part).trim_end()));
        }
        edits.push(tree.insert_after(text, behind, &lines.join(eol))?);
        let title = format!("Declare `{}` behind the steps that do not read it", &*pair.name);
        Some(if safe { Fix::safe(title, edits) } else { Fix::unsafe_(title, edits) }.rebuilds_once())
    }
}
