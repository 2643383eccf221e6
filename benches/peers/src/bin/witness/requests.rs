//! Requests for one path at a rate, from one connection after the other. The core is kept awake.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use serde_json::{Value, json};

use crate::Pace;
use crate::figures::{Own, per_second};
use crate::lane::{Answers, Job, Lane};

/// What is asked for.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pace: Pace,

    /// Connections
    #[arg(long, value_name = "N", default_value = "64")]
    connections: NonZeroUsize,

    /// What to ask for
    #[arg(long, value_name = "PATH", default_value = "/plaintext")]
    path: String,
}

/// Asks, and gives the report.
pub(crate) async fn run(flags: &Flags) -> io::Result<Value> {
    let (plan, addr) = (flags.pace.plan(), flags.pace.addr);
    let request = request(addr, &flags.path)?;
    let answers = Rc::new(RefCell::new(Answers::default()));
    let mut lanes = Vec::new();
    for _ in 0..flags.connections.get() {
        lanes.push(Lane::open(addr, Rc::clone(&answers)).await?);
    }
    let schedule = plan.begin();
    let (mut late, mut own) = (0, Own::begin());
    for (seq, lane) in (1..=plan.total).zip(lanes.iter().cycle()) {
        schedule.watch_for(seq).await;
        let measured = schedule.is_measured(seq);
        if seq == plan.warmup + 1 {
            own = Own::begin();
        }
        late += u64::from(measured && schedule.is_late(seq));
        lane.push(Job { request: request.clone(), due: schedule.due(seq), measured });
    }
    flags.pace.settle(plan.total, || answers.borrow().count()).await;
    let answers = answers.borrow();
    let unanswered = plan.total - answers.good;
    let last = answers.last.unwrap_or_else(Instant::now);
    let window = last.saturating_duration_since(schedule.measured_from());
    let failure = (unanswered > 0).then(|| {
        let reason = answers.first_bad.as_deref().unwrap_or("no answer in time");
        format!("{unanswered} of {} requests unanswered ({reason})", plan.total)
    });
    Ok(json!({
        "failure": failure,
        "window_s": window.as_secs_f64(),
        "requests": {
            "answered": answers.measured,
            "per_s": per_second(answers.measured, window),
            "unanswered": unanswered,
            "late": late,
            "sent": plan.total,
        },
        "latency_us": answers.latencies.value(),
        "client": own.value(answers.measured),
    }))
}

fn request(addr: SocketAddr, path: &str) -> io::Result<Request<Full<Bytes>>> {
    Request::get(path)
        .header(HOST, addr.to_string())
        .body(Full::default())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
