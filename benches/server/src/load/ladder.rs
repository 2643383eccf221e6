//! A ladder: the same run at one offered rate after the other, each with subscribers of its own, to
//! find the most that a server delivers with little loss. Each step is a `run`. What a server was
//! too busy to take from the publisher counts as lost.

use serde_json::{Value, json};

use super::args::LoadArgs;
use super::progress::Progress;
use super::report::{Report, grouped, micros, millions};
use super::{LoadError, run};

/// A step that lost a larger share does not count as reached.
pub(crate) const LOSS_LIMIT: f64 = 0.01;

/// The reports of all steps.
pub(crate) struct Ladder {
    steps: Vec<Report>,
}

impl Ladder {
    /// Runs all steps that `args` asks for.
    pub(crate) fn run(args: &LoadArgs, progress: &Progress) -> Result<Self, LoadError> {
        let step = |rate| run::run(&LoadArgs { rate, ..args.clone() }, progress);
        let steps = args.ladder.iter().copied().map(step).collect::<Result<_, _>>()?;
        Ok(Self { steps })
    }

    /// What went wrong, in one line. To lose events is what a ladder is for; to mix them up is not.
    pub(crate) fn failure(&self) -> Option<String> {
        let bad = self.steps.iter().find(|step| !step.in_order())?;
        let failure = bad.failure().unwrap_or_default();
        Some(format!("at {} events/s: {failure}", bad.offered()))
    }

    /// The step that delivered most with little loss.
    fn best(&self) -> Option<&Report> {
        self.steps
            .iter()
            .filter(|step| step.missed_share() < LOSS_LIMIT)
            .max_by(|one, other| one.per_second().total_cmp(&other.per_second()))
    }

    /// A table, without a final line break.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![format!(
            "{:>10} {:>12} {:>16} {:>12} {:>9} {:>10} {:>10} {:>6}",
            "offered/s", "delivered/s", "lost", "unpublished", "missed %", "p50", "p99", "CPU %"
        )];
        for step in &self.steps {
            let (p50, p99) = step.latency_us();
            let (lost, unsent) = step.lost_and_unsent();
            let share = step.server_share();
            lines.push(format!(
                "{:>10} {:>12} {:>16} {:>12} {:>9.3} {:>10} {:>10} {:>6}{}",
                step.offered(),
                millions(step.per_second()),
                grouped(lost),
                grouped(unsent),
                step.missed_share() * 100.0,
                micros(p50),
                micros(p99),
                share.map_or_else(|| "?".to_owned(), |share| format!("{:.0}", share * 100.0)),
                if step.load_was_the_limit() { "  load-bound" } else { "" },
            ));
        }
        lines.push(String::new());
        lines.push(match self.best() {
            Some(best) => format!(
                "most with under {} % lost: {} events/s delivered, offered {}/s",
                LOSS_LIMIT * 100.0,
                millions(best.per_second()),
                best.offered()
            ),
            None => format!("no step with under {} % lost", LOSS_LIMIT * 100.0),
        });
        for step in &self.steps {
            let of_step = |warning| format!("WARNING at {}/s: {warning}", step.offered());
            lines.extend(step.warnings().iter().map(of_step));
        }
        lines.join("\n")
    }

    /// One JSON object: `ok`, `failure`, `steps` as reports, `best` (`offered_per_s`,
    /// `delivered_per_s`, `missed_percent`, `load_was_the_limit`), null if no step lost little.
    pub(crate) fn json(&self) -> String {
        let steps: Vec<Value> = self.steps.iter().map(Report::value).collect();
        let best = self.best().map(|best| {
            json!({
                "offered_per_s": best.offered(),
                "delivered_per_s": best.per_second(),
                "missed_percent": best.missed_share() * 100.0,
                "load_was_the_limit": best.load_was_the_limit(),
            })
        });
        let failure = self.failure();
        json!({ "ok": failure.is_none(), "failure": failure, "steps": steps, "best": best })
            .to_string()
    }
}
