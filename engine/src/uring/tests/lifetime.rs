//! Connections that end while the kernel has operations on them, in every order of completions.

use super::*;
use std::{os::fd::RawFd, path::PathBuf};

#[test]
fn socket_is_closed_only_after_the_last_completion() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    let fd = stage.kernel.descriptor_of(receive(key)).expect("it receives");
    let socket = socket_at(fd);
    stage.driver.close(key);
    assert_eq!(stage.driver.open(), 0);
    assert!(sees_the_end(peer), "the peer is told at once");
    assert_eq!(socket_at(fd), socket, "closed under the kernel's hands");
    stage.kernel.complete(receive(key), Ok(0), false);
    assert_eq!(stage.turn(), [], "nobody wants to know of it");
    assert_ne!(socket_at(fd), socket, "never closed");
}

#[test]
fn socket_waits_for_all_that_is_under_way_on_it() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let fd = stage.kernel.descriptor_of(receive(key)).expect("it receives");
    let socket = socket_at(fd);
    let slices = [IoSlice::new(b"12")];
    stage.kernel.sends_come_to([Ok(1), Ok(0)]);
    stage.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
    let room = Tag::Connection(Watch::Room, key);
    assert!(stage.kernel.has(room));
    stage.driver.close(key);
    stage.kernel.complete(room, Ok(4), false);
    stage.turn();
    assert_eq!(socket_at(fd), socket);
    stage.kernel.complete(receive(key), Err(libc::ECANCELED), false);
    stage.turn();
    assert_ne!(socket_at(fd), socket);
}

#[test]
fn late_bytes_of_a_closed_connection_reach_nobody_and_free_their_buffer() {
    let mut stage = Stage::new();
    let (old, _peer) = stage.connect();
    stage.driver.close(old);
    let (new, _new_peer) = stage.connect();
    assert_eq!(new.index(), old.index(), "the slot is free at once");
    assert_ne!(new.generation(), old.generation());
    // Late, and for an older tenant of the slot.
    stage.kernel.receives(receive(old), b"for the dead", true);
    stage.kernel.receives(receive(new), b"for the living", true);
    assert_eq!(stage.turn(), [received(new, "for the living")]);
    stage.kernel.receives(receive(old), b"last words", false);
    stage.kernel.complete(Tag::Connection(Watch::Room, old), Ok(4), false);
    assert_eq!(stage.turn(), []);
    assert!(stage.kernel.all_buffers());
}

#[test]
fn bytes_of_a_connection_that_is_closed_before_their_turn_free_their_buffer() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.kernel.receives(receive(key), b"too late", true);
    stage.driver.wait(Some(Duration::ZERO)).expect("sound");
    stage.driver.close(key);
    assert_eq!(stage.turn(), []);
    assert!(stage.kernel.all_buffers());
}

#[test]
fn completion_of_nobody_is_harmless() {
    let mut stage = Stage::new();
    let never = Key::new(3, 77);
    for watch in [Watch::Receive, Watch::Reset, Watch::Detached, Watch::Room] {
        stage.kernel.complete(Tag::Connection(watch, never), Ok(0), false);
    }
    stage.kernel.complete(Tag::Cancel, Err(libc::ENOENT), false);
    stage.kernel.complete(Tag::Send(5), Ok(5), false);
    assert_eq!(stage.turn(), []);
}

#[test]
fn accept_waits_for_the_descriptors_of_closing_connections() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    let fd = stage.kernel.descriptor_of(receive(key)).expect("it receives");
    let socket = socket_at(fd);
    stage.kernel.complete(Tag::Accept, Err(libc::ECONNABORTED), false);
    stage.turn();
    // The next wait begins an accept; the descriptor must be free before.
    stage.driver.close(key);
    stage.kernel.complete(receive(key), Ok(0), false);
    stage.driver.prepare().expect("sound");
    assert_ne!(socket_at(fd), socket);
    assert!(stage.kernel.has(Tag::Accept));
}

#[test]
fn end_comes_after_the_bytes_before_it() {
    for end in [Ok(0), Err(libc::ECONNRESET)] {
        let mut stage = Stage::new();
        let (key, _peer) = stage.connect();
        stage.kernel.receives(receive(key), b"a", true);
        stage.kernel.receives(receive(key), b"b", true);
        stage.kernel.complete(receive(key), end, false);
        let mut seen = stage.turn();
        seen.extend(stage.turn());
        let last = match end {
            Ok(_) => Seen::Finished(key),
            Err(error) => Seen::Failed(key, Some(error)),
        };
        assert_eq!(seen, [received(key, "a"), received(key, "b"), last]);
        assert!(!stage.kernel.has(receive(key)), "received again after the end");
    }
}

#[test]
fn completions_that_overflew_are_not_lost() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.kernel.receives(receive(key), b"in time", true);
    // The multishot stops on it.
    stage.kernel.receives_in_overflow(receive(key), b"late", false);
    let mut seen = stage.turn();
    seen.extend(stage.turn());
    assert_eq!(seen, [received(key, "in time"), received(key, "late")]);
    assert!(stage.kernel.has(receive(key)), "not begun again");
}

#[test]
fn detached_connection_is_polled_only_after_its_receive_has_ended() {
    let mut stage = Stage::new();
    let (key, peer) = stage.connect();
    stage.driver.detach(key);
    assert!(stage.kernel.was_asked_to_cancel(receive(key)));
    let poll = Tag::Connection(Watch::Detached, key);
    assert!(!stage.kernel.has(poll));
    stage.kernel.receives(receive(key), b"thrown away", false);
    assert_eq!(stage.turn(), []);
    assert!(stage.kernel.has(poll) && stage.kernel.all_buffers());
    drop(peer);
    stage.kernel.complete(poll, Ok(1), false);
    assert_eq!(stage.turn(), [Seen::Finished(key)]);
    assert!(!stage.kernel.has(poll), "polled after the end");
}

#[test]
fn detached_connection_whose_receive_finds_the_end_reports_it() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    stage.driver.detach(key);
    stage.kernel.complete(receive(key), Ok(0), false);
    assert_eq!(stage.turn(), [Seen::Finished(key)]);
}

#[test]
fn flood_of_one_connection_is_cut_off_until_it_was_served() {
    let mut stage = Stage::new();
    let (key, _peer) = stage.connect();
    // The worker does not come to serve it.
    for _ in 0..4 {
        stage.kernel.receives(receive(key), b"x", true);
    }
    stage.driver.wait(Some(Duration::ZERO)).expect("sound");
    assert_eq!(stage.kernel.buffers(), 0);
    stage.kernel.complete(receive(key), Err(libc::ENOBUFS), false);
    stage.driver.wait(Some(Duration::ZERO)).expect("sound");
    assert!(!stage.kernel.has(receive(key)), "begun again before its bytes were taken");
    let seen = stage.turn();
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(stage.kernel.has(receive(key)) && stage.kernel.all_buffers());
}

#[test]
fn wake_poll_that_ends_is_begun_again() {
    let mut stage = Stage::new();
    assert!(stage.kernel.has(Tag::Wake));
    stage.kernel.complete(Tag::Wake, Ok(1), false);
    assert_eq!(stage.turn(), [Seen::Woken]);
    stage.turn();
    assert!(stage.kernel.has(Tag::Wake));
}

#[test]
fn ring_is_dropped_before_sockets_are_closed() {
    let mut stage = Stage::new();
    let (_, peer) = stage.connect();
    let Stage { driver, kernel, .. } = stage;
    drop(driver);
    assert!(kernel.is_dropped());
    assert!(sees_the_end(peer));
}

#[test]
fn accepted_socket_is_not_handed_down_to_other_programs() {
    const CLOSE_ON_EXEC: u32 = libc::O_CLOEXEC.cast_unsigned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = listener.local_addr().expect("bound");
    let mut driver = Uring::new(listener).expect("this machine has io_uring");
    let _peer = TcpStream::connect(addr).expect("loopback");
    let deadline = Instant::now() + Duration::from_mins(1);
    let key = loop {
        assert!(Instant::now() < deadline, "never accepted");
        driver.wait(Some(Duration::from_millis(100))).expect("sound");
        if let Some(Completion::Accepted(key)) = driver.next() {
            break key;
        }
    };
    let fd = driver.connections.get(key).expect("it is open").socket.as_raw_fd();
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).expect("it is open");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("a line of it");
    let flags = u32::from_str_radix(flags.trim(), 8).expect("octal");
    assert_ne!(flags & CLOSE_ON_EXEC, 0, "{info}");
}

#[test]
fn last_accepts_are_reported_without_another_wait() {
    let mut stage = Stage::new();
    let addr = stage.listener.local_addr().expect("bound");
    let _peer = TcpStream::connect(addr).expect("loopback");
    stage.kernel.complete(Tag::Accept, Err(libc::ECANCELED), false);
    stage.driver.stop_accepting();
    assert!(matches!(stage.driver.next(), Some(Completion::Accepted(_))));
    assert!(stage.kernel.was_asked_to_cancel(Tag::Accept), "it holds the listener open");
}

/// Which socket a descriptor is, by its inode: the number may be another one's by now.
pub(super) fn socket_at(fd: RawFd) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}
