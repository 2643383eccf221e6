//! One run: connects the subscribers, publishes or holds, disturbs them as asked, and waits for
//! what is still to come. Decides the order of things; who does them is in the other files.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::answered::Shared;
use super::args::{LoadArgs, Mode};
use super::fleet::Fleet;
use super::guests::Guests;
use super::meter::Meter;
use super::metrics;
use super::proc::machine;
use super::progress::Progress;
use super::publisher::{self, Published, Target};
use super::report::Report;
use super::schedule::{self, Clock, Schedule};
use super::subscriber::Habit;
use super::{LoadError, check_files};

/// Time from the last connection to the first event.
const LEAD: Duration = Duration::from_millis(100);

/// Without a delivery for this long, the last one may have come: waiting on for missing ones is not
/// part of the measured time.
const QUIET: Duration = Duration::from_millis(100);

/// Who is not back this long after the last was to return from a storm stays away.
const STORM_PATIENCE: Duration = Duration::from_secs(30);

/// Runs a load.
pub(crate) fn run(args: &LoadArgs, progress: &Progress) -> Result<Report, LoadError> {
    check_files(args.connections())?;
    let clock = Clock::new();
    let shared = Arc::new(Shared::default());
    let fleet = Fleet::new(args.addr, &args.events_path, clock, Arc::clone(&shared))?;
    let meter = Meter::new(&args.pid, args.addr);
    let mut run = Run { args, progress, clock, shared, fleet, meter, guests: None };
    let result = run.all();
    progress.end();
    result
}

struct Run<'a> {
    args: &'a LoadArgs,
    progress: &'a Progress,
    clock: Clock,
    shared: Arc<Shared>,
    fleet: Fleet,
    meter: Meter,
    guests: Option<Guests>,
}

impl Run<'_> {
    fn all(&mut self) -> Result<Report, LoadError> {
        let args = self.args;
        self.connect()?;
        self.invite()?;
        if args.mode() == Mode::Listen {
            self.read_to(Instant::now() + args.warmup)?;
            self.fleet.tally.listen();
        }
        let counts_before = metrics::read(args.addr);
        let before = self.fleet.tally.foreign;
        if args.mode() != Mode::Publish {
            self.meter.begin();
            self.measure(Instant::now())?;
            self.meter.end();
        }
        let by_themselves = self.fleet.tally.foreign - before;
        let (schedule, published) = match args.mode() {
            Mode::Listen => (schedule_of(args, self.clock), Published::nothing()),
            Mode::Publish | Mode::Hold => self.publish()?,
        };
        let guests = self.guests.take().map(Guests::dismiss).transpose()?.unwrap_or_default();
        self.fleet.refuse_pending();
        let counts = metrics::read(args.addr).since(counts_before);
        let account = self.fleet.account(&published.answered);
        let seen = super::report::Seen {
            fleet: &self.fleet,
            account,
            published: &published,
            meter: &self.meter,
            schedule,
            counts,
            guests,
            by_themselves,
        };
        Ok(Report::new(args, &seen))
    }

    /// Connects everyone, and takes down the memory before and after.
    fn connect(&mut self) -> Result<(), LoadError> {
        let Self { args, progress, fleet, meter, .. } = self;
        let all = args.subscribers + args.slow + args.stuck;
        progress.begin(&format!("connecting {all} subscribers"), all as u64);
        if args.mode() == Mode::Hold {
            machine::settle_objects();
        }
        meter.before_first();
        let every = args.decode_every.get();
        let habit = |index| if index % every == 0 { Habit::Reads } else { Habit::Counts };
        fleet.connect(args.subscribers, habit, |count| progress.at(count as u64))?;
        meter.after_last();
        fleet.connect(args.slow, |_| Habit::Slow, |_| ())?;
        fleet.connect(args.stuck, |_| Habit::Stuck, |_| ())?;
        fleet.pace_slow(args.slow_rate.get());
        fleet.count_bytes_from_here();
        let census = &mut fleet.census;
        let guests = args.guests.askers.is_some() || args.guests.abusers > 0;
        let asked = args.subscribers + args.slow + args.stuck;
        if census.connected + census.slow + census.stuck > 0 || (guests && asked == 0) {
            return Ok(());
        }
        Err(LoadError::CannotConnect(match census.first_refusal.take() {
            Some(reason) => format!("{}: {reason}", args.addr),
            None => "no subscribers were asked for".to_owned(),
        }))
    }

    /// Lets the guests come, and reads until they are there.
    fn invite(&mut self) -> io::Result<()> {
        let args = self.args;
        self.guests = Some(Guests::invite(args.asking(), args.abusing()));
        self.read_to(Instant::now() + args.guests_come_within())
    }

    /// Publishes everything and reads until it has come, or is not to be expected any more.
    fn publish(&mut self) -> Result<(Schedule, Published), LoadError> {
        let (args, clock, shared) = (self.args, self.clock, Arc::clone(&self.shared));
        let schedule = schedule_of(args, clock);
        let target = Target {
            addr: args.publish_addr.unwrap_or(args.addr),
            path: args.publish_path.clone(),
            size: args.size,
            most_behind: args.settle,
            window: args.window.map(|events| (events.get() as u64, args.warmup + args.duration)),
        };
        self.fleet.expect(schedule);
        let published = thread::scope(|scope| {
            let publisher = scope.spawn(|| publisher::publish(&target, schedule, clock, &shared));
            let read = self.read_all(schedule);
            // The publisher ends by itself, also when nobody reads any more.
            let joined = publisher.join();
            read?;
            joined.map_err(|_| io::Error::other("the publishing thread panicked"))
        })?;
        Ok((schedule, published))
    }

    fn read_all(&mut self, schedule: Schedule) -> io::Result<()> {
        if self.args.hold {
            return self.settle(false);
        }
        let warmup =
            Duration::from_nanos(schedule.measure_start().saturating_sub(self.clock.now()));
        let measured_from = Instant::now() + warmup;
        self.progress.begin("warming up", schedule::nanos(warmup));
        self.read_to(measured_from)?;
        self.meter.begin();
        self.measure(measured_from)?;
        self.settle(true)
    }

    /// Reads for the measured time, which begins at `begin`, with churn and storm as asked for.
    fn measure(&mut self, begin: Instant) -> io::Result<()> {
        let args = self.args;
        let doing = match args.mode() {
            Mode::Publish => "publishing",
            Mode::Hold => "holding",
            Mode::Listen => "listening",
        };
        self.progress.begin(doing, schedule::nanos(args.duration));
        self.guests.iter().for_each(|guests| guests.measure(true));
        if let Some(rate) = args.churn {
            self.fleet.begin_churn(rate.per_second(), args.duration);
        }
        if args.storm > 0 {
            self.read_to(begin + args.duration / 2)?;
            self.progress.begin("a storm", args.storm as u64);
            self.meter.begin_storm();
            self.fleet.begin_storm(args.storm, args.storm_within, STORM_PATIENCE);
            let progress = self.progress;
            self.fleet.read_until(None, |fleet| {
                progress.at(fleet.back() as u64);
                fleet.storm_is_over()
            })?;
            self.meter.end_storm();
            self.progress.begin(doing, schedule::nanos(args.duration));
        }
        self.read_to(begin + args.duration)?;
        self.guests.iter().for_each(|guests| guests.measure(false));
        // Whoever was to leave leaves, also where this thread was held up.
        self.fleet.read_until(None, Fleet::churn_is_over)
    }

    fn read_to(&mut self, end: Instant) -> io::Result<()> {
        let (progress, begin) = (self.progress, Instant::now());
        self.fleet.read_until(Some(end), |_| {
            progress.at(schedule::nanos(begin.elapsed()));
            false
        })
    }

    /// Reads until publishing is over and every subscriber has every event, or none came for as
    /// long as asked for. The measured time, if it is running, ends with the last delivery.
    fn settle(&mut self, measuring: bool) -> io::Result<()> {
        let Self { args, progress, fleet, meter, shared, .. } = self;
        progress.begin("waiting for what is still to come", 1);
        let mut last_change = None;
        let mut metered = !measuring;
        fleet.read_until(None, |fleet| {
            let Some(answered) = shared.outcome() else { return false };
            let (seen, at) = last_change.get_or_insert((0, Instant::now()));
            if *seen != fleet.tally.progress() {
                (*seen, *at) = (fleet.tally.progress(), Instant::now());
                metered = !measuring;
            }
            let complete = fleet.nobody_is_coming() && fleet.all_have(answered);
            if !metered && (complete || at.elapsed() > QUIET) {
                meter.end();
                metered = true;
            }
            complete || at.elapsed() > args.settle
        })
    }
}

fn schedule_of(args: &LoadArgs, clock: Clock) -> Schedule {
    let start = clock.now() + schedule::nanos(LEAD);
    if args.hold {
        return Schedule::once(start);
    }
    if args.window.is_some() {
        return Schedule::untimed(start, args.warmup);
    }
    Schedule::new(start, args.rate.per_second(), args.warmup, args.duration)
}
