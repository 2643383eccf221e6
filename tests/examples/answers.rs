//! Examples that answer requests with what is there at once, or a little later.

use crate::process::Example;
use std::hash::{DefaultHasher, Hasher};

#[test]
fn hello_greets_the_world_and_each_by_name() {
    let example = Example::start("hello");
    let mut world = example.get("/");
    world.expect("200 OK");
    world.expect("\r\n\r\nHello, World!\n");
    example.get("/ada%20l").expect("\r\n\r\nHello, ada l!\n");
    example.get("/ada/l").expect("404 Not Found");
    example.stop();
}

#[test]
fn work_that_blocks_is_answered_beside_what_is_there_at_once() {
    let example = Example::start("blocking");
    let mut later = example.get("/later");
    let mut hash = example.get("/hash/1000000");
    example.get("/").expect("\r\n\r\nat once\n");
    hash.expect(&format!("\r\n\r\n{}\n", hash_of(1_000_000)));
    example.get("/hash/many").expect("400 Bad Request");
    later.expect("200 OK");
    later.expect("\r\n\r\nyou were number 1\n");
    example.get("/later").expect("you were number 2\n");
    example.stop();
}

fn hash_of(rounds: u32) -> String {
    let mut hasher = DefaultHasher::new();
    (0..rounds).for_each(|round| hasher.write_u32(round));
    format!("{:016x}", hasher.finish())
}

#[cfg(all(feature = "json", feature = "tracing"))]
mod json_api {
    use crate::process::{Connection, Example};

    const TOKEN: &str = "authorization: Bearer secret\r\n";

    /// Adds a note, with these headers.
    fn post(example: &Example, headers: &str, note: &str) -> Connection {
        let length = format!("content-length: {}\r\n", note.len());
        let head = "POST /api/notes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        example.ask(&format!("{head}{headers}{length}\r\n{note}"))
    }

    #[test]
    fn json_api_keeps_notes_of_those_with_the_token_and_shows_them_to_all() {
        let example = Example::start("json_api");
        example.get("/api/notes").expect("\r\n\r\n[]");
        let mut refused = post(&example, "", r#"{"text": "milk"}"#);
        refused.expect("401 Unauthorized");
        refused.expect("www-authenticate: Bearer\r\n");
        refused.expect("a token is needed\n");
        let mut added = post(&example, TOKEN, r#"{"text": "milk"}"#);
        added.expect("201 Created");
        added.expect("location: /api/notes/1\r\n");
        added.expect(r#"{"id":1,"text":"milk"}"#);
        post(&example, TOKEN, r#"{"text": "bread"}"#).expect("/api/notes/2");
        post(&example, TOKEN, r#"{"note": "no text"}"#).expect("422 ");
        example.get("/api/notes?contains=mil").expect(r#"[{"id":1,"text":"milk"}]"#);
        example.get("/api/notes/2").expect(r#"{"id":2,"text":"bread"}"#);
        example.get("/api/notes/3").expect("404 Not Found");
        example.get("/api/notes/two").expect("400 Bad Request");
        let remove = format!("DELETE /api/notes/1 HTTP/1.1\r\nhost: x\r\n{TOKEN}\r\n");
        example.ask(&remove).expect("204 No Content");
        example.ask(&remove).expect("404 Not Found");
        example.get("/api/notes").expect(r#"[{"id":2,"text":"bread"}]"#);
        example.stop();
    }

    #[test]
    fn json_api_lets_its_page_in_and_logs_each_request_with_its_id() {
        let example = Example::start("json_api");
        let mut preflight = example.ask(
            "OPTIONS /api/notes/1 HTTP/1.1\r\nhost: x\r\norigin: http://localhost:5173\r\n\
             access-control-request-method: DELETE\r\n\
             access-control-request-headers: authorization\r\n\r\n",
        );
        preflight.expect("204 No Content");
        preflight.expect("\r\n\r\n");
        let answer = preflight.received();
        for header in [
            "access-control-allow-origin: http://localhost:5173\r\n",
            "access-control-allow-methods: DELETE\r\n",
        ] {
            assert!(answer.contains(header), "{header:?} is not in {answer}");
        }
        let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: "));
        let id = id.unwrap_or_else(|| panic!("no id in {answer}"));
        let logged = example.expect_line(&format!("request_id=\"{id}\""));
        assert!(logged.contains("path=\"/api/notes/1\" status=204"), "{logged}");
        example.stop();
    }
}
