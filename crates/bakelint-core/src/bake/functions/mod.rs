//! The functions that a Bake file can call.
//!
//! Names, parameters and results are those of Bake's `bake/hclparser/stdlib.go`, which takes most of them from
//! go-cty's `function/stdlib`. A function never touches the system: what it needs of the outside comes from
//! [`FunctionEnv`].

mod arithmetic;
mod cidr;
mod collection;
mod csv;
mod encoding;
mod float;
mod format;
mod grapheme;
mod hash;
pub mod json;
mod logic;
mod regexp;
mod rsa;
mod semver;
mod set;
mod system;
mod text;
mod time;

use std::sync::LazyLock;

use super::convert::{ConvertError, convert};
use super::number::Number;
use super::types::Type;
use super::value::Value;

/// What functions see of the outside.
pub trait FunctionEnv {
    /// The current time for `timestamp()`, in seconds since 1970 UTC.
    fn now(&self) -> i64;

    /// The home directory for `homedir()`.
    fn home_dir(&self) -> String;

    /// Fills the buffer with random bytes for `uuidv4()` and `bcrypt()`.
    fn random(&self, buffer: &mut [u8]);
}

/// A built-in function.
pub struct Function {
    /// The name it is called by.
    pub name: &'static str,
    /// The positional parameters.
    pub parameters: Vec<Parameter>,
    /// The parameter that takes any further arguments.
    pub variadic: Option<Parameter>,
    body: Body,
    moves: bool,
}

/// A parameter of a [`Function`].
pub struct Parameter {
    /// The name that messages use.
    pub name: &'static str,
    /// The type that arguments are converted to.
    pub ty: Type,
    /// Whether null is accepted.
    pub allow_null: bool,
    /// Whether unknown values reach the function; otherwise the result of the call is simply not known.
    allow_unknown: bool,
}

fn parameter(name: &'static str, ty: Type) -> Parameter {
    Parameter { name, ty, allow_null: false, allow_unknown: false }
}

impl Parameter {
    fn or_null(mut self) -> Parameter {
        self.allow_null = true;
        self
    }

    fn or_unknown(mut self) -> Parameter {
        self.allow_unknown = true;
        self
    }
}

enum Body {
    /// Arguments are values.
    Plain(fn(&[Value]) -> Outcome),
    /// Depends on the outside: the result is volatile.
    Impure(fn(&[Value], &dyn FunctionEnv) -> Outcome),
    /// Works on expressions: the evaluator's business.
    Lazy,
}

type Outcome = Result<Value, FunctionError>;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// The argument at fault, from 0; it may lie beyond the last one if too few were given to a variadic parameter.
    pub argument: Option<usize>,
    /// The cause as Bake words it, without the function's or parameter's name in front and without a full stop.
    pub message: String,
}

impl FunctionError {
    fn new(message: impl Into<String>) -> Self {
        FunctionError { argument: None, message: message.into() }
    }

    fn argument(index: usize, message: impl Into<String>) -> Self {
        FunctionError { argument: Some(index), message: message.into() }
    }
}

/// Does not say which argument could not be converted.
impl From<ConvertError> for FunctionError {
    fn from(error: ConvertError) -> Self {
        FunctionError::new(error.message)
    }
}

impl Function {
    fn new(name: &'static str, parameters: impl Into<Vec<Parameter>>, body: fn(&[Value]) -> Outcome) -> Function {
        Function { name, parameters: parameters.into(), variadic: None, body: Body::Plain(body), moves: false }
    }

    fn impure(
        name: &'static str,
        parameters: impl Into<Vec<Parameter>>,
        body: fn(&[Value], &dyn FunctionEnv) -> Outcome,
    ) -> Function {
        Function { name, parameters: parameters.into(), variadic: None, body: Body::Impure(body), moves: false }
    }

    fn lazy(name: &'static str, parameters: impl Into<Vec<Parameter>>) -> Function {
        Function { name, parameters: parameters.into(), variadic: None, body: Body::Lazy, moves: false }
    }

    /// Lets the last parameter take any number of further arguments.
    fn and_more(mut self, variadic: Parameter) -> Function {
        self.variadic = Some(variadic);
        self
    }

    /// Says that the result consists of elements of the arguments, or tells only how many there are. Such a function
    /// gets arguments with unknown values inside.
    fn moving(mut self) -> Function {
        self.moves = true;
        self
    }

    /// Whether it works on expressions instead of values (`try`, `can`, `convert`): the evaluator carries it out.
    pub fn is_lazy(&self) -> bool {
        matches!(self.body, Body::Lazy)
    }

    /// Whether its result may differ from one run to the next whatever the arguments are.
    pub fn is_impure(&self) -> bool {
        matches!(self.body, Body::Impure(_))
    }

    /// The parameter that takes the argument at `index`.
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let themes = [
        arithmetic::functions,
        cidr::functions,
        collection::functions,
        csv::functions,
        encoding::functions,
        format::functions,
        hash::functions,
        json::functions,
        logic::functions,
        regexp::functions,
        rsa::functions,
        semver::functions,
        set::functions,
        system::functions,
        text::functions,
        time::functions,
    ];
    let mut functions: Vec<Function> = themes.iter().flat_map(|theme| theme()).collect();
    functions.sort_by_key(|function| function.name);
    functions
});

/// The built-in function of that name.
pub fn lookup(name: &str) -> Option<&'static Function> {
    let at = FUNCTIONS.binary_search_by_key(&name, |function| function.name).ok()?;
    Some(&FUNCTIONS[at])
}

/// The names of all built-in functions, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// Converts the arguments to the types of the parameters; one error per argument that does not fit. The number of
/// arguments must be right.
pub fn convert_arguments(function: &Function, arguments: Vec<Value>) -> Result<Vec<Value>, Vec<FunctionError>> {
    let mut errors = Vec::new();
    let mut converted = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.into_iter().enumerate() {
        let Some(parameter) = function.parameter(index) else { continue };
        match convert(&argument, &parameter.ty) {
            Ok(value) => converted.push(value),
            Err(error) => errors.push(FunctionError::argument(index, error.message)),
        }
    }
    if errors.is_empty() { Ok(converted) } else { Err(errors) }
}

/// Calls a function. Arguments are converted to the types of the parameters first.
///
/// The result is [volatile](Value::is_volatile) if the function is impure or an argument is volatile; functions that
/// only move elements about (`concat`, `merge`, `keys`, …) keep track of each element by itself.
///
/// Lazy functions cannot be called this way and give an error.
pub fn call(function: &Function, arguments: Vec<Value>, env: &dyn FunctionEnv) -> Result<Value, FunctionError> {
    let wanted = function.parameters.len();
    if arguments.len() < wanted || (arguments.len() > wanted && function.variadic.is_none()) {
        let at_least = if function.variadic.is_some() { "at least " } else { "" };
        let given = arguments.len();
        return Err(FunctionError::new(format!(
            "wrong number of arguments ({at_least}{wanted} required; {given} given)"
        )));
    }
    let arguments = convert_arguments(function, arguments).map_err(|mut errors| errors.swap_remove(0))?;
    let volatile = match function.moves {
        true => arguments.iter().any(Value::is_volatile_itself),
        false => arguments.iter().any(Value::is_volatile),
    };
    let mut known = true;
    for (index, argument) in arguments.iter().enumerate() {
        let Some(parameter) = function.parameter(index) else { continue };
        if argument.is_null() && !parameter.allow_null {
            return Err(FunctionError::argument(index, "argument must not be null"));
        }
        known &=
            parameter.allow_unknown || if function.moves { argument.is_known() } else { argument.is_wholly_known() };
    }
    if !known {
        return Ok(Value::DYNAMIC.or_volatile(volatile));
    }
    let result = match function.body {
        Body::Plain(body) => body(&arguments)?,
        Body::Impure(body) => body(&arguments, env)?.or_volatile(true),
        Body::Lazy => return Err(FunctionError::new("not callable with values")),
    };
    result.check_size().map_err(|error| FunctionError::new(error.to_string()))?;
    Ok(result.or_volatile(volatile))
}

/// The text of a string argument. It is one: [`call`] has converted it and refused null.
fn text(args: &[Value], index: usize) -> &str {
    args[index].as_str().unwrap_or_default()
}

/// A number argument.
fn number(args: &[Value], index: usize) -> Number {
    args[index].as_number().cloned().unwrap_or_else(|| 0i64.into())
}

/// A number argument that must be a whole number of 64 bits.
fn whole(args: &[Value], index: usize) -> Result<i64, FunctionError> {
    number(args, index).to_i64().ok_or_else(|| {
        FunctionError::new(format!("value must be a whole number, between {} and {}", i64::MIN, i64::MAX))
    })
}
