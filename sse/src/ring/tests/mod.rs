//! Tests of the ring. `scenarios` are short stories with several threads; they run on real threads
//! (`threads`) and under loom (`loom_models`):
//! `RUSTFLAGS="--cfg loom" cargo test -p headwater-sse --release --lib loom`.
//!
//! Where they are at hand, these look for what loom does not see:
//! - Miri, for undefined behaviour:
//!   `cargo +nightly miri test -p headwater-sse --lib ring::tests::contract ring::tests::threads`;
//! - `ThreadSanitizer`, for data races on real threads, with the component `rust-src`:
//!   `RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread CARGO_TARGET_DIR=target/tsan cargo test
//!   -Zbuild-std --target x86_64-unknown-linux-gnu -p headwater-sse --lib --test cores -- ring:: stuck core`.

mod scenarios;
mod world;

#[cfg(not(loom))]
mod contract;
#[cfg(loom)]
mod loom_models;
#[cfg(not(loom))]
mod model;
#[cfg(not(loom))]
mod room;
#[cfg(not(loom))]
mod stress;
#[cfg(not(loom))]
mod threads;

use super::{Full, Ring};
use std::time::Instant;

impl<T> Ring<T> {
    /// How many values fit.
    #[cfg(not(loom))]
    fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// About how many readers are joined.
    pub(crate) fn readers(&self) -> usize {
        self.seats().iter().filter(|seat| seat.is_taken()).count()
    }

    /// Publishes, and waits for room until `deadline`.
    fn publish_wait(
        &self,
        mut value: T,
        weight: u64,
        deadline: Option<Instant>,
    ) -> Result<u64, Full<T>> {
        loop {
            match self.publish(value, weight) {
                Ok(position) => return Ok(position),
                Err(Full(refused)) => value = refused,
            }
            if !self.wait_for_room_unless(|| false, weight, deadline) {
                return Err(Full(value));
            }
        }
    }
}

/// Makes a `#[test]` of every scenario: `$small` runs those that loom gets through quickly, `$large`
/// the others.
macro_rules! test_every_scenario {
    ($small:path, $large:path) => {
        test_every_scenario! { $small:
            readers_that_advance_together_leave_nothing_behind
            who_joins_first_gates_from_its_start
            a_seat_is_handed_on
            a_sleeping_reader_hears_of_a_closing
            a_reader_may_sleep_in_another_thread_than_it_joined
            a_reader_may_leave_in_another_thread_than_it_read
            a_reader_that_leaves_waits_for_its_waker
            a_waker_reaches_the_next_owner_of_the_seat
            a_thread_that_waits_is_told_of_room
            a_thread_that_waits_is_told_when_the_last_reader_leaves
            a_task_that_waits_is_told_of_room
            a_thread_that_waits_in_vain_is_told
            a_task_that_waits_in_vain_is_told
        }
        test_every_scenario! { $large:
            two_publishers_and_a_reader_agree_on_one_order
            two_publishers_and_two_readers_agree_on_one_order
            slots_are_reused_only_after_they_were_read
            batches_of_two_readers_leave_nothing_behind
            without_a_reader_everything_is_dropped
            who_joins_sees_all_that_is_published_later
            who_joins_beside_another_reader_starts_where_publishing_is
            leaving_lets_go_of_what_only_the_leaver_held
            leaving_as_the_last_reader_lets_go_of_everything
            a_sleeping_reader_is_woken
            a_sleeping_reader_is_woken_by_either_publisher
            a_thread_that_waits_is_told_of_bytes_given_back
            two_waiters_are_both_told
        }
    };
    ($run:path: $($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            $run(super::scenarios::$scenario);
        })*
    };
}
use test_every_scenario;
