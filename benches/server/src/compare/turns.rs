//! Slices in turn: each server after the other, and the first once more at the end of a round, so that
//! what drifts meets all of them alike. A slice that others disturbed is repeated, while there is time.
//! Then wrk asks each once more, where it is there and the question can be put to it.

use std::time::{Duration, Instant};

use super::args::CompareArgs;
use super::attempt::Bench;
use super::budget::Budget;
use super::contestant::{Contestant, Contestants};
use super::gaps::Gaps;
use super::model::{Check, Machine, Row, Scenario};
use super::plan::{Checked, Counted, Plan};
use super::show::Show;
use super::slice::Slice;
use super::stop::Stop;
use super::wrk::Found;
use super::{Trouble, instructions, rows, wrk};

/// A disturbed slice is repeated this often.
const REPEATS: usize = 2;

/// Seconds that there are for each server, and for the first once more: 104 s with three engines, or 24
/// minutes.
const QUICK_SECONDS: f64 = 26.0;
const FULL_SECONDS: f64 = 360.0;

/// Runs everything.
pub(super) struct Turns<'a> {
    contestants: &'a Contestants,
    bench: Bench<'a>,
    counts: bool,
    /// What checks the figures, by its name.
    tool: Option<String>,
    unchecked: Gaps,
    uncounted: Gaps,
    budget: Budget,
    show: Show,
}

/// A server and its slices so far.
struct Taker<'a> {
    contestant: &'a Contestant,
    noise: bool,
    slices: Vec<Slice>,
}

/// Everyone in order, and the first that can be asked against itself.
fn takers(contestants: &Contestants) -> Vec<Taker<'_>> {
    let all = contestants.iter().map(|contestant| (contestant, false));
    let again = contestants.iter().find(|contestant| contestant.is_fit());
    let again = again.map(|contestant| (contestant, true));
    all.chain(again)
        .map(|(contestant, noise)| Taker { contestant, noise, slices: Vec::new() })
        .collect()
}

/// What one slice of everyone takes, about.
fn round_seconds(contestants: &Contestants, plan: &Plan) -> f64 {
    let asked = takers(contestants);
    let asked = asked.iter().filter(|taker| taker.contestant.refuses(plan).is_none());
    asked.map(|_| plan.seconds).sum()
}

/// What counting takes, about; the first is counted once.
fn counting_seconds(contestants: &Contestants, plan: &Plan) -> f64 {
    let asked = contestants.iter().filter(|contestant| contestant.refuses(plan).is_none());
    plan.counted.as_ref().map_or(0.0, |_| asked.map(|_| instructions::SECONDS).sum())
}

/// What wrk takes, about.
fn checking_seconds(contestants: &Contestants, plan: &Plan) -> f64 {
    let Some(asked) = &plan.checked else { return 0.0 };
    let checked = contestants.iter().filter(|contestant| contestant.is_fit());
    let checked =
        checked.take(asked.servers()).filter(|contestant| contestant.refuses(plan).is_none());
    checked.map(|_| plan.check_seconds()).sum()
}

impl<'a> Turns<'a> {
    /// Everything that these questions take, with the programs that are on this machine.
    pub(super) fn new(
        contestants: &'a Contestants,
        machine: &Machine,
        stop: &'a Stop,
        args: &CompareArgs,
        plans: &[Plan],
    ) -> Self {
        let counts = instructions::can_be_counted(machine);
        let tool = wrk::tool(machine);
        let (mut all, mut first_slices) = (0.0, 0.0);
        for plan in plans {
            let round = round_seconds(contestants, plan);
            let checking = tool.as_ref().map_or(0.0, |_| checking_seconds(contestants, plan));
            first_slices += round + checking;
            all += (0..plan.slices).map(|_| round).sum::<f64>() + checking;
            all += if counts { counting_seconds(contestants, plan) } else { 0.0 };
        }
        let each = if args.quick { QUICK_SECONDS } else { FULL_SECONDS };
        let most = takers(contestants).iter().map(|_| each).sum();
        let mut budget = Budget::new(most, first_slices);
        if args.seconds.is_some() {
            budget.repeated(Duration::MAX);
        }
        Self {
            contestants,
            bench: Bench { program: contestants.program(), pinned: machine.pinned, stop },
            counts,
            tool,
            unchecked: Gaps::default(),
            uncounted: Gaps::default(),
            budget,
            show: Show::new(all),
        }
    }

    /// Puts all questions to everyone.
    pub(super) fn take(&mut self, plans: &[Plan]) -> Result<Vec<Scenario>, Trouble> {
        let scenarios = plans.iter().map(|plan| self.ask(plan)).collect();
        self.show.end();
        scenarios
    }

    /// What is to be known of how it went.
    pub(super) fn warnings(&self) -> Vec<String> {
        let unchecked = self.unchecked.warnings(|what| format!("wrk did not check {what}"));
        let uncounted = |what: &str| format!("instructions of {what} were not counted");
        let gaps = unchecked.chain(self.uncounted.warnings(uncounted));
        self.budget.warning().into_iter().chain(gaps).collect()
    }

    fn ask(&mut self, plan: &Plan) -> Result<Scenario, Trouble> {
        let mut takers = takers(self.contestants);
        let seconds = round_seconds(self.contestants, plan);
        self.budget.begin(seconds);
        for round in 0..plan.slices {
            if round > 0 && !self.budget.allows(seconds, self.show.pace()) {
                self.budget.cut();
                (round..plan.slices).for_each(|_| self.show.left_out(seconds));
                break;
            }
            for taker in takers.iter_mut().filter(|taker| taker.takes_part(plan)) {
                let name = taker.contestant.name();
                let again = if taker.noise { " again" } else { "" };
                let (id, round, of) = (&plan.scenario.id, round + 1, plan.slices);
                self.show.begin(&format!("{id}: {name}{again}, slice {round} of {of}"));
                taker.slices.push(self.least_disturbed(plan, taker.contestant)?);
            }
            self.show.done(seconds);
        }
        let mut scenario = plan.scenario.clone();
        scenario.rows = takers
            .iter()
            .map(|Taker { contestant, noise, slices }| match contestant.refuses(plan) {
                Some(lacks) => Row { noise: *noise, ..rows::not_asked(contestant.name(), lacks) },
                None => rows::row(contestant.name(), *noise, slices),
            })
            .collect();
        if let Some((asked, tool)) = plan.checked.as_ref().zip(self.tool.clone()) {
            let seconds = checking_seconds(self.contestants, plan);
            self.budget.begin(seconds);
            self.check(plan, asked, &tool, &takers, &mut scenario)?;
            self.show.done(seconds);
        }
        if let Some(counted) = plan.counted.as_ref().filter(|_| self.counts) {
            self.show.begin(&format!("{}: instructions", plan.scenario.id));
            self.count(plan, counted, &takers, &mut scenario)?;
            self.show.done(counting_seconds(self.contestants, plan));
        }
        Ok(scenario)
    }

    /// Runs a slice; again, if others took too much meanwhile. The least disturbed one counts.
    fn least_disturbed(&mut self, plan: &Plan, contestant: &Contestant) -> Result<Slice, Trouble> {
        let mut best = self.bench.slice(plan, contestant)?;
        for _ in 0..REPEATS {
            if !best.disturbed() || !self.budget.allows_repeat(plan.seconds, self.show.pace()) {
                break;
            }
            let begin = Instant::now();
            let slice = self.bench.slice(plan, contestant)?;
            self.budget.repeated(begin.elapsed());
            if slice.failed.is_none() && slice.others < best.others {
                best = slice;
            }
        }
        Ok(best)
    }

    fn check(
        &mut self,
        plan: &Plan,
        asked: &Checked,
        tool: &str,
        takers: &[Taker<'_>],
        scenario: &mut Scenario,
    ) -> Result<(), Trouble> {
        let fit =
            scenario.rows.iter_mut().zip(takers).filter(|(_, taker)| taker.contestant.is_fit());
        for (row, taker) in fit.take(asked.servers()) {
            if row.failed.is_some() || taker.noise {
                continue;
            }
            let (id, name) = (&plan.scenario.id, taker.contestant.name());
            self.show.begin(&format!("{id}: {name}, {tool}"));
            match self.least_disturbed_check(plan, asked, tool, taker.contestant) {
                Ok(found) => {
                    let disturbed = found.disturbed();
                    row.checked = Some(Check { disturbed, ..found.check });
                }
                Err(Trouble::Failed(reason)) => self.unchecked.add(id, name, reason),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// The same of a check.
    fn least_disturbed_check(
        &mut self,
        plan: &Plan,
        asked: &Checked,
        tool: &str,
        contestant: &Contestant,
    ) -> Result<Found, Trouble> {
        let check = |bench: &Bench<'_>| {
            bench.or_interrupted(wrk::check(bench, plan, asked, contestant, tool))
        };
        let mut best = check(&self.bench)?;
        for _ in 0..REPEATS {
            let seconds = plan.check_seconds();
            if !best.disturbed() || !self.budget.allows_repeat(seconds, self.show.pace()) {
                break;
            }
            let begin = Instant::now();
            let found = check(&self.bench);
            self.budget.repeated(begin.elapsed());
            match found {
                Ok(found) if found.others < best.others => best = found,
                Ok(_) | Err(Trouble::Failed(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(best)
    }

    fn count(
        &mut self,
        plan: &Plan,
        counted: &Counted,
        takers: &[Taker<'_>],
        scenario: &mut Scenario,
    ) -> Result<(), Trouble> {
        for (row, taker) in scenario.rows.iter_mut().zip(takers) {
            if row.failed.is_some() || taker.noise {
                continue;
            }
            let count = instructions::count(&self.bench, plan, counted, taker.contestant);
            match self.bench.or_interrupted(count) {
                Ok(count) => row.instructions_per_event = Some(count),
                Err(Trouble::Failed(reason)) => {
                    self.uncounted.add(&plan.scenario.id, taker.contestant.name(), reason);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }
}

impl Taker<'_> {
    /// It has what is needed. One that has failed will not do better next time.
    fn takes_part(&self, plan: &Plan) -> bool {
        let failed =
            !self.slices.is_empty() && self.slices.iter().all(|slice| slice.failed.is_some());
        !failed && self.contestant.refuses(plan).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_can_be_asked_is_measured_against_itself() {
        let contestants = Contestants::of_these(&[("a", false), ("b", true), ("c", true)]);
        let takers = takers(&contestants);
        let named: Vec<_> =
            takers.iter().map(|taker| (taker.contestant.name(), taker.noise)).collect();
        assert_eq!(named, [("a", false), ("b", false), ("c", false), ("b", true)]);
    }
}
