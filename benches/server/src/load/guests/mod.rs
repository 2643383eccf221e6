//! Clients beside the subscribers: those that make requests, well-behaved or not. Each crowd has a
//! thread of its own; what they report is put beside what the subscribers saw.
//!
//! - `askers`: requests on a schedule, timed
//! - `abusers`: clients that mean no good, each doing one of the things in `abuse`
//! - `idle`: connections that wait for their next request, and what each costs the server
//! - `visits`: connections that come and go, each a `visit`, and what they leave behind
//! - `wire`: one connection; `agenda`: who is due when

mod abuse;
mod abusers;
mod agenda;
mod askers;
mod idle;
mod visit;
mod visits;
mod wire;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

pub(crate) use abuse::{Abuse, Paths};
pub(crate) use abusers::{Abused, Abusing, Ends};
pub(crate) use askers::{Asked, Asking};
pub(crate) use idle::{IdleArgs, main as idle};
pub(crate) use visits::{VisitsArgs, main as visits};

/// What guests are told.
#[derive(Debug, Default)]
struct Signals {
    stop: AtomicBool,
    /// The measured time runs.
    measuring: AtomicBool,
}

/// Guests that are there.
#[derive(Debug)]
pub(crate) struct Guests {
    signals: Arc<Signals>,
    askers: Option<JoinHandle<io::Result<Asked>>>,
    abusers: Option<JoinHandle<io::Result<Abused>>>,
}

/// What they report.
#[derive(Clone, Debug, Default)]
pub(crate) struct GuestBook {
    pub(crate) asked: Option<Asked>,
    pub(crate) abused: Option<Abused>,
}

impl Guests {
    /// Lets those come that were asked for.
    pub(crate) fn invite(asking: Option<Asking>, abusing: Option<Abusing>) -> Self {
        let signals = Arc::new(Signals::default());
        let askers = asking.map(|asking| {
            let signals = Arc::clone(&signals);
            thread::spawn(move || askers::ask(&asking, &signals))
        });
        let abusers = abusing.map(|abusing| {
            let signals = Arc::clone(&signals);
            thread::spawn(move || abusers::abuse(&abusing, &signals))
        });
        Self { signals, askers, abusers }
    }

    /// The measured time begins or ends.
    pub(crate) fn measure(&self, measuring: bool) {
        self.signals.measuring.store(measuring, Ordering::Relaxed);
    }

    /// Sends them away and collects what they report.
    pub(crate) fn dismiss(self) -> io::Result<GuestBook> {
        self.signals.stop.store(true, Ordering::Relaxed);
        let asked = self.askers.map(join).transpose()?;
        let abused = self.abusers.map(join).transpose()?;
        Ok(GuestBook { asked, abused })
    }
}

fn join<T>(thread: JoinHandle<io::Result<T>>) -> io::Result<T> {
    thread.join().map_err(|_| io::Error::other("a thread of guests panicked"))?
}
