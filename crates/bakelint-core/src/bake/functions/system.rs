//! What differs from one run to the next (Bake `hclparser/stdlib.go`, go-cty-funcs `uuid` and `crypto`), and what needs
//! a kind of value that no expression gives.

use super::{Function, FunctionEnv, FunctionError, Outcome, parameter, text, whole};
use crate::bake::types::Type;
use crate::bake::value::Value;

pub(super) fn functions() -> Vec<Function> {
    let bytes = || parameter("buf", Type::Bytes);
    let number = |name| parameter(name, Type::Number);
    // Only bytes are accepted, and there are none.
    let never = |_: &[Value]| Ok(Value::DYNAMIC);
    vec![
        Function::impure("homedir", [], |_, env| Ok(env.home_dir().into())),
        Function::impure("uuidv4", [], uuid_v4),
        Function::impure("bcrypt", [parameter("str", Type::String)], bcrypt).and_more(number("cost")),
        Function::new("byteslen", [bytes()], never),
        Function::new("bytesslice", [bytes(), number("offset"), number("length")], never),
    ]
}

/// A version 4 UUID: random but for the bits that say so.
fn uuid_v4(_: &[Value], env: &dyn FunctionEnv) -> Outcome {
    let mut bytes = [0; 16];
    env.random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(super::hash::uuid_text(&bytes).into())
}

/// A text that looks like a bcrypt hash, with random letters for salt and hash.
///
/// Every call of the real function gives another hash and takes as long as the cost asks for. Nothing that is read
/// off a Bake file can depend on it, so it is not computed.
fn bcrypt(args: &[Value], env: &dyn FunctionEnv) -> Outcome {
    const LETTERS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let cost = if args.len() > 1 { whole(args, 1)? } else { 10 };
    if args.len() > 2 {
        return Err(FunctionError::new("bcrypt() takes no more than two arguments"));
    }
    let fail = |cause: String| Err(FunctionError::new(format!("error occured generating password {cause}")));
    if text(args, 0).len() > 72 {
        return fail("bcrypt: password length exceeds 72 bytes".into());
    }
    if cost > 31 {
        return fail(format!("crypto/bcrypt: cost {cost} is outside allowed inclusive range 4..31"));
    }
    let cost = if cost < 4 { 10 } else { cost };
    let mut random = [0; 53];
    env.random(&mut random);
    let letters = random.iter().map(|byte| LETTERS[usize::from(byte & 63)] as char);
    Ok(format!("$2a${cost:02}${}", letters.collect::<String>()).into())
}
