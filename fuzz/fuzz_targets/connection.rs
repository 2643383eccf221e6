//! A whole connection in the hands of an owner who receives, steps, answers, closes and lends
//! buffers in any order, with limits small enough to be hit. A model that knows only the
//! documentation of `Connection` says what may come.
#![no_main]

#[allow(dead_code, reason = "each target uses a part")]
mod control;

use bytes::BytesMut;
use control::Control;
use headwater_http::{BodyLength, Connection, Head, HeadMemo, ParseError, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, mut bytes)) = Control::split(input) else { return };
    let mut owner = Owner::new(&control);
    for number in control.numbers().take(4 * bytes.len() + 64) {
        match number % 16 {
            0..=3 => {
                let (piece, rest) = bytes.split_at(bytes.len().min(1 + number / 16 % 64));
                owner.receive(piece);
                bytes = rest;
            }
            4..=9 => owner.step(),
            10..=12 => owner.response_done(),
            13 if control.closes() => owner.close_after_response(),
            14 => owner.recycle_and_lend(),
            15 if bytes.is_empty() && control.ends() => owner.receive_end(),
            _ => owner.look(),
        }
    }
    // Steps alone must come to rest.
    for _ in 0..16 + 8 * owner.connection.buffered() {
        owner.step();
    }
    let rest = owner.connection.buffered();
    owner.step();
    assert_eq!(owner.connection.buffered(), rest, "it never comes to rest");
});

/// Where the current request is, as its owner was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// None is under way.
    Between,
    /// Told, and its body is coming.
    Body,
    /// Told to its end.
    Ended,
    /// Answered before its end: nothing of it may be told any more.
    Skipped,
}

struct Owner {
    connection: Connection,
    memo: HeadMemo,
    phase: Phase,
    framing: BodyLength,
    body_bytes: u64,
    body_limit: u64,
    default_body_limit: u64,
    received: usize,
    ended: bool,
    /// How many more requests may come, once that is known.
    requests_left: Option<usize>,
    last: Option<Result<(), ParseError>>,
    spare: Option<BytesMut>,
}

impl Owner {
    fn new(control: &Control) -> Self {
        let limits = control.limits();
        Self {
            connection: Connection::new(&limits),
            memo: HeadMemo::default(),
            phase: Phase::Between,
            framing: BodyLength::None,
            body_bytes: 0,
            body_limit: limits.body_bytes,
            default_body_limit: limits.body_bytes,
            received: 0,
            ended: false,
            requests_left: None,
            last: None,
            spare: Some(BytesMut::with_capacity(64)),
        }
    }

    fn receive(&mut self, piece: &[u8]) {
        // A peer that has ended its stream sends nothing more.
        if !self.ended {
            self.connection.receive(piece);
            self.received += piece.len();
        }
        self.look();
    }

    fn receive_end(&mut self) {
        self.ended = true;
        self.connection.receive_end();
        self.look();
    }

    fn step(&mut self) {
        let keep_alive = self.connection.keep_alive();
        let step = self.connection.step_with(&mut self.memo);
        if let Some(last) = &self.last {
            match (&step, last) {
                (Ok(Step::Closed), Ok(())) => {}
                (Err(error), Err(before)) => assert_eq!(error, before, "an error is final"),
                other => panic!("after the end: {other:?}"),
            }
        }
        match step {
            Ok(Step::NeedMore) => {
                assert!(!self.ended, "the stream has ended: nothing more can be needed");
                assert_ne!(self.phase, Phase::Ended);
            }
            Ok(Step::Request(head)) => self.begin(&head),
            Ok(Step::Body(bytes)) => {
                assert_eq!(self.phase, Phase::Body);
                assert!(!bytes.is_empty());
                self.body_bytes += bytes.len() as u64;
                assert!(self.body_bytes <= self.body_limit, "more than allowed");
                if let BodyLength::Length(length) = self.framing {
                    assert!(self.body_bytes <= length && length <= self.body_limit);
                }
                assert_ne!(self.framing, BodyLength::None);
            }
            Ok(Step::End) => {
                assert_eq!(self.phase, Phase::Body);
                match self.framing {
                    BodyLength::None => assert_eq!(self.body_bytes, 0),
                    BodyLength::Length(length) => assert_eq!(self.body_bytes, length),
                    BodyLength::Chunked => {}
                }
                self.phase = Phase::Ended;
            }
            Ok(Step::Paused) => assert_eq!(self.phase, Phase::Ended),
            Ok(Step::Closed) => {
                assert!(matches!(self.phase, Phase::Between | Phase::Skipped), "not answered yet");
                // What is skipped can be refused, and what came before the end of the stream can be an
                // empty line; otherwise a close must have been announced.
                if self.phase == Phase::Between && self.last.is_none() && !self.ended {
                    assert!(!keep_alive, "closed, though another could follow");
                }
                self.finish(Ok(()));
            }
            Err(error) => {
                // Behind a rest that was skipped, the next request may be refused; the rest may not.
                let of_a_rest =
                    matches!(error, ParseError::Chunk | ParseError::ChunkExtrasTooLarge);
                assert!(self.phase != Phase::Skipped || !of_a_rest, "a second answer: {error:?}");
                assert!(error.status().is_client_error() || error.status().is_server_error());
                self.finish(Err(error));
            }
        }
        self.look();
    }

    fn begin(&mut self, head: &Head) {
        assert!(matches!(self.phase, Phase::Between | Phase::Skipped), "two at once");
        if let Some(left) = &mut self.requests_left {
            assert!(*left > 0, "a request after the last");
            *left -= 1;
        }
        if !head.keep_alive() {
            self.requests_left = Some(0);
            assert!(!self.connection.keep_alive());
        }
        (self.phase, self.framing, self.body_bytes) = (Phase::Body, head.body(), 0);
        self.body_limit = self.default_body_limit;
        if self.received.is_multiple_of(3) {
            self.body_limit = (self.received % 40) as u64;
            self.connection.set_body_limit(self.body_limit);
        }
    }

    fn finish(&mut self, last: Result<(), ParseError>) {
        self.last = Some(last);
        assert_eq!(self.connection.buffered(), 0, "held, but never looked at");
        assert!(!self.connection.keep_alive() && !self.connection.is_idle());
    }

    fn response_done(&mut self) {
        let keep_alive = self.connection.keep_alive();
        self.connection.response_done();
        match self.phase {
            Phase::Between | Phase::Skipped => {}
            _ if self.last.is_some() => {}
            Phase::Body | Phase::Ended if !keep_alive => {
                assert!(matches!(self.connection.step(), Ok(Step::Closed)), "it said so");
                self.phase = Phase::Between;
                self.finish(Ok(()));
            }
            Phase::Ended => self.phase = Phase::Between,
            Phase::Body => {
                let rest = !matches!(self.framing, BodyLength::None | BodyLength::Length(0));
                self.phase = if rest { Phase::Skipped } else { Phase::Between };
            }
        }
        self.look();
    }

    fn close_after_response(&mut self) {
        let begun = self.phase == Phase::Between && self.connection.has_partial();
        let skipping = self.phase == Phase::Skipped;
        self.connection.close_after_response();
        assert!(!self.connection.keep_alive());
        // One that has begun to arrive is still served; so is one behind a rest that is skipped, if
        // that rest has already gone by.
        let left = usize::from(begun || skipping);
        self.requests_left = Some(self.requests_left.map_or(left, |before| before.min(left)));
        self.look();
    }

    fn recycle_and_lend(&mut self) {
        let buffered = self.connection.buffered();
        if let Some(spare) = self.spare.take() {
            self.spare = self.connection.lend(spare).err();
        } else {
            self.spare = self.connection.recycle();
            assert!(self.spare.as_ref().is_none_or(BytesMut::is_empty));
        }
        assert_eq!(self.connection.buffered(), buffered, "a buffer went with its bytes");
        self.look();
    }

    /// What must hold at any time.
    fn look(&self) {
        let connection = &self.connection;
        assert!(connection.buffered() <= self.received);
        if connection.is_idle() {
            assert!(connection.buffered() == 0 && !connection.has_partial());
            assert!(matches!(self.phase, Phase::Between | Phase::Skipped));
        }
        if connection.has_partial() {
            assert!(connection.buffered() > 0 && !connection.is_idle());
        }
        if self.last.is_some() {
            assert!(!connection.keep_alive() && connection.buffered() == 0);
        }
    }
}
