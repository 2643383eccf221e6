//! The fleet against sockets that a test holds in its hand.

use std::io::Write;
use std::net::{Shutdown, TcpListener};

use super::*;

#[test]
fn many_subscribers_come_from_several_loopback_addresses() {
    let target: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let source = |index| source_of(index, target).map(|source| source.ip().to_string());
    assert_eq!(source(PER_SOURCE - 1), None);
    assert_eq!(source(PER_SOURCE).as_deref(), Some("127.0.0.2"));
    assert_eq!(source(2 * PER_SOURCE).as_deref(), Some("127.0.0.3"));
    assert_eq!(source_of(PER_SOURCE, "192.0.2.1:80".parse().unwrap()), None);
}

#[test]
fn an_end_that_comes_along_with_an_event_is_noticed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        stream
    });
    let mut fleet = Fleet::new(target, "/", Clock::new(), Arc::default()).unwrap();
    fleet.connect(1, |_| Habit::Reads, |_| ()).unwrap();
    assert_eq!(fleet.census.connected, 1);

    // Both are in the subscriber's socket before the fleet looks at it.
    let mut stream = server.join().unwrap();
    stream.write_all(b"data: last\n\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    fleet.read_until(Some(deadline), |fleet| fleet.census.lost == 1).unwrap();
    assert_eq!((fleet.census.lost, fleet.tally.foreign), (1, 1));
}

/// Answers so many connections with a stream, then listens no more. Hands the streams out.
fn serve(connections: usize) -> (SocketAddr, std::thread::JoinHandle<Vec<std::net::TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let streams = move || {
        let stream = || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            stream
        };
        (0..connections).map(|_| stream()).collect()
    };
    (target, std::thread::spawn(streams))
}

#[test]
fn who_finds_nobody_after_a_storm_is_given_up_and_owed_nothing() {
    let (target, server) = serve(3);
    let mut fleet = Fleet::new(target, "/", Clock::new(), Arc::default()).unwrap();
    fleet.connect(3, |_| Habit::Reads, |_| ()).unwrap();
    let streams = server.join().unwrap();

    fleet.begin_storm(2, Duration::ZERO, Duration::from_millis(300));
    let deadline = Instant::now() + Duration::from_secs(30);
    fleet.read_until(Some(deadline), Fleet::storm_is_over).unwrap();
    let outcome = fleet.storm_outcome().unwrap();
    assert_eq!((outcome.dropped, outcome.back), (2, 0));
    assert!(outcome.refusals >= 2, "{outcome:?}");
    assert!(outcome.first_refusal.is_some_and(|reason| reason.contains("refused")));
    assert!(fleet.nobody_is_coming());
    assert_eq!(fleet.census.lost, 0);
    let account = fleet.account(&crate::load::answered::Answered::default());
    assert_eq!((account.due, account.lost), (0, 0));
    drop(streams);
}

#[test]
fn a_storm_drops_as_many_as_there_are() {
    let (target, server) = serve(3);
    let mut fleet = Fleet::new(target, "/", Clock::new(), Arc::default()).unwrap();
    fleet.connect(3, |_| Habit::Reads, |_| ()).unwrap();
    fleet.begin_storm(4, Duration::ZERO, Duration::ZERO);
    let deadline = Instant::now() + Duration::from_secs(30);
    fleet.read_until(Some(deadline), Fleet::storm_is_over).unwrap();
    assert_eq!(fleet.storm_outcome().unwrap().dropped, 3);
    drop(server.join().unwrap());
}

#[test]
fn who_reads_slowly_reads_no_faster_than_asked() {
    const PER_SECOND: usize = 1_000;
    let (target, server) = serve(1);
    let mut fleet = Fleet::new(target, "/", Clock::new(), Arc::default()).unwrap();
    fleet.connect(1, |_| Habit::Slow, |_| ()).unwrap();
    let mut stream = server.join().unwrap().remove(0);
    stream.write_all(&b"data: x\n\n".repeat(1_000)).unwrap();

    let begin = Instant::now();
    fleet.pace_slow(PER_SECOND);
    let deadline = begin + Duration::from_secs(30);
    fleet.read_until(Some(deadline), |fleet| fleet.slow_tally.foreign >= 20).unwrap();
    let read = fleet.subscribers[0].stream_bytes();
    // One turn may have come at the very beginning.
    let turn = u64::try_from(PER_SECOND / 20).unwrap();
    let most = u64::try_from(begin.elapsed().as_millis()).unwrap() + 2 * turn;
    assert!(read <= most, "{read} bytes, not {most}");
    assert_eq!(fleet.tally.foreign, 0);
}
