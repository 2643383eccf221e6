//! The hot paths that are counted. Each looks at what it brought about before its count is believed.

use crate::callgrind::{self, Collect};
use crate::requests::{self, Course};
use crate::streams;
use headwater_sse::SlowPolicy;

/// One hot path; the count is of instructions each time that it is gone.
pub(crate) struct Path {
    /// Its name, in the baseline too.
    pub(crate) name: &'static str,
    work: Work,
}

enum Work {
    /// Done in one thread, which tells callgrind what to count; returns how often that was done.
    Alone(fn() -> u64),
    /// Asked of a server on the epoll engine, in lock-step, so that each request is one wake. Starting,
    /// connecting and ending are in two runs of different length and not in their difference.
    Served(Course),
}

const fn alone(name: &'static str, work: fn() -> u64) -> Path {
    Path { name, work: Work::Alone(work) }
}

const fn served(name: &'static str, course: Course) -> Path {
    Path { name, work: Work::Served(course) }
}

/// All of them.
pub(crate) const PATHS: &[Path] = &[
    served("request, plain", requests::PLAIN),
    served("request, 16 pipelined", requests::PIPELINED),
    served("request, of a browser", requests::BROWSER),
    served("request, JSON both ways", requests::JSON),
    served("request, publishes to 64 sockets, per delivery", requests::PUBLISH),
    alone("publish, prepared", || streams::publish(true)),
    alone("publish, formatted", || streams::publish(false)),
    alone("deliver, 1 subscriber, 1 event per send", || streams::deliver(1, 1)),
    alone("deliver, 100 subscribers, 1 event per send", || streams::deliver(100, 1)),
    alone("deliver, 1,000 subscribers, 1 event per send", || streams::deliver(1000, 1)),
    alone("deliver, 1,000 subscribers, 32 events per send", || streams::deliver(1000, 32)),
    alone("deliver, 1,000 brokers of 1 subscriber", streams::brokers),
    alone("deliver, to a client of its own", streams::clients),
    alone("deliver, replayed from a ring", streams::replayed),
    alone("round, 1,000 subscribers", || streams::stalled(0, SlowPolicy::Drop)),
    alone("round, 1,000 and 1,000 stalled", || streams::stalled(1000, SlowPolicy::Drop)),
    alone("round, the same, the oldest dropped", || streams::stalled(1000, SlowPolicy::DropOldest)),
];

impl Path {
    /// Instructions each time.
    pub(crate) fn count(&self) -> Result<f64, String> {
        match &self.work {
            Work::Alone(_) => {
                let words = [callgrind::RUN_PATH, self.name];
                let (collected, said) = callgrind::run(&words, Collect::Counted, |_| Ok(()))?;
                let times: f64 = said.trim().parse().map_err(|_| format!("no number: {said}"))?;
                if collected == 0.0 {
                    return Err("callgrind does not know what is to be counted".to_owned());
                }
                Ok(collected / times)
            }
            Work::Served(course) => {
                let run = |rounds| {
                    let serve = [callgrind::SERVE];
                    let load = |addr: &str| course.run(addr, rounds);
                    callgrind::run(&serve, Collect::Everything, load).map(|(count, _)| count)
                };
                let (short, long) = course.lengths();
                beyond(run(short)?, run(long)?).map(|count| count / course.times(long - short))
            }
        }
    }
}

/// What the longer of two runs took beyond the shorter. Nothing, or less, is no count of anything, and would
/// pass for an improvement.
fn beyond(short: f64, long: f64) -> Result<f64, String> {
    if long > short {
        return Ok(long - short);
    }
    Err(format!("the longer run took {long} instructions, and the shorter one {short}"))
}

/// Goes one path by itself, and says how often; for a run under callgrind. It has a thread of its own,
/// since what is on the first stack (the environment) differs from one machine to the next, and where
/// things are on a stack decides how they are copied.
pub(crate) fn run_here(name: &str) -> Result<(), String> {
    let path = PATHS.iter().find(|path| path.name == name).ok_or("no path has this name")?;
    let Work::Alone(work) = path.work else { return Err("this path has no run of its own".into()) };
    let times = std::thread::spawn(work).join().map_err(|_| "it has not done what it should")?;
    println!("{times}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_run_that_took_no_more_than_the_shorter_is_no_count() {
        assert_eq!(beyond(1000.0, 1500.0), Ok(500.0));
        assert!(beyond(1000.0, 1000.0).is_err(), "nothing was done");
        assert!(beyond(1500.0, 1000.0).is_err(), "something else was counted");
    }
}
