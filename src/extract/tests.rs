//! Arguments of handlers: taken, absent, and refused.
#![expect(clippy::needless_pass_by_value, reason = "handlers are given their arguments")]

use crate::extract::{Extension, Path, PeerAddr, Query, Rejection, State};
use crate::routing::{any, get};
use crate::{Request, Response, Router};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::cell::Cell;
use std::rc::Rc;

#[track_caller]
fn answer(
    app: &Router,
    method: &str,
    target: &str,
    content_type: &str,
    body: &'static str,
) -> Response {
    let mut request = Request::builder().method(method).uri(target);
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    app.call_blocking(request.body(body).expect("valid parts"))
}

#[track_caller]
fn text(app: &Router, target: &str) -> String {
    answer(app, "GET", target, "", "").text().expect("text").to_owned()
}

#[test]
fn eight_arguments_are_taken_in_order_by_plain_and_async_handlers() {
    #[expect(clippy::too_many_arguments, reason = "as many as there may be")]
    fn all(
        method: Method,
        Path(id): Path<u8>,
        Query(query): Query,
        headers: HeaderMap,
        State(state): State<&'static str>,
        peer: Option<PeerAddr>,
        extension: Option<Extension<u8>>,
        body: String,
    ) -> String {
        let query: Vec<_> = query.iter().collect();
        format!("{method} {id} {query:?} {} {state} {peer:?} {extension:?} {body}", headers.len())
    }
    let later = async |method, id, query, headers, state, peer, extension, body: String| {
        let not_send = Rc::new(Cell::new(1));
        std::future::ready(()).await;
        not_send.set(2);
        all(method, id, query, headers, state, peer, extension, body)
    };
    let app = Router::new()
        .route("/plain/{id}", any(all))
        .route("/async/{id}", any(later))
        .state("state");
    for target in ["/plain/7?a=b", "/async/7?a=b"] {
        let answer = answer(&app, "PUT", target, "text/plain", "body");
        assert_eq!(answer.text(), Some("PUT 7 [(\"a\", \"b\")] 1 state None None body"));
    }
}

#[test]
fn first_rejection_is_the_answer_and_the_handler_is_not_called() {
    let never = |_: Path<u8>, _: PeerAddr, _: String| -> &'static str { panic!("called") };
    let never_async =
        async |_: Path<u8>, _: PeerAddr, _: String| -> &'static str { panic!("called") };
    let app = Router::new().route("/a/{n}", get(never)).route("/b/{n}", get(never_async));
    for part in ["a", "b"] {
        let status = |n: &str| answer(&app, "GET", &format!("/{part}/{n}"), "", "").status();
        assert_eq!((status("x").as_u16(), status("1").as_u16()), (400, 500));
    }
}

#[test]
fn path_is_parsed_and_names_what_is_wrong() {
    let show = |Path((a, b)): Path<(i8, char)>| format!("{a} {b}");
    let one = |Path((a,)): Path<(bool,)>| a.to_string();
    let app = Router::new().route("/{first}/{second}", get(show)).route("/{only}", get(one));
    assert_eq!(text(&app, "/-7/%C3%A9"), "-7 é");
    assert_eq!(text(&app, "/true"), "true");
    let refused = answer(&app, "GET", "/128/x", "", "");
    assert_eq!(refused.status(), 400);
    let too_large = "path parameter `first`: number too large to fit in target type\n";
    assert_eq!(refused.text(), Some(too_large));
    assert!(text(&app, "/1/xy").starts_with("path parameter `second`"));
}

#[test]
fn query_is_decoded_and_may_be_absent() {
    let show = |query: Option<Query>| match query {
        Some(Query(pairs)) => format!("{:?}", Vec::from(pairs)),
        None => "none".to_owned(),
    };
    let app = Router::new().route("/", get(show));
    assert_eq!(text(&app, "/"), "none");
    assert_eq!(text(&app, "/?"), "[]");
    assert_eq!(text(&app, "/?a=1&a=2&b&=c"), r#"[("a", "1"), ("a", "2"), ("b", ""), ("", "c")]"#);
    assert_eq!(text(&app, "/?a+b=%C3%A9%zz%ff"), "[(\"a b\", \"é%zz\u{fffd}\")]");
}

#[test]
fn body_is_taken_as_bytes_or_text() {
    let app = Router::new().route("/bytes", any(|body: Bytes| body)).route(
        "/text",
        any(|body: Result<String, Rejection>| body.map_err(|error| error.status())),
    );
    assert_eq!(answer(&app, "PUT", "/bytes", "", "ab").bytes(), Some("ab".as_bytes()));
    assert_eq!(answer(&app, "PUT", "/text", "", "é").text(), Some("é"));
    let request = Request::post("/text").body(vec![0xff]).expect("valid");
    assert_eq!(app.call_blocking(request).status(), 400);
}

#[cfg(feature = "serde")]
mod typed {
    use super::{answer, text};
    use crate::Router;
    use crate::extract::{Form, Query};
    use crate::routing::{any, get};
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    struct Page {
        from: u32,
        #[serde(default)]
        tag: Vec<String>,
    }

    #[test]
    fn query_fits_a_type() {
        let show = |Query(page): Query<Page>| format!("{} {:?}", page.from, page.tag);
        let maybe = |page: Option<Query<Page>>| format!("{}", page.is_some());
        let app = Router::new().route("/", get(show)).route("/maybe", get(maybe));
        assert_eq!(text(&app, "/?tag=a&from=7&tag=b"), r#"7 ["a", "b"]"#);
        for target in ["/", "/?from=x", "/?from=-1", "/maybe?from=x"] {
            let refused = answer(&app, "GET", target, "", "");
            assert_eq!(refused.status(), 400, "{target}");
            assert!(refused.text().is_some_and(|text| text.starts_with("query: ")));
        }
        assert_eq!(
            (text(&app, "/maybe"), text(&app, "/maybe?from=1")),
            ("false".into(), "true".into())
        );
    }

    #[test]
    fn form_fits_a_type() {
        let show = |Form(page): Form<Page>| format!("{} {:?}", page.from, page.tag);
        let maybe = |page: Option<Form<Page>>| page.is_some().to_string();
        let app = Router::new().route("/", any(show)).route("/maybe", any(maybe));
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let status = |kind, body| answer(&app, "POST", "/", kind, body).status().as_u16();
        assert_eq!(answer(&app, "POST", "/", kind, "from=1&tag=a+b").text(), Some(r#"1 ["a b"]"#));
        assert_eq!(status("Application/X-WWW-Form-Urlencoded", "from=1"), 200);
        assert_eq!(status(kind, "tag=a"), 422);
        assert_eq!((status("text/plain", "from=1"), status("", "from=1")), (415, 415));
        assert_eq!(answer(&app, "POST", "/maybe", "", "").text(), Some("false"));
        assert_eq!(answer(&app, "POST", "/maybe", "", "from=1").status(), 415);
        assert_eq!(answer(&app, "POST", "/maybe", kind, "").status(), 422);
    }
}

#[cfg(feature = "json")]
mod json {
    use super::answer;
    use crate::extract::Json;
    use crate::routing::any;
    use crate::{IntoResponse, Router};
    use serde::{Deserialize, Serialize};
    use std::collections::HashMap;

    #[derive(Deserialize, Serialize)]
    struct Note {
        text: String,
    }

    #[test]
    fn json_goes_in_and_out() {
        let app = Router::new().route("/", any(|Json(note): Json<Note>| Json(note)));
        let echoed = answer(&app, "POST", "/", "application/json", "{\"text\": \"a\"}");
        assert_eq!(echoed.text(), Some("{\"text\":\"a\"}"));
        assert_eq!(echoed.headers().get("content-type").expect("set"), "application/json");
        let status = |kind, body| answer(&app, "POST", "/", kind, body).status().as_u16();
        for kind in ["application/json;charset=utf-8", "APPLICATION/JSON", "application/ld+json"] {
            assert_eq!(status(kind, "{\"text\":\"\"}"), 200, "{kind}");
        }
        for kind in ["", "text/plain", "application/jsonp", "text/json", "+json", "é"] {
            assert_eq!(status(kind, "{\"text\":\"\"}"), 415, "{kind}");
        }
        for body in ["", "{", "{\"text\":\"a\"}x", "nope"] {
            assert_eq!(status("application/json", body), 400, "{body}");
        }
        for body in ["[1]", "{}", "{\"text\":1}"] {
            assert_eq!(status("application/json", body), 422, "{body}");
        }
    }

    #[test]
    fn json_may_be_absent() {
        let app =
            Router::new().route("/", any(|note: Option<Json<Note>>| note.is_some().to_string()));
        assert_eq!(answer(&app, "POST", "/", "", "").text(), Some("false"));
        assert_eq!(
            answer(&app, "POST", "/", "application/json", "{\"text\":\"\"}").text(),
            Some("true")
        );
        assert_eq!(answer(&app, "POST", "/", "application/json", "").status(), 400);
        assert_eq!(answer(&app, "POST", "/", "", "{}").status(), 415);
    }

    #[test]
    fn what_json_cannot_hold_is_a_500() {
        let keys_are_text = HashMap::from([(vec![1], 2)]);
        assert_eq!(Json(keys_are_text).into_response().status(), 500);
    }
}
