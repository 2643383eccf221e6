//! One case over sockets in memory: what is due comes, however the bytes are cut and however little is taken
//! at a time, and nothing is left when it is over.

use crate::grammar::Case;
use crate::memory::{Delivery, run};
use crate::plan::{Step, World, plan};
use crate::routes::App;

/// # Errors
/// What is not as it should be.
///
/// # Panics
/// If the worker does.
pub(crate) fn hold(app: &App, case: &Case) -> Result<(), String> {
    let steps = plan(case, World::Memory);
    let shown = |why: String| format!("{why}\n{case:?}\n{steps:?}");
    let done = |delivery| run(app, &steps, delivery).map_err(shown);
    let (whole, cut) = (done(Delivery::Whole)?, done(Delivery::Cut(case.cuts))?);
    let finished = steps.iter().any(|step| matches!(step, Step::Finish | Step::Drain));
    let (whole, cut) = (whole.comparable(finished), cut.comparable(finished));
    if whole == cut { Ok(()) } else { Err(shown(format!("whole {whole:?}, cut {cut:?}"))) }
}
