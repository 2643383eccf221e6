//! A client's side of the format, the oracle of these tests: WHATWG HTML §9.2.6, "Interpreting an
//! event stream", written from its text. Never uses anything of the crate under test.

/// What a client's listener receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) last_id: String,
}

/// The state that a client keeps between bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    line: Vec<u8>,
    not_at_start: bool,
    after_cr: bool,
    name: String,
    data: String,
    id: String,
    pub(crate) last_id: String,
    pub(crate) retry_millis: Option<u128>,
    pub(crate) messages: Vec<Message>,
}

impl Decoder {
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {} // the second half of a CRLF
                b'\r' | b'\n' => self.end_line(),
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&line).into_owned();
        if !std::mem::replace(&mut self.not_at_start, true) && line.starts_with('\u{feff}') {
            line.remove(0);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        match line.split_once(':') {
            Some(("", _)) => {} // a comment
            Some((field, value)) => self.field(field, value.strip_prefix(' ').unwrap_or(value)),
            None => self.field(&line, ""),
        }
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry_millis = value.parse().ok().or(self.retry_millis);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.last_id.clone_from(&self.id);
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        if data.pop().is_none() {
            return;
        }
        let name = if name.is_empty() { "message".to_owned() } else { name };
        self.messages.push(Message { name, data, last_id: self.last_id.clone() });
    }
}

/// Decodes a whole stream.
pub(crate) fn decode(bytes: &[u8]) -> Decoder {
    let mut decoder = Decoder::default();
    decoder.receive(bytes);
    decoder
}

/// Decodes a whole stream, which comes to the same when it is cut at every byte.
pub(crate) fn decode_cut(bytes: &[u8]) -> Decoder {
    let cut_at_every_byte = bytes.chunks(1).fold(Decoder::default(), |mut decoder, byte| {
        decoder.receive(byte);
        decoder
    });
    let decoder = decode(bytes);
    assert_eq!(decoder.messages, cut_at_every_byte.messages);
    assert_eq!(decoder.last_id, cut_at_every_byte.last_id);
    assert_eq!(decoder.retry_millis, cut_at_every_byte.retry_millis);
    decoder
}

fn messages(bytes: &[u8]) -> Vec<(String, String, String)> {
    decode_cut(bytes).messages.into_iter().map(|m| (m.name, m.data, m.last_id)).collect()
}

fn data_of(bytes: &[u8]) -> Vec<String> {
    messages(bytes).into_iter().map(|(_, data, _)| data).collect()
}

#[test]
fn lines_end_at_lf_crlf_and_cr() {
    assert_eq!(data_of(b"data: a\ndata: b\r\ndata: c\rdata: d\n\r\n"), ["a\nb\nc\nd"]);
    assert_eq!(data_of(b"data: a\r\rdata: b\r\n\r\ndata: c\n\n"), ["a", "b", "c"]);
}

#[test]
fn one_space_after_the_colon_is_taken_away_and_no_more() {
    assert_eq!(data_of(b"data:a\n\ndata: a\n\ndata:  a\n\ndata:\ta\n\n"), ["a", "a", " a", "\ta"]);
}

#[test]
fn data_without_a_value_is_an_empty_line() {
    assert_eq!(data_of(b"data\n\ndata:\n\ndata: \n\ndata\ndata\n\n"), ["", "", "", "\n"]);
}

#[test]
fn what_follows_the_last_empty_line_is_lost() {
    assert_eq!(data_of(b"data: a\n\ndata: b\n"), ["a"]);
    assert_eq!(data_of(b"data: a\n\ndata: b"), ["a"]);
}

#[test]
fn comments_and_unknown_fields_do_nothing() {
    assert_eq!(data_of(b": x\n\n:\n\nDATA: x\ndata : x\nda-ta: x\n data: x\nx\n\n"), [""; 0]);
    assert_eq!(data_of(b"data: a\n: between\nx: y\ndata: b\n\n"), ["a\nb"]);
}

#[test]
fn only_one_byte_order_mark_at_the_start_is_dropped() {
    assert_eq!(data_of("\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes()), ["a"]);
    assert_eq!(data_of("\u{feff}\u{feff}data: a\n\ndata: b\n\n".as_bytes()), ["b"]);
}

#[test]
fn a_name_holds_for_one_event_and_an_id_for_all_that_follow() {
    let expected = [("tick", "a", "1"), ("message", "b", "1"), ("message", "c", "")]
        .map(|(name, data, id)| (name.to_owned(), data.to_owned(), id.to_owned()));
    assert_eq!(messages(b"event: tick\nid: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"), expected);
}

#[test]
fn a_name_without_data_is_forgotten_but_an_id_is_kept() {
    let decoder = decode(b"event: tick\nid: 1\n\ndata: a\n\n");
    let [message] = &decoder.messages[..] else { panic!("one message") };
    assert_eq!((&*message.name, &*message.last_id), ("message", "1"));
}

#[test]
fn an_id_with_nul_and_a_retry_with_more_than_digits_are_ignored() {
    let decoder =
        decode(b"id: 1\nid: 2\0\nretry: 10\nretry: 20x\nretry: -3\nretry: +4\ndata: a\n\n");
    assert_eq!((&*decoder.last_id, decoder.retry_millis), ("1", Some(10)));
}

#[test]
fn an_id_counts_only_once_its_event_has_ended() {
    assert_eq!(decode(b"id: 1\n\nid: 2\ndata: a\n").last_id, "1");
}

#[test]
fn bytes_that_are_not_utf8_become_replacement_characters() {
    assert_eq!(data_of(b"data: a\xffb\xe2\x82\n\n"), ["a\u{fffd}b\u{fffd}"]);
}
