//! Figures as people read them: three significant digits, a unit of a sensible size, and a dash for what
//! is not known. Knows nothing of reports.

use std::time::{Duration, UNIX_EPOCH};

use super::model::Spread;

/// What stands where nothing was measured.
pub(crate) const ABSENT: &str = "–";

/// Between a number and its unit, which stay on one line.
const GAP: char = '\u{a0}';

/// Sizes of units with their names, ascending.
type Units = [(f64, &'static str)];

const TIMES: &Units = &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const COUNTS: &Units = &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")];
const BYTES: &Units =
    &[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];

/// A time, such as `4.10 µs`.
pub(crate) fn nanos(value: f64) -> String {
    scaled(value, TIMES)
}

/// A number of things, such as `20.1 M`.
pub(crate) fn count(value: f64) -> String {
    scaled(value, COUNTS)
}

/// So many each second, such as `20.1 M/s`.
pub(crate) fn per_second(value: f64) -> String {
    if value.is_finite() { format!("{}/s", count(value)) } else { ABSENT.to_owned() }
}

/// An amount of memory, such as `7.77 KiB`.
pub(crate) fn bytes(value: f64) -> String {
    scaled(value, BYTES)
}

/// A share from 0 to 1, such as `3.12 %`.
pub(crate) fn percent(share: f64) -> String {
    scaled(share * 100.0, &[(1.0, "%")])
}

/// A whole number with its thousands apart, such as `10,000`.
pub(crate) fn whole(number: usize) -> String {
    crate::load::grouped(u64::try_from(number).unwrap_or(u64::MAX))
}

/// A figure or the dash for none.
pub(crate) fn or_absent(value: Option<f64>, figure: fn(f64) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), figure)
}

/// Half of the distance between the least and the most slice, in percent of the median: `± 3.1 %`.
/// None where there is no other slice, or it is not defined.
pub(crate) fn deviation(slices: usize, spread: Spread) -> Option<String> {
    if slices < 2 {
        return None;
    }
    let share = (spread.most - spread.least) / 2.0 / spread.median * 100.0;
    match share {
        share if !share.is_finite() || share < 0.0 => None,
        share if share >= 9.95 => Some(format!("±{GAP}{share:.0}{GAP}%")),
        share if share >= 0.05 => Some(format!("±{GAP}{share:.1}{GAP}%")),
        _ => Some(format!("±{GAP}<0.1{GAP}%")),
    }
}

/// One figure as a multiple of another, such as `1.13×`.
pub(crate) fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{}×", scaled(ratio, &[(1.0, "")])) } else { ABSENT.to_owned() }
}

/// A figure without the zeros at the end of its decimals, as beside an axis: `50 µs`.
pub(crate) fn trimmed(figure: &str) -> String {
    let end = figure.find(|letter: char| letter != '.' && !letter.is_ascii_digit());
    let (number, unit) = figure.split_at(end.unwrap_or(figure.len()));
    if !number.contains('.') || unit.starts_with('e') {
        return figure.to_owned();
    }
    format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

/// A length of time in words of seconds and minutes.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return ABSENT.to_owned();
    }
    if seconds < 60.0 {
        return scaled(seconds, &[(1.0, "s")]);
    }
    format!("{:.0}{GAP}min {:.0}{GAP}s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
}

/// A day and a time of day in GMT.
pub(crate) fn date(unix_seconds: u64) -> String {
    /// The last second of the year 9999, the last one that the form has room for.
    const LAST: u64 = 253_402_300_799;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_seconds.min(LAST)))
}

fn scaled(value: f64, units: &Units) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    if value == 0.0 {
        return with_unit("0", if units[0].1 == "%" { "%" } else { "" });
    }
    let (rounded, _) = three_digits(value);
    let &(size, unit) =
        units.iter().rev().find(|(size, _)| rounded.abs() >= *size).unwrap_or(&units[0]);
    let (number, decimals) = three_digits(value / size);
    // Beyond these a row of zeros would say less than an exponent.
    if !(1e-4..1e6).contains(&number.abs()) {
        return with_unit(&format!("{number:.2e}"), unit);
    }
    with_unit(&format!("{number:.decimals$}"), unit)
}

fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.to_owned() } else { format!("{number}{GAP}{unit}") }
}

/// A number rounded to three significant digits, and the decimals that show them.
fn three_digits(value: f64) -> (f64, usize) {
    let text = format!("{value:.2e}");
    let exponent = text.split_once('e').and_then(|(_, digits)| digits.parse::<i32>().ok());
    let decimals = usize::try_from(2 - exponent.unwrap_or(0)).unwrap_or(0);
    (text.parse().unwrap_or(value), decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As typed here, with plain spaces.
    fn plain(figure: &str) -> String {
        figure.replace(GAP, " ")
    }

    #[test]
    fn times_take_the_unit_that_leaves_one_to_three_digits_before_the_point() {
        for (value, shown) in [
            (0.5, "0.500 ns"),
            (1.0, "1.00 ns"),
            (999.4, "999 ns"),
            (999.6, "1.00 µs"),
            (4_096.0, "4.10 µs"),
            (12_345_678.0, "12.3 ms"),
            (999_999_999.0, "1.00 s"),
            (5e12, "5000 s"),
        ] {
            assert_eq!(plain(&nanos(value)), shown, "{value}");
        }
    }

    #[test]
    fn counts_and_bytes_have_units_of_their_own() {
        assert_eq!(plain(&count(7.0)), "7.00");
        assert_eq!(plain(&count(153_200.0)), "153 k");
        assert_eq!(plain(&per_second(20_130_000.0)), "20.1 M/s");
        assert_eq!(plain(&bytes(598.0)), "598 B");
        assert_eq!(plain(&bytes(1_023.0)), "1020 B");
        assert_eq!(plain(&bytes(7_960.0)), "7.77 KiB");
        assert_eq!(plain(&bytes(24.0 * 1_073_741_824.0)), "24.0 GiB");
        assert_eq!(whole(10_000), "10,000");
    }

    #[test]
    fn a_share_that_is_not_zero_is_never_shown_as_zero() {
        assert_eq!(plain(&percent(0.0)), "0 %");
        assert_eq!(plain(&percent(1.0)), "100 %");
        assert_eq!(plain(&percent(0.031_23)), "3.12 %");
        assert_eq!(plain(&percent(1e-9)), "1.00e-7 %");
    }

    #[test]
    fn zero_is_zero_and_what_is_no_number_is_a_dash() {
        assert_eq!(nanos(0.0), "0");
        assert_eq!(per_second(0.0), "0/s");
        for figure in [nanos, count, per_second, bytes, percent, times, duration] {
            assert_eq!(figure(f64::NAN), ABSENT);
            assert_eq!(figure(f64::INFINITY), ABSENT);
            assert_eq!(or_absent(None, figure), ABSENT);
        }
    }

    #[test]
    fn numbers_beyond_all_units_are_short_all_the_same() {
        assert_eq!(plain(&count(1e300)), "1.00e291 G");
        assert_eq!(plain(&nanos(1e-300)), "1.00e-300 ns");
    }

    #[test]
    fn a_deviation_is_half_of_the_range() {
        let of = |least, median, most| deviation(2, Spread { least, median, most });
        assert_eq!(of(97.0, 100.0, 103.0).as_deref().map(plain), Some("± 3.0 %".to_owned()));
        assert_eq!(of(50.0, 100.0, 150.0).as_deref().map(plain), Some("± 50 %".to_owned()));
        assert_eq!(of(100.0, 100.0, 100.0).as_deref().map(plain), Some("± <0.1 %".to_owned()));
        assert_eq!(deviation(1, Spread { least: 1.0, median: 1.0, most: 1.0 }), None);
        assert_eq!(of(0.0, 0.0, 0.0), None);
        assert_eq!(of(2.0, 1.0, 0.0), None);
    }

    #[test]
    fn a_multiple_has_its_sign() {
        assert_eq!(times(1.1318), "1.13×");
        assert_eq!(times(0.885_4), "0.885×");
    }

    #[test]
    fn only_zeros_after_the_point_are_trimmed() {
        for (figure, short) in [
            ("50.0 µs", "50 µs"),
            ("2.50 M/s", "2.5 M/s"),
            ("100 ns", "100 ns"),
            ("1.00", "1"),
            ("0", "0"),
            ("1.00e-7 %", "1.00e-7 %"),
            (ABSENT, ABSENT),
        ] {
            assert_eq!(trimmed(figure), short);
        }
    }

    #[test]
    fn dates_and_durations_are_words() {
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(date(u64::MAX).contains("9999"));
        assert_eq!(plain(&duration(12.34)), "12.3 s");
        assert_eq!(plain(&duration(754.9)), "12 min 34 s");
    }
}
