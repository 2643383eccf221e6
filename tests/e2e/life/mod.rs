//! The life of a server: how it starts, or does not; how it finds room; how it ends.

mod drain;
mod room;
mod start;
mod wakes;
