//! What the owner does to a connection besides feeding it.

use headwater_http::{Connection, Limits, ParseError, Step};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const EXPECTING: &[u8] =
    b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

/// A connection that has told of the request that `input` begins with.
fn with_request(input: &[u8]) -> Connection {
    let mut connection = Connection::new(&Limits::default());
    connection.receive(input);
    assert!(matches!(connection.step(), Ok(Step::Request(_))));
    connection
}

#[test]
fn a_connection_stays_paused_until_the_response_is_done() {
    let mut connection = with_request(&[GET, GET].concat());
    assert!(matches!(connection.step(), Ok(Step::End)));
    for _ in 0..3 {
        assert!(matches!(connection.step(), Ok(Step::Paused)));
    }
    assert!(connection.has_partial() && !connection.is_idle());
    assert_eq!(connection.buffered(), GET.len());
    connection.response_done();
    assert!(matches!(connection.step(), Ok(Step::Request(_))));
}

#[test]
fn what_came_behind_a_request_can_be_taken_out_for_another_protocol() {
    let mut connection = with_request(&[GET, b"not HTTP"].concat());
    assert!(matches!(connection.step(), Ok(Step::End)));
    assert_eq!(connection.take_buffered(), &b"not HTTP"[..]);
    // What comes later is not this connection's any more.
    connection.receive(GET);
    assert_eq!(connection.buffered(), 0);
    assert!(matches!(connection.step(), Ok(Step::Closed)));
}

#[test]
fn idle_and_partial_tell_where_a_connection_is() {
    let mut connection = Connection::new(&Limits::default());
    assert!(connection.is_idle() && !connection.has_partial());
    connection.receive(&GET[..5]);
    assert!(matches!(connection.step(), Ok(Step::NeedMore)));
    assert!(!connection.is_idle() && connection.has_partial());
    connection.receive(&GET[5..]);
    assert!(matches!(connection.step(), Ok(Step::Request(_))));
    assert!(!connection.is_idle() && !connection.has_partial());
    assert!(matches!(connection.step(), Ok(Step::End)));
    connection.response_done();
    assert!(connection.is_idle() && connection.keep_alive());
    assert!(connection.recycle().is_none(), "an idle connection holds no memory");
    connection.receive(b"\r\n");
    assert!(matches!(connection.step(), Ok(Step::NeedMore)));
    assert!(connection.is_idle() && connection.recycle().is_none());
}

#[test]
fn a_request_answered_early_is_skipped_to_its_end() {
    for rest in ["4\r\nabcd\r\n0\r\n\r\n", "0\r\n\r\n"] {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut connection = with_request(head.as_bytes());
        assert!(matches!(connection.step(), Ok(Step::NeedMore)));
        assert!(connection.keep_alive());
        connection.response_done();
        for byte in rest.bytes() {
            assert!(matches!(connection.step(), Ok(Step::NeedMore)));
            connection.receive(&[byte]);
        }
        connection.receive(GET);
        assert!(matches!(connection.step(), Ok(Step::Request(_))));
    }
}

#[test]
fn a_refusal_in_the_rest_of_an_answered_request_is_no_second_answer() {
    let mut connection =
        with_request(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.response_done();
    connection.receive(b"junk");
    assert!(matches!(connection.step(), Ok(Step::Closed)));
    assert!(!connection.keep_alive());
}

#[test]
fn a_client_left_waiting_for_100_continue_is_closed() {
    let mut connection = with_request(EXPECTING);
    assert!(matches!(connection.step(), Ok(Step::NeedMore)));
    assert!(!connection.keep_alive(), "its next bytes can be the body, or a request");
    connection.response_done();
    connection.receive(GET);
    assert!(matches!(connection.step(), Ok(Step::Closed)));
}

#[test]
fn a_client_that_has_begun_its_body_waits_for_nothing() {
    let mut connection = with_request(EXPECTING);
    connection.receive(b"ab");
    assert!(matches!(connection.step(), Ok(Step::Body(bytes)) if bytes == "ab"));
    assert!(connection.keep_alive());
    connection.receive(b"cd");
    assert!(matches!(connection.step(), Ok(Step::Body(bytes)) if bytes == "cd"));
    assert!(matches!(connection.step(), Ok(Step::End)));
    assert!(connection.keep_alive());
}

#[test]
fn the_owner_can_make_a_response_the_last() {
    let mut connection = with_request(&[GET, GET].concat());
    connection.close_after_response();
    assert!(!connection.keep_alive());
    assert!(matches!(connection.step(), Ok(Step::End)));
    connection.response_done();
    assert!(matches!(connection.step(), Ok(Step::Closed)));
    assert_eq!(connection.buffered(), 0);

    let mut idle = Connection::new(&Limits::default());
    idle.close_after_response();
    assert!(matches!(idle.step(), Ok(Step::Closed)));

    let mut begun = Connection::new(&Limits::default());
    begun.receive(&GET[..3]);
    begun.close_after_response();
    begun.receive(&GET[3..]);
    assert!(matches!(begun.step(), Ok(Step::Request(_))), "a request that has begun is served");
    assert!(!begun.keep_alive());
}

#[test]
fn a_body_skipped_while_draining_ends_in_closed() {
    let mut connection = with_request(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
    connection.response_done();
    connection.close_after_response();
    connection.receive(b"ab");
    connection.receive(GET);
    assert!(matches!(connection.step(), Ok(Step::Closed)));
}

#[test]
fn an_error_is_repeated_and_later_bytes_are_dropped() {
    let mut connection = Connection::new(&Limits::default());
    connection.receive(b"\n");
    for _ in 0..3 {
        assert_eq!(connection.step().err(), Some(ParseError::LineEnd));
        connection.receive(GET);
        connection.response_done();
        assert_eq!(connection.buffered(), 0);
        assert!(!connection.keep_alive());
    }
}

#[test]
fn one_buffer_serves_many_connections() {
    let mut spare = None;
    let mut first = None;
    for _ in 0..100 {
        let mut connection = Connection::new(&Limits::default());
        if let Some(buffer) = spare.take() {
            assert!(connection.lend(buffer).is_ok());
        }
        connection.receive(GET);
        let Ok(Step::Request(head)) = connection.step() else { panic!("a request") };
        let place = head.target().as_ptr().addr();
        let distance = place.abs_diff(*first.get_or_insert(place));
        assert!(distance < 2048, "a hundred requests fit into one small buffer, used again");
        drop(head);
        assert!(matches!(connection.step(), Ok(Step::End)));
        spare = connection.recycle();
        assert!(spare.is_some());
        connection.response_done();
    }
}

#[test]
fn a_buffer_that_is_needed_is_neither_taken_nor_replaced() {
    let mut connection = Connection::new(&Limits::default());
    assert!(connection.recycle().is_none(), "a fresh connection has none");
    connection.receive(&GET[..5]);
    assert!(connection.recycle().is_none());
    assert!(connection.lend(bytes::BytesMut::with_capacity(64)).is_err());
    assert_eq!(connection.buffered(), 5);
}

#[test]
fn a_head_outlives_the_connection_that_it_came_from() {
    let mut connection = Connection::new(&Limits::default());
    connection.receive(&[GET, GET].concat());
    let Ok(Step::Request(head)) = connection.step() else { panic!("a request") };
    assert!(matches!(connection.step(), Ok(Step::End)));
    connection.response_done();
    connection.receive(&[b'x'; 4096]);
    drop(connection);
    assert_eq!((head.path(), head.header("host")), ("/", Some(b"h".as_slice())));
}
