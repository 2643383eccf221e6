//! One request to a server, to see whether it is there and what it says of itself.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer that is read.
const ANSWER_BYTES: u64 = 64 * 1024;

/// The status of an answer and its body.
pub(super) fn get(addr: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let answer = ask(addr, path, |_| false)?;
    parse(&answer).ok_or_else(|| io::Error::other("no answer in HTTP"))
}

/// The status alone: for a stream, which does not end.
pub(super) fn status(addr: SocketAddr, path: &str) -> io::Result<u16> {
    let answer = ask(addr, path, |answer| answer.ends_with(b"\r\n"))?;
    let status = parse(&answer).map(|(status, _)| status);
    status.ok_or_else(|| io::Error::other("no answer in HTTP"))
}

fn ask(addr: SocketAddr, path: &str, enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    while !enough(&answer) && (answer.len() as u64) < ANSWER_BYTES {
        match stream.read(&mut bytes)? {
            0 => break,
            count => answer.extend_from_slice(&bytes[..count]),
        }
    }
    Ok(answer)
}

fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let status = text.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
        assert_eq!(parse(answer), Some((200, "body".to_owned())));
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\n"), Some((404, String::new())));
        assert_eq!(parse(b"220 mail\r\n"), None);
    }
}
