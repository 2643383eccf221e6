//! What a worker holds when it should hold nothing: for tests.

use super::Worker;
use super::connection::Phase;
use std::sync::atomic::Ordering;

impl Worker {
    /// What is there although no connection is, in words.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let fanout = &self.counts.fanout;
        let occupied = self.slots.iter().filter(|slot| !matches!(slot.phase, Phase::Vacant));
        let counted = [
            ("slots", occupied.count()),
            ("connections counted", self.counts.occupancy.count()),
            ("connections on their way", self.counts.arriving.load(Ordering::Relaxed)),
            ("streams", fanout.streams.load(Ordering::Relaxed)),
            ("bytes owed", fanout.owed_bytes.load(Ordering::Relaxed)),
            ("tasks", usize::from(self.executor.has_tasks())),
            ("woken tasks", usize::from(self.executor.is_busy())),
            ("handlers", self.handlers.count()),
            ("answers", self.answers.borrow().len()),
            ("connections told of", self.told.borrow().len()),
            ("handlers that returned", self.returned.borrow().len()),
            ("attachments of streams", self.attached.len()),
            ("bytes to send", self.out.len()),
        ];
        let left = counted.into_iter().filter(|(_, count)| *count > 0);
        left.map(|(what, count)| format!("{count} {what}")).collect()
    }
}
