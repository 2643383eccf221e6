//! Deadlines of one worker. Nearly all of them are "now + a fixed duration", one per connection:
//! [`Fifo`]. Arbitrary sleeps are the exception: [`Heap`]. Neither reads a clock nor calls anybody.

mod fifo;
mod heap;

pub use fifo::{Class, Fifo};
pub use heap::{Heap, HeapId};
