//! What the conformance suite does not see: threads.

use super::*;
use std::{io::Write, sync::Weak, thread};

const PATIENCE: Duration = Duration::from_secs(20);

fn driver() -> (StdThreads, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = listener.local_addr().expect("it is bound");
    (StdThreads::new(listener).expect("threads can be had"), addr)
}

fn until<T>(driver: &mut StdThreads, mut found: impl FnMut(Completion<Lease>) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "did not happen");
        driver.wait(Some(Duration::from_millis(100))).unwrap();
        while let Some(completion) = driver.next() {
            if let Some(found) = found(completion) {
                return found;
            }
        }
    }
}

fn connected(driver: &mut StdThreads, addr: SocketAddr) -> (Key, TcpStream, Weak<Line>) {
    let peer = TcpStream::connect(addr).unwrap();
    let key = until(driver, |completion| match completion {
        Completion::Accepted(key) => Some(key),
        _ => None,
    });
    let line = Arc::downgrade(&driver.connections.get(key).expect("just accepted").line);
    (key, peer, line)
}

/// The reader holds its line to its end.
fn assert_ends(line: &Weak<Line>) {
    let deadline = Instant::now() + PATIENCE;
    while line.strong_count() > 0 {
        assert!(Instant::now() < deadline, "the reader goes on");
        thread::yield_now();
    }
}

#[test]
fn closing_ends_a_reader_that_waits_for_bytes() {
    let (mut driver, addr) = driver();
    let (key, _peer, line) = connected(&mut driver, addr);
    driver.close(key);
    assert_ends(&line);
}

#[test]
fn closing_ends_a_reader_that_waits_for_its_buffer() {
    let (mut driver, addr) = driver();
    let (key, mut peer, line) = connected(&mut driver, addr);
    peer.write_all(b"hello").unwrap();
    let lease = until(&mut driver, |completion| match completion {
        Completion::Received(_, lease) => Some(lease),
        _ => None,
    });
    driver.close(key);
    assert_ends(&line);
    driver.recycle(key, lease);
}

#[test]
fn closing_ends_a_reader_of_a_paused_connection() {
    let (mut driver, addr) = driver();
    let (key, mut peer, line) = connected(&mut driver, addr);
    driver.pause(key);
    peer.write_all(b"hello").unwrap();
    let deadline = Instant::now() + PATIENCE;
    // The reader hangs its bell once it waits for a reset.
    while line.upgrade().is_some_and(|line| !line.waits_in_poll()) {
        assert!(Instant::now() < deadline, "the reader does not wait");
        driver.wait(Some(Duration::from_millis(10))).unwrap();
        assert!(driver.next().is_none());
    }
    driver.close(key);
    assert_ends(&line);
}

#[test]
fn dropping_the_driver_ends_all_threads() {
    let (mut driver, addr) = driver();
    let connections: Vec<_> = (0..20).map(|_| connected(&mut driver, addr)).collect();
    let woken = Arc::downgrade(&driver.woken);
    drop(driver);
    // Readers are joined, so there is nothing to wait for.
    assert!(connections.iter().all(|(_, _, line)| line.strong_count() == 0));
    assert_eq!(woken.strong_count(), 0);
    let refused = TcpStream::connect(addr).map(drop).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn without_a_stalled_socket_there_is_no_timer() {
    let (mut driver, addr) = driver();
    let (key, _peer, _) = connected(&mut driver, addr);
    let slices = [IoSlice::new(b"x")];
    let mut batch = [Attempt::new(key, &slices)];
    driver.send(&mut batch);
    assert_eq!(driver.retry.next_try(), None);
}

#[test]
fn retries_back_off_while_nothing_moves() {
    let mut retry = Retry::default();
    let key = Key::new(0, 0);
    let mut delays = Vec::new();
    retry.stalled(key, false);
    for _ in 0..8 {
        let deadline = Instant::now() + PATIENCE;
        while retry.due().is_none() {
            assert!(Instant::now() < deadline, "never due");
            retry.look_at_the_time();
            thread::yield_now();
        }
        let before = Instant::now();
        retry.stalled(key, true);
        delays.push(retry.next_try().expect("one is stalled") - before);
    }
    assert!(delays[0] >= Duration::from_millis(4));
    assert!(delays[7] >= Duration::from_millis(50));
}

/// What is accepted before the descriptors run out is in the channel when accepting stands still.
#[test]
fn connection_accepted_before_accepting_stood_still_is_reported() {
    let (mut driver, _) = driver();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let _peer = TcpStream::connect(elsewhere.local_addr().unwrap()).unwrap();
    let (stream, _) = elsewhere.accept().unwrap();
    driver.acceptor.stand_still();
    driver.sender.send(Report::Connected(stream)).unwrap();
    until(&mut driver, |completion| matches!(completion, Completion::Accepted(_)).then_some(()));
}
