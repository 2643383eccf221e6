//! Values and counters in Memcached, which may forget both.
//! Of the crate `memcache` only the client of the meta protocol: it tells whether a request that
//! failed had left.

use super::net::{Backoff, TIMEOUT};
use super::{Counter, KeyValue, KvLimits};
use crate::replay::StoreError;
use bytes::Bytes;
use memcache::exp::{Delete, Error, Get, MetaClient, MetaClientBuilder, MutationResult, Set, Ttl};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod stats;

/// A Memcached server, of version 1.6 or later.
///
/// It keeps everything in memory, and drops what was not used for longest where that runs out:
/// events, and counters too. What follows from that:
///
/// - Ids begin at the microseconds since 1970 in place of 1, each time the server has no counter: none
///   comes twice, as long as there are less than a million events a second on average.
/// - An id from before the server was restarted, or whose next events were dropped, is
///   [aged out](crate::replay::UnknownId::AgedOut). Once the server has dropped anything, so is an id
///   after which an event is missing: whether it was dropped or never stored can no longer be told.
/// - Ids are given in one step and events stored in another. See
///   [`grace`](super::KvReplayConfig::grace) for what happens when a process dies in between.
///
/// An event with its key has to fit into an item, which has 1 MiB, unless the server was started with
/// `-I` and [`item_bytes`](Self::item_bytes) says so. A time to live is rounded up to whole seconds.
/// Keys have 250 bytes at most.
///
/// ```no_run
/// use headwater_sse::replay::{KvReplayConfig, KvReplayStore, MemcachedKv};
/// use std::time::Duration;
///
/// let memcached = MemcachedKv::new("127.0.0.1:11211")?;
/// let config = KvReplayConfig::new().prefix("myapp/sse/").ttl(Duration::from_hours(1));
/// let store = KvReplayStore::new(memcached, config)?;
/// # let _ = store;
/// # Ok::<(), headwater_sse::replay::StoreError>(())
/// ```
pub struct MemcachedKv {
    /// To the addresses that the host had when it was looked up.
    client: Mutex<MetaClient>,
    addr: String,
    timeout: Duration,
    item_bytes: usize,
    backoff: Backoff,
}

/// The key, and what the server has beside a value, which depends on its version: about 60 bytes.
const KEY_BYTES: usize = 250;
const ITEM_OVERHEAD_BYTES: usize = KEY_BYTES + 262;
/// A connection that was idle for longer may have ended meanwhile, and a write on it be in doubt.
const IDLE: Duration = Duration::from_secs(1);
/// No timeout is longer: the client adds them to the time.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);
/// How many requests go out before their answers are read.
const AT_ONCE: usize = 256;

impl MemcachedKv {
    /// The server at `host:port`. It is not connected to yet. The host is looked up now, and again each time
    /// that it cannot be reached.
    ///
    /// # Errors
    /// The host has no address.
    pub fn new(addr: &str) -> Result<Self, StoreError> {
        let client = Mutex::new(client(addr, TIMEOUT)?);
        let backoff = Backoff::default();
        let addr = addr.to_owned();
        Ok(Self { client, addr, timeout: TIMEOUT, item_bytes: 1 << 20, backoff })
    }

    /// How long connecting, and each answer, may take. Default 2 s, a day at most.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, StoreError> {
        self.timeout = timeout.clamp(Duration::from_millis(1), LONGEST_TIMEOUT);
        self.client = Mutex::new(client(&self.addr, self.timeout)?);
        Ok(self)
    }

    /// How large an item of the server's may be, which is what it was given as `-I`. Default 1 MiB.
    #[must_use]
    pub fn item_bytes(mut self, most: usize) -> Self {
        self.item_bytes = most.max(ITEM_OVERHEAD_BYTES);
        self
    }

    fn lock(&self) -> MutexGuard<'_, MetaClient> {
        // Nothing panics while it is held.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self) -> MetaClient {
        self.lock().clone()
    }

    /// The server may have come back at another address. If none is found, it may still be at the last one.
    fn look_up(&self) {
        if let Ok(client) = client(&self.addr, self.timeout) {
            *self.lock() = client;
        }
    }

    /// Whether one of these is there, or may be.
    fn has_any(&self, entries: &[(String, Bytes)]) -> bool {
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        let ours =
            |((_, value), there): (&(String, Bytes), Option<Bytes>)| there.as_ref() == Some(value);
        self.get(&keys).map_or(true, |there| entries.iter().zip(there).any(ours))
    }

    /// A request that failed before it left is tried again after a pause only.
    fn run<T>(
        &self,
        again: bool,
        mut work: impl FnMut(&MetaClient) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let mut failure = None;
        let done = self.backoff.attempt(|| {
            let mut done = work(&self.client());
            if matches!(done, Err(Error::Io(_) | Error::Timeout { .. })) {
                self.look_up();
            }
            // The server may have been restarted since the connection was made.
            if again && matches!(done, Err(Error::Io(_))) {
                done = work(&self.client());
            }
            match done.map_err(failed) {
                Err(error @ StoreError::Unavailable { .. }) => Err(error),
                Err(error) => {
                    failure = Some(error);
                    Ok(None)
                }
                Ok(done) => Ok(Some(done)),
            }
        })?;
        match (done, failure) {
            (Some(done), _) => Ok(done),
            (None, Some(failure)) => Err(failure),
            (None, None) => unreachable!("one of them is there"),
        }
    }
}

fn client(addr: &str, timeout: Duration) -> Result<MetaClient, StoreError> {
    let builder = MetaClientBuilder::new()
        .connect_timeout(Some(timeout))
        .io_timeout(Some(timeout))
        .max_idle_age(IDLE);
    builder.connect(addr).map_err(StoreError::refused)
}

/// What an error of the client says.
fn failed(error: Error) -> StoreError {
    match &error {
        _ if answered(&error) => StoreError::refused(error),
        Error::Io(_) | Error::Timeout { .. } => StoreError::unavailable(error, false),
        _ => StoreError::unavailable(error, true),
    }
}

/// Whether the server answered, and did nothing. A client that waits for no more answers than the first such
/// one does not know what became of what it had sent behind it.
fn answered(error: &Error) -> bool {
    match error {
        Error::Ambiguous { source, .. } => answered(source),
        Error::Io(_) | Error::Timeout { .. } | Error::Protocol(_) => false,
        _ => true,
    }
}

/// What has become of values that were to be stored.
#[derive(Default)]
struct Stored {
    /// Of each, as far as there was an answer.
    put: Vec<bool>,
    /// Why the first of those was refused that were.
    refusal: Option<Error>,
}

impl Stored {
    /// Takes the answers to one request up to the first refusal, behind which the client reads none.
    fn take(&mut self, answers: Vec<Result<MutationResult, Error>>) -> Result<(), Error> {
        for answer in answers {
            match answer {
                Ok(result) => self.put.push(result.applied()),
                Err(error) if answered(&error) => {
                    self.put.push(false);
                    self.refusal.get_or_insert(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether some of them are there, or may be: those behind a refusal were sent with it.
    fn any(&self) -> bool {
        self.refusal.is_some() || self.put.contains(&true)
    }
}

fn each<T>(answers: Vec<Result<T, Error>>) -> Result<Vec<T>, Error> {
    answers.into_iter().collect()
}

impl Counter for MemcachedKv {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        // Twice: it may be missing, and it may be dropped just after it was made.
        for _ in 0..2 {
            let add = |client: &MetaClient| client.increment(key).delta(by).send();
            let added = self.run(false, add)?;
            if let Some(value) = added.value.filter(|_| added.applied()) {
                return Ok(value);
            }
            // Never with an end, which counters that are made by counting must have.
            let make = |client: &MetaClient| {
                let set = client.set(key, initial.to_string());
                set.ttl(Ttl::NEVER).add().send()
            };
            self.run(true, make)?;
        }
        Err(StoreError::refused("it does not keep the counter"))
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let Some(value) = self.run(true, |client| client.get(key).send())?.value else {
            return Ok(None);
        };
        let number = std::str::from_utf8(&value).ok().and_then(|text| text.trim().parse().ok());
        number.map(Some).ok_or_else(|| StoreError::Corrupt { key: key.to_owned() })
    }
}

impl KeyValue for MemcachedKv {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let mut values = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            let get =
                |client: &MetaClient| client.run_many(keys.iter().map(Get::new)).and_then(each);
            let fetched = self.run(true, get)?;
            values.extend(fetched.into_iter().map(|result| result.value.map(Bytes::from)));
        }
        Ok(values)
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut stored = Stored::default();
        while stored.put.len() < entries.len() {
            let rest = &entries[stored.put.len()..];
            let sets = rest
                .iter()
                .take(AT_ONCE)
                .map(|(key, value)| Set::new(key, value).ttl(life(ttl)).add());
            let taken = self.run(false, |client| {
                client.run_many(sets.clone()).and_then(|answers| stored.take(answers))
            });
            taken.map_err(|error| begun(error, stored.any()))?;
        }
        match stored.refusal {
            Some(error) if stored.put.contains(&true) || self.has_any(entries) => {
                Err(StoreError::unavailable(error, true))
            }
            Some(error) => Err(StoreError::refused(error)),
            None => Ok(stored.put),
        }
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        for keys in keys.chunks(AT_ONCE) {
            self.run(true, |client| client.run_many(keys.iter().map(Delete::new)).and_then(each))?;
        }
        Ok(())
    }

    fn evicts(&self) -> Result<bool, StoreError> {
        let evictions = stats::evictions(&self.addr, self.timeout);
        Ok(evictions.map_err(|error| StoreError::unavailable(error, false))? > 0)
    }

    fn limits(&self) -> KvLimits {
        KvLimits::new(KEY_BYTES, self.item_bytes - ITEM_OVERHEAD_BYTES)
    }

    fn forgets(&self) -> bool {
        true
    }
}

/// An error after other parts of the same call were done.
fn begun(error: StoreError, begun: bool) -> StoreError {
    match error {
        StoreError::Unavailable { source, sent } => {
            StoreError::Unavailable { source, sent: sent || begun }
        }
        error => error,
    }
}

/// Whole seconds, not less than asked for.
fn life(ttl: Option<Duration>) -> Ttl {
    let secs = |ttl: Duration| ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
    ttl.map_or(Ttl::NEVER, |ttl| Ttl::secs(u32::try_from(secs(ttl)).unwrap_or(u32::MAX).max(1)))
}

impl fmt::Debug for MemcachedKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedKv").field("addr", &self.addr).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
