//! The field line of `Date` (RFC 9110 §6.6.1), made once a second.

use headwater_http::encode::DateField;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub(super) struct DateCache(Option<Dated>);

struct Dated {
    field: DateField,
    until: Instant,
}

impl DateCache {
    /// The line, given the current time.
    pub(super) fn get(&mut self, now: Instant) -> &DateField {
        if self.0.as_ref().is_none_or(|dated| now >= dated.until) {
            self.0 = None;
        }
        &self.0.get_or_insert_with(|| Dated::at(now)).field
    }
}

impl Dated {
    fn at(now: Instant) -> Self {
        // A clock before 1970 says 1970.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let rest = 1_000_000_000 - u64::from(unix.subsec_nanos());
        Self { field: DateField::new(unix.as_secs()), until: now + Duration::from_nanos(rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_made_once_a_second() {
        let mut cache = DateCache::default();
        let now = Instant::now();
        cache.get(now);
        let dated = cache.0.as_mut().expect("it was made");
        let until = dated.until;
        assert!(until > now && until <= now + Duration::from_secs(1));
        dated.field = DateField::new(0);
        assert_eq!(cache.get(now), &DateField::new(0));
        assert_ne!(cache.get(until), &DateField::new(0));
    }
}
