//! Several processes, at once and one after the other.

use crate::support::stand::connect;
use crate::support::{Stand, all_since, append, assert_dense, away, on_every_store, why};
use headwater_sse::replay::{KvReplayConfig, KvReplayStore, ReplayStore, Scope, UnknownId};
use headwater_sse::{Event, EventId};
use std::env;
use std::process::{Command, Stdio};

on_every_store! { from redis:
    two_processes_that_append_at_once_give_one_sequence,
    after_a_restart_of_the_process_earlier_ids_are_known,
    a_store_that_is_opened_again_goes_on,
}

const EVENTS: usize = 300;

/// In another process: appends to a store whose address it is told.
#[test]
fn helper_that_appends() {
    let Ok(address) = env::var("HEADWATER_APPEND_TO") else { return };
    let prefix = env::var("HEADWATER_APPEND_PREFIX").expect("a prefix");
    let config = KvReplayConfig::new().prefix(prefix);
    let store = KvReplayStore::new(connect(&address), config).expect("a store");
    for at in 0..EVENTS {
        let ids = store.append(&Scope::topic("news"), &[Event::data(at.to_string()).into()]);
        println!("id {}", ids.expect("appended").last().expect("an id"));
    }
}

fn process(stand: &Stand) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command
        .args(["--exact", "processes::helper_that_appends", "--nocapture"])
        .env("HEADWATER_APPEND_TO", stand.address().expect("a server"))
        .env("HEADWATER_APPEND_PREFIX", &stand.prefix)
        .stdout(Stdio::piped());
    command
}

fn ids_in(output: &[u8]) -> Vec<EventId> {
    let text = String::from_utf8_lossy(output);
    let ids = text.lines().filter_map(|line| line.split_once("id ").map(|(_, id)| id.parse()));
    ids.collect::<Result<_, _>>().expect("ids")
}

fn two_processes_that_append_at_once_give_one_sequence(stand: &Stand) {
    let (store, topic) = (stand.open(stand.config()), Scope::topic("news"));
    let before = store.tail(&topic).expect("a tail");
    let both = [0, 1].map(|_| process(stand).spawn().expect("it starts"));
    let mut all = Vec::new();
    for process in both {
        let output = process.wait_with_output().expect("it ends");
        assert!(output.status.success());
        let ids = ids_in(&output.stdout);
        assert_eq!(ids.len(), EVENTS);
        all.extend(ids.iter().map(crate::support::number));
    }
    all.sort_unstable();
    assert_eq!(assert_dense(all.into_iter().map(EventId::from), &before), 2 * EVENTS);
    let stored = all_since(&store, &topic, &before, 100).expect("all are there");
    assert_eq!(assert_dense(stored.into_iter().map(|(id, _)| id), &before), 2 * EVENTS);
}

/// Pitfall 9.
fn after_a_restart_of_the_process_earlier_ids_are_known(stand: &Stand) {
    let topic = Scope::topic("news");
    let output = process(stand).output().expect("it runs");
    let ids = ids_in(&output.stdout);
    // A process that has seen none of them.
    let store = stand.open(stand.config());
    for (at, id) in ids.iter().enumerate().step_by(50) {
        let all = all_since(&store, &topic, id, 100).expect("known");
        assert_eq!(all.len(), EVENTS - 1 - at);
    }
    assert_eq!(append(&store, &topic, "next"), away(&ids[EVENTS - 1], 1));
}

fn a_store_that_is_opened_again_goes_on(stand: &Stand) {
    let topic = Scope::topic("news");
    let first = append(&stand.open(stand.config()), &topic, "first");
    let store = stand.open(stand.config());
    assert_eq!(append(&store, &topic, "second"), away(&first, 1));
    assert_eq!(all_since(&store, &topic, &first, 10).expect("known").len(), 1);
    assert_eq!(why(store.since(&topic, Some(&away(&first, 2)), 10)), UnknownId::Future);
}
