//! Reads the answers to pipelined requests: a status each, bodies skipped.
//! Bytes may come cut anywhere. Takes bodies with a `Content-Length` only, as a server sends them
//! for a known answer.

/// The longest answer head taken, in bytes.
const HEAD_LIMIT: usize = 8 * 1024;

/// Why the answers cannot be read on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BadAnswer {
    /// The head has no end within its limit, or no status.
    Head,
    /// The length of the body is not given.
    NoLength,
}

impl std::fmt::Display for BadAnswer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Head => "an answer is malformed",
            Self::NoLength => "an answer has no Content-Length",
        })
    }
}

/// The answers on one connection, as far as they have come.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    head: Vec<u8>,
    body_left: usize,
}

impl Answers {
    /// Whether all that has begun is complete.
    pub(crate) fn is_between(&self) -> bool {
        self.head.is_empty() && self.body_left == 0
    }

    /// Takes the next bytes and reports the status of each answer whose head they complete.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        mut on_status: impl FnMut(u16),
    ) -> Result<(), BadAnswer> {
        let mut rest = bytes;
        loop {
            let skipped = self.body_left.min(rest.len());
            self.body_left -= skipped;
            rest = &rest[skipped..];
            let Some((&byte, after)) = rest.split_first() else { return Ok(()) };
            rest = after;
            self.head.push(byte);
            if self.head.ends_with(b"\r\n\r\n") {
                let (status, length) = parse(&self.head)?;
                on_status(status);
                self.body_left = length;
                self.head.clear();
            } else if self.head.len() == HEAD_LIMIT {
                return Err(BadAnswer::Head);
            }
        }
    }
}

/// Status and body length.
fn parse(head: &[u8]) -> Result<(u16, usize), BadAnswer> {
    let head = std::str::from_utf8(head).map_err(|_| BadAnswer::Head)?;
    let (first, fields) = head.split_once("\r\n").ok_or(BadAnswer::Head)?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or(BadAnswer::Head)?;
    if matches!(status, 204 | 304) {
        return Ok((status, 0));
    }
    let length = fields
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or(BadAnswer::NoLength)?;
    Ok((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(pieces: &[&[u8]]) -> Result<Vec<u16>, BadAnswer> {
        let mut answers = Answers::default();
        let mut statuses = Vec::new();
        for piece in pieces {
            answers.receive(piece, |status| statuses.push(status))?;
        }
        Ok(statuses)
    }

    #[test]
    fn pipelined_answers_read_alike_however_they_are_cut() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n10\
                     HTTP/1.1 503 Service Unavailable\r\ncontent-length:4\r\n\r\nfull\
                     HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let expected = Ok(vec![200, 503, 204, 200]);
        assert_eq!(statuses(&[wire]), expected);
        for at in 0..wire.len() {
            assert_eq!(statuses(&[&wire[..at], &wire[at..]]), expected, "cut at {at}");
        }
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert_eq!(statuses(&[b"HTTP/1.1 200 OK\r\n\r\n"]), Err(BadAnswer::NoLength));
    }

    #[test]
    fn a_head_is_bounded() {
        assert!(statuses(&[&[b'x'; HEAD_LIMIT - 1]]).is_ok());
        assert_eq!(statuses(&[&[b'x'; HEAD_LIMIT]]), Err(BadAnswer::Head));
    }
}
