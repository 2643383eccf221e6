//! Requests that are refused, each with the status that RFC 9110 or RFC 9112 gives for it.

/// One of them.
pub(crate) struct Malformed {
    pub(crate) bytes: &'static str,
    pub(crate) status: u16,
    /// Repeated behind `bytes`, to be too much.
    pub(crate) filler: (&'static str, usize),
    /// Whether it is refused over its body, after a head that asks for no body in return.
    pub(crate) head_only: bool,
}

const fn row(status: u16, bytes: &'static str) -> Malformed {
    Malformed { bytes, status, filler: ("", 0), head_only: false }
}

const fn long(status: u16, bytes: &'static str, filler: &'static str, times: usize) -> Malformed {
    Malformed { bytes, status, filler: (filler, times), head_only: false }
}

const fn of_head(status: u16, bytes: &'static str) -> Malformed {
    Malformed { bytes, status, filler: ("", 0), head_only: true }
}

pub(crate) const TABLE: &[Malformed] = &[
    row(400, "GET /small HTTP/1.1\r\n\r\n"),
    row(400, "GET /small HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    row(400, "GET /small HTTP/1.1\r\nHost : a\r\n\r\n"),
    row(400, "GET /small HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    row(400, "GET /small HTTP/1.1\nHost: a\n\n"),
    row(400, "GET /small HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    row(400, "GET small HTTP/1.1\r\nHost: a\r\n\r\n"),
    row(400, "GET  /small HTTP/1.1\r\nHost: a\r\n\r\n"),
    row(400, "\r\n\r\nGET /small HTTP/1.1\r\nHost: a\r\n\r\n"),
    row(400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"),
    row(400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"),
    row(
        400,
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    row(400, "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    row(
        400,
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    ),
    row(
        400,
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    ),
    row(400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    row(413, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"),
    row(417, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\na"),
    row(501, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    row(501, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    row(505, "GET /small HTTP/2.0\r\nHost: a\r\n\r\n"),
    row(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    long(414, "GET /", "a", 9000),
    long(431, "GET /small HTTP/1.1\r\nHost: a\r\nX: ", "a", 20_000),
    long(431, "GET /small HTTP/1.1\r\nHost: a\r\n", "X: a\r\n", 101),
    of_head(400, "HEAD /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"),
    of_head(413, "HEAD /small HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"),
];

impl Malformed {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (filler, times) = self.filler;
        [self.bytes, &filler.repeat(times)].concat().into_bytes()
    }
}
