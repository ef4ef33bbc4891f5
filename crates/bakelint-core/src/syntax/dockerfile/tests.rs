//! What the tree of a Dockerfile looks like, and how it differs from what one would expect.

use super::*;

const FILE: FileId = FileId(0);

fn tree(text: &str) -> Dockerfile {
    parse(FILE, text)
}

/// Keyword, lines and arguments of all instructions.
fn outline(text: &str) -> Vec<(String, (u32, u32), String)> {
    let file = tree(text);
    file.instructions.iter().map(|one| (one.word.to_string(), one.lines, one.arguments.to_string())).collect()
}

fn one(keyword: &str, lines: (u32, u32), arguments: &str) -> (String, (u32, u32), String) {
    (keyword.to_owned(), lines, arguments.to_owned())
}

/// Phase, BuildKit's line and the guilty text of each error.
fn errors(text: &str) -> Vec<(Phase, u32, String)> {
    let guilty = |error: &Error| (error.phase, error.buildkit_line, text[error.error.span.range()].to_owned());
    tree(text).errors.iter().map(guilty).collect()
}

#[test]
fn continued_lines_are_glued_without_anything_between() {
    assert_eq!(outline("FR\\\nOM a\\\nb\n"), [one("FROM", (1, 2 + 1), "ab")]);
    assert_eq!(outline("RUN a \\  \n  b\n"), [one("RUN", (1, 2), "a   b")]);
    // Neither `\\` nor `\\\` at the end goes on.
    assert_eq!(outline("RUN a\\\\\nRUN b\\\\\\\nRUN c\n").len(), 3);
    // A comment or a blank line vanishes, and what follows is swallowed.
    assert_eq!(outline("RUN a \\\n# remark\n\nRUN b\n"), [one("RUN", (1, 4), "a RUN b")]);
    assert_eq!(outline("\\\nRUN a"), [one("RUN", (1, 2), "a")]);
    assert_eq!(outline("# escape=`\nRUN a`\nb\\\nRUN c").len(), 2);
}

#[test]
fn keywords_have_no_case_and_blanks_before_them_do_not_count() {
    assert_eq!(outline(" \t\u{c}run\u{b}a b \n"), [one("run", (1, 1), "a b")]);
    assert_eq!(tree("RUN\u{a0}echo").instructions[0].keyword, Keyword::Unknown);
    assert_eq!(outline("FROM a\rRUN b"), [one("FROM", (1, 1), "a\rRUN b")]);
    assert_eq!(outline("\u{feff}FROM a\r\nRUN b\r\n")[1], one("RUN", (2, 2), "b"));
}

#[test]
fn everything_has_a_place_in_the_file() {
    let text = "FROM --platform=linux/amd64  golang:1 AS \\\n  build\nCOPY --from=\"x\" [\"a\\u0062\", \"/\"]\n";
    let file = tree(text);
    let at = |span: Span| &text[span.range()];
    let from = &file.instructions[0];
    assert_eq!(at(from.flags[0].span), "--platform=linux/amd64");
    assert_eq!(at(from.flags[0].value.as_ref().expect("a value").span()), "linux/amd64");
    let Body::From(body) = &from.body else { panic!("a FROM") };
    assert_eq!(at(body.base.span()), "golang:1");
    assert_eq!(at(body.name.as_ref().expect("a name").span()), "build");
    let copy = &file.instructions[1];
    assert_eq!(at(copy.flags[0].span), "--from=\"x\"");
    let Body::Copy(body) = &copy.body else { panic!("a COPY") };
    assert_eq!(at(body.from.as_ref().expect("a stage").span()), "x");
    assert_eq!((body.sources[0].word.as_str(), at(body.sources[0].word.span())), ("ab", "a\\u0062"));
    assert_eq!(at(body.json.expect("JSON")), "[\"a\\u0062\", \"/\"]");
    assert_eq!(file.instruction_at(text.find("build").expect("a name")), Some(0));
    assert_eq!(file.instruction_at(text.len()), None);
}

#[test]
fn comments_belong_to_the_next_instruction() {
    let file = tree("# syntax=x\n# one\n\n  # two\nFROM a\n# gone\n#\n# kept\nRUN b \\\n# inside\n  c\n");
    let comments = |at: usize| -> Vec<&str> {
        file.comments[file.instructions[at].comments.clone()].iter().map(|comment| comment.text.as_str()).collect()
    };
    assert_eq!(comments(0), ["one", "# two"]);
    assert_eq!(comments(1), ["kept"]);
    assert_eq!(file.directives[0].value, "x");
    assert!(file.lines.iter().any(|line| line.kind == LineKind::ContinuedComment(1)));
}

#[test]
fn directives_end_at_the_first_other_line() {
    assert_eq!(tree("#  EsCaPe = ` \nRUN a").escape, '`');
    assert_eq!(tree("  # escape=`\nRUN a").escape, '`');
    for text in ["\n# escape=`", "# x\n# escape=`", "# foo=bar\n# escape=`", "#!/x\n# escape=`", "RUN a\n# escape=`"] {
        assert_eq!(tree(text).escape, '\\', "{text}");
    }
    let check = |text| search_directive(FILE, text, "check").map(|found| (found.line, found.value.to_string()));
    assert_eq!(check("#!/x\n# check=skip=A, B\n"), Some((2, "skip=A,".to_owned())));
    assert_eq!(check(" # check=skip=A"), None);
    assert_eq!(check("# syntax=x\n# check=a\r\n"), Some((2, "a".to_owned())));
    assert_eq!(check("# remark\n# check=a\n"), None);
}

#[test]
fn here_documents_end_at_their_mark() {
    let text = "FROM a\nRUN <<A cat <<-'B'\n\tone\nA\n\ttwo\n\tB\nCOPY <<X <<\"Y\" /z/\n$x\nX\n$y\nY\n";
    let file = tree(text);
    assert_eq!(file.errors, []);
    let run = &file.instructions[1];
    assert_eq!((run.lines, run.head_end), ((2, 6), 2));
    let bodies: Vec<_> = run.heredocs.iter().map(|one| (one.name.as_str(), one.content().to_string())).collect();
    assert_eq!(bodies, [("A", "\tone\n".to_owned()), ("B", "two\n".to_owned())]);
    assert_eq!(&text[run.heredocs[1].end.expect("an end").range()], "B");
    assert_eq!(run.script().expect("a script").text, "<<A cat <<-'B'\n\tone\nA\n\ttwo\nB");
    let Body::Copy(copy) = &file.instructions[2].body else { panic!("a COPY") };
    assert_eq!(copy.sources.iter().map(|source| source.heredoc).collect::<Vec<_>>(), [Some(0), Some(1)]);
    let expand: Vec<_> = file.instructions[2].heredocs.iter().map(|one| one.expand).collect();
    assert_eq!(expand, [true, false]);
}

#[test]
fn a_lone_here_document_is_the_script() {
    let script = |text: &str| tree(text).instructions[0].script().expect("a script");
    assert_eq!(script("RUN <<-X\n\ta\n\tb\nX\n").text, "a\nb\n");
    let python = script("RUN <<X\n#! /usr/bin/python3 -u\nprint()\nX\n");
    assert_eq!(python.interpreter.expect("an interpreter"), "/usr/bin/python3 -u");
    assert_eq!(script("RUN a && \\\n  b").text, "a &&   b");
    assert_eq!(script("HEALTHCHECK --interval=1s CMD a b").text, "a b");
    assert_eq!(script("ONBUILD RUN <<X\na\nX\n").text, "a\n");
    assert_eq!(tree("RUN [\"a\"]").instructions[0].script(), None);
}

#[test]
fn the_first_error_is_the_one_that_buildkit_reports() {
    let phase_c = |line, guilty: &str| (Phase::Instruction, line, guilty.to_owned());
    let cases = [
        ("FROM a\nRUN --mouth=x y\n", phase_c(2, "--mouth=x")),
        ("FROM a\nFROB x\n", phase_c(2, "FROB")),
        ("FROM a b c\n", phase_c(1, "b")),
        ("FROM a AS 1x\n", phase_c(1, "1x")),
        ("FROM a --platform=x\n", phase_c(1, "--platform=x")),
        ("RUN x\nFROM a\n", phase_c(1, "RUN")),
        ("FROM a\nCOPY a\n", phase_c(2, "COPY")),
        ("FROM a\nCOPY --link=maybe a b\n", phase_c(2, "--link=maybe")),
        ("FROM a\nRUN --network=lan \\\n x\n", phase_c(2, "lan")),
        ("FROM a\nRUN --mount=from=a$b,target=/x y\n", phase_c(2, "$b")),
        ("FROM a\nHEALTHCHECK --interval=30 CMD x\n", phase_c(2, "30")),
        ("FROM a\nVOLUME [\"/x\", \"\"]\n", phase_c(2, "")),
        ("FROM a\nONBUILD ONBUILD RUN x\n", phase_c(2, "ONBUILD")),
        ("FROM a\nSHELL sh\n", phase_c(2, "sh")),
        ("FROM a\nCMD --verbose\nFROB\n", phase_c(2, "--verbose")),
        ("FROM a\nFROB\nENV x\n", (Phase::Parser, 3, "x".to_owned())),
        ("FROM a\nENV a=1 b\n", (Phase::Parser, 2, "b".to_owned())),
        ("FROM a\nRUN [\"a\", 1]\n", (Phase::Parser, 2, "1".to_owned())),
        ("FROM a\nRUN x <<EOF\ny\n", (Phase::Parser, 2, "<<EOF".to_owned())),
        ("FROM a\nONBUILD ENV x\n", (Phase::Parser, 2, "x".to_owned())),
        // BuildKit has not counted the directive's line yet.
        ("# syntax=a\n# syntax=b\nFROM a\n", (Phase::Parser, 1, "syntax".to_owned())),
        ("# escape=x\nFROM a\n", (Phase::Parser, 0, "x".to_owned())),
        ("# only\n", (Phase::Parser, 1, String::new())),
        ("", (Phase::Parser, 0, String::new())),
        ("ARG a\n", (Phase::Stages, 0, String::new())),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text).first(), Some(&expected), "{text}");
    }
}

#[test]
fn what_is_no_error() {
    let fine = [
        "FROM a\nONBUILD FROB x\n",
        "FROM a\nARG --x y\nSTOPSIGNAL --x 9\nHEALTHCHECK --x NONE\n",
        "FROM a\nENTRYPOINT []\nCMD\nRUN ['a', \"b\",]\n",
        "FROM a\nRUN --mount=type=nonsense,what=$X ls\n",
        "FROM a\nWORKDIR /a b c\nUSER x y\nENV a\\ b\n",
        "ARG A\nFROM --platform= $A aS b-1_2.3\n",
    ];
    for text in fine {
        assert_eq!(errors(text), [], "{text}");
    }
}

#[test]
fn a_line_that_is_too_long_is_named_by_the_line_before_it() {
    let line = format!("RUN {}", "x".repeat(MAX_LINE - 4));
    assert_eq!(errors(&format!("FROM a\n{line}\n")), []);
    let text = format!("FROM a\n{line}x\nRUN y\n");
    assert_eq!(errors(&text), [(Phase::Parser, 1, format!("{line}x"))]);
    assert_eq!(tree(&text).instructions_read(), 0);
    assert_eq!(tree(&text).instructions.len(), 3);
}

#[test]
fn stages_are_found_as_buildkit_finds_them() {
    let file = tree("ARG V\nFROM a AS Build\nRUN x\nFROM build AS b\nFROM BUILD\nFROM c AS build\nCOPY --from=0 a b\n");
    assert_eq!(file.meta_args().count(), 1);
    assert_eq!(file.stages[0].name.as_deref(), Some("build"));
    assert_eq!(file.stage_instructions(0).len(), 1);
    // A base is compared with its case, and only stages before count.
    assert_eq!((file.base_stage(1, "build"), file.base_stage(2, "BUILD")), (Some(0), None));
    assert_eq!(file.base_stage(0, "build"), None);
    // A name in `--from` has no case; the last stage of that name is meant, wherever it stands.
    assert_eq!(file.copy_from("BUILD"), StageRef::Stage(3));
    assert_eq!((file.copy_from("1"), file.copy_from("4")), (StageRef::Stage(1), StageRef::OutOfRange(4)));
    assert_eq!((file.copy_from("-1"), file.copy_from("x")), (StageRef::OutOfRange(-1), StageRef::External));
    assert_eq!(file.mount_from("0"), StageRef::External);
}

#[test]
fn triggers_are_read_but_not_checked() {
    let file = tree("FROM a\nONBUILD COPY --form=x a\n");
    assert_eq!(file.errors, []);
    let Body::Onbuild(trigger) = &file.instructions[1].body else { panic!("an ONBUILD") };
    assert_eq!(trigger.keyword, Keyword::Copy);
    assert!(trigger.error.is_some());
    let deep = format!("FROM a\n{}RUN x\n", "ONBUILD ".repeat(8000));
    assert_eq!(tree(&deep).errors.len(), 1);
}

#[test]
fn every_prefix_is_read_without_panic() {
    let text = "\u{feff}# escape=`\r\nARG é=`\n\"x\nFROM --platform=à$X a`b AS c\nRUN --mount=type=x,\"a\"\"b=1\",from=$ <<E <<-\"F G\" \
        x\n1\nE\n\tF G\nCOPY --from=\"é [\"\\u00e9\\ud83d\", {\"a\": [1e9]}]\nENV a=b 'c d'=\"e` f\nONBUILD HEALTHCHECK --interval=1.5\
        CMD [\"x\"]\nEXPOSE ${A:-${B##*/}}\n\u{85}LABEL \u{2003} x\nVOLUME [\n";
    for (end, _) in text.char_indices() {
        let file = tree(&text[..end]);
        for instruction in &file.instructions {
            instruction.script();
            instruction.insert_flag("--x");
        }
        for at in 0..file.instructions.len() {
            file.insert_after(&text[..end], at, "RUN x");
            file.insert_before(&text[..end], at, "RUN x");
        }
    }
}
