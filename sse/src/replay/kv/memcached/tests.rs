//! A server that cannot be reached, or is somewhere else.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

/// Serves one connection, on which it has nothing for anybody.
fn empty_server() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let requests = BufReader::new(stream.try_clone().expect("a handle"));
        for _ in requests.lines() {
            stream.write_all(b"EN\r\n").expect("it listens");
        }
    });
    (addr, serving)
}

fn nobody() -> MemcachedKv {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    MemcachedKv::new(&listener.local_addr().expect("an address").to_string()).expect("an address")
}

#[test]
fn a_server_that_comes_back_at_another_address_is_found() {
    for again in [true, false] {
        let (addr, serving) = empty_server();
        let mut kv = nobody();
        // What its name stands for now.
        kv.addr = addr.to_string();
        let read = |kv: &MemcachedKv| kv.run(again, |client| client.get("x").send());
        if !again {
            let refused = read(&kv).expect_err("nobody is there");
            assert!(!refused.may_have_written(), "{refused}");
            // The pause is over.
            kv.backoff = Backoff::default();
        }
        assert_eq!(read(&kv).expect("it is found").value, None);
        drop(kv);
        serving.join().expect("it serves");
    }
}

#[test]
fn values_for_a_server_that_is_not_there_are_tried_after_a_pause_only() {
    let kv = nobody();
    let refused =
        || kv.insert(&[("x".into(), Bytes::from("x"))], None).expect_err("nobody is there");
    // Pauses grow, so that even a slow machine calls within one.
    let paused = (0..20).any(|_| {
        let error = refused();
        assert!(!error.may_have_written(), "{error}");
        error.to_string().contains("tried again")
    });
    assert!(paused, "each call tries");
}
