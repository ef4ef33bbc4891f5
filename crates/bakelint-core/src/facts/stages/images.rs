//! Which stages need which, and the images and triggers that they stand on.

use std::sync::Arc;

use super::config::{ImageConfig, parse_trigger};
use super::graph::{self, Node};
use super::run::{Run, SCRATCH, unset_of};
use super::{ForeignImage, Pass, StageBase, StepOrigin};
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{Body, Lookup};
use crate::syntax::image::ImageRef;
use crate::syntax::mapped::MappedText;

impl Run<'_> {
    pub fn graph(&mut self) {
        for stage in 0..self.tree.stages.len() {
            for instruction in self.tree.stages[stage].instructions.clone() {
                let Some(node) = self.tree.instructions.get(instruction) else { continue };
                if let Err(error) = self.connect(stage, instruction, &node.body) {
                    self.fail(Pass::Graph, Some(stage), error);
                }
            }
        }
        let Some(circle) = graph::circle(&self.nodes) else { return };
        let spans = circle.instructions.iter().filter_map(|at| self.tree.instructions.get(*at));
        let Some(first) = spans.min_by_key(|instruction| instruction.lines.0) else { return };
        let name = self.file.stage_name(circle.start);
        let mut error = SyntaxError::new(format!("stage `{name}` needs itself"), self.first_line(first, first.span));
        if circle.instructions.len() > 1 {
            let lines = circle.instructions.iter().filter_map(|at| self.tree.instructions.get(*at));
            let lines: Vec<String> = lines.map(|instruction| instruction.lines.0.to_string()).collect();
            error.help = Some(format!("the circle goes through the lines {}", lines.join(", ")));
        }
        self.fail(Pass::Graph, Some(circle.start), error);
    }

    /// Joins a stage with what one of its instructions copies or mounts from. Says whether it needs anything.
    fn connect(&mut self, stage: usize, instruction: usize, body: &Body) -> Result<bool, SyntaxError> {
        let mut needed = Vec::new();
        match body {
            Body::Copy(copy) => {
                let Some(from) = &copy.from else { return Ok(false) };
                // Quotes and variables make it another text, which BuildKit refuses.
                let plain = self.lexer.expand(from, &|_: &str| Lookup::Unset);
                if !plain.is_ok_and(|expansion| expansion.value.known() == Some(from.as_str())) {
                    let span = self.on_first_line(instruction, from.span());
                    let mut error = SyntaxError::new("`--from` takes no variables", span);
                    error.help = Some("name a stage with `FROM ... AS name` that uses the variable".to_owned());
                    return Err(error);
                }
                let by_number = |index: i64| {
                    let at = usize::try_from(index).ok()?;
                    Some((at, self.nodes.get(at)?.image.as_ref().map(|(name, _)| name.clone())))
                };
                needed.push(match from.parse::<i64>() {
                    Err(_) => self.stage_named(from).unwrap_or_else(|| self.external(from, instruction)),
                    Ok(index) => match by_number(index) {
                        Some((stage, None)) => stage,
                        // The images that instructions copy from are counted as well, once each time.
                        Some((_, Some(image))) => self.external(&image, instruction),
                        None => {
                            let span = self.on_first_line(instruction, from.span());
                            return Err(SyntaxError::new(format!("there is no stage {index}"), span));
                        }
                    },
                });
            }
            Body::Run(run) => {
                for mount in &run.mounts {
                    // A mount without `from` needs the empty image, unless a stage has taken its name.
                    let from = mount.from().map_or(SCRATCH, |from| from.as_str());
                    needed.push(self.stage_named(from).unwrap_or_else(|| self.external(from, instruction)));
                }
            }
            _ => return Ok(false),
        }
        let any = !needed.is_empty();
        for node in &needed {
            self.nodes[stage].needs.insert(*node, instruction);
        }
        self.needs.insert(instruction, needed);
        Ok(any)
    }

    fn external(&mut self, name: &str, instruction: usize) -> usize {
        self.nodes.push(Node { image: Some((name.to_owned(), instruction)), ..Node::default() });
        self.dispatched.push(true);
        self.nodes.len() - 1
    }

    /// Looks up what stages stand on, and joins the triggers of parent stages until nothing new is needed.
    pub fn images(&mut self) {
        self.resolves_images = !self.stopped;
        let all = self.is_for_all_stages();
        let target = self.evaluation.target.unwrap_or(usize::MAX);
        let mut looked_up = 0;
        let mut triggered = vec![false; self.tree.stages.len()];
        loop {
            let reachable = graph::reachable(&self.nodes, target);
            if looked_up == 0 {
                self.stage_images();
            }
            self.external_images(looked_up.max(self.tree.stages.len()));
            looked_up = self.nodes.len();
            let mut more = false;
            for stage in 0..self.tree.stages.len() {
                self.evaluation.stages[stage].reachable = reachable[stage];
                if reachable[stage] && !std::mem::replace(&mut triggered[stage], true) {
                    more |= self.trigger(stage);
                }
            }
            if !more {
                break;
            }
        }
        for (at, stage) in self.evaluation.stages.iter_mut().enumerate() {
            // A context that takes the place of a stage can be copied from at once.
            self.dispatched[at] = self.replaced[at] && (all || stage.reachable);
            stage.evaluated = all || stage.reachable && !self.replaced[at];
        }
    }

    /// Finds out about the bases of all stages. A reference that is none is an error even in a stage that is not needed.
    fn stage_images(&mut self) {
        let all = self.is_for_all_stages();
        let reachable = graph::reachable(&self.nodes, self.evaluation.target.unwrap_or(usize::MAX));
        let tree = self.tree;
        for (at, stage) in tree.stages.iter().enumerate() {
            let evaluation = &self.evaluation.stages[at];
            let name = evaluation.base_name.as_ref().and_then(|word| word.value.known()).map(str::to_owned);
            if let (StageBase::Image(None) | StageBase::Context(_), Some(name)) = (&evaluation.base, &name)
                && let Err(error) = ImageRef::parse(name)
            {
                let unset = evaluation.base_name.as_ref().and_then(unset_of);
                let span = self.on_first_line(stage.from, stage.base.span());
                let mut fault = SyntaxError::new(format!("`{name}` is no image: {error}"), span);
                fault.help = unset.as_ref().map(|name| format!("`{name}` has no value"));
                self.fail_for(Pass::Images, Some(at), fault, unset);
            }
            self.configs[at] = match &self.evaluation.stages[at].base {
                StageBase::Stage(_) => continue,
                StageBase::Scratch => {
                    ImageConfig { workdir: Some("/".into()), complete: true, ..ImageConfig::default() }
                }
                StageBase::Image(None) => ImageConfig::default(),
                StageBase::Image(Some(image)) => self.image_config(image),
                StageBase::Context(context) => self.context_config(*context),
            };
            let is_asked = stage.platform.is_some() || !self.build.platforms.is_empty();
            let wanted = self.evaluation.stages[at].platform.clone();
            if let (true, StageBase::Image(Some(image)), Some(wanted)) =
                (all || reachable[at], &self.evaluation.stages[at].base, wanted)
                && let Some(actual) = self.foreign(image, &wanted, is_asked)
            {
                self.evaluation.foreign_images.push(ForeignImage {
                    image: name.unwrap_or_default(),
                    wanted,
                    actual,
                    instruction: stage.from,
                    span: stage.base.span(),
                });
            }
        }
    }

    /// Images that instructions copy or mount from, beginning with the node `from`.
    fn external_images(&mut self, from: usize) {
        for at in from..self.nodes.len() {
            let Some((name, instruction)) = self.nodes[at].image.clone() else { continue };
            if name == SCRATCH {
                continue;
            }
            let Some(node) = self.tree.instructions.get(instruction) else { continue };
            let body = match &node.body {
                Body::Onbuild(onbuild) => &onbuild.body,
                body => body,
            };
            let written = match body {
                Body::Copy(copy) => copy.from.as_ref().map(MappedText::span),
                Body::Run(run) => {
                    let mut named = run.mounts.iter().filter_map(|mount| mount.from()).filter(|from| **from == *name);
                    named.next().map(MappedText::span)
                }
                _ => None,
            };
            let span = written.unwrap_or(node.span);
            match (ImageRef::parse(&name), self.evaluation.platform.clone()) {
                (Err(error), _) => {
                    let span = self.first_line(node, span);
                    self.fail(
                        Pass::Images,
                        node.stage,
                        SyntaxError::new(format!("`{name}` is no image: {error}"), span),
                    );
                }
                (Ok(image), Some(wanted)) => {
                    let is_asked = !self.build.platforms.is_empty();
                    if let Some(actual) = self.foreign(&image, &wanted, is_asked) {
                        self.evaluation.foreign_images.push(ForeignImage {
                            image: name,
                            wanted,
                            actual,
                            instruction,
                            span,
                        });
                    }
                }
                (Ok(_), None) => {}
            }
        }
    }

    /// Lets a stage begin with the triggers of what it stands on. Says whether they need anything.
    fn trigger(&mut self, stage: usize) -> bool {
        let mut more = false;
        let from = self.tree.stages[stage].from;
        let mut triggers: Vec<(usize, StepOrigin)> = Vec::new();
        for text in std::mem::take(&mut self.configs[stage].triggers) {
            match parse_trigger(self.file.file, &text) {
                Ok(instruction) => triggers.push((from, StepOrigin::Image(Arc::new(instruction)))),
                Err(message) => {
                    let span = self.on_first_line(from, self.tree.stages[stage].base.span());
                    self.fail(Pass::Images, Some(stage), SyntaxError::new(message, span));
                }
            }
        }
        if let StageBase::Stage(parent) = self.evaluation.stages[stage].base {
            let own = self.tree.stages[parent].instructions.clone();
            triggers.extend(own.filter(|at| self.is_onbuild(*at)).map(|at| (at, StepOrigin::Trigger)));
        }
        let tree = self.tree;
        for (at, origin) in &triggers {
            let body = match (origin, tree.instructions.get(*at).map(|instruction| &instruction.body)) {
                (StepOrigin::Image(instruction), _) => &instruction.body,
                (_, Some(Body::Onbuild(onbuild))) => {
                    if let Some(error) = &onbuild.error {
                        let span = self.on_first_line(from, tree.stages[stage].base.span());
                        let mut fault =
                            SyntaxError::new(format!("a trigger of the base fails: {}", error.message), span);
                        fault.help = error.help.clone();
                        self.fail(Pass::Images, Some(stage), fault);
                    }
                    &onbuild.body
                }
                _ => continue,
            };
            match self.connect(stage, *at, body) {
                Ok(needs) => more |= needs,
                Err(error) => {
                    let span = self.on_first_line(from, tree.stages[stage].base.span());
                    self.fail(Pass::Images, Some(stage), SyntaxError { span, ..error });
                }
            }
        }
        self.triggers[stage] = triggers;
        more
    }

    fn is_onbuild(&self, instruction: usize) -> bool {
        self.tree.instructions.get(instruction).is_some_and(|node| matches!(node.body, Body::Onbuild(_)))
    }
}
