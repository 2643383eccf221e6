//! Percent signs in paths (RFC 3986 §2.1): what routes are matched with, and what parameters hold.
//! Decoding never makes a slash that separates: `%2F` stays within its segment.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Why a path cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A percent sign without two hexadecimal digits.
    Encoding,
    /// The bytes that are encoded are not UTF-8.
    NotUtf8,
}

impl Malformed {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Encoding => "the path holds a percent sign without two hexadecimal digits\n",
            Self::NotUtf8 => "the path is not UTF-8 when decoded\n",
        }
    }
}

/// The path with everything decoded but `%2F` and `%25`, the one for the sake of the segments and the
/// other so that decoding the rest is unambiguous. Equivalent paths come out equal.
pub(crate) fn normalize(path: &str) -> Result<Cow<'_, str>, Malformed> {
    let Some(first) = path.find('%') else { return Ok(Cow::Borrowed(path)) };
    let mut decoded = Vec::with_capacity(path.len());
    decoded.extend_from_slice(&path.as_bytes()[..first]);
    let mut rest = &path.as_bytes()[first..];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return Err(Malformed::Encoding) };
        rest = tail;
        match hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low) {
            Some(b'/') => decoded.extend_from_slice(b"%2F"),
            Some(b'%') => decoded.extend_from_slice(b"%25"),
            Some(byte) => decoded.push(byte),
            None => return Err(Malformed::Encoding),
        }
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Malformed::NotUtf8)
}

/// The pattern of a route, normalized as the paths that it is matched with.
pub(crate) fn pattern(given: &str) -> Result<String, &'static str> {
    if given.contains(['?', '#']) {
        return Err("a path has no query and no fragment; %3F and %23 stand for the signs");
    }
    // Braces that are encoded are no parameters.
    let mut escaped = given.to_owned();
    for (encoded, brace) in [("%7B", "{{"), ("%7b", "{{"), ("%7D", "}}"), ("%7d", "}}")] {
        escaped = escaped.replace(encoded, brace);
    }
    normalize(&escaped).map(Cow::into_owned).map_err(|malformed| malformed.as_str().trim_end())
}

/// A part of a normalized path, decoded completely.
pub(crate) fn decode(part: &str) -> Cow<'_, str> {
    // What is left encoded are slashes and percent signs, which are UTF-8: nothing is replaced.
    percent_decode_str(part).decode_utf8_lossy()
}

fn hex(digit: u8) -> Option<u8> {
    // Below 16.
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The one path that a pattern without parameters stands for.
pub(crate) fn unescape(pattern: &str) -> String {
    pattern.replace("{{", "{").replace("}}", "}")
}

/// The names of a pattern's parameters, in order; `{{` and `}}` stand for braces.
pub(crate) fn names(pattern: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(tail) = rest.strip_prefix('{') {
            rest = tail;
        } else if let Some(close) = rest.find('}') {
            let name = &rest[..close];
            names.push(name.strip_prefix('*').unwrap_or(name));
            rest = &rest[close + 1..];
        }
    }
    names
}

/// Where a nested router answers `path`. Its `/` is the prefix itself; a slash at the end of the
/// prefix belongs to it.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    match (prefix, path) {
        ("" | "/", _) => path.to_owned(),
        (_, "/") => prefix.to_owned(),
        _ => format!("{}{path}", prefix.strip_suffix('/').unwrap_or(prefix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode_byte, utf8_percent_encode};
    use proptest::prelude::*;

    #[test]
    fn only_slashes_and_percent_signs_stay_encoded() {
        for (path, normal) in [
            ("/plain", Ok("/plain")),
            ("/%61%2f%2F%25%7e", Ok("/a%2F%2F%25~")),
            ("/caf%C3%A9", Ok("/café")),
            ("/%2", Err(Malformed::Encoding)),
            ("/%", Err(Malformed::Encoding)),
            ("/%+1", Err(Malformed::Encoding)),
            ("/%zz", Err(Malformed::Encoding)),
            ("/%ff", Err(Malformed::NotUtf8)),
            ("/%C3/%A9", Err(Malformed::NotUtf8)),
        ] {
            assert_eq!(normalize(path).as_deref(), normal.as_ref().copied(), "{path}");
        }
    }

    #[test]
    fn patterns_are_normalized_as_paths_are() {
        for (given, normal) in [
            ("/a%20b/{name}", Some("/a b/{name}")),
            ("/up%2f", Some("/up%2F")),
            ("/50%25", Some("/50%25")),
            ("/%7bx%7D/{x}", Some("/{{x}}/{x}")),
            ("/a%3Fb%23", Some("/a?b#")),
            ("/50%", None),
            ("/%ff", None),
            ("/q?z", None),
            ("/q#z", None),
        ] {
            let found = pattern(given).ok();
            assert_eq!(found.as_deref(), normal, "{given}");
        }
    }

    #[test]
    fn names_of_parameters_are_found_in_order() {
        assert_eq!(names("/a/{b}/x-{c}.d/{{e}}/{*f}"), ["b", "c", "f"]);
        assert_eq!(names("/{{{a}}}"), ["a"]);
        assert_eq!(names("/a"), [""; 0]);
    }

    #[test]
    fn prefixes_and_paths_join_with_one_slash() {
        for (prefix, path, joined) in [
            ("/api", "/", "/api"),
            ("/api/", "/", "/api/"),
            ("/api", "/a", "/api/a"),
            ("/api/", "/a/", "/api/a/"),
            ("/", "/a", "/a"),
            ("", "/", "/"),
        ] {
            assert_eq!(join(prefix, path), joined);
        }
    }

    proptest! {
        /// However much of a segment is encoded, the same text comes out, in one segment.
        #[test]
        fn segments_come_out_as_they_went_in(text in "\\PC{0,20}", all in any::<bool>()) {
            let encoded = if all {
                text.bytes().map(|byte| percent_encode_byte(byte).to_lowercase()).collect()
            } else {
                utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
            };
            let path = format!("/before/{encoded}/after");
            let normal = normalize(&path).expect("well-formed");
            let segments: Vec<&str> = normal.split('/').collect();
            prop_assert_eq!(segments.len(), 4);
            prop_assert_eq!(decode(segments[2]), text);
        }

        /// Whatever the bytes are: the outcome is that of decoding them segment by segment.
        #[test]
        fn any_path_decodes_as_its_segments_do(path in "/[a%2fF5/+c3A9]{0,24}") {
            let well_formed = path.match_indices('%').all(|(at, _)| {
                let digits = path.as_bytes().get(at + 1..at + 3);
                digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            });
            let plain = |segment| percent_decode_str(segment).decode_utf8().map(Cow::into_owned);
            let expected: Result<Vec<String>, _> = path.split('/').map(plain).collect();
            match normalize(&path) {
                Ok(normal) => {
                    prop_assert!(well_formed);
                    let segments: Vec<_> = normal.split('/').map(decode).collect();
                    prop_assert_eq!(segments, expected.expect("UTF-8 in each segment"));
                }
                Err(Malformed::Encoding) => prop_assert!(!well_formed),
                Err(Malformed::NotUtf8) => prop_assert!(expected.is_err()),
            }
        }
    }
}
