//! Runs bytes through a connection and writes down what happened, in a form that two runs can be
//! compared by. Answers every request at once.
#![allow(dead_code, reason = "each test file uses a part")]

use headwater_http::{BodyLength, Connection, Limits, ParseError, Step, Version};

/// One request, or how it all ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Request {
        method: String,
        target: String,
        line: String,
        headers: Vec<(String, Vec<u8>)>,
        framing: BodyLength,
        keep_alive: bool,
        expects_continue: bool,
        body: Vec<u8>,
        complete: bool,
    },
    Refused(ParseError),
    Closed,
}

/// Everything that `pieces`, received one by one, lead to; then the end of the stream, if `fin`.
pub(crate) fn transcript(limits: &Limits, pieces: &[&[u8]], fin: bool) -> Vec<Seen> {
    let mut connection = Connection::new(limits);
    let mut seen = Vec::new();
    for piece in pieces {
        connection.receive(piece);
        drain(&mut connection, &mut seen);
    }
    if fin {
        connection.receive_end();
        drain(&mut connection, &mut seen);
    }
    seen
}

/// Steps until nothing more happens, and no more often than any input can ask for.
fn drain(connection: &mut Connection, seen: &mut Vec<Seen>) {
    let most = 16 + 8 * connection.buffered();
    for _ in 0..most {
        match connection.step() {
            Ok(Step::NeedMore) => return,
            Ok(Step::Request(head)) => seen.push(Seen::Request {
                method: head.method().to_string(),
                target: head.target().to_owned(),
                line: line(&head),
                headers: head.headers().map(|(n, v)| (n.to_owned(), v.to_vec())).collect(),
                framing: head.body(),
                keep_alive: head.keep_alive(),
                expects_continue: head.expects_continue(),
                body: Vec::new(),
                complete: false,
            }),
            Ok(Step::Body(bytes)) => {
                assert!(!bytes.is_empty(), "no empty piece is ever told");
                match seen.last_mut() {
                    Some(Seen::Request { body, complete: false, .. }) => {
                        body.extend_from_slice(&bytes);
                    }
                    other => panic!("a body outside a request: {other:?}"),
                }
            }
            Ok(Step::End) => match seen.last_mut() {
                Some(Seen::Request { complete, .. }) if !*complete => *complete = true,
                other => panic!("an end outside a request: {other:?}"),
            },
            Ok(Step::Paused) => connection.response_done(),
            Ok(Step::Closed) => return once(seen, Seen::Closed),
            Err(error) => return once(seen, Seen::Refused(error)),
        }
    }
    panic!("more steps than {most} and no end");
}

/// Final outcomes repeat at each step; they are written down once.
fn once(seen: &mut Vec<Seen>, last: Seen) {
    if seen.last() != Some(&last) {
        seen.push(last);
    }
}

fn line(head: &headwater_http::Head) -> String {
    let version = match head.version() {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    };
    let query = head.query().map_or_else(String::new, |query| format!(" query={query}"));
    format!("{} {} path={}{query} {version}", head.method(), head.target(), head.path())
}

/// The same for the whole input, for each cut in two, and byte by byte: returns it, and panics if
/// the cut makes a difference.
pub(crate) fn transcript_of_any_cut(limits: &Limits, input: &[u8], fin: bool) -> Vec<Seen> {
    let whole = transcript(limits, &[input], fin);
    for at in 1..input.len() {
        let cut = transcript(limits, &[&input[..at], &input[at..]], fin);
        assert_eq!(cut, whole, "cut at {at}: {}", input.escape_ascii());
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(transcript(limits, &bytes, fin), whole, "by bytes: {}", input.escape_ascii());
    whole
}

/// `input` in pieces of the sizes given, which repeat.
pub(crate) fn cut<'i>(mut input: &'i [u8], sizes: &[usize]) -> Vec<&'i [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, rest) = input.split_at(input.len().min(*size));
        pieces.push(piece);
        input = rest;
        if input.is_empty() {
            break;
        }
    }
    pieces
}
