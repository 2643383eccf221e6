//! Which clients there are to be beside the subscribers.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::LoadArgs;
use crate::cli::values::{self, Rate};
use crate::load::guests::{Abuse, Abusing, Asking, Paths};

/// Time over which abusers come.
const COMING: Duration = Duration::from_secs(2);

/// Clients beside the subscribers.
#[derive(Clone, Debug, Args)]
pub(crate) struct GuestArgs {
    /// Further clients that make requests over keep-alive connections, all together as many as
    /// `--ask-rate`; each is timed from when it was due
    #[arg(long, value_name = "N", value_parser = values::at_least_one)]
    pub(crate) askers: Option<NonZeroUsize>,

    /// Requests that these make each second
    #[arg(long, value_name = "PER_SECOND", default_value = "1000", value_parser = values::rate)]
    pub(crate) ask_rate: Rate,

    /// What they ask for
    #[arg(long, value_name = "PATH", default_value = "/plaintext", value_parser = values::path)]
    pub(crate) ask_path: String,

    /// Further clients that mean no good, the kinds of `--abuse` in equal parts; who is put an end
    /// to comes again after a second
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) abusers: usize,

    /// What abusers do [default: all of it]
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_enum)]
    pub(crate) abuse: Vec<Abuse>,
}

impl LoadArgs {
    /// All connections that there may be at a time.
    pub(crate) fn connections(&self) -> usize {
        let guests = &self.guests;
        let askers = guests.askers.map_or(0, NonZeroUsize::get);
        let crowds = [self.subscribers, self.slow, self.stuck, askers, guests.abusers];
        crowds.into_iter().fold(0, usize::saturating_add)
    }

    pub(crate) fn asking(&self) -> Option<Asking> {
        let guests = &self.guests;
        guests.askers.map(|clients| Asking {
            addr: self.addr,
            path: guests.ask_path.clone(),
            clients: clients.get(),
            per_second: guests.ask_rate.per_second(),
        })
    }

    pub(crate) fn abusing(&self) -> Option<Abusing> {
        let GuestArgs { abusers, abuse, ask_path, .. } = &self.guests;
        let kinds = if abuse.is_empty() { Abuse::ALL.to_vec() } else { abuse.clone() };
        let paths = Paths {
            ask: ask_path.clone(),
            events: self.events_path.clone(),
            publish: self.publish_path.clone(),
        };
        let abusing = Abusing { addr: self.addr, paths, kinds, abusers: *abusers, within: COMING };
        (*abusers > 0).then_some(abusing)
    }

    /// How long the guests take to be there.
    pub(crate) fn guests_come_within(&self) -> Duration {
        if self.guests.abusers > 0 { COMING } else { Duration::ZERO }
    }
}
