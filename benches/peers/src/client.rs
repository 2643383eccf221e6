//! A simple client of `/plaintext`: so many requests, no more and no fewer, each answer looked at.
//! For counting; it is no load.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::PLAINTEXT;

/// How long an answer may take, also under valgrind.
const PATIENCE: Duration = Duration::from_mins(1);

/// Longest answer that is read.
const ANSWER_BYTES: usize = 4096;

/// What is sent on keep-alive connections, over and over.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Connections.
    pub connections: usize,
    /// Requests sent at once on each, before an answer is read.
    pub depth: usize,
}

impl Course {
    /// Requests of one round: `depth` on each connection.
    pub fn round(&self) -> u64 {
        // A usize fits on every machine that runs this.
        (self.connections * self.depth) as u64
    }

    /// Sends so many rounds, and reads all answers of one before the next.
    ///
    /// # Errors
    ///
    /// An answer does not come, or is not what [`check`] lets pass: a line that says so.
    pub fn run(&self, addr: SocketAddr, rounds: u64) -> Result<(), String> {
        let length = check(addr)?;
        let failed = |error: io::Error| format!("{addr}: {error}");
        let mut streams = (0..self.connections)
            .map(|_| connect(addr))
            .collect::<io::Result<Vec<_>>>()
            .map_err(failed)?;
        let requests = request(addr).repeat(self.depth);
        let mut answers = vec![0; length * self.depth];
        for _ in 0..rounds {
            for stream in &mut streams {
                stream.write_all(requests.as_bytes()).map_err(failed)?;
            }
            for stream in &mut streams {
                stream.read_exact(&mut answers).map_err(failed)?;
                for answer in answers.chunks_exact(length) {
                    examine(answer)?;
                }
            }
        }
        Ok(())
    }
}

/// Asks once; gives how many bytes an answer has.
///
/// # Errors
///
/// It is not a 200 with the text that is expected, as `text/plain`: a line that says so.
pub fn check(addr: SocketAddr) -> Result<usize, String> {
    let mut answer = Vec::new();
    let mut ask = || -> io::Result<()> {
        let mut stream = connect(addr)?;
        stream.write_all(request(addr).as_bytes())?;
        let mut bytes = [0; ANSWER_BYTES];
        while !ended(&answer) && answer.len() < ANSWER_BYTES {
            match stream.read(&mut bytes)? {
                0 => break,
                count => answer.extend_from_slice(&bytes[..count]),
            }
        }
        Ok(())
    };
    ask().map_err(|error| format!("{addr}: {error}"))?;
    examine(&answer)?;
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    if !head.contains("\r\ncontent-type: text/plain") {
        return Err(format!("an answer is not text/plain: {head}"));
    }
    Ok(answer.len())
}

/// Whether no more of an answer is to be waited for: a refusal is not read to its end.
fn ended(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    head.is_some_and(|at| {
        !answer.starts_with(b"HTTP/1.1 200 ") || answer.len() >= at + 4 + PLAINTEXT.len()
    })
}

/// Whether these bytes are one answer, whole.
fn examine(answer: &[u8]) -> Result<(), String> {
    let whole = answer.starts_with(b"HTTP/1.1 200 ")
        && answer
            .strip_suffix(PLAINTEXT.as_bytes())
            .is_some_and(|head| head.ends_with(b"\r\n\r\n"));
    whole.then_some(()).ok_or_else(|| {
        format!("not the answer that is expected: {:?}", String::from_utf8_lossy(answer))
    })
}

fn request(addr: SocketAddr) -> String {
    format!("GET /plaintext HTTP/1.1\r\nHost: {addr}\r\n\r\n")
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_200_with_the_text_passes() {
        let answer = |status: &str, body: &str| format!("HTTP/1.1 {status}\r\nA: b\r\n\r\n{body}");
        assert_eq!(examine(answer("200 OK", PLAINTEXT).as_bytes()), Ok(()));
        assert_eq!(examine(answer("200 Ok", PLAINTEXT).as_bytes()), Ok(()));
        assert!(examine(answer("500 No", PLAINTEXT).as_bytes()).is_err());
        assert!(examine(answer("200 OK", "Hello, World").as_bytes()).is_err());
        assert!(examine(answer("200 OK", "! Hello, World!").as_bytes()).is_err());
        assert!(examine(b"").is_err());
    }
}
