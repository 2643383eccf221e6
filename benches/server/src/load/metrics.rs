//! Asks the server for its own counts, where it has a metrics page in the Prometheus text format.
//! Any server may have one: counts are known by the end of their names. Without a page, or without
//! these counts on it, the report goes without.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the page may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest page that is read.
const PAGE_BYTES: u64 = 1024 * 1024;

/// Counts of a server since its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Attempts to send to streams: the count whose name ends with `_sends_total`.
    pub(crate) sends: Option<u64>,
    /// Events sent, once per stream: the count whose name ends with `_events_delivered_total`.
    pub(crate) delivered: Option<u64>,
    /// Connections and streams open now: the numbers whose names end with `_connections` and `_streams`.
    pub(crate) connections: Option<u64>,
    pub(crate) streams: Option<u64>,
    /// What clients can make the server hold.
    pub(crate) bound: Option<Bound>,
}

/// The most memory that clients can make a server hold, by its limits, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Bound {
    /// However many there are: the number whose name ends with `_memory_bound_fixed_bytes`.
    pub(crate) fixed_bytes: u64,
    /// For each: the number whose name ends with `_memory_bound_connection_bytes`.
    pub(crate) connection_bytes: u64,
}

impl Counts {
    /// What was counted between `earlier` and this.
    pub(crate) fn since(self, earlier: Self) -> Self {
        let grown = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        Self {
            sends: grown(self.sends, earlier.sends),
            delivered: grown(self.delivered, earlier.delivered),
            ..self
        }
    }
}

/// Reads the counts of the server at `addr`; none where it does not tell.
pub(crate) fn read(addr: SocketAddr) -> Counts {
    // Most servers have no such page: that is not worth a word.
    page(addr).map(|page| parse(&page)).unwrap_or_default()
}

fn page(addr: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(PAGE_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn parse(page: &str) -> Counts {
    let sum = |ending: &str| {
        let values: Vec<u64> = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.trim_end().rsplit_once(' '))
            .filter(|(name, _)| name.split('{').next().is_some_and(|name| name.ends_with(ending)))
            .filter_map(|(_, value)| value.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    };
    let bound = sum("_memory_bound_fixed_bytes").zip(sum("_memory_bound_connection_bytes"));
    Counts {
        sends: sum("_sends_total"),
        delivered: sum("_events_delivered_total"),
        connections: sum("_connections"),
        streams: sum("_streams"),
        bound: bound.map(|(fixed_bytes, connection_bytes)| Bound { fixed_bytes, connection_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_known_by_the_end_of_their_names() {
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n\
                    # HELP any_sends_total Sends.\n# TYPE any_sends_total counter\n\
                    # any_sends_total 7\n\
                    any_sends_total{worker=\"0\"} 40\nany_sends_total{worker=\"1\"} 2\n\
                    any_events_delivered_total 1000\nany_sends_total_not 7\n\
                    any_memory_bound_fixed_bytes 5\nany_memory_bound_connection_bytes 6\n";
        let bound = Some(Bound { fixed_bytes: 5, connection_bytes: 6 });
        assert_eq!(
            parse(page),
            Counts { sends: Some(42), delivered: Some(1_000), bound, ..Counts::default() }
        );
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\n\r\n"), Counts::default());
    }

    #[test]
    fn what_is_counted_on_one_page_only_is_not_known() {
        let earlier = Counts { sends: Some(40), ..Counts::default() };
        let later = Counts { sends: Some(50), delivered: Some(9), ..Counts::default() };
        assert_eq!(later.since(earlier), Counts { sends: Some(10), ..Counts::default() });
        assert_eq!(earlier.since(later), Counts::default());
    }
}
