//! What came to those that read everything.

use std::time::Duration;

use super::super::fleet::Account;
use super::super::schedule::Schedule;
use super::super::tally::Tally;
use super::{float, grouped, ratio, whole};

#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) all: u64,
    pub(super) measured: u64,
    pub(super) per_second: f64,
    pub(super) due: u64,
    pub(super) lost: u64,
    pub(super) out_of_order: u64,
    pub(super) duplicates: u64,
    pub(super) foreign: u64,
    /// Of these, while nothing was published.
    pub(super) by_themselves: u64,
    pub(super) ids_skipped: u64,
    /// Those known by their bytes only.
    pub(super) counted: u64,
}

impl Delivered {
    pub(super) fn of(tally: &Tally, account: &Account, schedule: Schedule) -> Self {
        // As long as the schedule, or until the last one came: from the first to the last it is a period
        // less than what so many events are due in.
        let measured_to = tally.last_arrival.max(schedule.measure_end().unwrap_or(0));
        let measured_s = float(measured_to.saturating_sub(schedule.measure_start())) / 1e9;
        // Of those whose bytes are only counted, the same share is measured as of the others.
        let share = ratio(float(tally.measured), float(tally.deliveries));
        let measured = tally.measured + whole(float(account.counted) * share);
        Self {
            all: tally.deliveries + account.counted,
            measured,
            per_second: ratio(float(measured), measured_s),
            due: account.due,
            lost: account.lost,
            out_of_order: tally.out_of_order,
            duplicates: tally.duplicates,
            foreign: tally.foreign,
            by_themselves: 0,
            ids_skipped: tally.ids_skipped,
            counted: account.counted,
        }
    }

    /// With what the server sent by itself, which counts where it was listened to for some time.
    pub(super) fn with_own(self, by_themselves: u64, listened: Option<Duration>) -> Self {
        let rate = listened.map(|time| ratio(float(by_themselves), time.as_secs_f64()));
        Self { by_themselves, per_second: rate.unwrap_or(self.per_second), ..self }
    }

    /// The lost deliveries among those that were due, warm-up included.
    pub(super) fn lost_of_due(&self) -> String {
        format!("{} of {}", grouped(self.lost), grouped(self.due))
    }
}
