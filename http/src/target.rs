//! Splits a request target into its parts, by its form (RFC 9112 §3.2), and checks hosts
//! (RFC 3986 §3.2). Decodes nothing: percent signs are the router's.

use crate::{ParseError, chars};
use http::Method;
use std::net::Ipv6Addr;
use std::ops::Range;

/// Where the parts of a target are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// None is an absolute form that ends with its authority: its path is `/`.
    pub(crate) path: Option<Range<usize>>,
    pub(crate) query: Option<Range<usize>>,
    pub(crate) authority: Option<Range<usize>>,
}

/// Splits `target`. It must be visible ASCII without `#`: a fragment is never sent, and those who
/// cut it off and those who do not disagree about the path. Other bytes that RFC 3986 wants encoded,
/// such as `|`, are let through, since browsers send them.
pub(crate) fn split(method: &Method, target: &[u8]) -> Result<Target, ParseError> {
    // Most are paths, which are looked at once.
    if let ([b'/', ..], false) = (target, method == Method::CONNECT) {
        return split_path(target, 0, None);
    }
    if !target.iter().all(|&byte| chars::is_target(byte)) {
        return Err(ParseError::Target);
    }
    if method == Method::CONNECT {
        // Neither may be empty (RFC 9110 §4.2.1, §9.3.6).
        let Some((1.., Some(1..))) = split_authority(target) else {
            return Err(ParseError::Target);
        };
        return Ok(Target { path: Some(0..0), query: None, authority: Some(0..target.len()) });
    }
    if target == b"*" && method == Method::OPTIONS {
        return Ok(Target { path: Some(0..1), query: None, authority: None });
    }
    split_absolute(target)
}

/// `http://authority/path?query`; a user name in it is refused (RFC 9110 §4.2.4).
fn split_absolute(target: &[u8]) -> Result<Target, ParseError> {
    let start = [b"http://".as_slice(), b"https://"]
        .into_iter()
        .find(|scheme| {
            target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .ok_or(ParseError::Target)?
        .len();
    let end = target[start..]
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .map_or(target.len(), |length| start + length);
    match split_authority(&target[start..end]) {
        Some((1.., _)) => split_path(target, end, Some(start..end)),
        _ => Err(ParseError::Target),
    }
}

fn split_path(
    target: &[u8],
    start: usize,
    authority: Option<Range<usize>>,
) -> Result<Target, ParseError> {
    let end = chars::find_path_end(&target[start..]).map_or(target.len(), |length| start + length);
    let query = match &target[end..] {
        [] => None,
        [b'?', query @ ..] if query.iter().all(|&byte| chars::is_target(byte)) => {
            Some(end + 1..target.len())
        }
        _ => return Err(ParseError::Target),
    };
    Ok(Target { path: (start < end).then_some(start..end), query, authority })
}

/// Whether `bytes` may be the value of a Host field. It may be empty, for targets without authority.
pub(crate) fn is_host(bytes: &[u8]) -> bool {
    split_authority(bytes).is_some()
}

/// The length of the host and of the port's digits, if `bytes` is `host [":" port]`.
fn split_authority(bytes: &[u8]) -> Option<(usize, Option<usize>)> {
    let host_bytes = if bytes.first() == Some(&b'[') {
        let close = bytes.iter().position(|&byte| byte == b']')?;
        // Addresses of versions to come (`[v1.x]`) are nobody's yet.
        str::from_utf8(&bytes[1..close]).ok()?.parse::<Ipv6Addr>().ok()?;
        close + 1
    } else {
        registered_name(bytes)
    };
    match &bytes[host_bytes..] {
        [] => Some((host_bytes, None)),
        [b':', port @ ..] => is_port(port).then_some((host_bytes, Some(port.len()))),
        _ => None,
    }
}

/// How much of `bytes` is a `reg-name`, which includes IPv4 addresses.
fn registered_name(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|&byte| chars::is_name(byte)) {
            at += 1;
        }
        match &bytes[at..] {
            [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => at += 3,
            _ => return at,
        }
    }
}

/// Digits of a number below 65,536, or nothing (RFC 3986 allows the bare colon).
fn is_port(bytes: &[u8]) -> bool {
    let mut port = 0;
    bytes.iter().all(|digit| {
        port = port * 10 + u32::from(digit.wrapping_sub(b'0'));
        digit.is_ascii_digit() && port <= 65_535
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_an_optional_port() {
        for host in
            ["", "a", "a.b:80", "a:", "127.0.0.1:1", "[::1]", "[::1]:65535", "x_y", "%41", ":80"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a b",
            "a:b",
            "a:1:2",
            "a@b",
            "a/b",
            "[::1",
            "::1",
            "[::1].",
            "[x]",
            "%4",
            "a\\b",
            "a:65536",
            "a:+1",
            "\u{e9}",
            "[v1.a]",
            "[]",
            "x[::1]",
            "a?",
            "[::1%25en0]",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn each_form_is_split_into_its_parts() {
        let parts = |method: Method, target: &'static str| {
            let found = split(&method, target.as_bytes()).ok()?;
            let text = |range: Option<Range<usize>>| range.map(|range| &target[range]);
            Some((text(found.path), text(found.query), text(found.authority)))
        };
        let get = |target| parts(Method::GET, target);
        assert_eq!(get("/"), Some((Some("/"), None, None)));
        assert_eq!(get("//a?b?c"), Some((Some("//a"), Some("b?c"), None)));
        assert_eq!(get("/?"), Some((Some("/"), Some(""), None)));
        assert_eq!(get("HTTP://a:1/b?c"), Some((Some("/b"), Some("c"), Some("a:1"))));
        assert_eq!(get("https://a"), Some((None, None, Some("a"))));
        assert_eq!(get("http://a?b"), Some((None, Some("b"), Some("a"))));
        assert_eq!(parts(Method::OPTIONS, "*"), Some((Some("*"), None, None)));
        assert_eq!(parts(Method::CONNECT, "a:1"), Some((Some(""), None, Some("a:1"))));
    }
}
