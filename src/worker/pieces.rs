//! Streamed bodies: polls a body's stream while its connection has room, and frames what comes. What
//! the socket does not take waits in the connection's outbox, as with any answer: see `respond`.

use super::Worker;
use super::connection::{After, HttpConnection};
use super::exchange::OUT_BYTES;
use super::guarded::Guarded;
use super::respond::COPY_UP_TO;
use super::tell::Tell;
use crate::body::{Body, BodyError, Pieces};
use crate::report;
use async_task::Task;
use bytes::Bytes;
use futures_core::Stream;
use headwater_engine::{Core, Key};
use headwater_http::encode::{self, BodyFraming};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

/// Pieces taken from a stream before others have their turn.
const PIECES_PER_POLL: usize = 64;

/// A body that is being sent. Dropping it drops the stream.
pub(super) struct Sending {
    pipe: Rc<RefCell<Pipe>>,
    chunked: bool,
    /// Polls the stream, unless it has ended.
    _task: Option<Task<()>>,
}

/// What a stream has yielded and its connection has not taken yet.
#[derive(Default)]
struct Pipe {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// The connection has bytes that its socket did not take.
    blocked: bool,
    /// Who waits for room.
    waker: Option<Waker>,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Failed,
}

/// Moves a stream's pieces into its pipe, as far as there is room.
struct Pump {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>>>>,
    /// Bytes still to come, where the head says how many.
    left: Option<u64>,
    pipe: Rc<RefCell<Pipe>>,
    tell: Tell,
}

impl Pipe {
    fn has_room(&self) -> bool {
        !self.blocked && self.bytes < Body::STREAM_BUFFER_BYTES
    }

    fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }
}

impl Pump {
    /// Takes one piece. Its end is that of the body.
    fn take(&mut self, piece: Option<Result<Bytes, BodyError>>) -> Poll<Result<(), BodyError>> {
        let Some(piece) = piece else {
            return Poll::Ready(match self.left {
                Some(left @ 1..) => Err(format!("the body ended {left} bytes early").into()),
                _ => Ok(()),
            });
        };
        let mut piece = piece?;
        let mut surplus = false;
        if let Some(left) = &mut self.left {
            let fits = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
            surplus = fits < piece.len();
            piece.truncate(fits);
            *left -= fits as u64;
        }
        if !piece.is_empty() {
            let mut pipe = self.pipe.borrow_mut();
            pipe.bytes += piece.len();
            pipe.pieces.push_back(piece);
            drop(pipe);
            self.tell.tell();
        }
        if surplus {
            return Poll::Ready(Err("the body is longer than it said".into()));
        }
        Poll::Pending
    }
}

impl Future for Pump {
    type Output = End;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        self.get_mut().pump(context).map(|outcome| match outcome {
            Ok(()) => End::Complete,
            Err(error) => {
                report::failed_body(&error);
                End::Failed
            }
        })
    }
}

impl Pump {
    fn pump(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        for _ in 0..PIECES_PER_POLL {
            let all_there = self.left == Some(0);
            // A last look, which needs no room, tells whether there is more than was said.
            if !all_there && !self.pipe.borrow().has_room() {
                self.pipe.borrow_mut().waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            match self.stream.as_mut().poll_next(context) {
                Poll::Pending if all_there => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(piece) => {
                    if let Poll::Ready(end) = self.take(piece) {
                        return Poll::Ready(end);
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Worker {
    /// Begins to send a streamed body, whose head was written. `None` means that the connection goes on.
    pub(super) fn send_pieces(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        pieces: Pieces,
        framing: BodyFraming,
    ) -> Option<After> {
        let pipe: Rc<RefCell<Pipe>> = Rc::default();
        let tell = Tell::new(key, &self.told);
        let Pieces { stream, length: left } = pieces;
        let pump = Pump { stream, left, pipe: pipe.clone(), tell: tell.clone() };
        let path = self.watched_path(connection);
        let mut pump = Guarded::new(Box::pin(pump), &self.overseer).watched(path);
        // What is ready leaves together with the head; the rest is polled as a task, which registers
        // its waker then.
        let polled = Pin::new(&mut pump).poll(&mut Context::from_waker(Waker::noop()));
        let task = match polled {
            Poll::Ready(outcome) => {
                pipe.borrow_mut().end = Some(outcome.unwrap_or(End::Failed));
                None
            }
            Poll::Pending => {
                let pipe = pipe.clone();
                Some(self.executor.spawn(pump.then(move |outcome| {
                    pipe.borrow_mut().end = Some(outcome.unwrap_or(End::Failed));
                    tell.tell();
                })))
            }
        };
        let chunked = framing == BodyFraming::Chunked;
        connection.sending = Some(Box::new(Sending { pipe, chunked, _task: task }));
        self.take_pieces(core, key, connection)
    }

    /// Sends what a stream has yielded, if the socket has room, and finishes a body that has ended.
    pub(super) fn take_pieces(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> Option<After> {
        let Some(sending) = &connection.sending else { return None };
        let (pipe, chunked) = (sending.pipe.clone(), sending.chunked);
        while connection.unsent.is_none() {
            let Some(piece) = pipe.borrow_mut().pop() else { break };
            if !self.send_piece(core, key, connection, piece, chunked) {
                return Some(After::Close);
            }
        }
        let mut pipe = pipe.borrow_mut();
        pipe.blocked = connection.unsent.is_some();
        if pipe.has_room()
            && let Some(waker) = pipe.waker.take()
        {
            waker.wake();
        }
        if pipe.blocked || !pipe.pieces.is_empty() {
            return None;
        }
        let end = pipe.end?;
        drop(pipe);
        self.finish_pieces(core, key, connection, end)
    }

    /// False if the connection is broken.
    fn send_piece(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        piece: Bytes,
        chunked: bool,
    ) -> bool {
        let tail = if chunked { encode::CHUNK_END } else { b"" };
        if chunked {
            encode::chunk_header(&mut self.out, piece.len());
        }
        if piece.len() <= COPY_UP_TO {
            self.out.extend_from_slice(&piece);
            self.out.extend_from_slice(tail);
            return self.out.len() < OUT_BYTES || self.flush(core, key, connection);
        }
        self.send(core, key, connection, piece, tail)
    }

    fn finish_pieces(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        end: End,
    ) -> Option<After> {
        let chunked = connection.sending.take().is_some_and(|sending| sending.chunked);
        if end == End::Failed {
            self.counts.failed_bodies.fetch_add(1, Ordering::Relaxed);
            connection.refused = true;
            return Some(self.end(core, key, connection));
        }
        if chunked {
            self.out.extend_from_slice(encode::LAST_CHUNK);
        }
        connection.http.response_done();
        None
    }

    /// A stream has yielded something, or ended.
    pub(super) fn pieces_came(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        match self.take_pieces(core, key, connection) {
            Some(after) => after,
            None => self.advance(core, key, connection),
        }
    }
}

#[cfg(test)]
mod tests;
