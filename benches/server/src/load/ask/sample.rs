//! The first answer, and how the others are known to be like it: by their length, how they begin and
//! how they end. What a head says in between may change, as its date does.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the first answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is taken.
const ANSWER_BYTES: usize = 64 * 1024;

/// Bytes that the heads of answers begin with, such as `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// What answers look like.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    status: [u8; STATUS_BYTES],
    /// The end of the head, and the body.
    end: Vec<u8>,
    length: usize,
}

impl Sample {
    /// Asks once. What is wrong with the answer is said in a line.
    pub(super) fn take(addr: SocketAddr, path: &str) -> Result<Self, String> {
        let answer = ask(addr, path).map_err(|error| error.to_string())?;
        Self::of(&answer).ok_or_else(|| {
            let first = String::from_utf8_lossy(&answer);
            format!("{path} was answered with {:?}", first.lines().next().unwrap_or_default())
        })
    }

    fn of(answer: &[u8]) -> Option<Self> {
        let (head, length) = measure(answer)?;
        let status: [u8; STATUS_BYTES] = answer.get(..STATUS_BYTES)?.try_into().ok()?;
        let good = status.starts_with(b"HTTP/1.1 2") && answer.len() == length;
        good.then(|| Self { status, end: answer[head - 4..].to_vec(), length })
    }

    /// The bytes of an answer.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether this is such an answer, whole.
    pub(super) fn is_like(&self, answer: &[u8]) -> bool {
        answer.len() == self.length
            && answer.starts_with(&self.status)
            && answer.ends_with(&self.end)
    }
}

/// The length of the head, and of all of it, once the head is there and says it.
fn measure(answer: &[u8]) -> Option<(usize, usize)> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some((head, head + body))
}

/// The answer, or as much of it as came.
fn ask(addr: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&request(addr, path))?;
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    while answer.len() < ANSWER_BYTES {
        match stream.read(&mut bytes)? {
            0 => break,
            count => answer.extend_from_slice(&bytes[..count]),
        }
        if measure(&answer).is_some_and(|(_, length)| answer.len() >= length) {
            break;
        }
    }
    Ok(answer)
}

/// The bytes of one request.
pub(super) fn request(addr: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: 1\r\ncontent-length: 2\r\n\r\nhi";

    #[test]
    fn an_answer_may_differ_in_its_head_only() {
        let sample = Sample::of(ANSWER).unwrap();
        assert_eq!(sample.length(), ANSWER.len());
        assert!(sample.is_like(ANSWER));
        assert!(sample.is_like(b"HTTP/1.1 200 OK\r\nDate: 2\r\ncontent-length: 2\r\n\r\nhi"));
        assert!(!sample.is_like(b"HTTP/1.1 200 OK\r\nDate: 1\r\ncontent-length: 2\r\n\r\nho"));
        assert!(!sample.is_like(b"HTTP/1.1 503 OK\r\nDate: 1\r\ncontent-length: 2\r\n\r\nhi"));
        assert!(!sample.is_like(&ANSWER[..ANSWER.len() - 1]));
    }

    #[test]
    fn only_a_whole_2xx_of_known_length_is_a_sample() {
        assert!(Sample::of(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").is_none());
        assert!(Sample::of(b"HTTP/1.1 200 OK\r\n\r\n").is_none());
        assert!(Sample::of(&ANSWER[..ANSWER.len() - 1]).is_none());
        assert!(Sample::of(b"").is_none());
    }
}
