//! Where HTTP ends and a stream begins: hands a connection over to the fan-out, and lends the fan-out
//! the engine's sockets for its rounds.

use super::Worker;
use super::connection::{After, HttpConnection, Phase};
use super::guarded::Guarded;
use super::held::Watch;
use super::respond::unsendable;
use crate::response::Response;
use crate::sse::Opening;
use bytes::Bytes;
use headwater_engine as engine;
use headwater_engine::{Core, Key};
use headwater_http::encode::BodyFraming;
use headwater_sse::{self as sse, Disconnect, Framing, Over, StreamId};
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// No heartbeat.
const NO_BEAT: u16 = u16::MAX;
/// Heartbeats are planned in quarters of their interval.
const QUARTERS: u32 = 4;
/// One tick of the fan-out's clock; 2^32 of them are 6.8 years.
const TICK_MILLIS: u128 = 50;

/// Lets publishers wake this core.
pub(super) struct RingWake(pub(super) Arc<dyn engine::Wake>);

impl sse::Wake for RingWake {
    fn wake(&self) {
        self.0.wake();
    }
}

/// What a stream's client is told of its request.
struct Asked {
    last_event_id: Option<sse::EventId>,
}

impl sse::Origin for Asked {
    fn last_event_id(&self) -> Option<&sse::EventId> {
        self.last_event_id.as_ref()
    }
}

/// The engine's sockets as the fan-out sees them.
struct Sockets<'a, 'core>(&'a mut Core<'core>);

impl sse::Egress for Sockets<'_, '_> {
    fn send(&mut self, batch: &mut [sse::Attempt<'_>]) {
        let mut attempts: Vec<engine::Attempt<'_>> = (batch.iter())
            .map(|attempt| engine::Attempt::new(Key::from_u64(attempt.to), attempt.slices))
            .collect();
        self.0.send(&mut attempts);
        for (attempt, made) in batch.iter_mut().zip(&attempts) {
            attempt.outcome = match made.outcome {
                engine::Outcome::Sent(sent) => sse::Outcome::Sent(sent),
                engine::Outcome::Gone => sse::Outcome::Gone,
            };
        }
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
        opening: Opening,
    ) -> Option<After> {
        let seated = |broker: &sse::Broker| self.fanout.borrow_mut().join_hub_of(broker).is_ok();
        if self.drain_until.is_some() || !opening.brokers.iter().all(seated) {
            let unavailable = "no new streams now\n";
            let unavailable = Response::plain(StatusCode::SERVICE_UNAVAILABLE, unavailable);
            return self.respond(core, key, connection, unavailable);
        }
        let framing = match connection.asked.version {
            headwater_http::Version::Http10 => Framing::Plain,
            headwater_http::Version::Http11 => Framing::Chunked,
        };
        let framed = BodyFraming::Chunked;
        if let Err(error) = self.write_head(core.now(), connection, response, framed, true) {
            return self.respond(core, key, connection, unsendable(error));
        }
        let head = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        let mut fanout = self.fanout.borrow_mut();
        let config = sse::ClientConfig::new().ends_with_brokers(!opening.brokers.is_empty());
        let origin = Arc::new(Asked { last_event_id: opening.last_event_id });
        let to = key.to_u64();
        let stream = fanout.open(to, framing, head, &Arc::new(config), Some(origin));
        for broker in &opening.brokers {
            if fanout.subscribe(stream, broker).is_err() {
                // Closed a moment ago: the stream ends as it began.
                fanout.close(stream, Disconnect::BrokerClosed);
            }
        }
        let client = opening.handler.map(|handler| (handler, fanout.client(stream)));
        drop(fanout);
        core.detach(key);
        if let Some((handler, client)) = client {
            let watch = self.watch_handler(connection);
            self.start_handler(stream, handler, client, watch);
        }
        let beat = opening.heartbeat.map_or(NO_BEAT, |silence| self.beat(silence));
        core.cancel(key);
        self.plan_beat(core, key, beat, 0);
        if connection.peer_finished {
            self.fanout.borrow_mut().gone(stream, Disconnect::ClientGone);
            return Some(After::Close);
        }
        Some(After::Stream(stream, beat))
    }

    fn start_handler(
        &mut self,
        stream: StreamId,
        handler: crate::sse::StreamHandler,
        client: sse::Client,
        watch: Watch,
    ) {
        let returned = self.returned.clone();
        let counts = self.counts.clone();
        let place = self.handlers.vacant_entry();
        let at = place.key();
        place.insert(self.executor.spawn(async move {
            // A panic is counted there, and ends this stream and nothing else.
            let running = Box::pin(async move { handler(client).await });
            Guarded::new(running, counts).watched(watch).await.ok();
            returned.borrow_mut().push_back((at, Some(stream)));
        }));
    }

    /// One turn of everything that streams need. True if there is more to do at once.
    pub(super) fn serve_streams(&mut self, core: &mut Core<'_>) -> bool {
        let now = self.ticks(core);
        let mut fanout = self.fanout.borrow_mut();
        // First, so that a handler that subscribed gets what was published since.
        while let Some(command) = self.executor.next_command() {
            fanout.command(command);
        }
        // Then, so that a stream whose handler returned gets what was published before that.
        fanout.absorb();
        for (place, stream) in self.returned.borrow_mut().drain(..) {
            drop(self.handlers.remove(place));
            if let Some(stream) = stream {
                fanout.close(stream, Disconnect::Done);
            }
        }
        let more = fanout.round(&mut Sockets(core), now);
        drop(fanout);
        loop {
            let Some(over) = self.fanout.borrow_mut().next_over() else { return more };
            self.stream_over(core, over);
        }
    }

    /// A stream ended by itself: its socket is closed in order, or at once where it is broken.
    fn stream_over(&mut self, core: &mut Core<'_>, over: Over) {
        let key = Key::from_u64(over.to);
        let Some(slot) = self.slot(key) else { return };
        if over.broken {
            return self.close(core, key);
        }
        slot.phase = Phase::Lingering;
        self.linger(core, key);
    }

    /// A look at a stream that may have been silent for long enough.
    pub(super) fn heartbeat(&mut self, core: &mut Core<'_>, key: Key, id: StreamId, beat: u16) {
        let now = self.ticks(core);
        let silence = in_ticks(self.beats[usize::from(beat)]);
        let last = self.fanout.borrow_mut().heartbeat(id, now.saturating_sub(silence), now);
        if let Some(last) = last {
            self.plan_beat(core, key, beat, now - last);
        }
    }

    /// Plans the next look, `passed` ticks after bytes last left, a quarter of the interval late at
    /// most.
    fn plan_beat(&mut self, core: &mut Core<'_>, key: Key, beat: u16, passed: u32) {
        let Some(&silence) = self.beats.get(usize::from(beat)) else { return };
        let quarter = silence / QUARTERS;
        let passed = u128::from(passed) * TICK_MILLIS * u128::from(QUARTERS);
        let done = (passed / silence.as_millis().max(1)).min(u128::from(QUARTERS - 1));
        // Below four.
        let left = QUARTERS - u32::try_from(done).unwrap_or(0);
        // Many streams are looked at in one wake.
        let granularity = (silence / 16).min(Duration::from_secs(1));
        let class = core.class(quarter * left, granularity);
        core.arm(key, class);
    }

    /// The number of a heartbeat interval.
    fn beat(&mut self, silence: Duration) -> u16 {
        let known = self.beats.iter().position(|&beat| beat == silence);
        let at = known.unwrap_or_else(|| {
            self.beats.push(silence);
            self.beats.len() - 1
        });
        // Intervals are settings in code, not data: nobody writes 65,535 of them.
        u16::try_from(at).unwrap_or(NO_BEAT)
    }

    fn ticks(&self, core: &Core<'_>) -> u32 {
        in_ticks(core.now().saturating_duration_since(self.epoch))
    }
}

/// Whole ticks, 1 at least, so that nothing sent yet (0) is always longer ago.
fn in_ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / TICK_MILLIS).unwrap_or(u32::MAX).max(1)
}
