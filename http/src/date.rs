//! Writes the date format of HTTP (IMF-fixdate, RFC 9110 §5.6.7). Knows no clock.

/// Writes the IMF-fixdate of a Unix time, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// The format has four digits for the year: times past 9999 are written as its last second.
///
/// ```
/// let mut date = [0; 29];
/// headwater_http::encode::imf_fixdate(&mut date, 784_111_777);
/// assert_eq!(&date, b"Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
pub fn imf_fixdate(out: &mut [u8; 29], unix_seconds: u64) {
    let unix_seconds = unix_seconds.min(LAST_SECOND);
    let days = unix_seconds / 86_400;
    let second_of_day = unix_seconds % 86_400;
    let (year, month, day) = civil(days);

    *out = *b"Xxx, 00 Xxx 0000 00:00:00 GMT";
    // 1 January 1970 was a Thursday.
    out[..3].copy_from_slice(&WEEKDAYS[((days + 4) % 7) as usize]);
    two_digits(out, 5, day);
    out[8..11].copy_from_slice(&MONTHS[month]);
    two_digits(out, 12, year / 100);
    two_digits(out, 14, year % 100);
    two_digits(out, 17, second_of_day / 3600);
    two_digits(out, 20, second_of_day / 60 % 60);
    two_digits(out, 23, second_of_day % 60);
}

/// The field line of `Date` (RFC 9110 §6.6.1), to be written into every answer of its second.
///
/// ```
/// use headwater_http::encode::DateField;
///
/// let date = DateField::new(784_111_777);
/// assert_eq!(date.as_bytes(), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateField([u8; NAME.len() + 29 + 2]);

const NAME: &[u8] = b"date: ";

impl DateField {
    /// The date at this many seconds after 1970, as [`imf_fixdate`] writes it.
    pub fn new(unix_seconds: u64) -> Self {
        let mut date = [0; 29];
        imf_fixdate(&mut date, unix_seconds);
        let mut line = *b"date: Xxx, 00 Xxx 0000 00:00:00 GMT\r\n";
        line[NAME.len()..][..date.len()].copy_from_slice(&date);
        Self(line)
    }

    /// The line with its end.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8; NAME.len() + 29 + 2] {
        &self.0
    }
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

const WEEKDAYS: [[u8; 3]; 7] = [*b"Sun", *b"Mon", *b"Tue", *b"Wed", *b"Thu", *b"Fri", *b"Sat"];

const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct",
    *b"Nov", *b"Dec",
];

/// Days before each month of a year that begins with March, so that the leap day comes last.
const DAYS_BEFORE: [u64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

/// Year, month from 0, and day from 1, of a day counted from 1 January 1970 (Gregorian).
fn civil(days: u64) -> (u64, usize, u64) {
    // Counted from 1 March 1600, the beginning of a 400-year cycle whose years begin with March.
    let days = days + 135_080;
    let cycle = days / 146_097;
    let mut rest = days % 146_097;
    // The last century of a cycle, and the last year of four, are longer by their leap day.
    let century = (rest / 36_524).min(3);
    rest -= century * 36_524;
    let olympiad = rest / 1_461;
    rest %= 1_461;
    let year_of_four = (rest / 365).min(3);
    rest -= year_of_four * 365;

    let march_year = 1600 + cycle * 400 + century * 100 + olympiad * 4 + year_of_four;
    let month = DAYS_BEFORE.iter().rposition(|&before| before <= rest).unwrap_or_default();
    let day = rest - DAYS_BEFORE[month] + 1;
    if month < 10 { (march_year, month + 2, day) } else { (march_year + 1, month - 10, day) }
}

fn two_digits(out: &mut [u8; 29], at: usize, value: u64) {
    out[at] = b'0' + (value / 10 % 10) as u8;
    out[at + 1] = b'0' + (value % 10) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(unix_seconds: u64) -> String {
        let mut out = [0; 29];
        imf_fixdate(&mut out, unix_seconds);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn known_dates_are_written_right() {
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(date(951_868_800), "Wed, 01 Mar 2000 00:00:00 GMT");
        assert_eq!(date(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
        assert_eq!(date(2_147_483_648), "Tue, 19 Jan 2038 03:14:08 GMT");
        assert_eq!(date(4_107_542_399), "Sun, 28 Feb 2100 23:59:59 GMT");
        assert_eq!(date(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        assert_eq!(date(LAST_SECOND), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(date(u64::MAX), date(LAST_SECOND));
    }

    #[test]
    fn every_day_until_9999_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 0, 1);
        for days in 0..=LAST_SECOND / 86_400 {
            assert_eq!(civil(days), (year, month, day), "day {days}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            day += 1;
            if day > lengths[month] {
                (day, month) = (1, month + 1);
            }
            if month == 12 {
                (month, year) = (0, year + 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 0, 1));
    }
}
