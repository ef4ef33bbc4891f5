//! Character classes as Go's standard library has them, where Rust's differ or where the choice matters.

/// The class `[\t\v\f\r ]`, at which BuildKit splits keywords and plain arguments.
pub(super) fn is_separator(c: u8) -> bool {
    matches!(c, b'\t' | 0x0b | 0x0c | b'\r' | b' ')
}

/// What `\s` means in Go's regular expressions; the vertical tab is not in it.
pub(super) const REGEX_SPACE: [char; 5] = ['\t', '\n', '\u{c}', '\r', ' '];

/// Whether Go's `unicode.IsSpace` holds for a byte that was taken for a character, as BuildKit does where it walks
/// over bytes. The bytes 0x85 and 0xA0 count, which also occur inside of other characters.
pub(super) fn is_space_byte(c: u8) -> bool {
    matches!(c, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0)
}

/// Cuts Unicode white space off the start; the class is the same in Go and in Rust.
pub(super) fn trim_start(line: &str) -> &str {
    match line.as_bytes().first() {
        Some(first) if first.is_ascii_graphic() => line,
        _ => line.trim_start(),
    }
}

/// Cuts all CR and LF off the end.
pub(super) fn trim_line_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// Go's `strings.ToLower`: one character for one character, whatever follows.
pub(super) fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(lower_char).collect() }
}

fn lower_char(c: char) -> char {
    match c {
        // The full mapping has two characters here; Go has the simple one.
        '\u{130}' => 'i',
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Go's `strings.EqualFold` against a lower-case ASCII word. Two more characters fold to ASCII letters.
pub(super) fn equal_fold(text: &str, lower_ascii: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    };
    text.chars().map(fold).eq(lower_ascii.chars())
}

/// Go's `unicode.IsDigit`: decimal digits of any script.
pub(super) fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
        || !c.is_ascii() && c.is_numeric() && ZEROS.iter().any(|zero| (*zero..*zero + 10).contains(&u32::from(c)))
}

/// Go's `unicode.IsLetter`: Rust's `is_alphabetic` without marks, letter numbers and circled letters.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    c.is_alphabetic()
        && !c.is_numeric()
        && !unicode_normalization::char::is_combining_mark(c)
        && !matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}')
}

/// The digit zero of each script.
const ZEROS: [u32; 56] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11c50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6,
    0x1e950,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_changed_as_go_does() {
        assert_eq!(lower("WORKDİR"), "workdir");
        assert_eq!(lower("ΟΔΟΣ"), "οδοσ");
        assert!(equal_fold("aſ", "as"));
    }

    #[test]
    fn names_take_letters_and_digits_of_any_script() {
        assert!(is_letter('한') && is_letter('一') && is_letter('é'));
        assert!(!is_letter('Ⅷ') && !is_letter('Ⓐ') && !is_letter('\u{300}'));
        assert!(is_digit('٣') && !is_digit('²'));
    }
}
