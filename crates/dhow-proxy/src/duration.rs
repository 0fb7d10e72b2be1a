//! Durations as Go writes and reads them (`300ms`, `1m30s`): the command line and its messages use them.

use std::time::Duration;

/// Reads a Go duration. The error is Go's own text, as kamal-proxy prints it.
///
/// A negative duration is read as zero, since no flag of the proxy has a use for one.
pub fn parse(text: &str) -> Result<Duration, String> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(invalid(text));
    }
    let nanoseconds = sum_of_parts(text, unsigned)?;
    Ok(if negative { Duration::ZERO } else { Duration::from_nanos(nanoseconds) })
}

/// Writes a duration as Go does: `1.5s`, `1m0s`, `300ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    if nanoseconds < 1_000 {
        return format!("{nanoseconds}ns");
    }
    if nanoseconds < 1_000_000 {
        return decimal(nanoseconds, 1_000) + "µs";
    }
    if nanoseconds < 1_000_000_000 {
        return decimal(nanoseconds, 1_000_000) + "ms";
    }
    let minutes = nanoseconds / 60_000_000_000;
    let seconds = decimal(nanoseconds % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn sum_of_parts(text: &str, unsigned: &str) -> Result<u64, String> {
    let mut total: f64 = 0.0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let number_length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_length);
        let unit_length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_length);
        let count: f64 = number.trim_end_matches('.').parse().map_err(|_| invalid(text))?;
        total += count * nanoseconds_in(unit, text)?;
        rest = next;
    }
    if total >= i64::MAX as f64 { Err(invalid(text)) } else { Ok(total.round() as u64) }
}

fn nanoseconds_in(unit: &str, text: &str) -> Result<f64, String> {
    match unit {
        "" => Err(format!("time: missing unit in duration {text:?}")),
        "ns" => Ok(1.0),
        "us" | "µs" | "μs" => Ok(1e3),
        "ms" => Ok(1e6),
        "s" => Ok(1e9),
        "m" => Ok(60e9),
        "h" => Ok(3600e9),
        other => Err(format!("time: unknown unit {other:?} in duration {text:?}")),
    }
}

fn invalid(text: &str) -> String {
    format!("time: invalid duration {text:?}")
}

/// `value / unit` with as many decimals as it needs.
fn decimal(value: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("300ms", 300_000_000),
            ("1.5s", 1_500_000_000),
            ("1m30s", 90_000_000_000),
            ("2h", 7_200_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("10us", 10_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn refuses_with_gos_words() {
        assert_eq!(parse("5"), Err("time: missing unit in duration \"5\"".into()));
        assert_eq!(parse("5x"), Err("time: unknown unit \"x\" in duration \"5x\"".into()));
        assert_eq!(parse(""), Err("time: invalid duration \"\"".into()));
        assert_eq!(parse("abc"), Err("time: invalid duration \"abc\"".into()));
    }

    #[test]
    fn writes_as_go_writes() {
        for (milliseconds, text) in
            [(0, "0s"), (20, "20ms"), (1500, "1.5s"), (30_000, "30s"), (60_000, "1m0s")]
        {
            assert_eq!(format(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(format(Duration::from_secs(3661)), "1h1m1s");
    }
}
