//! How many items a Memcached server has dropped: the one thing that the client does not ask for.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How many items were dropped for want of memory since the server was started.
pub(super) fn evictions(addr: &str, timeout: Duration) -> io::Result<u64> {
    // None where time does not go that far.
    let deadline = Instant::now().checked_add(timeout);
    let no_address = || io::Error::from(io::ErrorKind::AddrNotAvailable);
    let addr = addr.to_socket_addrs()?.next().ok_or_else(no_address)?;
    let mut stream = TcpStream::connect_timeout(&addr, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(b"stats\r\n")?;
    dropped(BufReader::new(stream).lines(), deadline)
}

/// What was dropped for others, and what was in the way when memory went to items of another size. Servers
/// that do not move memory do not have the second.
const DROPPED: [&str; 2] = ["STAT evictions ", "STAT slab_reassign_evictions_nomem "];

fn dropped(
    answer: impl Iterator<Item = io::Result<String>>,
    deadline: Option<Instant>,
) -> io::Result<u64> {
    let mut found = [None; 2];
    for line in answer {
        let line = line?;
        if line == "END" {
            let [evictions, moved] = found;
            let evictions: u64 =
                evictions.ok_or_else(|| invalid("it does not say what it dropped"))?;
            return Ok(evictions.saturating_add(moved.unwrap_or(0)));
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for (name, found) in DROPPED.iter().zip(&mut found) {
            if let Some(number) = line.strip_prefix(name) {
                *found = Some(number.parse().map_err(|_| invalid("what it dropped is no number"))?);
            }
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str]) -> io::Result<u64> {
        dropped(lines.iter().map(|line| Ok((*line).to_owned())), None)
    }

    #[test]
    fn what_made_room_for_other_sizes_was_dropped_as_well() {
        let (evictions, moved) = ("STAT evictions 3", "STAT slab_reassign_evictions_nomem 4");
        let others = "STAT slab_reassign_chunk_rescues 100";
        assert_eq!(answer(&[evictions, others, "END"]).ok(), Some(3));
        assert_eq!(answer(&[evictions, others, moved, "END"]).ok(), Some(7));
        assert_eq!(answer(&[moved, evictions, others, "END"]).ok(), Some(7));
        let zeros = ["STAT evictions 0", "STAT slab_reassign_evictions_nomem 0", "END"];
        assert_eq!(answer(&zeros).ok(), Some(0));
    }

    #[test]
    fn an_answer_without_it_or_that_breaks_off_is_an_error() {
        let kind = |lines: &[&str]| answer(lines).expect_err("not said").kind();
        assert_eq!(kind(&["STAT evictions many", "END"]), io::ErrorKind::InvalidData);
        assert_eq!(kind(&["STAT uptime 7", "END"]), io::ErrorKind::InvalidData);
        assert_eq!(kind(&["STAT evictions 3"]), io::ErrorKind::UnexpectedEof);
        let late = dropped([Ok("STAT evictions 3".to_owned())].into_iter(), Some(Instant::now()));
        assert_eq!(late.expect_err("too late").kind(), io::ErrorKind::TimedOut);
    }
}
