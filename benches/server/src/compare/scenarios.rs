//! All questions, in the order in which they are put. A quick comparison has fewer, and shorter slices.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::figures::whole;
use super::model::Group;
use super::plan::{Checked, Needs, Plan};
use crate::load::grouped;

/// Events under way where nothing is published on a schedule: what subscribers may be owed by default.
const WINDOW: usize = 64;

/// Subscribers that take long to connect.
const MANY: usize = 10_000;

/// Subscribers at the most while instructions are counted, which slows a server down fifty times.
const COUNTED: usize = 200;

/// So long, and twice as long.
const SECONDS: [&str; 2] = ["--duration 2", "--duration 4"];

/// Where a report says how many events came to subscribers.
const DELIVERED: &str = "/deliveries/all";

/// How long slices are, and how many.
#[derive(Clone, Copy, Debug)]
struct Pace {
    quick: bool,
    /// Seconds measured, and before that.
    measured: f64,
    warmup: f64,
    slices: usize,
}

/// All questions; `measured` is the measured time of a slice, if it is to be another.
pub(super) fn all(quick: bool, measured: Option<Duration>) -> Vec<Plan> {
    let (usual, warmup, slices) = if quick { (0.4, 0.1, 2) } else { (2.0, 0.4, 3) };
    let measured = measured.map_or(usual, |time| time.as_secs_f64());
    let pace = Pace { quick, measured, warmup, slices };
    let mut all = pace.requests();
    all.extend(pace.fan_outs());
    all.extend(pace.others());
    all
}

impl Pace {
    /// What takes long is not taken often, where there is little time.
    fn few_slices(self) -> usize {
        if self.quick { 1 } else { self.slices }
    }

    /// Where there is time for it.
    fn counting(self, plan: Plan, load: &str, amounts: [&str; 2], done: &'static str) -> Plan {
        if self.quick { plan } else { plan.counting(load, amounts, done) }
    }

    fn slices_of(self, subscribers: usize) -> usize {
        if subscribers < MANY { self.slices } else { self.few_slices() }
    }

    fn requests(self) -> Vec<Plan> {
        const FLAT_OUT: &str = "64 keep-alive connections ask again as soon as they are answered, from \
                                one thread; every answer is compared with the first.";
        const AT_RATE: &str = "Requests on a schedule that waits for no answer, over 64 keep-alive \
                               connections; latency counts from when each was due.";
        let Self { measured, warmup, .. } = self;
        let time = format!("--duration {measured} --warmup {warmup}");
        let plan = |id: &str, title: &str, needs, depth: usize, flags: &str, how: &str| {
            let load = format!("ask --connections 64 {flags} {time}");
            let mut plan = Plan::new(id, Group::Http, title, needs, &load).how(how).taking(
                self.slices,
                measured + warmup,
                64,
            );
            plan.scenario.depth = Some(depth);
            self.counting(
                plan,
                &format!("ask --connections 64 {flags}"),
                ["--requests 5000", "--requests 10000"],
                "/requests/answered",
            )
        };
        let mut plans = vec![
            plan("plaintext", "Plaintext, flat out", Needs::Plaintext, 1, "", FLAT_OUT),
            plan(
                "pipelined",
                "Plaintext, 16 requests at once",
                Needs::Plaintext,
                16,
                "--depth 16",
                FLAT_OUT,
            ),
            plan("json", "JSON, flat out", Needs::Json, 1, "--path /json", FLAT_OUT),
        ];
        // Of a quick one the first is enough to see that figures can be believed.
        let checked = if self.quick { 1 } else { plans.len() };
        for plan in &mut plans[..checked] {
            plan.checked = Some(self.check_of(plan));
        }
        let rates: &[u32] = if self.quick { &[2_000] } else { &[2_000, 20_000, 60_000] };
        plans.extend(rates.iter().map(|rate| {
            let (id, title) = (
                format!("plaintext-at-{rate}"),
                format!("Plaintext at {} requests/s", grouped(u64::from(*rate))),
            );
            let flags = format!("--rate {rate}");
            let mut plan = plan(&id, &title, Needs::Plaintext, 1, &flags, AT_RATE);
            // What one takes is counted above.
            plan.counted = None;
            plan.scenario.rate = Some(f64::from(*rate));
            plan
        }));
        plans
    }

    /// The same question for another load generator.
    fn check_of(self, plan: &Plan) -> Checked {
        Checked {
            path: if plan.needs == Needs::Json { "/json" } else { "/plaintext" },
            depth: plan.scenario.depth.unwrap_or(1),
            seconds: whole_seconds(self.measured),
            first_only: self.quick,
        }
    }

    fn fan_outs(self) -> Vec<Plan> {
        let (small, large) = (128, 1024);
        let mut plans: Vec<Plan> =
            [1, 100, 1_000, 10_000].map(|subscribers| self.flat_out(subscribers, small)).into();
        if self.quick {
            plans.push(self.at_rate(1, 100, small));
            plans.push(self.at_rate(1_000, 100, small));
            return plans;
        }
        plans.extend([1, 100, 1_000, 10_000].map(|subscribers| self.flat_out(subscribers, large)));
        // 100,000 and 300,000 deliveries a second, where so many events can be published.
        for (subscribers, rates) in
            [(1, [100, 20_000]), (100, [1_000, 3_000]), (1_000, [100, 300]), (10_000, [10, 30])]
        {
            plans.extend(rates.map(|rate| self.at_rate(subscribers, rate, small)));
            plans.push(self.at_rate(subscribers, rates[0], large));
        }
        plans
    }

    fn flat_out(self, subscribers: usize, bytes: usize) -> Plan {
        let every = decode_every(subscribers);
        let load = format!(
            "load --json --subscribers {subscribers} --size {bytes} --window {WINDOW} \
             --decode-every {every} --duration {} --warmup {} --settle 1",
            self.measured, self.warmup
        );
        let title = format!("{}, {} B, flat out", to(subscribers), whole(bytes));
        let how = format!(
            "Events are published as fast as they arrive, with {WINDOW} under way at the most, and a moment \
             before they count; nothing is said of latency, since no event has a time at which it is due.{}",
            checked(every)
        );
        let id = format!("fan-out-{subscribers}-flat-out-{bytes}b");
        let plan = Plan::new(&id, Group::FanOut, &title, Needs::Events, &load)
            .how(&how)
            .taking(self.slices_of(subscribers), self.measured + self.warmup + 0.2, subscribers)
            .publishing(subscribers, None, bytes);
        let counted = format!(
            "load --json --subscribers {} --size {bytes} --window {WINDOW} --warmup 0 --settle 10",
            subscribers.min(COUNTED)
        );
        if subscribers > 1_000 { plan } else { self.counting(plan, &counted, SECONDS, DELIVERED) }
    }

    fn at_rate(self, subscribers: usize, rate: u32, bytes: usize) -> Plan {
        let every = decode_every(subscribers);
        let load = format!(
            "load --json --histogram --subscribers {subscribers} --size {bytes} --rate {rate} \
             --decode-every {every} --duration {} --warmup {} --settle 1",
            self.measured, self.warmup
        );
        let title = format!(
            "{}, {} B, {} events/s",
            to(subscribers),
            whole(bytes),
            grouped(u64::from(rate))
        );
        let how = format!(
            "Events are published on a schedule that waits for no answer; latency counts from when \
             each was due until its last byte was received.{}",
            checked(every)
        );
        let id = format!("fan-out-{subscribers}-at-{rate}-{bytes}b");
        let plan = Plan::new(&id, Group::FanOut, &title, Needs::Events, &load)
            .how(&how)
            .taking(self.slices, self.measured + self.warmup + 0.3, subscribers)
            .publishing(subscribers, Some(f64::from(rate)), bytes);
        let counted = format!(
            "load --json --subscribers {COUNTED} --size {bytes} --rate 20 --warmup 0 --settle 10"
        );
        // At this rate each event has a send of its own, whoever else there is.
        let is_usual = (subscribers, rate) == (1_000, 100);
        if is_usual { self.counting(plan, &counted, SECONDS, DELIVERED) } else { plan }
    }

    fn others(self) -> Vec<Plan> {
        let mut plans: Vec<Plan> =
            [1_000, 10_000].map(|subscribers| self.memory(subscribers)).into();
        plans.push(self.storm(if self.quick { 1_000 } else { 5_000 }));
        plans.push(self.slow_readers());
        plans.push(self.own_streams(if self.quick { 2_000 } else { 10_000 }));
        plans.push(self.replay());
        plans
    }

    fn memory(self, subscribers: usize) -> Plan {
        let load = format!("load --json --hold --subscribers {subscribers} --duration 0.1");
        let title = format!("Memory of {} idle subscribers", whole(subscribers));
        let mut plan = Plan::new(
            &format!("memory-{subscribers}"),
            Group::Memory,
            &title,
            Needs::Process,
            &load,
        )
        .how(
            "What the server's resident memory, and the kernel's own objects (sockets, stacks of threads, \
             page tables) and TCP buffers, have grown by once all subscribers are there; then one event \
             reaches everyone. It begins when the kernel has given back what was there before.",
        )
        .taking(self.few_slices(), 1.2, subscribers);
        plan.scenario.subscribers = Some(subscribers);
        plan
    }

    fn storm(self, subscribers: usize) -> Plan {
        let (rate, within) = (20, 0.2);
        let duration = self.measured.max(0.5) + 2.0 * within;
        let load = format!(
            "load --json --subscribers {subscribers} --storm {subscribers} --storm-within {within} \
             --rate {rate} --duration {duration} --warmup 0.1 --settle 1"
        );
        Plan::new("storm", Group::Storm, "Everyone returns at once", Needs::Events, &load)
            .how(&format!(
                "{} drop at once and are to return within {within} s; who is \
                 refused tries again. Latency is from when each was to return to its stream.",
                to(subscribers)
            ))
            .taking(self.few_slices(), duration + 0.4, 2 * subscribers)
            .publishing(subscribers, Some(f64::from(rate)), 128)
    }

    fn slow_readers(self) -> Plan {
        let (subscribers, rate, bytes) = (500, 200, 1024);
        let load = format!(
            "load --json --histogram --subscribers {subscribers} --slow 50 --slow-rate 4096 --stuck 20 \
             --rate {rate} --size {bytes} --duration {} --warmup {} --settle 1 --decode-every 5",
            self.measured, self.warmup
        );
        let title = "Slow readers among fast ones";
        Plan::new("slow-readers", Group::SlowReaders, title, Needs::Events, &load)
            .how(&format!(
                "{subscribers} subscribers read at once, 50 read 4 KiB a second and 20 never; what \
                 came to the fast ones, and when, counts.{}",
                checked(5)
            ))
            .taking(self.few_slices(), self.measured + self.warmup + 0.3, subscribers + 70)
            .publishing(subscribers, Some(f64::from(rate)), bytes)
    }

    fn own_streams(self, subscribers: usize) -> Plan {
        // Each has an event a second. Of whole seconds that begin between two of these everyone has one,
        // also where it comes late.
        let (duration, warmup) = (self.measured.ceil().max(1.0), 0.5);
        let load = format!(
            "load --json --histogram --listen --events-path /ticks --subscribers {subscribers} \
             --duration {duration} --warmup {warmup}"
        );
        let title = "A stream of its own for each client";
        let mut plan = Plan::new("own-streams", Group::OwnStreams, title, Needs::Ticks, &load)
            .how(
                "A handler for each client sends it an event each second, different from all others; \
                 latency counts from when the handler was to send it.",
            )
            .taking(self.few_slices(), duration + warmup + 0.2, subscribers);
        plan.scenario.subscribers = Some(subscribers);
        plan.scenario.rate = Some(1.0);
        let counted = format!("load --json --listen --events-path /ticks --subscribers {COUNTED}");
        self.counting(plan, &counted, SECONDS, "/deliveries/by_themselves")
    }

    fn replay(self) -> Plan {
        let (clients, events) = (if self.quick { 200 } else { 1_000 }, 1_000);
        let load = format!("catch-up --clients {clients} --events {events}");
        let title = "Catching up after an absence";
        let plan = Plan::new("replay", Group::Replay, title, Needs::Store, &load)
            .how(&format!(
                "{} clients come with Last-Event-ID, each for {} events of 128 B that it missed, \
                 from a store in memory; how many of these come each second, until all have all.",
                whole(clients),
                events - 1
            ))
            .served_with(&format!("--replay ring:{events}"))
            .taking(self.few_slices(), 0.6, clients)
            .publishing(clients, None, 128);
        let counted = format!("catch-up --events {events}");
        self.counting(plan, &counted, ["--clients 20", "--clients 40"], "/replayed/events")
    }
}

fn to(subscribers: usize) -> String {
    if subscribers == 1 {
        "1 subscriber".to_owned()
    } else {
        format!("{} subscribers", whole(subscribers))
    }
}

/// At least as long, and one.
fn whole_seconds(seconds: f64) -> u64 {
    crate::load::report::whole(seconds.ceil()).max(1)
}

/// So that reading is not the limit.
fn decode_every(subscribers: usize) -> usize {
    (subscribers / 50).max(1)
}

fn checked(every: usize) -> String {
    match every {
        1 => String::new(),
        _ => format!(
            " The events of one in {every} subscribers are checked, the bytes of the others counted."
        ),
    }
}
