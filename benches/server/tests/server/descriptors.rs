//! More clients than descriptors: the server goes on, rests, and takes clients in again.

use crate::client::{Connection, connect};
use crate::crowd::{Crowd, Member};
use crate::process::{Server, eventually};
use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const DESCRIPTORS: usize = 200;
const CLIENTS: usize = 400;
/// Descriptors that a server of two workers needs for itself, and some more.
const OWN: usize = 40;

pub(crate) fn subscribers_past_the_limit_wait_and_get_in_as_others_leave(engine: &str) {
    let server = Server::start_limited(DESCRIPTORS, engine, "--rate 0 --heartbeat 0 --workers 2");
    let mut existing = Connection::open(server.addr);
    assert_eq!(existing.count(), 0);
    let mut crowd = Crowd::subscribe(server.addr, CLIENTS);
    eventually("the limit", || {
        crowd.read();
        existing.metric("accept_failures_total") > 0 && existing.count() > DESCRIPTORS - OWN
    });
    rests(&server, &mut existing);
    assert!(existing.count() < DESCRIPTORS);
    crowd.read();
    let are_in = |member: &Member| member.decoder.head.is_some();
    let inside: Vec<usize> = (0..CLIENTS).filter(|index| are_in(&crowd.members[*index])).collect();
    assert!(inside.len() > DESCRIPTORS - OWN, "{} are in", inside.len());
    existing.publish("to those that are in");
    eventually("the event", || {
        crowd.read();
        inside.iter().all(|index| !crowd.members[*index].decoder.items.is_empty())
    });

    // Whoever has got in leaves, until everybody has been in.
    let mut left = 0;
    eventually("a turn for everybody", || {
        crowd.read();
        left += crowd.leave(|member| member.head.is_some());
        left == CLIENTS
    });
    eventually("no subscribers", || existing.count() == 0);
    assert_eq!(Connection::open(server.addr).get("/plaintext").status, 200);
    server.stop_after(existing);
}

pub(crate) fn silent_clients_past_the_limit_give_way_to_those_that_ask(engine: &str) {
    let server = Server::start_limited(DESCRIPTORS, engine, "--rate 0 --heartbeat 0 --workers 2");
    let mut existing = Connection::open(server.addr);
    assert_eq!(existing.count(), 0);
    let mut silent: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(server.addr)).collect();
    eventually("the limit", || existing.metric("accept_failures_total") > 0);
    // All have been taken in at some time: those before them were closed for that.
    eventually("everybody", || existing.metric("connections_accepted_total") > CLIENTS as u64);
    let closed = silent.iter_mut().filter_map(closed_by_server).count();
    assert!(closed >= CLIENTS - DESCRIPTORS, "{closed} of {CLIENTS} gave way");
    assert!(closed < CLIENTS, "only as many give way as must");
    rests(&server, &mut existing);

    // There is no free descriptor, but those that ask get their answers.
    for _ in 0..20 {
        let mut another = Connection::open(server.addr);
        assert_eq!(another.get("/plaintext").body, "Hello, World!");
    }
    drop(silent);
    eventually("only this connection", || existing.metric("connections") == 1);
    server.stop_after(existing);
}

/// Some if the server has closed this connection.
fn closed_by_server(stream: &mut TcpStream) -> Option<()> {
    stream.set_nonblocking(true).expect("an option can be set");
    stream.read(&mut [0]).is_ok().then_some(())
}

/// Checks that the server, short of descriptors, answers an existing connection and does not spin
/// meanwhile.
fn rests(server: &Server, existing: &mut Connection) {
    const WINDOW: Duration = Duration::from_millis(1_200);
    /// What a server that spins reaches in a hundredth of the window.
    const MOST_FAILURES: u64 = 500;
    let failures = existing.metric("accept_failures_total");
    let (cpu, start) = (server.cpu(), Instant::now());
    assert_eq!(existing.get("/plaintext").body, "Hello, World!");
    thread::sleep(WINDOW);
    assert_eq!(existing.get("/json").status, 200);
    let (used, passed) = (server.cpu().saturating_sub(cpu), start.elapsed());
    let failures = existing.metric("accept_failures_total") - failures;
    println!("short of descriptors: {used:?} of CPU, {failures} failures in {passed:?}");
    assert!(used < passed / 2, "{used:?} of CPU in {passed:?} of rest");
    assert!(failures < MOST_FAILURES, "{failures} failures to accept in {passed:?}");
}
