//! Whether somebody wants the comparison to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Set by a signal.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on these signals end the comparison, and no more the process at once: its children
    /// have to be ended first.
    pub(super) fn on_signals() -> Result<Self, String> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop.0))
                .map_err(|error| format!("cannot wait for signals: {error}"))?;
        }
        Ok(stop)
    }

    /// Whether one came.
    pub(super) fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn ask_for(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
