//! The difference of two snapshots as one unified diff that `git apply` and `patch -p1` take.

use std::collections::BTreeSet;

use similar::TextDiff;

use crate::snapshot::Snapshot;

/// Lines of unchanged text around each hunk.
const CONTEXT: usize = 3;

/// The patch that makes `after` out of `before`; empty when nothing differs. Files come in order of their paths.
///
/// Files that are not valid UTF-8 never differ: [`apply`](crate::edit::apply) refuses to edit them.
pub fn patch(before: &Snapshot, after: &Snapshot) -> String {
    let paths: BTreeSet<&str> = before.files().chain(after.files()).map(|(_, file)| file.path.as_str()).collect();
    let text_of = |snapshot: &Snapshot, path: &str| Some(snapshot.get(snapshot.find(path)?)?.text().to_owned());
    let mut text = String::new();
    for path in paths {
        let (old, new) = (text_of(before, path), text_of(after, path));
        if old != new {
            text.push_str(&file_patch(path, old.as_deref(), new.as_deref()));
        }
    }
    text
}

fn file_patch(path: &str, old: Option<&str>, new: Option<&str>) -> String {
    let (a, b) = (quoted(&format!("a/{path}")), quoted(&format!("b/{path}")));
    let mut text = String::new();
    if old.is_none() || new.is_none() {
        let mode = if old.is_none() { "new file mode 100644" } else { "deleted file mode 100644" };
        text.push_str(&format!("diff --git {a} {b}\n{mode}\n"));
    }
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let diff = TextDiff::configure().diff_lines(old, new);
    let hunks = diff.unified_diff().context_radius(CONTEXT).to_string();
    if hunks.is_empty() {
        return text;
    }
    let side = |name: String, missing: bool| {
        // A name with a blank is ended by a tab, so that a date cannot be looked for in it.
        if missing {
            "/dev/null".to_owned()
        } else if name.contains(' ') {
            name + "\t"
        } else {
            name
        }
    };
    let (created, deleted) = (text.contains("\nnew file"), text.contains("\ndeleted file"));
    text.push_str(&format!("--- {}\n+++ {}\n", side(a, created), side(b, deleted)));
    text.push_str(&hunks);
    text
}

/// A path as git prints it in a diff: in quotes, with C escapes, when it holds a quote, a backslash or a control character.
fn quoted(path: &str) -> String {
    if !path.chars().any(|c| c == '"' || c == '\\' || c.is_control()) {
        return path.to_owned();
    }
    let mut text = String::from('"');
    for c in path.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => text.push_str(&format!("\\{:03o}", u32::from(c))),
            c => text.push(c),
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(before: &[(&str, &str)], after: &[(&str, &str)]) -> String {
        let snapshot = |texts: &[(&str, &str)]| Snapshot::from_texts(texts.iter().copied());
        patch(&snapshot(before), &snapshot(after))
    }

    #[test]
    fn a_change_a_new_and_a_removed_file() {
        let text = diff(&[("a b", "x\n"), ("old", "1\n")], &[("a b", "y\n"), ("new", "2")]);
        let expected = "--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-x\n+y\n\
            diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+2\n\
            \\ No newline at end of file\n\
            diff --git a/old b/old\ndeleted file mode 100644\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn equal_snapshots_have_no_patch() {
        assert_eq!(diff(&[("a", "x")], &[("a", "x")]), "");
    }
}
