//! Numbers as they stand in the table: three digits, and a unit that fits.

/// A count each second, such as `31.8 k`.
pub(super) fn count(value: f64) -> String {
    scaled(value, 1000.0, &["", " k", " M", " G"])
}

/// Bytes, such as `5.2 KiB`.
pub(super) fn bytes(value: f64) -> String {
    scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB"])
}

/// Nanoseconds, such as `3.55 µs`.
pub(super) fn nanos(value: f64) -> String {
    scaled(value, 1000.0, &[" ns", " µs", " ms", " s"])
}

/// A share, such as `2.1 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A whole number with its thousands apart.
pub(super) fn grouped(count: usize) -> String {
    crate::load::report::grouped(count as u64)
}

/// Of ratios; none of none.
pub(super) fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a few dozen lines")]
    let count = ratios.len() as f64;
    let sum: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    (!ratios.is_empty()).then(|| (sum / count).exp())
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut left = units.iter();
    let mut unit = left.next().copied().unwrap_or_default();
    for next in left {
        // What would be written with four digits has the next unit.
        if value.abs() < step - 0.5 {
            break;
        }
        value /= step;
        unit = next;
    }
    let digits = if value.abs() >= 99.95 || (value.fract() == 0.0 && unit == units[0]) {
        0
    } else if value.abs() >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit_that_fits() {
        for (value, expected) in [
            (0.0, "0"),
            (7.0, "7"),
            (999.4, "999"),
            (999.6, "1.00 k"),
            (31_804.0, "31.8 k"),
            (3.14e6, "3.14 M"),
        ] {
            assert_eq!(count(value), expected);
        }
        assert_eq!((bytes(1023.0).as_str(), bytes(5324.8).as_str()), ("1023 B", "5.20 KiB"));
        assert_eq!((nanos(73.18).as_str(), nanos(1.1e7).as_str()), ("73.2 ns", "11.0 ms"));
        assert_eq!(percent(0.0213), "2.1 %");
    }

    #[test]
    fn twice_as_fast_and_half_as_fast_are_as_fast() {
        assert_eq!(geometric_mean(&[]), None);
        assert!((geometric_mean(&[2.0, 0.5]).unwrap() - 1.0).abs() < 1e-12);
    }
}
