//! Everything below the protocols: sockets, readiness, timers, wake-ups between threads, and the
//! worker threads that own them. Knows nothing of HTTP or of events: see the crates beside it.
//!
//! An [`Engine`] names a way to talk to the kernel. Each is a [`Driver`]: it moves bytes and reports
//! what happened to sockets, by the contract in [`driver`]. A [`Worker`] is the loop of one thread
//! over one driver; it calls an [`App`], which holds all the decisions. [`spawn`] starts one.
//!
//! Applications are tested without sockets over the [`scripted`] driver.

pub mod driver;
mod engine;
#[cfg(feature = "epoll")]
pub mod epoll;
pub mod listener;
mod mailbox;
mod outbox;
pub mod scripted;
mod slots;
mod socket;
mod spawn;
pub mod std_threads;
mod sync;
pub mod timer;
mod wake_flag;
pub mod worker;

pub use driver::{Attempt, Completion, Departure, Driver, Key, Outcome, Sockets, Wake};
pub use engine::{Engine, ParseEngineError, Selected, Unavailable};
pub use listener::SocketOptions;
pub use mailbox::{Closed, Mailbox, Remote};
pub use outbox::{Full, Outbox};
pub use slots::Slots;
pub use spawn::{Spawned, spawn};
pub use timer::Class;
pub use worker::{App, Clock, Core, ManualClock, Turn, Worker, run};
