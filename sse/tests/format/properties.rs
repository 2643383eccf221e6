//! What holds for every event: exactly what was put in comes out, and never anything else.

use std::time::Duration;

use headwater_sse::{Event, EventId, PreparedEvent, format_event};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::decoder::{Decoder, Message, decode};

/// What a program puts into an event, before anything is taken out of it.
#[derive(Clone, Debug)]
struct Input {
    id: Option<String>,
    comment: Option<String>,
    name: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

impl Input {
    fn event(&self) -> Event {
        let mut event = Event::new();
        if let Some(data) = &self.data {
            event = event.with_data(data);
        }
        if let Some(retry) = self.retry {
            event = event.retry(retry);
        }
        if let Some(name) = &self.name {
            event = event.event(name);
        }
        if let Some(comment) = &self.comment {
            event = event.comment(comment);
        }
        if let Some(id) = &self.id {
            event = event.id(id);
        }
        event
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        format_event(&mut out, &self.event());
        out
    }
}

/// What a client has received and keeps, said in terms of what was put in.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    messages: Vec<Message>,
    last_id: String,
    retry_millis: Option<u128>,
}

impl Expected {
    fn after(inputs: &[Input]) -> Self {
        let mut expected = Self::default();
        for input in inputs {
            expected.receive(input);
        }
        expected
    }

    fn receive(&mut self, input: &Input) {
        let one_line = |value: &String| value.replace(['\r', '\n', '\0'], "");
        self.last_id = input.id.as_ref().map_or(self.last_id.clone(), one_line);
        let millis = input.retry.map(|after| after.as_millis().min(2_147_483_647));
        self.retry_millis = millis.filter(|&millis| millis > 0).or(self.retry_millis);
        if let Some(data) = &input.data {
            let name = input.name.as_ref().map(one_line).filter(|name| !name.is_empty());
            self.messages.push(Message {
                name: name.unwrap_or("message".to_owned()),
                data: data.replace("\r\n", "\n").replace('\r', "\n"),
                last_id: self.last_id.clone(),
            });
        }
    }
}

impl From<Decoder> for Expected {
    fn from(decoder: Decoder) -> Self {
        let Decoder { messages, last_id, retry_millis, .. } = decoder;
        Self { messages, last_id, retry_millis }
    }
}

/// Texts made of what has a meaning in the format, and of anything else.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = vec!["\n", "\r", "\r\n", "\n\n", "\0", " ", ":", "\t", "\u{feff}", "\u{2028}"]
        .into_iter()
        .chain(["data: x", "id: 9", "event: evil", "retry: 1", "data", "a", "é", "😀", "7"])
        .collect::<Vec<_>>();
    prop_oneof![
        3 => vec(proptest::sample::select(pieces), 0..12).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

fn retry() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..3_000_000u64).prop_map(Duration::from_micros),
        (2_147_483_600..2_147_483_700u64).prop_map(Duration::from_millis),
        any::<Duration>(),
        Just(Duration::MAX),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let text = || option::of(hostile_text());
    (text(), text(), text(), option::of(retry()), text())
        .prop_map(|(id, comment, name, retry, data)| Input { id, comment, name, retry, data })
}

proptest! {
    #[test]
    fn a_client_receives_exactly_what_was_put_in(input in input()) {
        let bytes = input.bytes();
        prop_assert_eq!(Expected::from(decode(&bytes)), Expected::after(&[input]));
    }

    #[test]
    fn a_stream_of_events_decodes_alike_however_it_is_cut(
        inputs in vec(input(), 0..6),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream = inputs.iter().flat_map(Input::bytes).collect::<Vec<_>>();
        let mut cuts = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect::<Vec<_>>();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut cut_there = Decoder::default();
        cuts.windows(2).for_each(|cut| cut_there.receive(&stream[cut[0]..cut[1]]));
        let mut cut_everywhere = Decoder::default();
        stream.chunks(1).for_each(|byte| cut_everywhere.receive(byte));

        let expected = Expected::after(&inputs);
        prop_assert_eq!(&Expected::from(decode(&stream)), &expected);
        prop_assert_eq!(&Expected::from(cut_there), &expected);
        prop_assert_eq!(&Expected::from(cut_everywhere), &expected);
    }

    #[test]
    fn an_event_cut_off_before_its_end_dispatches_nothing(input in input()) {
        let bytes = input.bytes();
        for end in 0..bytes.len() {
            let decoder = decode(&bytes[..end]);
            prop_assert_eq!((decoder.messages.len(), &*decoder.last_id), (0, ""));
        }
    }

    #[test]
    fn each_line_but_the_last_belongs_to_a_field_that_was_set(input in input()) {
        let bytes = input.bytes();
        let text = String::from_utf8(bytes).expect("made of strings");
        prop_assert!(!text.contains('\r'));
        let mut lines = text.split_terminator('\n').collect::<Vec<_>>();
        if input.event().is_empty() {
            prop_assert!(lines.is_empty());
            return Ok(());
        }
        prop_assert_eq!(lines.pop(), Some(""));
        let count = |prefix: &str| lines.iter().filter(|line| line.starts_with(prefix)).count();
        prop_assert_eq!(count("id: "), usize::from(input.id.is_some()));
        prop_assert_eq!(count(": "), usize::from(input.comment.is_some()));
        prop_assert!(count("event: ") <= usize::from(input.name.is_some()));
        prop_assert!(count("retry: ") <= usize::from(input.retry.is_some()));
        prop_assert_eq!(count("data: ") > 0, input.data.is_some());
        let known = ["id: ", ": ", "event: ", "retry: ", "data: "].map(count).iter().sum::<usize>();
        prop_assert_eq!(known, lines.len());
    }

    #[test]
    fn without_data_nothing_is_dispatched(input in input()) {
        let input = Input { data: None, ..input };
        prop_assert!(decode(&input.bytes()).messages.is_empty());
    }

    #[test]
    fn a_comment_changes_nothing_that_a_client_sees(input in input(), comment in hostile_text()) {
        let bare = Input { comment: None, ..input.clone() };
        let commented = Input { comment: Some(comment), ..input };
        prop_assert_eq!(
            Expected::from(decode(&commented.bytes())),
            Expected::from(decode(&bare.bytes()))
        );
    }

    #[test]
    fn room_that_is_enough_is_not_outgrown(input in input()) {
        let bytes = input.bytes();
        prop_assert_eq!(PreparedEvent::from(input.event()).len(), bytes.len());
        let mut out = Vec::with_capacity(bytes.len());
        let capacity = out.capacity();
        format_event(&mut out, &input.event());
        prop_assert_eq!(out.capacity(), capacity);
    }

    #[test]
    fn trying_succeeds_exactly_where_nothing_would_be_taken_out(value in hostile_text()) {
        let lost = |ends: &[char]| value.contains(ends);
        prop_assert_eq!(Event::new().try_id(&value).is_err(), lost(&['\r', '\n', '\0']));
        prop_assert_eq!(Event::new().try_event(&value).is_err(), lost(&['\r', '\n', '\0']));
        prop_assert_eq!(Event::new().try_comment(&value).is_err(), lost(&['\r', '\n']));
        if let Ok(event) = Event::new().try_id(&value) {
            prop_assert_eq!(event, Event::new().id(&value));
        }
    }

    #[test]
    fn an_id_that_a_client_sends_back_is_the_id_of_the_event(value in hostile_text()) {
        let prepared = PreparedEvent::new(&Event::data("x").id(&value));
        let bytes = Input {
            id: Some(value), comment: None, name: None, retry: None, data: Some("x".to_owned()),
        }.bytes();
        let sent_back = decode(&bytes).last_id;
        prop_assert_eq!(prepared.id(), EventId::from_header(sent_back.as_bytes()).ok());
    }

    #[test]
    fn every_number_is_an_id_and_prints_in_decimal(number: u64) {
        let id = EventId::from(number);
        prop_assert_eq!(id.to_string(), number.to_string());
        prop_assert_eq!(number.to_string().parse(), Ok(id));
    }
}
