//! hyper: HTTP/1.1 on a current-thread tokio runtime, a task per connection, the answers to
//! pipelined requests flushed together. No router between: a service looks at the path.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use clap::Parser;
use headwater_peers::{Flags, PLAINTEXT, announce, listen};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let listener = TcpListener::from_std(listen(flags.addr)?)?;
    announce(listener.local_addr()?)?;
    let mut http = http1::Builder::new();
    http.pipeline_flush(true);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("accepting goes on: {error}");
                continue;
            }
        };
        stream.set_nodelay(true)?;
        let connection = http.serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() == "/plaintext" {
        *response.body_mut() = Full::new(Bytes::from_static(PLAINTEXT.as_bytes()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    } else {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}
