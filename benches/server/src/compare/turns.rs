//! Slices in turn: each server after the other, and the first once more at the end of a round, so that
//! what drifts meets all of them alike. A slice that others disturbed is repeated, while there is time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::attempt::Bench;
use super::contestant::{Contestant, Contestants};
use super::cores::Pinned;
use super::model::Scenario;
use super::plan::Plan;
use super::show::Show;
use super::slice::Slice;
use super::stop::Stop;
use super::{Trouble, instructions, rows};

/// A disturbed slice is repeated this often.
const REPEATS: usize = 2;

/// What repeating may take, as a share of what all is to take.
const REPEAT_SHARE: f64 = 0.15;

/// Runs everything.
pub(super) struct Turns<'a> {
    contestants: &'a Contestants,
    bench: Bench<'a>,
    counts: bool,
}

/// A server and its slices so far.
struct Taker<'a> {
    contestant: &'a Contestant,
    noise: bool,
    slices: Vec<Slice>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(
        contestants: &'a Contestants,
        program: PathBuf,
        pinned: Pinned,
        stop: &'a Stop,
    ) -> Self {
        let counts = instructions::can_be_counted();
        Self { contestants, bench: Bench { program, pinned, stop }, counts }
    }

    /// Puts all questions to everyone.
    pub(super) fn take(&self, plans: Vec<Plan>) -> Result<Vec<Scenario>, Trouble> {
        let seconds = plans.iter().map(|plan| self.seconds(plan)).sum();
        let mut show = Show::new(seconds);
        let mut repeats = Duration::from_secs_f64(seconds * REPEAT_SHARE);
        let scenarios =
            plans.into_iter().map(|plan| self.ask(plan, &mut repeats, &mut show)).collect();
        show.end();
        scenarios
    }

    /// What a question takes, about.
    fn seconds(&self, plan: &Plan) -> f64 {
        let takes = |one: &Taker<'_>| one.contestant.refuses(plan).is_none();
        let takers = self.takers().into_iter().filter(takes).count();
        #[expect(clippy::cast_precision_loss, reason = "a handful of slices")]
        let slices = (takers * plan.slices) as f64;
        slices * plan.seconds
            + if plan.counted && self.counts { instructions::SECONDS } else { 0.0 }
    }

    /// Everyone in order, and the first against itself.
    fn takers(&self) -> Vec<Taker<'a>> {
        let all = self.contestants.iter().map(|contestant| (contestant, false));
        let again = self.contestants.iter().take(1).map(|contestant| (contestant, true));
        all.chain(again)
            .map(|(contestant, noise)| Taker { contestant, noise, slices: Vec::new() })
            .collect()
    }

    fn ask(
        &self,
        plan: Plan,
        repeats: &mut Duration,
        show: &mut Show,
    ) -> Result<Scenario, Trouble> {
        let mut takers = self.takers();
        for round in 0..plan.slices {
            for taker in &mut takers {
                if taker.has_failed() {
                    continue;
                }
                let name = taker.contestant.name();
                let again = if taker.noise { " again" } else { "" };
                show.begin(&format!(
                    "{}: {name}{again}, slice {} of {}",
                    plan.scenario.id,
                    round + 1,
                    plan.slices
                ));
                let refused = taker.contestant.refuses(&plan).is_some();
                taker.slices.push(self.least_disturbed(&plan, taker.contestant, repeats)?);
                show.done(if refused { 0.0 } else { plan.seconds });
            }
        }
        let mut scenario = plan.scenario.clone();
        scenario.rows = takers
            .iter()
            .map(|taker| rows::row(taker.contestant.name(), taker.noise, &taker.slices))
            .collect();
        if plan.counted && self.counts {
            show.begin(&format!("{}: instructions", plan.scenario.id));
            self.count(&plan, &mut scenario)?;
            show.done(instructions::SECONDS);
        }
        Ok(scenario)
    }

    /// Runs a slice; again, if others took too much meanwhile. The least disturbed one counts.
    fn least_disturbed(
        &self,
        plan: &Plan,
        contestant: &Contestant,
        repeats: &mut Duration,
    ) -> Result<Slice, Trouble> {
        let mut best = self.bench.slice(plan, contestant)?;
        for _ in 0..REPEATS {
            if !best.disturbed() || repeats.is_zero() {
                break;
            }
            let begin = Instant::now();
            let slice = self.bench.slice(plan, contestant)?;
            *repeats = repeats.saturating_sub(begin.elapsed());
            if slice.failed.is_none() && slice.others < best.others {
                best = slice;
            }
        }
        Ok(best)
    }

    fn count(&self, plan: &Plan, scenario: &mut Scenario) -> Result<(), Trouble> {
        for (row, taker) in scenario.rows.iter_mut().zip(self.takers()) {
            if row.failed.is_none() && !taker.noise {
                row.instructions_per_event =
                    instructions::count(&self.bench, plan, taker.contestant)?;
            }
        }
        Ok(())
    }
}

impl Taker<'_> {
    /// It will not do better next time.
    fn has_failed(&self) -> bool {
        !self.slices.is_empty() && self.slices.iter().all(|slice| slice.failed.is_some())
    }
}
