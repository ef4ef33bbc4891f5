#![allow(clippy::unwrap_used)]

use super::*;
use crate::edit::Edit;
use crate::source::FileId;

const FILE: FileId = FileId(0);

fn read(text: &str) -> Tree {
    let (tree, errors) = parse(FILE, text);
    assert_eq!(errors, [], "{text:?}");
    tree
}

fn slice(text: &str, span: Span) -> &str {
    text.get(span.range()).unwrap()
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits = edits.to_vec();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    edits.iter().fold(text.to_owned(), |mut text, edit| {
        text.replace_range(edit.span.range(), &edit.text);
        text
    })
}

/// What must hold in every tree, also in that of a broken file.
fn check_tree(text: &str, tree: &Tree) {
    for document in tree.documents() {
        if let Some(root) = document.root {
            check_node(text, tree.node(root), document.span);
        }
    }
    for comment in tree.comments() {
        assert!(slice(text, comment.span).starts_with('#'));
    }
}

fn check_node(text: &str, node: Node<'_>, outer: Span) {
    let full = node.full_span();
    assert!(outer.contains(full), "{node:?} at {full:?} stands outside {outer:?} in {text:?}");
    assert!(full.contains(node.span()));
    match node.written() {
        Content::Scalar(scalar) => {
            let token = slice(text, node.span());
            assert_eq!(token, token.trim_matches([' ', '\n', '\r']), "{text:?}");
            let mapped = node.mapped_text(text).unwrap();
            assert_eq!(mapped.as_str(), scalar.text);
            // No piece may stand for all of the token, which would mean that the places are not known.
            let whole = scalar.style != ScalarStyle::Plain && scalar.text.len() > 2;
            assert!(!whole || mapped.span_of(0..1) != node.span(), "{token:?} in {text:?}");
        }
        Content::Mapping(_) => {
            for entry in node.entries() {
                assert!(
                    node.span().contains(entry.span()),
                    "{node:?} {:?} {entry:?} {:?} in {text:?}",
                    node.span(),
                    entry.span()
                );
                assert_eq!(entry.value.parent().map(Node::id), Some(node.id()));
                check_node(text, entry.key, entry.span());
                check_node(text, entry.value, entry.span());
            }
        }
        Content::Sequence(_) => node.items().for_each(|item| check_node(text, item, node.span())),
        Content::Alias(_) | Content::Absent => {}
    }
}

const SAMPLES: &[&str] = &[
    "# head\non: [push, {a: b, c}]\njobs:\n  # above\n  build: &b !t   # right\n    steps:\n    - run: |\n        make  # no comment\n\n        make install\n\n    - uses: x@y\n      with: {}\n  test: *b\n",
    "a: 'it''s\n  folded\n\n  twice'\nb: \"x\\ty \\\n   z\\u00e9\\x41\n\n  w\\n\"\nc: plain\n  goes\n\n  on\n",
    "a: >-\n  one\n  two\n\n  three\n   deep\n  four\n\n\nb: |+\n  kept\n\n\nc: |2-\n   indented\n  less\nd: >\n\n  lead\n",
    "? complex\n: value\n? alone\n? [a, b]\n: - c\n",
    "x:\n- - a\n  - b\n-\n- \n  c\n- {? k : v, w: [1,2,], }\n- [one: two]\n",
    "--- !!map\na: 1\n...\n# between\n---\n- b\n--- |\n text\n",
    "k:\r\n  - |\r\n    a\r\n    b\r\n  - \"x\r\n    y\"\r\n# end\r\n",
    "\u{feff}key: value # ü\nübung: ä\n",
    "base: &base {a: 1}\nuse:\n  <<: *base\n  b: 2\n",
    "waitFor: [-]\nz: [a, -, b]\n",
    "a: \"\"\nb: ''\nc: |\nd: >-\n\n\ne: ~\nf:\n",
];

#[test]
fn every_prefix_of_every_sample_gives_a_sound_tree() {
    for sample in SAMPLES {
        check_tree(sample, &read(sample));
        for end in (0..sample.len()).filter(|end| sample.is_char_boundary(*end)) {
            let (tree, _) = parse(FILE, &sample[..end]);
            check_tree(&sample[..end], &tree);
        }
    }
}

#[test]
fn spans_cover_tokens_without_what_stands_around_them() {
    let text = SAMPLES[0];
    let tree = read(text);
    let root = tree.root().unwrap();
    let build = root.at(&["jobs", "build"]).unwrap();
    let steps = build.get("steps").unwrap();
    let step = steps.items().next().unwrap();
    let run = step.entry("run").unwrap();
    assert_eq!(slice(text, run.value.span()), "|\n        make  # no comment\n\n        make install");
    assert_eq!(slice(text, step.span()), slice(text, run.span()));
    assert!(slice(text, steps.span()).starts_with("- run: |") && slice(text, steps.span()).ends_with("with: {}"));
    assert_eq!(slice(text, root.get("on").unwrap().span()), "[push, {a: b, c}]");
    assert!(slice(text, build.full_span()).starts_with("&b !t   # right\n    steps:"));
    assert_eq!(build.anchor().map(|anchor| anchor.node), Some("b"));
    assert_eq!(build.tag().map(|tag| (tag.node, slice(text, tag.span))), Some(("!t", "!t")));
    let test = root.at(&["jobs", "test"]).unwrap();
    assert_eq!(slice(text, test.span()), "*b");
    assert_eq!(test.get("steps").map(Node::id), Some(steps.id()));
    let comments: Vec<_> = tree.comments().iter().map(|comment| (comment.text.as_str(), comment.own_line)).collect();
    assert_eq!(comments, [(" head", true), (" above", true), (" right", false)]);
}

#[test]
fn an_absent_value_is_not_a_written_null() {
    let text = "a:\nb: ~\nc: {d, e: }\nf: !!str\ng:  # nothing\n- x\n";
    let text = text.trim_end_matches("- x\n");
    let tree = read(text);
    let root = tree.root().unwrap();
    let kinds: Vec<_> = root.entries().map(|entry| (entry.value.is_absent(), entry.value.is_null())).collect();
    assert_eq!(kinds, [(true, true), (false, true), (false, false), (true, true), (true, true)]);
    assert_eq!(slice(text, root.entry("a").unwrap().span()), "a:");
    assert_eq!(slice(text, root.entry("g").unwrap().span()), "g:");
    assert_eq!(slice(text, root.entry("f").unwrap().span()), "f: !!str");
    assert!(root.at(&["c", "d"]).unwrap().is_absent());
}

#[test]
fn duplicate_keys_stay_visible_and_the_last_counts() {
    let tree = read("a: 1\nb: 2\na: 3\n'a': 4\n");
    let root = tree.root().unwrap();
    assert_eq!(root.get("a").and_then(Node::text), Some("4"));
    let twice = root.duplicates();
    assert_eq!(twice.iter().map(|(first, later)| (first.index, later.index)).collect::<Vec<_>>(), [(0, 2), (0, 3)]);
}

#[test]
fn merge_keys_apply_only_on_demand_and_tell_where_an_entry_comes_from() {
    let text = "one: &one {a: 1, b: 1}\ntwo: &two\n  <<: *one\n  b: 2\n  c: 2\nboth:\n  <<: [*two, *one]\n  c: 3\nquoted:\n  '<<': x\n";
    let tree = read(text);
    let root = tree.root().unwrap();
    let both = root.get("both").unwrap();
    assert!(both.get("a").is_none());
    let seen: Vec<_> = both.merged_entries().iter().map(|e| (e.name().unwrap(), e.value.text().unwrap())).collect();
    assert_eq!(seen, [("c", "3"), ("b", "2"), ("a", "1")]);
    let b = both.merged_entry("b").unwrap();
    assert_eq!(b.mapping.id(), root.get("two").unwrap().id());
    assert!(!root.get("quoted").unwrap().entries().next().unwrap().is_merge());
}

#[test]
fn aliases_that_cannot_be_expanded_are_errors_and_lead_nowhere() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    (1..30).for_each(|n| bomb += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", ")));
    let mut ladder = "a0: &a0 [x]\n".to_owned();
    (1..2000).for_each(|n| ladder += &format!("a{n}: &a{n} [*a{}]\n", n - 1));
    let cases = [
        ("a: *nowhere\n", "no anchor `&nowhere` comes before this alias"),
        ("a: &a [*a]\n", "the anchor `&a` would contain itself"),
        (&bomb, "the aliases of this document expand to more than a million nodes"),
        (&ladder, "the aliases of this document expand to a nesting that is too deep"),
    ];
    for (text, message) in cases {
        let (tree, errors) = parse(FILE, text);
        assert_eq!(errors.first().map(|error| error.message.as_str()), Some(message));
        check_tree(text, &tree);
        // Whoever walks through all aliases comes to an end.
        let mut left = 2_000_000usize;
        let mut stack: Vec<Node<'_>> = tree.root().into_iter().collect();
        while let Some(node) = stack.pop() {
            left -= 1;
            stack.extend(node.items());
            stack.extend(node.entries().map(|entry| entry.value));
        }
        assert!(left > 0);
    }
}

#[test]
fn errors_say_what_to_do_and_keep_what_was_read() {
    let cases = [
        ("a:\n\tb: 1\n", "a tab cannot be used for indentation", "b:"),
        ("a: 1\n b: 2\n", "a `key: value` cannot begin here", ":"),
        ("a: [x, y\nb: 1\n", "a `:` cannot stand here", ":"),
        ("a: [x, y\n", "`[` is not closed", "["),
        ("a: {x, y]\n", "`{` is closed by `]`", "{"),
        ("a: 'x\n", "the quoted text is not closed", "'x"),
        ("a: @x\n", "a value cannot begin with `@`", "@x"),
        ("a: \"\\q\"\n", "unknown escape sequence in double quotes", "\"\\q\""),
        ("a: \u{1a}\n", "this is not valid UTF-8", "\u{1a}"),
        ("a: \u{7}\n", "the character U+0007 may not stand in YAML", "\u{7}"),
        ("a: 1\nb\nc: 2\n", "expected `:` behind this key", "b"),
    ];
    for (text, message, token) in cases {
        let (tree, errors) = parse(FILE, text);
        let first = errors.first().unwrap_or_else(|| panic!("{text:?} has no error"));
        assert_eq!((first.message.as_str(), slice(text, first.span)), (message, token), "{text:?}");
        check_tree(text, &tree);
    }
    let (tree, errors) = parse(FILE, "a: 1\nb: [\n---\nc: 3\n");
    assert_eq!(errors.len(), 1);
    assert_eq!(tree.root().unwrap().get("a").and_then(Node::text), Some("1"));
    assert_eq!(tree.documents().len(), 2);
    assert_eq!(tree.documents()[1].root.and_then(|id| tree.node(id).get("c")).and_then(Node::text), Some("3"));
}

#[test]
fn decoded_ranges_map_to_the_bytes_they_were_written_with() {
    // (text, decoded, range of decoded text by what it reads, what stands in the file)
    let cases = [
        ("a: |\n  make all\n  make install\n", "install", "install"),
        ("a: |\n  one \\\n    two\n", "one \\\n  two", "one \\\n    two"),
        ("a: 'it''s here'\n", "it's", "it''s"),
        ("a: 'it''s here'\n", "here", "here"),
        ("a: \"tab\\there \\u00e9t\\u00e9\"\n", "here été", "here \\u00e9t\\u00e9"),
        ("a: \"x\\\n     y\"\n", "xy", "x\\\n     y"),
        ("a: one\n   two\n", "one two", "one\n   two"),
        ("a: >\n  one\n  two\n\n  three\n", "two\nthree", "two\n\n  three"),
        ("a:\r\n  - |\r\n    x\r\n    y\r\n", "x\ny", "x\r\n    y"),
    ];
    for (text, part, written) in cases {
        let tree = read(text);
        let value = tree.root().unwrap().get("a").unwrap();
        let scalar = value.items().next().unwrap_or(value);
        let mapped = scalar.mapped_text(text).unwrap();
        let start = scalar.text().unwrap().find(part).unwrap();
        let part = mapped.slice(start..start + part.len());
        assert_eq!(slice(text, part.span()), written, "{text:?}");
        assert_eq!(part.is_verbatim(), part.as_str() == written);
    }
}

#[test]
fn entries_come_and_go_as_their_neighbours_do() {
    type Change = fn(&str, Node<'_>) -> Option<Vec<Edit>>;
    let insert_last: Change = |text, node| insert_entry(text, node, usize::MAX, "new: 1");
    let insert_first: Change = |text, node| insert_entry(text, node, 0, "new: 1");
    let insert_lines: Change = |text, node| insert_entry(text, node, usize::MAX, "new:\n  deep: 1");
    let remove_x: Change = |text, node| remove_entry(text, node.entry("x")?);
    let item_last: Change = |text, node| insert_item(text, node, usize::MAX, "new");
    let item_lines: Change = |text, node| insert_item(text, node, 1, "name: n\nrun: r");
    let remove_first: Change = |text, node| remove_item(text, node, 0);
    let remove_last: Change = |text, node| remove_item(text, node, node.items().len() - 1);
    let cases: &[(Change, &str, Option<&str>)] = &[
        (insert_last, "a:\n  x: 1  # why\n\nb: 2\n", Some("a:\n  x: 1  # why\n  new: 1\n\nb: 2\n")),
        (insert_last, "a:\n  x: |\n    text\nb: 2\n", Some("a:\n  x: |\n    text\n  new: 1\nb: 2\n")),
        (insert_last, "a:\n  x: |+\n    text\n\nb: 2\n", Some("a:\n  x: |+\n    text\n\n  new: 1\nb: 2\n")),
        (insert_last, "a:\n  x: 1", Some("a:\n  x: 1\n  new: 1")),
        (insert_last, "a:\r\n  x: 1\r\n", Some("a:\r\n  x: 1\r\n  new: 1\r\n")),
        (insert_first, "a:\n  # about x\n  x: 1\n", Some("a:\n  # about x\n  new: 1\n  x: 1\n")),
        (insert_lines, "a:\n    x: 1\n", Some("a:\n    x: 1\n    new:\n      deep: 1\n")),
        (insert_last, "a: {x: 1}\n", Some("a: {x: 1, new: 1}\n")),
        (insert_first, "a: {x: 1}\n", Some("a: {new: 1, x: 1}\n")),
        (insert_last, "a: {}\n", Some("a: {new: 1}\n")),
        (insert_lines, "a: {x: 1}\n", None),
        (insert_lines, "a: {}  # none\nb: 1\n", Some("a:  # none\n  new:\n    deep: 1\nb: 1\n")),
        (insert_last, "a:  # none\nb: 1\n", Some("a:  # none\n  new: 1\nb: 1\n")),
        (insert_last, "b:\n    c: 1\na: null\n", Some("b:\n    c: 1\na:\n    new: 1\n")),
        (insert_last, "a: text\n", None),
        (insert_last, "b: &b {x: 1}\na: *b\n", None),
        (remove_x, "a:\n  w: 0\n  x:\n    y: 1 # why\n  z: 2\n", Some("a:\n  w: 0\n  z: 2\n")),
        (remove_x, "a:\n  x: 1\nb: 2\n", Some("a: {}\nb: 2\n")),
        (remove_x, "a: {x: 1, y: 2}\n", Some("a: {y: 2}\n")),
        (remove_x, "a: {w: 1, x: 2}\n", Some("a: {w: 1}\n")),
        (remove_x, "a: {x: 2}\n", Some("a: {}\n")),
        (item_last, "a:\n- x\n- y\nb: 1\n", Some("a:\n- x\n- y\n- new\nb: 1\n")),
        (item_last, "a: [x]\n", Some("a: [x, new]\n")),
        (item_last, "a:\nb: 1\n", Some("a:\n  - new\nb: 1\n")),
        (
            item_lines,
            "a:\n  - name: x\n    run: y\n\n  - z\n",
            Some("a:\n  - name: x\n    run: y\n  - name: n\n    run: r\n\n  - z\n"),
        ),
        (remove_first, "a:\n  - x: 1\n    y: 2\n  - z\n", Some("a:\n  - z\n")),
        (remove_first, "a:\n  - x\n", Some("a: []\n")),
        (remove_first, "a:\n  - - x\n    - y\n", Some("a: []\n")),
        (remove_last, "a: [x, y]\n", Some("a: [x]\n")),
        (remove_last, "a:\n- x\n- y: |\n    z\n\nb: 1\n", Some("a:\n- x\n\nb: 1\n")),
    ];
    for (change, before, after) in cases {
        let tree = read(before);
        let edits = change(before, tree.root().unwrap().get("a").unwrap());
        let changed = edits.map(|edits| apply(before, &edits));
        assert_eq!(changed.as_deref(), *after, "{before:?}");
        if let Some(changed) = changed {
            read(&changed);
        }
    }
    // The first key of a list item shares its line with the `-`.
    let text = "- x: 1\n  y: 2\n- z\n";
    let tree = read(text);
    let step = tree.root().unwrap().items().next().unwrap();
    assert_eq!(entry_lines(text, step.entry("x").unwrap()), None);
    assert_eq!(apply(text, &remove_entry(text, step.entry("x").unwrap()).unwrap()), "- y: 2\n- z\n");
    assert_eq!(apply(text, &insert_entry(text, step, 0, "n: 0").unwrap()), "- n: 0\n  x: 1\n  y: 2\n- z\n");
}

#[test]
fn scalars_are_replaced_in_their_own_style() {
    let cases = [
        ("a: old # c\n", "new", "a: new # c\n"),
        ("a: old\n", "x: y", "a: \"x: y\"\n"),
        ("a: old\n", "true", "a: \"true\"\n"),
        ("a: 10\n", "20", "a: 20\n"),
        ("a: [old]\n", "x, y", "a: [\"x, y\"]\n"),
        ("a: 'old'\n", "it's", "a: 'it''s'\n"),
        ("a: \"old\"\n", "say \"x\"\n", "a: \"say \\\"x\\\"\\n\"\n"),
        ("a: |\n  old\n  text\nb: 1\n", "one\n\ntwo\n", "a: |\n  one\n\n  two\nb: 1\n"),
        ("a: >-\n  old\n", "new", "a: |-\n  new\n"),
        ("a: |\n  old\n", "x\n\n", "a: |+\n  x\n\n"),
        ("a:\nb: 1\n", "new", "a: new\nb: 1\n"),
        ("b: &b old\na: *b\n", "new", "b: &b old\na: new\n"),
    ];
    for (before, new, after) in cases {
        let tree = read(before);
        let value = tree.root().unwrap().get("a").unwrap();
        let edit = replace_scalar(before, value.items().next().unwrap_or(value), new).unwrap();
        let changed = apply(before, &[edit]);
        assert_eq!(changed, after);
        let tree = read(&changed);
        let value = tree.root().unwrap().get("a").unwrap();
        assert_eq!(value.items().next().unwrap_or(value).text(), Some(new));
    }
}

#[test]
fn quoted_text_reads_back_as_itself_in_both_styles() {
    let texts = [
        "",
        "plain",
        "a b",
        " a",
        "a ",
        "- a",
        "-a",
        "-",
        "?",
        ":",
        "a:",
        "a: b",
        "a:b",
        "a #b",
        "a#b",
        "#a",
        "[a]",
        "{a}",
        "a,b",
        "${{ x }}",
        "*a",
        "&a",
        "!a",
        "@a",
        "`a",
        "%a",
        "'",
        "\"",
        "it's",
        "say \"x\"",
        "both ' and \"",
        "back\\slash",
        "a\nb",
        "\t",
        "a\tb",
        "é",
        "\u{feff}x",
        "\u{2028}",
        "\u{7}",
        "1",
        "1.5",
        "true",
        "null",
        "~",
        "0x1F",
        "2024-01-01",
        "yes",
        "<<",
        "---",
        "--- a",
        "...",
        "-]",
        "a\r\n",
    ];
    for text in texts {
        for (style, open, close) in [(CollectionStyle::Block, "a: ", "\n"), (CollectionStyle::Flow, "{a: ", ", b}\n")] {
            let file = format!("{open}{}{close}", quoted(text, style));
            let tree = read(&file);
            let value = tree.root().unwrap().get("a").unwrap();
            assert_eq!(value.text(), Some(text), "{file:?}");
            let typed = go(text) != CoreValue::Text || core(text) != CoreValue::Text;
            assert!(!typed || value.scalar().unwrap().style != ScalarStyle::Plain, "{file:?}");
        }
    }
}

#[test]
fn comments_above_belong_to_the_line_below_them() {
    let text = "# far\n\n# one\n  # two\nkey: 1\n";
    let tree = read(text);
    let key = tree.root().unwrap().entry("key").unwrap();
    assert_eq!(comment_above(text, &tree, key.span()).map(|span| slice(text, span)), Some("# one\n  # two\n"));
}

#[test]
fn the_path_to_an_offset_leads_through_keys_and_items() {
    let text = "a:\n  - b: c\n    d: e\n";
    let tree = read(text);
    let at = text.find('e').unwrap() as u32;
    let path: Vec<_> = tree.path_at(at).iter().map(|node| slice(text, node.span())).collect();
    assert_eq!(path, ["a:\n  - b: c\n    d: e", "- b: c\n    d: e", "b: c\n    d: e", "e"]);
}

#[test]
fn types_differ_between_the_core_schema_and_go() {
    use CoreValue::{Bool, Null, Number as N, Text, Timestamp};
    use Number::{Float, Int, UInt};
    let cases = [
        ("", Null, Null),
        ("~", Null, Null),
        ("true", Bool(true), Bool(true)),
        ("yes", Text, Text),
        ("on", Text, Text),
        ("12", N(Int(12)), N(Int(12))),
        ("-12", N(Int(-12)), N(Int(-12))),
        ("+12", N(Int(12)), N(Int(12))),
        ("017", N(Int(17)), N(Int(15))),
        ("08", N(Int(8)), N(Float(8.0))),
        ("0o17", N(Int(15)), N(Int(15))),
        ("0x1F", N(Int(31)), N(Int(31))),
        ("0b11", Text, N(Int(3))),
        ("1_000", Text, N(Int(1000))),
        ("1e3", N(Float(1000.0)), N(Float(1000.0))),
        ("1e999", N(Float(f64::INFINITY)), Text),
        (".5", N(Float(0.5)), N(Float(0.5))),
        ("1.", N(Float(1.0)), N(Float(1.0))),
        (".", Text, Text),
        ("1.2.3", Text, Text),
        ("18446744073709551615", N(UInt(u64::MAX)), N(UInt(u64::MAX))),
        ("-.inf", N(Float(f64::NEG_INFINITY)), N(Float(f64::NEG_INFINITY))),
        ("2024-02-29", Text, Timestamp),
        ("2023-02-29", Text, Text),
        ("2024-1-2 3:4:5.5", Text, Timestamp),
        ("2024-01-02T03:04:05Z", Text, Timestamp),
        ("2024-01-02T03:04:05+01:00", Text, Timestamp),
        ("2024-01-02T03:04:05", Text, Text),
        ("12:30", Text, Text),
    ];
    for (text, by_core, by_go) in cases {
        assert_eq!((core(text), go(text)), (by_core, by_go), "{text:?}");
    }
}
