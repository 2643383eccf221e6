//! The ids that a client got, as runs of those that follow one another: a client of a long test has millions.

use std::ops::RangeInclusive;

#[derive(Default, Debug)]
pub(crate) struct Ids {
    runs: Vec<RangeInclusive<u64>>,
}

impl Ids {
    pub(crate) fn push(&mut self, id: u64) {
        match self.runs.last_mut() {
            Some(run) if *run.end() + 1 == id => *run = *run.start()..=id,
            _ => self.runs.push(id..=id),
        }
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.runs.first().map(|run| *run.start())
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.runs.last().map(|run| *run.end())
    }

    /// Whether each came once and in order up to this one.
    pub(crate) fn are_all_up_to(&self, last: u64) -> bool {
        self.runs.len() == 1 && self.last() == Some(last)
    }

    /// In the order in which they came.
    #[cfg(any(feature = "redis", feature = "postgres", feature = "memcache"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().cloned().flatten()
    }
}

#[test]
fn ids_are_all_only_if_each_came_once_and_in_order() {
    let of = |ids: &[u64]| {
        let mut all = Ids::default();
        for id in ids {
            all.push(*id);
        }
        all
    };
    assert!(of(&[3, 4, 5]).are_all_up_to(5));
    for wrong in [&[3, 4, 4, 5][..], &[3, 5], &[3, 4], &[4, 3, 5], &[3, 4, 5, 5], &[]] {
        assert!(!of(wrong).are_all_up_to(5), "{wrong:?}");
    }
    assert_eq!((of(&[3, 4, 7]).first(), of(&[3, 4, 7]).last()), (Some(3), Some(7)));
}
