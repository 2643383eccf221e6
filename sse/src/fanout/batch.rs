//! One batch of attempts: for brokers' news who is picked, which slices each is offered, and who did not
//! take everything; for what is owed the offers. Kept by the core between batches, so that a batch
//! allocates nothing. How many are looked at is decided in `round`, what follows from an answer in `settle`.

use super::egress::{Attempt, Outcome};
use super::round::{ATTEMPT_BYTES, BATCH};
use super::stream::Stream;
use super::topic::{Live, Topic};
use slab::Slab;
use std::io::IoSlice;
use std::ops::Range;

/// A subscriber to make an attempt for.
pub(super) struct Pick {
    pub(super) to: u64,
    /// Among its topic's live subscribers.
    pub(super) position: usize,
    pub(super) stream: u32,
}

/// What a topic's log has from one cursor on. Nearly all subscribers share one cursor.
pub(super) struct Span {
    pub(super) topic: u32,
    pub(super) from: u64,
    /// Up to where it is offered, how many bytes that are, and how many events.
    pub(super) to: u64,
    pub(super) len: usize,
    pub(super) events: u64,
    slices: Range<usize>,
}

/// Picks in a row that are offered the same.
pub(super) struct Run {
    pub(super) span: usize,
    pub(super) picks: Range<usize>,
}

/// A pick that did not take everything, and what it is of.
pub(super) struct Unfinished {
    pub(super) pick: usize,
    pub(super) span: usize,
    pub(super) outcome: Outcome,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) picks: Vec<Pick>,
    pub(super) runs: Vec<Run>,
    pub(super) spans: Vec<Span>,
    pub(super) topics: Vec<u32>,
    /// Topic and stream: those who have to wait for what they are owed already.
    pub(super) lagging: Vec<(u32, u32)>,
    pub(super) unfinished: Vec<Unfinished>,
    /// Empty but for a batch of what is owed.
    pub(super) offers: Vec<Offer>,
    pub(super) buffers: Buffers,
}

/// What a stream is offered of what it is owed.
pub(super) struct Offer {
    pub(super) to: u64,
    pub(super) stream: u32,
    pub(super) bytes: usize,
    pub(super) slices: Range<usize>,
    pub(super) outcome: Outcome,
}

/// Memory of what is borrowed during one batch.
#[derive(Default)]
pub(super) struct Buffers {
    slices: Vec<IoSlice<'static>>,
    attempts: Vec<Attempt<'static>>,
}

impl Buffers {
    /// Empty vectors with the memory of those that came back.
    pub(super) fn lend<'a, 'b>(&mut self) -> (Vec<IoSlice<'a>>, Vec<Attempt<'b>>) {
        (std::mem::take(&mut self.slices), std::mem::take(&mut self.attempts))
    }

    pub(super) fn take_attempts(&mut self, attempts: Vec<Attempt<'_>>) {
        self.attempts = emptied(attempts, |_| unreachable!("it was emptied"));
    }

    pub(super) fn take_slices(&mut self, slices: Vec<IoSlice<'_>>) {
        self.slices = emptied(slices, |_| unreachable!("it was emptied"));
    }
}

/// The memory of a vector as one of another lifetime: collecting in place keeps it.
fn emptied<T, U>(mut vector: Vec<T>, never: impl FnMut(T) -> U) -> Vec<U> {
    vector.clear();
    vector.into_iter().map(never).collect()
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.picks.clear();
        self.runs.clear();
        self.spans.clear();
        self.topics.clear();
        self.lagging.clear();
        self.unfinished.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.picks.len() >= BATCH
    }

    /// Picks those of a topic's live subscribers, who stand at `position` and after, that have not all
    /// up to `tail`. Returns how many were looked at: fewer when the batch is full, or when it has an
    /// attempt of the next one already, whose answer comes first.
    pub(super) fn pick(
        &mut self,
        topic: u32,
        tail: u64,
        (live, position): (&[Live], usize),
        streams: &mut Slab<Stream>,
    ) -> usize {
        // Nobody's who is picked.
        let mut from = tail;
        for (at, subscriber) in live.iter().enumerate() {
            let cursor = subscriber.cursor();
            if cursor >= tail {
                continue;
            }
            let stream = &mut streams[subscriber.stream as usize];
            if stream.owed.is_some() {
                self.lagging.push((topic, subscriber.stream));
                continue;
            }
            if stream.in_batch || self.is_full() {
                self.end_run();
                return at;
            }
            stream.in_batch = true;
            if cursor != from {
                from = cursor;
                self.begin_run(topic, from);
            }
            let (to, stream, position) = (stream.to, subscriber.stream, position + at);
            self.picks.push(Pick { to, position, stream });
        }
        self.end_run();
        live.len()
    }

    /// The next picks are offered what the topic has from this cursor on.
    #[cold]
    fn begin_run(&mut self, topic: u32, from: u64) {
        self.end_run();
        let of_topic = self.spans.iter().rev().take_while(|span| span.topic == topic);
        let known = of_topic.into_iter().position(|span| span.from == from);
        let span = known.map_or(self.spans.len(), |back| self.spans.len() - 1 - back);
        if known.is_none() {
            self.spans.push(Span { topic, from, to: from, len: 0, events: 0, slices: 0..0 });
        }
        let begin = self.picks.len();
        self.runs.push(Run { span, picks: begin..begin });
    }

    fn end_run(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            run.picks.end = self.picks.len();
        }
    }

    /// Looks the spans up in the logs.
    pub(super) fn fill<'a>(&mut self, topics: &'a Slab<Topic>, slices: &mut Vec<IoSlice<'a>>) {
        for span in &mut self.spans {
            let log = &topics[span.topic as usize].log;
            let first = slices.len();
            span.len = log.slices(span.from, ATTEMPT_BYTES, slices);
            span.slices = first..slices.len();
            span.to = span.from + span.len as u64;
            span.events = log.count(span.from, span.to) as u64;
        }
    }

    /// Makes an attempt of every pick.
    pub(super) fn offer<'a>(&self, slices: &'a [IoSlice<'a>], attempts: &mut Vec<Attempt<'a>>) {
        for run in &self.runs {
            let slices = &slices[self.spans[run.span].slices.clone()];
            let attempt = |pick: &Pick| Attempt { to: pick.to, slices, outcome: Outcome::Sent(0) };
            attempts.extend(self.picks[run.picks.clone()].iter().map(attempt));
        }
    }

    /// Notes which attempts did not take everything.
    pub(super) fn answered(&mut self, attempts: &[Attempt<'_>]) {
        for run in &self.runs {
            let all = Outcome::Sent(self.spans[run.span].len);
            for (pick, attempt) in run.picks.clone().zip(&attempts[run.picks.clone()]) {
                if attempt.outcome != all {
                    let (span, outcome) = (run.span, attempt.outcome);
                    self.unfinished.push(Unfinished { pick, span, outcome });
                }
            }
        }
    }
}
