//! Requests that scripts send: their bytes, and what the body of the answer must be. Knows no state.

use crate::support::{Numbers, pattern};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// More than what the buffers on the way hold.
pub(super) const HUGE: usize = 1_500_000;
/// More than one attempt to send takes.
pub(super) const LARGE: usize = 500_000;

/// The longest chunk of a request's body.
const CHUNK: usize = 9_000;

const PATHS: [&str; 6] = ["/", "/later", "/large", "/missing", "/fail", "/empty"];
/// Of the larger ones, the server receives only a part at once.
const BODIES: [usize; 5] = [0, 1, 1000, 70_000, 400_000];

static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(HUGE));

/// The first bytes of an endless text.
pub(super) fn text(bytes: usize) -> &'static [u8] {
    &PATTERN[..bytes]
}

/// One request with one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Get(&'static str),
    Head(&'static str),
    Post(usize),
    PostChunked(usize),
}

impl Ask {
    pub(super) fn any(numbers: &mut Numbers) -> Self {
        let path = PATHS[numbers.below(PATHS.len())];
        match numbers.below(6) {
            0..3 => Self::Get(path),
            3 => Self::Head(path),
            _ => Self::upload(numbers),
        }
    }

    /// A request with a body.
    pub(super) fn upload(numbers: &mut Numbers) -> Self {
        let bytes = BODIES[numbers.below(BODIES.len())];
        if numbers.one_in(2) { Self::Post(bytes) } else { Self::PostChunked(bytes) }
    }

    pub(super) fn bytes(self) -> String {
        let body = |bytes| std::str::from_utf8(text(bytes)).expect("ASCII");
        match self {
            Self::Get(path) => format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"),
            Self::Head(path) => format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"),
            Self::Post(bytes) => {
                let head = format!("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: {bytes}");
                format!("{head}\r\n\r\n{}", body(bytes))
            }
            Self::PostChunked(bytes) => {
                let head =
                    "POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
                let chunks = body(bytes).as_bytes().chunks(CHUNK);
                let chunks = chunks.map(|chunk| std::str::from_utf8(chunk).expect("ASCII"));
                let all = chunks.fold(head.to_owned(), |mut all, chunk| {
                    write!(all, "{:x}\r\n{chunk}\r\n", chunk.len()).expect("a string grows");
                    all
                });
                all + "0\r\n\r\n"
            }
        }
    }

    /// What the answer's body must be, where that is more than a few words.
    pub(super) fn expected(self) -> Option<&'static [u8]> {
        match self {
            Self::Get("/large") => Some(text(LARGE)),
            Self::Get("/huge") => Some(text(HUGE)),
            Self::Post(bytes) | Self::PostChunked(bytes) => Some(text(bytes)),
            Self::Get(_) | Self::Head(_) => None,
        }
    }
}
