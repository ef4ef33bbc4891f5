#![allow(clippy::unwrap_used)]

use super::*;
use crate::source::FileId;
use crate::syntax::SyntaxError;

fn text(text: &str) -> MappedText {
    MappedText::verbatim(FileId(0), 0, text)
}

fn read(source: &str) -> Expr {
    parse_expression(&text(source)).unwrap_or_else(|error| panic!("{source}: {error:?}"))
}

#[test]
fn expressions_have_one_spelling() {
    let cases = [
        ("github.sha", "github.sha"),
        (" GitHub [ 'event' ] . number", "github.event.number"),
        ("matrix['a b'].c-d", "matrix['a b'].c-d"),
        ("a == 'it''s'", ""),
        ("env.A == 'it''s'", "env.A == 'it''s'"),
        ("env.A&&env.B||!env.C", "env.A && env.B || !env.C"),
        ("env.A && (env.B || env.C)", "env.A && (env.B || env.C)"),
        ("!(env.A == 1)", "!(env.A == 1)"),
        ("(env.A || env.B) || env.C", "env.A || env.B || env.C"),
        ("env.A < 0x10 == -1.5e1", "env.A < 16 == -15"),
        ("StartsWith(github.ref, 'refs/tags/')", "startswith(github.ref, 'refs/tags/')"),
        ("needs.*.result", "needs.*.result"),
        ("fromJSON(env.A)[0].b[env.C]", "fromjson(env.A)[0].b[env.C]"),
        ("github.event.commits[*].id", "github.event.commits.*.id"),
        ("null != true", "null != true"),
        ("steps.true.outputs.null", "steps.true.outputs.null"),
    ];
    for (source, spelling) in cases.into_iter().filter(|(_, spelling)| !spelling.is_empty()) {
        let expr = read(source);
        assert_eq!(expr.to_string(), spelling);
        assert_eq!(read(spelling).to_string(), spelling);
    }
}

#[test]
fn github_refuses_some_expressions() {
    // (expression, message, token)
    let cases = [
        ("", "expected an expression", ""),
        ("github.", "expected a name behind `.`", ""),
        ("foo", "there is no context `foo`", "foo"),
        ("True", "there is no context `True`", "True"),
        ("github.ref = 'x'", "unexpected `=` in an expression", "="),
        ("github.ref == \"x\"", "unexpected `\"` in an expression", "\""),
        ("github.ref & env.A", "unexpected `&` in an expression", "&"),
        ("github.ref == 'x", "the text is not closed", "'x"),
        ("contains(github.ref)", "`contains` takes 2 arguments, not 1", "contains(github.ref)"),
        ("upper(github.ref)", "there is no function `upper`", "upper"),
        ("(github.ref", "expected `)`", ""),
        ("github.ref github.sha", "expected the end of the expression", "github"),
        ("env.A == 1x", "`1x` is not a number", "1x"),
        ("env.A ==", "expected a value", ""),
        ("env[", "expected a value", ""),
    ];
    for (source, message, token) in cases {
        let SyntaxError { message: found, span, .. } = parse_expression(&text(source)).unwrap_err();
        assert_eq!((found.as_str(), source.get(span.range()).unwrap()), (message, token), "{source}");
    }
    let deep = format!("{}env{}", "(".repeat(100), ")".repeat(100));
    let long = format!("env{}", ".a".repeat(5000));
    let chain = vec!["env"; 3000].join("||");
    let bangs = format!("{}env", "!".repeat(5000));
    for source in [deep, long, chain, bangs] {
        assert_eq!(parse_expression(&text(&source)).unwrap_err().message, "the expression nests too deeply");
    }
}

#[test]
fn templates_are_text_and_expressions() {
    let source = "ghcr.io/${{ github.repository }}:${{ '}}' }}-x";
    let (template, errors) = parse_template(&text(source));
    assert_eq!(errors, []);
    let parts: Vec<String> = template
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => format!("text {}", text.as_str()),
            Part::Expression { expr, span } => format!("{expr} at {}", source.get(span.range()).unwrap()),
            Part::Broken(_) => "broken".to_owned(),
        })
        .collect();
    assert_eq!(
        parts,
        ["text ghcr.io/", "github.repository at ${{ github.repository }}", "text :", "'}}' at ${{ '}}' }}", "text -x"]
    );
    let (template, errors) = parse_template(&text("a ${{ b }} ${{ github.sha"));
    assert_eq!(errors.len(), 2);
    assert!(matches!(template.parts.as_slice(), [Part::Text(_), Part::Broken(_), Part::Text(_), Part::Broken(_)]));
    assert_eq!(parse_template(&text("plain")).0.as_text(), Some("plain"));
}

#[test]
fn spans_lead_into_the_file() {
    let source = "  contains( github.ref, 'x' ) && !matrix.os";
    let expr = read(source);
    let spans: Vec<&str> = expr.walk().map(|expr| source.get(expr.span.range()).unwrap()).collect();
    assert_eq!(
        spans,
        [
            "contains( github.ref, 'x' ) && !matrix.os",
            "contains( github.ref, 'x' )",
            "github.ref",
            "github",
            "'x'",
            "!matrix.os",
            "matrix.os",
            "matrix"
        ]
    );
    let paths: Vec<Vec<&str>> = expr.paths().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [vec!["github", "ref"], vec!["matrix", "os"]]);
}

fn contexts(path: &[&str]) -> Option<Value> {
    let object = |entries: &[(&str, Value)]| {
        Value::Object(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    Some(match path {
        ["matrix"] => {
            object(&[("os", Value::Text("Linux".into())), ("n", Value::Number(3.0)), ("sha", Value::Unknown)])
        }
        ["env", "EMPTY"] => Value::Text(String::new()),
        ["env", "LIST"] => Value::Text("[\"a\", {\"b\": 1}]".into()),
        ["github", "event_name"] => Value::Text("push".into()),
        ["needs"] => object(&[
            ("a", object(&[("result", Value::Text("success".into()))])),
            ("b", object(&[("result", Value::Text("failure".into()))])),
        ]),
        _ => return None,
    })
}

#[test]
fn values_follow_from_what_is_known() {
    let cases = [
        ("matrix.os", "'Linux'"),
        ("matrix.OS == 'LINUX'", "true"),
        ("matrix.none", "null"),
        ("matrix.none.deeper == ''", "true"),
        ("matrix.sha", "?"),
        ("matrix.sha && 'x'", "?"),
        ("matrix.n > 2", "true"),
        ("matrix.n == '3'", "true"),
        ("'0x10' == 16", "true"),
        ("null == 0", "true"),
        ("'' == 0", "true"),
        ("'a' < 'B'", "true"),
        ("'x' == true", "false"),
        ("github.event_name == 'push' && 'yes' || 'no'", "'yes'"),
        ("github.ref == 'x'", "?"),
        ("env.EMPTY || 'default'", "'default'"),
        ("contains('Hello', 'LL')", "true"),
        ("contains(needs.*.result, 'failure')", "true"),
        ("contains(fromJSON('[1, 2]'), 3)", "false"),
        ("startsWith('refs/tags/v1', 'refs/TAGS/')", "true"),
        ("endsWith('a.log', '.txt')", "false"),
        ("format('{0}-{1} {{x}}', 'a', 1.5)", "'a-1.5 {x}'"),
        ("format('{0}', github.sha)", "?"),
        ("join(fromJSON('[1, \"b\"]'), '-')", "'1-b'"),
        ("join(needs.*.result)", "'success,failure'"),
        ("fromJSON(env.LIST)[1].b", "1"),
        ("fromJSON(env.LIST)[9]", "null"),
        (
            "toJSON(fromJSON('{\"a\": [1, {}], \"b\": \"x\\\"\"}'))",
            "'{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\\\"\"\n}'",
        ),
        ("case(false, 1, github.event_name == 'push', 2, 3)", "2"),
        ("hashFiles('**/lock')", "?"),
        ("always()", "true"),
        ("1.0", "1"),
        ("1e21", "1E+21"),
        ("0.1", "0.1"),
        ("NaN == NaN", "false"),
        ("!''", "true"),
    ];
    for (source, expected) in cases {
        let shown = match evaluate(&read(source), &contexts) {
            Value::Unknown => "?".to_owned(),
            Value::Null => "null".to_owned(),
            Value::Text(text) => format!("'{text}'"),
            value => value.to_text().unwrap(),
        };
        assert_eq!(shown, expected, "{source}");
    }
    let (template, _) = parse_template(&text("${{ matrix.os }}-${{ matrix.n }}"));
    assert_eq!(template.evaluate(&contexts), Value::Text("Linux-3".into()));
    let (template, _) = parse_template(&text("${{ matrix.n }}"));
    assert_eq!(template.evaluate(&contexts), Value::Number(3.0));
}

#[test]
fn conditions_may_hold_whatever_is_unknown() {
    let condition = |source: &str| parse_condition(&text(source)).0.unwrap();
    let cases = [
        ("github.ref == 'x' && github.event_name == 'pull_request'", Some(false)),
        ("github.ref == 'x' || github.event_name == 'push'", Some(true)),
        ("github.ref == 'x'", None),
        ("${{ github.event_name == 'pull_request' }}", Some(false)),
        // Text around the braces is never empty.
        ("${{ github.event_name == 'pull_request' }} && false", Some(true)),
        (" ${{ github.ref }}", Some(true)),
        ("failure()", None),
    ];
    for (source, expected) in cases {
        assert_eq!(truth(&condition(source), &contexts), expected, "{source}");
    }
    assert!(condition("failure() || always()").has_status_check());
    assert!(!condition("github.ref == 'failure()'").has_status_check());
}

#[test]
fn some_conditions_exclude_each_other() {
    let cases = [
        ("github.event_name == 'push'", "github.event_name != 'push'", true),
        ("github.event_name == 'push'", "github.event_name == 'pull_request'", true),
        ("github.event_name == 'push'", "'PULL_REQUEST' == github.event_name", true),
        ("github.event_name == 'push'", "github.ref == 'refs/heads/main'", false),
        ("github.event_name == 'pull_request'", "github.ref == 'refs/heads/main'", true),
        ("github.event_name == 'pull_request'", "startsWith(github.ref, 'refs/tags/')", true),
        ("github.ref_type == 'tag'", "github.ref == 'refs/heads/main'", true),
        ("matrix.target == 'a'", "matrix.target == 'b'", true),
        ("matrix.a == 'a'", "matrix.b == 'b'", false),
        ("env.X", "!env.X", true),
        ("env.X == 'a'", "!env.X", true),
        ("env.X == ''", "env.X", true),
        ("env.X == true", "env.X == 'true'", false),
        ("(env.A || env.B) && env.C == '1'", "env.C == '2'", true),
        ("env.A || env.C == '1'", "env.C == '2'", false),
        ("!(env.A && env.B)", "env.A && env.B", true),
        ("startsWith(github.ref, 'refs/tags/')", "startsWith(github.ref, 'refs/heads/')", true),
        ("startsWith(github.ref, 'refs/tags/')", "startsWith(github.ref, 'refs/')", false),
        ("startsWith(github.ref, 'refs/tags/')", "!startsWith(github.ref, 'refs/')", true),
        ("startsWith(github.ref, 'refs/tags/')", "github.ref != 'refs/tags/v1'", false),
        ("success() && env.A", "failure()", true),
        ("always()", "failure()", false),
        ("false", "env.A", true),
        ("github.ref == 'x' && github.ref == 'y'", "true", true),
    ];
    for (left, right, expected) in cases {
        assert_eq!(excludes(&read(left), &read(right)), expected, "{left} | {right}");
        assert_eq!(excludes(&read(right), &read(left)), expected, "{right} | {left}");
    }
    let wide = (0..50).map(|n| format!("(env.A{n} || env.B{n})")).collect::<Vec<_>>().join(" && ");
    assert!(!excludes(&read(&wide), &read(&wide)));
}

#[test]
fn every_prefix_of_every_expression_can_be_read() {
    let source =
        "a ${{ format('{0} }}', !matrix['x'].*[0x1f] && (needs.a.result != null || -1.5e3 <= NaN)) }} é ${{ x }}";
    for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
        parse_template(&text(&source[..end]));
        let _ = parse_expression(&text(&source[6..end.max(6)]));
        parse_condition(&text(&source[..end]));
    }
}
