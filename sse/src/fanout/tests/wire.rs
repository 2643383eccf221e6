//! What a peer makes of the bytes it got: takes the chunk frames off (RFC 9112 §7.1) and reads the
//! events (WHATWG HTML §9.2.6). Panics where a peer would give up.

use crate::fanout::Framing;

/// What every stream of these tests begins with.
pub(super) const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: Option<String>,
    pub(super) data: String,
    /// It is the notice of a gap: how many, and the id of the last before.
    pub(super) gap: Option<(u64, Option<String>)>,
}

#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Events that arrived whole.
    pub(super) events: Vec<Seen>,
    /// And times to wait before reconnecting.
    pub(super) comments: usize,
    /// The terminal chunk arrived.
    pub(super) ended: bool,
    /// Bytes of something that did not arrive whole.
    pub(super) rest: usize,
}

impl Wire {
    pub(super) fn data(&self) -> Vec<&str> {
        self.events.iter().map(|seen| &*seen.data).collect()
    }
}

/// Reads all that a peer got.
pub(super) fn read(framing: Framing, bytes: &[u8]) -> Wire {
    let mut wire = Wire::default();
    let Some(mut body) = bytes.strip_prefix(HEAD) else {
        assert!(HEAD.starts_with(bytes), "the head comes first");
        wire.rest = bytes.len();
        return wire;
    };
    match framing {
        Framing::Plain => {
            let text = std::str::from_utf8(body).expect("UTF-8");
            for whole in text.split_inclusive("\n\n").filter(|part| part.ends_with("\n\n")) {
                block(&mut wire, whole.as_bytes());
                body = &body[whole.len()..];
            }
        }
        Framing::Chunked => {
            while let Some((chunk, rest)) = chunk(body) {
                assert!(!wire.ended, "nothing follows the terminal chunk");
                body = rest;
                match chunk {
                    [] => wire.ended = true,
                    chunk => block(&mut wire, chunk),
                }
            }
            assert!(!wire.ended || body.is_empty(), "nothing follows the terminal chunk");
        }
    }
    wire.rest = body.len();
    wire
}

/// The first whole chunk, and what follows it.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = bytes.iter().position(|&byte| byte == b'\r');
    let digits = &bytes[..line.unwrap_or(bytes.len())];
    assert!(digits.len() <= 8, "a chunk length, not {:?}", String::from_utf8_lossy(&digits[..9]));
    let digits = std::str::from_utf8(digits).expect("a chunk length is text");
    if line.is_none() {
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "not a length: {digits:?}");
        return None;
    }
    let len = usize::from_str_radix(digits, 16)
        .unwrap_or_else(|_| panic!("a chunk length is hexadecimal, not {digits:?}"));
    let data = bytes.get(digits.len() + 2..)?;
    let rest = data.get(len..)?;
    if rest.len() < 2 {
        return None;
    }
    assert_eq!(&rest[..2], b"\r\n", "a chunk ends where its length says");
    Some((&data[..len], &rest[2..]))
}

/// One event, or a comment.
fn block(wire: &mut Wire, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let lines = text.strip_suffix("\n\n").expect("whole events, one to a chunk");
    let (mut id, mut data, mut gap, mut name) = (None, None, None, None);
    for line in lines.split('\n') {
        match line.split_once(": ").unwrap_or_else(|| panic!("a field, not {line:?}")) {
            ("" | "retry", _) => wire.comments += 1,
            ("id", value) => assert!(id.replace(value.to_owned()).is_none(), "one id each"),
            ("event", value) => assert!(name.replace(value).is_none(), "one name each"),
            ("data", value) if name == Some("missed") => match &mut gap {
                None => gap = Some((value.parse().expect("a number"), None)),
                Some((_, last @ None)) => *last = Some(value.to_owned()),
                Some(_) => panic!("a notice has two lines"),
            },
            ("data", value) => assert!(data.replace(value.to_owned()).is_none(), "one line each"),
            (field, _) => panic!("no such field was sent: {field:?}"),
        }
    }
    if data.is_some() || gap.is_some() {
        wire.events.push(Seen { id, data: data.unwrap_or_default(), gap });
    }
}
