//! `semvercmp`: versions against constraints by the rules of Masterminds/semver.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Function, FunctionError, Outcome, parameter, text};
use crate::bake::types::Type;
use crate::bake::value::{Value, quoted};

pub(super) fn functions() -> Vec<Function> {
    vec![Function::new(
        "semvercmp",
        // Sic: the second name lacks a letter in Bake, and messages show it.
        [parameter("version", Type::String), parameter("contraint", Type::String)],
        semver_compare,
    )]
}

fn semver_compare(args: &[Value]) -> Outcome {
    let version = Version::parse(text(args, 0)).map_err(FunctionError::new)?;
    let alternatives = constraints(text(args, 1)).map_err(FunctionError::new)?;
    let holds = |all: &Vec<Constraint>| {
        // Pre-releases count only among constraints of which at least one mentions a pre-release.
        let wants_pre = all.iter().any(|constraint| !constraint.version.pre.is_empty());
        (version.pre.is_empty() || wants_pre) && all.iter().all(|constraint| constraint.admits(&version))
    };
    Ok(alternatives.iter().any(holds).into())
}

/// A version; numbers that are left out are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    /// Behind the hyphen; empty for a release.
    pre: String,
}

/// Pre-release and build parts as they follow the numbers.
const SUFFIX: &str = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?";

/// What Go's `\s` matches.
const BLANK: &str = r"[\t\n\x0C\r ]";

/// A number of a constraint or a placeholder for one.
const PART: &str = r"[0-9|xX*]+";

const OPERATOR: &str = r"(?:!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)";

static VERSION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?{SUFFIX}$")).ok());

/// `1.2 - 1.4`
static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let version = format!(r"v?{PART}(?:\.{PART})?(?:\.{PART})?{SUFFIX}");
    Regex::new(&format!("{BLANK}*({version}){BLANK}+-{BLANK}+({version}){BLANK}*")).ok()
});

/// One comparison with the comma or blanks before it.
static COMPARISON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let version = format!(r"v?({PART})(?:\.({PART}))?(?:\.({PART}))?{SUFFIX}");
    Regex::new(&format!("^({BLANK}*,?{BLANK}*)({OPERATOR}){BLANK}*({version})")).ok()
});

/// The text of a group that took part in a match.
fn group<'t>(captures: &Captures<'t>, index: usize) -> &'t str {
    captures.get(index).map_or("", |found| found.as_str())
}

impl Version {
    fn parse(text: &str) -> Result<Version, String> {
        let invalid = || "invalid semantic version".to_owned();
        let captures = VERSION.as_ref().and_then(|version| version.captures(text)).ok_or_else(invalid)?;
        let number = |index: usize| match group(&captures, index) {
            "" => Ok(0),
            digits => digits.parse().map_err(|_| {
                let cause = format!("strconv.ParseUint: parsing {}: value out of range", quoted(digits));
                format!("error parsing version segment: {cause}")
            }),
        };
        let version =
            Version { major: number(1)?, minor: number(2)?, patch: number(3)?, pre: group(&captures, 4).to_owned() };
        let zero_first =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
        match version.pre.split('.').any(zero_first) {
            true => Err("version segment starts with 0".into()),
            false => Ok(version),
        }
    }

    fn compare(&self, other: &Version) -> Ordering {
        let numbers = |version: &Version| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(&self.pre, &other.pre),
        })
    }
}

/// Compares pre-releases part by part: numbers by value and before words, fewer parts before more.
fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (a, b) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => (a, b),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// An operator with a version.
struct Constraint {
    operator: String,
    version: Version,
    /// How many of the three numbers are given; the others are placeholders or left out.
    given: usize,
}

/// The alternatives of a constraint, each with all that must hold for it.
fn constraints(text: &str) -> Result<Vec<Vec<Constraint>>, String> {
    rewrite_ranges(text).split("||").map(all_of).collect()
}

/// Writes `a - b` as `>= a, <= b`.
fn rewrite_ranges(text: &str) -> String {
    let Some(range) = RANGE.as_ref() else { return text.to_owned() };
    range
        .replace_all(text, |captures: &Captures| format!(">= {}, <= {} ", group(captures, 1), group(captures, 3)))
        .into_owned()
}

/// Comparisons joined by commas or blanks.
fn all_of(text: &str) -> Result<Vec<Constraint>, String> {
    let improper = || format!("improper constraint: {text}");
    let comparison = COMPARISON.as_ref().ok_or_else(improper)?;
    let mut found = Vec::new();
    let mut rest = text;
    while found.is_empty() || !rest.trim_matches(['\t', '\n', '\x0c', '\r', ' ']).is_empty() {
        let captures = comparison.captures(rest).ok_or_else(improper)?;
        let gap = group(&captures, 1);
        // The first comparison stands alone, the others are set apart.
        if found.is_empty() && gap.contains(',') || !found.is_empty() && gap.is_empty() {
            return Err(improper());
        }
        rest = &rest[group(&captures, 0).len()..];
        found.push(captures);
    }
    found.iter().map(constraint).collect()
}

fn constraint(captures: &Captures) -> Result<Constraint, String> {
    let parts = [4, 5, 6].map(|index| group(captures, index));
    let given = parts.iter().position(|part| matches!(*part, "" | "x" | "X" | "*")).unwrap_or(3);
    let mut numbers = ["0"; 3];
    numbers[..given].copy_from_slice(&parts[..given]);
    let pre = group(captures, 7);
    let hyphen = if pre.is_empty() { "" } else { "-" };
    let version = Version::parse(&format!("{}{hyphen}{pre}", numbers.join(".")))
        .map_err(|_| "constraint parser error".to_owned())?;
    Ok(Constraint { operator: group(captures, 2).to_owned(), version, given })
}

impl Constraint {
    fn admits(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let order = version.compare(wanted);
        match self.operator.as_str() {
            "" | "=" if self.given == 3 => order.is_eq(),
            "" | "=" | "~" | "~>" => self.admits_tilde(version),
            "^" => self.admits_caret(version),
            "!=" => self.differs(version),
            ">=" | "=>" => order.is_ge(),
            "<" => order.is_lt(),
            ">" => match self.given {
                3 => order.is_gt(),
                _ if version.major != wanted.major => version.major > wanted.major,
                1 => false,
                2 => version.minor > wanted.minor,
                _ => order.is_gt(),
            },
            // "<=" and "=<"
            _ => match self.given {
                3 => order.is_le(),
                given => {
                    version.major < wanted.major
                        || version.major == wanted.major && (version.minor <= wanted.minor || given == 1)
                }
            },
        }
    }

    /// At least this version, up to the next number before the last one that is given.
    fn admits_tilde(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let any = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0) && matches!(self.given, 0 | 3);
        version.compare(wanted).is_ge()
            && (any || version.major == wanted.major && (version.minor == wanted.minor || self.given == 1))
    }

    /// At least this version, up to the next change of its first number that is not zero.
    fn admits_caret(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version.compare(wanted).is_lt() {
            return false;
        }
        if wanted.major > 0 || self.given == 1 {
            return version.major == wanted.major;
        }
        if version.major > 0 {
            return false;
        }
        if wanted.minor > 0 || self.given == 2 {
            return version.minor == wanted.minor;
        }
        version.minor == 0 && version.patch == wanted.patch
    }

    fn differs(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.given {
            3 => version.compare(wanted).is_ne(),
            _ if version.major != wanted.major => true,
            _ if version.minor != wanted.minor && self.given != 1 => true,
            1 => false,
            2 => (!version.pre.is_empty() || !wanted.pre.is_empty()) && !same_pre(&version.pre, &wanted.pre),
            _ => version.compare(wanted).is_ne(),
        }
    }
}

fn same_pre(a: &str, b: &str) -> bool {
    compare_pre(a, b).is_eq()
}
