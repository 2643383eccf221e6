//! The buffers that the kernel receives into: a ring shared with it (`IORING_REGISTER_PBUF_RING`),
//! through which buffers go to the kernel; they come back with completions. Knows nothing of
//! connections.

use super::ring::Piece;
use io_uring::{Submitter, types::BufRingEntry};
use std::{
    alloc::{self, Layout},
    io, mem,
    ptr::NonNull,
    sync::atomic::{AtomicU16, Ordering},
};

/// Bytes per buffer: most requests fit.
pub(super) const BUFFER_BYTES: usize = 4096;

/// Buffers at first, and at most: 64 KiB, then up to 1 MiB per worker once the kernel ran out of them.
const FIRST_BUFFERS: u16 = 16;
pub(super) const MAX_BUFFERS: u16 = 256;

/// The only group of its ring.
pub(super) const GROUP: u16 = 0;

/// A page, as the kernel wants the ring to be aligned.
const ALIGNMENT: usize = 4096;
const LAYOUT: Layout =
    match Layout::from_size_align(MAX_BUFFERS as usize * size_of::<BufRingEntry>(), ALIGNMENT) {
        Ok(layout) => layout,
        Err(_) => panic!("a page aligns it"),
    };

/// Buffers of one ring. To be unregistered before it is dropped; while it is registered the kernel
/// reads the ring and writes the buffers.
#[derive(Debug)]
pub(super) struct Pool {
    ring: NonNull<BufRingEntry>,
    /// Where the next buffer goes; the kernel masks it itself.
    tail: u16,
    /// By number; `None`: on loan, or not made yet.
    with_kernel: Vec<Option<NonNull<[u8]>>>,
    /// There are more than at the last enter.
    grown: bool,
}

impl Pool {
    /// Registers a ring with a few buffers.
    pub(super) fn register(submitter: &Submitter<'_>) -> io::Result<Self> {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc::alloc_zeroed(LAYOUT) };
        #[expect(clippy::cast_ptr_alignment, reason = "the layout aligns it to a page")]
        let ring = memory.cast::<BufRingEntry>();
        let Some(ring) = NonNull::new(ring) else { alloc::handle_alloc_error(LAYOUT) };
        let mut pool = Self { ring, tail: 0, with_kernel: Vec::new(), grown: false };
        let address = ring.as_ptr().addr() as u64;
        // SAFETY: the memory holds this many entries, is aligned to a page, and lives until `drop`,
        // before which its owner unregisters it.
        unsafe { submitter.register_buf_ring_with_flags(address, MAX_BUFFERS, GROUP, 0)? };
        pool.add(FIRST_BUFFERS);
        Ok(pool)
    }

    /// Doubles the buffers, up to the limit, and once between two enters: many receives end together for
    /// want of a few.
    pub(super) fn grow(&mut self) {
        if !mem::replace(&mut self.grown, true) {
            let made = self.made();
            self.add(made.min(MAX_BUFFERS - made));
        }
    }

    /// The kernel was entered.
    pub(super) const fn entered(&mut self) {
        self.grown = false;
    }

    /// How many buffers there are.
    pub(super) fn made(&self) -> u16 {
        // `add` stops at `MAX_BUFFERS`.
        u16::try_from(self.with_kernel.len()).unwrap_or(MAX_BUFFERS)
    }

    fn add(&mut self, count: u16) {
        for _ in 0..count {
            let id = self.made();
            self.with_kernel.push(None);
            self.give(Piece { buffer: vec![0; BUFFER_BYTES].into(), len: 0, id });
        }
    }

    /// Takes a buffer over that the kernel has filled with `len` bytes. `None`: the kernel does not
    /// have it.
    pub(super) fn take(&mut self, id: u16, len: usize) -> Option<Piece> {
        let buffer = self.with_kernel.get_mut(usize::from(id))?.take()?;
        // SAFETY: it came from `Box::into_raw` in `give`. The kernel told with a completion that it has
        // consumed the buffer, so it writes it no more, and `take` leaves no other pointer to it.
        let buffer = unsafe { Box::from_raw(buffer.as_ptr()) };
        Some(Piece { len: len.min(buffer.len()), buffer, id })
    }

    /// Lets the kernel have a buffer.
    pub(super) fn give(&mut self, piece: Piece) {
        let Some(place) = self.with_kernel.get_mut(usize::from(piece.id)) else { return };
        debug_assert!(place.is_none(), "given twice");
        let len = piece.buffer.len();
        let buffer = NonNull::from(Box::leak(piece.buffer));
        *place = Some(buffer);
        let entry = usize::from(self.tail % MAX_BUFFERS);
        // SAFETY: `entry` is inside the ring.
        let mut entry = unsafe { self.ring.add(entry) };
        // SAFETY: the kernel reads entries below the tail that it has not consumed, and this is none of
        // them: there are never more buffers than entries.
        let entry = unsafe { entry.as_mut() };
        entry.set_addr(buffer.cast::<u8>().as_ptr().expose_provenance() as u64);
        // A constant below 2³².
        entry.set_len(u32::try_from(len).unwrap_or(0));
        entry.set_bid(piece.id);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the first entry is initialized, and holds the tail.
        let tail = unsafe { BufRingEntry::tail(self.ring.as_ptr()) }.cast_mut();
        // SAFETY: aligned as the u16 that it is, and shared with the kernel, which reads it atomically.
        let tail = unsafe { AtomicU16::from_ptr(tail) };
        // Partner: the kernel's acquire load, which must see the entry before its place.
        tail.store(self.tail, Ordering::Release);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for buffer in self.with_kernel.drain(..).flatten() {
            // SAFETY: as in `take`; the ring is unregistered, so the kernel consumes nothing any more.
            drop(unsafe { Box::from_raw(buffer.as_ptr()) });
        }
        // SAFETY: allocated in `register` with this layout, and unregistered since.
        unsafe { alloc::dealloc(self.ring.as_ptr().cast(), LAYOUT) };
    }
}
