//! Calls of users' code, which may panic, and so may dropping what it leaves: nothing of it gets past here.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// It panicked, which the panic hook has reported, and has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// Runs users' code. What it has half done of its own is its own.
///
/// # Errors
/// [`Panicked`] in place of the outcome, if it did.
pub fn guard<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        // A payload may panic in its turn, and what it panics with, too: that one is leaked.
        if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(next);
        }
        Panicked
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;

    struct Mine(u32);

    impl Drop for Mine {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Mine(self.0 - 1));
            }
        }
    }

    #[test]
    fn panics_of_payloads_stay_inside() {
        for depth in 0..4 {
            assert_eq!(guard(|| panic_any(Mine(depth))), Err(Panicked));
            assert_eq!(guard(|| drop(Mine(depth))).is_err(), depth > 0);
        }
    }
}
