//! How much time there is: the first slice of everything is taken in any case, further ones and repeated
//! ones while the rest still fits.

use std::time::{Duration, Instant};

/// What repeating may take, as a share of what there is.
const REPEAT_SHARE: f64 = 0.15;

/// The time that there is, and what it goes for.
#[derive(Debug)]
pub(super) struct Budget {
    begun: Instant,
    /// Seconds that there are.
    most: f64,
    /// Seconds that the first slices take of what has not begun yet.
    reserved: f64,
    /// Seconds that repeating may still take.
    repeats: f64,
    /// Questions that got fewer slices than they were to have.
    cut: usize,
}

impl Budget {
    /// So many seconds, of which the first slices are to take that many.
    pub(super) fn new(most: f64, first_slices: f64) -> Self {
        let repeats = most * REPEAT_SHARE;
        Self { begun: Instant::now(), most, reserved: first_slices, repeats, cut: 0 }
    }

    /// The first slices of something begin, which take so long.
    pub(super) fn begin(&mut self, first_slices: f64) {
        self.reserved -= first_slices;
    }

    /// Whether something that takes so many seconds still fits, when all takes `pace` times what was
    /// thought.
    pub(super) fn allows(&self, seconds: f64, pace: f64) -> bool {
        fits(self.begun.elapsed(), (seconds + self.reserved) * pace, self.most)
    }

    /// The same of repeating something.
    pub(super) fn allows_repeat(&self, seconds: f64, pace: f64) -> bool {
        self.repeats > 0.0 && self.allows(seconds, pace)
    }

    /// So much went for repeating.
    pub(super) fn repeated(&mut self, time: Duration) {
        self.repeats -= time.as_secs_f64();
    }

    /// A question gets fewer slices.
    pub(super) fn cut(&mut self) {
        self.cut += 1;
    }

    /// What is to be known about that.
    pub(super) fn warning(&self) -> Option<String> {
        let short = match self.cut {
            0 => return None,
            1 => "1 scenario has fewer slices than it was".to_owned(),
            cut => format!("{cut} scenarios have fewer slices than they were"),
        };
        Some(format!("for want of time {short} to have: the machine is slow or busy"))
    }
}

fn fits(elapsed: Duration, seconds: f64, most: f64) -> bool {
    elapsed.as_secs_f64() + seconds <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_begun_yet_has_its_time_kept() {
        let mut budget = Budget::new(1_000.0, 600.0);
        budget.begin(100.0);
        assert!(budget.allows(400.0, 1.0));
        assert!(!budget.allows(501.0, 1.0));
        assert!(!budget.allows(400.0, 1.2), "all takes longer than was thought");
    }

    #[test]
    fn repeating_has_a_share_of_its_own() {
        let mut budget = Budget::new(1_000.0, 0.0);
        assert!(budget.allows_repeat(1.0, 1.0));
        budget.repeated(Duration::from_secs(150));
        assert!(!budget.allows_repeat(1.0, 1.0));
        assert!(budget.allows(1.0, 1.0));
    }

    #[test]
    fn who_gets_less_is_told() {
        let mut budget = Budget::new(1.0, 0.0);
        assert_eq!(budget.warning(), None);
        for short in [
            "1 scenario has fewer slices than it was",
            "2 scenarios have fewer slices than they were",
        ] {
            budget.cut();
            let line = format!("for want of time {short} to have: the machine is slow or busy");
            assert_eq!(budget.warning(), Some(line));
        }
    }
}
