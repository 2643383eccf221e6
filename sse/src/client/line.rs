//! Tasks that wait for room, in the order in which they came. Who is woken takes room or leaves, and until then
//! counts as if it had some, so that no more need be woken than there is room for.

use std::collections::BTreeMap;
use std::task::Waker;

#[derive(Default)]
pub(super) struct Line {
    waiting: BTreeMap<u64, Waker>,
    /// Places that were ever given.
    given: u64,
    /// Those that were woken, and have neither waited again nor left.
    woken: usize,
}

/// A place in a line, which is kept while its task waits again.
#[derive(Default, Debug)]
pub(super) struct Spot(Option<u64>);

impl Spot {
    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Line {
    /// Takes a place, or goes back to the one that was had before.
    pub(super) fn wait(&mut self, spot: &mut Spot, waker: &Waker) {
        let Some(place) = spot.0 else {
            self.given += 1;
            spot.0 = Some(self.given);
            self.waiting.insert(self.given, waker.clone());
            return;
        };
        if self.waiting.insert(place, waker.clone()).is_none() {
            self.woken -= 1;
        }
    }

    /// Takes the first out, to be woken without the lock that guards the line.
    pub(super) fn next(&mut self) -> Option<Waker> {
        let (_, waker) = self.waiting.pop_first()?;
        self.woken += 1;
        Some(waker)
    }

    /// Gives a place back, if there was one.
    pub(super) fn leave(&mut self, spot: &mut Spot) {
        if let Some(place) = spot.0.take()
            && self.waiting.remove(&place).is_none()
        {
            self.woken -= 1;
        }
    }

    pub(super) fn woken(&self) -> usize {
        self.woken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_was_first_is_woken_first_and_keeps_its_place() {
        let mut line = Line::default();
        let told: [Arc<Told>; 3] = Default::default();
        let mut spots: [Spot; 3] = Default::default();
        for (told, spot) in told.iter().zip(&mut spots) {
            line.wait(spot, &told.clone().into());
        }
        let so_far = || told.each_ref().map(|told| told.0.load(Ordering::Relaxed));
        line.next().expect("three wait").wake();
        assert_eq!((so_far(), line.woken()), ([1, 0, 0], 1));
        // There was no room for it after all.
        line.wait(&mut spots[0], &told[0].clone().into());
        assert_eq!(line.woken(), 0);
        line.next().expect("three wait").wake();
        assert_eq!(so_far(), [2, 0, 0]);
        line.leave(&mut spots[1]);
        line.next().expect("one waits").wake();
        assert_eq!((so_far(), line.woken()), ([2, 0, 1], 2));
        for spot in &mut spots {
            line.leave(spot);
            line.leave(spot);
        }
        assert_eq!(line.woken(), 0);
        assert!(line.next().is_none());
    }
}
