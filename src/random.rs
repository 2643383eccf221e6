//! Numbers that differ, for spreading things over a time. Not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A time below `most`, or none.
pub(crate) fn up_to(most: Duration) -> Duration {
    thread_local! {
        static KEY: RandomState = RandomState::new();
        static DRAWN: Cell<u64> = const { Cell::new(0) };
    }
    let drawn = DRAWN.replace(DRAWN.get().wrapping_add(1));
    let number = KEY.with(|key| key.hash_one(drawn));
    // What 64 bits of nanoseconds do not hold are 584 years.
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    let below = (u128::from(number) * u128::from(most)) >> u64::BITS;
    Duration::from_nanos(u64::try_from(below).unwrap_or(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_below_the_limit_and_spread_over_all_of_it() {
        let most = Duration::from_secs(8);
        let drawn: Vec<Duration> = (0..1000).map(|_| up_to(most)).collect();
        for eighth in 0..8 {
            let within = drawn.iter().filter(|time| time.as_secs() == eighth).count();
            assert!(within > 30, "{within} of 1000 in second {eighth}");
        }
        assert_eq!(up_to(Duration::ZERO), Duration::ZERO);
        assert!(up_to(Duration::MAX) < Duration::MAX);
    }
}
