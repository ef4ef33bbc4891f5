//! What differs from one run to the next (Bake `hclparser/stdlib.go`, go-cty-funcs `uuid`).

use super::{Function, FunctionEnv, Outcome};
use crate::bake::value::Value;

pub(super) fn functions() -> Vec<Function> {
    vec![Function::impure("homedir", [], |_, env| Ok(env.home_dir().into())), Function::impure("uuidv4", [], uuid_v4)]
}

/// A version 4 UUID: random but for the bits that say so.
fn uuid_v4(_: &[Value], env: &dyn FunctionEnv) -> Outcome {
    let mut bytes = [0; 16];
    env.random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(super::hash::uuid_text(&bytes).into())
}
