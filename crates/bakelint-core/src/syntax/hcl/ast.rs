//! The tree of an HCL body.
//!
//! Every node and every token that an edit may have to touch has a [`Span`]; blanks between tokens are the text
//! between two spans. Chains of operators of one precedence are flat, so that a long chain is not a deep tree.

use crate::source::{Span, Spanned};
use crate::syntax::text::Text;

/// A parsed file: its top-level body, what was wrong with it, and its comments.
#[derive(Debug, Clone)]
pub struct File {
    /// The attributes and blocks at the top level. Incomplete where [`File::errors`] says so.
    pub body: Body,
    /// What HCL would refuse, in the order of the text.
    pub errors: Vec<Error>,
    /// All comments outside of strings, in order. The span of a line comment leaves out the line end.
    pub comments: Vec<Span>,
}

/// Something that HCL refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind of mistake in a few words, as hashicorp/hcl names it.
    pub summary: String,
    /// What is wrong here, in one or two sentences.
    pub detail: String,
    /// The guilty token.
    pub span: Span,
}

impl Error {
    /// An error at `span`.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>, span: Span) -> Self {
        Error { summary: summary.into(), detail: detail.into(), span }
    }
}

impl From<Error> for crate::syntax::SyntaxError {
    fn from(error: Error) -> Self {
        let detail = error.detail.strip_suffix('.').unwrap_or(&error.detail);
        crate::syntax::SyntaxError::new(format!("{}: {detail}", error.summary), error.span)
    }
}

/// What stands between the braces of a block, or in a whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Attributes and blocks in the order of the text. Of several attributes with one name only the first counts.
    pub items: Vec<Item>,
    /// From behind the opening brace to before the closing one; the whole text for a file.
    pub span: Span,
    /// Where a missing attribute is reported, as hashicorp/hcl does.
    pub missing: Span,
    /// Whether it is written in JSON. There a repeated argument is a mistake only where the argument has a meaning.
    pub json: bool,
}

impl Body {
    /// The attributes in order, repeated names included.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.items.iter().filter_map(|item| match item {
            Item::Attribute(attribute) => Some(attribute),
            Item::Block(_) => None,
        })
    }

    /// The first attribute of this name, which is the one that counts.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes().find(|attribute| attribute.name.node == name)
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.items.iter().filter_map(|item| match item {
            Item::Block(block) => Some(block),
            Item::Attribute(_) => None,
        })
    }
}

/// One entry of a [`Body`].
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `name = value`
    Attribute(Attribute),
    /// `type "label" { … }`
    Block(Block),
}

/// `name = value`
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name without quotes; in JSON the span covers the quotes.
    pub name: Spanned<String>,
    /// The `=`, or `:` in JSON.
    pub equals: Span,
    /// The expression.
    pub value: Expr,
    /// From the name to the end of the value.
    pub span: Span,
}

/// `type "label" { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The first word.
    pub kind: Spanned<String>,
    /// The labels without quotes; the spans cover the quotes.
    pub labels: Vec<Spanned<String>>,
    /// The `{`.
    pub open: Span,
    /// What stands between the braces.
    pub body: Body,
    /// The `}`; the last token of the block where it is missing.
    pub close: Span,
    /// From the first word to the closing brace.
    pub span: Span,
}

impl Block {
    /// The words before the brace.
    pub fn header(&self) -> Span {
        self.labels.last().map_or(self.kind.span, |label| self.kind.span.cover(label.span))
    }
}

/// An expression with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// From its first to its last byte, quotes and brackets included.
    pub span: Span,
}

/// The forms of expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as written. Its text may still be no number, `1..2` for instance.
    Number(String),
    /// Literal text within a template.
    Text(Text),
    /// `name.attribute[0]`: a name and the steps that follow it directly.
    Traversal(Box<Traversal>),
    /// Steps that follow any other expression.
    Access(Box<Access>),
    /// `collection[key]` where the key is not a constant.
    Index(Box<Index>),
    /// `list[*].name` or `list.*.name`.
    Splat(Box<Splat>),
    /// The element that the innermost [`Splat`] is at.
    Each,
    /// `function(argument, …)`
    Call(Box<Call>),
    /// `condition ? yes : no`, or `%{if condition}yes%{else}no%{endif}` in a template.
    Conditional(Box<Conditional>),
    /// `!x`, `-x`
    Unary(Box<Unary>),
    /// Operators of one precedence, applied from left to right.
    Binary(Box<Binary>),
    /// `[a, b]`
    Tuple(Box<Tuple>),
    /// `{ a = b }`
    Object(Box<Object>),
    /// `[for …]`, `{for …}`
    For(Box<For>),
    /// `(x)`
    Parens(Box<Expr>),
    /// A quoted string or here-document with text, several parts, or nothing in it.
    Template(Box<Template>),
    /// `"${x}"`: the value of x with its type.
    Wrap(Box<Expr>),
    /// `%{for …}…%{endfor}`: the inner [`For`], its results joined.
    Join(Box<Expr>),
    /// A JSON string where an expression stands: a template, or plain text where no expression is allowed.
    Json(Box<JsonString>),
    /// What could not be read.
    Invalid,
}

impl Expr {
    /// An expression.
    pub fn new(kind: ExprKind, span: Span) -> Self {
        Expr { kind, span }
    }

    /// The part that hashicorp/hcl underlines when the whole expression is to blame.
    pub fn start(&self) -> Span {
        let mut expr = self;
        loop {
            expr = match &expr.kind {
                ExprKind::Call(call) => return call.name.span.cover(call.open),
                ExprKind::Tuple(tuple) => return tuple.open,
                ExprKind::Object(object) => return object.open,
                ExprKind::For(of) => return of.open,
                ExprKind::Index(index) => return index.open,
                ExprKind::Unary(unary) => return unary.operator.span,
                ExprKind::Conditional(conditional) => &conditional.condition,
                ExprKind::Binary(binary) => &binary.first,
                ExprKind::Splat(splat) => &splat.source,
                ExprKind::Template(template) => match template.parts.first() {
                    Some(part) => part,
                    None => return expr.span,
                },
                ExprKind::Parens(inner) | ExprKind::Join(inner) => inner,
                _ => return expr.span,
            }
        }
    }

    /// The expressions that it is directly made of.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Access(access) => vec![&access.source],
            ExprKind::Index(index) => vec![&index.collection, &index.key],
            ExprKind::Splat(splat) => vec![&splat.source, &splat.each],
            ExprKind::Call(call) => call.arguments.iter().map(|argument| &argument.value).collect(),
            ExprKind::Conditional(conditional) => vec![&conditional.condition, &conditional.yes, &conditional.no],
            ExprKind::Unary(unary) => vec![&unary.operand],
            ExprKind::Binary(binary) => {
                std::iter::once(&binary.first).chain(binary.rest.iter().map(|(_, operand)| operand)).collect()
            }
            ExprKind::Tuple(tuple) => tuple.elements.iter().map(|element| &element.value).collect(),
            ExprKind::Object(object) => object.entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect(),
            ExprKind::For(of) => {
                let optional = [of.key.as_ref(), of.condition.as_ref()].into_iter().flatten();
                optional.chain([&of.collection, &of.value]).collect()
            }
            ExprKind::Parens(inner) | ExprKind::Wrap(inner) | ExprKind::Join(inner) => vec![inner],
            ExprKind::Template(template) => template.parts.iter().collect(),
            ExprKind::Json(json) => json.template.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The expression and all that it is made of.
    pub fn descendants(&self) -> Vec<&Expr> {
        let mut found = vec![self];
        let mut at = 0;
        while let Some(expr) = found.get(at) {
            let children = expr.children();
            found.extend(children);
            at += 1;
        }
        found
    }

    /// The word, if the expression is nothing but a bare word (`null`, `true` and `false` included).
    pub fn keyword(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Traversal(traversal) if traversal.steps.is_empty() => Some(&traversal.root.node),
            ExprKind::Null => Some("null"),
            ExprKind::Bool(true) => Some("true"),
            ExprKind::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The text, if the expression is a string without any interpolation.
    pub fn literal(&self) -> Option<&Text> {
        match &self.kind {
            ExprKind::Template(template) => match &template.parts[..] {
                [Expr { kind: ExprKind::Text(text), .. }] => Some(text),
                _ => None,
            },
            ExprKind::Text(text) => Some(text),
            ExprKind::Json(json) => json.template.as_ref().ok()?.literal(),
            ExprKind::Parens(inner) => inner.literal(),
            _ => None,
        }
    }
}

/// A name with the steps behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Traversal {
    /// The name.
    pub root: Spanned<String>,
    /// `.x` and `[0]`.
    pub steps: Vec<Step>,
}

/// An expression with steps behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// What the steps start from.
    pub source: Expr,
    /// `.x` and `[0]`.
    pub steps: Vec<Step>,
}

/// One step of a traversal.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it looks up.
    pub kind: StepKind,
    /// With its dot or brackets.
    pub span: Span,
}

/// What a [`Step`] looks up.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// `.name`
    Attribute(String),
    /// `.0` or `["constant"]`; the constant.
    Key(Box<Expr>),
}

/// `collection[key]`
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// What is looked into.
    pub collection: Expr,
    /// The key.
    pub key: Expr,
    /// The `[`.
    pub open: Span,
    /// `[key]`
    pub brackets: Span,
}

/// `source[*]…` or `source.*…`
#[derive(Debug, Clone, PartialEq)]
pub struct Splat {
    /// The list.
    pub source: Expr,
    /// What is done with each [`ExprKind::Each`].
    pub each: Expr,
    /// `[*]` or `.*`
    pub marker: Span,
}

/// `name(arguments)`
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function, with `::` if it is written so.
    pub name: Spanned<String>,
    /// The `(`.
    pub open: Span,
    /// The arguments.
    pub arguments: Vec<Element>,
    /// The `...` that spreads the last argument.
    pub expand: Option<Span>,
    /// The `)`.
    pub close: Span,
}

/// An element of a list or an argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The expression.
    pub value: Expr,
    /// The comma behind it.
    pub comma: Option<Span>,
}

/// A choice of two.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditional {
    /// What decides.
    pub condition: Expr,
    /// The value if true.
    pub yes: Expr,
    /// The value if false.
    pub no: Expr,
}

/// An operator before its operand.
#[derive(Debug, Clone, PartialEq)]
pub struct Unary {
    /// The sign.
    pub operator: Spanned<UnaryOperator>,
    /// What it applies to.
    pub operand: Expr,
}

/// The unary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `!`
    Not,
    /// `-`
    Negate,
}

/// Operators of one precedence.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The leftmost operand.
    pub first: Expr,
    /// The operators with their right operands; never empty.
    pub rest: Vec<(Spanned<BinaryOperator>, Expr)>,
}

/// The binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// `[a, b]`
#[derive(Debug, Clone, PartialEq)]
pub struct Tuple {
    /// The `[`.
    pub open: Span,
    /// The elements.
    pub elements: Vec<Element>,
    /// The `]`.
    pub close: Span,
}

/// `{ a = b }`
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The `{`.
    pub open: Span,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The `}`.
    pub close: Span,
    /// JSON refuses a repeated key, native syntax lets the last one win.
    pub json: bool,
}

/// One entry of an [`Object`].
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key. A bare word stands for itself unless it is in parentheses.
    pub key: Expr,
    /// Whether the key is to be evaluated even if it is a bare word.
    pub parens: bool,
    /// The `=` or `:`.
    pub separator: Span,
    /// The value.
    pub value: Expr,
    /// The comma behind it.
    pub comma: Option<Span>,
}

impl Entry {
    /// The key, if it is written as a constant.
    pub fn name(&self) -> Option<&str> {
        match self.parens {
            true => None,
            false => self.key.keyword().or_else(|| Some(&self.key.literal()?.value)),
        }
    }

    /// From the key to the end of the value.
    pub fn span(&self) -> Span {
        self.key.span.cover(self.value.span)
    }
}

/// `[for key, value in collection : result if condition]`
#[derive(Debug, Clone, PartialEq)]
pub struct For {
    /// The `[` or `{`, or the whole `%{for …}`.
    pub open: Span,
    /// The name for keys.
    pub key_name: Option<Spanned<String>>,
    /// The name for values.
    pub value_name: Spanned<String>,
    /// What is gone through.
    pub collection: Expr,
    /// The key of an object's entry; none for a list.
    pub key: Option<Expr>,
    /// The element or the entry's value.
    pub value: Expr,
    /// The condition after `if`.
    pub condition: Option<Expr>,
    /// The `...` that gathers values of one key.
    pub group: Option<Span>,
    /// The `]` or `}`, or `%{endfor}`.
    pub close: Span,
}

/// Text with interpolations.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// How it is written.
    pub form: TemplateForm,
    /// The opening quote or the `<<X` line.
    pub open: Span,
    /// The parts; [`ExprKind::Text`] for literal text.
    pub parts: Vec<Expr>,
    /// The closing quote or marker.
    pub close: Span,
}

/// How a [`Template`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateForm {
    /// `"…"`
    Quoted,
    /// `<<X`
    Heredoc,
    /// `<<-X`
    FlushHeredoc,
    /// The inside of a JSON string or of a directive.
    Bare,
}

/// A JSON string in the place of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonString {
    /// The string.
    pub text: Text,
    /// The string read as a template.
    pub template: Result<Expr, Vec<Error>>,
}
