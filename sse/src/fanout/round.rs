//! The rounds: one attempt per subscriber and round with everything from its cursor to the tail, in
//! batches, so that completions and other brokers are served in between; quiet brokers share a batch.
//! What came of the attempts is noted in `settle`.

use super::Fanout;
use super::batch::Batch;
use super::egress::Egress;
use super::topic::Topic;
use std::sync::atomic::Ordering;

/// Attempts between two looks at completions, once for what is owed and once for brokers' news.
pub(super) const BATCH: usize = 256;
/// Subscribers looked at in the same time, whether or not they need an attempt.
const LOOK_AT: usize = 4096;
/// About how many bytes one attempt offers.
pub(super) const ATTEMPT_BYTES: usize = 256 * 1024;

impl Fanout {
    /// Makes one batch of attempts for streams that are owed something, and one for brokers with
    /// news, and gives some streams that stay stuck memory of their own. True if more is to be done at once.
    pub fn round(&mut self, egress: &mut dyn Egress, now: u32) -> bool {
        self.flush_batch(egress, now);
        if !self.ready.is_empty() {
            self.news_batch(egress, now);
        }
        let more = self.compact_some();
        self.counts.owed_bytes.store(self.owed_bytes, Ordering::Relaxed);
        self.tell_stalled_at(now, egress);
        self.look(egress);
        more || !self.flush.is_empty() || !self.ready.is_empty()
    }

    fn news_batch(&mut self, egress: &mut dyn Egress, now: u32) {
        let mut batch = self.batch.take().unwrap_or_default();
        let mut looks = LOOK_AT;
        // Each topic once.
        for _ in 0..self.ready.len() {
            if batch.is_full() || looks == 0 {
                break;
            }
            let Some(topic) = self.ready.pop_front() else { break };
            self.pick(topic, &mut looks, &mut batch);
        }
        if !batch.picks.is_empty() {
            let (mut slices, mut attempts) = batch.buffers.lend();
            batch.fill(&self.topics, &mut slices);
            batch.offer(&slices, &mut attempts);
            egress.send(&mut attempts);
            self.counts.sends.fetch_add(attempts.len() as u64, Ordering::Relaxed);
            batch.answered(&attempts);
            batch.buffers.take_attempts(attempts);
            batch.buffers.take_slices(slices);
        }
        self.settle(&mut batch, now);
        batch.clear();
        self.batch = Some(batch);
    }

    /// Chooses whom of a topic to serve next, and who has to wait for what they are owed already, while
    /// the batch has room and subscribers may be looked at.
    fn pick(&mut self, index: u32, looks: &mut usize, batch: &mut Batch) {
        let Self { topics, streams, .. } = self;
        let Topic { log, live, circle, .. } = &mut topics[index as usize];
        // A topic that all have left costs a look, too.
        *looks -= 1;
        while *looks > 0 && circle.visited < live.len() {
            if circle.position >= live.len() {
                circle.position = 0;
            }
            // To the end of the list, and then from its beginning.
            let rest = &live[circle.position..];
            let most = rest.len().min(live.len() - circle.visited).min(*looks);
            let looked = batch.pick(index, log.tail(), (&rest[..most], circle.position), streams);
            circle.position += looked;
            circle.visited += looked;
            *looks -= looked;
            if looked < most {
                break;
            }
        }
        batch.topics.push(index);
    }
}
