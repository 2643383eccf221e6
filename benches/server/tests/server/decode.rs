//! Decodes a stream as a strict client would: head, chunks, events. Bytes may come cut anywhere.
//! Panics at whatever a server must not send. Owns no socket.

/// What a stream carried.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Item {
    /// An event with the id that then held.
    Event { id: u64, data: String },
    /// A comment.
    Comment,
}

/// One stream, as far as it has come.
#[derive(Default)]
pub(crate) struct Decoder {
    /// Bytes not understood yet.
    wire: Vec<u8>,
    /// The head, once complete.
    pub(crate) head: Option<String>,
    /// Bytes of the body, chunk frames removed, of lines not complete yet.
    text: Vec<u8>,
    id: u64,
    data: Option<String>,
    /// What was received and not taken.
    pub(crate) items: std::collections::VecDeque<Item>,
    /// When to come back, in milliseconds.
    pub(crate) retry: Option<u64>,
    /// The terminal chunk was received.
    pub(crate) ended: bool,
}

impl Decoder {
    /// Takes the next bytes.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        assert!(!self.ended, "bytes after the terminal chunk: {bytes:?}");
        self.wire.extend_from_slice(bytes);
        if self.head.is_none() {
            let Some(end) = find(&self.wire, b"\r\n\r\n") else { return };
            let head = String::from_utf8(self.wire.drain(..end + 4).collect());
            let head = head.expect("a head is text");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            self.head = Some(head);
        }
        let mut at = 0;
        while let Some((size, body)) = chunk(&self.wire[at..]) {
            if size == 0 {
                assert_eq!(&self.wire[at..], b"0\r\n\r\n", "the terminal chunk is the last");
                self.ended = true;
            }
            let (from, to) = (at + body, at + body + size);
            self.text.extend_from_slice(&self.wire[from..to]);
            assert_eq!(&self.wire[to..to + 2], b"\r\n", "a chunk ends with its frame");
            at = to + 2;
        }
        self.wire.drain(..at);
        self.take_lines();
        if self.ended {
            assert!(
                self.wire.is_empty() && self.text.is_empty(),
                "the stream ends within an event"
            );
        }
    }

    fn take_lines(&mut self) {
        let mut at = 0;
        while let Some(length) = self.text[at..].iter().position(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(&self.text[at..at + length]).expect("a line is text");
            at += length + 1;
            if line.is_empty() {
                let event = self.data.take().map(|data| Item::Event { id: self.id, data });
                self.items.extend(event);
            } else if line.starts_with(':') {
                self.items.push_back(Item::Comment);
            } else if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.parse().expect("ids are decimal");
            } else if let Some(data) = line.strip_prefix("data: ") {
                assert_eq!(self.data, None, "these events have one line of data");
                self.data = Some(data.to_owned());
            } else if let Some(millis) = line.strip_prefix("retry: ") {
                self.retry = Some(millis.parse().expect("a time is decimal"));
            } else {
                panic!("an unknown line: {line:?}");
            }
        }
        self.text.drain(..at);
    }
}

/// The size of a whole chunk at the start of `bytes`, and where its body starts.
fn chunk(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = find(bytes, b"\r\n")?;
    let digits = std::str::from_utf8(&bytes[..end]).expect("a chunk size is text");
    let size = usize::from_str_radix(digits, 16).expect("a chunk size is hexadecimal");
    (bytes.len() >= end + 2 + size + 2).then_some((size, end + 2))
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
