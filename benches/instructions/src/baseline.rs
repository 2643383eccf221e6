//! The baseline: how many instructions each path took when somebody last looked and agreed, and under
//! which conditions. Decides what is more, less, and the same.

use crate::conditions::Conditions;
use serde_json::{Map, Value, json};

/// Where it is.
pub(crate) const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json");
/// A change up to this, in either direction, is none.
pub(crate) const LIMIT_PERCENT: f64 = 3.0;

/// What the file says.
pub(crate) struct Baseline {
    conditions: Conditions,
    counts: Map<String, Value>,
}

/// What a count is beside the one in the baseline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Same,
    More,
    Less,
}

/// By how many percent a count has changed.
pub(crate) fn change(before: f64, now: f64) -> f64 {
    (now / before - 1.0) * 100.0
}

/// Whether it has.
pub(crate) fn verdict(before: f64, now: f64) -> Verdict {
    let limit = before * LIMIT_PERCENT / 100.0;
    match now - before {
        more if more > limit => Verdict::More,
        less if less < -limit => Verdict::Less,
        _ => Verdict::Same,
    }
}

impl Baseline {
    /// One of these counts, as exact as the smallest of them needs it.
    pub(crate) fn new(conditions: Conditions, counts: Vec<(&'static str, f64)>) -> Self {
        let exact = |count: f64| (count * 1000.0).round() / 1000.0;
        let counts = counts.into_iter().map(|(name, count)| (name.to_owned(), exact(count).into()));
        Self { conditions, counts: counts.collect() }
    }

    /// The one that is committed.
    pub(crate) fn read() -> Result<Self, String> {
        let text = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        Self::parse(&text).ok_or_else(|| format!("{FILE}: not what `update` writes"))
    }

    fn parse(text: &str) -> Option<Self> {
        let file: Value = serde_json::from_str(text).ok()?;
        let conditions = Conditions::read(&file["conditions"])?;
        let counts = file["instructions"].as_object()?.clone();
        let whole = counts.values().all(|count| count.as_f64().is_some_and(|count| count > 0.0));
        whole.then_some(Self { conditions, counts })
    }

    /// Commits are the user's.
    pub(crate) fn write(&self) -> Result<(), String> {
        let conditions = self.conditions.written();
        let file = json!({"conditions": conditions, "instructions": self.counts});
        std::fs::write(FILE, format!("{file:#}\n")).map_err(|error| format!("{FILE}: {error}"))
    }

    /// Under which conditions it was counted.
    pub(crate) fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// What this path took.
    pub(crate) fn count(&self, name: &str) -> Option<f64> {
        self.counts.get(name)?.as_f64()
    }

    /// Paths that are not among these.
    pub(crate) fn names_beyond(&self, counts: &[(&str, f64)]) -> impl Iterator<Item = &str> {
        let counted = |name: &str| counts.iter().any(|(other, _)| *other == name);
        self.counts.keys().map(String::as_str).filter(move |name| !counted(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_percent_more_is_the_same_and_anything_beyond_is_not() {
        assert_eq!(verdict(1000.0, 1000.0), Verdict::Same);
        assert_eq!(verdict(1000.0, 1030.0), Verdict::Same);
        assert_eq!(verdict(1000.0, 1030.1), Verdict::More);
        assert_eq!(verdict(1000.0, 970.0), Verdict::Same);
        assert_eq!(verdict(1000.0, 969.9), Verdict::Less);
        assert!((change(1000.0, 1031.0) - 3.1).abs() < 1e-9);
    }

    #[test]
    fn a_file_without_conditions_or_with_a_count_of_nothing_is_refused() {
        let whole = r#"{"conditions": {"a": "b"}, "instructions": {"one": 1.5}}"#;
        assert_eq!(Baseline::parse(whole).and_then(|file| file.count("one")), Some(1.5));
        assert!(Baseline::parse(r#"{"instructions": {"one": 1.5}}"#).is_none());
        assert!(Baseline::parse(&whole.replace("1.5", "0")).is_none());
        assert!(Baseline::parse(&whole.replace("1.5", "\"1\"")).is_none());
        assert!(Baseline::parse("").is_none());
    }

    #[test]
    fn a_path_that_is_no_longer_counted_is_noticed() {
        let text = r#"{"conditions": {}, "instructions": {"one": 1, "two": 2}}"#;
        let file = Baseline::parse(text).expect("a whole file");
        assert_eq!(file.names_beyond(&[("two", 2.0)]).collect::<Vec<_>>(), ["one"]);
    }

    #[test]
    fn the_committed_baseline_has_every_path() {
        let file = Baseline::read().expect("it is committed");
        for path in crate::paths::PATHS {
            assert!(file.count(path.name).is_some(), "{}: bash .ci/instructions update", path.name);
        }
    }
}
