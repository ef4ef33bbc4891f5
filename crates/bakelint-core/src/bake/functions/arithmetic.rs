//! Functions on numbers (go-cty `stdlib/number.go`).

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};

use super::{Function, FunctionError, Outcome, float, number, parameter, text, whole};
use crate::bake::number::Number;
use crate::bake::types::Type;
use crate::bake::value::{Value, quoted};

pub(super) fn functions() -> Vec<Function> {
    let two = || [parameter("a", Type::Number), parameter("b", Type::Number)];
    let one = || [parameter("num", Type::Number)];
    let numbers = || parameter("numbers", Type::Number);
    vec![
        Function::new("add", two(), |args| operate(args, Number::add, "can't compute sum of opposing infinities")),
        Function::new("subtract", two(), |args| operate(args, Number::subtract, "can't subtract infinity from itself")),
        Function::new("multiply", two(), |args| operate(args, Number::multiply, "can't multiply zero by infinity")),
        Function::new("divide", two(), |args| {
            operate(args, Number::divide, "can't divide zero by zero or infinity by infinity")
        }),
        Function::new("modulo", two(), |args| operate(args, Number::modulo, "can't use modulo with zero and infinity")),
        Function::new("negate", one(), |args| Ok(number(args, 0).negate().into())),
        Function::new("absolute", one(), |args| Ok(number(args, 0).absolute().into())),
        Function::new("greaterthan", two(), |args| Ok(compare(args, Ordering::is_gt))),
        Function::new("greaterthanorequalto", two(), |args| Ok(compare_or_equal(args, Ordering::is_gt))),
        Function::new("lessthan", two(), |args| Ok(compare(args, Ordering::is_lt))),
        Function::new("lessthanorequalto", two(), |args| Ok(compare_or_equal(args, Ordering::is_lt))),
        Function::new("min", [], |args| extreme(args, Ordering::is_lt)).and_more(numbers()),
        Function::new("max", [], |args| extreme(args, Ordering::is_gt)).and_more(numbers()),
        Function::new("int", one(), int),
        Function::new("ceil", one(), |args| Ok(to_whole(number(args, 0), Sign::Plus).into())),
        Function::new("floor", one(), |args| Ok(to_whole(number(args, 0), Sign::Minus).into())),
        Function::new("signum", one(), |args| Ok(whole(args, 0)?.signum().into())),
        Function::new("log", [parameter("num", Type::Number), parameter("base", Type::Number)], |args| {
            of_doubles(args, |num, base| float::log(num) / float::log(base))
        }),
        Function::new("pow", [parameter("num", Type::Number), parameter("power", Type::Number)], |args| {
            of_doubles(args, float::pow)
        }),
        Function::new("parseint", [parameter("number", Type::Any), parameter("base", Type::Number)], parse_int),
    ]
}

fn operate(args: &[Value], operator: fn(&Number, &Number) -> Option<Number>, otherwise: &str) -> Outcome {
    match operator(&number(args, 0), &number(args, 1)) {
        Some(result) => Ok(result.into()),
        None => Err(FunctionError::new(otherwise)),
    }
}

fn compare(args: &[Value], wanted: fn(Ordering) -> bool) -> Value {
    wanted(number(args, 0).compare(&number(args, 1))).into()
}

/// Equal here is what `==` means, which compares the decimal forms.
fn compare_or_equal(args: &[Value], wanted: fn(Ordering) -> bool) -> Value {
    let (a, b) = (number(args, 0), number(args, 1));
    (wanted(a.compare(&b)) || a.equals(&b)).into()
}

fn extreme(args: &[Value], better: fn(Ordering) -> bool) -> Outcome {
    let mut numbers = args.iter().filter_map(Value::as_number);
    let first = numbers.next().ok_or_else(|| FunctionError::new("must pass at least one number"))?;
    let best = numbers.fold(first, |best, number| if better(number.compare(best)) { number } else { best });
    Ok(best.clone().into())
}

fn int(args: &[Value]) -> Outcome {
    let number = number(args, 0);
    if number.is_integer() {
        return Ok(number.into());
    }
    match number.trunc() {
        Some(whole) => Ok(Number::from_integer(&whole).into()),
        None => Err(FunctionError::new("can't truncate infinity to an integer")),
    }
}

/// The next whole number in the direction of `towards`, at the precision of the number.
fn to_whole(number: Number, towards: Sign) -> Number {
    let Some(mut whole) = number.trunc() else { return number };
    if !number.is_integer() && number.is_negative() == (towards == Sign::Minus) {
        whole += BigInt::from_biguint(towards, BigUint::from(1u8));
    }
    Number::from_integer(&whole).with_precision(number.precision())
}

fn of_doubles(args: &[Value], operator: fn(f64, f64) -> f64) -> Outcome {
    let double = |index: usize| {
        let number = number(args, index);
        let double = number.to_f64();
        match double.is_infinite() && !number.is_infinite() {
            true => Err(FunctionError::new(format!(
                "value must be between {0:.6} and {1:.6} inclusive",
                f64::MIN,
                f64::MAX
            ))),
            false => Ok(double),
        }
    };
    match Number::from_f64(operator(double(0)?, double(1)?)) {
        Some(result) => Ok(result.into()),
        None => Err(FunctionError::new("the result is not a number")),
    }
}

fn parse_int(args: &[Value]) -> Outcome {
    let ty = args[0].ty();
    if ty != Type::String {
        let message = format!("first argument must be a string, not {}", ty.friendly_name());
        return Err(FunctionError::argument(0, message));
    }
    let base = whole(args, 1).map_err(|error| FunctionError::argument(1, error.message))?;
    let base = match u32::try_from(base) {
        Ok(base @ 2..=62) => base,
        _ => return Err(FunctionError::argument(1, "base must be a whole number between 2 and 62 inclusive")),
    };
    match parse_digits(text(args, 0), base) {
        Some(integer) => Ok(Number::from_integer(&integer).into()),
        None => {
            let message = format!("cannot parse {} as a base {base} integer", quoted(text(args, 0)));
            Err(FunctionError::argument(0, message))
        }
    }
}

/// The longest text that `parseint` reads; a longer one takes time that grows with its square.
const MAX_DIGITS: usize = 100_000;

/// Digits with an optional sign. Up to base 36 the case of letters does not matter; beyond, small letters come first.
fn parse_digits(text: &str, base: u32) -> Option<BigInt> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let value = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'z' => Some(byte - b'a' + 10),
        b'A'..=b'Z' => Some(byte - b'A' + if base <= 36 { 10 } else { 36 }),
        _ => None,
    };
    let values: Option<Vec<u8>> = digits.bytes().map(|byte| value(byte).filter(|v| u32::from(*v) < base)).collect();
    let magnitude = BigUint::from_radix_be(&values?, base)?;
    Some(BigInt::from_biguint(if text.starts_with('-') { Sign::Minus } else { Sign::Plus }, magnitude))
}
