//! The one door to atomics, cells and blocking primitives for the ring: the standard ones, or
//! loom's when a model runs. Nothing else in this crate says `cfg(loom)`, tests apart.

pub(crate) use self::primitives::*;

#[cfg(loom)]
mod primitives {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use loom::thread::yield_now;
}

#[cfg(not(loom))]
mod primitives {
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread::yield_now;

    /// `std::cell::UnsafeCell` with loom's interface: access is a closure, so that a model can see
    /// where it begins and ends.
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// A value on cache lines of its own (two: the adjacent-line prefetcher pulls pairs).
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> std::ops::Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// `len` fresh values. Being zeroed, the memory is not touched until it is used.
///
/// # Safety
/// Outside of a loom model, zero bytes are a valid `S`, the same as `fresh()`.
#[cfg(not(loom))]
pub(crate) unsafe fn fresh_slice<S>(len: usize, _fresh: impl Fn() -> S) -> Box<[S]> {
    let zeroed = Box::<[S]>::new_zeroed_slice(len);
    // SAFETY: the caller promises that zero bytes are a valid `S`.
    unsafe { zeroed.assume_init() }
}

/// `len` fresh values, built one by one: loom's types are not plain bytes.
///
/// # Safety
/// None is needed here; see the other version.
#[cfg(loom)]
pub(crate) unsafe fn fresh_slice<S>(len: usize, fresh: impl Fn() -> S) -> Box<[S]> {
    (0..len).map(|_| fresh()).collect()
}
