//! The fleet against sockets that a test holds in its hand.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;

use super::*;
use crate::load::answered::Answered;

#[test]
fn many_subscribers_come_from_several_loopback_addresses() {
    let target: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let source = |index| source_of(index, target).map(|source| source.ip().to_string());
    assert_eq!(source(PER_SOURCE - 1), None);
    assert_eq!(source(PER_SOURCE).as_deref(), Some("127.0.0.2"));
    assert_eq!(source(2 * PER_SOURCE).as_deref(), Some("127.0.0.3"));
    assert_eq!(source_of(PER_SOURCE, "192.0.2.1:80".parse().unwrap()), None);
}

/// Answers so many connections with a stream each, which it hands out, then listens no more.
fn serve(connections: usize) -> (SocketAddr, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let (out, streams) = mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            // A test that has failed wants no more of them.
            out.send(stream).ok();
        }
        // Before whoever waits for the last stream goes on.
        drop(listener);
    });
    (target, streams)
}

fn fleet(target: SocketAddr, shared: &Arc<Shared>) -> Fleet {
    Fleet::new(target, "/", Clock::new(), Arc::clone(shared)).unwrap()
}

/// Reads until `reached` says so, or fails the test.
fn read_until(fleet: &mut Fleet, reached: impl Fn(&Fleet) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    fleet.read_until(Some(deadline), &reached).unwrap();
    assert!(reached(fleet), "{:?}", fleet.census);
}

fn accepted(last: u64) -> Answered {
    let mut answered = Answered::default();
    (0..last).for_each(|_| answered.next(true));
    answered
}

#[test]
fn what_was_lost_to_one_that_left_stays_lost() {
    let (target, streams) = serve(2);
    let shared = Arc::default();
    let mut fleet = fleet(target, &shared);
    fleet.connect(1, |_| Habit::Reads, |_| ()).unwrap();
    let schedule = Schedule::new(1_000, 10.0, Duration::ZERO, Duration::from_secs(1));
    fleet.expect(schedule);
    let mut stream = streams.recv().unwrap();
    for seq in [1, 3] {
        shared.sending(seq);
        write!(stream, "data: seq={seq} t={} \n\n", schedule.due(seq)).unwrap();
    }
    read_until(&mut fleet, |fleet| fleet.tally.deliveries == 2);

    fleet.begin_churn(1_000.0, Duration::from_millis(1));
    read_until(&mut fleet, |fleet| fleet.churn_is_over() && fleet.nobody_is_coming());
    let churn = fleet.churn_outcome().unwrap();
    assert_eq!((churn.left, churn.came, churn.refused), (1, 1, 0));
    // Event 2 of the one that left; nothing of the one that came after event 3.
    let account = fleet.account(&accepted(3));
    assert_eq!((account.due, account.lost), (3, 1));
    // Event 4 is due to the one that came only.
    let account = fleet.account(&accepted(4));
    assert_eq!((account.due, account.lost), (4, 2));
}

#[test]
fn who_finds_nobody_after_a_storm_is_given_up_and_owed_nothing() {
    let (target, streams) = serve(3);
    let mut fleet = fleet(target, &Arc::default());
    fleet.connect(3, |_| Habit::Reads, |_| ()).unwrap();
    let streams: Vec<_> = streams.iter().collect();

    fleet.begin_storm(2, Duration::ZERO, Duration::from_millis(300));
    read_until(&mut fleet, Fleet::storm_is_over);
    let outcome = fleet.storm_outcome().unwrap();
    assert_eq!((outcome.dropped, outcome.back), (2, 0));
    assert!(outcome.refusals >= 2, "{outcome:?}");
    assert!(outcome.first_refusal.is_some_and(|reason| reason.contains("refused")));
    assert!(fleet.nobody_is_coming());
    assert_eq!(fleet.census.lost, 0);
    let account = fleet.account(&Answered::default());
    assert_eq!((account.due, account.lost), (0, 0));
    drop(streams);
}

#[test]
fn a_storm_drops_as_many_as_there_are() {
    let (target, streams) = serve(3);
    let mut fleet = fleet(target, &Arc::default());
    fleet.connect(3, |_| Habit::Reads, |_| ()).unwrap();
    let streams: Vec<_> = streams.iter().collect();
    fleet.begin_storm(4, Duration::ZERO, Duration::ZERO);
    read_until(&mut fleet, Fleet::storm_is_over);
    assert_eq!(fleet.storm_outcome().unwrap().dropped, 3);
    drop(streams);
}

#[test]
fn who_reads_slowly_reads_no_faster_than_asked() {
    const PER_SECOND: usize = 1_000;
    let (target, streams) = serve(1);
    let mut fleet = fleet(target, &Arc::default());
    fleet.connect(1, |_| Habit::Slow, |_| ()).unwrap();
    let mut stream = streams.recv().unwrap();
    stream.write_all(&b"data: x\n\n".repeat(1_000)).unwrap();

    let begin = Instant::now();
    fleet.pace_slow(PER_SECOND);
    read_until(&mut fleet, |fleet| fleet.slow_tally.foreign >= 20);
    let read = fleet.subscribers[0].stream_bytes();
    // One turn may have come at the very beginning.
    let turn = u64::try_from(PER_SECOND / 20).unwrap();
    let most = u64::try_from(begin.elapsed().as_millis()).unwrap() + 2 * turn;
    assert!(read <= most, "{read} bytes, not {most}");
    assert_eq!(fleet.tally.foreign, 0);
}

#[test]
fn an_end_that_comes_along_with_an_event_is_noticed() {
    let (target, streams) = serve(1);
    let mut fleet = fleet(target, &Arc::default());
    fleet.connect(1, |_| Habit::Reads, |_| ()).unwrap();
    assert_eq!(fleet.census.connected, 1);

    // Both are in the subscriber's socket before the fleet looks at it.
    let mut stream = streams.recv().unwrap();
    stream.write_all(b"data: last\n\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_until(&mut fleet, |fleet| fleet.census.lost == 1);
    assert_eq!(fleet.tally.foreign, 1);
}
