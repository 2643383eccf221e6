//! Starts that must fail: one clear line on standard error, and a code that is not zero.

use crate::process::{Server, refusal};
use headwater::Engine;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpListener};

/// Checks that a start with these flags fails with one line that says `what`.
fn refused(flags: &str, what: &str) {
    let (code, errors) = refusal(flags);
    assert!(matches!(code, Some(1 | 2)), "{flags}: {code:?} {errors}");
    assert_eq!(errors.lines().count(), 1, "{flags}: {errors}");
    assert!(errors.starts_with("bench-server: "), "{flags}: {errors}");
    assert!(errors.contains(what), "{flags}: {errors}");
    assert!(!errors.contains("panicked"), "{flags}: {errors}");
}

fn taken(engine: &str, addr: SocketAddr) {
    for workers in [1, 3] {
        let flags = format!("--engine {engine} --addr {addr} --workers {workers}");
        refused(&flags, &format!("cannot listen on {addr}: Address already in use"));
    }
}

pub(crate) fn a_port_with_a_plain_listener_is_refused(engine: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    taken(engine, listener.local_addr().expect("an address"));
}

pub(crate) fn a_port_with_a_sharing_listener_is_refused(engine: &str) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.set_reuse_port(true).expect("an option can be set");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    listener.listen(16).expect("it is bound");
    let addr = listener.local_addr().ok().and_then(|addr| addr.as_socket()).expect("an address");
    taken(engine, addr);
}

pub(crate) fn a_second_server_is_refused(engine: &str) {
    for workers in [1, 3] {
        let first = Server::start(engine, &format!("--workers {workers}"));
        taken(engine, first.addr);
        first.stop();
    }
}

pub(crate) fn flags_that_are_none_or_of_other_builds_are_refused(engine: &str) {
    let serve = format!("--engine {engine} --addr 127.0.0.1:0");
    for (flag, what) in [
        #[cfg(not(feature = "redis"))]
        ("--replay redis://127.0.0.1:1", "--features redis"),
        #[cfg(not(feature = "postgres"))]
        ("--replay postgres://127.0.0.1:1", "--features postgres"),
        #[cfg(not(feature = "memcache"))]
        ("--replay memcache://127.0.0.1:1", "--features memcache"),
        ("--replay disk", "--replay"),
        ("--slow-policy sometimes", "--slow-policy"),
        ("--workers 0", "--workers"),
        ("--frobnicate", "--frobnicate"),
        ("--rate -1", "-1"),
        ("--heartbeat never", "--heartbeat"),
    ] {
        refused(&format!("{serve} {flag}"), what);
    }
}

#[test]
fn an_engine_that_is_not_there_is_refused_and_not_replaced() {
    for engine in [Engine::IoUring, Engine::Epoll, Engine::Std] {
        if !Engine::compiled().contains(&engine) {
            let line = format!("engine {engine} is not available");
            refused(&format!("--engine {engine} --addr 127.0.0.1:0"), &line);
        }
    }
    refused("--engine kqueue --addr 127.0.0.1:0", "--engine");
}

#[test]
fn an_address_that_is_not_ours_is_refused() {
    // Of a network that is for documentation only.
    refused("--addr 192.0.2.1:8080", "cannot listen on 192.0.2.1:8080");
    refused("--addr nowhere", "--addr");
}
