//! What may be set of streams: who is let in, what is told at their end, how long they live, and on which
//! threads they run.

mod admission;
mod blocking;
mod cancelling;
mod chosen;
mod held;
mod hooks;
mod laggards;
mod lifetimes;
mod settings;
mod skipping;
mod unbegun;
mod unread;

use crate::support::eventually;
use headwater::sse::{Client, Disconnect};
use std::sync::{Arc, Mutex};

/// The reasons that `on_disconnect` was given.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<Disconnect>>>);

impl Ends {
    /// A hook that keeps them.
    fn hook(&self) -> impl Fn(&Client, Disconnect) + Send + Sync + 'static {
        let ends = self.clone();
        move |client, why| {
            assert!(client.is_closed());
            ends.0.lock().expect("no panic").push(why);
        }
    }

    fn all(&self) -> Vec<Disconnect> {
        self.0.lock().expect("no panic").clone()
    }

    #[track_caller]
    fn expect(&self, whys: &[Disconnect]) {
        eventually("all ends are told", || self.all().len() >= whys.len());
        assert_eq!(self.all(), whys);
    }
}
