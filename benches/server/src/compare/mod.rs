//! `bench-server compare`: puts every engine of this build, and other servers where asked for, through
//! the same scenarios, and writes down how they compare. Asks for nothing itself: that is done by
//! `bench-server load` and `bench-server ask` in processes of their own, and once more by wrk where it is
//! installed, so that readers see whether the two agree.
//!
//! - `args`: what is asked for
//! - `plan`, `scenarios`: which questions are put, with what flags, and how long each takes
//! - `contestant`, `peers`: who takes part, and how each is started
//! - `process`, `server`, `cores`, `stop`: children that are pinned, waited for, and never left behind
//! - `turns`: slices in turn, within a `budget` of time; `attempt`: one of them; `slice`: what it gave; `rows`: all of them together
//! - `wrk`: the load of one more slice; `check`: whether it agrees
//! - `instructions`: counted by callgrind; `gaps`: where one of both has no say
//! - `machine`: what it ran on; `show`: how far it is
//! - `model`: what is found; `figures`: numbers as people read them
//! - `caution`: what is to be known before a figure is believed
//! - `verdict`: who did better, where that can be told; `answers`: the three questions people bring
//! - `html`: the report with tables and plots; `markdown`: the short table
//! - `files`: where reports are written; `say`: what is said besides; `scratch`: what is there for a while

mod answers;
mod args;
mod attempt;
mod budget;
mod caution;
mod check;
mod contestant;
mod cores;
mod figures;
mod files;
mod gaps;
mod html;
mod instructions;
mod machine;
mod markdown;
mod model;
mod peers;
mod plan;
mod probe;
mod process;
mod rows;
#[cfg(test)]
mod sample;
mod say;
mod scenarios;
mod scratch;
mod server;
mod show;
mod slice;
mod stop;
mod turns;
mod verdict;
mod wrk;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::cli::USAGE;
pub(crate) use args::CompareArgs;
use contestant::{Asked, Contestants};
use model::Report;
use stop::Stop;
use turns::Turns;

/// Exit code of a comparison that was interrupted, as shells count them: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// The version of what is written.
const FORMAT: u32 = 1;

/// Why there is nothing to show.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Somebody asked to stop.
    Interrupted,
    /// What was asked for makes no sense.
    Usage(String),
    /// It did not work.
    Failed(String),
}

impl From<String> for Trouble {
    fn from(line: String) -> Self {
        Self::Failed(line)
    }
}

/// Compares, and writes the reports. Exits with 0, with 1 when nothing could be measured or written, with 2
/// when what was asked for makes no sense, and with 130 when interrupted.
pub(crate) fn main(args: &CompareArgs) -> ExitCode {
    let (line, code) = match compare(args) {
        Ok(report) if report.measured() => return ExitCode::SUCCESS,
        Ok(_) => ("nothing could be measured: the report says why".to_owned(), 1),
        Err(Trouble::Interrupted) => ("interrupted: nothing is written".to_owned(), INTERRUPTED),
        Err(Trouble::Usage(line)) => (format!("{line} (see --help)"), USAGE),
        Err(Trouble::Failed(line)) => (line, 1),
    };
    say::line(format_args!("bench-server: {line}"));
    ExitCode::from(code)
}

fn compare(args: &CompareArgs) -> Result<Report, Trouble> {
    let begun = Instant::now();
    let begun_unix_seconds =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let plans = args.plans().map_err(Trouble::Usage)?;
    let stop = Stop::on_signals()?;
    let asked = Asked::of(args)?;
    files::prepare(&args.out)?;
    let mut warnings = machine::raise_file_limit();
    let pinned = cores::choose(&mut warnings);
    let contestants = Contestants::gather(&asked, pinned, &stop)?;
    let machine = machine::describe(pinned, &stop)?;
    let mut turns = Turns::new(&contestants, &machine, &stop, args, &plans);
    let scenarios = turns.take(&plans)?;
    warnings.extend(contestants.warnings());
    warnings.extend(turns.warnings());
    warnings.extend(caution::warnings(&scenarios));
    let report = Report {
        format: FORMAT,
        quick: args.quick,
        begun_unix_seconds,
        took_seconds: begun.elapsed().as_secs_f64(),
        machine,
        servers: contestants.described(),
        scenarios,
        warnings,
    };
    hand_over(&report, &args.out)?;
    Ok(report)
}

/// Writes the files and says the table. What keeps one of both back does not take the other with it:
/// nobody measures twice for that.
fn hand_over(report: &Report, out: &Path) -> Result<(), String> {
    let written = files::write(report, out);
    let said = say::result(&markdown::markdown(report));
    if written.is_ok() {
        let page = out.join("report.html");
        say::line(format_args!("all figures, and how each was taken: {}", page.display()));
    }
    let failures: Vec<String> = [written, said].into_iter().filter_map(Result::err).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}

impl Report {
    /// Whether there is any figure in it.
    fn measured(&self) -> bool {
        self.scenarios.iter().flat_map(|scenario| &scenario.rows).any(|row| row.failed.is_none())
    }
}
