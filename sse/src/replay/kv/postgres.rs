//! Values and counters in Postgres: the statements. The connection is in `postgres/session.rs`.

use self::session::Session;
use super::net::{Pool, TIMEOUT};
use super::{AppendInOneStep, Counter, KeyValue, KvLimits, LogKeys};
use crate::replay::StoreError;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::types::Type;

mod session;

/// A Postgres database, of version 12 or later.
///
/// Two tables are made where they are missing: `headwater_replay` of values, and
/// `headwater_replay_counters`. Events are appended by one statement, which locks the row of their
/// counter until they are committed: whoever reads sees ids and events together, and without gaps.
/// Everything that was answered survives a restart of the server, and its crash
/// (unless `synchronous_commit` is off). Expired events are deleted as others are appended.
///
/// Connections are made when they are needed, without TLS. One that fails is given up; the next
/// attempt is made at once, later ones after pauses of up to 2 s, during which calls fail without
/// one.
///
/// # Panics
/// Calls panic on threads that run asynchronous tasks of a `tokio` runtime, which may not be blocked:
/// there they belong into `spawn_blocking`.
///
/// ```no_run
/// use headwater_sse::replay::{KvReplayConfig, KvReplayStore, PostgresKv};
/// use std::time::Duration;
///
/// let postgres = PostgresKv::new("postgres://user:password@127.0.0.1:5432/events")?;
/// let config = KvReplayConfig::new().prefix("myapp/sse/").ttl(Duration::from_hours(1));
/// let store = KvReplayStore::new(postgres, config)?;
/// # let _ = store;
/// # Ok::<(), headwater_sse::replay::StoreError>(())
/// ```
pub struct PostgresKv {
    config: Config,
    timeout: Duration,
    pool: Pool<Session>,
    /// How many values with an end were stored since expired ones were deleted.
    unpurged: AtomicU64,
}

const READ: &str = "SELECT value FROM headwater_replay_counters WHERE key = $1";

const ADD: &str = "INSERT INTO headwater_replay_counters AS c (key, value) VALUES ($1, $2 + $3)
    ON CONFLICT (key) DO UPDATE SET value = c.value + $3 RETURNING value";

const GET: &str = "SELECT key, value FROM headwater_replay
    WHERE key = ANY($1) AND (expires IS NULL OR expires > clock_timestamp())";

/// What has expired and is not deleted yet counts as missing.
const INSERT: &str = "INSERT INTO headwater_replay AS r (key, value, expires)
    SELECT key, value, clock_timestamp() + make_interval(secs => $3)
        FROM unnest($1::text[], $2::bytea[]) AS u (key, value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
        WHERE r.expires <= clock_timestamp()
    RETURNING key";

const REMOVE: &str = "DELETE FROM headwater_replay WHERE key = ANY($1)";

/// The row of the counter stays locked until all is committed.
const APPEND: &str = "WITH counter AS (
        INSERT INTO headwater_replay_counters AS c (key, value) VALUES ($1, $2 + $3)
        ON CONFLICT (key) DO UPDATE SET value = c.value + $3 RETURNING value
    ), events AS (
        INSERT INTO headwater_replay (key, value, expires)
        SELECT $4 || (counter.value - $3 + place)::text, u.value,
               clock_timestamp() + make_interval(secs => $6)
            FROM counter, unnest($5::bytea[]) WITH ORDINALITY AS u (value, place)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
    )
    SELECT value FROM counter";

const PURGE: &str = "DELETE FROM headwater_replay WHERE key IN (
        SELECT key FROM headwater_replay WHERE expires <= clock_timestamp() LIMIT $1
    )";
/// After so many values with an end, twice as many expired ones are deleted.
const PURGE_AFTER: u64 = 512;

impl PostgresKv {
    /// The database at a URL like `postgres://user:password@host:5432/database`, or with a
    /// connection string of libpq. It is not connected to yet.
    ///
    /// # Errors
    /// It is neither, or requires TLS, with `sslmode=require` or `channel_binding=require`.
    ///
    /// ```
    /// use headwater_sse::replay::PostgresKv;
    ///
    /// let refused = PostgresKv::new("postgres://127.0.0.1/events?sslmode=require").unwrap_err();
    /// assert!(refused.to_string().contains("TLS"));
    /// ```
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let config: Config = url.parse().map_err(StoreError::refused)?;
        if config.get_ssl_mode() == SslMode::Require
            || config.get_channel_binding() == ChannelBinding::Require
        {
            return Err(StoreError::refused("it requires TLS, which connections do not have"));
        }
        let unpurged = AtomicU64::new(0);
        Ok(Self { config, timeout: TIMEOUT, pool: Pool::new(), unpurged })
    }

    /// How long connecting, and each answer, may take. Default 2 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    fn run<T>(
        &self,
        again: bool,
        work: impl FnMut(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.pool.run(|| Session::connect(&self.config, self.timeout), again, work)
    }

    /// Deletes what has expired, if it is time to.
    fn purge(&self, session: &mut Session, ttl: Option<Duration>, stored: usize) {
        if ttl.is_none() {
            return;
        }
        let stored = stored as u64;
        if self.unpurged.fetch_add(stored, Ordering::Relaxed) + stored < PURGE_AFTER {
            return;
        }
        let most = signed(self.unpurged.swap(0, Ordering::Relaxed).saturating_mul(2));
        // What was to be stored is; what could not be deleted is later.
        session.query(PURGE, &[(&most, Type::INT8)]).ok();
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &tokio_postgres::Row) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(0).map_err(StoreError::refused)?;
    u64::try_from(value).map_err(StoreError::refused)
}

/// What `RETURNING` says of the one row there is.
fn one(rows: &[tokio_postgres::Row]) -> Result<u64, StoreError> {
    rows.first().map_or_else(|| Err(StoreError::refused("it returned no row")), number)
}

impl Counter for PostgresKv {
    fn add(&self, key: &str, by: u64, initial: u64) -> Result<u64, StoreError> {
        let (by, initial) = (signed(by), signed(initial));
        let params: session::Params =
            &[(&key, Type::TEXT), (&initial, Type::INT8), (&by, Type::INT8)];
        one(&self.run(false, |session| session.query(ADD, params))?)
    }

    fn read(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let rows = self.run(true, |session| session.query(READ, &[(&key, Type::TEXT)]))?;
        rows.first().map(number).transpose()
    }
}

impl KeyValue for PostgresKv {
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let rows = self.run(true, |session| session.query(GET, &[(&keys, Type::TEXT_ARRAY)]))?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let key: String = row.try_get(0).map_err(StoreError::refused)?;
            let value: Vec<u8> = row.try_get(1).map_err(StoreError::refused)?;
            found.insert(key, Bytes::from(value));
        }
        Ok(keys.iter().map(|key| found.remove(key)).collect())
    }

    fn insert(
        &self,
        entries: &[(String, Bytes)],
        ttl: Option<Duration>,
    ) -> Result<Vec<bool>, StoreError> {
        let keys: Vec<_> = entries.iter().map(|(key, _)| &**key).collect();
        let values: Vec<_> = entries.iter().map(|(_, value)| &value[..]).collect();
        let secs = ttl.map(|ttl| ttl.as_secs_f64());
        let params: session::Params =
            &[(&keys, Type::TEXT_ARRAY), (&values, Type::BYTEA_ARRAY), (&secs, Type::FLOAT8)];
        let rows = self.run(false, |session| {
            let rows = session.query(INSERT, params)?;
            self.purge(session, ttl, entries.len());
            Ok(rows)
        })?;
        let put: Result<HashSet<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        let put = put.map_err(StoreError::refused)?;
        Ok(keys.into_iter().map(|key| put.contains(key)).collect())
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        self.run(true, |session| session.query(REMOVE, &[(&keys, Type::TEXT_ARRAY)]).map(drop))
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
        let (counter, events) = (log.counter(), log.events());
        let (initial, many) = (signed(initial), signed(values.len() as u64));
        let each: Vec<_> = values.iter().map(|value| &value[..]).collect();
        let secs = ttl.map(|ttl| ttl.as_secs_f64());
        let params: session::Params = &[
            (&counter, Type::TEXT),
            (&initial, Type::INT8),
            (&many, Type::INT8),
            (&events, Type::TEXT),
            (&each, Type::BYTEA_ARRAY),
            (&secs, Type::FLOAT8),
        ];
        let rows = self.run(false, |session| {
            let rows = session.query(APPEND, params)?;
            self.purge(session, ttl, values.len());
            Ok(rows)
        });
        let before = |last: u64| {
            let before = last.checked_sub(values.len() as u64);
            before.ok_or_else(|| StoreError::refused("its counter was below 0"))
        };
        Some(rows.and_then(|rows| before(one(&rows)?)).map(|before| before + 1))
    }

    fn limits(&self) -> KvLimits {
        // A key is in an index, which takes a third of a page; a message has 1 GiB at most.
        KvLimits::new(2_000, 256 << 20)
    }
}

impl fmt::Debug for PostgresKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Which leaves out the password.
        f.debug_struct("PostgresKv").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        for secret in
            ["postgres://someone:secret@127.0.0.1/events", "host=127.0.0.1 password=secret"]
        {
            let postgres = PostgresKv::new(secret).expect("a valid configuration");
            let shown = format!("{postgres:?}");
            assert!(shown.contains("127.0.0.1") && !shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn what_requires_tls_is_refused_at_once() {
        for (option, taken) in [
            ("sslmode=disable", true),
            ("sslmode=prefer", true),
            ("channel_binding=prefer", true),
            ("sslmode=require", false),
            ("channel_binding=require", false),
        ] {
            let made = PostgresKv::new(&format!("postgres://u@127.0.0.1/events?{option}"));
            assert_eq!(made.is_ok(), taken, "{option}");
            assert_eq!(PostgresKv::new(&format!("host=127.0.0.1 {option}")).is_ok(), taken);
        }
    }
}
