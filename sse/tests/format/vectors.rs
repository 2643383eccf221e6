//! Events whose bytes, or what a client makes of them, are written out by hand.

use std::time::Duration;

use headwater_sse::{Event, EventId, EventIdError, Field, PreparedEvent, format_event};

use crate::decoder::decode;

fn text(event: &Event) -> String {
    let mut out = Vec::new();
    format_event(&mut out, event);
    assert_eq!(PreparedEvent::new(event).len(), out.len());
    String::from_utf8(out).expect("made of strings")
}

/// What a client receives of this one event: its name, its data, and the last id after it.
fn received(event: &Event) -> Option<(String, String, String)> {
    let mut decoder = decode(text(event).as_bytes());
    assert!(decoder.messages.len() <= 1, "one event, several messages: {:?}", decoder.messages);
    decoder.messages.pop().map(|m| (m.name, m.data, m.last_id))
}

fn received_data(data: &str) -> String {
    received(&Event::data(data)).expect("data was set").1
}

#[test]
fn lines_are_id_comment_event_retry_data_and_an_empty_one() {
    let event =
        Event::data("a\nb").comment("c").retry(Duration::from_millis(1500)).event("tick").id("7");
    assert_eq!(text(&event), "id: 7\n: c\nevent: tick\nretry: 1500\ndata: a\ndata: b\n\n");
}

#[test]
fn fields_that_are_not_set_have_no_line() {
    assert_eq!(text(&Event::data("a")), "data: a\n\n");
    assert_eq!(text(&Event::new().id("7")), "id: 7\n\n");
    assert_eq!(text(&Event::new().event("tick")), "event: tick\n\n");
    assert_eq!(text(&Event::new().comment("c")), ": c\n\n");
    assert_eq!(text(&Event::new().retry(Duration::from_secs(2))), "retry: 2000\n\n");
}

#[test]
fn nothing_set_is_no_bytes_at_all() {
    for event in [Event::new(), Event::new().event(""), Event::new().retry(Duration::ZERO)] {
        assert!(event.is_empty());
        assert_eq!(text(&event), "");
        assert!(PreparedEvent::new(&event).is_empty());
    }
}

#[test]
fn empty_data_is_a_message_and_no_data_is_none() {
    assert_eq!(text(&Event::data("")), "data: \n\n");
    assert_eq!(received_data(""), "");
    assert_eq!(received(&Event::new().id("7").event("tick").comment("c")), None);
}

#[test]
fn a_setter_called_twice_replaces() {
    let event = Event::data("a").with_data("b").id("1").id("2").event("x").event("");
    assert_eq!(text(&event), "id: 2\ndata: b\n\n");
}

#[test]
fn every_line_end_in_data_arrives_as_lf() {
    let cases = [
        ("a\nb", "a\nb"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("a\n\rb", "a\n\nb"),
        ("a\r\r\nb", "a\n\nb"),
        ("a\r\n\nb\n\r\nc\r\r\nd", "a\n\nb\n\nc\n\nd"),
        ("\n", "\n"),
        ("\r", "\n"),
        ("\r\n", "\n"),
        ("\n\n", "\n\n"),
        ("\r\r", "\n\n"),
        ("\r\n\r\n", "\n\n"),
        ("\na", "\na"),
        ("\ra", "\na"),
        ("a\n", "a\n"),
        ("a\r", "a\n"),
        ("a\r\n", "a\n"),
    ];
    for (data, expected) in cases {
        assert_eq!(received_data(data), expected, "{data:?}");
    }
}

#[test]
fn only_lf_and_cr_end_a_line_of_data() {
    let others = "a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{85}g\u{2028}h\u{2029}i\u{feff}j\u{7f}k";
    assert_eq!(text(&Event::data(others)), format!("data: {others}\n\n"));
    assert_eq!(received_data(others), others);
}

#[test]
fn spaces_tabs_and_colons_survive_wherever_they_are() {
    for data in [" a", "  a", "\ta", "a  ", " ", ":a", "a: b: c", " \n  \n a", "\u{feff}a"] {
        assert_eq!(received_data(data), data);
    }
    let event = Event::data("x").event(" a:b ").id(" : 1 ");
    assert_eq!(received(&event), Some((" a:b ".into(), "x".into(), " : 1 ".into())));
}

#[test]
fn nul_and_other_control_characters_survive_in_data() {
    let controls: String = ('\0'..' ').filter(|c| !['\r', '\n'].contains(c)).collect();
    assert_eq!(received_data(&controls), controls);
}

#[test]
fn text_outside_ascii_survives_in_every_field() {
    for value in ["ünï✓", "👩\u{200d}🚀 🇩🇪 e\u{301}", "\u{10ffff}\u{fffd}\u{fffe}", "\u{202e}abcא"]
    {
        let event = Event::data(value).event(value).id(value).comment(value);
        assert_eq!(received(&event), Some((value.into(), value.into(), value.into())));
    }
}

#[test]
fn data_that_reads_like_fields_stays_data() {
    let data = "data: x\nid: 9\nevent: evil\nretry: 1\n: c\n\ndata: y\n\n";
    let expected = Some(("message".into(), data.into(), String::new()));
    for line_end in ["\n", "\r", "\r\n"] {
        assert_eq!(received(&Event::data(data.replace('\n', line_end))), expected);
    }
}

#[test]
fn large_data_arrives_whole_at_every_length_near_a_power_of_two() {
    for length in [1023, 1024, 4095, 4096, 8191, 8192, 16_383, 16_384, 65_535, 65_536, 65_537] {
        let data = "a".repeat(length);
        assert_eq!(received_data(&data), data);
    }
    for data in ["é".repeat(40_000), "x\n".repeat(20_000), "0123456789abcdef".repeat(1 << 16)] {
        assert_eq!(received_data(&data), data);
    }
}

#[test]
fn plain_setters_take_out_what_one_line_cannot_hold() {
    let event = Event::data("x").event("a\r\nb\0c").id("\n1\r2\0").comment("c\n\ndata: y\r\r\0");
    assert_eq!(text(&event), "id: 12\n: cdata: y\0\nevent: abc\ndata: x\n\n");
}

#[test]
fn an_injected_field_reaches_no_client() {
    for end in ["\n", "\r", "\r\n"] {
        let attack = format!("a{end}data: INJECTED{end}{end}");
        let event = Event::data("x").event(&attack).id(&attack).comment(&attack);
        let joined = "adata: INJECTED".to_owned();
        assert_eq!(received(&event), Some((joined.clone(), "x".into(), joined)));
    }
}

#[test]
fn trying_setters_refuse_and_give_everything_back() {
    let event = Event::data("x").id("1");
    for bad in ["é\n", "é\ra", "é\0"] {
        let refused = event.clone().try_id(bad).expect_err("no id");
        assert_eq!((refused.field(), refused.value(), refused.position()), (Field::Id, bad, 2));
        assert_eq!(refused.into_event(), event);
        let refused = event.clone().try_event(bad).expect_err("no name");
        assert_eq!((refused.field(), refused.value(), refused.position()), (Field::Event, bad, 2));
        assert_eq!(refused.into_event(), event);
    }
    let refused = event.clone().try_comment("a\rb").expect_err("no comment");
    assert_eq!(refused.to_string(), "the comment of an event cannot hold '\\r' (at byte 1)");
    assert_eq!(refused.into_event(), event);
}

#[test]
fn trying_setters_accept_what_plain_setters_leave_alone() {
    let tried = Event::data("x")
        .try_id(" ü:1")
        .and_then(|event| event.try_event("tick"))
        .and_then(|event| event.try_comment("nul \0 is no line end"));
    let plain = Event::data("x").id(" ü:1").event("tick").comment("nul \0 is no line end");
    assert_eq!(tried, Ok(plain));
}

#[test]
fn an_empty_id_makes_the_client_forget_and_an_empty_name_is_none() {
    let mut out = Vec::new();
    for event in [Event::data("a").id("42"), Event::data("b"), Event::data("c").id("").event("")] {
        format_event(&mut out, &event);
    }
    let decoder = decode(&out);
    let seen: Vec<_> = decoder.messages.iter().map(|m| (&*m.name, &*m.last_id)).collect();
    assert_eq!(seen, [("message", "42"), ("message", "42"), ("message", "")]);
}

#[test]
fn an_id_alone_is_where_a_client_resumes() {
    let decoder = decode(text(&Event::new().id("only")).as_bytes());
    assert_eq!((decoder.messages.len(), &*decoder.last_id), (0, "only"));
}

#[test]
fn trying_to_set_a_time_that_clients_cannot_wait_gives_back_event_and_time() {
    let event = Event::data("x").retry(Duration::from_secs(1));
    let most = Duration::from_millis(i32::MAX.cast_unsigned().into());
    for after in [Duration::from_millis(1), Duration::from_millis(1500), most] {
        let set = event.clone().try_retry(after).expect("whole milliseconds");
        assert_eq!(set, event.clone().retry(after));
    }
    let nano = Duration::from_nanos(1);
    let millis = Duration::from_millis(1);
    for after in [
        Duration::ZERO,
        Duration::from_nanos(999_999),
        millis + nano,
        most + nano,
        most + millis,
        Duration::MAX,
    ] {
        let refused = event.clone().try_retry(after).expect_err("no such time");
        assert_eq!(refused.after(), after);
        assert_eq!(refused.into_event(), event);
    }
    let refused = event.try_retry(Duration::from_micros(1500)).expect_err("a fraction");
    let text = "the retry time of an event is 1 to 2147483647 whole milliseconds, not 1.5ms";
    assert_eq!(refused.to_string(), text);
}

#[test]
fn retry_is_whole_milliseconds_and_never_more_than_clients_can_wait() {
    let line = |after| text(&Event::new().retry(after));
    assert_eq!(line(Duration::from_nanos(999_999)), "");
    assert_eq!(line(Duration::from_millis(1)), "retry: 1\n\n");
    assert_eq!(line(Duration::from_micros(1999)), "retry: 1\n\n");
    assert_eq!(line(Duration::from_millis(2_147_483_646)), "retry: 2147483646\n\n");
    assert_eq!(line(Duration::from_millis(2_147_483_647)), "retry: 2147483647\n\n");
    assert_eq!(line(Duration::from_millis(2_147_483_648)), "retry: 2147483647\n\n");
    assert_eq!(line(Duration::MAX), "retry: 2147483647\n\n");
    assert_eq!(text(&Event::new().retry(Duration::MAX).retry(Duration::ZERO)), "");
}

#[test]
fn formatting_appends_and_keeps_the_buffer_it_was_given() {
    let event = Event::data("a\r\nb").id("7").retry(Duration::from_millis(10));
    let mut out = Vec::with_capacity(4 + text(&event).len());
    out.extend_from_slice(b"head");
    let (address, capacity) = (out.as_ptr(), out.capacity());
    format_event(&mut out, &event);
    assert_eq!(out, ["head", &text(&event)].concat().as_bytes());
    assert_eq!((out.as_ptr(), out.capacity()), (address, capacity));
}

#[test]
fn ids_print_as_they_were_parsed() {
    let texts = ["0", "1", "007", "00", "+5", "-5", "18446744073709551615", "18446744073709551616"];
    for text in texts.into_iter().chain(["1700000000000-0", " 5", "5 ", "ünï✓", "\u{feff}", "1e3"])
    {
        let id: EventId = text.parse().expect("an id");
        assert_eq!(id.to_string(), text);
        assert_eq!(EventId::from_header(text.as_bytes()), Ok(id.clone()));
        assert_eq!(PreparedEvent::new(&Event::new().id(id.clone())).id(), Some(id));
    }
}

#[test]
fn ids_are_equal_only_if_they_print_alike() {
    let id = |text: &str| text.parse::<EventId>().expect("an id");
    assert_eq!(EventId::from(7), id("7"));
    assert_ne!(id("7"), id("07"));
    assert_ne!(id("7"), id("+7"));
}

#[test]
fn what_cannot_have_been_an_id_is_refused() {
    assert_eq!(EventId::from_header(b""), Err(EventIdError::Empty));
    assert_eq!(EventId::from_header(b"\xff"), Err(EventIdError::NotUtf8));
    for text in ["a\nb", "a\rb", "a\0b"] {
        assert_eq!(text.parse::<EventId>(), Err(EventIdError::NotOneLine));
    }
}

#[test]
fn an_id_is_small_and_its_clones_cost_nothing() {
    assert!(size_of::<EventId>() <= 24);
    assert!(size_of::<Option<EventId>>() <= 24);
    assert!(size_of::<PreparedEvent>() <= 40);
}

#[test]
fn a_prepared_event_knows_the_id_it_carries() {
    let own = |event: Event| {
        let prepared = PreparedEvent::from(event);
        (prepared.has_id(), prepared.id().map(|id| id.to_string()))
    };
    assert_eq!(own(Event::data("id: 7")), (false, None));
    assert_eq!(own(Event::new()), (false, None));
    assert_eq!(own(Event::data("x").id("007")), (true, Some("007".to_owned())));
    assert_eq!(own(Event::data("x").id("")), (true, None));
}
