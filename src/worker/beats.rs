//! Heartbeats: when to look at a stream that may have been silent for too long. What is sent then is the
//! fan-out's business.

use super::Worker;
use headwater_engine::{Core, Key};
use headwater_sse::StreamId;
use std::time::Duration;

/// No heartbeat.
const NO_BEAT: u16 = u16::MAX;
/// Different intervals. They are settings in code, not data; where they are data, the last is that of all
/// that come after it.
const MOST_BEATS: usize = 1024;
/// Heartbeats are planned in quarters of their interval.
const QUARTERS: u32 = 4;
/// One tick of the fan-out's clock; 2^32 of them are 6.8 years.
const TICK_MILLIS: u128 = 50;

impl Worker {
    /// A look at a stream that may have been silent for long enough.
    pub(super) fn heartbeat(&mut self, core: &mut Core<'_>, key: Key, id: StreamId, beat: u16) {
        let now = self.ticks(core);
        let silence = in_ticks(self.beats[usize::from(beat)]);
        let last = self.fanout.borrow_mut().heartbeat(id, now.saturating_sub(silence), now);
        if let Some(last) = last {
            self.plan_beat(core, key, beat, now - last);
        }
    }

    /// Plans the next look, `passed` ticks after bytes last left, a quarter of the interval late at
    /// most.
    pub(super) fn plan_beat(&mut self, core: &mut Core<'_>, key: Key, beat: u16, passed: u32) {
        let Some(&silence) = self.beats.get(usize::from(beat)) else { return };
        let quarter = silence / QUARTERS;
        let passed = u128::from(passed) * TICK_MILLIS * u128::from(QUARTERS);
        let done = (passed / silence.as_millis().max(1)).min(u128::from(QUARTERS - 1));
        // Below four.
        let left = QUARTERS - u32::try_from(done).unwrap_or(0);
        // Many streams are looked at in one wake.
        let granularity = (silence / 16).min(Duration::from_secs(1));
        let class = core.class(quarter * left, granularity);
        core.arm(key, class);
    }

    /// The number of a heartbeat interval.
    pub(super) fn beat(&mut self, silence: Option<Duration>) -> u16 {
        let Some(silence) = silence else { return NO_BEAT };
        let known = self.beats.iter().position(|&beat| beat == silence);
        let at = known.unwrap_or_else(|| {
            if self.beats.len() < MOST_BEATS {
                self.beats.push(silence);
            }
            self.beats.len() - 1
        });
        u16::try_from(at).expect("there are fewer")
    }

    pub(super) fn ticks(&self, core: &Core<'_>) -> u32 {
        in_ticks(core.now().saturating_duration_since(self.epoch))
    }
}

/// Whole ticks, 1 at least, so that nothing sent yet (0) is always longer ago.
fn in_ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / TICK_MILLIS).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests;
