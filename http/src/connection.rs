//! The states of a connection and what leads from one to the next. What the bytes mean is decided
//! by `prescan`, `head` and `body`; when to read, write and close, by the owner.
//!
//! ```text
//! Head ── complete ──> Body ── last byte ──> Done ── step ──> Paused ── response_done ──> Head
//!   │                    └─ response_done ──> Body, answered: the rest is dropped ──> Head
//!   └─ end of stream, or the last answer given: Closed; a refusal: Failed
//! ```

use crate::body::Body;
use crate::chunked::Piece;
use crate::prescan::HeadScan;
use crate::{Head, HeadMemo, Limits, ParseError, Step};
use bytes::{Buf, Bytes, BytesMut};

/// One connection's receiving side: requests one after the other, never two at once.
///
/// For each request [`step`](Self::step) gives [`Step::Request`], any number of [`Step::Body`] and
/// [`Step::End`], then [`Step::Paused`] until [`response_done`](Self::response_done). Pipelined
/// requests wait in the buffer meanwhile (RFC 9112 §9.3.2); how much may wait is up to the owner, who
/// need not read while [`buffered`](Self::buffered) is more than it likes. No other memory grows.
///
/// A request may be answered before its body has come; the rest is then read and dropped:
///
/// ```
/// # use headwater_http::{Connection, Limits, ParseError, Step};
/// # fn main() -> Result<(), ParseError> {
/// let mut connection = Connection::new(&Limits::default());
/// connection.receive(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
/// assert!(matches!(connection.step()?, Step::Request(head) if head.path() == "/a"));
/// assert!(matches!(connection.step()?, Step::Body(bytes) if bytes == "he"));
/// assert!(matches!(connection.step()?, Step::NeedMore));
/// connection.response_done();
/// connection.receive(b"lloGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
/// assert!(matches!(connection.step()?, Step::Request(head) if head.path() == "/b"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    /// For the current request.
    body_limit: u64,
    buffer: BytesMut,
    state: State,
    /// Whether the next request may follow the current one.
    persistent: bool,
    /// Whether the client may still be waiting for `100 Continue`, so that its next bytes can be the
    /// body as well as another request.
    awaits_continue: bool,
    /// Whether the peer has ended its stream.
    ended: bool,
}

#[derive(Debug)]
enum State {
    Head {
        scan: HeadScan,
        /// Whether an empty line was skipped.
        skipped: bool,
    },
    Body {
        rest: Body,
        /// The response is out already: the rest is read only to get past it.
        answered: bool,
    },
    /// All has been read, but `End` not yet told.
    Done,
    Paused,
    Closed,
    Failed(ParseError),
}

/// What a look at the body has brought.
enum Progress {
    NeedMore,
    Data(Bytes),
    /// Something that the owner is not told: dropped data, or the next state.
    Untold,
}

/// The least room asked for, so that one buffer serves many small requests.
const MIN_BUFFER_BYTES: usize = 1024;

impl Connection {
    /// A fresh connection, holding no heap memory.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            body_limit: limits.body_bytes,
            buffer: BytesMut::new(),
            state: State::at_head(),
            persistent: true,
            awaits_continue: false,
            ended: false,
        }
    }

    /// Takes bytes from the peer, as many as there are and cut anywhere. Those that come after the
    /// last request are dropped.
    pub fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Closed | State::Failed(_)) {
            return;
        }
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            // One byte to spare: a buffer filled to the brim could not be told from none at all, and
            // would never be recycled.
            self.buffer.reserve(MIN_BUFFER_BYTES.max(bytes.len() + 1));
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The peer has ended its stream: inside a request this is an error
    /// ([`ParseError::Incomplete`]), between requests the end. What was buffered before is still
    /// served.
    pub fn receive_end(&mut self) {
        self.ended = true;
    }

    /// Goes one step on. Call it until it gives `NeedMore`, `Paused`, `Closed` or an error.
    ///
    /// # Errors
    /// The request is refused: answer with [`ParseError::status`] and close. The error is final:
    /// every later call repeats it. Behind a request that was answered before its end there is no
    /// error in what is dropped, but [`Step::Closed`].
    pub fn step(&mut self) -> Result<Step, ParseError> {
        self.step_on(None)
    }

    /// As [`step`](Self::step), with the same outcome, but a head that equals the one kept in `memo` is not
    /// parsed again.
    ///
    /// # Errors
    /// As for [`step`](Self::step).
    #[inline]
    pub fn step_with(&mut self, memo: &mut HeadMemo) -> Result<Step, ParseError> {
        self.step_on(Some(memo))
    }

    #[inline]
    fn step_on(&mut self, memo: Option<&mut HeadMemo>) -> Result<Step, ParseError> {
        let mut step = self.advance(memo);
        if let Err(error) = step {
            step = self.refuse(error);
        }
        step
    }

    /// The response to the current request is fully handed over: goes on to the next request, or to
    /// `Closed` unless [`keep_alive`](Self::keep_alive). Of a request that was answered before its
    /// end, nothing more is told; the rest of its body is read, within its limit, and dropped.
    #[inline]
    pub fn response_done(&mut self) {
        let keep_alive = self.keep_alive();
        match &mut self.state {
            State::Body { .. } | State::Done | State::Paused if !keep_alive => {
                self.end(State::Closed);
            }
            State::Body { answered, .. } => *answered = true,
            State::Done | State::Paused => self.state = State::at_head(),
            State::Head { .. } | State::Closed | State::Failed(_) => {}
        }
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Lets no further request follow the current one, as when its response says
    /// `Connection: close`. Between requests, closes at once, unless the next has begun to arrive.
    #[inline]
    pub fn close_after_response(&mut self) {
        self.persistent = false;
        if self.is_idle() {
            self.end(State::Closed);
        }
    }

    /// Sets the body limit of the current request, in bytes, in place of
    /// [`Limits::body_bytes`]. To be called right after [`Step::Request`].
    #[inline]
    pub fn set_body_limit(&mut self, bytes: u64) {
        self.body_limit = bytes;
    }

    /// Whether another request can follow the current one (RFC 9112 §9.3, §9.6); ask before its
    /// response is written. It cannot if either side wants to close, if the peer has ended its stream
    /// and nothing more is buffered, or if the client waits for `100 Continue` and has sent no data of
    /// the body.
    #[inline]
    pub fn keep_alive(&self) -> bool {
        let more = !self.ended || !self.buffer.is_empty();
        let mid_expectation = self.awaits_continue && matches!(self.state, State::Body { .. });
        let open = !matches!(self.state, State::Closed | State::Failed(_));
        self.persistent && open && more && !mid_expectation
    }

    /// Between requests with nothing buffered.
    #[inline]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head { .. }) && self.buffer.is_empty()
    }

    /// Whether some bytes of a next request are here.
    #[inline]
    pub fn has_partial(&self) -> bool {
        matches!(self.state, State::Head { .. } | State::Done | State::Paused)
            && !self.buffer.is_empty()
    }

    /// How many received bytes wait to be stepped over.
    #[inline]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes out what was received behind the current request, for who goes on with the connection in
    /// another protocol. Of this connection nothing more is to be expected then.
    pub fn take_buffered(&mut self) -> BytesMut {
        let buffered = std::mem::take(&mut self.buffer);
        self.end(State::Closed);
        buffered
    }

    /// Takes the buffer out if it is empty, to be lent to whichever connection receives next: with
    /// one spare buffer per owner, requests need no allocation and idle connections no memory. Call
    /// it before [`response_done`](Self::response_done), which frees an empty buffer.
    #[inline]
    pub fn recycle(&mut self) -> Option<BytesMut> {
        (self.buffer.is_empty() && self.buffer.capacity() > 0)
            .then(|| std::mem::take(&mut self.buffer))
    }

    /// Lends a spare buffer before [`receive`](Self::receive). Given back if this connection has
    /// one.
    ///
    /// # Errors
    /// The buffer, if it is not needed.
    #[inline]
    pub fn lend(&mut self, spare: BytesMut) -> Result<(), BytesMut> {
        if self.buffer.capacity() > 0 || !spare.is_empty() {
            return Err(spare);
        }
        self.buffer = spare;
        Ok(())
    }

    fn advance(&mut self, memo: Option<&mut HeadMemo>) -> Result<Step, ParseError> {
        loop {
            match &self.state {
                State::Head { .. } => return self.advance_head(memo),
                State::Body { .. } => match self.advance_body()? {
                    Progress::NeedMore => return Ok(Step::NeedMore),
                    Progress::Data(bytes) => return Ok(Step::Body(bytes)),
                    Progress::Untold => {}
                },
                State::Done => {
                    self.state = State::Paused;
                    return Ok(Step::End);
                }
                State::Paused => return Ok(Step::Paused),
                State::Closed => return Ok(Step::Closed),
                State::Failed(error) => return Err(*error),
            }
        }
    }

    #[inline]
    fn advance_head(&mut self, memo: Option<&mut HeadMemo>) -> Result<Step, ParseError> {
        let State::Head { scan, skipped } = &mut self.state else { return Ok(Step::NeedMore) };
        // One empty line before a request is forgiven (RFC 9112 §2.2): some clients end a body with
        // a line end that they do not count.
        match &self.buffer[..] {
            [b'\r', b'\n', ..] if !*skipped => {
                *skipped = true;
                self.buffer.advance(2);
            }
            // Only its LF tells whether it counts towards the limits of a head.
            [b'\r'] if !*skipped && !self.ended => return Ok(Step::NeedMore),
            _ => {}
        }
        if self.buffer.is_empty() {
            if self.ended {
                self.end(State::Closed);
                return Ok(Step::Closed);
            }
            self.buffer = BytesMut::new();
            return Ok(Step::NeedMore);
        }
        let Some(head) = Head::take(&mut self.buffer, scan, &self.limits, memo)? else {
            return if self.ended { Err(ParseError::Incomplete) } else { Ok(Step::NeedMore) };
        };
        self.persistent = self.persistent && head.keep_alive();
        self.awaits_continue = head.expects_continue();
        self.body_limit = self.limits.body_bytes;
        self.state = Body::new(head.body())
            .map_or(State::Done, |rest| State::Body { rest, answered: false });
        Ok(Step::Request(head))
    }

    fn advance_body(&mut self) -> Result<Progress, ParseError> {
        let State::Body { rest, answered } = &mut self.state else { return Ok(Progress::Untold) };
        let answered = *answered;
        match rest.next_piece(&mut self.buffer, self.body_limit, &self.limits)? {
            Piece::NeedMore if self.ended => Err(ParseError::Incomplete),
            Piece::NeedMore => Ok(Progress::NeedMore),
            Piece::Data(bytes) => {
                self.awaits_continue = false;
                let data = self.buffer.split_to(bytes);
                Ok(if answered { Progress::Untold } else { Progress::Data(data.freeze()) })
            }
            Piece::End => {
                match answered {
                    false => self.state = State::Done,
                    true if self.persistent => self.state = State::at_head(),
                    true => self.end(State::Closed),
                }
                Ok(Progress::Untold)
            }
        }
    }

    fn refuse(&mut self, error: ParseError) -> Result<Step, ParseError> {
        // A second answer to one request would be taken for the answer to another.
        if matches!(self.state, State::Body { answered: true, .. }) {
            self.end(State::Closed);
            return Ok(Step::Closed);
        }
        self.end(State::Failed(error));
        Err(error)
    }

    /// Enters a final state: what is buffered will never be looked at.
    fn end(&mut self, state: State) {
        self.state = state;
        self.buffer = BytesMut::new();
    }
}

impl State {
    fn at_head() -> Self {
        Self::Head { scan: HeadScan::default(), skipped: false }
    }
}
