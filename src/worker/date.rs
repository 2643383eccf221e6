//! The value of `Date` (RFC 9110 §6.6.1), computed once a second.

use headwater_http::encode::imf_fixdate;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub(super) struct DateCache {
    text: [u8; 29],
    until: Option<Instant>,
}

impl DateCache {
    pub(super) fn get(&mut self, now: Instant) -> &[u8; 29] {
        if self.until.is_none_or(|until| now >= until) {
            // A clock before 1970 says 1970.
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            imf_fixdate(&mut self.text, unix.as_secs());
            let rest = 1_000_000_000 - u64::from(unix.subsec_nanos());
            self.until = Some(now + Duration::from_nanos(rest));
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_once_a_second() {
        let mut cache = DateCache::default();
        let now = Instant::now();
        cache.get(now);
        let until = cache.until.expect("it was made");
        assert!(until > now && until <= now + Duration::from_secs(1));
        cache.text = [b'-'; 29];
        assert_eq!(cache.get(now), &[b'-'; 29]);
        assert!(cache.get(until).ends_with(b" GMT"));
    }
}
