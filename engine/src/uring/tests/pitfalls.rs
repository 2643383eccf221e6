//! What other engines got wrong about the kernel's answers.

use super::*;
use crate::uring::{
    events,
    ring::{Brought, Completed, Outgoing, Patience, Ring},
    setup::{Tier, lacking, largest, ring},
};

#[test]
fn full_submission_queue_drops_no_operation() {
    let mut ring = ring().expect("this machine has io_uring");
    let (socket, _peer) = pair();
    let asked = ring.granted.submissions * 3 + 7;
    // Each is there at once: a fresh socket has room.
    for index in 0..asked {
        let tag = Tag::Connection(Watch::Room, Key::new(index, 1));
        let operation = Operation::Poll(socket.as_raw_fd(), events::ROOM);
        ring.push(tag, operation);
    }
    let mut completed = Vec::new();
    while completed.len() < asked as usize {
        ring.enter(Patience::AtMost(Duration::from_mins(1))).expect("the ring is sound");
        let before = completed.len();
        while let Some(next) = ring.reap() {
            assert!(next.result.is_ok() && !next.more, "{next:?}");
            completed.push(next.tag);
        }
        assert!(completed.len() > before, "{before} of {asked} completed");
    }
    let distinct: std::collections::HashSet<Tag> = completed.iter().copied().collect();
    assert_eq!(distinct.len(), asked as usize);
}

#[test]
fn ring_lets_go_of_more_than_it_tells_at_once() {
    let mut ring = ring().expect("this machine has io_uring");
    let (socket, _peer) = pair();
    // More than the queue takes, and than one enter completes.
    for index in 0..ring.granted.submissions * 2 {
        let tag = Tag::Connection(Watch::Detached, Key::new(index, 1));
        ring.push(tag, Operation::Poll(socket.as_raw_fd(), events::DETACHED));
    }
    assert!(ring.cancel_all(), "the kernel still holds some: {ring:?}");
}

#[test]
fn batch_beyond_the_submission_queue_drops_no_send() {
    let mut ring = ring().expect("this machine has io_uring");
    let (socket, mut peer) = pair();
    let attempts = ring.granted.submissions * 2 + 3;
    let numbers: Vec<[u8; 4]> = (0..attempts).map(u32::to_be_bytes).collect();
    // With one slice and with two.
    let slices: Vec<[IoSlice<'_>; 2]> =
        numbers.iter().map(|n| [IoSlice::new(&n[..2]), IoSlice::new(&n[2..])]).collect();
    let whole: Vec<[IoSlice<'_>; 1]> = numbers.iter().map(|n| [IoSlice::new(n)]).collect();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).expect("closed in order");
        bytes
    });
    let outgoing = |place: usize| Outgoing {
        fd: socket.as_raw_fd(),
        slices: if place.is_multiple_of(2) { &slices[place] } else { &whole[place] },
        result: Ok(0),
    };
    let mut batch: Vec<Outgoing<'_>> = (0..numbers.len()).map(outgoing).collect();
    ring.send(&mut batch);
    assert!(batch.iter().all(|outgoing| outgoing.result == Ok(4)), "a short send of 4 bytes");
    drop(batch);
    drop(socket);
    assert_eq!(reader.join().expect("it reads"), numbers.concat());
}

#[test]
fn accept_is_begun_again_when_it_ends_without_an_error() {
    let mut stage = Stage::new();
    assert!(stage.kernel.has(Tag::Accept));
    for error in [libc::ECONNABORTED, libc::EINTR, libc::ECANCELED] {
        stage.kernel.complete(Tag::Accept, Err(error), false);
        assert_eq!(stage.turn(), []);
        assert_eq!(stage.turn(), []);
        assert!(stage.kernel.has(Tag::Accept), "not begun again after error {error}");
    }
    let (key, peer) = stage.connect();
    assert_eq!(stage.driver.open(), 1);
    stage.driver.close(key);
    drop(peer);
}

#[test]
fn shortage_counts_only_when_somebody_waits() {
    let mut stage = Stage::new();
    stage.kernel.complete(Tag::Accept, Err(libc::EMFILE), false);
    assert_eq!(stage.turn(), [], "nobody waits for a descriptor");
    stage.turn();
    assert!(stage.kernel.has(Tag::Listener) && !stage.kernel.has(Tag::Accept));
    // Somebody comes, and there is still none.
    stage.kernel.complete(Tag::Listener, Ok(1), false);
    assert_eq!(stage.turn(), []);
    stage.turn();
    stage.kernel.complete(Tag::Accept, Err(libc::EMFILE), false);
    assert_eq!(stage.turn(), [Seen::AcceptFailed(Some(libc::EMFILE))]);
    stage.turn();
    assert!(!stage.kernel.has(Tag::Accept) && !stage.kernel.has(Tag::Listener), "stands still");
    stage.driver.resume_accept();
    stage.turn();
    assert!(stage.kernel.has(Tag::Accept));
    // Whoever waited may have given up meanwhile.
    stage.kernel.complete(Tag::Accept, Err(libc::EMFILE), false);
    assert_eq!(stage.turn(), [], "nobody was seen to wait since");
    stage.turn();
    stage.kernel.complete(Tag::Listener, Ok(1), false);
    stage.turn();
    stage.turn();
    stage.connect();
    stage.kernel.complete(Tag::Accept, Err(libc::EMFILE), false);
    assert_eq!(stage.turn(), [], "the one who waited was accepted");
}

#[test]
fn listener_that_somebody_made_non_blocking_is_polled() {
    let mut stage = Stage::new();
    stage.kernel.complete(Tag::Accept, Err(libc::EAGAIN), false);
    stage.turn();
    stage.turn();
    assert!(stage.kernel.has(Tag::Listener) && !stage.kernel.has(Tag::Accept));
    stage.kernel.complete(Tag::Listener, Ok(1), false);
    stage.turn();
    stage.turn();
    assert!(stage.kernel.has(Tag::Accept));
}

#[test]
fn receive_is_begun_again_when_it_ends_without_an_end() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.kernel.receives(receive(key), b"last of this receive", false);
    assert_eq!(stage.turn(), [received(key, "last of this receive")]);
    assert!(stage.kernel.has(receive(key)), "not begun again");
    for error in [libc::ENOBUFS, libc::EINTR, libc::ECANCELED] {
        stage.kernel.complete(receive(key), Err(error), false);
        assert_eq!(stage.turn(), [], "error {error}");
        assert!(stage.kernel.has(receive(key)), "not begun again after error {error}");
    }
    stage.kernel.receives(receive(key), b"more", true);
    assert_eq!(stage.turn(), [received(key, "more")]);
}

#[test]
fn want_of_buffers_is_not_taken_for_the_end() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    stage.kernel.receives(receive(key), b"a", true);
    stage.kernel.complete(receive(key), Err(libc::ENOBUFS), false);
    assert_eq!(stage.turn(), [received(key, "a")]);
    assert_eq!(stage.kernel.grown(), 1, "more buffers are provided");
    assert!(stage.kernel.has(receive(key)));
    assert_eq!(stage.driver.open(), 1);
    drop(peer);
}

#[test]
fn buffers_are_doubled_up_to_their_limit() {
    let mut ring = ring().expect("this machine has io_uring");
    let (socket, mut peer) = pair();
    let flood = std::thread::spawn(move || while peer.write_all(&[0; 4096]).is_ok() {});
    let mut pieces = Vec::new();
    let mut counts = Vec::new();
    while counts.len() < 6 {
        ring.push(receive(Key::new(0, 1)), Operation::Receive(socket.as_raw_fd()));
        let mut more = true;
        while more {
            ring.enter(Patience::AtMost(Duration::from_mins(1))).expect("the ring is sound");
            while let Some(Completed { brought, more: goes_on, .. }) = ring.reap() {
                more = goes_on;
                if let Brought::Piece(piece) = brought {
                    pieces.push(piece);
                }
            }
        }
        counts.push(pieces.len());
        // Once, however many receives ended for want of buffers.
        ring.grow();
        ring.grow();
    }
    assert_eq!(counts, [16, 32, 64, 128, 256, 256]);
    drop((ring, socket));
    flood.join().expect("it ends with the socket");
}

#[test]
fn each_send_of_a_batch_gets_its_own_outcome() {
    let mut stage = Stage::new();
    let peers: Vec<(Key, TcpStream)> = (0..4).map(|_| stage.connect()).collect();
    let gone = Key::new(99, 1);
    let slices = [IoSlice::new(b"12345")];
    let keys = [peers[0].0, gone, peers[1].0, peers[2].0, gone, peers[3].0];
    let mut batch = keys.map(|key| Attempt::new(key, &slices));
    stage.kernel.sends_come_to([Ok(5), Err(libc::EAGAIN), Err(libc::EPIPE), Ok(3)]);
    stage.driver.send(&mut batch);
    let outcomes = batch.map(|attempt| attempt.outcome);
    let (sent, none) = (Outcome::Sent, Outcome::Gone);
    assert_eq!(outcomes, [sent(5), none, sent(0), none, none, sent(3)]);
}

#[test]
fn short_send_is_not_taken_for_a_whole_one() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let (other, _other_peer) = stage.connect();
    let slices = [IoSlice::new(b"123"), IoSlice::new(b"45")];
    let mut batch = [key, other].map(|key| Attempt::new(key, &slices));
    stage.kernel.sends_come_to([Ok(4), Ok(5)]);
    stage.driver.send(&mut batch);
    let room = |key| Tag::Connection(Watch::Room, key);
    assert!(stage.kernel.has(room(key)) && !stage.kernel.has(room(other)));
    stage.kernel.complete(room(key), Ok(4), false);
    assert_eq!(stage.turn(), [Seen::Writable(key)]);
    assert!(!stage.kernel.has(room(key)), "there is room: nothing to wait for");
}

#[test]
fn end_of_the_peer_is_not_taken_for_room() {
    const FINISHED: u32 = libc::POLLRDHUP.cast_unsigned() as u32;
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let room = stall(&mut stage, key);
    stage.kernel.complete(room, Ok(FINISHED), true);
    assert_eq!(stage.turn(), [], "there is no room");
    stage.kernel.complete(room, Ok(FINISHED | events::ROOM), true);
    assert_eq!(stage.turn(), [Seen::Writable(key)]);
    assert!(stall(&mut stage, key) == room && stage.turn().is_empty());
    stage.driver.close(key);
    assert!(stage.kernel.was_asked_to_cancel(room), "it would go on for ever");
}

#[test]
fn interrupted_send_waits_for_nothing() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let slices = [IoSlice::new(b"12")];
    stage.kernel.sends_come_to([Err(libc::EINTR), Ok(2)]);
    stage.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
    // No room will come: it is there.
    assert_eq!(stage.turn(), [Seen::Writable(key)]);
}

#[test]
fn broken_socket_is_worth_another_send() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let room = stall(&mut stage, key);
    stage.kernel.complete(room, Ok(events::BROKEN), true);
    assert_eq!(stage.turn(), [Seen::Writable(key)]);
}

#[test]
fn end_of_a_stream_that_is_stuck_is_reported() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    stall(&mut stage, key);
    stage.driver.detach(key);
    stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    assert_eq!(stage.turn(), []);
    drop(peer);
    stage.kernel.complete(Tag::Connection(Watch::Detached, key), Ok(1), false);
    assert_eq!(stage.turn(), [Seen::Finished(key)]);
}

/// A send to it falls short: its poll for room is under way.
fn stall(stage: &mut Stage, key: Key) -> Tag {
    let slices = [IoSlice::new(b"12")];
    stage.kernel.sends_come_to([Ok(1), Ok(0)]);
    stage.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
    let room = Tag::Connection(Watch::Room, key);
    assert!(stage.kernel.has(room));
    room
}

#[test]
fn what_completes_beside_sends_is_reported_afterwards() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let slices = [IoSlice::new(b"1")];
    let mut batch = [key, key].map(|key| Attempt::new(key, &slices));
    stage.kernel.receives_beside_sends(receive(key), b"meanwhile", true);
    stage.kernel.sends_come_to([Ok(1), Ok(1)]);
    stage.driver.send(&mut batch);
    assert_eq!(stage.turn(), [received(key, "meanwhile")]);
}

#[test]
fn completion_queue_that_overflows_loses_nothing() {
    const PEERS: usize = 300;
    let ring = largest(&Tier::ALL, &[(64, 128)]).expect("this machine has io_uring");
    assert!((ring.granted.completions as usize) < PEERS);
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = crate::listener::bind(any, 1, &crate::SocketOptions::default());
    let listener = listener.expect("loopback has a free port").remove(0);
    let addr = listener.local_addr().expect("bound");
    let mut driver = Uring::with_ring(ring, listener).expect("a wake handle");
    let connect = |_| TcpStream::connect(addr).expect("the backlog has room");
    let mut peers: Vec<TcpStream> = (0..PEERS).map(connect).collect();
    for peer in &mut peers {
        peer.write_all(b"x").expect("the peer is sound");
    }
    let (mut accepted, mut received) = (0, 0);
    let deadline = Instant::now() + Duration::from_mins(1);
    while received < PEERS {
        assert!(Instant::now() < deadline, "{accepted} accepted, {received} received");
        driver.wait(Some(Duration::ZERO)).expect("the ring is sound");
        while let Some(completion) = driver.next() {
            match completion {
                Completion::Accepted(_) => accepted += 1,
                Completion::Received(key, lease) => {
                    received += 1;
                    driver.recycle(key, lease);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((accepted, driver.open()), (PEERS, PEERS));
}

#[test]
fn operation_that_the_kernel_lacks_is_found_by_probing() {
    assert_eq!(lacking(|_| true), None);
    for missing in [13, 26, 27, 9, 6, 14, 47] {
        // Accept, send, recv, sendmsg, poll, cancel, and what came with multishot receives.
        assert!(lacking(|code| code != missing).is_some(), "opcode {missing} is used unprobed");
    }
}

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    (listener.accept().expect("it connected").0, peer)
}
