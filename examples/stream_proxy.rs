//! Streams what another server sends, piece by piece: the upstream is read only as fast as the client
//! reads, and let go as soon as the client leaves.
//!
//! `cargo run --example stream_proxy --features tokio -- 127.0.0.1:8080 127.0.0.1:9000`
//!
//! The upstream is spoken to in HTTP/1.0, to keep the example short: its body ends with its connection.

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use headwater::http::{HeaderValue, StatusCode, header};
use headwater::{Body, IntoResponse, Request, Response, Router, Server};
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};

/// The head of an upstream's answer may be this long.
const HEAD_BYTES: u64 = 16 * 1024;
/// How much is read from the upstream at once.
const PIECE_BYTES: usize = 16 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let upstream: Arc<str> = arguments.next().unwrap_or_else(|| "127.0.0.1:9000".into()).into();
    let app = Router::new().fallback(async move |request: Request| {
        let asked = tokio::time::timeout(Duration::from_secs(10), ask(&upstream, &request));
        match asked.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => (StatusCode::BAD_GATEWAY, format!("{error}\n")).into_response(),
            Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
        }
    });
    let runtime = tokio::runtime::Handle::current();
    let server = Server::builder().tokio(&runtime).bind(addr).serve(app)?;
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

/// Asks the upstream; its body is still to be read when this returns.
async fn ask(upstream: &str, request: &Request) -> io::Result<Response> {
    let mut stream = TcpStream::connect(upstream).await?;
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    let line = format!("{} {}{query} HTTP/1.0\r\n", request.method(), request.path());
    let length = format!("content-length: {}\r\n\r\n", request.body().len());
    stream.write_all(format!("{line}host: {upstream}\r\n{length}").as_bytes()).await?;
    stream.write_all(request.body()).await?;

    let mut upstream = BufReader::with_capacity(PIECE_BYTES, stream);
    let mut head = (&mut upstream).take(HEAD_BYTES);
    let (mut status, mut kind, mut line) = (None, None, String::new());
    while head.read_line(&mut line).await? > 0 && !line.trim_end().is_empty() {
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|code| code.parse::<StatusCode>().ok());
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-type")
        {
            kind = HeaderValue::from_str(value.trim()).ok();
        }
        line.clear();
    }
    let status = status.ok_or(io::Error::new(io::ErrorKind::InvalidData, "no HTTP upstream"))?;
    let mut response = Response::new(status);
    if let Some(kind) = kind {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    // Polled only while the client has room; dropped, and with it the upstream's connection, as soon
    // as the client leaves.
    Ok(response.body(Body::stream(Pieces(upstream))))
}

/// What comes from the upstream, in pieces.
struct Pieces(BufReader<TcpStream>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut piece = BytesMut::zeroed(PIECE_BYTES);
        let mut buffer = ReadBuf::new(&mut piece);
        let outcome = ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer));
        let length = buffer.filled().len();
        piece.truncate(length);
        Poll::Ready(match outcome {
            Ok(()) if length == 0 => None,
            Ok(()) => Some(Ok(piece.freeze())),
            Err(error) => Some(Err(error)),
        })
    }
}
