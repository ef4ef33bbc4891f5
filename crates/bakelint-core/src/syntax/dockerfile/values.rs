//! Values of flags and arguments, read as Go's standard library and Docker's packages read them.

/// What an `EXPOSE` argument opens, after expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port<'t> {
    /// The address before the ports, which has no meaning in EXPOSE.
    pub ip: &'t str,
    /// The port of the host, which has no meaning in EXPOSE.
    pub host: &'t str,
    /// The first port.
    pub first: u16,
    /// The last port, equal to the first one without a range.
    pub last: u16,
    /// The protocol as written: `tcp` (also if none is), `udp` or `sctp` in any case.
    pub protocol: &'t str,
}

impl<'t> Port<'t> {
    /// Reads `[[ip:]host:]port[-port][/protocol]`.
    ///
    /// # Errors
    ///
    /// What is wrong, if BuildKit refuses the text (`frontend/dockerfile/dockerfile2llb/convert_expose.go`).
    pub fn parse(text: &'t str) -> Result<Port<'t>, String> {
        let (rest, container) = text.rsplit_once(':').unwrap_or(("", text));
        let (ip, host) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (ports, protocol) = container.split_once('/').unwrap_or((container, ""));
        if ports.is_empty() {
            return Err(format!("`{text}` has no port"));
        }
        let protocol = match super::chars::lower(protocol).as_str() {
            "" => "tcp",
            "tcp" | "udp" | "sctp" => protocol,
            _ => return Err(format!("`{protocol}` is no protocol: use tcp, udp or sctp")),
        };
        if !ip.is_empty() && !is_ip(ip) {
            return Err(format!("`{ip}` is no address"));
        }
        let range = |ports: &str| port_range(ports).ok_or_else(|| format!("`{ports}` is no port from 0 to 65535"));
        let (first, last) = range(ports)?;
        if !host.is_empty() {
            let (host_first, host_last) = range(host)?;
            if last - first != host_last - host_first && first != last {
                return Err(format!("the ranges `{host}` and `{ports}` differ in length"));
            }
        }
        Ok(Port { ip, host, first, last, protocol })
    }
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    // Go's `ParseInt` takes a plus sign, as Rust's `parse` does, and a minus before a zero.
    let port = |text: &str| text.parse::<i64>().ok().and_then(|port| u16::try_from(port).ok());
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(start)?, port(end)?);
    (first <= last).then_some((first, last))
}

/// An IPv4 or IPv6 address, the latter with or without brackets.
fn is_ip(text: &str) -> bool {
    let address = match text.strip_prefix('[') {
        Some(rest) => match rest.strip_suffix(']') {
            Some(inside) => inside,
            None => return false,
        },
        None => text,
    };
    address.parse::<std::net::IpAddr>().is_ok()
}

/// Whether Linux has a signal with this name or number, by `moby/sys/signal`. Names may begin with `SIG`, in any case.
pub fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    const NAMES: [&str; 36] = [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
        "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN",
        "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
    ];
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |text: &str, most: u32| {
        let number: u32 = text.parse().unwrap_or(0);
        (1..=most).contains(&number) && text == number.to_string()
    };
    NAMES.contains(&name)
        || name.strip_prefix("RTMIN+").is_some_and(|text| offset(text, 15))
        || name.strip_prefix("RTMAX-").is_some_and(|text| offset(text, 14))
}

/// Whether `--chmod` takes the text: octal up to 07777, or symbolic such as `u=rwX,go=u-w`, as
/// `tonistiigi/dchapes-mode` reads it.
pub fn is_file_mode(text: &str) -> bool {
    if let Some(mode) = parse_uint(text, 8) {
        return mode <= 0o7777;
    }
    let mut rest = text.as_bytes();
    let skip = |rest: &mut &[u8], class: &[u8]| {
        let len = rest.iter().take_while(|byte| class.contains(byte)).count();
        *rest = &rest[len..];
    };
    loop {
        skip(&mut rest, b"augo");
        loop {
            match rest.split_first() {
                Some((b'+' | b'-' | b'=', behind)) => rest = behind,
                _ => return false,
            }
            skip(&mut rest, b"rstwXxugo");
            match rest.split_first() {
                None => return true,
                Some((b',', behind)) => {
                    rest = behind;
                    break;
                }
                Some(_) => {}
            }
        }
    }
}

/// Go's `strconv.ParseBool`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Go's `strconv.ParseUint` with 32 bits: digits only, no sign.
pub(super) fn parse_uint(text: &str, radix: u32) -> Option<u64> {
    if text.starts_with('+') {
        return None;
    }
    u32::from_str_radix(text, radix).ok().map(u64::from)
}

/// `docker/go-units`' `RAMInBytes`: a number with an optional unit such as `k`, `MB` or `GiB`, all of them binary.
pub(super) fn ram_in_bytes(text: &str) -> Option<i64> {
    let last = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))?;
    let (number, unit) =
        if text[last..].starts_with(' ') { (&text[..last], &text[last + 1..]) } else { text.split_at(last + 1) };
    let number = parse_float(number).filter(|number| *number >= 0.0)?;
    let unit = unit.to_lowercase();
    let factor = match unit.as_bytes() {
        [] | [b'b'] => 0,
        [prefix] | [prefix, b'b'] | [prefix, b'i', b'b'] => b"kmgtp".iter().position(|known| known == prefix)? + 1,
        _ => return None,
    };
    Some((number * 1024f64.powi(factor as i32)) as i64)
}

/// Go's `strconv.ParseFloat`, as far as sizes go: neither infinite nor spelled in words.
fn parse_float(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// Go's `time.ParseDuration`, in nanoseconds: a sign, then numbers with the units `ns us µs ms s m h`; or `0`.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole_len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(whole_len);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(behind.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_len = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_len);
        let unit: u64 = match unit {
            "ns" => 1,
            // Micro sign and the Greek letter are both taken.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut part = whole.checked_mul(unit)?;
        if !fraction.is_empty() {
            // Digits beyond the first eighteen are far below a nanosecond.
            let digits = &fraction[..fraction.len().min(18)];
            let value: f64 = digits.parse().ok()?;
            part = part.checked_add((value * (unit as f64 / 10f64.powi(digits.len() as i32))) as u64)?;
        }
        total = total.checked_add(part).filter(|total| *total <= 1 << 63)?;
        rest = behind;
    }
    if negative {
        return Some((total as i64).wrapping_neg());
    }
    i64::try_from(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let cases = [
            ("1m30s", Some(90_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            (".5ms", Some(500_000)),
            ("-2s", Some(-2_000_000_000)),
            ("0", Some(0)),
            ("1µs", Some(1_000)),
            ("30", None),
            ("", None),
            ("1d", None),
            (".s", None),
            ("9999999999999h", None),
        ];
        for (text, value) in cases {
            assert_eq!(parse_duration(text), value, "{text}");
        }
    }

    #[test]
    fn ports_are_read_as_expose_does() {
        let read = |text| Port::parse(text).map(|port| (port.first, port.last, port.protocol)).ok();
        assert_eq!(read("80"), Some((80, 80, "tcp")));
        assert_eq!(read("80/"), Some((80, 80, "tcp")));
        assert_eq!(read("8000-8010/UDP"), Some((8000, 8010, "UDP")));
        assert_eq!(read("127.0.0.1:80:8080/sctp"), Some((8080, 8080, "sctp")));
        assert_eq!(read("[::1]:80:8080"), Some((8080, 8080, "tcp")));
        assert_eq!(read("90-99:80"), Some((80, 80, "tcp")));
        for text in ["", "/tcp", "65536", "80/icmp", "90-80", "x", "a:80:80", "1-2:3-5", "-1"] {
            assert!(Port::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn signals_and_modes() {
        for text in ["SIGTERM", "term", "9", "sigrtmin+3", "RTMAX-14"] {
            assert!(is_signal(text), "{text}");
        }
        for text in ["SIGNOPE", "0", "", "RTMIN+16", "RTMIN+03", "SIG"] {
            assert!(!is_signal(text), "{text}");
        }
        for text in ["755", "07777", "u=rwX,go=u-w", "+x", "a=", "g+s,o-t"] {
            assert!(is_file_mode(text), "{text}");
        }
        for text in ["999", "17777", "", "u", "rwx", "u+x,", "u+x o+x", "0o755"] {
            assert!(!is_file_mode(text), "{text}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        let cases = [
            ("64m", Some(64 << 20)),
            ("1 GiB", Some(1 << 30)),
            ("10", Some(10)),
            ("10b", Some(10)),
            ("m", None),
            ("1x", None),
            ("1kbb", None),
            ("-1k", None),
        ];
        for (text, value) in cases {
            assert_eq!(ram_in_bytes(text), value, "{text}");
        }
    }
}
