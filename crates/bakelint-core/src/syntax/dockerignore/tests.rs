#![allow(clippy::unwrap_used)]

use super::*;

const FILE: FileId = FileId(0);

fn read(text: &str) -> Ignore {
    let (ignore, errors) = parse(FILE, text);
    assert_eq!(errors, [], "{text:?}");
    ignore
}

#[test]
fn lines_are_cleaned_as_docker_cleans_them() {
    // (line, pattern, negated)
    let cases = [
        ("foo", "foo", false),
        ("  foo \t", "foo", false),
        ("/foo/", "foo", false),
        ("./foo//bar/../baz", "foo/baz", false),
        ("! /foo", "foo", true),
        ("!!foo", "!foo", true),
        ("..", "..", false),
        ("/", "/", false),
        (" # not a comment", "# not a comment", false),
        ("foo\u{a0}", "foo", false),
        ("a\\ b", "a\\ b", false),
    ];
    for (line, text, negated) in cases {
        let file = format!("{line}\r\n");
        let ignore = read(&file);
        let pattern = &ignore.patterns()[0];
        assert_eq!((pattern.text.as_str(), pattern.negated), (text, negated), "{line:?}");
        assert_eq!(file.get(pattern.span.range()), Some(line.trim()));
    }
    let ignore = read("\u{feff}# comment\n\n#\nfoo");
    assert_eq!(ignore.patterns().len(), 1);
}

#[test]
fn docker_refuses_some_lines_and_so_the_build() {
    let cases = ["!", "! ", "!/", "[", "a[b-", "a[]", "foo\\", "[z-a]", "a?\\1", "*{2}", "x*a{3,2}"];
    for line in cases {
        let (ignore, errors) = parse(FILE, line);
        assert_eq!(errors.len(), 1, "{line:?}");
        assert!(!ignore.is_ignored("a") && !ignore.is_ignored("["), "{line:?}");
    }
    let long = "x".repeat(64 * 1024);
    assert_eq!(parse(FILE, &long).1.len(), 1);
    assert_eq!(parse(FILE, &long[1..]).1, []);
}

/// Recorded from moby/patternmatcher: (lines, ignored paths, paths that are seen).
const MATCHES: &[(&str, &[&str], &[&str])] = &[
    ("foo", &["foo", "foo/bar"], &["a/foo", "foobar"]),
    ("*/foo", &["a/foo", "a/foo/b"], &["foo", "a/b/foo"]),
    ("**/foo", &["foo", "a/foo", "a/b/foo/c"], &["afoo", "foo.txt"]),
    ("**foo", &["foo", "a/foo", "afoo"], &["foo2"]),
    ("foo/**", &["foo/a", "foo/a/b"], &["foo", "foobar"]),
    ("**/*.log", &["a.log", "a/b.log", "a.log/x"], &["a.logs"]),
    ("**/a/**", &["a/b", "x/a/b"], &["a", "x/a", "ab/c"]),
    ("a/**/b", &["a/b", "a/x/b", "a/x/y/b/c"], &["a/xb", "ab"]),
    ("a**", &["a", "ab", "ab/c"], &["ba"]),
    ("*", &["a", "a/b"], &[]),
    ("**", &["a", "a/b"], &[]),
    (".", &[], &["a", ".git"]),
    ("a?c", &["abc", "a\u{e9}c"], &["ac", "a/c", "abbc"]),
    ("[a-c]x", &["ax", "cx"], &["dx"]),
    ("a[^b]c", &["axc", "a/c"], &["abc"]),
    ("[!a]", &["a", "!"], &["b"]),
    ("\\*", &["*"], &["a"]),
    ("a\\b?", &[], &["ab1", "abc"]),
    ("v\\d", &["v1"], &["vd"]),
    ("a|b*", &["a", "ax", "b1", "bx", "xbc"], &["xa"]),
    ("[*]x", &["]x"], &["*x"]),
    ("a.b", &["a.b"], &["axb"]),
    ("a\n!a/b", &["a", "a/c"], &["a/b", "a/b/c"]),
    ("*\n!src\nsrc/*.tmp", &["a", "src/x.tmp"], &["src", "src/a", "src/a/x.tmp"]),
    ("a/b\n!a", &["a/b", "a/b/c"], &["a"]),
];

#[test]
fn the_last_matching_line_wins_and_folders_cover_what_lies_in_them() {
    for (text, ignored, seen) in MATCHES {
        let ignore = read(text);
        for path in *ignored {
            assert!(ignore.is_ignored(path), "{text:?} ignores {path}");
        }
        for path in *seen {
            assert!(!ignore.is_ignored(path), "{text:?} does not ignore {path}");
        }
    }
}

#[test]
fn the_check_for_copied_files_asks_each_pattern_about_all_folders() {
    let ignore = read("a/b\n!a");
    assert!(ignore.is_ignored("a/b") && !ignore.matches_or_parents("a/b"));
    assert!(read("*").ignores_root() && read("**/*").ignores_root() && !read("*/*").ignores_root());
}

#[test]
fn a_walk_gives_the_same_verdicts_and_may_leave_folders_out() {
    let names = ["a", "b", "src", "x.log", "x.tmp"];
    for (text, _, _) in MATCHES {
        let ignore = read(text);
        let mut open = vec![(String::new(), ignore.root(), false)];
        while let Some((folder, state, left_out)) = open.pop() {
            for name in names {
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                let ignored = ignore.is_ignored(&path);
                assert_eq!(ignore.is_ignored_in(&state, &path), ignored, "{text:?} {path}");
                assert!(ignored || !left_out, "{text:?} {path}");
                let inside = ignore.enter(&state, &path);
                assert_eq!(inside.ignored, ignored);
                let skip = left_out || ignore.can_skip(&inside, &path);
                if path.len() < 6 {
                    open.push((path, inside, skip));
                }
            }
        }
    }
    let ignore = read("node_modules\n!node_modules/keep/**\n");
    let root = ignore.root();
    let modules = ignore.enter(&root, "node_modules");
    assert!(modules.ignored && !ignore.can_skip(&modules, "node_modules"));
    let other = ignore.enter(&modules, "node_modules/other");
    assert!(ignore.can_skip(&other, "node_modules/other"));
}

#[test]
fn the_verdict_names_the_line_that_decides() {
    let ignore = read("*\n!src\nsrc/secret\n");
    let line = |path| ignore.verdict(path).map(|pattern| pattern.text.as_str());
    assert_eq!((line("a"), line("src/a"), line("src/secret/x")), (Some("*"), Some("src"), Some("src/secret")));
    assert_eq!(read("a").verdict("b").map(|pattern| &pattern.text), None);
    assert!(ignore.has_negation() && !read("a\n").has_negation());
}

#[test]
fn wild_cards_cannot_make_matching_slow() {
    let ignore = read(&format!("{}b\n", "**/*a*".repeat(40)));
    assert!(!ignore.is_ignored(&"a/".repeat(2000)));
}

#[test]
fn the_dockerfile_s_own_file_comes_before_the_context_s() {
    let paths = candidates("docker/web.Dockerfile", ".");
    assert_eq!(paths, ["docker/web.Dockerfile.dockerignore", ".dockerignore"]);
    assert_eq!(candidates("app/Dockerfile", "app/")[1], "app/.dockerignore");
}

#[test]
fn lines_come_and_go() {
    let apply = |text: &str, edit: Edit| {
        let mut text = text.to_owned();
        text.replace_range(edit.span.range(), &edit.text);
        text
    };
    for (before, after) in [("", ".git\n"), ("a", "a\n.git\n"), ("a\r\n", "a\r\n.git\r\n")] {
        assert_eq!(apply(before, append_line(FILE, before, ".git")), after);
    }
    let text = "a\n  b  \nc";
    let ignore = read(text);
    assert_eq!(apply(text, remove_line(text, &ignore.patterns()[1])), "a\nc");
    assert_eq!(apply(text, remove_line(text, &ignore.patterns()[2])), "a\n  b  \n");
}

#[test]
fn every_prefix_of_every_file_can_be_read() {
    for (text, _, _) in MATCHES {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            parse(FILE, &text[..end]).0.is_ignored("a/b");
        }
    }
}
