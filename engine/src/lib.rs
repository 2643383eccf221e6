//! Everything below the protocols: sockets, readiness, timers, wake-ups between threads, and the
//! worker threads that own them. Knows nothing of HTTP or of events: see the crates beside it.
//!
//! An [`Engine`] names a way to talk to the kernel. Each is a [`Driver`]: it moves bytes and reports
//! what happened to sockets, by the contract in [`driver`]. A [`Worker`] is the loop of one thread
//! over one driver; it calls an [`App`], which holds all the decisions. [`spawn`] starts one.
//!
//! A server that sends back what it gets:
//!
//! ```
//! use headwater_engine::{
//!     App, Class, Core, Departure, Engine, Key, Outcome, SocketOptions, Turn, listener, spawn,
//! };
//! use std::io::{self, IoSlice, Read, Write};
//!
//! #[derive(Default)]
//! struct Echo {
//!     stopped: bool,
//! }
//!
//! impl App for Echo {
//!     type Message = ();
//!
//!     fn accepted(&mut self, _: &mut Core<'_>, _: Key) {}
//!     fn received(&mut self, core: &mut Core<'_>, key: Key, bytes: &[u8]) {
//!         // A real one keeps what was not taken, and goes on in `writable`.
//!         if core.send_one(key, &[IoSlice::new(bytes)]) != Outcome::Sent(bytes.len()) {
//!             core.close(key);
//!         }
//!     }
//!     fn writable(&mut self, _: &mut Core<'_>, _: Key) {}
//!     fn gone(&mut self, core: &mut Core<'_>, key: Key, _: Departure) {
//!         core.close(key);
//!     }
//!     fn accept_failed(&mut self, _: &mut Core<'_>, error: &io::Error) {
//!         // A real one goes on later, with `resume_accept`.
//!         eprintln!("accepting stands still: {error}");
//!     }
//!     fn timeout(&mut self, _: &mut Core<'_>, _: Key, _: Class) {}
//!     fn message(&mut self, _: &mut Core<'_>, _: ()) {
//!         self.stopped = true;
//!     }
//!     fn turn(&mut self, _: &mut Core<'_>) -> Turn {
//!         if self.stopped { Turn::Stop } else { Turn::WaitUntil(None) }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let selected = Engine::Auto.select()?;
//! println!("{}", selected.reason);
//! let mut listeners = listener::bind(([127, 0, 0, 1], 0).into(), 1, &SocketOptions::default())?;
//! let listener = listeners.remove(0);
//! let addr = listener.local_addr()?;
//! let worker = spawn(selected.engine, listener, "echo", |_| Echo::default())?;
//!
//! let mut peer = std::net::TcpStream::connect(addr)?;
//! peer.write_all(b"hello")?;
//! let mut echo = [0; 5];
//! peer.read_exact(&mut echo)?;
//! assert_eq!(&echo, b"hello");
//!
//! worker.remote.post(())?;
//! worker.thread.join().expect("the worker does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! Applications are tested without sockets over the [`scripted`] driver.

pub mod driver;
mod engine;
#[cfg(feature = "epoll")]
pub mod epoll;
mod handover;
pub mod listener;
mod mailbox;
mod occupancy;
mod outbox;
pub mod scripted;
mod slots;
mod socket;
mod spawn;
pub mod std_threads;
mod sync;
pub mod timer;
mod unsent;
#[cfg(all(feature = "io-uring", target_os = "linux"))]
pub mod uring;
mod wake_flag;
pub mod worker;

pub use driver::{Attempt, Completion, Departure, Driver, Key, Outcome, Sockets, Wake};
pub use engine::{Engine, ParseEngineError, Selected, Unavailable};
pub use handover::{Handover, NotAdopted};
pub use listener::SocketOptions;
pub use mailbox::{Closed, Mailbox, Remote};
pub use occupancy::Occupancy;
pub use outbox::{Full, Outbox};
pub use slots::Slots;
pub use spawn::{Spawned, spawn};
pub use timer::Class;
pub use worker::{App, Clock, Core, ManualClock, Traffic, Turn, Worker, coarse_time, run};
