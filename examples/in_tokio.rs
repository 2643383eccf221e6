//! Inside a tokio program: handlers use tokio's timers, sockets and tasks, an axum router answers what
//! ours does not, and `main` awaits the end.
//!
//! `cargo run --example in_tokio --features tokio,tower -- 127.0.0.1:8080`

use headwater::{Router, Server, routing::get};
use std::error::Error;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let clock = start_clock().await?;
    let ask = async move || match ask_clock(&clock).await {
        Ok(answer) => answer,
        Err(error) => format!("the clock does not answer: {error}\n"),
    };
    let axum = axum::Router::new()
        .route("/hello/{name}", axum::routing::get(hello))
        .fallback(async || (axum::http::StatusCode::NOT_FOUND, "neither knows this\n"));
    let app = Router::new().route("/clock", get(ask)).fallback(headwater::tower::service(axum));
    let server = Server::builder().tokio(&Handle::current()).bind(addr).serve(app)?;
    // Listened for before anybody is told that the server is ready.
    let mut terminate = signal(SignalKind::terminate())?;
    println!("{server}");
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    server.drain(Duration::from_secs(2)).await?;
    Ok(())
}

async fn hello(axum::extract::Path(name): axum::extract::Path<String>) -> String {
    // In axum's handlers, too.
    tokio::time::sleep(Duration::from_millis(10)).await;
    format!("hello {name}\n")
}

/// Another service of the program: says how many asked before.
async fn start_clock() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        let mut asked = 0_u64;
        while let Ok((mut stream, _)) = listener.accept().await {
            asked += 1;
            // Whoever left before the answer does not need it.
            stream.write_all(format!("tick {asked}\n").as_bytes()).await.ok();
        }
    });
    Ok(addr)
}

async fn ask_clock(addr: &str) -> std::io::Result<String> {
    let mut answer = String::new();
    TcpStream::connect(addr).await?.read_to_string(&mut answer).await?;
    Ok(answer)
}
