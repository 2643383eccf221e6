//! The witness as a process, against a peer, and against a server that loses everything.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use serde_json::{Value, json};

use super::{Peer, head};

/// What the witness reports, and whether it calls it a success.
fn witness(addr: SocketAddr, flags: &str) -> (Value, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_witness"))
        .args(flags.split(' '))
        .args(["--addr", &addr.to_string()])
        .output()
        .expect("the witness can be started");
    (serde_json::from_slice(&output.stdout).unwrap_or_default(), output.status.success())
}

#[test]
fn the_witness_sees_every_event_once_at_every_subscriber() {
    let peer = Peer::start(env!("CARGO_BIN_EXE_bare"), &[]);
    let flags = "events --subscribers 3 --rate 200 --warmup 0.1 --duration 0.2 --settle 60";
    let (report, success) = witness(peer.addr, flags);
    assert!(success, "{report}");
    assert_eq!(report["subscribers"], json!({ "connected": 3, "lost": 0 }));
    assert_eq!(
        (&report["published"]["sent"], &report["published"]["answered"]),
        (&60.into(), &60.into())
    );
    let deliveries = &report["deliveries"];
    assert_eq!((&deliveries["due"], &deliveries["received"]), (&180.into(), &180.into()));
    assert_eq!((&deliveries["measured"], &deliveries["duplicates"]), (&120.into(), &0.into()));
    assert!(report["latency_us"]["p50"].is_u64() && report["failure"].is_null(), "{report}");
}

#[test]
fn the_witness_says_what_never_came() {
    let addr = silent_server(true);
    let flags = "events --subscribers 2 --rate 100 --warmup 0 --duration 0.1 --settle 3";
    let (report, success) = witness(addr, flags);
    assert!(!success, "{report}");
    assert_eq!(report["published"]["answered"], 10);
    assert_eq!(
        (&report["deliveries"]["due"], &report["deliveries"]["lost"]),
        (&20.into(), &20.into())
    );
    let failure = report["failure"].as_str().expect("a failure");
    assert!(failure.starts_with("20 deliveries lost"), "{failure}");
}

#[test]
fn the_witness_has_its_requests_answered() {
    let peer = Peer::start(env!("CARGO_BIN_EXE_hyper"), &[]);
    let flags = "requests --connections 3 --rate 500 --warmup 0.1 --duration 0.2 --settle 60";
    let (report, success) = witness(peer.addr, flags);
    assert!(success, "{report}");
    assert_eq!(
        (&report["requests"]["sent"], &report["requests"]["answered"]),
        (&150.into(), &100.into())
    );
    assert_eq!(report["requests"]["unanswered"], 0);
    let (report, success) = witness(peer.addr, &format!("{flags} --path /nothing"));
    assert!(!success, "{report}");
    assert_eq!(report["requests"]["unanswered"], 150);
    let failure = report["failure"].as_str().expect("a failure");
    assert!(failure.contains("status 404"), "{failure}");
}

#[test]
fn the_witness_has_no_report_of_a_server_without_a_stream() {
    let peer = Peer::start(env!("CARGO_BIN_EXE_hyper"), &[]);
    let (report, success) = witness(peer.addr, "events --subscribers 1 --duration 0.1");
    assert!(!success && report.is_null(), "{report}");
}

#[test]
fn the_witness_opens_no_more_than_64_connections_to_publish_on() {
    let addr = silent_server(false);
    std::thread::scope(|scope| {
        for (events, connections) in [(63, 63), (64, 64), (65, 64)] {
            scope.spawn(move || {
                let flags = "events --subscribers 1 --rate 1000 --warmup 0 --settle 1 --duration";
                let (report, success) = witness(addr, &format!("{flags} 0.0{events}"));
                assert!(!success, "{report}");
                let published = &report["published"];
                assert_eq!(published["sent"], events, "{report}");
                assert_eq!(published["connections"], connections, "{report}");
                assert_eq!(published["answered"], 0, "{report}");
            });
        }
    });
}

/// A server that sends no event, for as long as the tests run; whether it answers who publishes some.
fn silent_server(answers: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            std::thread::spawn(move || be_silent(stream, answers));
        }
    });
    addr
}

fn be_silent(stream: TcpStream, answers: bool) {
    let mut writer = stream.try_clone().expect("one more descriptor");
    let mut reader = BufReader::new(stream);
    while reader.fill_buf().is_ok_and(|bytes| !bytes.is_empty()) {
        let head = head(&mut reader).to_ascii_lowercase();
        let answer: &[u8] = if head.starts_with("get /events ") {
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        } else {
            reader.read_exact(&mut [0; 128]).expect("the data of an event");
            if answers { b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" } else { b"" }
        };
        writer.write_all(answer).expect("room for an answer");
    }
}
