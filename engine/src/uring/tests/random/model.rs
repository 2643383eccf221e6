//! What is true of one connection, and what the kernel tells of it when it is asked to. Bytes of peers are
//! the script's, their ends are real.

use super::super::*;
use crate::uring::events;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Receiving,
    Paused,
    Detached,
    /// Released, and to be detached again or not when it was adopted.
    Leaving(bool),
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Finished,
    Reset,
}

/// What is true of one connection, whatever the driver believes.
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact")]
pub(super) struct Model {
    pub(super) key: Key,
    pub(super) peer: Option<TcpStream>,
    pub(super) flow: Flow,
    pub(super) written: String,
    /// How much of it the kernel has handed to the driver.
    pub(super) told: usize,
    pub(super) seen: String,
    pub(super) end: Option<End>,
    pub(super) end_seen: bool,
    pub(super) stalled: bool,
    /// Room has come since the stall; told once.
    pub(super) has_room: bool,
    /// The poll under way has told of the reset, and does so once.
    pub(super) reset_told: bool,
    pub(super) cancelled: Vec<Tag>,
}

impl Model {
    pub(super) fn new((key, peer): (Key, TcpStream)) -> Self {
        Self {
            key,
            peer: Some(peer),
            flow: Flow::Receiving,
            written: String::new(),
            told: 0,
            seen: String::new(),
            end: None,
            end_seen: false,
            stalled: false,
            has_room: false,
            reset_told: false,
            cancelled: Vec::new(),
        }
    }

    pub(super) fn write(&mut self) {
        if self.end.is_none() {
            let letter = ('a'..='z').cycle().nth(self.written.len()).expect("endless");
            self.written.push(letter);
        }
    }

    pub(super) fn finish(&mut self) {
        if self.end.is_none()
            && let Some(peer) = &self.peer
        {
            self.end = Some(End::Finished);
            peer.shutdown(std::net::Shutdown::Write).expect("the peer is sound");
        }
    }

    pub(super) fn break_off(&mut self) {
        // A reset behind a FIN would be told by nothing that is modelled.
        if self.end.is_none()
            && let Some(peer) = self.peer.take()
        {
            self.end = Some(End::Reset);
            break_off(peer);
        }
    }

    /// It has left, and comes back.
    pub(super) fn adopt_in(&mut self, stage: &mut Stage) {
        let Flow::Leaving(detaches) = self.flow else { panic!("{:?} has left", self.flow) };
        for watch in Watch::ALL {
            let tag = Tag::Connection(watch, self.key);
            assert!(!stage.kernel.has(tag), "{tag:?} is under way on what has left");
        }
        let handover = stage.take_left(self.key);
        self.key = stage.driver.adopt(handover).expect("of the same engine");
        self.flow = Flow::Receiving;
        self.reset_told = false;
        if detaches {
            self.flow = Flow::Detached;
            stage.driver.detach(self.key);
        }
    }

    /// The kernel tells of one operation, if there is something to tell.
    pub(super) fn tell(&mut self, kernel: &Kernel, watch: Watch, more: bool) {
        let tag = Tag::Connection(watch, self.key);
        if !kernel.has(tag) {
            return;
        }
        let cancelled = self.cancelled.iter().position(|cancelled| *cancelled == tag);
        // Taken back, or with its last bytes.
        let pending = self.written.len() > self.told && !(cancelled.is_some() && more);
        let closed = self.flow == Flow::Closed;
        let last = match watch {
            Watch::Receive if pending && kernel.buffers() == 0 => Some(Err(libc::ENOBUFS)),
            Watch::Receive if pending => {
                let told = if more { self.written.len() } else { self.told + 1 };
                let piece = &self.written[self.told..told];
                self.told = told;
                kernel.receives(tag, piece.as_bytes(), more);
                None
            }
            _ if cancelled.is_some() => Some(Err(libc::ECANCELED)),
            Watch::Receive if closed || self.end == Some(End::Finished) => Some(Ok(0)),
            Watch::Receive if self.end == Some(End::Reset) => Some(Err(libc::ECONNRESET)),
            Watch::Detached if closed || self.end.is_some() => Some(Ok(1)),
            Watch::Reset if self.end == Some(End::Reset) && !self.reset_told => {
                self.reset_told = true;
                kernel.complete(tag, Ok(events::BROKEN), more);
                None
            }
            Watch::Room if std::mem::take(&mut self.has_room) => {
                kernel.complete(tag, Ok(events::ROOM), more);
                None
            }
            _ => None,
        };
        if let Some(result) = last {
            kernel.complete(tag, result, false);
        }
        if !kernel.has(tag) {
            self.cancelled.retain(|cancelled| *cancelled != tag);
            self.reset_told &= watch != Watch::Reset;
        }
    }

    pub(super) fn see(&mut self, seen: Seen) {
        let away = matches!(self.flow, Flow::Closed | Flow::Leaving(_));
        assert!(!away, "{seen:?} of one that is {:?}", self.flow);
        match seen {
            Seen::Received(_, text) => {
                assert_eq!(self.flow, Flow::Receiving, "{text}");
                assert!(!self.end_seen, "{text} after the end");
                self.seen.push_str(&text);
                assert!(self.written.starts_with(&self.seen), "{} {}", self.written, self.seen);
            }
            Seen::Writable(_) => self.stalled = false,
            Seen::Finished(_) => {
                assert_eq!(self.end, Some(End::Finished));
                assert!(self.flow == Flow::Detached || self.seen == self.written, "{}", self.seen);
                assert_ne!(self.flow, Flow::Paused);
                assert!(!std::mem::replace(&mut self.end_seen, true), "twice");
            }
            _ => {
                assert_eq!(self.end, Some(End::Reset), "{seen:?}");
                assert!(!std::mem::replace(&mut self.end_seen, true), "twice");
            }
        }
    }
}
