//! `rsadecrypt`: RSA with PKCS #1 v1.5 padding and a PEM key (go-cty-funcs `crypto/rsa.go`).

use num_bigint::BigUint;

use super::encoding::from_base64;
use super::{Function, FunctionError, Outcome, parameter, text};
use crate::bake::types::Type;
use crate::bake::value::{Value, quoted};

pub(super) fn functions() -> Vec<Function> {
    vec![Function::new(
        "rsadecrypt",
        [parameter("ciphertext", Type::String), parameter("privatekey", Type::String)],
        rsa_decrypt,
    )]
}

/// The longest modulus that is computed with, in bytes. Time grows with the third power.
const MAX_MODULUS: usize = 1024;

fn rsa_decrypt(args: &[Value]) -> Outcome {
    let (text_in, key) = (text(args, 0), text(args, 1));
    let cipher = from_base64(text_in).ok_or_else(|| {
        FunctionError::new(format!("failed to decode input {}: cipher text must be base64-encoded", quoted(text_in)))
    })?;
    let der = decode_pem(key).map_err(FunctionError::new)?;
    let integers = der_integers(&der).ok_or_else(|| FunctionError::new("failed to parse key: not a PKCS #1 key"))?;
    if integers.len() == 1 {
        // PKCS #8 wraps the key: behind the version comes the algorithm.
        let message = "x509: failed to parse private key (use ParsePKCS8PrivateKey instead for this key format)";
        return Err(FunctionError::new(message));
    }
    // Version, modulus, public exponent, private exponent; what follows only makes computing faster.
    let [_, modulus, _, exponent, ..] = integers.as_slice() else {
        return Err(FunctionError::new("failed to parse key: not a PKCS #1 private key"));
    };
    let modulus_len = modulus.bits().div_ceil(8) as usize;
    let broken = || FunctionError::new("crypto/rsa: decryption error");
    let cipher_number = BigUint::from_bytes_be(&cipher);
    if modulus_len > MAX_MODULUS || cipher.len() > modulus_len || cipher_number >= *modulus {
        return Err(broken());
    }
    let message = cipher_number.modpow(exponent, modulus).to_bytes_be();
    // 00 02, at least eight bytes other than zero, 00, the text. The leading zero is lost in the number.
    let padded = message.strip_prefix(&[2]).filter(|_| message.len() + 1 == modulus_len).ok_or_else(broken)?;
    let zero = padded.iter().position(|byte| *byte == 0).filter(|zero| *zero >= 8).ok_or_else(broken)?;
    Ok(String::from_utf8_lossy(&padded[zero + 1..]).as_ref().into())
}

/// The bytes of the first block of a PEM file.
fn decode_pem(text: &str) -> Result<Vec<u8>, &'static str> {
    const NO_KEY: &str = "failed to parse key: no key found";
    let mut lines = text.lines().map(str::trim_end);
    let label = lines.find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")).ok_or(NO_KEY)?;
    let mut base64 = String::new();
    for line in lines {
        if line.strip_prefix("-----END ").and_then(|line| line.strip_suffix("-----")) == Some(label) {
            return from_base64(&base64).ok_or(NO_KEY);
        }
        match line.split_once(':') {
            Some((name, value)) if name.trim() == "Proc-Type" && value.trim() == "4,ENCRYPTED" => {
                return Err("failed to parse key: password protected keys are not supported. \
                            Please decrypt the key prior to use");
            }
            Some(_) => {}
            None => base64.extend(line.chars().filter(|c| !matches!(c, ' ' | '\t'))),
        }
    }
    Err(NO_KEY)
}

/// The integers of a DER sequence, up to the first element that is none.
fn der_integers(der: &[u8]) -> Option<Vec<BigUint>> {
    let (content, _) = der_element(der, 0x30)?;
    let mut integers = Vec::new();
    let mut rest = content;
    while let Some((integer, behind)) = der_element(rest, 0x02) {
        integers.push(BigUint::from_bytes_be(integer));
        rest = behind;
    }
    Some(integers)
}

/// The content of a DER element with this tag, and what follows it.
fn der_element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *found == tag { rest.split_at_checked(len) } else { None }
}
