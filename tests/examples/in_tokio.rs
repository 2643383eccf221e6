//! The example inside a tokio program.

use crate::process::Example;

#[test]
fn handlers_find_the_runtime_and_an_axum_router_answers_the_rest() {
    let example = Example::start("in_tokio");
    let mut clock = example.get("/clock");
    clock.expect("200 OK");
    clock.expect("\r\n\r\ntick 1\n");
    example.get("/clock").expect("\r\n\r\ntick 2\n");
    example.get("/hello/ada").expect("\r\n\r\nhello ada\n");
    let mut unknown = example.get("/nowhere");
    unknown.expect("404 Not Found");
    unknown.expect("\r\n\r\nneither knows this\n");
    example.stop();
}
