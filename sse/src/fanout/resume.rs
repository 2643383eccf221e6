//! Streams that are given what they missed: pages of a broker's store become owed, and then the stream
//! joins the broker at the place in the ring that follows. What comes next is the broker's journal's to
//! say; reading a store that blocks is done by tasks.

use super::block::frames;
use super::hold::NOWHERE;
use super::owed::RUN;
use super::stream::StreamId;
use super::{Fanout, SubscribeError};
use crate::broker::{Broker, BrokerShared, Cursor, Splice};
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use std::sync::Arc;

/// How far a stream got.
pub(crate) enum Step {
    /// It has all that there is, and gets what comes.
    Live,
    /// There is more, once it has this.
    More(Cursor),
    /// The store has to be asked where that may take its time.
    Ask(Cursor),
    /// It is ahead of what is sent.
    Wait(Cursor),
    /// The stream is held, and this is more than it may be owed until it begins.
    NotBegun,
    Unknown(StoreError),
    Refused(SubscribeError),
}

/// What a stream that begins got of what it missed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Resumed {
    /// All: it gets what comes.
    Live,
    /// Not all yet: a task has to go on, see [`Follow`](crate::Follow).
    Rest(crate::Follow),
    /// It cannot be told what it missed.
    Unknown(StoreError),
    /// It cannot get this broker's events.
    Refused(SubscribeError),
}

impl Fanout {
    /// Lets a stream receive what a broker with a store has published after this event, and then what comes;
    /// without an event what comes, and the newest ones if the store says so. As
    /// [`Fanout::subscribe`] where the broker has no store.
    pub fn subscribe_from(
        &mut self,
        id: StreamId,
        broker: &Broker,
        after: Option<EventId>,
    ) -> Resumed {
        if broker.shared.journal.is_none() {
            return self.subscribe(id, broker).map_or_else(Resumed::Refused, |()| Resumed::Live);
        }
        let rest = |fanout: &mut Self, cursor, asks| {
            Resumed::Rest(crate::Follow::new(fanout.client(id), broker.clone(), cursor, asks))
        };
        let cursor = Cursor::new(after);
        // What the client was sent before comes first.
        let waits = self
            .get(id)
            .and_then(|stream| stream.client.as_ref())
            .is_some_and(|client| client.waits());
        if waits {
            return rest(self, cursor, false);
        }
        match self.resume_step(id, &broker.shared, cursor, &[], 0) {
            Step::Live => Resumed::Live,
            Step::More(cursor) | Step::Wait(cursor) => rest(self, cursor, false),
            Step::Ask(cursor) => rest(self, cursor, true),
            // Whoever opens streams does so with their sockets.
            Step::NotBegun => Resumed::Refused(SubscribeError::StreamOver),
            Step::Unknown(error) => Resumed::Unknown(error),
            Step::Refused(error) => Resumed::Refused(error),
        }
    }

    /// Gives a stream a page that was read for it, and what else it lacks if that is known here.
    pub(super) fn resume_step(
        &mut self,
        id: StreamId,
        broker: &Arc<BrokerShared>,
        cursor: Cursor,
        page: &[PreparedEvent],
        number: u32,
    ) -> Step {
        if !self.is_open(id) {
            return Step::Refused(SubscribeError::StreamOver);
        }
        // A seat in the hub, so that nothing is missed between a page and what comes.
        if let Err(error) = self.join_shared(&broker.hub) {
            return Step::Refused(error);
        }
        if self.is_subscribed(id, broker) {
            // It gets what comes, and would get the same again.
            let joined = self.subscribe_shared(id, broker, None, number);
            return joined.map_or_else(Step::Refused, |()| Step::Live);
        }
        self.owe_missed(id.index, page);
        let Some(journal) = &broker.journal else {
            return Step::Refused(SubscribeError::BrokerClosed);
        };
        let is_held = self.streams[id.index as usize].to == NOWHERE;
        match journal.splice(broker, &cursor) {
            Ok(Splice::More(..) | Splice::Ask | Splice::Wait) if is_held => Step::NotBegun,
            Ok(Splice::Wait) => Step::Wait(cursor),
            Ok(Splice::More(events, cursor)) => {
                self.owe_missed(id.index, &events);
                Step::More(cursor)
            }
            Ok(Splice::Ask) if !page.is_empty() => Step::More(cursor),
            Ok(Splice::Ask) => Step::Ask(cursor),
            Ok(Splice::Live(events, position)) => {
                self.owe_missed(id.index, &events);
                let joined = self.subscribe_shared(id, broker, Some(position), number);
                joined.map_or_else(Step::Refused, |()| Step::Live)
            }
            Err(error) => Step::Unknown(error),
        }
    }

    fn is_subscribed(&self, id: StreamId, broker: &BrokerShared) -> bool {
        let stream = &self.streams[id.index as usize];
        let topic = self.known_topic(broker, stream.framing);
        topic.is_some_and(|topic| stream.subscriptions.find(topic).is_some())
    }

    /// Events become owed that the stream's client was not sent by anybody here. They count as its own:
    /// no broker drops them, and who waits for the client's events to leave waits for them.
    fn owe_missed(&mut self, index: u32, events: &[PreparedEvent]) {
        if events.is_empty() {
            return;
        }
        let stream = &mut self.streams[index as usize];
        let framing = stream.framing;
        let mut bytes = 0;
        let owed = stream.owed();
        frames(framing, events, RUN, |framed, lens| {
            bytes += framed.len();
            owed.push_own(framed, lens);
        });
        self.owed_bytes += bytes;
        self.own_bytes += bytes;
        if let Some(client) = &self.streams[index as usize].client {
            client.note_sent(events.len() as u64);
        }
        self.enqueue(index);
    }
}
