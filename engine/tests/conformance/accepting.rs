//! New connections, and the end of taking them.

use super::rig::{
    FEW_WAITS, PATIENCE, Rig, Seen, Subject, connect, expect_refused, read_byte, with_descriptors,
};
use std::{collections::HashSet, fs::File, io::Write, net::TcpStream, time::Instant};

pub(crate) fn connection_is_accepted_and_its_address_known<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (key, peer) = rig.connect();
    assert_eq!(rig.driver.peer_addr(key), peer.local_addr().ok());
    assert_eq!(rig.driver.open(), 1);
}

/// Pitfall: accept stops before `EAGAIN` under edge triggering.
pub(crate) fn accept_goes_on_until_the_queue_is_empty<D: Subject>() {
    let mut rig = Rig::<D>::new();
    // All are there before the first wait, so there is a single edge.
    let _peers: Vec<TcpStream> = (0..50).map(|_| connect(rig.addr)).collect();
    let keys: HashSet<_> = (0..50).map(|_| rig.accepted()).collect();
    assert_eq!(keys.len(), 50);
}

pub(crate) fn thousand_connects_at_once_are_all_accepted<D: Subject>() {
    let test = "thousand_connects_at_once_are_all_accepted";
    with_descriptors::<D>(4096, test, thousand_connects::<D>);
}

fn thousand_connects<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let addr = rig.addr;
    let threads = (0..10).map(|_| {
        std::thread::spawn(move || {
            let mut peers: Vec<TcpStream> = (0..100).map(|_| connect(addr)).collect();
            for peer in &mut peers {
                peer.write_all(b"hello").expect("the peer is sound");
            }
            peers
        })
    });
    let threads: Vec<_> = threads.collect();
    let keys: HashSet<_> = (0..1000).map(|_| rig.accepted()).collect();
    assert_eq!(keys.len(), 1000);
    for key in keys {
        assert_eq!(rig.receive(key, 5), b"hello");
    }
    assert_eq!(rig.driver.open(), 1000);
    for thread in threads {
        thread.join().expect("connects succeed");
    }
}

pub(crate) fn stop_accepting_takes_the_queued_and_closes_the_listener<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let mut peers: Vec<TcpStream> = (0..50).map(|_| connect(rig.addr)).collect();
    rig.driver.stop_accepting();
    expect_refused(rig.addr);
    let keys: Vec<_> = (0..50).map(|_| rig.accepted()).collect();
    // They are connections like any other.
    for peer in &mut peers {
        peer.write_all(b"hello").expect("the peer is sound");
    }
    for key in keys {
        assert_eq!(rig.receive(key, 5), b"hello");
    }
    rig.driver.stop_accepting();
    rig.driver.resume_accept();
    assert_eq!(rig.driver.open(), 50);
}

/// However much else is to be told: what waits in the queue is not what is left for later.
pub(crate) fn stop_accepting_takes_the_queued_behind_busy_connections<D: Subject>() {
    const BUSY: usize = 64;
    let mut rig = Rig::<D>::new();
    let mut busy: Vec<_> = (0..BUSY).map(|_| rig.connect().1).collect();
    rig.round_trip();
    for peer in &mut busy {
        peer.write_all(b"x").expect("the peer is sound");
    }
    let _queued: Vec<_> = (0..8).map(|_| connect(rig.addr)).collect();
    rig.driver.stop_accepting();
    for _ in 0..8 {
        rig.accepted();
    }
    assert_eq!(rig.driver.open(), BUSY + 8);
    expect_refused(rig.addr);
}

pub(crate) fn dropped_driver_closes_listener_and_connections<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (_, mut peer) = rig.connect();
    let Rig { driver, addr, .. } = rig;
    drop(driver);
    assert_eq!(read_byte(&mut peer).expect("closed in order"), 0);
    expect_refused(addr);
}

/// Pitfall: `EMFILE` on accept spins at 100 % or kills the listener.
pub(crate) fn accept_without_descriptors_stands_still_and_recovers<D: Subject>() {
    let test = "accept_without_descriptors_stands_still_and_recovers";
    with_descriptors::<D>(64, test, without_descriptors::<D>);
}

fn without_descriptors<D: Subject>() {
    let mut rig = Rig::<D>::new();
    let (old_key, mut old_peer) = rig.connect();
    // One that waits in vain is enough; its peer takes the last descriptor.
    let mut files = exhaust();
    files.pop();
    let mut peer = connect(rig.addr);
    assert_eq!(accept_error(&mut rig), Some(libc::EMFILE));

    let waits = rig.waits_in_half_a_second(|_| ());
    assert!(waits <= FEW_WAITS, "{waits} waits in half a second");
    assert!(rig.seen.is_empty(), "{:?}", rig.seen);
    old_peer.write_all(b"hello").expect("the peer is sound");
    assert_eq!(rig.receive(old_key, 5), b"hello");

    rig.driver.resume_accept();
    assert_eq!(accept_error(&mut rig), Some(libc::EMFILE));

    drop(files);
    rig.driver.resume_accept();
    let key = rig.accepted();
    peer.write_all(b"hello").expect("the peer is sound");
    assert_eq!(rig.receive(key, 5), b"hello");
    rig.connect();
}

fn accept_error<D: Subject>(rig: &mut Rig<D>) -> Option<i32> {
    rig.until(|seen| match seen {
        Seen::AcceptFailed(error) => Some(error.raw_os_error()),
        _ => None,
    })
}

fn exhaust() -> Vec<File> {
    let deadline = Instant::now() + PATIENCE;
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                return files;
            }
        }
        assert!(Instant::now() < deadline, "the limit was not set");
    }
}
