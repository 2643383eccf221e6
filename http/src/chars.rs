//! The character classes of RFC 9110 and RFC 3986, and searches for what is outside of them. No
//! parsing.

use crate::words::{self, Word};

/// Bytes of a token: a method, a field name, a coding (RFC 9110 §5.6.2).
const TOKEN: u8 = 1;
/// Bytes of a host name other than percent signs (RFC 3986 §3.2.2).
const NAME: u8 = 2;
/// Bytes of a request target: visible ASCII but `#`.
const TARGET: u8 = 4;

/// A byte of a token.
pub(crate) const fn is_token(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

/// Whether all of it is one token, which has at least one byte.
pub(crate) fn is_token_str(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token(byte))
}

/// A byte of a host name.
pub(crate) const fn is_name(byte: u8) -> bool {
    CLASSES[byte as usize] & NAME != 0
}

/// A byte of a request target.
pub(crate) const fn is_target(byte: u8) -> bool {
    CLASSES[byte as usize] & TARGET != 0
}

/// A byte that a field value may hold: visible, space, tab, or beyond ASCII (RFC 9110 §5.5).
pub(crate) const fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Space or tab.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The bytes without spaces and tabs around them. `trim_ascii` would take line breaks and form
/// feeds too, which are no white space in HTTP.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// The first byte that a field value may not hold.
pub(crate) fn find_control(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find_control_or_tab(&bytes[from..])?;
        if bytes[at] != b'\t' {
            return Some(at);
        }
        from = at + 1;
    }
}

fn find_control_or_tab(bytes: &[u8]) -> Option<usize> {
    let marks = |word: Word| word.below(b' ') | word.equal(0x7f);
    words::find(bytes, marks, |byte| byte < b' ' || byte == 0x7f)
}

/// The end of a path: its first byte that is a question mark, or that a target may not hold.
pub(crate) fn find_path_end(bytes: &[u8]) -> Option<usize> {
    let marks = |word: Word| {
        let outside = word.below(b'!') | word.equal(0x7f) | word.beyond_ascii();
        outside | word.equal(b'#') | word.equal(b'?')
    };
    words::find(bytes, marks, |byte| byte == b'?' || !is_target(byte))
}

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    while byte < 128 {
        let class = &mut classes[byte as usize];
        if byte.is_ascii_alphanumeric() {
            *class |= TOKEN | NAME;
        }
        if in_list(byte, b"!#$%&'*+-.^_`|~") {
            *class |= TOKEN;
        }
        if in_list(byte, b"-._~!$&'()*+,;=") {
            *class |= NAME;
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            *class |= TARGET;
        }
        byte += 1;
    }
    classes
};

const fn in_list(byte: u8, list: &[u8]) -> bool {
    let mut at = 0;
    while at < list.len() {
        if list[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_classed_as_a_plain_loop_would() {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut bytes = vec![b'a'; length];
                    // A tab in front and a high byte behind must not mislead the search.
                    bytes[0] = b'\t';
                    bytes[length - 1] = 0xff;
                    bytes[at] = byte;
                    let plain = bytes.iter().position(|&byte| !is_value(byte));
                    assert_eq!(find_control(&bytes), plain, "{bytes:?}");
                    let plain = bytes.iter().position(|&byte| byte == b'?' || !is_target(byte));
                    assert_eq!(find_path_end(&bytes), plain, "{bytes:?}");
                    let from_second = bytes.get(1..length - 1).unwrap_or_default();
                    let plain = from_second.iter().position(|&b| b == b'?' || !is_target(b));
                    assert_eq!(find_path_end(from_second), plain, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim(b" \ta \t"), b"a");
        assert_eq!(trim(b"\x0ba\r"), b"\x0ba\r");
        assert_eq!(trim(b" "), b"");
    }
}
