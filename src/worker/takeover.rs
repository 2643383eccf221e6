//! Connections that a handler took over: moves bytes between the socket and what the handler shares with
//! its worker, in `crate::detached`. What they mean is not known here.

use super::Worker;
use super::connection::{After, HttpConnection, Phase};
use super::exchange::MIN_PROGRESS_BYTES;
use super::guarded::Guarded;
use super::respond::{SLICES, unsendable};
use super::tell::Tell;
use crate::detached::{Detached, DetachedHandler, Wire};
use crate::response::Response;
use bytes::Bytes;
use headwater_engine::{Core, Key, Outcome};
use headwater_http::{Version, encode::BodyFraming};
use http::StatusCode;
use std::cell::RefCell;
use std::io::IoSlice;
use std::rc::Rc;

/// The worker's end of a connection that was taken over. Dropping it tells the handler that the peer is
/// gone.
pub(super) struct Line {
    wire: Rc<RefCell<Wire>>,
    /// No bytes are wanted now.
    paused: bool,
    /// Bytes sent since the deadline of what is not was last put off.
    progress: usize,
}

/// What is to be done about a line after an attempt to send.
enum Next {
    /// The socket is full.
    Wait,
    /// Everything was sent.
    Rest,
    /// Everything was sent, and nothing more will come.
    End,
    Close,
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut wire = self.wire.borrow_mut();
        wire.gone = true;
        wire.wake();
    }
}

impl Line {
    pub(super) fn receive(&mut self, core: &mut Core<'_>, key: Key, bytes: &[u8]) {
        let mut wire = self.wire.borrow_mut();
        // Nobody will read what comes after the end of the handler.
        if !wire.done {
            wire.inbox.extend_from_slice(bytes);
            wire.wake();
        }
        if !wire.has_room_to_receive() && !self.paused {
            self.paused = true;
            core.pause(key);
        }
    }

    /// The peer will send nothing more.
    pub(super) fn finish(&self) {
        let mut wire = self.wire.borrow_mut();
        wire.finished = true;
        wire.wake();
    }

    /// The server drains.
    pub(super) fn drain(&self) {
        let mut wire = self.wire.borrow_mut();
        wire.draining = true;
        wire.wake();
    }

    /// Sends what was written, as far as the socket takes it, and makes room for what comes.
    fn serve(&mut self, core: &mut Core<'_>, key: Key) -> Next {
        let mut wire = self.wire.borrow_mut();
        if self.paused && wire.has_room_to_receive() {
            self.paused = false;
            core.resume(key);
        }
        while !wire.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = wire.outbox.slices(&mut slices);
            let Outcome::Sent(sent) = core.send_one(key, &slices[..used]) else {
                return Next::Close;
            };
            if sent == 0 {
                return Next::Wait;
            }
            wire.outbox.advance(sent);
            self.progress += sent;
            wire.wake();
        }
        match (wire.done, wire.finished) {
            (false, _) => Next::Rest,
            (true, false) => Next::End,
            // A peer that has said its last word has no bytes left that closing could reset.
            (true, true) => Next::Close,
        }
    }
}

impl Worker {
    /// Hands a connection over to a handler.
    pub(super) fn take_over(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        response: &Response,
        handler: DetachedHandler,
    ) -> Option<After> {
        let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
        let refusal = if self.drain_until.is_some() {
            Some((StatusCode::SERVICE_UNAVAILABLE, "no new protocols now\n"))
        } else if switches && connection.asked.version == Version::Http10 {
            // Which knows no interim answers (RFC 9110 §15.2).
            Some((StatusCode::HTTP_VERSION_NOT_SUPPORTED, "upgrades need HTTP/1.1\n"))
        } else {
            None
        };
        if let Some((status, text)) = refusal {
            self.discard(handler);
            return self.respond(core, key, connection, Response::plain(status, text));
        }
        let framed = BodyFraming::UntilClose;
        if let Err(error) = self.write_head(core.now(), connection, response, framed, true) {
            self.discard(handler);
            return self.respond(core, key, connection, unsendable(error));
        }
        if switches {
            self.out.truncate(self.out.len() - b"\r\n".len());
            self.out.extend_from_slice(b"connection: upgrade\r\n\r\n");
        }
        let head = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        let mut wire = Wire::new(connection.http.take_buffered(), head);
        wire.finished = connection.peer_finished;
        let wire = Rc::new(RefCell::new(wire));
        let tell = Tell::new(key, &self.told);
        tell.tell();
        core.cancel(key);
        let path = self.watched_path(connection);
        self.start_line(handler, Detached { wire: wire.clone(), tell }, path);
        Some(After::Detached(Box::new(Line { wire, paused: connection.paused, progress: 0 })))
    }

    fn start_line(&mut self, handler: DetachedHandler, line: Detached, path: Option<Rc<[u8]>>) {
        let (wire, tell) = (line.wire.clone(), line.tell.clone());
        let returned = self.returned.clone();
        // A panic is counted there, and ends this connection and nothing else.
        let running = Guarded::new(handler(line), &self.overseer).watched(path);
        self.handlers.start(&self.executor, move |id| {
            running.then(move |outcome| {
                // A panic is an end like any other.
                outcome.ok();
                wire.borrow_mut().done = true;
                tell.tell();
                returned.borrow_mut().push_back((id, None));
            })
        });
    }

    /// Looks at a connection that was taken over.
    pub(super) fn serve_line(&mut self, core: &mut Core<'_>, key: Key) {
        let classes = self.classes();
        let Some(slot) = self.slot(key) else { return };
        let Phase::Detached(line) = &mut slot.phase else { return };
        match line.serve(core, key) {
            Next::Wait => {
                let progress = line.progress >= MIN_PROGRESS_BYTES;
                if progress || core.armed(key) != Some(classes.write) {
                    line.progress = 0;
                    core.arm(key, classes.write);
                }
            }
            Next::Rest => core.cancel(key),
            Next::End => {
                slot.phase = Phase::Lingering;
                self.linger(core, key);
            }
            Next::Close => self.close(core, key),
        }
    }
}
