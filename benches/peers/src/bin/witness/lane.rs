//! One keep-alive connection of hyper's client, and a task that makes one request after the other on it.
//! What is due while an answer is out waits in its queue: hyper sends no second request meanwhile.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;

use crate::figures::Latencies;

/// A request, and when it was due.
pub(crate) struct Job {
    pub(crate) request: Request<Full<Bytes>>,
    pub(crate) due: Instant,
    /// Whether it counts, or is warm-up.
    pub(crate) measured: bool,
}

/// What came back on all connections.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Answers of 200.
    pub(crate) good: u64,
    /// Those of them that count.
    pub(crate) measured: u64,
    /// Other answers, and requests that were never answered.
    pub(crate) bad: u64,
    pub(crate) first_bad: Option<String>,
    /// Of those that count, from when they were due.
    pub(crate) latencies: Latencies,
    pub(crate) last: Option<Instant>,
}

impl Answers {
    /// All that are not to be waited for any more.
    pub(crate) fn count(&self) -> u64 {
        self.good + self.bad
    }

    fn take(&mut self, job: (Instant, bool), outcome: Result<(), String>) {
        let now = Instant::now();
        self.last = Some(now);
        match (outcome, job) {
            (Ok(()), (due, true)) => {
                self.good += 1;
                self.measured += 1;
                self.latencies.add(due, now);
            }
            (Ok(()), _) => self.good += 1,
            (Err(line), _) => {
                self.bad += 1;
                self.first_bad.get_or_insert(line);
            }
        }
    }
}

/// A connection.
pub(crate) struct Lane {
    jobs: UnboundedSender<Job>,
    open: Rc<Cell<usize>>,
}

impl Lane {
    /// Connects.
    pub(crate) async fn open(addr: SocketAddr, answers: Rc<RefCell<Answers>>) -> io::Result<Self> {
        let sender = connect(addr).await?;
        let (jobs, queue) = unbounded_channel();
        let open = Rc::new(Cell::new(0));
        spawn_local(work(sender, queue, answers, Rc::clone(&open)));
        Ok(Self { jobs, open })
    }

    /// Requests that wait, and the one that is out.
    pub(crate) fn open_requests(&self) -> usize {
        self.open.get()
    }

    /// Whether a request would be sent at once.
    pub(crate) fn is_idle(&self) -> bool {
        self.open_requests() == 0
    }

    /// Sends it, after those that wait.
    pub(crate) fn push(&self, job: Job) {
        self.open.set(self.open.get() + 1);
        // The task ends when this is dropped, not before.
        assert!(self.jobs.send(job).is_ok(), "the task of a connection has ended");
    }
}

async fn work(
    mut sender: SendRequest<Full<Bytes>>,
    mut queue: UnboundedReceiver<Job>,
    answers: Rc<RefCell<Answers>>,
    open: Rc<Cell<usize>>,
) {
    while let Some(Job { request, due, measured }) = queue.recv().await {
        // A connection that has broken answers every further request with an error.
        let outcome = ask(&mut sender, request).await.map_err(|error| error.to_string());
        answers.borrow_mut().take((due, measured), outcome);
        open.set(open.get() - 1);
    }
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(), Box<dyn Error>> {
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    if status != StatusCode::OK {
        return Err(format!("an answer of status {status}").into());
    }
    Ok(())
}

/// A connection whose bytes are moved by a task of its own.
pub(crate) async fn connect(addr: SocketAddr) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    spawn_local(async move {
        // Whoever waits for an answer, or reads a stream, is told of it as well.
        connection.await.ok();
    });
    Ok(sender)
}
