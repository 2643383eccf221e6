//! What the fuzz target has found, each as small as it is understood.

use crate::routes::App;
use headwater::Timeouts;
use headwater::scripted::Stage;
use std::time::Duration;

#[test]
fn handler_behind_another_that_was_pending_has_a_time_of_its_own() {
    let limit = Duration::from_secs(20);
    let app = App::new();
    let mut stage =
        Stage::with_timeouts(app.router.clone(), Timeouts::default().with_handler(limit));
    let peer = stage.script().connect();
    stage.script().feed(peer, "GET /gate HTTP/1.1\r\nhost: test\r\n\r\n".repeat(2));
    let mut after = |time| {
        stage.pass(time);
        String::from_utf8(stage.script().take_sent(peer)).expect("text")
    };
    assert_eq!(after(limit * 3 / 4), "");
    app.gates.open();
    let opened = after(limit * 3 / 4);
    assert_eq!(opened.matches("HTTP/1.1 200 OK").count(), 1, "{opened}");
    assert!(!opened.contains("503"), "{opened}");
    let late = after(limit / 2);
    assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
}
