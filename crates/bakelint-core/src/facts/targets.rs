//! Bake targets with all that they take from others, and the edits that give them more.

use std::collections::BTreeSet;

use crate::bake::{Inputs, Sealed, Target};
use crate::edit::Edit;
use crate::model::Project;
use crate::model::bake::Bake;
use crate::syntax::hcl::{Expr, ExprKind, Object};

impl Bake {
    /// A target with what it inherits, for nobody in particular. A parent that is not there hides nothing of it.
    pub fn resolved(&self, name: &str) -> Option<Target> {
        self.evaluation.target(name)?;
        Some(self.evaluation.partially_resolve(name, &Inputs::default(), &Sealed::default()).0)
    }
}

impl Bake {
    /// The value of an attribute of a target as it is written, in its own block or in one that it inherits from. `None` unless
    /// exactly one block gives it, and that for one target.
    pub fn written<'b>(&'b self, target: &str, attribute: &str) -> Option<&'b Expr> {
        let mut open = vec![target.to_owned()];
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut found: Option<&Expr> = None;
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let parents = self.evaluation.target(&name)?.inherits.iter().map(|parent| parent.value.clone());
            open.extend(parents);
            for declared in self.definition.targets().filter(|declared| declared.name() == name) {
                let Some(value) = declared.attribute(attribute) else { continue };
                if found.is_some() || declared.block.body.json || declared.attribute("matrix").is_some() {
                    return None;
                }
                found = Some(value);
            }
        }
        found
    }
}

impl Project {
    /// An edit that adds an entry to an attribute of a target that is a map, such as `contexts`. `None` unless one HCL block
    /// that makes one target declares it, and the attribute, if it is there, is written as an object.
    pub fn add_map_entry(&self, bake: &Bake, target: &str, attribute: &str, entry: &str) -> Option<Edit> {
        let mut blocks = bake.definition.targets().filter(|declared| declared.name() == target);
        let block = blocks.next()?.block;
        if blocks.next().is_some() || block.body.json || block.body.attribute("matrix").is_some() {
            return None;
        }
        let text = self.text(block.span.file);
        let line_end =
            if text[..block.open.end as usize].contains("\r\n") || text.contains("\r\n") { "\r\n" } else { "\n" };
        let indent = |offset: u32| {
            let start = text[..offset as usize].rfind('\n').map_or(0, |at| at + 1);
            let line = &text[start..];
            line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned()
        };
        if let Some(found) = block.body.attribute(attribute) {
            let ExprKind::Object(object) = &found.value.kind else { return None };
            return Some(into_object(object, text, entry, line_end, &indent));
        }
        let near = ["dockerfile", "context", "inherits", "target"].iter().find_map(|name| block.body.attribute(name));
        let value = format!("{{ {entry} }}");
        let Some(near) = near else {
            return Some(Edit::insert(block.open.after(), format!("{line_end}  {attribute} = {value}")));
        };
        let width = near.equals.start.saturating_sub(near.name.span.start + 1) as usize;
        let line = format!("{line_end}{}{attribute:width$} = {value}", indent(near.span.start));
        Some(Edit::insert(near.span.after(), line))
    }
}

fn into_object(object: &Object, text: &str, entry: &str, line_end: &str, indent: &dyn Fn(u32) -> String) -> Edit {
    let Some(last) = object.entries.last() else {
        return Edit::insert(object.open.after(), format!(" {entry} "));
    };
    let end = last.comma.map_or(last.span(), |comma| last.span().cover(comma));
    let is_on_lines = text[object.open.end as usize..last.span().start as usize].contains('\n');
    let comma = if last.comma.is_some() || is_on_lines { "" } else { "," };
    let blank = if is_on_lines { format!("{line_end}{}", indent(last.span().start)) } else { " ".to_owned() };
    let tail = if last.comma.is_some() && is_on_lines { "," } else { "" };
    Edit::insert(end.after(), format!("{comma}{blank}{entry}{tail}"))
}

#[cfg(test)]
mod tests {
    use crate::edit::{Fix, apply};
    use crate::model::Project;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    #[test]
    fn an_entry_goes_where_it_fits() {
        let cases = [
            ("{\n  dockerfile = \"a\"\n}", "{\n  dockerfile = \"a\"\n  contexts   = { x = 1 }\n}"),
            ("{ contexts = {} }", "{ contexts = { x = 1 } }"),
            ("{ contexts = { a = 2 } }", "{ contexts = { a = 2, x = 1 } }"),
            ("{\n  contexts = {\n    a = 2\n  }\n}", "{\n  contexts = {\n    a = 2\n    x = 1\n  }\n}"),
            ("{\n  contexts = {\n    a = 2,\n  }\n}", "{\n  contexts = {\n    a = 2,\n    x = 1,\n  }\n}"),
            ("{\n}", "{\n  contexts = { x = 1 }\n}"),
        ];
        for (before, expected) in cases {
            let snapshot = Snapshot::from_texts([("docker-bake.hcl", format!("target \"t\" {before}\n"))]);
            let project = Project::new(snapshot, Settings::default());
            let edit = project.add_map_entry(&project.bakes[0], "t", "contexts", "x = 1").expect(before);
            let (after, _) = apply(&project.snapshot, [&Fix::safe("", vec![edit])]);
            let text = after.get(crate::source::FileId(0)).map(|file| file.text().to_owned());
            assert_eq!(text, Some(format!("target \"t\" {expected}\n")), "{before}");
        }
        let matrix = "target \"t\" {\n  name = \"t-${a}\"\n  matrix = { a = [1] }\n}\n";
        let project = Project::new(Snapshot::from_texts([("docker-bake.hcl", matrix)]), Settings::default());
        assert!(project.add_map_entry(&project.bakes[0], "t", "contexts", "x = 1").is_none());
    }
}
