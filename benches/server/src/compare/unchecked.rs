//! Figures that were to be checked and are not, with the reasons, as one warning for each reason.

/// What is not checked.
#[derive(Debug, Default)]
pub(super) struct Unchecked(Vec<(String, Vec<String>)>);

impl Unchecked {
    /// What this server did in this scenario.
    pub(super) fn add(&mut self, scenario: &str, server: &str, reason: String) {
        let what = format!("{scenario} of {server}");
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, all)) => all.push(what),
            None => self.0.push((reason, vec![what])),
        }
    }

    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let warning = |(reason, all): &(String, Vec<String>)| {
            format!("wrk did not check {}: {reason}", all.join(", "))
        };
        self.0.iter().map(warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_reason_is_one_warning() {
        let mut unchecked = Unchecked::default();
        unchecked.add("json", "std", "no luck".to_owned());
        unchecked.add("json", "epoll", "no file".to_owned());
        unchecked.add("plaintext", "std", "no luck".to_owned());
        let warnings: Vec<String> = unchecked.warnings().collect();
        assert_eq!(
            warnings,
            [
                "wrk did not check json of std, plaintext of std: no luck",
                "wrk did not check json of epoll: no file"
            ]
        );
    }
}
