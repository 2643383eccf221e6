//! A chunked body, beside a second decoder that is slow and plain: it looks at whole lines only.
//! Both must accept the same bodies with the same data and the same end. And whatever bytes are
//! written as chunks must come back as they were.
#![no_main]

#[path = "../../http/tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each target uses a part")]
mod control;

use common::{Seen, transcript};
use control::Control;
use headwater_http::{Limits, encode};
use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|input: &[u8]| {
    let Some((control, body)) = Control::split(input) else { return };
    // Limits are not what this is about: `connection` hits them.
    let limits = Limits::default()
        .with_body_bytes(u64::MAX)
        .with_headers(usize::MAX)
        .with_head_bytes(1 << 30);

    let stream = [HEAD, body].concat();
    let whole = transcript(&limits, &[&stream], false);
    assert_eq!(transcript(&limits, &control.cut(&stream), false), whole, "the cut decides");
    let Some(Seen::Request { body: data, complete, .. }) = whole.first() else {
        panic!("the head is fine: {whole:?}");
    };
    match plainly_decoded(body) {
        Some((expected, length)) => {
            assert!(complete, "refused, but plainly a body of {length} bytes: {whole:?}");
            assert_eq!(data, &expected);
            let rest = transcript(&limits, &[&body[length..]], false);
            assert_eq!(whole[1..], rest[..], "what follows the body is the next request");
        }
        None => assert!(!complete, "accepted, but plainly no body: {data:?}"),
    }

    let mut stream = HEAD.to_vec();
    for piece in control.cut(body) {
        encode::chunk(&mut stream, piece);
    }
    stream.extend_from_slice(encode::LAST_CHUNK);
    let seen = transcript(&limits, &[&stream], false);
    let [Seen::Request { body: data, complete: true, .. }] = &seen[..] else {
        panic!("chunks that were written here: {seen:?}");
    };
    assert_eq!(data, body);
});

/// Data and length of the chunked body that `input` begins with (RFC 9112 §7.1).
fn plainly_decoded(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut data = Vec::new();
    let mut rest = input;
    loop {
        let line = take_line(&mut rest)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if !(1..=16).contains(&digits) || !is_extension_list(&line[digits..]) {
            return None;
        }
        let size = str::from_utf8(&line[..digits]).ok()?;
        let size = usize::try_from(u64::from_str_radix(size, 16).ok()?).ok()?;
        if size == 0 {
            break;
        }
        data.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    loop {
        let line = take_line(&mut rest)?;
        if line.is_empty() {
            return Some((data, input.len() - rest.len()));
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        if !is_token(&line[..colon]) || !line[colon..].iter().all(|&byte| is_text(byte)) {
            return None;
        }
    }
}

/// A line without its CRLF, and without any other CR or LF.
fn take_line<'i>(rest: &mut &'i [u8]) -> Option<&'i [u8]> {
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = &rest[..end];
    *rest = rest[end..].strip_prefix(b"\r\n")?;
    Some(line)
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (§7.1.1).
fn is_extension_list(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        let Some(rest) = trim(text).strip_prefix(b";") else { return false };
        let (name, rest) = split_token(trim(rest));
        if name.is_empty() {
            return false;
        }
        text = rest;
        let Some(rest) = trim(rest).strip_prefix(b"=") else { continue };
        let rest = trim(rest);
        text = match rest.strip_prefix(b"\"") {
            Some(quoted) => match after_quoted(quoted) {
                Some(rest) => rest,
                None => return false,
            },
            None => match split_token(rest) {
                ([], _) => return false,
                (_, rest) => rest,
            },
        };
    }
    true
}

/// What follows the closing quote.
fn after_quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] if is_text(*byte) => text = rest,
            _ => return None,
        }
    }
}

fn split_token(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| is_token(&[**byte])).count())
}

fn trim(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| b" \t".contains(byte)).count()..]
}

fn is_token(bytes: &[u8]) -> bool {
    let extra = b"!#$%&'*+-.^_`|~";
    !bytes.is_empty()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte))
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
