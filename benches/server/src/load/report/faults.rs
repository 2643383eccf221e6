//! What is wrong with a run, and what makes its numbers less than they seem.

use std::fmt::Display;

use super::{Mode, Report, grouped, micros};

/// A thread that runs, or waits for a core, for a larger share of the time has no reserve.
const BUSY_SHARE: f64 = 0.9;

/// A server that takes a smaller share of a core waits for the load.
const IDLE_SHARE: f64 = 0.85;

/// A thread that waits for a core for a larger share of the time measures the machine's load.
const STARVED_SHARE: f64 = 0.5;

/// A slip of the schedule above this, in microseconds, is worth a warning.
const SLIP_LIMIT_US: u64 = 10_000;

/// Publishing at less than this share of the rate asked for is worth a warning.
const RATE_SHARE: f64 = 0.99;

/// Others that take a larger share of a core disturb what is measured.
const OTHERS_SHARE: f64 = 0.15;

impl Report {
    /// What went wrong, in one line; `None` when every event reached everyone in order.
    pub(crate) fn failure(&self) -> Option<String> {
        let (census, publish, delivered) = (&self.census, &self.publish, &self.delivered);
        let status = publish.first_refusal.map_or(String::new(), |status| format!(" ({status})"));
        let mut faults = vec![
            because(census.refused as u64, "subscribers refused", census.first_refusal.as_ref()),
            because(census.lost as u64, "subscribers lost", census.first_loss.as_ref()),
            publish.error.as_ref().map(|error| format!("publishing ended: {error}")),
            counted(publish.refused, "publishes refused").map(|text| text + &status),
            counted(publish.unsent, "events never published, too far behind the schedule"),
            (delivered.lost > 0).then(|| format!("{} deliveries lost", delivered.lost_of_due())),
            counted(delivered.out_of_order, "out of order"),
            counted(delivered.duplicates, "duplicates"),
            self.silence(),
        ];
        if let Some(slow) = &self.slow {
            faults.push(counted(slow.out_of_order, "out of order to slow subscribers"));
            faults.push(counted(slow.duplicates, "duplicates to slow subscribers"));
        }
        if let Some(churn) = self.churn.as_ref().map(|churn| &churn.outcome) {
            let reason = churn.first_refusal.as_ref();
            faults.push(because(churn.refused, "subscribers that came were refused", reason));
        }
        if let Some(storm) = self.storm.as_ref().map(|storm| &storm.outcome) {
            let away = (storm.dropped - storm.back) as u64;
            let reason = storm.first_refusal.as_ref();
            faults.push(because(away, "subscribers never back after the storm", reason));
        }
        let mut faults: Vec<String> = faults.into_iter().flatten().collect();
        faults.extend(self.guests_faults());
        (!faults.is_empty()).then(|| faults.join(", "))
    }

    /// Where the server's own events are measured, there must be some.
    fn silence(&self) -> Option<String> {
        let (events, subscribers) = (self.delivered.by_themselves, self.census.connected as u64);
        (self.asked.listen && events < subscribers).then(|| {
            let (events, subscribers) = (grouped(events), grouped(subscribers));
            format!("only {events} events for {subscribers} subscribers")
        })
    }

    /// What makes the numbers less than they seem.
    pub(super) fn find_warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        if self.asked.hold {
            if self.delivered.by_themselves > 0 {
                warnings.push(
                    "the server sent events of its own meanwhile, so it was not idle: serve with \
                     --rate 0"
                        .to_owned(),
                );
            }
        } else {
            warnings.extend(self.bottleneck().or_else(|| self.idleness()));
        }
        if self.asked.mode() == Mode::Publish {
            warnings.extend(self.slip());
        }
        warnings.extend(self.disturbance());
        if self.delivered.ids_skipped > 0 && self.delivered.lost == 0 {
            warnings.push(format!(
                "{} ids were skipped: events of others were lost, or ids are not consecutive",
                grouped(self.delivered.ids_skipped)
            ));
        }
        let outlasted = self.storm.as_ref().filter(|_| !self.asked.hold);
        if outlasted.is_some_and(|storm| storm.outcome.took > self.asked.duration / 2) {
            warnings.push(
                "publishing was over before all were back after the storm: give it a longer \
                 --duration"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Why this client was the limit, if it was.
    pub(super) fn bottleneck(&self) -> Option<String> {
        if self.publisher_share.is_some_and(|share| share > BUSY_SHARE) {
            return Some(
                "the publishing thread ran all the time: the load generator was the bottleneck"
                    .to_owned(),
            );
        }
        let (ran, waited) = self.own.reader_ran.zip(self.own.reader_waited)?;
        let busy = format!("the reading thread ran {:.0} % of the time", ran * 100.0);
        if ran > BUSY_SHARE {
            let hint = if self.asked.decode_every.get() == 1 { "; see --decode-every" } else { "" };
            return Some(format!("{busy}: the load generator was the bottleneck{hint}"));
        }
        (ran + waited > BUSY_SHARE || waited > STARVED_SHARE).then(|| {
            let waited = waited * 100.0;
            format!("{busy} and waited {waited:.0} % for a core: the load generator was starved")
        })
    }

    /// Why neither was the limit, if so: events were waited for.
    fn idleness(&self) -> Option<String> {
        let idle = self.server_share.is_some_and(|share| share < IDLE_SHARE);
        (self.asked.window.is_some() && idle).then(|| {
            "neither the server nor the load used its core up: what is measured is how long an event \
             takes, see --window"
                .to_owned()
        })
    }

    /// Why events were sent later than they were due, if they were.
    fn slip(&self) -> Option<String> {
        let slip = self.publish.slip_us.p99;
        let short = self.publish.rate < self.asked.rate.per_second() * RATE_SHARE && slip > 0;
        (slip > SLIP_LIMIT_US || short).then(|| {
            let whose = if self.publish.blocked > 0 {
                "the server took publishes too slowly"
            } else {
                "the load generator could not keep it"
            };
            format!("the schedule slipped (p99 {}): {whose}", micros(slip))
        })
    }

    fn disturbance(&self) -> Option<String> {
        let others = self.own.others.filter(|share| *share > OTHERS_SHARE);
        let stolen = self.own.stolen.filter(|share| *share > OTHERS_SHARE);
        let percent = |share: f64| format!("{:.0} % of a core", share * 100.0);
        match (others, stolen) {
            (None, None) => None,
            (_, Some(stolen)) => Some(format!("the hypervisor took {} away", percent(stolen))),
            // Without the server's share it may be the server.
            (Some(_), None) if self.server.is_none() => None,
            (Some(others), None) => {
                Some(format!("other processes took {} meanwhile", percent(others)))
            }
        }
    }
}

fn because(count: u64, what: &str, reason: Option<&String>) -> Option<String> {
    let reason = reason.map_or("no reason given", String::as_str);
    (count > 0).then(|| format!("{} {what} ({reason})", grouped(count)))
}

fn counted(count: u64, what: impl Display) -> Option<String> {
    (count > 0).then(|| format!("{} {what}", grouped(count)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sound, storm};
    use super::*;

    #[test]
    fn a_sound_run_has_no_fault_and_no_warning() {
        let report = sound();
        assert_eq!((report.failure(), report.find_warnings()), (None, Vec::new()));
    }

    #[test]
    fn a_reader_without_reserve_is_called_the_bottleneck() {
        for (ran, waited, says) in [
            (0.9, 0.0, None),
            (0.91, 0.0, Some("the load generator was the bottleneck")),
            (0.5, 0.41, Some("the load generator was starved")),
            (0.2, 0.51, Some("the load generator was starved")),
            (0.4, 0.5, None),
        ] {
            let mut report = sound();
            (report.own.reader_ran, report.own.reader_waited) = (Some(ran), Some(waited));
            let warnings = report.find_warnings();
            assert_eq!(warnings.len(), usize::from(says.is_some()), "{ran} {waited}: {warnings:?}");
            assert!(says.is_none_or(|says| warnings[0].contains(says)), "{warnings:?}");
            assert_eq!(report.load_was_the_limit(), says.is_some());
        }
    }

    #[test]
    fn a_publisher_without_reserve_is_called_the_bottleneck() {
        let mut report = sound();
        report.publisher_share = Some(0.95);
        assert!(report.find_warnings()[0].contains("publishing thread"));
    }

    #[test]
    fn a_schedule_that_slipped_says_whose_fault_it_was() {
        let mut report = sound();
        report.publish.slip_us.p99 = SLIP_LIMIT_US + 1;
        assert!(report.find_warnings()[0].ends_with("the load generator could not keep it"));
        report.publish.blocked = 1;
        assert!(report.find_warnings()[0].ends_with("the server took publishes too slowly"));
    }

    #[test]
    fn what_others_did_meanwhile_is_a_warning() {
        let mut report = sound();
        report.own.others = Some(0.5);
        assert_eq!(report.find_warnings(), ["other processes took 50 % of a core meanwhile"]);
        report.own.stolen = Some(0.2);
        assert_eq!(report.find_warnings(), ["the hypervisor took 20 % of a core away"]);
    }

    #[test]
    fn who_never_came_back_after_a_storm_is_a_fault() {
        let mut report = sound();
        report.storm = Some(storm(5, 5));
        assert_eq!(report.failure(), None);
        report.storm = Some(storm(5, 4));
        assert_eq!(
            report.failure().unwrap(),
            "1 subscribers never back after the storm (answered with status 503)"
        );
    }

    #[test]
    fn a_storm_that_outlasts_the_publishing_is_a_warning() {
        let mut report = sound();
        let mut over_time = storm(5, 5);
        over_time.outcome.took = report.asked.duration;
        report.storm = Some(over_time);
        assert!(report.find_warnings()[0].starts_with("publishing was over before all were back"));
    }
}
