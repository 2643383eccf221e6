//! What one scope keeps: a queue whose ids are its places. Never knows of other scopes.

use super::RingBufferBuilder;
use crate::PreparedEvent;
use crate::replay::{PAGE_BYTES, Page, Replayed};
use std::collections::VecDeque;
use std::time::Duration;

pub(super) struct Kept {
    events: VecDeque<(PreparedEvent, Duration)>,
    /// The id of the first event that is kept, or of the next where there is none.
    first: u64,
    bytes: usize,
}

impl Kept {
    pub(super) fn new(first: u64) -> Self {
        Self { events: VecDeque::new(), first, bytes: 0 }
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn last(&self) -> u64 {
        self.first + self.events.len() as u64 - 1
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, event: PreparedEvent, limits: &RingBufferBuilder, now: Duration) {
        while self.events.len() >= limits.events || self.bytes + event.len() > limits.bytes {
            if self.forget_oldest() == 0 {
                break;
            }
        }
        self.bytes += event.len();
        self.events.push_back((event, now));
    }

    /// Returns how many bytes went.
    pub(super) fn forget_older(&mut self, age: Option<Duration>, now: Duration) -> usize {
        let mut freed = 0;
        let since = age.and_then(|age| now.checked_sub(age));
        while let (Some(since), Some((_, at))) = (since, self.events.front())
            && *at < since
        {
            freed += self.forget_oldest();
        }
        freed
    }

    /// Returns how many bytes went, which are as many as asked for, if there were.
    pub(super) fn forget_bytes(&mut self, bytes: usize) -> usize {
        let mut freed = 0;
        while freed < bytes && !self.events.is_empty() {
            freed += self.forget_oldest();
        }
        freed
    }

    fn forget_oldest(&mut self) -> usize {
        let Some((event, _)) = self.events.pop_front() else { return 0 };
        self.first += 1;
        self.bytes -= event.len();
        event.len()
    }

    /// What comes after an id that is kept, or directly before one.
    pub(super) fn page(&self, after: u64, max: usize) -> Page {
        // A place outside of memory is past the end.
        let skip = usize::try_from(after + 1 - self.first).unwrap_or(usize::MAX);
        let skip = skip.min(self.events.len());
        let mut page = Page::default();
        let mut bytes = 0;
        for ((event, _), id) in self.events.range(skip..).zip(after + 1..) {
            if page.events.len() == max || bytes >= PAGE_BYTES {
                page.more = true;
                break;
            }
            bytes += event.len();
            page.events.push(Replayed { id: id.into(), event: event.clone() });
        }
        page
    }
}
