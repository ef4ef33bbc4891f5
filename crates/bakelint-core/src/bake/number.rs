//! HCL numbers: binary floating point of any size, each value with its own precision.
//!
//! cty stores numbers as Go's `big.Float` and its results show that: a literal has 512 bits of mantissa, an integer
//! that a function returns has 64, a number read from the environment 53, and a sum has the larger precision of its
//! two operands. Arithmetic rounds to the nearest value, ties to even. Printing finds the shortest decimal that reads
//! back as the same value at the value's own precision (Go `math/big/ftoa.go`).

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{One, ToPrimitive, Zero};

/// Magnitudes of 2^`MAX_EXPONENT` and above count as infinite, those below 2^-`MAX_EXPONENT` as zero. Go's own limit is
/// 2^31, but printing such a number takes gigabytes, and no build needs one of ten thousand digits.
const MAX_EXPONENT: i64 = 1 << 15;

/// Integers up to this magnitude are exact at every precision that occurs, so they need no mantissa of their own.
const MAX_SMALL: i64 = 1 << 53;

/// The precision of literals, converted text and JSON numbers, in bits.
const LITERAL_PRECISION: u32 = 512;

/// A number with its precision. Cheap to clone.
#[derive(Clone)]
pub struct Number {
    precision: u32,
    repr: Repr,
}

#[derive(Clone)]
enum Repr {
    /// At most [`MAX_SMALL`] in magnitude; never stands for negative zero.
    Small(i64),
    NegativeZero,
    Finite(Arc<Finite>),
    Infinite {
        negative: bool,
    },
}

/// ±mantissa × 2^exponent. The mantissa is odd, hence not zero.
#[derive(Clone)]
struct Finite {
    negative: bool,
    mantissa: BigUint,
    exponent: i64,
}

impl Finite {
    /// The exponent of 2 just above the magnitude: 2^(top-1) <= magnitude < 2^top.
    fn top(&self) -> i64 {
        self.exponent + bits(&self.mantissa)
    }

    fn is_integer(&self) -> bool {
        self.exponent >= 0
    }
}

fn bits(n: &BigUint) -> i64 {
    n.bits() as i64
}

impl Number {
    /// Positive or negative infinity, as division by zero gives it.
    pub fn infinity(negative: bool) -> Number {
        Number { precision: 0, repr: Repr::Infinite { negative } }
    }

    /// The nearest number of 53 bits; none for NaN.
    pub fn from_f64(value: f64) -> Option<Number> {
        if value.is_nan() {
            return None;
        }
        if value.is_infinite() {
            return Some(Number { precision: 53, repr: Repr::Infinite { negative: value < 0.0 } });
        }
        let bits = value.to_bits();
        let (stored, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
        let (mantissa, exponent) = match stored {
            0 => (fraction, -1074),
            _ => (fraction | (1 << 52), stored as i64 - 1075),
        };
        Some(Number::rounded(53, value.is_sign_negative(), BigUint::from(mantissa), exponent, false))
    }

    /// The integer, exactly: at 64 bits, or as many as it needs.
    pub fn from_integer(value: &BigInt) -> Number {
        let precision = u32::try_from(value.bits()).unwrap_or(u32::MAX).max(64);
        Number::rounded(precision, value.sign() == Sign::Minus, value.magnitude().clone(), 0, false)
    }

    /// Reads a decimal number as HCL literals and JSON write it and as text is converted: 512 bits.
    ///
    /// The syntax is that of Go's `big.Float.Parse` in base 10, which also takes a sign, a missing integer or
    /// fraction part, a binary exponent (`1p3` is 8) and `Inf`.
    pub fn parse(text: &str) -> Option<Number> {
        Number::parse_at(text, LITERAL_PRECISION)
    }

    fn parse_at(text: &str, precision: u32) -> Option<Number> {
        let (negative, digits) = split_sign(text);
        if matches!(digits, "Inf" | "inf") {
            return Some(Number { precision, repr: Repr::Infinite { negative } });
        }
        let mantissa_len = digits.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (mantissa, exponent) = digits.split_at(mantissa_len);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if fraction.contains('.') || whole.len() + fraction.len() == 0 {
            return None;
        }
        let (mut decimal, mut binary) = (0, 0);
        match exponent.as_bytes().first() {
            None => {}
            Some(b'e' | b'E') => decimal = parse_exponent(&exponent[1..])?,
            Some(b'p' | b'P') => binary = parse_exponent(&exponent[1..])?,
            Some(_) => return None,
        }
        let all = format!("{whole}{fraction}");
        let mantissa = parse_decimal_digits(&all);
        decimal -= fraction.len() as i64;
        binary += decimal;
        if mantissa.is_zero() {
            return Some(Number::rounded(precision, negative, mantissa, 0, false));
        }
        // Go refuses a binary exponent that does not fit 32 bits before it applies the powers of five.
        if i32::try_from(binary + bits(&mantissa)).is_err() {
            return None;
        }
        // A magnitude of 10^estimate is far beyond the representable range: no need to compute it.
        let estimate = decimal.saturating_add(all.trim_start_matches('0').len() as i64);
        if decimal.unsigned_abs() > 2 * MAX_EXPONENT as u64 && estimate.unsigned_abs() > MAX_EXPONENT as u64 {
            let binary = if decimal > 0 { 2 * MAX_EXPONENT } else { -2 * MAX_EXPONENT };
            return Some(Number::rounded(precision, negative, mantissa, binary, false));
        }
        let power = pow5(decimal.unsigned_abs(), precision + 64);
        if decimal >= 0 {
            return Some(Number::rounded(
                precision,
                negative,
                mantissa * power.mantissa,
                binary + power.exponent,
                false,
            ));
        }
        let (mantissa, exponent, sticky) = divide(&mantissa, &power.mantissa, precision);
        Some(Number::rounded(precision, negative, mantissa, exponent + binary - power.exponent, sticky))
    }

    /// Reads a number as Go's `strconv.ParseFloat` does, which Bake uses for `--var` and the environment: 53 bits.
    ///
    /// Takes a sign, an exponent, hexadecimal with a binary exponent (`0x1p-2`) and underscores between digits.
    /// None for anything else, for a magnitude beyond a double's, and for the spellings of infinity and NaN.
    pub fn parse_double(text: &str) -> Option<Number> {
        if !underscores_fit(text) {
            return None;
        }
        let plain: String = text.chars().filter(|c| *c != '_').collect();
        let (negative, digits) = split_sign(&plain);
        let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hexadecimal) => parse_hexadecimal(hexadecimal, negative)?,
            None => {
                let decimal = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
                if !digits.bytes().all(decimal) {
                    return None;
                }
                plain.parse().ok()?
            }
        };
        if value.is_infinite() { None } else { Number::from_f64(value) }
    }

    /// The value of `mantissa` × 2^`exponent`, plus something less than its last bit if `sticky`, at `precision` bits.
    fn rounded(precision: u32, negative: bool, mantissa: BigUint, exponent: i64, sticky: bool) -> Number {
        if mantissa.is_zero() {
            return Number { precision, repr: if negative { Repr::NegativeZero } else { Repr::Small(0) } };
        }
        let (mantissa, exponent) = round(mantissa, exponent, precision, sticky);
        let zeros = mantissa.trailing_zeros().unwrap_or(0);
        let finite = Finite { negative, mantissa: mantissa >> zeros, exponent: exponent.saturating_add(zeros as i64) };
        let top = finite.top();
        if top > MAX_EXPONENT {
            return Number { precision, repr: Repr::Infinite { negative } };
        }
        if top < -MAX_EXPONENT {
            return Number { precision, repr: if negative { Repr::NegativeZero } else { Repr::Small(0) } };
        }
        if finite.is_integer() && top <= 53 {
            let magnitude = (finite.mantissa << finite.exponent as u64).to_i64().unwrap_or(0);
            return Number { precision, repr: Repr::Small(if negative { -magnitude } else { magnitude }) };
        }
        Number { precision, repr: Repr::Finite(Arc::new(finite)) }
    }

    /// The number of mantissa bits that results are rounded to.
    pub fn precision(&self) -> u32 {
        self.precision
    }

    /// The same value rounded to `precision` bits.
    pub fn with_precision(&self, precision: u32) -> Number {
        match &self.repr {
            Repr::Finite(finite) => {
                Number::rounded(precision, finite.negative, finite.mantissa.clone(), finite.exponent, false)
            }
            repr => Number { precision, repr: repr.clone() },
        }
    }

    /// The number of bits that the value needs to be exact.
    pub fn minimum_precision(&self) -> u32 {
        match self.finite() {
            Some(finite) => u32::try_from(finite.mantissa.bits()).unwrap_or(u32::MAX),
            None => 0,
        }
    }

    /// The parts of a finite number other than zero.
    fn finite(&self) -> Option<Arc<Finite>> {
        match &self.repr {
            Repr::Finite(finite) => Some(finite.clone()),
            Repr::Small(0) | Repr::NegativeZero | Repr::Infinite { .. } => None,
            Repr::Small(value) => {
                let zeros = value.trailing_zeros();
                Some(Arc::new(Finite {
                    negative: *value < 0,
                    mantissa: BigUint::from(value.unsigned_abs() >> zeros),
                    exponent: zeros.into(),
                }))
            }
        }
    }

    /// Whether the sign bit is set, also that of negative zero.
    pub fn is_negative(&self) -> bool {
        match &self.repr {
            Repr::Small(value) => *value < 0,
            Repr::NegativeZero => true,
            Repr::Finite(finite) => finite.negative,
            Repr::Infinite { negative } => *negative,
        }
    }

    /// Whether it is zero of either sign.
    pub fn is_zero(&self) -> bool {
        matches!(self.repr, Repr::Small(0) | Repr::NegativeZero)
    }

    /// Whether it is positive or negative infinity.
    pub fn is_infinite(&self) -> bool {
        matches!(self.repr, Repr::Infinite { .. })
    }

    /// Whether it is a whole number.
    pub fn is_integer(&self) -> bool {
        match &self.repr {
            Repr::Small(_) | Repr::NegativeZero => true,
            Repr::Finite(finite) => finite.is_integer(),
            Repr::Infinite { .. } => false,
        }
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        match (self.is_zero(), self.is_negative()) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// The value if it is a whole number of 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        match &self.repr {
            Repr::Small(value) => Some(*value),
            Repr::NegativeZero => Some(0),
            Repr::Finite(finite) if finite.is_integer() && finite.top() <= 64 => self.trunc()?.to_i64(),
            Repr::Finite(_) | Repr::Infinite { .. } => None,
        }
    }

    /// The whole number next to it towards zero; none for an infinity.
    pub fn trunc(&self) -> Option<BigInt> {
        let finite = match &self.repr {
            Repr::Small(value) => return Some(BigInt::from(*value)),
            Repr::NegativeZero => return Some(BigInt::zero()),
            Repr::Infinite { .. } => return None,
            Repr::Finite(finite) => finite,
        };
        let magnitude = match finite.exponent {
            exponent @ 0.. => &finite.mantissa << exponent as u64,
            exponent => &finite.mantissa >> exponent.unsigned_abs(),
        };
        Some(BigInt::from_biguint(if finite.negative { Sign::Minus } else { Sign::Plus }, magnitude))
    }

    /// The nearest double; infinite beyond its range, subnormal or zero below it.
    pub fn to_f64(&self) -> f64 {
        let finite = match &self.repr {
            Repr::Small(value) => return *value as f64,
            Repr::NegativeZero => return -0.0,
            Repr::Infinite { negative: true } => return f64::NEG_INFINITY,
            Repr::Infinite { negative: false } => return f64::INFINITY,
            Repr::Finite(finite) => finite,
        };
        let magnitude = to_double(&finite.mantissa, finite.exponent);
        if finite.negative { -magnitude } else { magnitude }
    }

    /// The sum, at the larger precision; none for infinities of opposite sign.
    pub fn add(&self, other: &Number) -> Option<Number> {
        let precision = self.precision.max(other.precision);
        if let (Repr::Small(a), Repr::Small(b)) = (&self.repr, &other.repr) {
            // Both are at most 2^53, so the sum fits; above 2^53 it may still need rounding.
            let sum = a + b;
            if sum.abs() <= MAX_SMALL {
                return Some(Number { precision, repr: Repr::Small(sum) });
            }
        }
        match (&self.repr, &other.repr) {
            (Repr::Infinite { negative: a }, Repr::Infinite { negative: b }) if a != b => return None,
            (Repr::Infinite { negative }, _) | (_, Repr::Infinite { negative }) => {
                return Some(Number { precision, repr: Repr::Infinite { negative: *negative } });
            }
            _ => {}
        }
        let (a, b) = match (self.finite(), other.finite()) {
            (Some(a), Some(b)) => (a, b),
            (Some(_), None) => return Some(self.with_precision(precision)),
            (None, Some(_)) => return Some(other.with_precision(precision)),
            (None, None) => {
                let negative = self.is_negative() && other.is_negative();
                return Some(Number::rounded(precision, negative, BigUint::zero(), 0, false));
            }
        };
        let exponent = a.exponent.min(b.exponent);
        let aligned = |x: &Finite| {
            let sign = if x.negative { Sign::Minus } else { Sign::Plus };
            BigInt::from_biguint(sign, &x.mantissa << (x.exponent - exponent) as u64)
        };
        let (sign, magnitude) = (aligned(&a) + aligned(&b)).into_parts();
        Some(Number::rounded(precision, sign == Sign::Minus, magnitude, exponent, false))
    }

    /// The difference, at the larger precision; none for infinities of the same sign.
    pub fn subtract(&self, other: &Number) -> Option<Number> {
        self.add(&other.negate())
    }

    /// The product as cty computes it: at 512 bits, then as few as are exact but no fewer than the larger precision.
    /// None for zero times infinity.
    pub fn multiply(&self, other: &Number) -> Option<Number> {
        let product = self.product(other, LITERAL_PRECISION)?;
        let precision = self.precision.max(other.precision).max(product.minimum_precision());
        Some(product.with_precision(precision))
    }

    /// The product rounded to `precision` bits.
    fn product(&self, other: &Number, precision: u32) -> Option<Number> {
        let negative = self.is_negative() != other.is_negative();
        if let (Some(a), Some(b)) = (self.finite(), other.finite()) {
            let mantissa = &a.mantissa * &b.mantissa;
            return Some(Number::rounded(precision, negative, mantissa, a.exponent + b.exponent, false));
        }
        match (self.is_infinite() || other.is_infinite(), self.is_zero() || other.is_zero()) {
            (true, true) => None,
            (true, false) => Some(Number { precision, repr: Repr::Infinite { negative } }),
            (false, _) => Some(Number::rounded(precision, negative, BigUint::zero(), 0, false)),
        }
    }

    /// The quotient, at the larger precision. Division by zero is infinite; none for 0/0 and ∞/∞.
    pub fn divide(&self, other: &Number) -> Option<Number> {
        let precision = self.precision.max(other.precision);
        let negative = self.is_negative() != other.is_negative();
        match (self.finite(), other.finite()) {
            (Some(a), Some(b)) => {
                let (mantissa, exponent, sticky) = divide(&a.mantissa, &b.mantissa, precision);
                let exponent = exponent + a.exponent - b.exponent;
                Some(Number::rounded(precision, negative, mantissa, exponent, sticky))
            }
            _ if self.is_zero() && other.is_zero() || self.is_infinite() && other.is_infinite() => None,
            _ if self.is_zero() || other.is_infinite() => {
                Some(Number::rounded(precision, negative, BigUint::zero(), 0, false))
            }
            _ => Some(Number { precision, repr: Repr::Infinite { negative } }),
        }
    }

    /// The remainder of the division that rounds towards zero, so that it takes the sign of `self`. The remainder of
    /// a division by zero is `self`, as in cty.
    pub fn modulo(&self, other: &Number) -> Option<Number> {
        if self.is_infinite() || other.is_infinite() {
            return self.multiply(other);
        }
        if other.is_zero() {
            return Some(self.clone());
        }
        let quotient = self.divide(other)?.trunc()?;
        let quotient = Number::from_integer(&quotient).with_precision(self.precision);
        let product = other.product(&quotient, self.precision)?;
        let remainder = self.add(&product.negate())?;
        Some(remainder.with_precision(self.precision))
    }

    /// The value with the other sign; that of zero is negative zero.
    pub fn negate(&self) -> Number {
        let repr = match &self.repr {
            Repr::Small(0) => Repr::NegativeZero,
            Repr::Small(value) => Repr::Small(-value),
            Repr::NegativeZero => Repr::Small(0),
            Repr::Finite(finite) => Repr::Finite(Arc::new(Finite { negative: !finite.negative, ..(**finite).clone() })),
            Repr::Infinite { negative } => Repr::Infinite { negative: !negative },
        };
        Number { precision: self.precision, repr }
    }

    /// The magnitude.
    pub fn absolute(&self) -> Number {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    /// Whether cty's `==` holds: integers by value, other numbers by the shortest decimal at their own precision.
    pub fn equals(&self, other: &Number) -> bool {
        if self.signum() != other.signum() || self.is_integer() != other.is_integer() {
            return false;
        }
        if self.is_integer() || (self.precision == other.precision && !self.is_infinite()) {
            return self.compare(other) == Ordering::Equal;
        }
        self.to_string() == other.to_string()
    }

    /// Order by value, whatever the precision; both zeros are equal.
    pub fn compare(&self, other: &Number) -> Ordering {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.repr, &other.repr) {
            return a.cmp(b);
        }
        let by_sign = self.signum().cmp(&other.signum());
        if by_sign != Ordering::Equal || self.is_zero() {
            return by_sign;
        }
        let magnitude = match (self.finite(), other.finite()) {
            (Some(a), Some(b)) => a.top().cmp(&b.top()).then_with(|| {
                let exponent = a.exponent.min(b.exponent);
                let aligned = |x: &Finite| &x.mantissa << (x.exponent - exponent) as u64;
                aligned(&a).cmp(&aligned(&b))
            }),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if self.is_negative() { magnitude.reverse() } else { magnitude }
    }

    /// How many bytes the plain decimal form takes, roughly.
    pub fn text_len(&self) -> usize {
        match &self.repr {
            Repr::Finite(finite) => (finite.top().unsigned_abs() / 3) as usize + finite.mantissa.bits() as usize,
            _ => 8,
        }
    }

    /// Decimal text as Go's `big.Float.Text` gives it. `digits` counts those behind the point, or all of them for
    /// [`Notation::General`]; none means the shortest text that reads back as the same value.
    pub fn format(&self, notation: Notation, digits: Option<usize>) -> String {
        let sign = if self.is_negative() { "-" } else { "" };
        if self.is_infinite() {
            return if sign.is_empty() { "+Inf".into() } else { "-Inf".into() };
        }
        let mut decimal = Decimal::default();
        if let Some(finite) = self.finite() {
            decimal = Decimal::new(&finite.mantissa, finite.exponent);
            if digits.is_none() {
                decimal.shorten(&finite, self.precision);
            }
        }
        format!("{sign}{}", decimal.format(notation, digits))
    }
}

/// How [`Number::format`] writes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `123.45`, never an exponent.
    Plain,
    /// `1.2345e+02`.
    Exponent,
    /// [`Exponent`](Notation::Exponent) for very large and very small numbers, [`Plain`](Notation::Plain) otherwise.
    General,
}

/// The text that a conversion to string gives: the shortest decimal, never an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.repr {
            Repr::Small(value) => write!(f, "{value}"),
            _ => f.write_str(&self.format(Notation::Plain, None)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The integer at 64 bits.
impl From<i64> for Number {
    fn from(value: i64) -> Number {
        match value.unsigned_abs() <= MAX_SMALL as u64 {
            true => Number { precision: 64, repr: Repr::Small(value) },
            false => Number::rounded(64, value < 0, BigUint::from(value.unsigned_abs()), 0, false),
        }
    }
}

/// The integer at 64 bits.
impl From<usize> for Number {
    fn from(value: usize) -> Number {
        Number::from_integer(&BigInt::from(value))
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// An exponent with its sign; beyond 64 bits it is out of every range, which counts as a mistake.
fn parse_exponent(text: &str) -> Option<i64> {
    let (_, digits) = split_sign(text);
    let well_formed = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // Far beyond 32 bits the number is refused in any case; the cut keeps later sums from overflowing.
    let value: i64 = if well_formed { text.parse().ok()? } else { return None };
    Some(value.clamp(-(1 << 40), 1 << 40))
}

/// The value of a row of decimal digits, split in halves so that long ones take less than quadratic time.
fn parse_decimal_digits(digits: &str) -> BigUint {
    if digits.len() <= 18 {
        return BigUint::from(digits.parse::<u64>().unwrap_or(0));
    }
    let (high, low) = digits.split_at(digits.len() / 2);
    parse_decimal_digits(high) * pow10(low.len()) + parse_decimal_digits(low)
}

fn pow10(exponent: usize) -> BigUint {
    BigUint::from(5u8).pow(exponent as u32) << exponent
}

/// Whether every underscore of a Go number stands between two digits or behind the base prefix.
fn underscores_fit(text: &str) -> bool {
    let (_, digits) = split_sign(text);
    let mut previous = b'^';
    let mut rest = digits.as_bytes();
    let mut hexadecimal = false;
    if let [b'0', b'x' | b'X' | b'b' | b'B' | b'o' | b'O', behind @ ..] = rest {
        hexadecimal = rest[1].eq_ignore_ascii_case(&b'x');
        previous = b'0';
        rest = behind;
    }
    for byte in rest {
        if byte.is_ascii_digit() || (hexadecimal && byte.is_ascii_hexdigit()) {
            previous = b'0';
        } else if *byte == b'_' {
            if previous != b'0' {
                return false;
            }
            previous = b'_';
        } else {
            if previous == b'_' {
                return false;
            }
            previous = b'!';
        }
    }
    previous != b'_'
}

/// The double behind a `0x`: digits with an optional point, then the mandatory binary exponent.
fn parse_hexadecimal(text: &str, negative: bool) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent = parse_exponent(exponent)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mantissa = BigUint::parse_bytes(digits.as_bytes(), 16)?;
    let magnitude = to_double(&mantissa, exponent - 4 * fraction.len() as i64);
    Some(if negative { -magnitude } else { magnitude })
}

/// The double nearest to `mantissa` × 2^`exponent`.
fn to_double(mantissa: &BigUint, exponent: i64) -> f64 {
    if mantissa.is_zero() {
        return 0.0;
    }
    // The last bit of a double stands for 2^-1074 at least, which shortens the mantissa of the tiniest ones.
    let top = exponent + bits(mantissa);
    let precision = (top + 1074).clamp(-1, 53);
    if top > 1024 || precision < 0 {
        return if precision < 0 { 0.0 } else { f64::INFINITY };
    }
    if precision == 0 {
        // Between a half and one of the smallest step: exactly a half goes to the even zero.
        let half = mantissa.is_one() || mantissa.trailing_zeros() == Some(mantissa.bits() - 1);
        return if half { 0.0 } else { f64::from_bits(1) };
    }
    let (mantissa, exponent) = round(mantissa.clone(), exponent, precision as u32, false);
    // At most 53 bits are left, so both factors and their product are exact; two steps keep the first one in range.
    let value = mantissa.to_u64().unwrap_or(u64::MAX) as f64;
    let exponent = exponent.clamp(-2200, 2200) as i32;
    value * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

/// Rounds to `precision` bits, ties to even; `sticky` stands for something below the last bit.
fn round(mantissa: BigUint, exponent: i64, precision: u32, sticky: bool) -> (BigUint, i64) {
    let excess = bits(&mantissa) - i64::from(precision);
    if excess <= 0 {
        return (mantissa, exponent);
    }
    let excess = excess as u64;
    let half = mantissa.bit(excess - 1);
    let below = sticky || mantissa.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
    let mut kept = mantissa >> excess;
    if half && (below || kept.bit(0)) {
        kept += 1u8;
    }
    (kept, exponent + excess as i64)
}

/// The quotient of two integers as (mantissa, exponent, whether something is left) with at least two bits more than
/// `precision`.
fn divide(a: &BigUint, b: &BigUint, precision: u32) -> (BigUint, i64, bool) {
    let shift = (bits(b) - bits(a) + i64::from(precision) + 2).max(0) as u64;
    let dividend = a << shift;
    let quotient = &dividend / b;
    let rest = dividend - &quotient * b;
    (quotient, -(shift as i64), !rest.is_zero())
}

/// 5^n as Go computes it to read decimals: by squaring, every step rounded to a fixed precision, because the last
/// bits of a number with a large exponent depend on it.
fn pow5(n: u64, precision: u32) -> Finite {
    const EXACT: u64 = 27;
    let product = |a: &Finite, b: &Finite, precision: u32| {
        let (mantissa, exponent) = round(&a.mantissa * &b.mantissa, a.exponent + b.exponent, precision, false);
        Finite { negative: false, mantissa, exponent }
    };
    let integer = |n: u64| Finite { negative: false, mantissa: BigUint::from(n), exponent: 0 };
    let mut power = integer(5u64.pow(n.min(EXACT) as u32));
    let mut factor = integer(5);
    let mut left = n.saturating_sub(EXACT);
    while left > 0 {
        if left & 1 != 0 {
            power = product(&power, &factor, precision);
        }
        factor = product(&factor, &factor, precision + 64);
        left >>= 1;
    }
    power
}

/// A decimal number 0.d₁d₂d₃… × 10^`point` without trailing zeros; no digits at all is zero.
#[derive(Default)]
struct Decimal {
    /// ASCII digits.
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// The exact decimal form of `mantissa` × 2^`exponent`.
    fn new(mantissa: &BigUint, exponent: i64) -> Decimal {
        if mantissa.is_zero() {
            return Decimal::default();
        }
        let zeros = mantissa.trailing_zeros().unwrap_or(0).min(exponent.min(0).unsigned_abs());
        let (mantissa, exponent) = (mantissa >> zeros, exponent + zeros as i64);
        // m × 2^-k = m × 5^k × 10^-k
        let (integer, fraction) = match exponent {
            0.. => (mantissa << exponent as u64, 0),
            _ => (mantissa * BigUint::from(5u8).pow(exponent.unsigned_abs() as u32), -exponent),
        };
        let digits = integer.to_str_radix(10).into_bytes();
        let mut decimal = Decimal { point: digits.len() as i64 - fraction, digits };
        decimal.trim();
        decimal
    }

    fn trim(&mut self) {
        let kept = self.digits.iter().rposition(|d| *d != b'0').map_or(0, |last| last + 1);
        self.digits.truncate(kept);
        if kept == 0 {
            self.point = 0;
        }
    }

    fn at(&self, index: i64) -> u8 {
        usize::try_from(index).ok().and_then(|index| self.digits.get(index)).copied().unwrap_or(b'0')
    }

    /// Keeps as few digits as tell the number from its neighbours at `precision` bits.
    ///
    /// As in Go, digits of the two bounds are compared by index, even where a bound has one digit more or less
    /// before the point.
    fn shorten(&mut self, value: &Finite, precision: u32) {
        let shift = i64::from(precision) + 1 - bits(&value.mantissa);
        let mantissa = match shift {
            0.. => &value.mantissa << shift as u64,
            _ => &value.mantissa >> shift.unsigned_abs(),
        };
        let exponent = value.exponent - shift;
        let lower = Decimal::new(&(&mantissa - 1u8), exponent);
        let upper = Decimal::new(&(&mantissa + 1u8), exponent);
        let inclusive = !mantissa.bit(1);
        for index in 0..self.digits.len() {
            let (low, digit, high) = (lower.at(index as i64), self.digits[index], upper.at(index as i64));
            let last_of_lower = index + 1 == lower.digits.len();
            let down = low != digit || inclusive && last_of_lower;
            let up = digit != high && (inclusive || digit + 1 < high || index + 1 < upper.digits.len());
            match (down, up) {
                (true, true) => return self.round(index as i64 + 1),
                (true, false) => return self.cut(index + 1),
                (false, true) => return self.cut_up(index + 1),
                (false, false) => {}
            }
        }
    }

    /// Rounds to `count` digits, ties to even; a negative count and one beyond the end change nothing.
    fn round(&mut self, count: i64) {
        let Ok(count) = usize::try_from(count) else { return };
        let Some(next) = self.digits.get(count) else { return };
        let tie = *next == b'5' && count + 1 == self.digits.len();
        let up = match tie {
            true => count > 0 && self.digits[count - 1] & 1 != 0,
            false => *next >= b'5',
        };
        if up { self.cut_up(count) } else { self.cut(count) }
    }

    fn cut(&mut self, count: usize) {
        if count < self.digits.len() {
            self.digits.truncate(count);
            self.trim();
        }
    }

    fn cut_up(&mut self, count: usize) {
        if count >= self.digits.len() {
            return;
        }
        match self.digits[..count].iter().rposition(|d| *d < b'9') {
            Some(last) => {
                self.digits[last] += 1;
                self.digits.truncate(last + 1);
            }
            None => {
                self.digits = vec![b'1'];
                self.point += 1;
            }
        }
    }

    fn format(mut self, notation: Notation, digits: Option<usize>) -> String {
        let count = self.digits.len() as i64;
        match (notation, digits) {
            (Notation::Exponent, None) => self.exponent_text(count - 1),
            (Notation::Plain, None) => self.plain_text((count - self.point).max(0)),
            (Notation::Exponent, Some(digits)) => {
                self.round(digits as i64 + 1);
                self.exponent_text(digits as i64)
            }
            (Notation::Plain, Some(digits)) => {
                self.round(self.point + digits as i64);
                self.plain_text(digits as i64)
            }
            (Notation::General, _) => {
                let wanted = match digits {
                    Some(digits) => digits.max(1) as i64,
                    None => count,
                };
                self.round(wanted);
                let count = self.digits.len() as i64;
                let limit = match digits {
                    None => 6,
                    Some(_) if wanted > count && count >= self.point => count,
                    Some(_) => wanted,
                };
                let exponent = self.point - 1;
                if exponent < -4 || exponent >= limit {
                    return self.exponent_text(wanted.min(count) - 1);
                }
                let wanted = if wanted > self.point { count } else { wanted };
                self.plain_text((wanted - self.point).max(0))
            }
        }
    }

    /// `d.ddde±dd` with `fraction` digits behind the point.
    fn exponent_text(&self, fraction: i64) -> String {
        let mut text = String::new();
        text.push(self.at(0) as char);
        if fraction > 0 {
            text.push('.');
            text.extend((1..=fraction).map(|index| self.at(index) as char));
        }
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        text + &format!("e{sign}{:02}", exponent.unsigned_abs())
    }

    /// `ddd.ddd` with `fraction` digits behind the point.
    fn plain_text(&self, fraction: i64) -> String {
        let mut text = String::new();
        match self.point {
            1.. => text.extend((0..self.point).map(|index| self.at(index) as char)),
            _ => text.push('0'),
        }
        if fraction > 0 {
            text.push('.');
            text.extend((0..fraction).map(|index| self.at(self.point + index) as char));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn text_is_read_as_in_go_and_printed_without_exponent() {
        let cases = [
            ("1.50", Some("1.5")),
            ("-0", Some("-0")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("1e3", Some("1000")),
            ("1.5E-3", Some("0.0015")),
            ("1p4", Some("16")),
            ("+Inf", Some("+Inf")),
            ("123456789012345678901234567890.5", Some("123456789012345678901234567890.5")),
            ("1e1000000000", Some("+Inf")),
            ("1e-1000000000", Some("0")),
            ("0e99999999999", Some("0")),
            ("1e99999999999", None),
            ("", None),
            (".", None),
            ("1e", None),
            ("1_000", None),
            ("0x10", None),
            (" 1", None),
            ("1.2.3", None),
            ("NaN", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Number::parse(text).map(|number| number.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn doubles_are_read_as_go_reads_overrides() {
        let cases = [
            ("0.1", Some("0.1")),
            ("1_000.5", Some("1000.5")),
            ("0x1p-2", Some("0.25")),
            ("0X_1.8p1", Some("3")),
            ("-1e-400", Some("-0")),
            ("1e400", None),
            ("0x1", None),
            ("_1", None),
            ("1__0", None),
            ("1_", None),
            ("inf", None),
            ("nan", None),
            ("", None),
            ("1 ", None),
        ];
        for (text, expected) in cases {
            let number = Number::parse_double(text);
            assert_eq!(number.as_ref().map(|number| number.to_string()).as_deref(), expected, "{text}");
            assert!(number.is_none_or(|number| number.precision() == 53), "{text}");
        }
    }

    #[test]
    fn results_have_the_larger_precision_of_their_operands() {
        let double = Number::parse_double("0.1").expect("it is a double");
        let sum = double.add(&number("0.2")).expect("both are finite");
        assert_eq!(sum.to_string(), "0.3000000000000000055511151231257827021181583404541015625");
        let third = Number::from(1i64).divide(&Number::from(3i64)).expect("3 is not zero");
        assert_eq!((third.to_string().len(), third.precision()), (22, 64));
        assert!(!third.equals(&number("1").divide(&number("3")).expect("3 is not zero")));
        assert!(double.equals(&number("0.1")), "numbers are compared by their shortest decimals");
    }

    #[test]
    fn what_has_no_value_is_none() {
        let (infinity, zero) = (Number::infinity(false), number("0"));
        assert!(infinity.add(&Number::infinity(true)).is_none());
        assert!(infinity.multiply(&zero).is_none());
        assert!(infinity.divide(&infinity).is_none());
        assert!(zero.divide(&zero).is_none());
        assert_eq!(number("-1").divide(&zero).map(|n| n.to_string()).as_deref(), Some("-Inf"));
    }

    #[test]
    fn order_is_by_value() {
        let ascending =
            ["-Inf", "-1e30", "-2", "-0.5", "0", "1e-30", "0.5", "1", "1.5", "9007199254740993", "1e30", "Inf"];
        for pair in ascending.windows(2) {
            assert_eq!(number(pair[0]).compare(&number(pair[1])), Ordering::Less, "{pair:?}");
        }
        assert_eq!(number("-0").compare(&number("0")), Ordering::Equal);
    }

    #[test]
    fn doubles_are_rounded_once() {
        let cases = [
            ("0.1", 0.1),
            ("1e308", 1e308),
            ("1e309", f64::INFINITY),
            ("5e-324", 5e-324),
            ("2e-324", 0.0),
            ("2.4703282292062327e-324", 0.0),
            ("2.4703282292062328e-324", 5e-324),
            ("2.225073858507201e-308", 2.225073858507201e-308),
            ("9007199254740993", 9007199254740992.0),
            ("-123.456", -123.456),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text).to_f64(), expected, "{text}");
        }
    }

    #[test]
    fn formats_follow_go() {
        use Notation::{Exponent, General, Plain};
        let cases = [
            ("1234.5678", Plain, Some(2), "1234.57"),
            ("0.5", Plain, Some(0), "0"),
            ("1.5", Plain, Some(0), "2"),
            ("1234.5678", Exponent, Some(3), "1.235e+03"),
            ("0.0001", General, None, "0.0001"),
            ("0.00001", General, None, "1e-05"),
            ("100000", General, None, "100000"),
            ("1000000", General, None, "1e+06"),
            ("99.96", General, Some(3), "100"),
        ];
        for (text, notation, digits, expected) in cases {
            assert_eq!(number(text).format(notation, digits), expected, "{text} {notation:?} {digits:?}");
        }
    }

    #[test]
    fn the_largest_numbers_take_no_more_than_kilobytes() {
        let large = number("1e9000");
        assert_eq!(large.to_string().len(), 9_001);
        let product = large.multiply(&large).expect("both are finite");
        assert!(product.is_infinite(), "{} digits are too many", 2 * 9_000);
        let text = number("1e-9000").to_string();
        assert!(text.starts_with("0.000") && text.ends_with('1') && text.len() == 9_002);
    }
}
