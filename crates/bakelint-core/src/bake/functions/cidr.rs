//! Functions on IP networks (go-cty-funcs `cidr`, apparentlymart/go-cidr).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Function, FunctionError, Outcome, parameter, text, whole};
use crate::bake::types::Type;
use crate::bake::value::Value;

pub(super) fn functions() -> Vec<Function> {
    let prefix = || parameter("prefix", Type::String);
    let number = |name| parameter(name, Type::Number);
    vec![
        Function::new("cidrhost", [prefix(), number("hostnum")], host),
        Function::new("cidrnetmask", [prefix()], |args| {
            let network = Network::parse(text(args, 0)).map_err(FunctionError::new)?;
            let mask = Network { address: network.mask(network.length), ..network };
            Ok(mask.address_text().into())
        }),
        Function::new("cidrsubnet", [prefix(), number("newbits"), number("netnum")], subnet),
        Function::new("cidrsubnets", [prefix()], subnets).and_more(number("newbits")),
    ]
}

/// An address prefix.
#[derive(Debug, Clone, Copy)]
struct Network {
    /// The lowest address, in the low bits if it is IPv4.
    address: u128,
    /// Bits of an address: 32 or 128.
    bits: u32,
    /// Bits of the prefix.
    length: u32,
}

impl Network {
    /// `address/length`; bits behind the prefix are dropped.
    fn parse(text: &str) -> Result<Network, String> {
        let parsed = || {
            let (address, length) = text.split_once('/')?;
            let (address, bits) = match address.parse().ok()? {
                IpAddr::V4(address) => (u32::from(address).into(), 32),
                IpAddr::V6(address) => (u128::from(address), 128),
            };
            if !length.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let length = length.parse().ok().filter(|length| *length <= bits)?;
            let network = Network { address, bits, length };
            Some(Network { address: address & network.mask(length), ..network })
        };
        parsed().ok_or_else(|| format!("invalid CIDR expression: invalid CIDR address: {text}"))
    }

    /// The bits of an address that a prefix of this length covers.
    fn mask(&self, length: u32) -> u128 {
        !self.low_bits(self.bits - length) & self.low_bits(self.bits)
    }

    /// As many ones.
    fn low_bits(&self, count: u32) -> u128 {
        1u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
    }

    fn last(&self) -> u128 {
        self.address | self.low_bits(self.bits - self.length)
    }

    /// An IPv4 address in IPv6 form is written as IPv4, as Go has it.
    fn address_text(&self) -> String {
        match self.bits == 32 || self.is_mapped() {
            // The cast keeps the low 32 bits, which are the address.
            true => Ipv4Addr::from(self.address as u32).to_string(),
            false => Ipv6Addr::from(self.address).to_string(),
        }
    }

    /// Whether it is an IPv4 address in IPv6 form.
    fn is_mapped(&self) -> bool {
        self.bits == 128 && self.address >> 32 == 0xffff
    }

    fn text(&self) -> String {
        let length = if self.is_mapped() { self.length.saturating_sub(96) } else { self.length };
        format!("{}/{length}", self.address_text())
    }
}

fn host(args: &[Value]) -> Outcome {
    let number = whole(args, 1)?;
    let network = Network::parse(text(args, 0)).map_err(FunctionError::new)?;
    let highest = network.low_bits(network.bits - network.length);
    // A negative number counts from the end: -1 is the last address.
    let distance = if number < 0 { u128::from(number.unsigned_abs()) - 1 } else { number as u128 };
    if distance > highest {
        let length = network.length;
        return Err(FunctionError::new(format!("prefix of {length} does not accommodate a host numbered {number}")));
    }
    let host = if number < 0 { highest - distance } else { distance };
    // Sic: for an IPv4 network in IPv6 form the number is put where that of an IPv4 address would be.
    let host = if network.is_mapped() { host << 96 } else { host };
    Ok(Network { address: network.address | host, ..network }.address_text().into())
}

fn subnet(args: &[Value]) -> Outcome {
    let (new_bits, number) = (whole(args, 1)?, whole(args, 2)?);
    let network = Network::parse(text(args, 0)).map_err(FunctionError::new)?;
    if new_bits > 32 {
        return Err(FunctionError::new("may not extend prefix by more than 32 bits"));
    }
    let parent = network.length;
    let length = i64::from(parent) + new_bits;
    if length > network.bits.into() {
        let message = format!("insufficient address space to extend prefix of {parent} by {new_bits}");
        return Err(FunctionError::new(message));
    }
    let fits = number >= 0 && (new_bits < 0 || number as u64 <= network.low_bits(new_bits as u32) as u64);
    if !fits {
        let message = format!("prefix extension of {new_bits} does not accommodate a subnet numbered {number}");
        return Err(FunctionError::new(message));
    }
    let Ok(length) = u32::try_from(length) else {
        return Err(FunctionError::new(format!("prefix of {parent} cannot be extended by {new_bits}")));
    };
    let shifted = (number as u128).checked_shl(network.bits - length).unwrap_or(0);
    if shifted > network.low_bits(network.bits) {
        return Err(FunctionError::new(format!("there is no subnet numbered {number}")));
    }
    Ok(Network { address: network.address | shifted, length, ..network }.text().into())
}

fn subnets(args: &[Value]) -> Outcome {
    let network = Network::parse(text(args, 0)).map_err(|message| FunctionError::argument(0, message))?;
    let mut texts: Vec<String> = Vec::new();
    // The subnet that ends where the network begins; it wraps around for the lowest network.
    let mut current: Option<Network> = None;
    for index in 1..args.len() {
        let fail = |message: String| Err(FunctionError::argument(index, message));
        let added = whole(args, index).map_err(|error| FunctionError::argument(index, error.message))?;
        if added < 1 {
            return fail("must extend prefix by at least one bit".into());
        }
        if added > 32 {
            return fail("may not extend prefix by more than 32 bits".into());
        }
        let length = network.length + added as u32;
        if length > network.bits {
            let protocol = if network.bits == 32 { "IPv4" } else { "IPv6" };
            return fail(format!("would extend prefix to {length} bits, which is too long for an {protocol} address"));
        }
        let before = current.unwrap_or_else(|| {
            let last = network.address.wrapping_sub(1) & network.low_bits(network.bits);
            Network { address: last & network.mask(length), length, ..network }
        });
        let last = Network { address: before.last() & network.mask(length), length, ..network }.last();
        let start = last.wrapping_add(1) & network.low_bits(network.bits);
        let next = Network { address: start & network.mask(length), length, ..network };
        let inside = next.address & network.mask(network.length) == network.address;
        // go-cidr loses its way with an IPv4 network in IPv6 form.
        let lost = network.is_mapped();
        if start == 0 || !inside || lost {
            let before = if lost { "<nil>".to_owned() } else { before.text() };
            return fail(format!(
                "not enough remaining address space for a subnet with a prefix of {length} bits after {before}"
            ));
        }
        texts.push(next.text());
        current = Some(next);
    }
    Ok(Value::list_of_strings(texts))
}
