//! Subscribers that decode everything, and events that are published to them on a schedule.
//!
//! An event goes out on the first connection that waits for no answer; where there is none, another
//! one is opened. So nothing that is due waits for the answer to what was due before, up to a limit.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use sse_stream::SseStream;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::Pace;
use crate::figures::{Own, per_second};
use crate::lane::{self, Answers, Job, Lane};
use crate::schedule::{Plan, Schedule};
use crate::tally::{SIZE_MIN, Seen, Tally, data};

/// Time within which a stream has to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections for publishing, at the most. Where answers are so far behind, events wait for some.
const LANES: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pace: Pace,

    /// Subscribers
    #[arg(long, value_name = "N", default_value_t = 100)]
    subscribers: usize,

    /// Data bytes of each event
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = size)]
    size: usize,
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok().filter(|bytes| (SIZE_MIN..=1 << 20).contains(bytes));
    bytes.ok_or_else(|| format!("expected a number from {SIZE_MIN} to {}", 1 << 20))
}

/// Subscribes, publishes, and gives the report.
pub(crate) async fn run(flags: Flags) -> io::Result<Value> {
    let plan = flags.pace.plan();
    let tally = Rc::new(RefCell::new(Tally::new()));
    for _ in 0..flags.subscribers {
        timeout(PATIENCE, subscribe(flags.pace.addr, Rc::clone(&tally)))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "a stream does not begin"))?
            .map_err(io::Error::other)?;
    }
    let answers = Rc::new(RefCell::new(Answers::default()));
    let schedule = plan.begin();
    tally.borrow_mut().schedule = Some(schedule);
    let published = publish(&flags, plan, schedule, &answers).await?;
    let due = plan.total * flags.subscribers as u64;
    let arrived = || tally.borrow().all + answers.borrow().count();
    flags.pace.settle(due + plan.total, arrived).await;
    Ok(report(&flags, plan, schedule, &published, &tally.borrow(), &answers.borrow()))
}

/// Returns when the stream has begun.
async fn subscribe(
    addr: SocketAddr,
    tally: Rc<RefCell<Tally>>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut sender = lane::connect(addr).await?;
    let request = Request::get("/events")
        .header(HOST, addr.to_string())
        .header(ACCEPT, "text/event-stream")
        .body(Full::default())?;
    let answer = sender.send_request(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(format!("/events was answered with status {}", answer.status()).into());
    }
    spawn_local(async move {
        // Without this the connection would end.
        let _sender = sender;
        let reason = read(answer.into_body(), &tally).await;
        let mut tally = tally.borrow_mut();
        tally.ended += 1;
        tally.first_end.get_or_insert(reason);
    });
    Ok(())
}

/// Reads until the stream ends; gives the reason.
async fn read(body: Incoming, tally: &RefCell<Tally>) -> String {
    let (mut blocks, mut seen) = (SseStream::new(body), Seen::default());
    loop {
        match blocks.next().await {
            Some(Ok(block)) => tally.borrow_mut().take(&mut seen, block.data.as_deref()),
            Some(Err(error)) => return error.to_string(),
            None => return "the server ended a stream".to_owned(),
        }
    }
}

/// What came of publishing.
struct Published {
    late: u64,
    connections: usize,
    own: Own,
}

async fn publish(
    flags: &Flags,
    plan: Plan,
    schedule: Schedule,
    answers: &Rc<RefCell<Answers>>,
) -> io::Result<Published> {
    let addr = flags.pace.addr;
    let mut lanes = vec![Lane::open(addr, Rc::clone(answers)).await?];
    let mut numbers = schedule.numbers()?;
    let (mut delayed, mut own) = (0, Own::begin());
    while let Some(seq) = numbers.recv().await {
        let measured = schedule.is_measured(seq);
        if seq == plan.warmup + 1 {
            own = Own::begin();
        }
        let request = Request::post("/publish")
            .header(HOST, addr.to_string())
            .header(CONTENT_TYPE, "text/plain")
            .body(Full::new(Bytes::from(data(seq, flags.size))))
            .map_err(io::Error::other)?;
        delayed += u64::from(measured && schedule.is_late(seq));
        let job = Job { request, due: schedule.due(seq), measured };
        if lanes.len() < LANES && !lanes.iter().any(Lane::is_idle) {
            lanes.push(Lane::open(addr, Rc::clone(answers)).await?);
        }
        let least = lanes.iter().min_by_key(|lane| lane.open_requests());
        least.expect("there is one from the beginning").push(job);
    }
    // What is still in their queues is sent all the same.
    Ok(Published { late: delayed, connections: lanes.len(), own })
}

fn report(
    flags: &Flags,
    plan: Plan,
    schedule: Schedule,
    published: &Published,
    tally: &Tally,
    answers: &Answers,
) -> Value {
    let due = plan.total * flags.subscribers as u64;
    let lost = due - tally.all;
    let end = tally.last.unwrap_or_else(Instant::now);
    let window = end.saturating_duration_since(schedule.measured_from());
    let reason = answers.first_bad.as_deref().or(tally.first_end.as_deref());
    let wrong = lost + tally.duplicates + tally.ended + (plan.total - answers.good);
    let failure = (wrong > 0).then(|| {
        format!(
            "{lost} deliveries lost, {} duplicates, {} streams ended, {} of {} events not accepted ({})",
            tally.duplicates,
            tally.ended,
            plan.total - answers.good,
            plan.total,
            reason.unwrap_or("nothing came any more"),
        )
    });
    json!({
        "failure": failure,
        "window_s": window.as_secs_f64(),
        "subscribers": { "connected": flags.subscribers, "lost": tally.ended },
        "published": {
            "sent": plan.total,
            "answered": answers.good,
            "late": published.late,
            "connections": published.connections,
        },
        "deliveries": {
            "all": tally.all,
            "measured": tally.measured,
            "per_s": per_second(tally.measured, window),
            "due": due,
            "received": tally.all,
            "lost": lost,
            "duplicates": tally.duplicates,
            "foreign": tally.foreign,
        },
        "latency_us": tally.latencies.value(),
        "client": published.own.value(tally.measured),
    })
}
