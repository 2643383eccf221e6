//! A connection to Postgres for one thread at a time: each answer has a deadline, which the client's
//! own blocking interface does not have. Never knows which statements there are.

use crate::replay::StoreError;
use crate::replay::kv::net::Link;
use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error, NoTls, Row, error::SqlState};

pub(super) type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

pub(super) struct Session {
    client: Client,
    runtime: Waiting,
    timeout: Duration,
}

/// Processes that do this at once wait for one another, since making a table that somebody else is
/// making fails. The number is the lock's, and nobody else's by being odd enough.
const TABLES: &str = "BEGIN;
    SELECT pg_advisory_xact_lock(7310031700210119);
    CREATE TABLE IF NOT EXISTS headwater_replay (
        key text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL, expires timestamptz);
    CREATE INDEX IF NOT EXISTS headwater_replay_expires ON headwater_replay (expires)
        WHERE expires IS NOT NULL;
    CREATE TABLE IF NOT EXISTS headwater_replay_counters (
        key text COLLATE \"C\" PRIMARY KEY, value bigint NOT NULL);
    COMMIT";
const TABLES_THERE: &str = "SELECT to_regclass('headwater_replay') IS NOT NULL
    AND to_regclass('headwater_replay_counters') IS NOT NULL";

impl Session {
    /// Connects, and makes the tables where they are missing.
    pub(super) fn connect(config: &Config, within: Duration) -> Result<Self, StoreError> {
        let none = |error| StoreError::unavailable(error, false);
        let runtime = Waiting::new().map_err(none)?;
        let connecting = async {
            let (client, connection) = config.connect(NoTls).await?;
            // Its end shows in every call of the client's.
            tokio::spawn(connection);
            // What nobody waits for any more is not to go on, and hold its locks.
            let millis = within.as_millis().clamp(1, 2_147_483_647);
            client.batch_execute(&format!("SET statement_timeout = {millis}")).await?;
            if !client.query_one(TABLES_THERE, &[]).await?.try_get(0)? {
                client.batch_execute(TABLES).await?;
            }
            Ok(client)
        };
        match runtime.within(within, connecting) {
            Ok(Ok(client)) => Ok(Self { client, runtime, timeout: within }),
            Ok(Err(error)) => Err(failed(error, false)),
            Err(late) => Err(StoreError::unavailable(late, false)),
        }
    }

    pub(super) fn query(&mut self, query: &str, params: Params) -> Result<Vec<Row>, StoreError> {
        match self.runtime.within(self.timeout, self.client.query_typed(query, params)) {
            Ok(answer) => answer.map_err(|error| failed(error, true)),
            Err(late) => Err(StoreError::unavailable(late, true)),
        }
    }
}

/// What an error of the client says.
fn failed(error: Error, sent: bool) -> StoreError {
    let Some(code) = error.code() else { return StoreError::unavailable(error, sent) };
    // Rolled back by the server: it took too long, or lost against another.
    let undone = [
        SqlState::QUERY_CANCELED,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    if undone.contains(code) {
        return StoreError::unavailable(error, false);
    }
    // Classes of codes: 08 connections, 53 resources (too many connections, disk full), 57P the
    // server begins or ends.
    let class = code.code();
    if class.starts_with("08") || class.starts_with("53") || class.starts_with("57P") {
        return StoreError::unavailable(error, sent);
    }
    StoreError::refused(error)
}

impl Link for Session {
    fn answers(&mut self) -> bool {
        matches!(self.runtime.within(self.timeout, self.client.check_connection()), Ok(Ok(())))
    }
}

/// Runs only while a thread waits for an answer.
struct Waiting(Option<Runtime>);

impl Waiting {
    fn new() -> io::Result<Self> {
        Builder::new_current_thread().enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    fn within<T>(&self, time: Duration, answer: impl Future<Output = T>) -> Result<T, Elapsed> {
        let Some(runtime) = &self.0 else { unreachable!("only while it is dropped") };
        // A timer is made inside of its runtime.
        runtime.block_on(async { timeout(time, answer).await })
    }
}

/// Waits for nothing: a name may still be looked up on a thread, for longer than anybody has time, and
/// tasks of other runtimes may not wait at all.
impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn who_gives_up_waits_for_no_name_that_is_still_looked_up() {
        let (found, finds) = mpsc::channel::<()>();
        let (over, is_over) = mpsc::channel();
        let giving_up = thread::spawn(move || {
            let runtime = Waiting::new().expect("a runtime");
            let looked_up = async {
                let looks = tokio::task::spawn_blocking(move || finds.recv().is_ok());
                looks.await.expect("no panic")
            };
            runtime.within(Duration::from_millis(1), looked_up).expect_err("it takes longer");
            drop(runtime);
            over.send(()).expect("somebody waits");
        });
        is_over.recv_timeout(Duration::from_mins(1)).expect("it is over before that is");
        found.send(()).expect("it is still looked up");
        giving_up.join().expect("no panic");
    }
}
