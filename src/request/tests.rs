//! Requests made by hand, and converted.

use super::Request;
use crate::Router;
use crate::extract::PeerAddr;
use crate::routing::get;
use bytes::Bytes;
use headwater_http::{Connection, Limits, Step};
use http::{HeaderValue, Method, Version};
use percent_encoding::percent_decode_str;

/// The longest `http::Uri`.
const URI_BYTES: usize = 65_534;

/// A request as it comes over the wire.
#[track_caller]
fn received(bytes: &[u8]) -> Request {
    let limits = Limits::default().with_head_bytes(100_000).with_request_line_bytes(80_000);
    let mut connection = Connection::new(&limits);
    connection.receive(bytes);
    let Ok(Step::Request(head)) = connection.step() else { panic!("no request") };
    Request::received(head, Bytes::from_static(b"body"), Some(([192, 0, 2, 1], 80).into()))
}

fn seen(request: &Request) -> String {
    let headers: Vec<_> =
        request.headers().map(|(name, value)| (name.to_lowercase(), value.to_vec())).collect();
    format!(
        "{} {} {} {:?} {:?} {:?} {headers:?} {:?} {:?}",
        request.method(),
        request.target(),
        request.path(),
        request.query(),
        request.authority(),
        request.version(),
        request.body(),
        request.peer_addr(),
    )
}

const TARGETS: [&str; 7] = [
    "GET /",
    "GET /a%20b?c=d?e",
    "GET /?",
    "GET http://example.com",
    "GET https://t:1?q",
    "OPTIONS *",
    "GET //a",
];

#[test]
fn nothing_is_lost_on_the_way_to_http_types_and_back() {
    for target in TARGETS {
        for version in ["1.0", "1.1"] {
            let head = format!(
                "{target} HTTP/{version}\r\nHost: h:1\r\nX-A: 1\r\nx-b: \u{ff}\r\nX-a: 2\r\n\r\n"
            );
            // In Latin-1, as headers may be.
            let head: Vec<u8> = head.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
            let mut request = received(&head);
            request.extensions_mut().insert(7_u8);
            let there = request.to_http().expect("short");
            assert_eq!(
                there.extensions().get(),
                Some(&PeerAddr(request.peer_addr().expect("set")))
            );
            let back = Request::from(there);
            // A URI with a host always has a path.
            let root = |text: String| {
                text.replace("http://example.com ", "http://example.com/ ").replace(":1?q", ":1/?q")
            };
            // A map keeps values of one name together.
            let sorted = |request: &Request| {
                let mut text: Vec<char> = root(seen(request)).chars().collect();
                text.sort_unstable();
                text
            };
            assert_eq!(sorted(&back), sorted(&request), "{target}");
            assert_eq!(back.header_map(), request.header_map());
            assert_eq!((back.path(), back.query()), (request.path(), request.query()));
            assert_eq!(back.authority(), request.authority());
            assert_eq!(back.extensions().get(), Some(&7_u8));
            assert_eq!(back.extensions().len(), 1);
        }
    }
}

#[test]
fn parameters_and_state_survive_the_way_through_http_types() {
    let converted = async |request: Request, next: crate::middleware::Next| {
        let mut there = request.to_http().expect("short");
        *there.uri_mut() = "/x".parse().expect("a path");
        next.run(there.into()).await
    };
    let show = |request: Request| format!("{:?} {:?}", request.param("id"), request.state::<u8>());
    let app = Router::new().route("/a/{id}", get(show)).state(7_u8).with(converted);
    let answer = app.call_blocking(Request::get("/a/plain").body("").expect("valid"));
    assert_eq!(answer.text(), Some("Some(\"plain\") Some(7)"));
}

#[test]
fn every_target_that_is_received_has_a_uri() {
    for byte in (b'!'..=b'~').filter(|&byte| byte != b'#') {
        let head = format!("GET /{0}?{0} HTTP/1.1\r\nhost: h\r\n\r\n", char::from(byte));
        let request = received(head.as_bytes());
        let back = Request::from(request.to_http().expect("a URI"));
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        assert_eq!(decoded(back.target()), decoded(request.target()));
        assert_eq!(decoded(back.path()), decoded(request.path()));
    }
    let long = |length: usize| {
        received(format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(length - 1)).as_bytes())
    };
    assert!(long(URI_BYTES).to_http().is_ok());
    assert!(long(URI_BYTES + 1).to_http().is_err());
}

#[test]
fn changing_headers_changes_nothing_else() {
    for target in TARGETS {
        let head = format!("{target} HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\n\r\n");
        let mut request = received(head.as_bytes());
        let before = seen(&request);
        request.headers_mut().set("x-b".parse().expect("a name"), HeaderValue::from_static("2"));
        assert_eq!(request.header("X-B"), Some("2".as_bytes()));
        assert_eq!(request.headers_mut().remove("x-b"), 1);
        assert_eq!(seen(&request), before, "{target}");
    }
}

#[test]
fn builder_sets_every_part_and_refuses_what_is_not_valid() {
    let request = Request::builder()
        .method("BREW")
        .uri("/pot?milk")
        .version(Version::HTTP_10)
        .header("x-a", "1")
        .header("x-a", "2")
        .peer_addr(([192, 0, 2, 7], 1).into())
        .body("now")
        .expect("valid");
    assert_eq!((request.method().as_str(), request.target()), ("BREW", "/pot?milk"));
    assert!(request.is_http_1_0());
    assert_eq!(request.headers().count(), 2);
    assert_eq!((request.body().as_ref(), request.peer_addr().is_some()), (b"now".as_ref(), true));
    let plain = Request::builder().body("").expect("valid");
    assert_eq!((plain.method(), plain.target()), (&Method::GET, "/"));
    assert!(Request::get("not a uri").body("").is_err());
    assert!(Request::get("/").header("a b", "").body("").is_err());
    assert!(Request::get("/").header("a", "\n").body("").is_err());
    assert!(Request::builder().method("a b").body("").is_err());
}

#[test]
fn debug_shows_no_values() {
    let request = Request::get("/").header("authorization", "secret").body("secret");
    assert!(!format!("{:?}", request.expect("valid")).contains("secret"));
}
