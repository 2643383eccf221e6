//! The wake handle: a report like any other, through the worker's channel.

use super::Report;
use crate::driver::Wake;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::Sender,
};

pub(super) struct Waker {
    pub(super) woken: Arc<AtomicBool>,
    pub(super) sender: Sender<Report>,
}

impl Wake for Waker {
    fn wake(&self) {
        // One in the channel is enough. Partner: the store in `StdThreads::complete`.
        if !self.woken.swap(true, Ordering::AcqRel) {
            // Fails only when the driver is gone, and nobody waits.
            let _ = self.sender.send(Report::Woken);
        }
    }
}
