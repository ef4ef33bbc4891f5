//! Whether two conditions exclude each other.

use super::evaluate::{fold, truth};
use super::{Expr, ExprKind, Literal, Operator};

/// How many alternatives of a condition are looked at; a larger one is taken to exclude nothing.
const ALTERNATIVE_LIMIT: usize = 64;

/// Whether the two conditions can never hold in the same run, for the same leg of a matrix.
///
/// True only if it follows from their form: the same value compared with different texts, prefixes that cannot both be
/// there, a part that is negated in the other, `success()` against `failure()`, and what GitHub promises about
/// `github.ref` for an event.
pub fn excludes(left: &Expr, right: &Expr) -> bool {
    let (Some(left), Some(right)) = (alternatives(left, true), alternatives(right, true)) else { return false };
    left.iter().all(|left| right.iter().all(|right| is_impossible(left, right)))
}

/// Something that must hold for an alternative to hold.
#[derive(Debug, Clone, PartialEq)]
enum Term {
    /// The value equals the literal, or not. Text is folded.
    Equal { subject: String, literal: Literal, holds: bool },
    /// The value begins with the folded text, or not.
    Starts { subject: String, prefix: String, holds: bool },
    /// Any other expression that is true, or not.
    Other { text: String, holds: bool },
}

type Alternative = Vec<Term>;

/// The ways in which `expr` comes out as `holds`; nothing if there are too many to look at.
fn alternatives(expr: &Expr, holds: bool) -> Option<Vec<Alternative>> {
    if let Some(known) = truth(expr, &|_| None) {
        return Some(if known == holds { vec![Vec::new()] } else { Vec::new() });
    }
    match &expr.kind {
        ExprKind::Not(inner) => alternatives(inner, !holds),
        ExprKind::Binary(operator @ (Operator::And | Operator::Or), left, right) => {
            let (left, right) = (alternatives(left, holds)?, alternatives(right, holds)?);
            if (*operator == Operator::Or) == holds {
                let all: Vec<Alternative> = left.into_iter().chain(right).collect();
                return (all.len() <= ALTERNATIVE_LIMIT).then_some(all);
            }
            if left.len() * right.len() > ALTERNATIVE_LIMIT {
                return None;
            }
            let both = left.iter().flat_map(|left| right.iter().map(move |right| [left.as_slice(), right].concat()));
            Some(both.filter(|both| !is_impossible(both, &[])).collect())
        }
        _ => Some(vec![vec![term(expr, holds)]]),
    }
}

fn term(expr: &Expr, holds: bool) -> Term {
    match &expr.kind {
        ExprKind::Binary(operator @ (Operator::Equal | Operator::NotEqual), left, right) => {
            let sides = match (&left.kind, &right.kind) {
                (_, ExprKind::Literal(literal)) => Some((left, literal)),
                (ExprKind::Literal(literal), _) => Some((right, literal)),
                _ => None,
            };
            if let Some((subject, literal)) = sides {
                let literal = match literal {
                    Literal::Text(text) => Literal::Text(fold(text)),
                    literal => literal.clone(),
                };
                let holds = (*operator == Operator::Equal) == holds;
                return Term::Equal { subject: fold(&subject.to_string()), literal, holds };
            }
        }
        ExprKind::Call(name, arguments) if name.node == "startswith" => {
            if let [subject, Expr { kind: ExprKind::Literal(Literal::Text(prefix)), .. }] = arguments.as_slice() {
                return Term::Starts { subject: fold(&subject.to_string()), prefix: fold(prefix), holds };
            }
        }
        _ => {}
    }
    Term::Other { text: fold(&expr.to_string()), holds }
}

/// Whether the terms of both together cannot hold.
fn is_impossible(left: &[Term], right: &[Term]) -> bool {
    let implied: Vec<Term> = left.iter().chain(right).flat_map(implications).collect();
    let all: Vec<&Term> = left.iter().chain(right).chain(&implied).collect();
    all.iter()
        .enumerate()
        .any(|(at, term)| all[at + 1..].iter().any(|other| conflict(term, other) || conflict(other, term)))
}

fn conflict(left: &Term, right: &Term) -> bool {
    match (left, right) {
        (Term::Equal { subject, literal, holds: true }, Term::Equal { subject: other, literal: value, holds }) => {
            let same_kind = std::mem::discriminant(literal) == std::mem::discriminant(value);
            subject == other && same_kind && (literal == value) != *holds
        }
        (
            Term::Equal { subject, literal: Literal::Text(text), holds: true },
            Term::Starts { subject: other, prefix, holds },
        ) => subject == other && text.starts_with(prefix) != *holds,
        (
            Term::Starts { subject, prefix, holds: true },
            Term::Starts { subject: other, prefix: second, holds: true },
        ) => subject == other && !prefix.starts_with(second) && !second.starts_with(prefix),
        (
            Term::Starts { subject, prefix, holds: true },
            Term::Starts { subject: other, prefix: second, holds: false },
        ) => subject == other && prefix.starts_with(second),
        (Term::Other { text, holds }, Term::Other { text: other, holds: second }) => {
            let opposite = text == "SUCCESS()" && matches!(other.as_str(), "FAILURE()" | "CANCELLED()");
            (text == other && holds != second) || (opposite && *holds && *second)
        }
        // A value that equals a text is true, unless the text is empty.
        (Term::Equal { subject, literal: Literal::Text(value), holds: true }, Term::Other { text, holds }) => {
            subject == text && value.is_empty() == *holds
        }
        _ => false,
    }
}

/// What GitHub's documentation of events promises about `github.ref`.
fn implications(term: &Term) -> Vec<Term> {
    let Term::Equal { subject, literal: Literal::Text(value), holds: true } = term else { return Vec::new() };
    let subject_is = |name: &str| *subject == fold(name);
    let starts = |prefix: &str, holds| Term::Starts { subject: fold("github.ref"), prefix: fold(prefix), holds };
    if subject_is("github.event_name") {
        match value.as_str() {
            "PULL_REQUEST" | "PULL_REQUEST_REVIEW" | "PULL_REQUEST_REVIEW_COMMENT" => vec![starts("refs/pull/", true)],
            "PUSH" => vec![starts("refs/pull/", false)],
            "RELEASE" => vec![starts("refs/tags/", true)],
            "SCHEDULE" | "PULL_REQUEST_TARGET" | "MERGE_GROUP" => vec![starts("refs/heads/", true)],
            _ => Vec::new(),
        }
    } else if subject_is("github.ref_type") {
        match value.as_str() {
            "TAG" => vec![starts("refs/tags/", true)],
            "BRANCH" => vec![starts("refs/tags/", false)],
            _ => Vec::new(),
        }
    } else {
        Vec::new()
    }
}
