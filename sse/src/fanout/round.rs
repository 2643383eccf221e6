//! The rounds: one attempt per subscriber and round with everything from its cursor to the tail, in
//! batches, so that completions and other brokers are served in between. What becomes of a
//! subscriber whose socket refuses bytes is decided in `lag`.

use super::egress::{Attempt, Egress, Outcome};
use super::stream::{List, Place};
use super::topic::Topic;
use super::{Disconnect, Fanout};
use std::io::IoSlice;
use std::sync::atomic::Ordering;

/// Attempts between two looks at completions, once for what is owed and once for brokers' news.
pub(super) const BATCH: usize = 256;
/// Subscribers looked at in the same time, whether or not they need an attempt.
const LOOK_AT: usize = 4096;
/// About how many bytes one attempt offers.
const ATTEMPT_BYTES: usize = 256 * 1024;

/// What is left of a batch.
struct Left {
    attempts: usize,
    looks: usize,
}

/// A subscriber to make an attempt for.
struct Pick {
    stream: u32,
    to: u64,
    position: usize,
    list: usize,
}

/// The slices from one cursor to the tail. Nearly all subscribers share one cursor.
struct Span<'a> {
    from: u64,
    len: usize,
    slices: Vec<IoSlice<'a>>,
}

/// What came of an attempt for what was offered from a cursor on.
struct Answer {
    from: u64,
    offered: usize,
    outcome: Outcome,
}

impl Fanout {
    /// Makes one batch of attempts for streams that are owed something, and one for brokers with
    /// news, each of them once. True if more is to be done at once.
    pub fn round(&mut self, egress: &mut dyn Egress, now: u32) -> bool {
        self.flush_batch(egress, now);
        let mut left = Left { attempts: BATCH, looks: LOOK_AT };
        for _ in 0..self.ready.len() {
            if left.attempts == 0 || left.looks == 0 {
                break;
            }
            self.topic_batch(egress, now, &mut left);
        }
        self.counts.owed_bytes.store(self.owed_bytes, Ordering::Relaxed);
        self.tell_stalled_at(now, egress);
        self.look(egress);
        !self.flush.is_empty() || !self.ready.is_empty()
    }

    fn topic_batch(&mut self, egress: &mut dyn Egress, now: u32, left: &mut Left) {
        let Some(index) = self.ready.pop_front() else { return };
        let (picks, mut lagging) = self.pick(index, left);
        let spans = spans(&self.topics[index as usize], &picks);
        let mut attempts: Vec<Attempt<'_>> = (picks.iter())
            .map(|p| Attempt { to: p.to, slices: &spans[p.list].slices, outcome: Outcome::Sent(0) })
            .collect();
        if !attempts.is_empty() {
            egress.send(&mut attempts);
        }
        let answers: Vec<Answer> = (attempts.iter().zip(&picks))
            .map(|(attempt, pick)| (attempt.outcome, &spans[pick.list]))
            .map(|(outcome, span)| Answer { from: span.from, offered: span.len, outcome })
            .collect();
        drop(attempts);
        drop(spans);
        self.settle(index, &picks, &answers, &mut lagging, now);
        for stream in lagging {
            self.owe_news(index, stream);
        }
        self.end_of_batch(index);
    }

    /// Chooses whom to serve next, and who has to wait for what they are owed already.
    fn pick(&mut self, index: u32, left: &mut Left) -> (Vec<Pick>, Vec<u32>) {
        let topic = &mut self.topics[index as usize];
        let tail = topic.log.tail();
        let (mut picks, mut lagging) = (Vec::new(), Vec::new());
        // A topic that all have left costs a look, too.
        left.looks -= 1;
        while left.attempts > 0 && left.looks > 0 && topic.circle.visited < topic.live.len() {
            let circle = &mut topic.circle;
            if circle.position >= topic.live.len() {
                circle.position = 0;
            }
            let position = circle.position;
            circle.position += 1;
            circle.visited += 1;
            left.looks -= 1;
            let live = &topic.live[position];
            if live.cursor >= tail {
                continue;
            }
            let stream = &self.streams[live.stream as usize];
            if stream.owed.is_some() {
                lagging.push(live.stream);
            } else {
                left.attempts -= 1;
                picks.push(Pick { stream: live.stream, to: stream.to, position, list: 0 });
            }
        }
        // Equal cursors share their slices; the order of attempts stays.
        let mut cursors: Vec<u64> = Vec::new();
        for pick in &mut picks {
            let cursor = topic.live[pick.position].cursor;
            pick.list = cursors.iter().rposition(|&c| c == cursor).unwrap_or_else(|| {
                cursors.push(cursor);
                cursors.len() - 1
            });
        }
        (picks, lagging)
    }

    /// Notes what the attempts came to.
    fn settle(
        &mut self,
        index: u32,
        picks: &[Pick],
        answers: &[Answer],
        lagging: &mut Vec<u32>,
        now: u32,
    ) {
        let mut delivered = 0;
        let (mut gone, mut refused) = (Vec::new(), Vec::new());
        let mut counted = (u64::MAX, u64::MAX, 0);
        let Self { topics, streams, .. } = self;
        let topic = &mut topics[index as usize];
        for (pick, answer) in picks.iter().zip(answers) {
            let Outcome::Sent(sent) = answer.outcome else {
                gone.push(pick.stream);
                continue;
            };
            let (from, reached) = (answer.from, answer.from + sent as u64);
            if sent > 0 {
                streams[pick.stream as usize].last_sent = now;
                if counted.0 != from || counted.1 != reached {
                    counted = (from, reached, topic.log.count(from, reached) as u64);
                }
                delivered += counted.2;
            }
            if sent < answer.offered {
                refused.push((pick, reached, from + answer.offered as u64));
                continue;
            }
            topic.live[pick.position].cursor = reached;
            // More than one attempt's worth: this one gets another.
            topic.circle.disturbed |= reached < topic.log.tail();
        }
        for (pick, reached, offered) in refused {
            let place = Place::new(index, pick.position, List::Live);
            if self.refused(pick.stream, place, reached, offered) {
                lagging.push(pick.stream);
            }
        }
        self.counts.delivered.fetch_add(delivered, Ordering::Relaxed);
        for stream in gone {
            self.finish(stream, Disconnect::ClientGone, true);
        }
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

/// The slices from each distinct cursor, in the order in which the picks number them.
fn spans<'a>(topic: &'a Topic, picks: &[Pick]) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for pick in picks {
        if pick.list == spans.len() {
            let from = topic.live[pick.position].cursor;
            let mut slices = Vec::new();
            let len = topic.log.slices(from, ATTEMPT_BYTES, &mut slices);
            spans.push(Span { from, len, slices });
        }
    }
    spans
}
