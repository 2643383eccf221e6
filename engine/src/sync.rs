//! The atomics that are model-checked: `std`'s in normal builds, loom's under `--cfg loom`. Only code
//! with a loom test comes here for them.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
