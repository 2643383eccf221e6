//! Types of tokio in handlers, with a runtime and without one.

use crate::support::{Running, builder, eventually, serve_on_one};
use headwater::http::StatusCode;
use headwater::middleware::Next;
use headwater::routing::get;
use headwater::{Body, Engine, Request, Response, Router, blocking};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};

const SOON: Duration = Duration::from_millis(5);

/// Speaks to an echo server over tokio's sockets.
async fn echo(addr: &str, words: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(words.as_bytes()).await?;
    stream.shutdown().await?;
    let mut echo = String::new();
    stream.read_to_string(&mut echo).await?;
    Ok(echo)
}

/// Starts an echo server on the runtime.
fn start_echo(runtime: &Runtime) -> String {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let addr = listener.local_addr().expect("a bound socket").to_string();
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                // A client that breaks off hears nothing.
                tokio::io::copy(&mut read, &mut write).await.ok();
            });
        }
    });
    addr
}

/// A stream that waits for a tokio timer before each piece.
struct Ticks(u32, std::pin::Pin<Box<tokio::time::Sleep>>);

impl futures_core::Stream for Ticks {
    type Item = Result<bytes::Bytes, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::ready!(self.1.as_mut().poll(context));
        let Some(left) = self.0.checked_sub(1) else { return std::task::Poll::Ready(None) };
        self.0 = left;
        // Made anew while the stream is polled, so the runtime must be there, too.
        self.1 = Box::pin(tokio::time::sleep(SOON));
        std::task::Poll::Ready(Some(Ok(left.to_string().into())))
    }
}

fn app(echo_addr: String) -> Router {
    let timer = async || {
        tokio::time::sleep(SOON).await;
        tokio::time::timeout(SOON, std::future::pending::<()>()).await.is_err().to_string()
    };
    let socket = async move |request: Request| {
        let words = request.query().unwrap_or_default().to_owned();
        echo(&echo_addr, &words).await.map_err(|error| error.to_string())
    };
    let task = async || {
        let task = tokio::spawn(async {
            tokio::time::sleep(SOON).await;
            "from a task"
        });
        task.await.map_err(|error| error.to_string())
    };
    let ticks = || {
        let first = Box::pin(tokio::time::sleep(SOON));
        Response::new(StatusCode::OK).body(Body::stream(Ticks(3, first)))
    };
    let wait = || Handle::current().block_on(async { tokio::time::sleep(SOON).await });
    let rest = async |request: Request, next: Next| {
        tokio::time::sleep(SOON).await;
        next.run(request).await
    };
    Router::new()
        .nest("/behind", Router::new().route("/", get(|| "behind")).with(rest))
        .route("/timer", get(timer))
        .route("/socket", get(socket))
        .route("/task", get(task))
        .route("/ticks", get(ticks))
        .route("/blocking", get(blocking(wait)))
        .route("/", get(|| "ok"))
}

fn tokio_types_work_in_handlers(engine: Engine) {
    let runtime = Runtime::new().expect("a runtime");
    let started = builder(engine).tokio(runtime.handle()).serve(app(start_echo(&runtime)));
    let server = Running::from(started.expect("a free port of the loopback"));
    let mut peer = server.connect();
    for _ in 0..5 {
        for (path, expected) in [
            ("/behind", "behind"),
            ("/timer", "true"),
            ("/socket?hello", "hello"),
            ("/task", "from a task"),
            ("/ticks", "210"),
            ("/blocking", ""),
        ] {
            peer.ask(path);
            let answer = peer.answer();
            assert_eq!((answer.status, answer.text()), (200, expected), "{path}");
        }
    }
}

fn handler_with_tokio_types_is_cancelled_with_its_client(engine: Engine) {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let waiting = Arc::new(AtomicUsize::new(0));
    let count = waiting.clone();
    let wait = async move || {
        count.fetch_add(1, Ordering::Relaxed);
        let _counted = Counted(count.clone());
        tokio::time::sleep(Duration::from_hours(1)).await;
    };
    let runtime = Runtime::new().expect("a runtime");
    let app = Router::new().route("/", get(wait));
    let started = builder(engine).tokio(runtime.handle()).serve(app);
    let server = Running::from(started.expect("a free port of the loopback"));
    let peers: Vec<_> = (0..5)
        .map(|_| {
            let mut peer = server.connect();
            peer.ask("/");
            peer
        })
        .collect();
    eventually("all wait", || waiting.load(Ordering::Relaxed) == 5);
    let mut peers = peers.into_iter();
    peers.by_ref().take(3).for_each(crate::support::Peer::reset);
    eventually("three are cancelled", || waiting.load(Ordering::Relaxed) == 2);
    // The others end with the server.
    server.drain(Duration::ZERO).wait().expect("no worker fails");
    assert_eq!(waiting.load(Ordering::Relaxed), 0);
}

fn tokio_types_without_a_runtime_cost_a_500(engine: Engine) {
    let server = serve_on_one(engine, app("127.0.0.1:1".to_owned()));
    let mut peer = server.connect();
    for (count, path) in (1..).zip(["/timer", "/socket", "/task", "/behind"]) {
        peer.ask(path);
        assert_eq!(peer.answer().status, 500, "{path}");
        assert_eq!(server.stats().handler_panics, count);
    }
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

on_every_engine! {
    tokio_types_work_in_handlers,
    handler_with_tokio_types_is_cancelled_with_its_client,
    tokio_types_without_a_runtime_cost_a_500,
}
