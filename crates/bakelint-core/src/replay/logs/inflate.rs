//! Just enough of RFC 1951 and RFC 1952 to open the gzip archive that a build record is.

use super::LogError;

/// Unpacks a gzip stream; the checksum at its end is not verified, because a damaged record shows in its contents.
pub(super) fn gunzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, LogError> {
    let start = header_len(bytes).ok_or(LogError::Gzip(0))?;
    let mut bits = Bits { bytes, at: start, hold: 0, count: 0 };
    let mut out = Vec::new();
    inflate(&mut bits, &mut out, limit).ok_or(LogError::Gzip(bits.at))?;
    Ok(out)
}

/// Length of the gzip header: ten bytes and the optional fields that its flags announce.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    if bytes.get(2) != Some(&8) {
        return None;
    }
    let mut at = 10;
    if flags & 4 != 0 {
        at += 2 + usize::from(*bytes.get(at)?) + usize::from(*bytes.get(at + 1)?) * 256;
    }
    for text in [8, 16] {
        if flags & text != 0 {
            at += bytes.get(at..)?.iter().position(|b| *b == 0)? + 1;
        }
    }
    Some(if flags & 2 != 0 { at + 2 } else { at })
}

/// Reads bits, the lowest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    hold: u32,
    count: u32,
}

impl Bits<'_> {
    fn take(&mut self, n: u32) -> Option<u32> {
        while self.count < n {
            self.hold |= u32::from(*self.bytes.get(self.at)?) << self.count;
            self.at += 1;
            self.count += 8;
        }
        let value = self.hold & ((1 << n) - 1);
        self.hold >>= n;
        self.count -= n;
        Some(value)
    }
}

/// A Huffman code in canonical form: how many codes of each length there are, and the symbols in code order.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Code {
        let mut counts = [0_u16; 16];
        for length in lengths {
            counts[usize::from(*length & 15)] += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<u16> = (0..lengths.len() as u16).filter(|s| lengths[usize::from(*s)] != 0).collect();
        symbols.sort_by_key(|s| lengths[usize::from(*s)]);
        Code { counts, symbols }
    }

    fn read(&self, bits: &mut Bits) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for count in &self.counts[1..] {
            code |= bits.take(1)? as i32;
            let count = i32::from(*count);
            if code - count < first {
                return self.symbols.get(usize::try_from(index + code - first).ok()?).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

const LENGTH_BASE: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: [u8; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const CODE_LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

fn inflate(bits: &mut Bits, out: &mut Vec<u8>, limit: usize) -> Option<()> {
    loop {
        let last = bits.take(1)?;
        match bits.take(2)? {
            0 => stored(bits, out, limit)?,
            1 => {
                let mut lengths = [8_u8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                compressed(bits, out, limit, &Code::new(&lengths), &Code::new(&[5; 30]))?;
            }
            2 => {
                let (literals, distances) = dynamic_codes(bits)?;
                compressed(bits, out, limit, &literals, &distances)?;
            }
            _ => return None,
        }
        if last == 1 {
            return Some(());
        }
    }
}

fn stored(bits: &mut Bits, out: &mut Vec<u8>, limit: usize) -> Option<()> {
    // A stored block starts at the next whole byte; whole bytes that were read ahead are given back.
    bits.at -= (bits.count / 8) as usize;
    (bits.hold, bits.count) = (0, 0);
    let header = bits.bytes.get(bits.at..bits.at + 4)?;
    let len = usize::from(header[0]) | usize::from(header[1]) << 8;
    let block = bits.bytes.get(bits.at + 4..bits.at + 4 + len)?;
    if out.len() + len > limit {
        return None;
    }
    out.extend_from_slice(block);
    bits.at += 4 + len;
    Some(())
}

fn dynamic_codes(bits: &mut Bits) -> Option<(Code, Code)> {
    let literals = bits.take(5)? as usize + 257;
    let distances = bits.take(5)? as usize + 1;
    let mut lengths = [0_u8; 19];
    for at in &CODE_LENGTH_ORDER[..bits.take(4)? as usize + 4] {
        lengths[*at] = bits.take(3)? as u8;
    }
    let code = Code::new(&lengths);
    let mut lengths = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (value, times) = match code.read(bits)? {
            symbol @ 0..=15 => (symbol as u8, 1),
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            _ => (0, 11 + bits.take(7)?),
        };
        lengths.extend(std::iter::repeat_n(value, times as usize));
    }
    Some((Code::new(lengths.get(..literals)?), Code::new(lengths.get(literals..literals + distances)?)))
}

fn compressed(bits: &mut Bits, out: &mut Vec<u8>, limit: usize, literals: &Code, distances: &Code) -> Option<()> {
    loop {
        match literals.read(bits)? {
            byte @ 0..=255 => {
                if out.len() >= limit {
                    return None;
                }
                out.push(byte as u8);
            }
            256 => return Some(()),
            symbol => {
                let symbol = usize::from(symbol) - 257;
                let len = *LENGTH_BASE.get(symbol)? as usize + bits.take(u32::from(LENGTH_EXTRA[symbol]))? as usize;
                let symbol = usize::from(distances.read(bits)?);
                let extra = u32::from(*DISTANCE_EXTRA.get(symbol)?);
                let back = DISTANCE_BASE[symbol] as usize + bits.take(extra)? as usize;
                let from = out.len().checked_sub(back)?;
                if out.len() + len > limit {
                    return None;
                }
                // The copied range may overlap what it appends, so it goes byte by byte.
                for at in from..from + len {
                    out.push(out[at]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;

    /// `printf "hello world\n" | gzip -n`, and a stored block.
    #[test]
    fn gzip_streams_are_unpacked() {
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).expect("valid base64");
        let fixed = base64("H4sIAAAAAAAAA8tIzcnJVyjPL8pJ4QIALTsIrwwAAAA=");
        assert_eq!(gunzip(&fixed, 1000).expect("fixed codes"), b"hello world\n");
        let stored = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0, 0xfc, 0xff][..], b"abc"].concat();
        assert_eq!(gunzip(&stored, 1000).expect("stored"), b"abc");
        assert_eq!(gunzip(&stored, 2), Err(LogError::Gzip(11)));
        for end in 0..fixed.len() - 8 {
            assert!(gunzip(&fixed[..end], 1000).is_err(), "cut at {end}");
        }
    }
}
