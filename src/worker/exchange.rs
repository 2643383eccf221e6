//! Requests of one connection, from received bytes to what its handler is given, in order and one at a
//! time, and how long they may take. Handlers are asked in `asking`; writing answers is in `respond`.

use super::Worker;
use super::connection::{After, Arriving, HttpConnection};
use crate::report;
use crate::response::Response;
use headwater_engine::{Core, Key};
use headwater_http::{ParseError, Step, encode};
use http::StatusCode;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

/// Answers to pipelined requests are sent together up to about this many bytes.
pub(super) const OUT_BYTES: usize = 64 * 1024;
/// Bytes of further requests taken in while a streamed body is being sent, besides one receive buffer.
const AHEAD_BYTES: usize = 16 * 1024;
/// Less than this is no progress: whoever sends or takes a byte now and then is as slow as one who does
/// not.
pub(super) const MIN_PROGRESS_BYTES: usize = 4 * 1024;

impl Worker {
    /// Goes on with what was received, as far as it reaches.
    pub(super) fn advance(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        loop {
            if connection.unsent.is_some() || connection.is_answering() {
                break;
            }
            if connection.refused {
                return self.end(core, key, connection);
            }
            let after = match connection.http.step_with(&mut self.last_head) {
                Ok(Step::NeedMore) => {
                    // Only a client that has not begun the body waits to be asked for it.
                    if std::mem::take(&mut connection.expects_continue) {
                        self.out.extend_from_slice(encode::CONTINUE);
                    }
                    break;
                }
                Ok(Step::Paused) => break,
                Ok(Step::Request(head)) => self.begin(core, key, connection, head),
                Ok(Step::Body(bytes)) => {
                    connection.expects_continue = false;
                    let arriving = connection.arriving.as_mut();
                    let body = &mut arriving.expect("a body follows its head").body;
                    body.extend_from_slice(&bytes);
                    None
                }
                Ok(Step::End) => self.body_ended(core, key, connection),
                Ok(Step::Closed) => return self.end(core, key, connection),
                Err(error) => self.refuse(core, key, connection, error),
            };
            if let Some(after) = after {
                return after;
            }
            if self.out.len() >= OUT_BYTES && !self.flush(core, key, connection) {
                return After::Close;
            }
        }
        if !self.flush(core, key, connection) {
            return After::Close;
        }
        if self.drain_until.is_some() && connection.served && connection.is_idle() {
            return self.end(core, key, connection);
        }
        self.watch(core, key, connection);
        After::Keep
    }

    /// Sends what is left and ends the connection in order.
    pub(super) fn end(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        if !self.flush(core, key, connection) {
            return After::Close;
        }
        if connection.unsent.is_some() {
            self.watch(core, key, connection);
            return After::Keep;
        }
        // A peer that has said its last word has no bytes left that closing could reset.
        if connection.peer_finished { After::Close } else { After::Linger }
    }

    /// The body of a request is complete. One without a body was asked for before, and its end is told to
    /// nobody.
    fn body_ended(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> Option<After> {
        let arriving = connection.arriving.take().expect("the end of a body follows its head");
        let Arriving { head, lookup, body } = *arriving;
        self.request(core, key, connection, Some(lookup), head, body.freeze())
    }

    fn refuse(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        error: ParseError,
    ) -> Option<After> {
        connection.forget_the_last();
        let text = format!("{error}\n");
        self.refuse_with(core, key, connection, Response::plain(error.status(), text))
    }

    /// Answers a request for the last time on this connection.
    pub(super) fn refuse_with(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        answer: Response,
    ) -> Option<After> {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        connection.refused = true;
        report::refused(answer.status, peer_of(core, key, connection));
        self.respond(core, key, connection, answer)
    }

    /// The peer took too long over a head or a body (RFC 9110 §15.5.9).
    pub(super) fn too_slow(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        connection.forget_the_last();
        let answer = Response::plain(StatusCode::REQUEST_TIMEOUT, "the request took too long\n");
        match self.refuse_with(core, key, connection, answer) {
            Some(after) => after,
            None => self.end(core, key, connection),
        }
    }

    /// The peer will send nothing more; what it asked before is still answered.
    pub(super) fn peer_finished(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        connection.peer_finished = true;
        connection.http.receive_end();
        self.advance(core, key, connection)
    }

    /// Decides whether to listen to the peer now, and how long to wait for what.
    fn watch(&mut self, core: &mut Core<'_>, key: Key, connection: &mut HttpConnection) {
        let classes = self.classes();
        let waits = match &connection.sending {
            // Listens on: a client that leaves is to be noticed. What it sends ahead is bounded.
            Some(_) => connection.http.buffered() > AHEAD_BYTES,
            None => connection.unsent.is_some() || connection.task.is_some(),
        };
        if waits != connection.paused {
            connection.paused = waits;
            if waits { core.pause(key) } else { core.resume(key) }
        }
        if connection.unsent.is_some() {
            // From the first byte that was not taken on: `send_rest` puts it off.
            if core.armed(key) != Some(classes.write) {
                core.arm(key, classes.write);
            }
        } else if connection.sending.is_some() && connection.peer_finished {
            core.arm(key, classes.half_closed);
        } else if connection.sending.is_some() && connection.paused {
            // Nobody tells of a FIN behind bytes that are not wanted.
            core.arm(key, classes.look);
        } else if connection.task.is_some() {
            if core.armed(key) != Some(classes.handler) {
                core.arm(key, classes.handler);
            }
        } else if connection.is_answering() {
            core.cancel(key);
        } else if let Some(arriving) = &connection.arriving {
            let received = arriving.body.len();
            let progress = connection.mark.is_none_or(|mark| received >= mark + MIN_PROGRESS_BYTES);
            if progress || core.armed(key) != Some(classes.body) {
                connection.mark = Some(received);
                core.arm(key, classes.body);
            }
        } else if connection.http.has_partial() {
            // From the first byte on: more bytes do not put it off.
            if connection.mark.is_none() || core.armed(key) != Some(classes.header) {
                connection.mark = Some(0);
                core.arm(key, classes.header);
            }
        } else {
            core.arm(key, if connection.served { classes.idle } else { self.silent() });
        }
    }
}

/// The address of the peer, which the kernel is asked for once.
pub(super) fn peer_of(
    core: &Core<'_>,
    key: Key,
    connection: &mut HttpConnection,
) -> Option<SocketAddr> {
    if connection.peer.is_none() {
        connection.peer = core.peer_addr(key);
    }
    connection.peer
}

pub(super) fn internal_error() -> Response {
    Response::plain(StatusCode::INTERNAL_SERVER_ERROR, "the handler failed\n")
}
