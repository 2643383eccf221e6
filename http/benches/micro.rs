//! What parsing and encoding take, apart from sockets. Each benchmark looks at its result before it is timed.
//!
//! `cargo bench -p headwater-http [-- PART]`; `cargo test -p headwater-http --bench micro` goes through each once.

mod support;

use bytes::BytesMut;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use headwater_http::encode::{self, BodyFraming, DateField};
use headwater_http::{Connection, Limits, Step, Version};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::fmt;
use support::{BROWSER, SMALL};

fn main() {
    divan::main();
}

/// What is received, as it comes, and what that is.
struct Received {
    name: &'static str,
    pieces: Vec<Vec<u8>>,
    requests: usize,
    fields: usize,
    body_bytes: usize,
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn received() -> Vec<Received> {
    let one = |name, text: &str, fields| Received {
        name,
        pieces: vec![text.into()],
        requests: 1,
        fields,
        body_bytes: 0,
    };
    let cut = |text: &str, bytes| text.as_bytes().chunks(bytes).map(<[u8]>::to_vec).collect();
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\n";
    let chunks = format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(16) + "0\r\n\r\n";
    vec![
        one("small", SMALL, 1),
        one("browser", BROWSER, 15),
        Received { requests: 16, ..one("16 pipelined", &SMALL.repeat(16), 1) },
        Received { pieces: cut(BROWSER, 100), ..one("browser, in pieces of 100 B", "", 15) },
        Received { pieces: cut(BROWSER, 1), ..one("browser, byte by byte", "", 15) },
        Received {
            body_bytes: 1024,
            ..one("body of 1 KiB", &format!("{post}Content-Length: 1024\r\n\r\n{:1024}", ""), 2)
        },
        Received {
            body_bytes: 16 * 1024,
            ..one(
                "16 chunks of 1 KiB",
                &format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
                2,
            )
        },
    ]
}

/// A connection and the one spare buffer of its owner.
struct Side {
    connection: Connection,
    spare: BytesMut,
}

/// What came out.
#[derive(Default, PartialEq, Eq, Debug)]
struct Seen {
    requests: usize,
    fields: usize,
    body_bytes: usize,
}

impl Side {
    fn new() -> Self {
        Self { connection: Connection::new(&Limits::default()), spare: BytesMut::new() }
    }

    /// Receives and answers, as a worker does.
    fn take(&mut self, pieces: &[Vec<u8>]) -> Seen {
        let mut seen = Seen::default();
        for piece in pieces {
            let lent = self.connection.lend(std::mem::take(&mut self.spare));
            self.spare = lent.err().unwrap_or_default();
            self.connection.receive(piece);
            loop {
                match self.connection.step().expect("the requests are right") {
                    Step::NeedMore | Step::Closed => break,
                    Step::Request(head) => {
                        seen.requests += 1;
                        seen.fields = head.headers().count();
                        black_box(head);
                    }
                    Step::Body(bytes) => seen.body_bytes += bytes.len(),
                    Step::End => {}
                    Step::Paused => {
                        if let Some(buffer) = self.connection.recycle() {
                            self.spare = buffer;
                        }
                        self.connection.response_done();
                    }
                }
            }
        }
        seen
    }
}

#[divan::bench(args = received())]
fn parse(bencher: Bencher<'_, '_>, received: &Received) {
    let Received { pieces, requests, fields, body_bytes, .. } = received;
    let mut side = Side::new();
    for _ in 0..2 {
        let seen = side.take(pieces);
        let due = Seen { requests: *requests, fields: *fields, body_bytes: *body_bytes };
        assert_eq!(seen, due, "{received}");
        assert!(side.connection.is_idle(), "{received}");
    }
    bencher
        .counter(ItemsCount::new(*requests))
        .counter(BytesCount::new(pieces.iter().map(Vec::len).sum::<usize>()))
        .bench_local(|| side.take(black_box(pieces)));
}

fn fields() -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::VARY, HeaderValue::from_static("accept"));
    fields
}

/// The head of an answer that goes on.
fn write(out: &mut Vec<u8>, fields: &HeaderMap, framing: BodyFraming, date: &DateField) {
    let (ok, version) = (StatusCode::OK, Version::Http11);
    let stay = encode::Connection::KeepAlive;
    let written = encode::encode_typed_head(out, ok, version, fields, framing, stay, date);
    assert_eq!(written.expect("fields that may be sent").framing, framing);
}

#[divan::bench(args = ["length", "chunked"])]
fn head_of_an_answer(bencher: Bencher<'_, '_>, framing: &str) {
    let (framing, line) = match framing {
        "length" => (BodyFraming::Length(13), "content-length: 13"),
        _ => (BodyFraming::Chunked, "transfer-encoding: chunked"),
    };
    let (fields, date, mut out) = (fields(), DateField::new(784_111_777), Vec::new());
    write(&mut out, &fields, framing, &date);
    let due = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n\
         vary: accept\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{line}\r\n\r\n"
    );
    assert_eq!(String::from_utf8_lossy(&out), due);
    bencher.bench_local(|| {
        out.clear();
        write(&mut out, black_box(&fields), framing, &date);
        out.len()
    });
}

#[divan::bench]
fn field_of_a_date(bencher: Bencher<'_, '_>) {
    let date = |seconds| DateField::new(black_box(seconds));
    assert_eq!(date(784_111_777).as_bytes(), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    bencher.bench(|| date(784_111_777));
}

#[divan::bench(args = [128, 1024, 16 * 1024])]
fn chunk(bencher: Bencher<'_, '_>, len: usize) {
    let (data, mut out) = (vec![b'x'; len], Vec::new());
    encode::chunk(&mut out, &data);
    let due = [format!("{len:x}\r\n").as_bytes(), &data, b"\r\n"].concat();
    assert_eq!(out, due);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.clear();
        encode::chunk(&mut out, black_box(&data));
        out.len()
    });
}
