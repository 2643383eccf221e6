//! Values and counters in Redis, or in what speaks its protocol and runs its scripts.

use super::net::{Link, Pool, TIMEOUT};
use super::{AppendInOneStep, Counter, KeyValue, KvLimits, LogKeys};
use crate::replay::StoreError;
use bytes::Bytes;
use redis::{Client, Connection, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind};
use std::fmt;
use std::time::Duration;

/// A Redis server, of version 5 or later, or Valkey.
///
/// Events are appended by one script: ids and events are there together or not at all. What survives
/// a restart of the server is what its persistence keeps: with `appendonly yes` everything that was
/// answered, as far as `appendfsync` has it on the disk when the machine itself goes down.
///
/// With snapshots alone, and where a replica takes over, which is always somewhat behind, an older
/// counter comes back: the newest events are lost, *and their ids are given again*, to other events. A
/// process that has seen those ids notices it when it appends
/// ([`WentBack`](crate::replay::StoreError::WentBack)), a new one cannot, and
/// [`ids_from_clock`](super::KvReplayConfig::ids_from_clock) does not help: the counter is there. Only
/// `appendonly yes` on a server that no replica replaces, or Postgres, prevents that. Set it where the
/// counter may be lost altogether: without any persistence, or with a `maxmemory-policy` that lets the
/// server drop any key.
///
/// Connections are made when they are needed. One that fails is given up; the next attempt is
/// made at once, later ones after pauses of up to 2 s, during which calls fail without one.
///
/// A cluster works if the [prefix](super::KvReplayConfig::prefix) holds a hash tag, and the address is
/// that of the tag's node.
///
/// ```no_run
/// use headwater_sse::replay::{KvReplayConfig, KvReplayStore, RedisKv};
/// use std::time::Duration;
///
/// let redis = RedisKv::new("redis://127.0.0.1:6379/")?.timeout(Duration::from_secs(1));
/// let config = KvReplayConfig::new().prefix("myapp/sse/").ttl(Duration::from_hours(1));
/// let store = KvReplayStore::new(redis, config)?;
/// # let _ = store;
/// # Ok::<(), headwater_sse::replay::StoreError>(())
/// ```
pub struct RedisKv {
    client: Client,
    timeout: Duration,
    append: Script,
    add: Script,
    pool: Pool<Connection>,
}

/// Keys: the counter, what events' keys begin with. Arguments: where the counter begins, for how many
/// milliseconds events stay (0 for ever), the events.
const APPEND: &str = r"
if ARGV[1] ~= '0' then redis.call('SET', KEYS[1], ARGV[1], 'NX') end
local many = #ARGV - 2
local first = redis.call('INCRBY', KEYS[1], many) - many + 1
for i = 1, many do
  local key = KEYS[2] .. string.format('%.0f', first + i - 1)
  if ARGV[2] == '0' then redis.call('SET', key, ARGV[i + 2])
  else redis.call('SET', key, ARGV[i + 2], 'PX', ARGV[2]) end
end
return first";

/// For a counter alone that does not begin at 0.
const ADD: &str = r"
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('INCRBY', KEYS[1], ARGV[2])";

impl RedisKv {
    /// The server at a URL like `redis://user:password@host:6379/0`, or `redis+unix:///path`. It is not
    /// connected to yet. `rediss://` needs a feature for TLS of the crate `redis` to be on.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(StoreError::refused)?;
        let (append, add) = (Script::new(APPEND), Script::new(ADD));
        Ok(Self { client, timeout: TIMEOUT, append, add, pool: Pool::new() })
    }

    /// How long connecting, and each answer, may take. Default 2 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        // None at all would be refused by the operating system.
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let connected = self.client.get_connection_with_timeout(self.timeout);
        let connected = connected.and_then(|link| {
            link.set_read_timeout(Some(self.timeout))?;
            link.set_write_timeout(Some(self.timeout))?;
            Ok(link)
        });
        connected.map_err(|error| failed(error, false))
    }

    fn run<T>(
        &self,
        again: bool,
        mut work: impl FnMut(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let work = |link: &mut Connection| work(link).map_err(|error| failed(error, true));
        self.pool.run(|| self.connect(), again, work)
    }
}

/// What an error of the client says.
fn failed(error: RedisError, sent: bool) -> StoreError {
    match error.kind() {
        // It is loading its data, or is not, or no longer, the one to ask. Nothing was written; it will be back,
        // or a new connection leads to another one.
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::Moved,
        ) => StoreError::unavailable(error, false),
        ErrorKind::Io | ErrorKind::Parse => StoreError::unavailable(error, sent),
        _ => StoreError::refused(error),
    }
}

impl Link for Connection {
    fn answers(&mut self) -> bool {
        redis::cmd("PING").exec(self).is_ok()
    }
}

impl Counter for RedisKv {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        if initial == 0 {
            return self.run(false, |link| redis::cmd("INCRBY").arg(key).arg(by).query(link));
        }
        self.run(false, |link| self.add.key(key).arg(initial).arg(by).invoke(link))
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.run(true, |link| redis::cmd("GET").arg(key).query(link))
    }
}

impl KeyValue for RedisKv {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values: Vec<Option<Vec<u8>>> =
            self.run(true, |link| redis::cmd("MGET").arg(keys).query(link))?;
        Ok(values.into_iter().map(|value| value.map(Bytes::from)).collect())
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = redis::Pipeline::with_capacity(entries.len());
        for (key, value) in entries {
            let set = all.cmd("SET").arg(key).arg(&value[..]).arg("NX");
            if let Some(ttl) = ttl {
                set.arg("PX").arg(millis(ttl));
            }
        }
        let put: Vec<Option<String>> = self.run(false, |link| all.query(link))?;
        Ok(put.iter().map(Option::is_some).collect())
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.run(true, |link| redis::cmd("UNLINK").arg(keys).exec(link))
    }

    fn appends_in_one_step(&self) -> bool {
        true
    }

    fn append(
        &self,
        log: &LogKeys,
        values: &[Bytes],
        ttl: Option<Duration>,
        initial: u64,
    ) -> AppendInOneStep {
        let mut call = self.append.key(log.counter());
        call.key(log.events()).arg(initial).arg(ttl.map_or(0, millis));
        for value in values {
            call.arg(&value[..]);
        }
        Some(self.run(false, |link| call.invoke(link)))
    }

    fn evicts(&self) -> Result<bool, StoreError> {
        let stats: String = self.run(true, |link| redis::cmd("INFO").arg("stats").query(link))?;
        let evicted = stats.lines().find_map(|line| line.strip_prefix("evicted_keys:"));
        Ok(evicted.is_none_or(|keys| keys.trim() != "0"))
    }

    fn limits(&self) -> KvLimits {
        // Both are strings, of 512 MiB at most (`proto-max-bulk-len`).
        KvLimits::new(512 << 20, 512 << 20)
    }
}

/// At least one: none at all would be refused.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX.cast_unsigned() / 2)
}

impl fmt::Debug for RedisKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        let addr = self.client.get_connection_info().addr();
        f.debug_struct("RedisKv").field("addr", addr).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{ErrorKind::Server, ServerErrorKind as Kind};

    #[test]
    fn debug_shows_no_password() {
        let redis = RedisKv::new("redis://someone:secret@127.0.0.1:6379/0").expect("a valid URL");
        let shown = format!("{redis:?}");
        assert!(shown.contains("127.0.0.1") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_server_that_is_not_the_one_to_ask_is_unavailable_and_has_written_nothing() {
        for kind in [Kind::ReadOnly, Kind::ClusterDown, Kind::Moved, Kind::MasterDown] {
            let failed = failed((Server(kind), "it says so").into(), true);
            assert!(matches!(failed, StoreError::Unavailable { sent: false, .. }), "{kind:?}");
        }
        let broken = failed(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into(), true);
        assert!(matches!(broken, StoreError::Unavailable { sent: true, .. }), "{broken}");
        let refused = failed((Server(Kind::ResponseError), "it says so").into(), true);
        assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    }
}
