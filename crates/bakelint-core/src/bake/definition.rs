//! A definition as written: the files, and what they declare.

use std::sync::Arc;

use crate::source::{FileId, LineIndex, Span};
use crate::syntax::SyntaxError;
use crate::syntax::hcl::{self, Attribute, Block, Expr, Schema};
use crate::syntax::yaml;

static LEAF: Schema = Schema { blocks: &[] };
static VARIABLE: Schema = Schema { blocks: &[("validation", 0, &LEAF)] };
static ROOT: Schema =
    Schema { blocks: &[("target", 1, &LEAF), ("group", 1, &LEAF), ("variable", 1, &VARIABLE), ("function", 1, &LEAF)] };

/// The attributes that a `target` block has; anything else in it is silently ignored.
pub const TARGET_ATTRIBUTES: &[&str] = &[
    "annotations",
    "args",
    "attest",
    "cache-from",
    "cache-to",
    "call",
    "context",
    "contexts",
    "description",
    "dockerfile",
    "dockerfile-inline",
    "entitlements",
    "extra-hosts",
    "inherits",
    "labels",
    "matrix",
    "name",
    "network",
    "no-cache",
    "no-cache-filter",
    "output",
    "platforms",
    "policy",
    "pull",
    "resources",
    "secret",
    "shm-size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];

/// The attributes that a `group` block has.
pub const GROUP_ATTRIBUTES: &[&str] = &["description", "targets"];

/// The attributes that a `variable` block has.
pub const VARIABLE_ATTRIBUTES: &[&str] = &["default", "description", "type"];

/// The kinds of block that mean something at the top level.
pub const BLOCK_KINDS: &[&str] = &["function", "group", "target", "variable"];

/// The files of a definition, parsed.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// In the order of the command line.
    pub files: Vec<DefinitionFile>,
}

/// One file of a definition.
#[derive(Debug, Clone)]
pub struct DefinitionFile {
    /// The name as given.
    pub name: String,
    /// Its place in the snapshot.
    pub file: FileId,
    /// Its text.
    pub text: Arc<str>,
    /// What it is written in.
    pub format: Format,
    lines: LineIndex,
}

/// What a file is written in.
#[derive(Debug, Clone)]
pub enum Format {
    /// HCL or its JSON form.
    Hcl(hcl::File),
    /// Compose.
    Compose(Box<Yaml>),
    /// Compose if it loads as such, else HCL or its JSON form: the name does not tell.
    Unclear(Box<Yaml>, hcl::File),
}

/// A parsed YAML file.
#[derive(Debug, Clone)]
pub struct Yaml {
    /// The tree.
    pub tree: yaml::Tree,
    /// What YAML refuses.
    pub errors: Vec<SyntaxError>,
}

impl DefinitionFile {
    /// Parses a file. Its name tells what it is written in.
    pub fn parse(name: impl Into<String>, file: FileId, text: impl Into<Arc<str>>) -> Self {
        let (name, text) = (name.into(), text.into());
        let lower = name.to_lowercase();
        let yaml = || {
            let (tree, errors) = yaml::parse(file, &text);
            Box::new(Yaml { tree, errors })
        };
        let either = || {
            let native = hcl::parse(file, &text);
            if native.errors.is_empty() {
                return native;
            }
            let json = hcl::parse_json(file, &text, &ROOT);
            if json.errors.is_empty() { json } else { native }
        };
        let format = if lower.ends_with(".yml") || lower.ends_with(".yaml") {
            Format::Compose(yaml())
        } else if name.ends_with(".json") {
            Format::Hcl(hcl::parse_json(file, &text, &ROOT))
        } else if name.ends_with(".hcl") {
            Format::Hcl(hcl::parse(file, &text))
        } else if lower.ends_with(".json") || lower.ends_with(".hcl") {
            Format::Hcl(either())
        } else {
            Format::Unclear(yaml(), either())
        };
        let lines = LineIndex::new(text.as_bytes());
        DefinitionFile { name, file, text, format, lines }
    }

    /// The parsed body of an HCL or JSON file, or of one that may be one.
    pub fn hcl(&self) -> Option<&hcl::File> {
        match &self.format {
            Format::Hcl(file) | Format::Unclear(_, file) => Some(file),
            Format::Compose(_) => None,
        }
    }

    /// The parsed tree of a compose file, or of one that may be one.
    pub fn yaml(&self) -> Option<&Yaml> {
        match &self.format {
            Format::Compose(yaml) | Format::Unclear(yaml, _) => Some(yaml),
            Format::Hcl(_) => None,
        }
    }
}

impl Definition {
    /// The HCL and JSON files with their bodies. A file that may be compose counts if it is sound HCL.
    fn bodies(&self) -> impl Iterator<Item = (&DefinitionFile, &hcl::File)> {
        self.files.iter().filter_map(|file| match &file.format {
            Format::Hcl(body) => Some((file, body)),
            Format::Unclear(_, body) if body.errors.is_empty() => Some((file, body)),
            _ => None,
        })
    }

    /// All blocks of one kind that have exactly one label, in order.
    pub fn blocks<'d>(&'d self, kind: &'d str) -> impl Iterator<Item = &'d Block> {
        self.bodies()
            .flat_map(|(_, file)| file.body.blocks())
            .filter(move |block| block.kind.node == kind && block.labels.len() == 1)
    }

    /// The declared targets, several of one name and labels of matrices included.
    pub fn targets(&self) -> impl Iterator<Item = Declared<'_>> {
        self.blocks("target").map(|block| Declared { block, known: TARGET_ATTRIBUTES })
    }

    /// The declared groups.
    pub fn groups(&self) -> impl Iterator<Item = Declared<'_>> {
        self.blocks("group").map(|block| Declared { block, known: GROUP_ATTRIBUTES })
    }

    /// The declared variables; of several with one name only the last counts.
    pub fn variables(&self) -> impl Iterator<Item = Declared<'_>> {
        self.blocks("variable").map(|block| Declared { block, known: VARIABLE_ATTRIBUTES })
    }

    /// The declared functions; of several with one name only the last counts.
    pub fn functions(&self) -> impl Iterator<Item = Declared<'_>> {
        self.blocks("function").map(|block| Declared { block, known: &["params", "result", "variadic_params"] })
    }

    /// The attributes at the top level: constants.
    pub fn constants(&self) -> impl Iterator<Item = &Attribute> {
        self.bodies().flat_map(|(_, file)| file.body.attributes())
    }

    /// Blocks at the top level that mean nothing and are silently ignored.
    pub fn ignored_blocks(&self) -> impl Iterator<Item = &Block> {
        let blocks = self.bodies().flat_map(|(_, file)| file.body.blocks());
        blocks.filter(|block| !BLOCK_KINDS.contains(&block.kind.node.as_str()))
    }

    /// Name, text and lines of the file that a span points into.
    pub fn source(&self, span: Span) -> Option<(&str, &str, &LineIndex)> {
        let file = self.files.iter().find(|file| file.file == span.file)?;
        Some((&file.name, &file.text, &file.lines))
    }
}

/// A declared target, group, variable or function.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'d> {
    /// The block as written.
    pub block: &'d Block,
    known: &'static [&'static str],
}

impl<'d> Declared<'d> {
    /// The label.
    pub fn name(&self) -> &'d str {
        self.block.labels.first().map_or("", |label| &label.node)
    }

    /// The place of the label, quotes included.
    pub fn name_span(&self) -> Span {
        self.block.labels.first().map_or(self.block.kind.span, |label| label.span)
    }

    /// The attributes in order, those that mean nothing included.
    pub fn attributes(&self) -> impl Iterator<Item = &'d Attribute> + use<'d> {
        self.block.body.attributes()
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&'d Expr> {
        self.block.body.attribute(name).map(|attribute| &attribute.value)
    }

    /// Attributes that mean nothing and are silently ignored.
    pub fn ignored_attributes(&self) -> impl Iterator<Item = &'d Attribute> + use<'d> {
        let known = self.known;
        self.block.body.attributes().filter(move |attribute| !known.contains(&attribute.name.node.as_str()))
    }

    /// Blocks that mean nothing and are silently ignored.
    pub fn ignored_blocks(&self) -> impl Iterator<Item = &'d Block> + use<'d> {
        let validations = self.known == VARIABLE_ATTRIBUTES;
        self.block.body.blocks().filter(move |block| !(validations && block.kind.node == "validation"))
    }

    /// The names of the attributes that mean something.
    pub fn known_attributes(&self) -> &'static [&'static str] {
        self.known
    }
}
