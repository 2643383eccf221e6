//! Figures that were to be there and are not, with the reasons, as one warning for each reason.

/// What is not there.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<(String, Vec<String>)>);

impl Gaps {
    /// What this server did in this scenario.
    pub(super) fn add(&mut self, scenario: &str, server: &str, reason: String) {
        let what = format!("{scenario} of {server}");
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, all)) => all.push(what),
            None => self.0.push((reason, vec![what])),
        }
    }

    /// In these words, before the reason, for all that have it.
    pub(super) fn warnings(&self, words: impl Fn(&str) -> String) -> impl Iterator<Item = String> {
        self.0.iter().map(move |(reason, all)| format!("{}: {reason}", words(&all.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_reason_is_one_warning() {
        let mut gaps = Gaps::default();
        gaps.add("json", "std", "no luck".to_owned());
        gaps.add("json", "epoll", "no file".to_owned());
        gaps.add("plaintext", "std", "no luck".to_owned());
        let warnings: Vec<String> =
            gaps.warnings(|what| format!("wrk did not check {what}")).collect();
        assert_eq!(
            warnings,
            [
                "wrk did not check json of std, plaintext of std: no luck",
                "wrk did not check json of epoll: no file"
            ]
        );
    }
}
