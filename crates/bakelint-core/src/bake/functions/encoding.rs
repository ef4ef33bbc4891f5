//! Base64 and URL encoding (go-cty-funcs `encoding`).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Function, FunctionError, Outcome, parameter, text};
use crate::bake::types::Type;
use crate::bake::value::Value;

/// Go's `base64.StdEncoding`: padding is a must, bits beyond the last byte are ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn functions() -> Vec<Function> {
    let str = || [parameter("str", Type::String)];
    vec![
        Function::new("base64encode", str(), |args| Ok(BASE64.encode(text(args, 0)).into())),
        Function::new("base64decode", str(), base64_decode),
        Function::new("urlencode", str(), |args| Ok(url_encode(text(args, 0)).into())),
    ]
}

/// The bytes behind base64 text, which may be broken into lines.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(digits).ok()
}

fn base64_decode(args: &[Value]) -> Outcome {
    let text = text(args, 0);
    let bytes =
        from_base64(text).ok_or_else(|| FunctionError::new(format!("failed to decode base64 data '{text}'")))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(FunctionError::new("the result of decoding the the provided string is not valid UTF-8")),
    }
}

/// Escapes everything that may not stand in the query of a URL, blanks as `+` (Go `url.QueryEscape`).
fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
