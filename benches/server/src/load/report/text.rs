//! A report as text for people: one line per subject, numbers in readable units.

use super::{Mode, Percentiles, Report, ServerCost, float};

impl Report {
    /// The report in several lines, without a final line break.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![self.title(), String::new()];
        let mut line = |name: &str, text: String| lines.push(format!("{name:<14} {text}"));
        line("subscribers", self.subscribers());
        let window = self.window.as_secs_f64();
        match self.asked.mode() {
            Mode::Publish => line("published", self.published()),
            Mode::Hold => line("held", format!("{window:.1} s, then one event")),
            Mode::Listen => line("listened", format!("{window:.1} s")),
        }
        line("delivered", self.deliveries());
        if self.timed {
            line("latency", latency(self.latency_us) + "  (receive − scheduled time)");
        }
        let apart = [("slow ones", self.slow()), ("churn", self.churn()), ("storm", self.storm())];
        for (name, text) in apart {
            if let Some(text) = text {
                line(name, text);
            }
        }
        for (name, text) in self.guests_lines() {
            line(name, text);
        }
        line("server CPU", self.server_cpu());
        if let Some(text) = self.sends() {
            line("server sends", text);
        }
        line("server memory", self.server_memory());
        line("kernel memory", self.kernel_memory());
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
        if let Some(window) = asked.window {
            return format!(
                "load {}: events of {} B for {} s, {window} under way, after {} s of warm-up",
                self.target,
                asked.size,
                asked.duration.as_secs_f64(),
                asked.warmup.as_secs_f64(),
            );
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
        let apart = |there: usize, cut: usize, what: &str| match (there, cut) {
            (0, _) => String::new(),
            (_, 0) => format!(", {} {what}", count(there)),
            _ => format!(", {} {what} ({} of them cut off)", count(there), count(cut)),
        };
        format!(
            "{} connected, {} refused, {} lost{}{}",
            count(census.connected),
            count(census.refused),
            count(census.lost),
            apart(census.slow, census.slow_cut, "slow"),
            apart(census.stuck, census.stuck_cut, "stuck"),
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
        let rate = format!(" at {}/s", millions(delivered.per_second));
        if self.asked.listen {
            return format!("{}{rate}, all of the server's own", grouped(delivered.by_themselves));
        }
        let rate = if self.asked.hold { String::new() } else { rate };
        let of_others = match delivered.foreign {
            0 => String::new(),
            foreign => format!("; {} of others", grouped(foreign)),
        };
        let by_bytes = match delivered.counted {
            0 => String::new(),
            counted => format!("; {} known by their bytes only", grouped(counted)),
        };
        let lost = match delivered.lost {
            0 => "0".to_owned(),
            _ => delivered.lost_of_due(),
        };
        format!(
            "{}{rate}: {lost} lost, {} out of order, {} duplicates{of_others}{by_bytes}",
            grouped(delivered.measured),
            grouped(delivered.out_of_order),
            grouped(delivered.duplicates),
        )
    }

    fn slow(&self) -> Option<String> {
        let slow = self.slow.as_ref()?;
        Some(format!(
            "{} delivered, {} skipped, {} not there yet, {} out of order, {} duplicates; {}",
            grouped(slow.delivered),
            grouped(slow.skipped),
            grouped(slow.behind),
            grouped(slow.out_of_order),
            grouped(slow.duplicates),
            latency(slow.latency_us),
        ))
    }

    fn churn(&self) -> Option<String> {
        let churn = self.churn.as_ref()?;
        Some(format!(
            "{} left, {} came, {} refused; to a stream p50 {}, p99 {}, max {}",
            grouped(churn.outcome.left),
            grouped(churn.outcome.came),
            grouped(churn.outcome.refused),
            micros(churn.came_us.p50),
            micros(churn.came_us.p99),
            micros(churn.came_us.max),
        ))
    }

    fn storm(&self) -> Option<String> {
        let storm = self.storm.as_ref()?;
        let cost = storm.server.zip(storm.server_share).map_or(String::new(), |(cost, share)| {
            let (all, share) = (cost.all().as_secs_f64(), share * 100.0);
            format!("; server CPU {all:.2} s ({share:.0} % of a core)")
        });
        Some(format!(
            "{} dropped, {} back within {:.2} s, {} refusals; each p50 {}, p99 {}, max {}; {} \
             published to them while away{cost}",
            grouped(storm.outcome.dropped as u64),
            grouped(storm.outcome.back as u64),
            storm.outcome.took.as_secs_f64(),
            grouped(storm.outcome.refusals),
            micros(storm.back_us.p50),
            micros(storm.back_us.p99),
            micros(storm.back_us.max),
            grouped(storm.missed_away),
        ))
    }

    fn server_cpu(&self) -> String {
        let Some(cost) = self.server else { return "not known".to_owned() };
        let per_delivery = self.cpu_us_per_delivery().map_or(String::new(), |(process, all)| {
            format!(", {all:.3} µs per delivery ({process:.3} without ksoftirqd)")
        });
        format!(
            "user {:.2} s, system {:.2} s{} in {:.1} s: {:.1} % of a core{per_delivery}",
            cost.user.as_secs_f64(),
            cost.system.as_secs_f64(),
            self.softirq(cost),
            self.window.as_secs_f64(),
            self.server_share.unwrap_or(0.0) * 100.0,
        )
    }

    fn softirq(&self, cost: ServerCost) -> String {
        let cores: Vec<String> = self.softirq_cores.iter().map(ToString::to_string).collect();
        match cost.softirq {
            Some(time) => format!(", ksoftirqd/{} {:.2} s", cores.join(","), time.as_secs_f64()),
            None => " (ksoftirqd not seen)".to_owned(),
        }
    }

    fn sends(&self) -> Option<String> {
        let sends = self.sends_per_delivery()?;
        let events = if sends > 0.0 { 1.0 / sends } else { 0.0 };
        Some(format!("{sends:.3} per delivered event, {events:.2} events per send"))
    }

    fn server_memory(&self) -> String {
        let [before, after, end] = self.memories.map(|memory| memory.rss.map(mebibytes));
        let Some((before, after)) = before.zip(after) else { return "not known".to_owned() };
        let each = self
            .rss_growth_per_subscriber()
            .map_or(String::new(), |bytes| format!(": {bytes:.0} B per subscriber"));
        let end = end.map_or(String::new(), |end| format!("; {end} at the end"));
        format!("{before} before the first, {after} after the last{each}{end}")
    }

    fn kernel_memory(&self) -> String {
        let [before, after, end] =
            self.memories.map(|memory| memory.tcp.map_or_else(|| "?".to_owned(), mebibytes));
        format!(
            "TCP of the machine {before} before the first, {after} after the last, {end} at the end"
        )
    }

    fn own(&self) -> String {
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "?".to_owned(), |share| format!("{:.0}", share * 100.0))
        };
        format!(
            "{} % of a core: reading {} % (and waiting for a core {} %), publishing {} %; other \
             processes {} %",
            percent(self.own.core_share),
            percent(self.own.reader_ran),
            percent(self.own.reader_waited),
            percent(self.publisher_share),
            percent(self.own.others),
        )
    }
}

pub(super) fn latency(of: Percentiles) -> String {
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
pub(crate) fn grouped(count: u64) -> String {
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
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", float(micros) / 1e3),
        _ => format!("{:.2} s", float(micros) / 1e6),
    }
}

/// A rate, in thousands or millions where that reads better.
pub(crate) fn millions(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.2} M", rate / 1e6),
        1e4.. => format!("{:.1} k", rate / 1e3),
        _ => format!("{rate:.1}"),
    }
}

pub(super) fn mebibytes(bytes: u64) -> String {
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
        assert_eq!(millions(1_000_000.0), "1.00 M");
        assert_eq!(mebibytes(1 << 20), "1.0 MiB");
    }
}
