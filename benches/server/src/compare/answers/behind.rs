//! Where another server did better than every engine of headwater.

use super::{Measure, Report, Standing};
use super::{figure, ranked, standing};
use crate::compare::model::ContestantKind;

/// One scenario that another server is ahead in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Behind {
    pub(crate) scenario: String,
    /// By what they are compared.
    pub(crate) what: &'static str,
    /// The name and the figure of the best of the others.
    pub(crate) ahead: (String, String),
    /// Those of the best engine.
    pub(crate) engine: (String, String),
}

/// All of them. None where only engines took part.
pub(crate) fn behind(report: &Report) -> Option<Vec<Behind>> {
    report.servers.iter().find(|server| server.kind != ContestantKind::Engine)?;
    report.servers.iter().find(|server| server.kind == ContestantKind::Engine)?;
    let lost = report.scenarios.iter().filter_map(|scenario| {
        let measure = Measure::of(scenario);
        let (engine, engines) = *report.engines(scenario, measure).first()?;
        let others = ranked(scenario, measure, |name| !report.is_engine(name));
        let (other, theirs) = *others.first()?;
        match standing(scenario, measure, other, engine)? {
            Standing::Better => Some(Behind {
                scenario: scenario.title.clone(),
                what: measure.name(),
                ahead: (other.server.clone(), figure(other, theirs, measure)),
                engine: (engine.server.clone(), figure(engine, engines, measure)),
            }),
            Standing::Worse | Standing::Same => None,
        }
    });
    Some(lost.collect())
}
