//! Short stories with two to four threads, small enough for loom to try all that can happen.

mod order;
mod release;
mod room;
mod seats;
mod sleep;

pub(super) use order::*;
pub(super) use release::*;
pub(super) use room::*;
pub(super) use seats::*;
pub(super) use sleep::*;
