//! The one door to atomics, cells and blocking primitives for the ring: the standard ones, or
//! loom's when a model runs. Nothing else in this crate says `cfg(loom)`, tests apart.

pub(crate) use self::primitives::*;

#[cfg(loom)]
mod primitives {
    use std::ops::Deref;

    use loom::sync::atomic;

    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{Ordering, fence};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use loom::thread::yield_now;

    /// Loom's atomic of the same name, each access preceded by a relaxed exchange beside it.
    ///
    /// Loom 0.7 remembers only the last access to an atomic: a thread that loads and then stores
    /// hides its store from what others loaded before, and the other order is never tried. It does
    /// try all orders of the exchanges, which order nothing else: no party reads what they write.
    macro_rules! probed {
        ($atomic:ident, $value:ty) => {
            pub(crate) struct $atomic {
                atomic: atomic::$atomic,
                probe: atomic::AtomicBool,
            }

            impl $atomic {
                pub(crate) fn new(value: $value) -> Self {
                    let probe = atomic::AtomicBool::new(false);
                    Self { atomic: atomic::$atomic::new(value), probe }
                }

                /// In two steps, as loom's own has no probe between its load and its exchange.
                #[allow(dead_code, reason = "not all types need it")]
                pub(crate) fn fetch_update(
                    &self,
                    set: Ordering,
                    fetch: Ordering,
                    mut f: impl FnMut($value) -> Option<$value>,
                ) -> Result<$value, $value> {
                    let mut seen = self.load(fetch);
                    while let Some(next) = f(seen) {
                        match self.compare_exchange(seen, next, set, fetch) {
                            Ok(before) => return Ok(before),
                            Err(now) => seen = now,
                        }
                    }
                    Err(seen)
                }
            }

            impl Deref for $atomic {
                type Target = atomic::$atomic;

                fn deref(&self) -> &Self::Target {
                    self.probe.swap(true, Ordering::Relaxed);
                    &self.atomic
                }
            }
        };
    }

    probed!(AtomicBool, bool);
    probed!(AtomicU32, u32);
    probed!(AtomicU64, u64);
    probed!(AtomicUsize, usize);
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
