//! Writes answers: into one buffer per batch of pipelined requests, sent in one go. What a socket does
//! not take waits in the connection's outbox, and the connection with it.

use super::Worker;
use super::connection::{After, Asked, HttpConnection};
use super::exchange::MIN_PROGRESS_BYTES;
use crate::body::{Content, Pieces};
use crate::report;
use crate::response::Response;
use bytes::Bytes;
use headwater_engine::{Core, Key, Outbox, Outcome};
use headwater_http::encode::{self, BodyFraming, EncodeError, Promise};
use http::StatusCode;
use std::io::IoSlice;

/// Larger bodies are sent from where they are.
pub(super) const COPY_UP_TO: usize = 16 * 1024;
/// Slices offered to one send.
pub(super) const SLICES: usize = 16;

impl Worker {
    /// Gives an answer, or makes of the connection what it says. `None` means that the connection goes on.
    pub(super) fn respond(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        mut response: Response,
    ) -> Option<After> {
        self.respond_with(core, key, connection, &mut response)
    }

    /// As [`respond`](Self::respond), and leaves nothing of the answer to be dropped but a plain one.
    pub(super) fn respond_with(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        response: &mut Response,
    ) -> Option<After> {
        if let Some(instead) = not_final(connection, response) {
            self.discard(std::mem::replace(response, instead));
        }
        response.mark_given();
        let whole = !connection.asked.head_only;
        let after = match &mut response.body.0 {
            // The answers before it are no part of the stream: a client that leaves that still gets them.
            Content::Stream(_) if whole && !self.flush(core, key, connection) => Some(After::Close),
            Content::Stream(_) if whole && connection.unsent.is_some() => {
                connection.held = Some(Box::new(take(response)));
                return None;
            }
            Content::Stream(opening) if whole => {
                // The head is written from what is left.
                let mut opening = opening.take().expect("an answer is given once");
                let after = self.detach(core, key, connection, response, &mut opening);
                self.discard(opening);
                after
            }
            Content::Detached(handler) if whole => {
                let handler = handler.take().expect("an answer is given once");
                self.take_over(core, key, connection, response, handler)
            }
            _ => self.write(core, key, connection, response),
        };
        if !response.is_plain() {
            self.discard(take(response));
        }
        after
    }

    /// Writes an answer after which the connection still speaks HTTP, or closes.
    fn write(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        response: &mut Response,
    ) -> Option<After> {
        let now = core.now();
        let framing = match &response.body.0 {
            Content::Empty => BodyFraming::None,
            Content::Bytes(bytes) => BodyFraming::Length(bytes.len() as u64),
            Content::Pieces(Pieces { length: Some(length), .. }) => BodyFraming::Length(*length),
            Content::Stream(_) | Content::Pieces(_) => BodyFraming::Chunked,
            Content::Detached(_) => BodyFraming::UntilClose,
        };
        let last =
            connection.refused || self.drain_until.is_some() || !connection.http.keep_alive();
        let promise = match self.write_head(now, connection, response, framing, last) {
            Ok(promise) => promise,
            Err(error) => {
                self.discard(std::mem::replace(response, unsendable(error)));
                let length = response.bytes().map_or(0, |text| text.len() as u64);
                self.write_head(now, connection, response, BodyFraming::Length(length), last)
                    .expect("its header is a constant")
            }
        };
        if promise.connection == encode::Connection::Close {
            connection.http.close_after_response();
        }
        if let Some(buffer) = connection.http.recycle() {
            self.spare = Some(buffer);
        }
        if promise.framing == BodyFraming::None || connection.asked.head_only {
            connection.http.response_done();
            return None;
        }
        match std::mem::take(&mut response.body.0) {
            Content::Pieces(pieces) => {
                self.send_pieces(core, key, connection, pieces, promise.framing)
            }
            Content::Bytes(body) => {
                connection.http.response_done();
                self.write_body(core, key, connection, body)
            }
            _ => {
                connection.http.response_done();
                None
            }
        }
    }

    /// Appends the head of a response to what is to be sent.
    pub(super) fn write_head(
        &mut self,
        now: std::time::Instant,
        connection: &HttpConnection,
        response: &Response,
        framing: BodyFraming,
        last: bool,
    ) -> Result<Promise, EncodeError> {
        encode::encode_typed_head(
            &mut self.out,
            response.status,
            connection.asked.version,
            response.headers.iter(),
            framing,
            if last { encode::Connection::Close } else { encode::Connection::KeepAlive },
            self.date.get(now),
        )
    }

    fn write_body(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        body: Bytes,
    ) -> Option<After> {
        if body.len() <= COPY_UP_TO {
            self.out.extend_from_slice(&body);
            // Its owner may be of a user's type.
            self.discard(body);
            return None;
        }
        // The next handler's time does not begin before this.
        self.overseer.interrupt();
        (!self.send(core, key, connection, body, b"")).then_some(After::Close)
    }

    /// Sends what was written. False if the connection is broken.
    pub(super) fn flush(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> bool {
        self.out.is_empty() || self.send(core, key, connection, Bytes::new(), b"")
    }

    /// Sends what was written, `body` and `tail`, and keeps what the socket does not take.
    pub(super) fn send(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        mut body: Bytes,
        tail: &'static [u8],
    ) -> bool {
        debug_assert!(connection.unsent.is_none(), "answers wait for what is unsent");
        let slices = [IoSlice::new(&self.out), IoSlice::new(&body), IoSlice::new(tail)];
        // One slice alone is cheaper for the kernel than one with empty ones behind it.
        let used = if body.is_empty() && tail.is_empty() { 1 } else { slices.len() };
        let Outcome::Sent(sent) = core.send_one(key, &slices[..used]) else {
            self.out.clear();
            return false;
        };
        if sent < self.out.len() + body.len() + tail.len() {
            let head = Bytes::copy_from_slice(self.out.get(sent..).unwrap_or_default());
            let sent = sent.saturating_sub(self.out.len());
            let tail = Bytes::from_static(&tail[sent.saturating_sub(body.len())..]);
            let body = body.split_off(sent.min(body.len()));
            let mut unsent = Outbox::new(head.len() + body.len() + tail.len());
            for part in [head, body, tail] {
                unsent.push(part).expect("its limit is the sum of the parts");
            }
            connection.unsent = Some(Box::new(unsent));
        }
        self.out.clear();
        true
    }

    /// The socket has room: sends what it did not take before, then goes on.
    pub(super) fn send_rest(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        let Some(unsent) = &mut connection.unsent else { return After::Keep };
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = unsent.slices(&mut slices);
            let offered: usize = slices[..used].iter().map(|slice| slice.len()).sum();
            match core.send_one(key, &slices[..used]) {
                Outcome::Gone => return After::Close,
                Outcome::Sent(sent) => {
                    unsent.advance(sent);
                    connection.progress += sent;
                    if connection.progress >= MIN_PROGRESS_BYTES {
                        connection.progress = 0;
                        core.arm(key, self.classes().write);
                    }
                    if unsent.is_empty() {
                        break;
                    }
                    if sent < offered {
                        return After::Keep;
                    }
                }
            }
        }
        (connection.unsent, connection.progress) = (None, 0);
        // Whatever is unsent next has a deadline of its own.
        core.cancel(key);
        if let Some(response) = connection.held.take() {
            return self.answered(core, key, connection, *response);
        }
        match self.take_pieces(core, key, connection) {
            Some(after) => after,
            None => self.advance(core, key, connection),
        }
    }
}

fn take(response: &mut Response) -> Response {
    std::mem::replace(response, Response::new(StatusCode::OK))
}

/// In place of an answer that a client would not take for one, and so the next one for this request's.
fn not_final(connection: &HttpConnection, response: &Response) -> Option<Response> {
    let Asked { head_only, connects, .. } = connection.asked;
    let takes_over = response.is_detached() && !head_only;
    let status = response.status;
    // RFC 9110 §9.3.6: after any 2xx the client takes what follows for the tunnel.
    if connects && status.is_success() && !takes_over {
        let text = "this server is no proxy\n";
        return Some(Response::plain(StatusCode::NOT_IMPLEMENTED, text));
    }
    // RFC 9110 §15.2.
    if status.is_informational() && !(takes_over && status == StatusCode::SWITCHING_PROTOCOLS) {
        report::failed_answer(&format_args!("{status} is not final"));
        let text = format!("the handler's answer cannot be sent: {status} is not final\n");
        return Some(Response::plain(StatusCode::INTERNAL_SERVER_ERROR, text));
    }
    None
}

/// In place of an answer with a header that cannot be sent.
pub(super) fn unsendable(error: EncodeError) -> Response {
    report::failed_answer(&error);
    let text = format!("the handler's answer cannot be sent: {error}\n");
    Response::plain(StatusCode::INTERNAL_SERVER_ERROR, text)
}
