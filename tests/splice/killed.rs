//! A server in a process of its own, on a database, that is killed again and again: this program once more,
//! as the test that serves.

use crate::client::Clients;
use crate::server::{Program, Server};
use crate::store::{open, stored_after};
use crate::{clients, number, publishing_time, serve, until};
use headwater::Engine;
use headwater::sse::Event;
use headwater::sse::replay::Scope;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Database, its port, and where to serve.
const SERVE: &str = "HEADWATER_SPLICE_SERVE";

/// Publishes until it is killed, as fast as the database bears.
#[test]
fn serves_where_it_is_told_to() {
    let Ok(told) = std::env::var(SERVE) else { return };
    let told: Vec<&str> = told.split(' ').collect();
    let [program, port, addr] = told[..] else { panic!("three words") };
    let programs = [Program::Redis, Program::Postgres, Program::Memcached];
    let program = programs.into_iter().find(|known| format!("{known:?}") == program);
    let store = open(program.expect("a database"), port.parse().expect("a port"));
    let (broker, _server) = serve(Engine::Epoll, addr, store);
    loop {
        // What becomes of one that is being published when this is killed, the store says.
        broker.publish_later(Event::data("x")).ok();
        if broker.replay_stats().is_some_and(|stats| stats.waiting > 200) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn start(program: Program, port: u16, addr: SocketAddr) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "killed::serves_where_it_is_told_to"])
        .env(SERVE, format!("{program:?} {port} {addr}"))
        .stdout(Stdio::null())
        .spawn()
        .expect("this program starts")
}

fn killed(program: Program, options: &[&str]) {
    if !program.is_here() {
        return;
    }
    let database = Server::start(program, options);
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let addr = free.expect("a free port");
    let store = open(program, database.port);
    let tail = || number(&store.tail(&Scope::topic("splice")).expect("the database answers"));
    let clients = Clients::start(addr, clients().min(50));
    let end = Instant::now() + publishing_time();
    let mut kills = 0;
    while Instant::now() < end || kills < 3 {
        let before = tail();
        let mut server = start(program, database.port, addr);
        until("it stores events", || tail() > before + 50);
        server.kill().expect("it runs");
        server.wait().expect("it is ours");
        kills += 1;
    }
    // Whoever comes now gets what is left, and one more.
    let (broker, server) = serve(Engine::Epoll, &addr.to_string(), open(program, database.port));
    let last = broker.publish_wait(Event::data("the end"), None);
    let last = number(&last.expect("the database works").id);
    let followed = clients.finish(last);
    for client in &followed {
        // Where the process was killed with ids that it had taken and not used, there are none.
        let first = client.ids.first().expect("it has begun");
        let after: Vec<u64> = client.ids.iter().skip(1).collect();
        let mut stored = stored_after(&*store, &Scope::topic("splice"), first);
        // What was under way when the last was killed may have come after that.
        stored.truncate(after.len());
        assert!(after == stored, "not all, or some twice");
        assert!(client.ids.last() >= Some(last));
    }
    let cuts: u64 = followed.iter().map(|client| client.cuts).sum();
    println!("{program:?}: {last} events, {kills} times killed, {cuts} times cut off");
    server.drain(Duration::ZERO).wait().expect("no worker fails");
}

#[cfg(feature = "redis")]
#[test]
fn redis_outlives_the_server() {
    killed(Program::Redis, &["--save", ""]);
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_outlives_the_server() {
    killed(Program::Postgres, &[]);
}

#[cfg(feature = "memcache")]
#[test]
fn memcached_outlives_the_server() {
    killed(Program::Memcached, &["-m", "512"]);
}
