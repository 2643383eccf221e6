//! One request head. Whatever is accepted must be what RFC 9110 and 9112 allow, as far as it can be
//! told from the parts that the crate gives out; the framing is decided a second time, naively.
#![no_main]

#[allow(dead_code, reason = "each target uses a part")]
mod control;

use control::Control;
use headwater_http::{BodyLength, Connection, Head, Limits, ParseError, Step, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, bytes)) = Control::split(input) else { return };
    let limits = control.limits();

    let (outcome, taken) = first_step(&limits, &[bytes]);
    let (again, _) = first_step(&limits, &control.cut(bytes));
    assert_eq!(parts(&outcome), parts(&again), "the cut decides");
    let Ok(Some(head)) = outcome else { return };

    let text = &bytes[..taken];
    let text = text.strip_prefix(b"\r\n").unwrap_or(text);
    assert!(text.ends_with(b"\r\n\r\n") && text.len() <= limits.head_bytes);
    let line = text.windows(2).position(|two| two == b"\r\n").expect("a request line");
    assert!(line <= limits.request_line_bytes);
    let bare = text.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    let ends = text.windows(2).filter(|two| two == b"\r\n").count();
    assert_eq!(bare, 2 * ends, "a bare CR or LF got through");

    check_parts(&head, &limits);
    check_framing(&head);

    // Written out again from its parts it must be the same request.
    let mut written =
        format!("{} {} HTTP/1.{}\r\n", head.method(), head.target(), minor(&head)).into_bytes();
    for (name, value) in head.headers() {
        written.extend_from_slice(name.as_bytes());
        written.push(b':');
        written.extend_from_slice(value);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"\r\n");
    let (again, _) = first_step(&limits, &[&written]);
    assert_eq!(parts(&Ok(Some(head))), parts(&again), "its parts are another request");
});

/// The head, `None` if it is not complete, and how many bytes it took.
fn first_step(limits: &Limits, pieces: &[&[u8]]) -> (Result<Option<Head>, ParseError>, usize) {
    let mut connection = Connection::new(limits);
    let mut received = 0;
    for piece in pieces {
        connection.receive(piece);
        received += piece.len();
        match connection.step() {
            Ok(Step::NeedMore) => {}
            Ok(Step::Request(head)) => return (Ok(Some(head)), received - connection.buffered()),
            Ok(step) => panic!("{step:?} before any request"),
            Err(error) => return (Err(error), received),
        }
    }
    (Ok(None), received)
}

/// All that a head gives out, to be compared.
fn parts(outcome: &Result<Option<Head>, ParseError>) -> impl PartialEq + std::fmt::Debug {
    outcome.as_ref().map_err(|error| *error).map(|head| {
        head.as_ref().map(|head| {
            let fields: Vec<_> =
                head.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let line = [head.method().as_str(), head.target(), head.path()].map(str::to_owned);
            let rest = (head.query().map(str::to_owned), head.authority().map(str::to_owned));
            let facts = (head.body(), head.keep_alive(), head.expects_continue(), minor(head));
            (line, rest, facts, fields)
        })
    })
}

fn minor(head: &Head) -> u8 {
    match head.version() {
        Version::Http10 => 0,
        Version::Http11 => 1,
    }
}

/// What the documentation promises of each part.
fn check_parts(head: &Head, limits: &Limits) {
    let method = head.method().as_str();
    assert!(is_token(method.as_bytes()));
    assert!(!head.target().is_empty());
    assert!(head.target().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
    match head.path() {
        "" => assert_eq!(method, "CONNECT"),
        "*" => assert_eq!((method, head.target()), ("OPTIONS", "*")),
        path => assert!(path.starts_with('/') && !path.contains('?') && method != "CONNECT"),
    }
    assert!(head.headers().count() <= limits.headers);
    for (name, value) in head.headers() {
        assert!(is_token(name.as_bytes()));
        assert!(value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f)));
        let blank = |byte: Option<&u8>| byte.is_some_and(|byte| b" \t".contains(byte));
        assert!(!blank(value.first()) && !blank(value.last()));
        assert!(head.header(name).is_some());
    }
}

/// The body's length, decided from the fields by the words of RFC 9112 §6.3, and the Host (§3.2).
fn check_framing(head: &Head) {
    let values = |name: &str| {
        let fields = head.headers().filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    match head.version() {
        Version::Http10 => assert!(values("host").len() <= 1),
        Version::Http11 => assert_eq!(values("host").len(), 1),
    }
    let body = match (&values("transfer-encoding")[..], &values("content-length")[..]) {
        ([], []) => BodyLength::None,
        ([], [length]) => {
            assert!(length.bytes().all(|byte| byte.is_ascii_digit()));
            BodyLength::Length(length.parse().expect("a number of 64 bits"))
        }
        ([coding], []) if head.version() == Version::Http11 => {
            assert!(coding.eq_ignore_ascii_case("chunked"));
            BodyLength::Chunked
        }
        other => panic!("framed in more than one way: {other:?}"),
    };
    assert_eq!(head.body(), body);
    let expected = values("expect").join(",");
    let expected: Vec<_> = expected.split(',').map(|one| one.trim_matches([' ', '\t'])).collect();
    let expected: Vec<_> = expected.into_iter().filter(|one| !one.is_empty()).collect();
    assert!(expected.iter().all(|one| one.eq_ignore_ascii_case("100-continue")));
    let body = !matches!(head.body(), BodyLength::None | BodyLength::Length(0));
    let waits = !expected.is_empty() && body && head.version() == Version::Http11;
    assert_eq!(head.expects_continue(), waits);
}

fn is_token(bytes: &[u8]) -> bool {
    let extra = b"!#$%&'*+-.^_`|~";
    !bytes.is_empty()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte))
}
