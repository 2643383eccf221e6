//! The values of flags: each parser answers with the value or one clear sentence.
//! Shared by serving and loading; knows neither.

use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

/// The largest event that can be asked for; the server takes bodies up to 1 MiB.
const SIZE_LIMIT: usize = 1 << 20;

/// The highest rate that can be asked for, in events per second.
const RATE_LIMIT: f64 = 1e7;

/// The longest time that can be asked for: a year.
const SECONDS_LIMIT: f64 = 366.0 * 86_400.0;

/// Events per second, finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(f64);

impl Rate {
    /// Events per second.
    pub(crate) fn per_second(self) -> f64 {
        self.0
    }

    /// Time from one event to the next, `None` at rate 0.
    pub(crate) fn period(self) -> Option<Duration> {
        (self.0 > 0.0).then(|| Duration::from_secs_f64(1.0 / self.0))
    }
}

/// Where events are kept for clients that reconnect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Replay {
    /// Nowhere.
    None,
    /// The last N, in memory.
    Ring(NonZeroUsize),
    /// All within the store's own limits, in memory.
    Memory,
    /// A Redis server, by URL.
    Redis(String),
    /// A `PostgreSQL` server, by URL.
    Postgres(String),
    /// A memcached server, by URL.
    Memcache(String),
}

impl FromStr for Replay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = || text.to_owned();
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "memory" => Ok(Self::Memory),
            Some(("ring", events)) => at_least_one(events).map(Self::Ring),
            Some(("redis", rest)) if rest.starts_with("//") => Ok(Self::Redis(url())),
            Some(("postgres", rest)) if rest.starts_with("//") => Ok(Self::Postgres(url())),
            Some(("memcache", rest)) if rest.starts_with("//") => Ok(Self::Memcache(url())),
            _ => {
                Err("expected none, ring:N, memory, redis://…, postgres://… or memcache://…".into())
            }
        }
    }
}

/// `HOST:PORT`, the host being a name or an address; the first address of a name counts.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("expected HOST:PORT: {error}"))?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

/// A whole number above zero.
pub(crate) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 1".to_owned())
}

/// Events per second, 0 meaning none.
pub(crate) fn rate_or_none(text: &str) -> Result<Rate, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    // The lower end keeps the period of one event within the longest time.
    if rate == 0.0 || (1.0 / SECONDS_LIMIT..=RATE_LIMIT).contains(&rate) {
        return Ok(Rate(rate));
    }
    Err(format!("expected 0 or a rate of up to {RATE_LIMIT} events per second"))
}

/// Events per second, above zero.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    match rate_or_none(text)? {
        rate if rate.period().is_some() => Ok(rate),
        _ => Err("expected a rate above 0".to_owned()),
    }
}

/// Data bytes of an event.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if bytes <= SIZE_LIMIT => Ok(bytes),
        _ => Err(format!("expected a number of bytes of up to {SIZE_LIMIT}")),
    }
}

/// A time in seconds, with or without a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=SECONDS_LIMIT).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("expected a number of seconds of up to a year".to_owned()),
    }
}

/// The path of a request target.
pub(crate) fn path(text: &str) -> Result<String, String> {
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic());
    if clean && text.starts_with('/') {
        return Ok(text.to_owned());
    }
    Err("expected a path that starts with / and holds no space".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_limited_to_what_the_server_takes() {
        assert_eq!(size("1048575"), Ok(SIZE_LIMIT - 1));
        assert_eq!(size("1048576"), Ok(SIZE_LIMIT));
        assert!(size("1048577").is_err());
    }

    #[test]
    fn a_store_is_named_by_word_or_url() {
        assert_eq!("memory".parse(), Ok(Replay::Memory));
        let url = "redis://127.0.0.1:6379";
        assert_eq!(url.parse(), Ok(Replay::Redis(url.to_owned())));
        assert!("redis:6379".parse::<Replay>().is_err());
        assert!("ring".parse::<Replay>().is_err());
    }

    #[test]
    fn a_path_cannot_smuggle_a_header() {
        assert!(path("/events?last=1").is_ok());
        assert!(path("/a\r\nX: y").is_err());
        assert!(path("/a b").is_err());
    }
}
