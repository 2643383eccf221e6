//! One slice: a report of a load, and what the reports of all loads have in common: `failure`,
//! `load_was_the_limit`, `others`. What it measures is the business of `table`.

use serde_json::Value;

use crate::table::Measure;

/// What a slice gave.
#[derive(Clone, Debug)]
pub struct Slice {
    report: Value,
    others: f64,
    disturbed: bool,
}

impl Slice {
    /// A slice by its report. It was disturbed if others took more than so many percent of a core.
    pub fn new(report: Value, most_of_others: f64) -> Self {
        let others = others(&report);
        Self { report, others, disturbed: others > most_of_others }
    }

    /// What others took at the most, in percent of a core.
    pub fn others(&self) -> f64 {
        self.others
    }

    /// Whether that is more than they may take.
    pub fn disturbed(&self) -> bool {
        self.disturbed
    }

    /// What went wrong with the run, if anything.
    pub fn failure(&self) -> Option<&str> {
        self.report["failure"].as_str()
    }

    /// Whether the load, not the server, set the pace of the run that counts.
    pub fn load_was_the_limit(&self) -> bool {
        let of = if self.report["steps"].is_array() { &self.report["best"] } else { &self.report };
        of["load_was_the_limit"].as_bool().unwrap_or(false)
    }

    /// What was measured, if the report has it.
    pub fn value(&self, measure: &Measure) -> Option<f64> {
        let value = self.report.pointer(measure.pointer).and_then(Value::as_f64);
        value.map(|value| value * measure.scale)
    }

    /// In short, while others are still to come.
    pub fn line(&self, brief: &[Measure]) -> String {
        let show = |measure| {
            let value = self.value(measure)?;
            Some(format!("{} {value:.3}, ", measure.name))
        };
        let parts: String = brief.iter().filter_map(show).collect();
        let failure = self.failure().map_or(String::new(), |text| format!("; {text}"));
        format!("{parts}others {:.0} %{failure}", self.others)
    }
}

/// What others took, in percent of a core: the most over the steps of a ladder.
fn others(report: &Value) -> f64 {
    let share = |report: &Value| report["others"]["cpu_percent"].as_f64();
    match report["steps"].as_array() {
        Some(steps) => steps.iter().filter_map(share).fold(0.0, f64::max),
        None => share(report).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::measure;
    use serde_json::json;

    #[test]
    fn the_most_disturbed_step_of_a_ladder_counts() {
        let step = |percent: f64| json!({ "others": { "cpu_percent": percent } });
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(near(others(&json!({ "steps": [step(3.0), step(20.0), step(1.0)] })), 20.0));
        assert!(near(others(&step(4.0)), 4.0));
        assert!(near(others(&json!({})), 0.0));
    }

    #[test]
    fn a_line_has_what_the_report_has_and_what_went_wrong() {
        let slice = Slice::new(json!({ "per_s": 1500.0, "failure": "it broke" }), 15.0);
        let brief = [measure("k/s", "/per_s", 1e-3), measure("ms", "/took", 1.0)];
        assert_eq!(slice.line(&brief), "k/s 1.500, others 0 %; it broke");
    }
}
