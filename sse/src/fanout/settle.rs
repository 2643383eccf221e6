//! What follows from the answers to a batch of attempts: cursors move, sockets that refused are owed the
//! rest, broken ones end, and logs forget what all have. What a subscriber may be owed is decided in
//! `lag`.

use super::batch::{Batch, Pick, Span, Unfinished};
use super::egress::Outcome;
use super::stream::{List, Place};
use super::topic::Topic;
use super::{Disconnect, Fanout};
use std::sync::atomic::Ordering;

impl Fanout {
    /// Notes what the attempts came to. Nobody changes place in a topic before all that is told by
    /// places has been noted.
    pub(super) fn settle(&mut self, batch: &mut Batch, now: u32) {
        let mut delivered = self.move_on(batch, now);
        let mut gone = Vec::new();
        for at in 0..batch.unfinished.len() {
            let Unfinished { pick, span, outcome } = batch.unfinished[at];
            delivered -= batch.spans[span].events;
            match outcome {
                Outcome::Gone => gone.push(batch.picks[pick].stream),
                Outcome::Sent(sent) => delivered += self.sent_in_part(batch, pick, span, sent),
            }
        }
        self.counts.delivered.fetch_add(delivered, Ordering::Relaxed);
        for stream in gone {
            self.finish(stream, Disconnect::ClientGone, true);
        }
        for at in 0..batch.lagging.len() {
            let (topic, stream) = batch.lagging[at];
            self.owe_news(topic, stream);
        }
        for &topic in &batch.topics {
            self.end_of_batch(topic);
        }
    }

    /// Moves all cursors as if everything had been taken; who took less is corrected afterwards. Returns
    /// how many events that would be.
    fn move_on(&mut self, batch: &Batch, now: u32) -> u64 {
        let Self { topics, streams, .. } = self;
        let mut delivered = 0;
        for run in &batch.runs {
            let span = &batch.spans[run.span];
            let Topic { log, live, circle, .. } = &mut topics[span.topic as usize];
            // More than one attempt's worth: they get another.
            circle.disturbed |= span.to < log.tail();
            for pick in &batch.picks[run.picks.clone()] {
                let stream = &mut streams[pick.stream as usize];
                stream.in_batch = false;
                // Of one that took nothing, too: it is owed something now, and before it is owed nothing
                // again, some bytes will have left.
                stream.last_sent = now;
                live[pick.position].move_to(span.to);
            }
            delivered += span.events * run.picks.len() as u64;
        }
        delivered
    }

    /// A socket took less than it was offered. Returns how many events it took.
    #[cold]
    fn sent_in_part(&mut self, batch: &mut Batch, pick: usize, span: usize, sent: usize) -> u64 {
        let Pick { position, stream, .. } = batch.picks[pick];
        let Span { topic, from, to, .. } = batch.spans[span];
        let reached = from + sent as u64;
        let delivered = self.topics[topic as usize].log.count(from, reached);
        if self.refused(stream, Place::new(topic, position, List::Live), reached, to) {
            batch.lagging.push((topic, stream));
        }
        delivered as u64
    }

    /// Goes on with the circle, or ends it: what all have may be forgotten.
    fn end_of_batch(&mut self, index: u32) {
        let topic = &mut self.topics[index as usize];
        let (before, tail) = (topic.log.len(), topic.log.tail());
        if topic.live.is_empty() {
            topic.release(tail);
            topic.circle.queued = false;
        } else if topic.circle.visited >= topic.live.len() {
            if topic.circle.disturbed {
                topic.circle.again();
            } else {
                topic.release(topic.circle.target);
                topic.circle.queued = topic.circle.target < tail;
                if topic.circle.queued {
                    topic.circle.begin(tail, topic.live.len());
                }
            }
        }
        self.log_bytes -= before - topic.log.len();
        if topic.circle.queued {
            self.ready.push_back(index);
        } else {
            self.drop_topic_if_unused(index);
        }
    }
}
