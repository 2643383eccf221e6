//! How many values are fetched at once, so that they are about as many bytes as a page has. Never fetches.

use crate::replay::PAGE_BYTES;
use bytes::Bytes;

/// Where nothing is known of their sizes, and at most.
const AT_ONCE: (u64, u64) = (8, 128);

/// The sizes of the values that a reader has seen.
pub(super) struct Sizes {
    values: u64,
    bytes: u64,
    /// As many are fetched before any was seen.
    first: u64,
}

impl Sizes {
    /// Nothing was seen yet, but that values of the log had this mean size before, or 0.
    pub(super) fn after(mean: u64) -> Self {
        Self { values: 0, bytes: 0, first: fitting(PAGE_BYTES as u64, mean).min(AT_ONCE.0) }
    }

    pub(super) fn add(&mut self, stored: &[Option<Bytes>]) {
        for value in stored.iter().flatten() {
            self.values += 1;
            self.bytes += value.len() as u64;
        }
    }

    /// How many to fetch where so many bytes are wanted: at least one.
    pub(super) fn at_once(&self, bytes: usize) -> u64 {
        self.mean().map_or(self.first, |mean| fitting(bytes as u64, mean))
    }

    /// What is worth being remembered: the mean size of values that are so large that the first ones are too many.
    pub(super) fn large(&self) -> Option<u64> {
        self.mean().filter(|&mean| fitting(PAGE_BYTES as u64, mean) < AT_ONCE.0)
    }

    fn mean(&self) -> Option<u64> {
        self.bytes.checked_div(self.values)
    }
}

fn fitting(bytes: u64, mean: u64) -> u64 {
    bytes.checked_div(mean).unwrap_or(AT_ONCE.1).clamp(1, AT_ONCE.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_fetched_as_fit_by_their_mean_size() {
        let seen = |before, sizes: &[usize]| {
            let mut seen = Sizes::after(before);
            let values = sizes.iter().map(|&bytes| Some(Bytes::from(vec![0; bytes])));
            seen.add(&values.chain([None]).collect::<Vec<_>>());
            (seen.at_once(PAGE_BYTES), seen.large())
        };
        assert_eq!(seen(0, &[]), (8, None));
        assert_eq!(seen(PAGE_BYTES as u64 / 3, &[]), (3, None));
        assert_eq!(seen(0, &[0, 0]), (128, None));
        assert_eq!(seen(0, &[PAGE_BYTES / 8]), (8, None));
        assert_eq!(seen(0, &[PAGE_BYTES, 0]), (2, Some(PAGE_BYTES as u64 / 2)));
        assert_eq!(seen(0, &[3 * PAGE_BYTES]), (1, Some(3 * PAGE_BYTES as u64)));
    }
}
