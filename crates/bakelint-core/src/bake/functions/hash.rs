//! Hashes and identifiers (go-cty-funcs `crypto`, `uuid`).

use super::{Function, FunctionError, Outcome, parameter, text};
use crate::bake::types::Type;
use crate::bake::value::{Value, quoted};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

pub(super) fn functions() -> Vec<Function> {
    let str = || [parameter("str", Type::String)];
    vec![
        Function::new("md5", str(), hash::<Md5>),
        Function::new("sha1", str(), hash::<Sha1>),
        Function::new("sha256", str(), hash::<Sha256>),
        Function::new("sha512", str(), hash::<Sha512>),
        Function::new("uuidv5", [parameter("namespace", Type::String), parameter("name", Type::String)], uuid_v5),
    ]
}

fn hash<D: Digest>(args: &[Value]) -> Outcome {
    Ok(hexadecimal(&D::digest(text(args, 0))).into())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A version 5 UUID: the SHA-1 hash of a namespace and a name. The namespace is a UUID or a well-known name.
fn uuid_v5(args: &[Value]) -> Outcome {
    let (namespace, name) = (text(args, 0), text(args, 1));
    let well_known = |fourth: u8| [&[0x6b, 0xa7, 0xb8, fourth], WELL_KNOWN].concat();
    let namespace = match namespace {
        "dns" => well_known(0x10),
        "url" => well_known(0x11),
        "oid" => well_known(0x12),
        "x500" => well_known(0x14),
        other => parse_uuid(other)
            .map_err(|cause| FunctionError::new(format!("uuidv5() doesn't support namespace {other} ({cause})")))?,
    };
    let digest = Sha1::digest([&namespace[..], name.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(uuid_text(&bytes).into())
}

/// What the namespaces of RFC 9562 have in common behind their first four bytes.
const WELL_KNOWN: &[u8] = &[0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];

/// The bytes of a UUID in one of the four spellings that google/uuid reads.
fn parse_uuid(text: &str) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let dashed = match bytes.len() {
        32 => return parse_hexadecimal(bytes),
        36 => bytes,
        38 => &bytes[1..37],
        45 if bytes[..9].eq_ignore_ascii_case(b"urn:uuid:") => &bytes[9..],
        45 => return Err(format!("invalid urn prefix: {}", quoted(&String::from_utf8_lossy(&bytes[..9])))),
        length => return Err(format!("invalid UUID length: {length}")),
    };
    match [8, 13, 18, 23].iter().all(|at| dashed[*at] == b'-') {
        true => {
            let groups = [&dashed[..8], &dashed[9..13], &dashed[14..18], &dashed[19..23], &dashed[24..]];
            parse_hexadecimal(&groups.concat())
        }
        false => Err("invalid UUID format".into()),
    }
}

fn parse_hexadecimal(digits: &[u8]) -> Result<Vec<u8>, String> {
    let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let byte = |pair: &[u8]| Some(value(pair[0])? << 4 | value(pair[1])?);
    digits.chunks_exact(2).map(byte).collect::<Option<_>>().ok_or_else(|| "invalid UUID format".into())
}

/// The usual text of a UUID.
pub(super) fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex = hexadecimal(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
