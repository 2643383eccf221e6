//! Sends what streams are owed, before anything else goes to them: heads, heartbeats, a client's own
//! events, terminal chunks, and what a socket refused of a broker's.

use super::batch::{Batch, Offer};
use super::block::frame;
use super::egress::{Attempt, Egress, Outcome};
use super::hold::NOWHERE;
use super::owed::Of;
use super::round::BATCH;
use super::stream::Life;
use super::{Disconnect, Fanout};
use crate::client::Queued;
use bytes::Bytes;
use std::sync::atomic::Ordering;

/// Queued events of one client taken at a time.
const PULL_BYTES: usize = 64 * 1024;
/// The same while its stream is owed something else: their share of a socket that is never done.
const SHARE_BYTES: usize = 16 * 1024;

impl Fanout {
    /// Adds something that is no event to what a stream is owed.
    pub(super) fn push(&mut self, index: u32, bytes: Bytes) {
        if !bytes.is_empty() {
            self.owed_bytes += bytes.len();
            self.streams[index as usize].owed().push(Of::Other, bytes);
            self.enqueue(index);
        }
    }

    /// Adds an event that a client sends itself.
    pub(super) fn push_queued(&mut self, index: u32, queued: &Queued) {
        let stream = &mut self.streams[index as usize];
        let notice = queued.notice.as_deref().map(|notice| (Of::Other, notice));
        for (of, event) in notice.into_iter().chain([(Of::Own, &queued.event)]) {
            let framed = frame(stream.framing, event.bytes());
            self.owed_bytes += framed.len();
            self.own_bytes += if of == Of::Own { framed.len() } else { 0 };
            stream.owed().push_allocated(of, framed);
        }
    }

    /// Puts a stream into the flush queue, unless its socket is known to be full.
    pub(super) fn enqueue(&mut self, index: u32) {
        let stream = &mut self.streams[index as usize];
        if !stream.queued && !stream.blocked && stream.owed.is_some() {
            stream.queued = true;
            self.flush.push_back(index);
        }
    }

    /// Takes what a client queued, once what was taken before has left: that is the client's back-pressure.
    /// One that is held has not begun, and is owed that first.
    pub(super) fn pull(&mut self, index: u32) {
        let stream = &self.streams[index as usize];
        let Some(client) = stream.client.clone() else { return };
        let most = match &stream.owed {
            None => PULL_BYTES,
            Some(owed) if stream.to == NOWHERE => PULL_BYTES.saturating_sub(owed.bytes()),
            Some(owed) if owed.has_own() => 0,
            Some(_) => SHARE_BYTES,
        };
        let mut pulled = 0;
        while pulled < most {
            let Some(queued) = client.pull() else { break };
            pulled += queued.event.len();
            self.push_queued(index, &queued);
        }
        self.enqueue(index);
    }

    /// Makes one batch of attempts for streams that are owed something.
    pub(super) fn flush_batch(&mut self, egress: &mut dyn Egress, now: u32) {
        if self.flush.is_empty() {
            return;
        }
        let mut batch = self.batch.take().unwrap_or_default();
        let mut offers = std::mem::take(&mut batch.offers);
        self.pick_owed(&mut offers);
        if !offers.is_empty() {
            self.offer_owed(&mut offers, &mut batch, egress);
        }
        for Offer { stream, bytes, outcome, .. } in offers.drain(..) {
            match outcome {
                Outcome::Gone => self.finish(stream, Disconnect::ClientGone, true),
                Outcome::Sent(sent) => self.flushed(stream, sent, bytes, now),
            }
        }
        batch.offers = offers;
        self.batch = Some(batch);
    }

    /// Makes an attempt of every offer, and notes what came of it.
    fn offer_owed(&self, offers: &mut [Offer], batch: &mut Batch, egress: &mut dyn Egress) {
        let (mut slices, mut attempts) = batch.buffers.lend();
        for offer in &mut *offers {
            let begin = slices.len();
            let owed = self.streams[offer.stream as usize].owed.as_ref();
            offer.bytes = owed.map_or(0, |owed| owed.slices(&mut slices));
            offer.slices = begin..slices.len();
        }
        attempts.extend(offers.iter().map(|offer| Attempt {
            to: offer.to,
            slices: &slices[offer.slices.clone()],
            outcome: Outcome::Sent(0),
        }));
        egress.send(&mut attempts);
        self.counts.sends.fetch_add(attempts.len() as u64, Ordering::Relaxed);
        for (offer, attempt) in offers.iter_mut().zip(&attempts) {
            offer.outcome = attempt.outcome;
        }
        batch.buffers.take_attempts(attempts);
        batch.buffers.take_slices(slices);
    }

    /// Takes streams out of the flush queue. An entry may be stale: its stream is gone, or the
    /// number is another's now, which has an entry of its own.
    fn pick_owed(&mut self, picks: &mut Vec<Offer>) {
        while picks.len() < BATCH {
            let Some(index) = self.flush.pop_front() else { break };
            let Some(stream) = self.streams.get_mut(index as usize) else { continue };
            if std::mem::take(&mut stream.queued) && stream.owed.is_some() && !stream.blocked {
                let (to, stream, outcome) = (stream.to, index, Outcome::Sent(0));
                picks.push(Offer { to, stream, bytes: 0, slices: 0..0, outcome });
            }
        }
    }

    /// A stream's owed bytes went out, or some of them.
    fn flushed(&mut self, index: u32, sent: usize, offered: usize, now: u32) {
        let stream = &mut self.streams[index as usize];
        let Some(owed) = &mut stream.owed else { return };
        self.owed_bytes -= sent;
        self.own_bytes -= owed.bytes_of_own();
        let left = owed.sent(sent);
        self.own_bytes += owed.bytes_of_own();
        let goes_on = left.own > 0 && !owed.has_own() && !owed.is_empty();
        if sent > 0 {
            stream.last_sent = now;
            self.counts.delivered.fetch_add(left.events as u64, Ordering::Relaxed);
        }
        if left.own > 0
            && let Some(client) = &stream.client
        {
            client.flushed(left.own);
        }
        if sent < offered {
            stream.blocked = true;
            match stream.life {
                Life::Closing(Disconnect::Slow) => return self.end_slow(index),
                Life::Closing(_) => self.note_stuck_end(index),
                Life::Open => {}
            }
            self.note_refused(index);
        } else if owed.is_empty() {
            if let Some(owed) = stream.owed.take() {
                self.forget_owed(&owed);
            }
            return self.caught_up(index);
        }
        if sent > 0 {
            self.end_drops(index);
        }
        if goes_on {
            self.pull(index);
        }
        self.enqueue(index);
    }

    /// Nothing is owed any more: the stream ends if it was closing, or goes on at the tail.
    fn caught_up(&mut self, index: u32) {
        if let Life::Closing(why) = self.streams[index as usize].life {
            return self.finish(index, why, false);
        }
        self.end_episodes(index);
        self.pull(index);
    }
}
