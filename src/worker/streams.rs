//! Where HTTP ends and a stream begins: hands a connection over to the fan-out, and lends the fan-out
//! the engine's sockets for its rounds. How long a stream may be silent is in `beats`, what ends it in
//! `endings`.

use super::Worker;
use super::connection::{After, HttpConnection, Live, Phase};
use super::guarded::Guarded;
use super::handlers::HandlerId;
use super::respond::unsendable;
use crate::guard::Panicked;
use crate::response::Response;
use crate::sse::{Farewell, Opening, StreamHandler, resume};
use crate::stats::WorkerCounts;
use bytes::Bytes;
use headwater_engine as engine;
use headwater_engine::{Core, Key};
use headwater_http::encode::BodyFraming;
use headwater_sse::{self as sse, Disconnect, Framing, Over, Resumed, StreamId};
use smallvec::SmallVec;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Lets publishers wake this core.
pub(super) struct RingWake {
    pub(super) wake: Arc<dyn engine::Wake>,
    pub(super) counts: Arc<WorkerCounts>,
}

impl sse::Wake for RingWake {
    fn wake(&self) {
        self.counts.wakes.fetch_add(1, Ordering::Relaxed);
        self.wake.wake();
    }
}

/// The engine's sockets as the fan-out sees them.
struct Sockets<'a, 'core>(&'a mut Core<'core>);

impl sse::Egress for Sockets<'_, '_> {
    fn send(&mut self, batch: &mut [sse::Attempt<'_>]) {
        // Few most of the time: what handlers send, and heartbeats.
        let mut attempts: SmallVec<[engine::Attempt<'_>; 8]> = (batch.iter())
            .map(|attempt| engine::Attempt::new(Key::from_u64(attempt.to), attempt.slices))
            .collect();
        self.0.send(&mut attempts);
        let mut bytes = 0;
        for (attempt, made) in batch.iter_mut().zip(&attempts) {
            attempt.outcome = match made.outcome {
                engine::Outcome::Sent(sent) => {
                    bytes += sent as u64;
                    sse::Outcome::Sent(sent)
                }
                engine::Outcome::Gone => sse::Outcome::Gone,
            };
        }
        self.0.count_sent(bytes);
    }

    fn peer_addr(&mut self, to: u64) -> Option<SocketAddr> {
        self.0.peer_addr(Key::from_u64(to))
    }

    fn unsent_bytes(&mut self, to: u64) -> Option<usize> {
        self.0.unsent_bytes(Key::from_u64(to))
    }
}

impl Worker {
    /// Turns a connection into a stream. Its head is sent once its place in the brokers' order is
    /// fixed, with the first round.
    pub(super) fn detach(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        response: &Response,
        opening: &mut Opening,
    ) -> Option<After> {
        // What the hook's client was closed for last counts, too.
        self.obey();
        let draining = self.drain_until.is_some();
        let refused = if draining && !opening.reconnects {
            Some(Disconnect::Drain)
        } else {
            (!self.may_begin(opening)).then_some(Disconnect::Overloaded)
        };
        if refused.is_some() {
            opening.would_end(refused);
            let unavailable = Response::unavailable("no new streams now\n");
            return self.respond(core, key, connection, unavailable);
        }
        let framed = BodyFraming::Chunked;
        if let Err(error) = self.write_head(core.now(), connection, response, framed, true) {
            opening.would_end(Some(Disconnect::Failed));
            return self.respond(core, key, connection, unsendable(error));
        }
        let head = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        let (stream, client) = self.open_stream(key, connection, head, opening);
        core.detach(key);
        core.cancel(key);
        let settings = opening.settings.clone();
        let farewell = opening.farewell.take().or_else(|| {
            let hook = settings.on_disconnect.clone()?;
            Some(Farewell::new(hook, client.clone()?))
        });
        for (broker, first) in opening.way.rest.drain(..).filter(|_| !draining) {
            if let Some(client) = &client {
                let resuming = resume(client.clone(), broker, first, settings.clone());
                self.start_driver(stream, Box::pin(resuming), None);
            }
        }
        let handler = opening.way.handler.take().filter(|_| !draining).zip(client);
        let handler = handler.map(|(handler, client)| {
            let path = self.watched_path(connection);
            if let Some(replaying) = opening.replaying.take() {
                replaying.attach(&client);
                let driver = Box::pin(replaying.drive(client, handler, settings.clone()));
                return self.start_driver(stream, driver, path);
            }
            self.start_handler(stream, handler, client, path)
        });
        let beat = self.beat(settings.heartbeat);
        self.plan_beat(core, key, beat, 0);
        self.attach(core.now(), key, &settings, farewell, handler);
        if draining {
            self.end_stream(stream, Disconnect::Drain);
        }
        if connection.peer_finished {
            self.fanout.borrow_mut().gone(stream, Disconnect::ClientGone);
            self.stream_ended(key);
            return Some(After::Close);
        }
        Some(After::Stream(Live { id: stream, beat, finishes: settings.finishes_in_drain }))
    }

    /// Whether a stream can be made of what was prepared: all hubs have a seat for this core, and the
    /// client was not closed as too slow while `on_connect` worked with it.
    fn may_begin(&self, opening: &Opening) -> bool {
        let mut fanout = self.fanout.borrow_mut();
        opening.held.as_ref().is_none_or(|held| fanout.is_held(held.stream()))
            && opening.way.brokers.iter().all(|broker| fanout.join_hub_of(broker).is_ok())
    }

    /// Makes a stream of what was prepared, and a handle to it where somebody needs one.
    fn open_stream(
        &mut self,
        key: Key,
        connection: &HttpConnection,
        head: Bytes,
        opening: &mut Opening,
    ) -> (StreamId, Option<sse::Client>) {
        let framing = match connection.asked.version {
            headwater_http::Version::Http10 => Framing::Plain,
            headwater_http::Version::Http11 => Framing::Chunked,
        };
        let mut fanout = self.fanout.borrow_mut();
        let (config, to) = (&opening.settings.client, key.to_u64());
        let stream = match opening.held.take() {
            Some(admitted) => {
                let stream = admitted.release();
                let is_there = fanout.admit(stream, to, head);
                debug_assert!(is_there, "it was held a moment ago");
                stream
            }
            None => fanout.open(to, framing, head, config, opening.origin.clone()),
        };
        let brokers = &opening.way.brokers;
        let mut subscribed = 0;
        for broker in brokers {
            let after = opening.way.after.take();
            let resumed = fanout.subscribe_from(stream, broker, after);
            subscribed += usize::from(!matches!(resumed, Resumed::Refused(_)));
            if matches!(resumed, Resumed::Rest(_) | Resumed::Unknown(_)) {
                opening.way.rest.push((broker.clone(), resumed));
            }
        }
        if subscribed == 0 && !brokers.is_empty() {
            // Closed a moment ago: the stream ends as it began.
            fanout.close(stream, Disconnect::BrokerClosed);
        }
        let wanted = opening.way.handler.is_some()
            || !opening.way.rest.is_empty()
            || opening.settings.on_disconnect.is_some();
        (stream, wanted.then(|| fanout.client(stream)))
    }

    fn start_handler(
        &mut self,
        stream: StreamId,
        handler: StreamHandler,
        client: sse::Client,
        path: Option<Rc<[u8]>>,
    ) -> HandlerId {
        let returned = self.returned.clone();
        // A panic is counted there, and ends this stream and nothing else.
        let running = Guarded::new(handler(client), &self.overseer).watched(path);
        self.handlers.start(&self.executor, move |id| {
            running.then(move |outcome| {
                let why = match outcome {
                    Ok(()) => Disconnect::Done,
                    Err(Panicked) => Disconnect::Failed,
                };
                returned.borrow_mut().push_back((id, Some((stream, why))));
            })
        })
    }

    /// Starts what says itself how its stream ends, or that it goes on.
    fn start_driver(
        &mut self,
        stream: StreamId,
        driver: Pin<Box<dyn Future<Output = Option<Disconnect>>>>,
        path: Option<Rc<[u8]>>,
    ) -> HandlerId {
        let returned = self.returned.clone();
        let running = Guarded::new(driver, &self.overseer).watched(path);
        self.handlers.start(&self.executor, move |id| {
            running.then(move |outcome| {
                let why = outcome.unwrap_or(Some(Disconnect::Failed));
                returned.borrow_mut().push_back((id, why.map(|why| (stream, why))));
            })
        })
    }

    /// Carries out what handles of clients were used for on this core.
    fn obey(&self) {
        let mut fanout = self.fanout.borrow_mut();
        while let Some(command) = self.executor.next_command() {
            fanout.command(command);
        }
    }

    /// One turn of everything that streams need. True if there is more to do at once.
    pub(super) fn serve_streams(&mut self, core: &mut Core<'_>) -> bool {
        let now = self.ticks(core);
        // First, so that a handler that subscribed gets what was published since.
        self.obey();
        let mut fanout = self.fanout.borrow_mut();
        // Then, so that a stream whose handler returned gets what was published before that.
        fanout.absorb();
        for (id, stream) in self.returned.borrow_mut().drain(..) {
            self.handlers.returned(id);
            if let Some((stream, why)) = stream {
                fanout.close(stream, why);
            }
        }
        drop(fanout);
        self.end_due_streams(core.now());
        self.door.clear();
        let mut fanout = self.fanout.borrow_mut();
        let more = fanout.round(&mut Sockets(core), now);
        drop(fanout);
        self.watch_stuck_ends(core);
        loop {
            let Some(over) = self.fanout.borrow_mut().next_over() else { return more };
            self.stream_over(core, over);
        }
    }

    /// A stream ended by itself: its socket is closed in order, or at once where it is broken.
    fn stream_over(&mut self, core: &mut Core<'_>, over: Over) {
        let key = Key::from_u64(over.to);
        let Some(slot) = self.slot(key) else { return };
        slot.phase = Phase::Lingering;
        self.stream_ended(key);
        if over.broken {
            return self.close(core, key);
        }
        self.linger(core, key);
    }
}
