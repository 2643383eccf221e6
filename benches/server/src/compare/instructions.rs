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

/// Instructions for each.
///
/// # Errors
/// One line: why they cannot be counted, as where a server does not bear valgrind.
pub(super) fn count(
    bench: &Bench<'_>,
    plan: &Plan,
    counted: &Counted,
    contestant: &Contestant,
) -> Result<f64, Trouble> {
    let [short, long] = &counted.loads;
    let run = |load: &[String]| run(bench, plan, load, counted.done, contestant);
    let (short, long) = (run(short)?, run(long)?);
    if long.1 > short.1 {
        Ok((long.0 - short.0) / (long.1 - short.1))
    } else {
        Err(Trouble::Failed("no more was done in twice the load".to_owned()))
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
    let server =
        Server::start_under(&mut command, core, Some(addr), bench.stop).map_err(|trouble| {
            match trouble {
                Trouble::Failed(reason) => Trouble::Failed(own_words(&reason)),
                trouble => trouble,
            }
        })?;
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

/// A reason without what callgrind says of itself each time: equal ones are to be told once.
fn own_words(reason: &str) -> String {
    /// The last words of what it says at its begin.
    const BANNER: &str = "callgrind_control -h'.";
    let (begin, rest) = match (reason.split_once("=="), reason.split_once(BANNER)) {
        (Some((begin, _)), Some((_, rest))) => (begin, rest),
        _ => ("", reason),
    };
    // Such as ==4711==, before each line.
    let is_mark = |word: &&str| word.len() > 4 && word.starts_with("==") && word.ends_with("==");
    let words = begin.split_whitespace().chain(rest.split_whitespace());
    words.filter(|word| !is_mark(word)).collect::<Vec<_>>().join(" ")
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
    fn a_reason_is_the_same_whoever_has_it() {
        let said = "it does not start: ==7== Callgrind, a profiler ==7== For interactive control, \
                    run 'callgrind_control -h'. Error: no ring ==7== ==7== Collected : 9";
        assert_eq!(own_words(said), "it does not start: Error: no ring Collected : 9");
        assert_eq!(own_words("it does not start: ==7== no tool"), "it does not start: no tool");
        assert_eq!(own_words("not ready within 30 s"), "not ready within 30 s");
    }

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Events : Ir ==7== Collected : 123456 ==7== I refs: 123,456";
        assert_eq!(collected(said), Some(123_456.0));
        assert_eq!(collected("==7== killed"), None);
    }
}
