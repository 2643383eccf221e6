//! How far a comparison is, and how long it still takes: a bar on a terminal, a line for each slice
//! where standard error is something else. Measures nothing.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::say;

/// Positions of the bar for each second.
const STEPS_PER_SECOND: f64 = 10.0;

/// How far it is.
pub(super) struct Show {
    bar: Option<ProgressBar>,
    begun: Instant,
    /// What all was to take, in seconds, and what is done of that.
    all: f64,
    done: f64,
}

impl Show {
    /// Begins something that is to take so long.
    pub(super) fn new(seconds: f64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {prefix} left  {msg}")
                .expect("the template is a constant and valid");
            ProgressBar::new(steps(seconds)).with_style(style)
        });
        let show = Self { bar, begun: Instant::now(), all: seconds, done: 0.0 };
        show.say(&format!("about {}", time(seconds)));
        show
    }

    /// Something begins.
    pub(super) fn begin(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(time(self.left()));
                bar.set_message(what.to_owned());
            }
            None => self.say(&format!("{what}; {} left", time(self.left()))),
        }
    }

    /// It is over, and was to take so long.
    pub(super) fn done(&mut self, seconds: f64) {
        self.done += seconds;
        if let Some(bar) = &self.bar {
            bar.set_position(steps(self.done));
        }
    }

    /// It is left out, and was to take so long.
    pub(super) fn left_out(&mut self, seconds: f64) {
        self.all -= seconds;
        if let Some(bar) = &self.bar {
            bar.set_length(steps(self.all));
        }
    }

    /// How many times as long as was thought everything takes.
    pub(super) fn pace(&self) -> f64 {
        pace(self.done, self.begun.elapsed())
    }

    /// All is over: the bar leaves its line to the table.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// What is left, by how long the rest took in fact.
    fn left(&self) -> f64 {
        (self.all - self.done).max(0.0) * self.pace()
    }

    fn say(&self, line: &str) {
        if self.bar.is_none() {
            say::line(line);
        }
    }
}

/// What was to take `done` seconds took so long in fact.
fn pace(done: f64, took: Duration) -> f64 {
    // Before much is done, what was thought beforehand counts more.
    const TRUST_AFTER: f64 = 5.0;
    (took.as_secs_f64() + TRUST_AFTER) / (done + TRUST_AFTER)
}

fn steps(seconds: f64) -> u64 {
    crate::load::report::whole(seconds * STEPS_PER_SECOND)
}

fn time(seconds: f64) -> String {
    let seconds = crate::load::report::whole(seconds);
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_what_was_done() {
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(near(pace(0.0, Duration::ZERO), 1.0));
        assert!(near(pace(45.0, Duration::from_secs(95)), 2.0));
    }

    #[test]
    fn times_are_short_words() {
        assert_eq!(
            (time(59.4), time(60.0), time(605.0)),
            ("59 s".into(), "1 min 00 s".into(), "10 min 05 s".to_owned())
        );
    }
}
