//! Which plots a report has, and what they are drawn from. The tables beside them hold the same numbers.

use std::cmp::Ordering;

use maud::Markup;

use super::chart::{Axis, Bar, BarChart, LineChart, Look, Place, Series, Span, Tick};
use crate::compare::answers::farness;
use crate::compare::figures::{self, bytes, nanos, or_absent, per_second, whole};
use crate::compare::model::{Group, Report, Row, Scenario};

/// Plots of latency that a group has at most.
const MOST_LATENCY_PLOTS: usize = 3;

/// The plots of one group in the order in which they are shown; none where there is nothing to draw.
pub(super) fn of_group(report: &Report, group: Group) -> Vec<Markup> {
    let charts = match group {
        Group::FanOut => {
            let mut charts = throughput(report);
            charts.extend(cost_by_batch(report));
            charts.extend(latencies(report, group));
            charts
        }
        Group::Memory => return memory(report).iter().map(BarChart::draw).collect(),
        Group::Http | Group::SlowReaders => latencies(report, group),
        Group::Storm | Group::OwnStreams | Group::Replay => Vec::new(),
    };
    charts.iter().map(|chart| chart.draw(Place::Page)).collect()
}

/// Throughput over subscribers of the smallest events, as a file of its own.
pub(super) fn picture(report: &Report) -> Option<Markup> {
    Some(throughput(report).first()?.draw(Place::File))
}

/// Latency by percentile: for each number of subscribers the most usual scenario with a rate, or without
/// where none has one; those with the most subscribers.
fn latencies(report: &Report, group: Group) -> Vec<LineChart> {
    let of_group = || report.scenarios.iter().filter(|scenario| scenario.group == group);
    let rated: Vec<&Scenario> = of_group().filter(|scenario| scenario.rate.is_some()).collect();
    let mut scenarios = if rated.is_empty() { of_group().collect() } else { rated };
    if group == Group::FanOut {
        scenarios.sort_by(|a, b| {
            let unusual = farness(a).partial_cmp(&farness(b)).unwrap_or(Ordering::Equal);
            a.subscribers.cmp(&b.subscribers).then(unusual)
        });
        scenarios.dedup_by_key(|scenario| scenario.subscribers);
    }
    let charts: Vec<LineChart> =
        scenarios.into_iter().filter_map(|scenario| latency(report, scenario)).collect();
    let more = charts.len().saturating_sub(MOST_LATENCY_PLOTS);
    charts
        .into_iter()
        .skip(if group == Group::FanOut { more } else { 0 })
        .take(MOST_LATENCY_PLOTS)
        .collect()
}

fn latency(report: &Report, scenario: &Scenario) -> Option<LineChart> {
    let path = match scenario.group {
        Group::Http => "request → answer, logarithmic",
        _ => "publish → receive, logarithmic",
    };
    let ticks: Vec<Tick> = [50.0, 90.0, 99.0, 99.9, 99.99]
        .map(|percentile| Tick { at: nines(percentile), name: format!("{percentile}") })
        .into();
    let (low, high) = (ticks.first()?.at, ticks.last()?.at);
    let series: Vec<Series> = rows(report, scenario)
        .filter_map(|(row, look)| {
            let points: Vec<(f64, f64)> = row
                .latency
                .as_ref()?
                .curve
                .iter()
                .map(|&(percentile, nanos)| (nines(percentile), nanos.log10()))
                .filter(|(x, y)| (low - 0.01..=high + 0.01).contains(x) && y.is_finite())
                .collect();
            let marked = ticks.iter().filter_map(|tick| nearest(&points, tick.at)).collect();
            drawn(Series { name: name(row), look, points, marked, joined: true })
        })
        .collect();
    let span = Span::of(series.iter().flat_map(|series| &series.points).map(|point| point.1))?;
    Some(LineChart {
        title: format!("Latency: {}", scenario.title),
        description: format!(
            "Lines of latency in milliseconds over percentiles, both logarithmic, of {}. \
             The table below has p50, p99 and p99.9.",
            listed(&series)
        ),
        x: Axis::fixed("percentile of all", low, high, ticks),
        y: Axis::log(path, span, nanos),
        series,
    })
}

/// How many nines: 1 for 90, 2 for 99.
fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

/// The point nearest to a place, where one is near.
fn nearest(points: &[(f64, f64)], at: f64) -> Option<(f64, f64)> {
    let away = |point: &(f64, f64)| (point.0 - at).abs();
    let point = points.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b)))?;
    (away(&point) < 0.1).then_some(point)
}

/// Throughput flat out over subscribers, one plot for each size of event.
fn throughput(report: &Report) -> Vec<LineChart> {
    let flat: Vec<&Scenario> = report
        .scenarios
        .iter()
        .filter(|scenario| scenario.group == Group::FanOut && scenario.rate.is_none())
        .collect();
    let mut sizes: Vec<Option<usize>> = flat.iter().map(|scenario| scenario.event_bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes.into_iter().filter_map(|size| throughput_of(report, &flat, size)).collect()
}

fn throughput_of(report: &Report, flat: &[&Scenario], size: Option<usize>) -> Option<LineChart> {
    let of_size: Vec<(f64, &Scenario)> = flat
        .iter()
        .filter(|scenario| scenario.event_bytes == size)
        .filter_map(|scenario| Some((count(scenario.subscribers?).log10(), *scenario)))
        .filter(|(x, _)| x.is_finite())
        .collect();
    // One place is no line.
    let (_, first) = of_size.first()?;
    of_size.iter().find(|(_, scenario)| scenario.subscribers != first.subscribers)?;
    let series = over_scenarios(report, &of_size, |row| row.throughput.map(|spread| spread.median));
    let x = Span::of(series.iter().flat_map(|series| &series.points).map(|point| point.0))?;
    let y = Span::of(series.iter().flat_map(|series| &series.points).map(|point| point.1))?;
    let what = size.map_or_else(String::new, |size| format!(", events of {} B", whole(size)));
    Some(LineChart {
        title: format!("Throughput flat out{what}"),
        description: format!(
            "Events delivered per second over the number of subscribers, both logarithmic, of {}. \
             The table below has the same figures.",
            listed(&series)
        ),
        x: Axis::log("subscribers, logarithmic", x, figures::count),
        y: Axis::log("events delivered per second, logarithmic", y, per_second),
        series,
    })
}

/// One series for each server over several scenarios, in the order of `x`.
fn over_scenarios(
    report: &Report,
    scenarios: &[(f64, &Scenario)],
    figure: impl Fn(&Row) -> Option<f64>,
) -> Vec<Series> {
    let mut found: Vec<Series> = Vec::new();
    for (x, scenario) in scenarios {
        for (row, look) in rows(report, scenario) {
            let Some(y) = figure(row).map(f64::log10).filter(|y| y.is_finite()) else { continue };
            let point = (*x, y);
            match found.iter_mut().find(|series| series.look == look) {
                Some(series) => series.points.push(point),
                None => found.push(Series {
                    name: name(row),
                    look,
                    points: vec![point],
                    marked: Vec::new(),
                    joined: true,
                }),
            }
        }
    }
    found.sort_by_key(|series| order(series.look));
    for series in &mut found {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        series.marked.clone_from(&series.points);
    }
    found
}

/// What an event costs over how many went into one send: every fan-out is a point.
fn cost_by_batch(report: &Report) -> Option<LineChart> {
    let fan_outs = report.scenarios.iter().filter(|scenario| scenario.group == Group::FanOut);
    let points: Vec<(Look, String, (f64, f64))> = fan_outs
        .flat_map(|scenario| rows(report, scenario))
        .filter_map(|(row, look)| {
            let batch = row.events_per_send?.log10();
            let cost = row.cpu_nanos_per_event?.median.log10();
            (batch.is_finite() && cost.is_finite()).then(|| (look, name(row), (batch, cost)))
        })
        .collect();
    let mut series: Vec<Series> = Vec::new();
    for (look, name, point) in points {
        match series.iter_mut().find(|series| series.look == look) {
            Some(series) => series.marked.push(point),
            None => series.push(Series {
                name,
                look,
                points: Vec::new(),
                marked: vec![point],
                joined: false,
            }),
        }
    }
    series.sort_by_key(|series| order(series.look));
    let all = || series.iter().flat_map(|series| &series.marked);
    let x = Span::of(all().map(|point| point.0))?;
    let y = Span::of(all().map(|point| point.1))?;
    Some(LineChart {
        title: "CPU per event, by events per send".to_owned(),
        description: format!(
            "A point for each fan-out: CPU time per event over events per send, both logarithmic, \
             of {}. The table below has the same figures.",
            listed(&series)
        ),
        x: Axis::log("events per send, logarithmic", x, figures::count),
        y: Axis::log("CPU per event, logarithmic", y, nanos),
        series,
    })
}

/// Memory of a subscriber in user space and in the kernel, all to the same scale.
fn memory(report: &Report) -> Vec<BarChart> {
    let scenarios = report.scenarios.iter().filter(|scenario| scenario.group == Group::Memory);
    let found: Vec<(&Scenario, Vec<Bar>)> = scenarios
        .map(|scenario| {
            (scenario, rows(report, scenario).filter_map(|(row, _)| memory_bar(row)).collect())
        })
        .filter(|(_, bars): &(_, Vec<Bar>)| !bars.is_empty())
        .collect();
    let totals =
        found.iter().flat_map(|(_, bars)| bars).map(|bar| bar.parts.iter().flatten().sum());
    let most = totals.fold(0.0, f64::max);
    found
        .into_iter()
        .map(|(scenario, bars)| BarChart {
            title: match scenario.subscribers {
                Some(count) => format!("Memory of a subscriber among {}", whole(count)),
                None => scenario.title.clone(),
            },
            description:
                "Bars of bytes per subscriber, user space and kernel one after the other, \
                          for each server. The table below has the same figures."
                    .to_owned(),
            axis: Axis::from_zero("memory per subscriber", most, 1024.0, bytes),
            parts: ["user space", "kernel, both ends"],
            bars,
        })
        .collect()
}

fn memory_bar(row: &Row) -> Option<Bar> {
    let sound = |value: &f64| value.is_finite() && *value >= 0.0;
    let parts = [row.user_bytes_per_subscriber, row.kernel_bytes_per_subscriber]
        .map(|spread| spread.map(|spread| spread.median).filter(sound));
    if parts == [None, None] {
        return None;
    }
    let [user, kernel] = parts.map(|part| or_absent(part, bytes));
    Some(Bar { name: name(row), parts, figure: format!("{user} + {kernel}"), noise: row.noise })
}

/// The rows that have figures, with how each looks in every plot.
fn rows<'r>(report: &'r Report, scenario: &'r Scenario) -> impl Iterator<Item = (&'r Row, Look)> {
    scenario.rows.iter().filter(|row| row.failed.is_none()).filter_map(|row| {
        let place = report.servers.iter().position(|server| server.name == row.server)?;
        Some((row, if row.noise { Look::Noise } else { Look::Server(place) }))
    })
}

fn drawn(series: Series) -> Option<Series> {
    (!series.points.is_empty()).then_some(series)
}

fn order(look: Look) -> usize {
    match look {
        Look::Server(place) => place,
        Look::Noise => usize::MAX,
    }
}

fn name(row: &Row) -> String {
    if row.noise { format!("{} again (noise)", row.server) } else { row.server.clone() }
}

fn listed(series: &[Series]) -> String {
    series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[allow(clippy::cast_precision_loss, reason = "counts of subscribers are far below 2^53")]
fn count(subscribers: usize) -> f64 {
    subscribers as f64
}
