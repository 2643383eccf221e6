//! The smallest server: says hello.
//!
//! `cargo run --example hello [HOST:PORT]`, then `curl http://127.0.0.1:8080/` and
//! `curl http://127.0.0.1:8080/ada`.

use headwater::extract::Path;
use headwater::{Router, Server, routing::get};
use std::time::Duration;

async fn greet(Path(name): Path<String>) -> String {
    format!("Hello, {name}!\n")
}

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let app = Router::new().route("/", get(|| "Hello, World!\n")).route("/{name}", get(greet));
    let server = Server::builder().bind(addr).serve(app)?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(2))
}
