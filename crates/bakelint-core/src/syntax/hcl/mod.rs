//! HCL, in its native syntax and in its JSON form.
//!
//! Reads what hashicorp/hcl reads and refuses what it refuses, with the same summary at the same token. Beyond that it
//! keeps the place of every token, and a block that is broken does not hide the ones behind it.

mod ast;
mod json;
mod parse;
mod scan;

pub use ast::*;
pub use json::{Schema, parse_json};
pub use parse::MAX_DEPTH;

use crate::source::{FileId, Span};
use crate::syntax::text::Text;
use parse::{Place, parse_body};
use scan::{Token, TokenKind, scan};

/// Reads a file in native syntax.
///
/// Where hashicorp/hcl gives up, the text is cut at block headers and names that begin a line, and the parts are read
/// one by one, so that [`File::body`] holds all that can be understood and [`File::errors`] all independent mistakes.
pub fn parse(file: FileId, text: &str) -> File {
    let tokens = scan(text);
    let place = Place::File(file);
    let (mut body, mut errors) = parse_body(text, &tokens, place);
    if !errors.is_empty() {
        let mut items = Vec::new();
        let mut found = Vec::new();
        for part in parts(text, &tokens) {
            let (part, more) = parse_body(text, &part, place);
            items.extend(part.items);
            found.extend(more);
        }
        body.items = items;
        let first = errors.swap_remove(0);
        errors = found;
        if !errors.contains(&first) {
            errors.insert(0, first);
        }
    }
    let mut invalid = parse::invalid_tokens(text, &tokens, place);
    repeated_arguments(&body, &mut errors);
    invalid.append(&mut errors);
    let comments = tokens.iter().filter(|token| token.kind == TokenKind::Comment).map(|token| {
        let range = token.start as usize..token.end as usize;
        let len = text.get(range).unwrap_or_default().trim_end_matches(['\n', '\r']).len();
        Span { file, start: token.start, end: token.start + len as u32 }
    });
    File { body, errors: invalid, comments: comments.collect() }
}

/// Reads an expression that is written inside a string, as types are in JSON.
pub fn parse_expression(text: &Text, whole: Span) -> (Expr, Vec<Error>) {
    parse::parse_expression(&text.value, Place::Text(&text.pieces, whole))
}

/// Cuts the tokens where a line begins with a block's header, or with a name outside of any brace.
fn parts(text: &str, tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut parts: Vec<Vec<Token>> = Vec::new();
    let mut current: Vec<Token> = Vec::new();
    let mut braces = 0i64;
    for (index, token) in tokens.iter().enumerate() {
        let line_start = token.start == 0 || text.as_bytes().get(token.start as usize - 1) == Some(&b'\n');
        if token.kind == TokenKind::Ident && token.plain && line_start {
            let rest = || tokens[index..].iter().map(|token| token.kind);
            if braces <= 0 || labelled_header(rest()) {
                let end = Token { kind: TokenKind::End, start: token.start, end: token.start, plain: true };
                current.push(end);
                parts.push(std::mem::take(&mut current));
                braces = 0;
            }
        }
        match token.kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen if token.plain => braces += 1,
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen if token.plain => braces -= 1,
            _ => {}
        }
        current.push(*token);
    }
    parts.push(current);
    parts
}

/// Whether the tokens are `word label … {` with at least one label.
fn labelled_header(mut kinds: impl Iterator<Item = TokenKind>) -> bool {
    kinds.next();
    let mut labels = 0;
    loop {
        match kinds.next() {
            Some(TokenKind::Ident | TokenKind::CloseQuote) => labels += 1,
            Some(TokenKind::OpenQuote | TokenKind::QuotedText) => {}
            Some(TokenKind::OpenBrace) => return labels > 0,
            _ => return false,
        }
    }
}

/// Tells of arguments that are set twice in one body.
fn repeated_arguments(body: &Body, errors: &mut Vec<Error>) {
    let mut seen = std::collections::HashSet::new();
    for item in &body.items {
        match item {
            Item::Attribute(attribute) => {
                if !seen.insert(attribute.name.node.as_str()) {
                    let detail = format!("The argument \"{}\" was already set in this body.", attribute.name.node);
                    errors.push(Error::new("Attribute redefined", detail, attribute.name.span));
                }
            }
            Item::Block(block) => repeated_arguments(&block.body, errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    /// The summaries with the text that each underlines.
    fn errors(text: &str) -> Vec<(String, String)> {
        let slice = |span: Span| text.get(span.range()).unwrap_or("?").to_owned();
        parse(FILE, text).errors.into_iter().map(|error| (error.summary, slice(error.span))).collect()
    }

    #[test]
    fn the_guilty_token_is_named_as_hashicorp_names_it() {
        let cases = [
            ("a = 'x'\n", "Invalid character", "'"),
            ("a = \n", "Invalid expression", "\n"),
            ("a = ", "Missing expression", ""),
            ("a = 1 b = 2\n", "Missing newline after argument", "b"),
            ("a = 1, b = 2\n", "Unexpected comma after argument", ","),
            ("a = 1\na = 2\n", "Attribute redefined", "a"),
            ("\"a\" = 1\n", "Invalid argument name", "\""),
            ("a\n", "Argument or block definition required", "a"),
            ("a = \"x\ny\"\n", "Invalid multi-line string", "\n"),
            ("a = \"${x\"", "Unclosed template interpolation sequence", "${"),
            ("a = \"${x:-y}\"\n", "Extra characters after interpolation expression", ":"),
            ("a = \"\\x\"\n", "Invalid escape sequence", "\\x"),
            ("a = \"\\u12\"\n", "Invalid escape sequence", "\\u12"),
            ("a = [1 2]\n", "Missing item separator", "2"),
            ("a = [1\n", "Unterminated tuple constructor expression", "["),
            ("a = { x 1 }\n", "Missing key/value separator", "1"),
            ("a = { x y }\n", "Missing key/value separator", "y"),
            ("a = { x }\n", "Missing key/value separator", "}"),
            ("a = { x = 1 y = 2 }\n", "Missing attribute separator", "y"),
            ("a = f(1 2)\n", "Missing argument separator", "2"),
            ("a = f(x... , 1)\n", "Missing closing parenthesis", "..."),
            ("a = f(1\n", "Unterminated function call", "f("),
            ("a = (1\n", "Unbalanced parentheses", ""),
            ("a = x ? 1\n", "Missing false expression in conditional", "\n"),
            ("a = x.0.1\n", "Invalid legacy index syntax", "0.1"),
            ("a = x.\n", "Invalid attribute name", "\n"),
            ("a = x[*\n", "Missing close bracket on splat index", "\n"),
            ("a = [for x y]\n", "Invalid 'for' expression", "y"),
            ("a = {for x in y : x}\n", "Invalid 'for' expression", "x"),
            ("a = [for x in y : x => x]\n", "Invalid 'for' expression", "x"),
            ("a = 1..2\n", "Invalid number literal", "1..2"),
            ("a = x & y\n", "Unsupported operator", "&"),
            ("a = \"%{ fi x }\"\n", "Invalid template control keyword", "fi"),
            ("a = \"%{ endif }\"\n", "Unexpected endif directive", "%{ endif }"),
            ("a = \"%{ if x }\"\n", "Unexpected end of template", "%{ if x }"),
            ("a = <<X\ntext\n", "Unterminated template string", ""),
            ("b \"${x}\" {\n}\n", "Invalid string literal", "${"),
            ("b x = 1\n", "Invalid block definition", "="),
            ("b \"x\"\n{\n}\n", "Invalid block definition", "\n"),
            ("b { x = 1, y = 2 }\n", "Invalid single-argument block definition", ","),
            ("b { x = 1\n}\n", "Invalid single-argument block definition", "\n"),
            ("b {\n", "Unclosed configuration block", "{"),
            ("b {} c {}\n", "Missing newline after block definition", "c"),
            ("a = @\n", "Invalid character", "@"),
            ("a = \u{201c}x\u{201d}\n", "Invalid character", "\u{201c}"),
            ("a = core::(1)\n", "Missing function name", "("),
        ];
        for (text, summary, token) in cases {
            let found = errors(text);
            let first = found.first().map(|(summary, token)| (summary.as_str(), token.as_str()));
            assert_eq!(first, Some((summary, token)), "{text:?} gave {found:?}");
        }
    }

    #[test]
    fn what_hashicorp_accepts_is_accepted() {
        let texts = [
            "",
            "\u{feff}a = 1\n",
            "a = 1",
            "a = {x = 1, x = 2, \"y\": 3, (z) = 4, 5 = 6, null = 7\n}\n",
            "a = [\n1,\n2,\n]\n",
            "a = f(\n1,\n2,\n)\n",
            "a = (x\n&& y)\n",
            "a = x[0].b[\"c\"][*].d.*.e[f]\n",
            "a = \"$$${x} %%{y} $ % \\u00e9 \\\"\"\n",
            "a = <<-X\n  a ${b}\n  X\nb = 1\n",
            "a = <<X\r\nb\r\nX\r\n",
            "a = \"%{ for k, v in x ~} ${k} %{ if v }y%{ else }n%{ endif }%{ endfor }\"\n",
            "target a \"b\" c {\n}\n",
            "b { a = 1 }\n# c\n// c\n/* c\n*/ d = 1 /* e */\n",
            "a = [for k, v in x : v if k != 1]\nb = {for k, v in x : k => v... if v}\n",
            "a = 1e5\nb = 1.5E-3\nc = -x + !y\n",
        ];
        for text in texts {
            assert_eq!(errors(text), [], "{text:?}");
        }
    }

    #[test]
    fn every_span_slices_to_the_token_it_stands_for() {
        let text = "target \"é\" {\n  tags = [\"a:${v}\", b] # c\n}\n";
        let file = parse(FILE, text);
        let slice = |span: Span| &text[span.range()];
        let block = file.body.blocks().next().expect("a block");
        assert_eq!((slice(block.kind.span), slice(block.labels[0].span)), ("target", "\"é\""));
        assert_eq!((slice(block.open), slice(block.close)), ("{", "}"));
        let tags = block.body.attribute("tags").expect("an attribute");
        assert_eq!((slice(tags.equals), slice(tags.span)), ("=", "tags = [\"a:${v}\", b]"));
        let ExprKind::Tuple(list) = &tags.value.kind else { panic!("a list") };
        assert_eq!(slice(list.elements[0].comma.expect("a comma")), ",");
        assert_eq!(slice(list.elements[0].value.span), "\"a:${v}\"");
        assert_eq!(file.comments.iter().map(|span| slice(*span)).collect::<Vec<_>>(), ["# c"]);
    }

    #[test]
    fn here_documents_lose_the_smallest_indentation_and_keep_their_places() {
        let text = "a = <<-X\n    one\n\n      two ${v}\n    X\n";
        let file = parse(FILE, text);
        let value = &file.body.attribute("a").expect("an attribute").value;
        let ExprKind::Template(template) = &value.kind else { panic!("a template") };
        let ExprKind::Text(first) = &template.parts[0].kind else { panic!("text") };
        assert_eq!(first.value, "one\n\n  two ");
        let two = first.value.find("two").expect("two");
        assert_eq!(&text[first.locate(two..two + 3).expect("a place").range()], "two");
    }

    #[test]
    fn a_broken_block_does_not_blind_the_rest() {
        let text =
            "target \"a\" {\n  args = {\n\ntarget \"b\" {\n  tags = [1 2]\n}\n\n}\ntarget \"c\" {\n  x = 1\n}\nv = )\n";
        let file = parse(FILE, text);
        let labels: Vec<&str> = file.body.blocks().map(|block| block.labels[0].node.as_str()).collect();
        assert_eq!(labels, ["a", "b", "c"]);
        let found = errors(text);
        let summaries: Vec<&str> = found.iter().map(|(summary, _)| summary.as_str()).collect();
        for summary in ["Missing expression", "Missing item separator", "Invalid expression"] {
            assert!(summaries.contains(&summary), "{summary} in {summaries:?}");
        }
        assert!(file.body.blocks().nth(2).expect("c").body.attribute("x").is_some());
    }

    #[test]
    fn json_is_read_as_blocks_arguments_and_templates() {
        static LEAF: Schema = Schema { blocks: &[] };
        static ROOT: Schema = Schema { blocks: &[("target", 1, &LEAF)] };
        let text =
            r#"{"target": {"a": {"x": "\u0041${v}", "//": 1}, "b": [{"y": 1}, {"y": [2]}]}, "other": {"z": null}}"#;
        let file = parse_json(FILE, text, &ROOT);
        assert_eq!(file.errors, []);
        let blocks: Vec<&Block> = file.body.blocks().collect();
        let labels: Vec<&str> = blocks.iter().map(|block| block.labels[0].node.as_str()).collect();
        assert_eq!(labels, ["a", "b", "b"]);
        let x = blocks[0].body.attribute("x").expect("x");
        let ExprKind::Json(json) = &x.value.kind else { panic!("a string") };
        let ExprKind::Template(template) = &json.template.as_ref().expect("a template").kind else { panic!("parts") };
        assert_eq!(&text[template.parts[0].span.range()], "\\u0041");
        assert_eq!(&text[template.parts[1].span.range()], "v");
        assert!(file.body.attribute("other").is_some());
        for (text, summary) in [
            ("[]", "Incorrect JSON value type"),
            (r#"{"target": 1}"#, "Incorrect JSON value type"),
            (r#"{"target": {}}"#, "Missing block label"),
            ("target {", "Invalid JSON"),
        ] {
            assert_eq!(parse_json(FILE, text, &ROOT).errors[0].summary, summary, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_time_is_linear() {
        let deep = 100_000;
        let texts = [
            format!("a = {}\n", "[".repeat(deep)),
            format!("a = {}1{}\n", "[".repeat(deep), "]".repeat(deep)),
            format!("a = {}\n", "{x=".repeat(deep)),
            format!("a = {}\n", "(".repeat(deep)),
            format!("a = {}x\n", "!".repeat(deep)),
            format!("a = {}\n", "\"${".repeat(deep)),
            format!("a = {}\n", "x ? ".repeat(deep)),
            format!("a = {}1\n", "x ? 1 : ".repeat(deep)),
            format!("a = x{}\n", "[y]".repeat(deep)),
            format!("a = x{}\n", "[*]".repeat(deep)),
            format!("a = \"{}\"\n", "%{if x}".repeat(deep)),
            "b {\n".repeat(deep),
        ];
        for text in &texts {
            let found = errors(text);
            assert!(found.iter().any(|(summary, _)| summary == "Nesting too deep"), "{:?} {found:?}", &text[..20]);
        }
        let flat = [
            format!("a = 1{}\n", " + 1".repeat(deep)),
            format!("a = x{}\n", ".y".repeat(deep)),
            format!("a = [{}]\n", "1,\n".repeat(deep)),
            format!("a = \"{}\"\n", "${x}$${y}".repeat(deep)),
            "/* ".repeat(deep),
            format!("a = <<-X\n{}X\n", " y ${z}\n".repeat(deep)),
            "a".repeat(deep),
            "}\n".repeat(deep / 10),
        ];
        for text in &flat {
            assert!(errors(text).iter().all(|(summary, _)| summary != "Nesting too deep"), "{:?}", &text[..20]);
        }
    }

    #[test]
    fn every_prefix_is_read_without_panic() {
        let text = "v = \"é${a[*].b}$${%{ if x ~} y %{ endif }\\u00e9\"\nt \"a\" {\r\n  h = <<-X\r\n  z %{ for k, v in {a=[1,2]} }${k}\r\n%{ endfor }\r\n  X\r\n}\n/* c */ f = {for k, v in x : k => f(v...)... if !(k == -1.5e3)}\n";
        for (end, _) in text.char_indices() {
            let prefix = &text[..end];
            for error in parse(FILE, prefix).errors {
                assert!(prefix.get(error.span.range()).is_some(), "{prefix:?} {error:?}");
            }
        }
    }
}
