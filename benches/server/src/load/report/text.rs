//! A report as text for people: one line per subject, numbers in readable units.

use super::{Mode, Percentiles, Report, float};

impl Report {
    /// The report in several lines, without a final line break.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![self.title(), String::new()];
        let mut line = |name: &str, text: String| lines.push(format!("{name:<14} {text}"));
        line("subscribers", self.subscribers());
        match self.asked.mode() {
            Mode::Publish => line("published", self.published()),
            Mode::Hold => line("held", format!("{:.1} s, then one event", self.window_s)),
            Mode::Listen => line("listened", format!("{:.1} s", self.window_s)),
        }
        line("delivered", self.deliveries());
        if !self.asked.listen {
            line("latency", latency(self.latency_us) + "  (receive − scheduled time)");
        }
        line("server CPU", self.server_cpu());
        line("server memory", self.server_memory());
        line("load itself", self.own());
        let fine = if self.asked.listen {
            "events came, which ones is not known"
        } else {
            "every event reached every subscriber, in order"
        };
        let verdict = self.failure().map(|failure| format!("FAILED: {failure}"));
        line("verdict", verdict.unwrap_or_else(|| fine.to_owned()));
        lines.extend(self.warnings.iter().map(|warning| format!("WARNING        {warning}")));
        lines.join("\n")
    }

    fn title(&self) -> String {
        let asked = &self.asked;
        let held = match asked.mode() {
            Mode::Publish => None,
            Mode::Hold => Some("hold"),
            Mode::Listen => Some("listen to"),
        };
        if let Some(held) = held {
            return format!("{held} {} for {} s", self.target, asked.duration.as_secs_f64());
        }
        format!(
            "load {}: {} events/s of {} B for {} s, after {} s of warm-up",
            self.target,
            asked.rate.per_second(),
            asked.size,
            asked.duration.as_secs_f64(),
            asked.warmup.as_secs_f64(),
        )
    }

    fn subscribers(&self) -> String {
        let census = &self.census;
        let count = |count: usize| grouped(count as u64);
        let stuck = match census.stuck {
            0 => String::new(),
            stuck => format!(", {} stuck", count(stuck)),
        };
        format!(
            "{} connected, {} refused, {} lost{stuck}",
            count(census.connected),
            count(census.refused),
            count(census.lost),
        )
    }

    fn published(&self) -> String {
        let publish = &self.publish;
        format!(
            "{} events at {:.1}/s, {} refused; sent within p50 {}, p99 {} of their time",
            grouped(publish.accepted.saturating_sub(publish.warmup)),
            publish.rate,
            grouped(publish.refused),
            micros(publish.slip_us.p50),
            micros(publish.slip_us.p99),
        )
    }

    fn deliveries(&self) -> String {
        let delivered = &self.delivered;
        let rate = format!(" at {}/s", thousands(delivered.per_second));
        if self.asked.listen {
            return format!("{}{rate}, all of the server's own", grouped(delivered.by_themselves));
        }
        let rate = if self.asked.hold { String::new() } else { rate };
        let foreign = match delivered.foreign {
            0 => String::new(),
            foreign => format!("; {} of others", grouped(foreign)),
        };
        let lost = match delivered.lost {
            0 => "0".to_owned(),
            _ => delivered.lost_of_due(),
        };
        format!(
            "{}{rate}: {lost} lost, {} out of order, {} duplicates{foreign}",
            grouped(delivered.measured),
            grouped(delivered.out_of_order),
            grouped(delivered.duplicates),
        )
    }

    fn server_cpu(&self) -> String {
        let Some(cost) = self.server else { return "not known".to_owned() };
        let per_delivery = self
            .cpu_us_per_delivery()
            .map_or(String::new(), |micros| format!(", {micros:.3} µs per delivery"));
        format!(
            "user {:.2} s, system {:.2} s in {:.1} s: {:.1} % of a core{per_delivery}",
            cost.user.as_secs_f64(),
            cost.system.as_secs_f64(),
            self.window_s,
            cost.core_share * 100.0,
        )
    }

    fn server_memory(&self) -> String {
        let Some((before, after)) = self.rss else { return "not known".to_owned() };
        let each = self
            .rss_growth_per_subscriber()
            .map_or(String::new(), |bytes| format!(": {bytes:.0} B per subscriber"));
        let end = self
            .server
            .map_or(String::new(), |cost| format!("; {} at the end", mebibytes(cost.rss_at_end)));
        let (before, after) = (mebibytes(before), mebibytes(after));
        format!("{before} before the first, {after} after the last{each}{end}")
    }

    fn own(&self) -> String {
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "?".to_owned(), |share| format!("{:.0}", share * 100.0))
        };
        format!(
            "{} % of a core: reading {} % (and waiting for a core {} %), publishing {} %",
            percent(self.own.core_share),
            percent(self.own.reader_ran),
            percent(self.own.reader_waited),
            percent(self.publisher_share),
        )
    }
}

fn latency(of: Percentiles) -> String {
    format!(
        "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
        micros(of.p50),
        micros(of.p90),
        micros(of.p99),
        micros(of.p999),
        micros(of.max),
    )
}

/// A count with its digits in groups of three.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time given in microseconds, in the unit that reads best.
pub(super) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", float(micros) / 1e3),
        _ => format!("{:.2} s", float(micros) / 1e6),
    }
}

fn thousands(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.2} M", rate / 1e6),
        1e4.. => format!("{:.1} k", rate / 1e3),
        _ => format!("{rate:.1}"),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", float(bytes) / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
        assert_eq!(micros(999), "999 µs");
        assert_eq!(micros(12_340), "12.3 ms");
        assert_eq!(micros(1_500_000), "1.50 s");
        assert_eq!(thousands(1_000_000.0), "1.00 M");
        assert_eq!(mebibytes(1 << 20), "1.0 MiB");
    }
}
