//! The life of a server: how it starts, or does not; how it finds room; how it ends.

#[cfg(target_os = "linux")]
mod denied;
#[cfg(target_os = "linux")]
mod descriptors;
mod drain;
mod drain_streams;
mod room;
mod start;
mod traffic;
mod wakes;
