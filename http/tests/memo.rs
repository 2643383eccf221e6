//! A memo of the last head changes nothing but the cost.

use headwater_http::{Connection, HeadMemo, Limits, ParseError, Step};
use proptest::prelude::*;

/// Heads that are beginnings of one another, or differ in what a byte means.
const PIECES: [&[u8]; 15] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
    b"GET /?q HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a:80\r\n\r\n",
    b"GET http://c/d HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n",
    b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
];

/// Everything that a connection tells, of bytes that come in pieces of this many.
fn told(
    limits: &Limits,
    bytes: &[u8],
    piece: usize,
    mut memo: Option<&mut HeadMemo>,
) -> Vec<String> {
    let mut connection = Connection::new(limits);
    let mut told = Vec::new();
    for piece in bytes.chunks(piece) {
        connection.receive(piece);
        loop {
            let step = match &mut memo {
                Some(memo) => connection.step_with(memo),
                None => connection.step(),
            };
            told.push(shown(&step));
            match step {
                Ok(Step::NeedMore) => break,
                Ok(Step::Paused) => connection.response_done(),
                Ok(Step::Closed) | Err(_) => return told,
                Ok(Step::Request(_) | Step::Body(_) | Step::End) => {}
            }
        }
    }
    told
}

fn shown(step: &Result<Step, ParseError>) -> String {
    let Ok(Step::Request(head)) = step else { return format!("{step:?}") };
    let fields: Vec<_> = head.headers().collect();
    let parts = (head.path(), head.query(), head.authority(), head.body(), head.keep_alive());
    format!("{head:?} {parts:?} {} {fields:?}", head.expects_continue())
}

proptest! {
    #[test]
    fn what_is_told_does_not_depend_on_the_last_head(
        connections in prop::collection::vec(prop::collection::vec(0..PIECES.len(), 1..8), 1..6),
        piece in prop_oneof![Just(usize::MAX), 1..80_usize],
        short in any::<bool>(),
    ) {
        let mut memo = HeadMemo::default();
        for (number, pieces) in connections.iter().enumerate() {
            let bytes: Vec<u8> = pieces.iter().flat_map(|at| PIECES[*at]).copied().collect();
            // Connections with other limits may share it.
            let limits = match (short, number % 4) {
                (true, 1) => Limits::default().with_head_bytes(40),
                (true, 2) => Limits::default().with_headers(1),
                (true, 3) => Limits::default().with_request_line_bytes(14),
                _ => Limits::default(),
            };
            let with = told(&limits, &bytes, piece, Some(&mut memo));
            prop_assert_eq!(with, told(&limits, &bytes, piece, None));
        }
    }
}

#[test]
fn long_head_changes_nothing_either() {
    let long =
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(HeadMemo::MOST_BYTES));
    let limits = Limits::default();
    let mut memo = HeadMemo::default();
    for bytes in [PIECES[0], long.as_bytes(), PIECES[0], long.as_bytes(), long.as_bytes()] {
        let with = told(&limits, bytes, usize::MAX, Some(&mut memo));
        assert_eq!(with, told(&limits, bytes, usize::MAX, None));
    }
}
