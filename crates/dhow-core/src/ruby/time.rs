//! Days and moments: the calendar, and `strftime`.

use super::surroundings::Moment;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Days since 1970-01-01.
    pub days: i64,
}

/// A moment, and the offset of the clock it is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
    /// Seconds east of UTC.
    pub offset: i32,
    /// Shown as `UTC` instead of `+0000`.
    pub is_utc: bool,
}

/// A day in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

const DAY: i64 = 86_400;

/// Years that are handled: four digits.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9999;

impl Date {
    /// `2024-01-31`.
    pub fn read(text: &str) -> Option<Date> {
        let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if parts.next().is_some() {
            return None;
        }
        Date::new(year, month, day)
    }

    /// A day that exists.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Date> {
        if !YEARS.contains(&year) {
            return None;
        }
        let date = Date { days: days(year, month, day) };
        (date.civil() == Civil { year, month, day }).then_some(date)
    }

    /// So many days later.
    pub fn plus(self, days: i128) -> Option<Date> {
        let days = i64::try_from(days).ok().and_then(|days| self.days.checked_add(days))?;
        let date = Date { days };
        (days.abs() < 4_000_000 && YEARS.contains(&date.civil().year)).then_some(date)
    }

    pub fn civil(self) -> Civil {
        civil(self.days)
    }

    /// `2024-01-31`.
    pub fn shown(self) -> String {
        let Civil { year, month, day } = self.civil();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Its first moment, for `strftime`.
    pub fn midnight(self) -> Time {
        Time { seconds: self.days * DAY, nanoseconds: 0, offset: 0, is_utc: false }
    }
}

impl Time {
    /// On the local clock.
    pub fn local(moment: Moment) -> Time {
        Time {
            seconds: moment.seconds,
            nanoseconds: moment.nanoseconds,
            offset: moment.offset,
            is_utc: false,
        }
    }

    pub fn utc(self) -> Time {
        Time { offset: 0, is_utc: true, ..self }
    }

    /// For comparing.
    pub fn moment(self) -> (i64, u32) {
        (self.seconds, self.nanoseconds)
    }

    /// So many nanoseconds later.
    pub fn plus(self, nanoseconds: i128) -> Option<Time> {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds);
        let total = total.checked_add(nanoseconds)?;
        let seconds = i64::try_from(total.div_euclid(1_000_000_000)).ok()?;
        let time = Time { seconds, nanoseconds: total.rem_euclid(1_000_000_000) as u32, ..self };
        (seconds.abs() < 4_000_000 * DAY && YEARS.contains(&time.date().civil().year)).then_some(time)
    }

    fn on_clock(self) -> i64 {
        self.seconds + i64::from(self.offset)
    }

    pub fn date(self) -> Date {
        Date { days: self.on_clock().div_euclid(DAY) }
    }

    pub fn hour(self) -> i64 {
        self.on_clock().rem_euclid(DAY) / 3600
    }

    pub fn minute(self) -> i64 {
        self.on_clock().rem_euclid(3600) / 60
    }

    pub fn second(self) -> i64 {
        self.on_clock().rem_euclid(60)
    }

    /// `2024-01-31 12:00:00 +0100`.
    pub fn shown(self) -> String {
        let zone = if self.is_utc { "UTC".to_string() } else { self.zone("") };
        format!("{} {:02}:{:02}:{:02} {zone}", self.date().shown(), self.hour(), self.minute(), self.second())
    }

    /// `2024-01-31T12:00:00+01:00`.
    pub fn iso8601(self) -> String {
        let zone = if self.is_utc { "Z".to_string() } else { self.zone(":") };
        format!("{}T{:02}:{:02}:{:02}{zone}", self.date().shown(), self.hour(), self.minute(), self.second())
    }

    fn zone(self, colon: &str) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }

    /// `strftime`; the letter that is not understood otherwise.
    pub fn formatted(self, template: &str) -> Result<String, String> {
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('%') {
            result.push_str(before);
            let flags_end = after.find(|c: char| !"-0^_#:".contains(c)).unwrap_or(after.len());
            let (flags, after) = after.split_at(flags_end);
            let width_end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let (width, after) = after.split_at(width_end);
            let Some(letter) = after.chars().next() else { return Err(template.to_string()) };
            result.push_str(
                &self.field(letter, flags, width).ok_or_else(|| format!("%{flags}{width}{letter}"))?,
            );
            rest = &after[letter.len_utf8()..];
        }
        Ok(result + rest)
    }

    fn field(self, letter: char, flags: &str, width: &str) -> Option<String> {
        let Civil { year, month, day } = self.date().civil();
        let hour = self.hour();
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        let number = |number: i64, least: usize, pad: char| {
            let least = width.parse().unwrap_or(least);
            let pad = if flags.contains('0') {
                '0'
            } else if flags.contains('_') {
                ' '
            } else {
                pad
            };
            let digits = number.to_string();
            let missing = if flags.contains('-') { 0 } else { least.min(100).saturating_sub(digits.len()) };
            Some(pad.to_string().repeat(missing) + &digits)
        };
        let word =
            |word: &str| Some(if flags.contains('^') { word.to_uppercase() } else { word.to_string() });
        match letter {
            'Y' => number(year, 4, '0'),
            'C' => number(year / 100, 2, '0'),
            'y' => number(year % 100, 2, '0'),
            'm' => number(month, 2, '0'),
            'd' => number(day, 2, '0'),
            'e' => number(day, 2, ' '),
            'j' => number(self.date().days - days(year, 1, 1) + 1, 3, '0'),
            'H' => number(hour, 2, '0'),
            'k' => number(hour, 2, ' '),
            'I' => number(twelve, 2, '0'),
            'l' => number(twelve, 2, ' '),
            'M' => number(self.minute(), 2, '0'),
            'S' => number(self.second(), 2, '0'),
            's' => number(self.seconds, 1, '0'),
            'L' if width.is_empty() => Some(format!("{:03}", self.nanoseconds / 1_000_000)),
            'N' => {
                let digits = width.parse().unwrap_or(9_usize);
                Some(format!("{:09}", self.nanoseconds).chars().chain("000".chars()).take(digits).collect())
            }
            'u' => number((self.date().days + 3).rem_euclid(7) + 1, 1, '0'),
            'w' => number((self.date().days + 4).rem_euclid(7), 1, '0'),
            'p' => Some(if hour < 12 { "AM" } else { "PM" }.to_string()),
            'P' => Some(if hour < 12 { "am" } else { "pm" }.to_string()),
            'A' => word(WEEKDAYS[self.date().weekday()]),
            'a' => word(&WEEKDAYS[self.date().weekday()][..3]),
            'B' => word(MONTHS[month as usize - 1]),
            'b' | 'h' => word(&MONTHS[month as usize - 1][..3]),
            'z' => Some(self.zone(if flags.contains(':') { ":" } else { "" })),
            'Z' if self.is_utc => Some("UTC".to_string()),
            'F' => Some(self.date().shown()),
            'T' | 'X' => self.formatted("%H:%M:%S").ok(),
            'R' => self.formatted("%H:%M").ok(),
            'D' | 'x' => self.formatted("%m/%d/%y").ok(),
            'r' => self.formatted("%I:%M:%S %p").ok(),
            'c' => self.formatted("%a %b %e %H:%M:%S %Y").ok(),
            'n' => Some("\n".to_string()),
            't' => Some("\t".to_string()),
            '%' => Some("%".to_string()),
            _ => None,
        }
    }
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Date {
    /// 0 is Sunday.
    pub fn weekday(self) -> usize {
        (self.days + 4).rem_euclid(7) as usize
    }
}

/// Days since 1970 of a day in the calendar; months and days may be out of range.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March here, so that the leap day is its last.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(days: i64) -> Civil {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month, day: day_of_year - (153 * from_march + 2) / 5 + 1 }
}
