//! Wall-clock times as text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the epoch; zero for a clock that is set before it.
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Writes RFC 3339 with nanoseconds, in UTC (the proxy's container has no zone data).
pub fn write_rfc3339(now: Duration, to: &mut Vec<u8>) {
    let (days, second) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    put(to, year, 4, b'-');
    put(to, month, 2, b'-');
    put(to, day, 2, b'T');
    put(to, second / 3600, 2, b':');
    put(to, second / 60 % 60, 2, b':');
    put(to, second % 60, 2, b'.');
    put(to, u64::from(now.subsec_nanos()), 9, b'Z');
}

/// RFC 3339 in whole seconds, in UTC, for people and scripts.
pub fn rfc3339(at: Duration) -> String {
    let mut text = Vec::with_capacity(30);
    write_rfc3339(Duration::from_secs(at.as_secs()), &mut text);
    String::from_utf8_lossy(&text).replace(".000000000Z", "Z")
}

/// A date as HTTP writes it (RFC 9110, IMF-fixdate), for cookies.
pub fn http_date(at: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (at.as_secs() / 86_400, at.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    let weekday = DAYS[(days % 7) as usize];
    let month = MONTHS[(month - 1) as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month and day of a number of days since 1970-01-01 (Gregorian, in eras of 400 years from March 0000).
fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// Days from 1970-01-01 to a date (the inverse of [`civil_date`]); `None` if it is before, or none at all.
pub fn days_until(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    let (year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn put(to: &mut Vec<u8>, mut value: u64, width: usize, separator: u8) {
    let start = to.len();
    to.resize(start + width, b'0');
    for digit in to[start..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    to.push(separator);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_the_standards_write_them() {
        let at = Duration::new(1_708_819_200, 5);
        let mut text = Vec::new();
        write_rfc3339(at, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), "2024-02-25T00:00:00.000000005Z");
        assert_eq!(rfc3339(at), "2024-02-25T00:00:00Z");
        assert_eq!(http_date(Duration::from_secs(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(days_until(2024, 2, 25), Some(1_708_819_200 / 86_400));
        assert_eq!([days_until(1969, 12, 31), days_until(2024, 0, 1), days_until(2024, 1, 0)], [None; 3]);
        assert_eq!(http_date(Duration::from_secs(951_782_400)), "Tue, 29 Feb 2000 00:00:00 GMT");
    }
}
