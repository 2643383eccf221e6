//! Connections that move from one driver to another: nothing is lost, doubled or out of order, and the new
//! owner hears of the end.

use super::rig::{
    Ended, FEW_WAITS, PATIENCE, Rig, Seen, Subject, connect, pattern, read_byte, reset,
};
use headwater_engine::{Completion, Engine, Handover, Key, Outcome};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Two drivers, and a connection of the first.
fn pair<D: Subject>() -> (Rig<D>, Rig<D>, Key, TcpStream) {
    let (mut from, to) = (Rig::new(), Rig::new());
    let (key, peer) = from.connect();
    (from, to, key, peer)
}

fn send(peer: &mut TcpStream, bytes: &[u8]) {
    peer.write_all(bytes).expect("the peer is sound");
}

/// The peer receives exactly this.
fn expect(peer: &mut TcpStream, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    peer.read_exact(&mut received).expect("the connection lives");
    assert_eq!(received, bytes);
}

/// Whether the peer sees the end of the connection.
fn sees_the_end(mut peer: TcpStream) -> bool {
    match read_byte(&mut peer) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

pub(crate) fn connection_goes_on_with_another_driver<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    let addr = from.driver.peer_addr(key);
    send(&mut peer, b"before");
    from.receive(key, 6);
    let handover = from.release(key);
    assert_eq!((from.driver.open(), to.driver.open()), (0, 0));
    let key = to.adopt(handover);
    assert_eq!((to.driver.open(), to.driver.peer_addr(key)), (1, addr));
    send(&mut peer, b"after");
    assert_eq!(to.receive(key, 5), b"after");
    assert_eq!(to.send(key, b"answer"), Outcome::Sent(6));
    expect(&mut peer, b"answer");
    drop(peer);
    assert_eq!(to.gone(key), Ended::Finished);
}

pub(crate) fn connection_goes_on_in_another_thread<D: Subject>() {
    let mut from = Rig::<D>::new();
    let (hand, handed) = mpsc::channel::<Handover>();
    let other = thread::spawn(move || {
        let mut to = Rig::<D>::new();
        let key = to.adopt(handed.recv().expect("one comes"));
        let received = to.receive(key, 5);
        assert_eq!(to.send(key, &received), Outcome::Sent(5));
        to.gone(key)
    });
    let (key, mut peer) = from.connect();
    hand.send(from.release(key)).expect("the thread waits for it");
    send(&mut peer, b"hello");
    expect(&mut peer, b"hello");
    drop(peer);
    assert_eq!(other.join().expect("no panic"), Ended::Finished);
}

pub(crate) fn flood_is_whole_however_often_it_is_handed_over<D: Subject>() {
    let (from, to, mut key, mut peer) = pair::<D>();
    let bytes = pattern(1 << 21);
    let sent = bytes.clone();
    let sender = thread::spawn(move || peer.write_all(&sent).map(|()| peer));
    let (mut rigs, mut received) = ([from, to], Vec::new());
    let mut hand_overs = 0;
    while received.len() < bytes.len() {
        let [from, to] = &mut rigs;
        received.extend(from.receive(key, 1));
        assert!(from.driver.release(key));
        let handover = from.released(key);
        // What had come before is delivered before.
        for seen in from.seen.drain(..) {
            let Seen::Received(_, bytes) = seen else { panic!("{seen:?}") };
            received.extend(bytes);
        }
        key = to.adopt(handover);
        rigs.reverse();
        hand_overs += 1;
    }
    assert!(received == bytes, "other bytes than were sent, in {hand_overs} hand-overs");
    let peer = sender.join().expect("no panic").expect("everything was taken");
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    assert_eq!(rigs[0].gone(key), Ended::Finished);
}

pub(crate) fn bytes_held_while_paused_travel_along<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    from.driver.pause(key);
    for _ in 0..3 {
        send(&mut peer, b"some ");
        // The driver has its chance to receive them.
        from.round_trip();
    }
    let handover = from.release(key);
    send(&mut peer, b"more");
    let key = to.adopt(handover);
    assert_eq!(to.receive(key, 19), b"some some some more");
}

pub(crate) fn bytes_and_fin_before_the_hand_over_arrive_in_order<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    from.driver.pause(key);
    send(&mut peer, &pattern(100_000));
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    from.round_trip();
    let handover = from.release(key);
    let key = to.adopt(handover);
    assert_eq!(to.receive(key, 100_000), pattern(100_000));
    assert_eq!(to.gone(key), Ended::Finished);
    assert_eq!(to.send(key, b"answer"), Outcome::Sent(6));
    expect(&mut peer, b"answer");
}

pub(crate) fn fin_on_the_way_is_noticed_by_the_new_owner<D: Subject>() {
    for detaches in [false, true] {
        let (mut from, mut to, key, peer) = pair::<D>();
        let handover = from.release(key);
        drop(peer);
        let key = to.adopt(handover);
        if detaches {
            to.driver.detach(key);
        }
        assert_eq!(to.gone(key), Ended::Finished, "detached: {detaches}");
    }
}

pub(crate) fn reset_on_the_way_is_noticed_by_the_new_owner<D: Subject>() {
    for then in [|_: &mut D, _: Key| (), D::pause, D::detach] {
        let (mut from, mut to, key, peer) = pair::<D>();
        let handover = from.release(key);
        reset(peer);
        let key = to.adopt(handover);
        then(&mut to.driver, key);
        assert_eq!(to.gone(key), Ended::Failed);
    }
}

pub(crate) fn reset_while_it_leaves_is_noticed_by_the_new_owner<D: Subject>() {
    for then in [|_: &mut D, _: Key| (), D::pause, D::detach] {
        let (mut from, mut to, key, peer) = pair::<D>();
        // The old driver may have seen it, and must not keep it for itself.
        reset(peer);
        assert!(from.driver.release(key));
        let key = to.adopt(from.released(key));
        then(&mut to.driver, key);
        assert_eq!(to.gone(key), Ended::Failed);
    }
}

pub(crate) fn end_that_was_seen_and_not_told_travels_along<D: Subject>() {
    let ends: [(fn(TcpStream), Ended); 2] = [(drop, Ended::Finished), (reset, Ended::Failed)];
    for (leave, how) in ends {
        let (mut from, mut to, key, peer) = pair::<D>();
        leave(peer);
        // Returns when the driver knows.
        from.driver.wait(Some(PATIENCE)).expect("sound");
        assert!(from.driver.release(key));
        let key = to.adopt(from.released(key));
        assert_eq!(to.gone(key), how);
    }
}

pub(crate) fn connection_that_is_detached_at_once_throws_its_bytes_away<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    from.driver.pause(key);
    send(&mut peer, b"before ");
    from.round_trip();
    let handover = from.release(key);
    send(&mut peer, b"on the way");
    let key = to.adopt(handover);
    to.driver.detach(key);
    send(&mut peer, b"after");
    to.round_trip();
    assert!(!to.has_seen(key), "{:?}", to.seen);
    assert_eq!(to.send(key, b"event"), Outcome::Sent(5));
    expect(&mut peer, b"event");
    drop(peer);
    assert_eq!(to.gone(key), Ended::Finished);
}

pub(crate) fn detached_connection_can_be_handed_over<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    from.driver.detach(key);
    send(&mut peer, b"thrown away");
    from.round_trip();
    let handover = from.release(key);
    let key = to.adopt(handover);
    send(&mut peer, b"hello");
    let mut received = to.receive(key, 5);
    if D::ENGINE == Engine::Std && received[0] == b't' {
        // What its reading thread had not come to yet went along.
        received.drain(..b"thrown away".len());
        received.extend(to.receive(key, 5 - received.len()));
    }
    assert_eq!(received, b"hello");
}

pub(crate) fn lease_that_is_out_holds_the_hand_over_back<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    send(&mut peer, b"first ");
    let deadline = Instant::now() + PATIENCE;
    let lease = loop {
        assert!(Instant::now() < deadline, "nothing received");
        from.driver.wait(Some(Duration::from_millis(100))).expect("sound");
        if let Some(Completion::Received(_, lease)) = from.driver.next() {
            break lease;
        }
    };
    assert!(from.driver.release(key));
    send(&mut peer, b"second");
    from.round_trip();
    assert!(!from.has_seen(key), "{:?}", from.seen);
    assert_eq!(&*lease, b"first ");
    from.driver.recycle(key, lease);
    let handover = from.released(key);
    let key = to.adopt(handover);
    assert_eq!(to.receive(key, 6), b"second");
}

pub(crate) fn stalled_sender_hears_of_room_from_the_new_driver<D: Subject>() {
    for reads_before in [false, true] {
        let (mut from, mut to, key, mut peer) = pair::<D>();
        let sent = from.fill(key);
        let read = |peer: &mut TcpStream| {
            let mut bytes = vec![0; sent];
            peer.read_exact(&mut bytes).expect("the connection lives");
        };
        if reads_before {
            read(&mut peer);
        }
        let handover = from.release(key);
        let key = to.adopt(handover);
        to.driver.detach(key);
        if !reads_before {
            read(&mut peer);
        }
        to.writable(key);
        assert_eq!(to.send(key, b"more"), Outcome::Sent(4));
        expect(&mut peer, b"more");
    }
}

pub(crate) fn room_is_told_where_the_connection_arrives_and_not_where_it_leaves<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    let mut bytes = vec![0; from.fill(key)];
    peer.read_exact(&mut bytes).expect("the connection lives");
    // Longer than an engine takes that tries full sockets again from time to time.
    thread::sleep(Duration::from_millis(20));
    let handover = from.release(key);
    assert!(!from.has_seen(key), "{:?}", from.seen);
    let key = to.adopt(handover);
    to.writable(key);
    assert_eq!(to.send(key, b"more"), Outcome::Sent(4));
    expect(&mut peer, b"more");
}

pub(crate) fn leaving_connection_is_reported_once_and_otherwise_silent<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    send(&mut peer, b"hello");
    assert!(from.driver.release(key));
    assert!(from.driver.release(key), "it is leaving, asked once more or not");
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    let handover = from.released(key);
    from.round_trip();
    assert!(!from.has_seen(key), "{:?}", from.seen);
    let key = to.adopt(handover);
    assert_eq!(to.receive(key, 5), b"hello");
    assert_eq!(to.gone(key), Ended::Finished);
}

pub(crate) fn leaving_connection_ignores_what_else_is_wanted_of_it<D: Subject>() {
    let (mut from, mut to, key, mut peer) = pair::<D>();
    assert!(from.driver.release(key));
    from.driver.pause(key);
    from.driver.resume(key);
    from.driver.detach(key);
    assert_eq!(from.send(key, b"last words"), Outcome::Sent(10));
    send(&mut peer, b"hello");
    let handover = from.released(key);
    let key = to.adopt(handover);
    assert_eq!(to.receive(key, 5), b"hello");
    expect(&mut peer, b"last words");
}

pub(crate) fn leaving_connection_can_be_closed<D: Subject>() {
    let (mut from, _, key, peer) = pair::<D>();
    assert!(from.driver.release(key));
    from.driver.close(key);
    assert_eq!(from.driver.open(), 0);
    assert!(sees_the_end(peer));
    from.round_trip();
    assert!(!from.has_seen(key), "{:?}", from.seen);
}

pub(crate) fn ended_connection_is_not_released<D: Subject>() {
    let (mut from, _, key, mut peer) = pair::<D>();
    peer.shutdown(Shutdown::Write).expect("the peer is sound");
    from.gone(key);
    assert!(!from.driver.release(key), "its end was reported");
    from.round_trip();
    assert!(!from.has_seen(key), "{:?}", from.seen);
    assert_eq!(from.send(key, b"answer"), Outcome::Sent(6), "it is still there");
    expect(&mut peer, b"answer");
    from.driver.close(key);
    assert!(!from.driver.release(key), "it is gone");
    assert!(!from.driver.release(Key::new(77, 7)), "nobody ever had this key");
}

pub(crate) fn key_of_a_released_connection_is_stale<D: Subject>() {
    let (mut from, mut to, old, mut peer) = pair::<D>();
    let handover = from.release(old);
    let (next, mut next_peer) = from.connect();
    assert_eq!(next.index(), old.index(), "the slot is free");
    assert_ne!(next.generation(), old.generation());
    let key = to.adopt(handover);
    assert_eq!(from.send(old, b"x"), Outcome::Gone);
    from.driver.close(old);
    from.driver.shutdown(old);
    assert_eq!(from.driver.peer_addr(old), None);
    send(&mut next_peer, b"next");
    send(&mut peer, b"moved");
    assert_eq!(from.receive(next, 4), b"next");
    assert_eq!(to.receive(key, 5), b"moved");
}

pub(crate) fn connection_that_nobody_adopts_is_closed<D: Subject>() {
    let (mut from, _, key, peer) = pair::<D>();
    drop(from.release(key));
    assert!(sees_the_end(peer));
}

pub(crate) fn dropped_driver_closes_leaving_connections<D: Subject>() {
    let (mut from, _, key, peer) = pair::<D>();
    assert!(from.driver.release(key));
    drop(from);
    assert!(sees_the_end(peer));
}

pub(crate) fn many_are_handed_over_at_once<D: Subject>() {
    const CONNECTIONS: u16 = 200;
    let (mut from, mut to) = (Rig::<D>::new(), Rig::<D>::new());
    let mut peers: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect(from.addr)).collect();
    let keys: Vec<Key> = peers.iter().map(|_| from.accepted()).collect();
    for (number, peer) in (0_u16..).zip(&mut peers) {
        send(peer, &number.to_be_bytes());
    }
    // Some have been received, some not.
    from.round_trip();
    assert!(keys.iter().all(|key| from.driver.release(*key)));
    let mut adopted = Vec::new();
    for key in keys {
        let handover = from.released(key);
        let received = from.seen.iter().find_map(|seen| match seen {
            Seen::Received(by, bytes) if *by == key => Some(bytes.clone()),
            _ => None,
        });
        adopted.push((to.adopt(handover), received));
    }
    let mut numbers: Vec<u16> = Vec::new();
    for (key, received) in adopted {
        let mut bytes = received.unwrap_or_default();
        bytes.extend(to.receive(key, 2 - bytes.len()));
        let number = u16::from_be_bytes(bytes.try_into().expect("two bytes"));
        assert_eq!(to.send(key, &number.to_be_bytes()), Outcome::Sent(2));
        numbers.push(number);
    }
    for (number, peer) in (0_u16..).zip(&mut peers) {
        expect(peer, &number.to_be_bytes());
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..CONNECTIONS));
    assert_eq!((from.driver.open(), to.driver.open()), (0, usize::from(CONNECTIONS)));
}

pub(crate) fn adopted_connection_at_rest_costs_no_cpu<D: Subject>() {
    for detaches in [false, true] {
        let (mut from, mut to, key, peer) = pair::<D>();
        let handover = from.release(key);
        let key = to.adopt(handover);
        if detaches {
            to.driver.detach(key);
        }
        let waits = to.waits_in_half_a_second(|_| ()) + from.waits_in_half_a_second(|_| ());
        assert!(waits <= FEW_WAITS, "{waits} waits in a second");
        drop(peer);
        assert_eq!(to.gone(key), Ended::Finished);
    }
}
