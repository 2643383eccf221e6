//! Random requests come out as they went in, and random bytes do no harm, however they are cut.

mod common;

use common::{Seen, cut, transcript};
use headwater_http::Limits;
use proptest::prelude::*;

/// A request as bytes, and what is to be seen of it: line, number of headers, body.
#[derive(Clone, Debug)]
struct Sample {
    bytes: Vec<u8>,
    line: String,
    headers: usize,
    body: Vec<u8>,
}

fn sample() -> impl Strategy<Value = Sample> {
    let headers = prop::collection::vec(
        ("x-[a-z0-9!#$%&'*+.^_`|~-]{0,12}", "[ -~\\t\u{a0}-\u{ff}]{0,30}"),
        0..30,
    );
    let pieces = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6);
    ("[A-Z]{1,8}", "/[a-z0-9/%.]{0,40}", headers, pieces, 0..3).prop_map(
        |(method, path, headers, pieces, framing)| {
            // CONNECT has a target of its own.
            let method = if method == "CONNECT" { "GET".to_owned() } else { method };
            let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n").into_bytes();
            for (name, value) in &headers {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            let mut body = pieces.concat();
            match framing {
                0 => {
                    body.clear();
                    bytes.extend_from_slice(b"\r\n");
                }
                1 => {
                    bytes.extend_from_slice(
                        format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                    );
                    bytes.extend_from_slice(&body);
                }
                _ => {
                    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    for piece in &pieces {
                        headwater_http::encode::chunk(&mut bytes, piece);
                    }
                    bytes.extend_from_slice(headwater_http::encode::LAST_CHUNK);
                }
            }
            let line = format!("{method} {path} path={path} 1.1");
            let headers = headers.len() + 1 + usize::from(framing != 0);
            Sample { bytes, line, headers, body }
        },
    )
}

/// Bytes that are more often part of HTTP than not.
fn http_like() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "GET ", "POST ", "/", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: h\r\n", "\r\n", "\r", "\n", ": ",
            "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "0\r\n",
            "3\r\nabc\r\n", "3;a=\"b\"\r\n", "abc", "\r\n\r\n", "Expect: 100-continue\r\n", " ", "\t",
        ]).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_requests_come_out_as_they_went_in(
        samples in prop::collection::vec(sample(), 1..4),
        sizes in prop::collection::vec(1..60usize, 1..8),
    ) {
        let input: Vec<u8> = samples.iter().flat_map(|sample| sample.bytes.clone()).collect();
        let seen = transcript(&Limits::default(), &cut(&input, &sizes), true);
        prop_assert_eq!(seen.len(), samples.len() + 1);
        prop_assert_eq!(seen.last(), Some(&Seen::Closed));
        for (sample, seen) in samples.iter().zip(&seen) {
            let Seen::Request { line, headers, body, complete: true, .. } = seen else {
                return Err(TestCaseError::fail(format!("{seen:?}")));
            };
            prop_assert_eq!(line, &sample.line);
            prop_assert_eq!(headers.len(), sample.headers);
            prop_assert_eq!(body, &sample.body);
        }
    }

    #[test]
    fn random_bytes_neither_panic_nor_loop_nor_depend_on_the_cut(
        input in prop_oneof![http_like(), prop::collection::vec(any::<u8>(), 0..200)],
        sizes in prop::collection::vec(1..20usize, 1..5),
        small in any::<bool>(),
        fin in any::<bool>(),
    ) {
        let limits = if small {
            Limits::default().with_head_bytes(50).with_request_line_bytes(20).with_headers(2).with_body_bytes(4)
        } else {
            Limits::default()
        };
        let whole = transcript(&limits, &[&input], fin);
        prop_assert_eq!(transcript(&limits, &cut(&input, &sizes), fin), whole.clone());
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(transcript(&limits, &bytes, fin), whole);
    }
}
