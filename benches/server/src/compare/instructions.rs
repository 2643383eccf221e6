//! Instructions in user space for each event or request, by callgrind: two runs of the same load, one
//! twice as long; what they differ by is what the events cost.

use std::time::Duration;

use super::Trouble;
use super::attempt::Bench;
use super::contestant::Contestant;
use super::model::Machine;
use super::plan::{Counted, Plan};
#[cfg(target_os = "linux")]
use super::scratch::Scratch;
#[cfg(target_os = "linux")]
use super::server::Server;

/// What counting takes for one server, about.
pub(super) const SECONDS: f64 = 10.0;

/// How long a load may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Whether callgrind is there.
pub(super) fn can_be_counted(machine: &Machine) -> bool {
    cfg!(target_os = "linux") && machine.valgrind.is_some()
}

/// Instructions for each; none where it cannot be counted.
pub(super) fn count(
    bench: &Bench<'_>,
    plan: &Plan,
    counted: &Counted,
    contestant: &Contestant,
) -> Result<Option<f64>, Trouble> {
    let [short, long] = &counted.loads;
    let run = |load: &[String]| run(bench, plan, load, counted.done, contestant);
    let both = run(short).and_then(|short| run(long).map(|long| (short, long)));
    match both {
        Ok((short, long)) if long.1 > short.1 => Ok(Some((long.0 - short.0) / (long.1 - short.1))),
        // A server that does not bear valgrind, as some peers: the column stays empty.
        Ok(_) | Err(Trouble::Failed(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Instructions of a run with this load, and how much was done.
#[cfg(target_os = "linux")]
fn run(
    bench: &Bench<'_>,
    plan: &Plan,
    load: &[String],
    done: &str,
    contestant: &Contestant,
) -> Result<(f64, f64), Trouble> {
    // Only the count is of interest, not where it comes from.
    let out = Scratch::new("callgrind");
    let under = ["valgrind", "--tool=callgrind"].map(str::to_owned);
    let under = [&under[..], &[format!("--callgrind-out-file={}", out.path().display())]].concat();
    let addr = free_address().map_err(|error| format!("no free port: {error}"))?;
    let mut command = contestant
        .command(&under, &plan.server_flags, addr)
        .ok_or_else(|| Trouble::Failed("it runs already".to_owned()))?;
    let core = bench.pinned.map(|(server, _)| server);
    let server = Server::start_under(&mut command, core, Some(addr), bench.stop)?;
    let report = bench.load(load, &server, PATIENCE);
    let said = server.stop(bench.stop)?;
    let done = report?.pointer(done).and_then(serde_json::Value::as_f64);
    let count = collected(&said).zip(done);
    count.ok_or_else(|| Trouble::Failed("callgrind gave no count".to_owned()))
}

/// A port that was free a moment ago: under valgrind it has to be known beforehand.
#[cfg(target_os = "linux")]
fn free_address() -> std::io::Result<std::net::SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}

#[cfg(not(target_os = "linux"))]
fn run(
    _: &Bench<'_>,
    _: &Plan,
    _: &[String],
    _: &str,
    _: &Contestant,
) -> Result<(f64, f64), Trouble> {
    Err(Trouble::Failed("callgrind needs Linux".to_owned()))
}

/// The count in what callgrind says at the end.
fn collected(said: &str) -> Option<f64> {
    let (_, rest) = said.split_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Events : Ir ==7== Collected : 123456 ==7== I refs: 123,456";
        assert_eq!(collected(said), Some(123_456.0));
        assert_eq!(collected("==7== killed"), None);
    }
}
