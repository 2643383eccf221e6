//! Requests that ready-made middleware leaves alone.

use super::{ask, header};
use crate::Router;
use crate::middleware::{Cors, RequestId};
use crate::routing;

#[test]
fn skipped_requests_pass_untouched() {
    let ids = RequestId::new()
        .skip_paths(["/health", "/ready"])
        .skip(|request| request.method() == "POST")
        .skip(|request| request.query() == Some("quiet"));
    let app = Router::new().fallback(|| "").with(ids);
    let has_id = |method, target| header(&ask(&app, method, target, &[]), "x-request-id").is_some();
    for (method, target) in
        [("GET", "/health"), ("GET", "/ready?now"), ("POST", "/"), ("GET", "/?quiet")]
    {
        assert!(!has_id(method, target), "{method} {target}");
    }
    for target in ["/", "/health/", "/healthy", "/a/health", "/%68ealth", "/Health"] {
        assert!(has_id("GET", target), "{target}");
    }
}

#[test]
fn skipped_preflight_is_an_options_request_like_others() {
    let app =
        Router::new().route("/", routing::get(|| "")).with(Cors::any_origin().skip_paths(["/"]));
    let fields = [("origin", "https://a.test"), ("access-control-request-method", "GET")];
    let answer = ask(&app, "OPTIONS", "/", &fields);
    assert_eq!(header(&answer, "allow").as_deref(), Some("GET, HEAD, OPTIONS"));
    assert_eq!(header(&answer, "vary"), None);
}
