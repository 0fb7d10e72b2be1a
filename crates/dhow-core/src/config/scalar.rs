//! What a plain word of YAML means to Psych, the parser of Ruby: YAML 1.1 with Psych's own habits, in Psych's order.

use super::node::Value;

/// The value of a plain scalar without a tag.
pub fn resolve(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    if starts_like_a_word(text) || text.contains('\n') {
        return resolve_word(text);
    }
    date(text)
        .or_else(|| special_float(text))
        .or_else(|| symbol(text))
        .or_else(|| base_60(text))
        .or_else(|| float(text))
        .or_else(|| integer(text))
        .unwrap_or_else(|| Value::Text(text.to_string()))
}

/// A number as Ruby prints it: `1.5`, `100.0`, `1.0e+20`.
pub fn ruby_float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_string();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_string();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e15).contains(&magnitude) {
        return scientific(number);
    }
    let plain = number.to_string();
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

fn scientific(number: f64) -> String {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}{point}e{sign}{exponent:0>2}")
}

/// Psych's first question: anything that opens with a letter or such a sign, perhaps after one other character.
fn starts_like_a_word(text: &str) -> bool {
    let wordy = |c: char| c.is_alphabetic() || c.is_whitespace() || "_!@#$%^&*(){}<>|/\\~;=".contains(c);
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|c| wordy(c) && !c.is_ascii_digit());
    let after_one = !text.starts_with(|c: char| c.is_ascii_digit() || ".:-".contains(c))
        && characters.next().is_some_and(wordy);
    first || after_one
}

fn resolve_word(text: &str) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "~" | "null" => Value::Null,
        "yes" | "true" | "on" => Value::Bool(true),
        "no" | "false" | "off" => Value::Bool(false),
        _ => Value::Text(text.to_string()),
    }
}

fn date(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (day, time) = match unsigned.find(['T', 't', ' ', '\t']) {
        Some(end) => (&unsigned[..end], Some(unsigned[end + 1..].trim_start())),
        None => (text, None),
    };
    let is_time = time.is_none_or(is_clock);
    (is_time && is_day(day)).then(|| Value::Date(text.to_string()))
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let two = |part: &str| (1..=2).contains(&part.len()) && all_digits(part);
    if year.len() != 4 || !all_digits(year) || !two(month) || !two(day) {
        return false;
    }
    let number = |part: &str| part.parse::<u32>().unwrap_or(0);
    (1..=days_in(number(year), number(month))).contains(&number(day))
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// `10:20:30[.5][ Z|+01:00]`.
fn is_clock(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && !":.".contains(c)).unwrap_or(text.len());
    let zone = text[end..].trim_start();
    let clock = text[..end].split('.').next().unwrap_or_default();
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return false };
    let zoned = zone.is_empty() || zone == "Z" || is_offset(zone);
    let up_to = |part: &str, most: u32| part.parse().is_ok_and(|number: u32| number <= most);
    let fits = up_to(hour, 24) && up_to(minute, 59) && up_to(second, 60);
    zoned && fits && hour.len() <= 2 && minute.len() == 2 && second.len() == 2
}

fn is_offset(zone: &str) -> bool {
    let digits = zone.strip_prefix(['-', '+']).map(|offset| offset.replace(':', ""));
    digits.is_some_and(|digits| (1..=4).contains(&digits.len()) && all_digits(&digits))
}

fn special_float(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        ".inf" | "+.inf" => Some(Value::Float(f64::INFINITY)),
        "-.inf" => Some(Value::Float(f64::NEG_INFINITY)),
        ".nan" => Some(Value::Float(f64::NAN)),
        _ => None,
    }
}

fn symbol(text: &str) -> Option<Value> {
    let name = text.strip_prefix(':').filter(|name| !name.is_empty())?;
    let quoted = |quote: char| name.strip_prefix(quote).and_then(|name| name.strip_suffix(quote));
    Some(Value::Symbol(quoted('"').or_else(|| quoted('\'')).unwrap_or(name).to_string()))
}

/// `1:30:00`: hours, minutes and seconds, in seconds. Two groups are hours and minutes: `22:22` is 80520.
fn base_60(text: &str) -> Option<Value> {
    let groups: Vec<&str> = text.split(':').collect();
    let (first, later) = groups.split_first()?;
    let digits = unsigned(first);
    let opens = digits.starts_with(|c: char| c.is_ascii_digit()) && is_grouped(digits, "_");
    if !opens || !(1..=2).contains(&later.len()) {
        return None;
    }
    let (last, middle) = later.split_last()?;
    let (last, fraction) = last.split_once('.').map_or((*last, None), |(whole, part)| (whole, Some(part)));
    let sixty =
        |group: &str| (1..=2).contains(&group.len()) && all_digits(group) && group < "60" || is_digit(group);
    if !middle.iter().all(|group| sixty(group)) || !sixty(last) {
        return None;
    }
    let hours: i128 = first.replace(['_', '+'], "").parse().ok()?;
    let minutes: i128 = later[0].split('.').next()?.parse().ok()?;
    let seconds: i128 = if later.len() == 2 { last.parse().ok()? } else { 0 };
    let total = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    // Of the last group, whichever that is.
    let of = if later.len() == 2 { 1.0 } else { 60.0 };
    match fraction {
        None => Some(Value::Int(total)),
        Some(fraction) if is_grouped(fraction, "_") => {
            Some(Value::Float(total as f64 + of * fraction_of(fraction)))
        }
        Some(_) => None,
    }
}

fn is_digit(text: &str) -> bool {
    text.len() == 1 && all_digits(text)
}

fn fraction_of(digits: &str) -> f64 {
    format!("0.{}", digits.replace('_', "")).parse().unwrap_or(0.0)
}

/// A dot is needed, an exponent needs its sign.
fn float(text: &str) -> Option<Value> {
    let (whole, rest) = unsigned(text).split_once('.')?;
    let (fraction, exponent) =
        rest.find(['e', 'E']).map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
    let whole_fits =
        whole.is_empty() || (whole.starts_with(|c: char| c.is_ascii_digit()) && is_grouped(whole, "_,"));
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['-', '+']).is_some_and(|digits| !digits.is_empty() && all_digits(digits))
    });
    if !whole_fits || !all_digits(fraction) || !exponent_fits || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    text.replace(['_', ','], "").parse().ok().map(Value::Float)
}

fn integer(text: &str) -> Option<Value> {
    let (digits, radix) = match unsigned(text) {
        "0" => ("0", 10),
        digits => match digits.get(..2).unwrap_or_default() {
            "0b" => (&digits[2..], 2),
            "0x" => (&digits[2..], 16),
            _ if digits.starts_with('0') => (&digits[1..], 8),
            _ => (decimal(digits)?, 10),
        },
    };
    let number = i128::from_str_radix(&digits.replace(['_', ','], ""), radix);
    let valid = digits.starts_with(|c: char| c.is_digit(radix) || "_,".contains(c));
    let number = if radix == 8 && digits.trim_matches(['_', ',']).is_empty() { Ok(0) } else { number };
    let number = number.ok().filter(|_| valid)?;
    Some(Value::Int(if text.starts_with('-') { -number } else { number }))
}

/// Each separator of a decimal number needs a digit after it.
fn decimal(digits: &str) -> Option<&str> {
    let lone = |pair: &[u8]| !pair[0].is_ascii_digit() && !pair[1].is_ascii_digit();
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let ends = digits.ends_with(|c: char| c.is_ascii_digit());
    let grouped = starts && ends && is_grouped(digits, "_,") && !digits.as_bytes().windows(2).any(lone);
    grouped.then_some(digits)
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_grouped(text: &str, separators: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || separators.contains(c))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> String {
        match resolve(text) {
            Value::Null => "null".to_string(),
            Value::Bool(yes) => format!("bool {yes}"),
            Value::Int(number) => format!("int {number}"),
            Value::Float(number) => format!("float {}", ruby_float(number)),
            Value::Text(text) => format!("text {text}"),
            Value::Symbol(name) => format!("symbol {name}"),
            Value::Date(text) => format!("date {text}"),
            Value::List(_) | Value::Map(_) => unreachable!("a scalar is neither"),
        }
    }

    #[test]
    fn plain_words_read_as_psych_reads_them() {
        let table = "
            ~             | null
            null          | null
            NULL          | null
            yes           | bool true
            Yes           | bool true
            TRUE          | bool true
            on            | bool true
            no            | bool false
            Off           | bool false
            y             | text y
            n             | text n
            nope          | text nope
            0             | int 0
            7             | int 7
            -12           | int -12
            +5            | int 5
            0600          | int 384
            010           | int 8
            0777          | int 511
            08            | text 08
            09            | text 09
            0o600         | text 0o600
            0x1F          | int 31
            0b11          | int 3
            0b101         | int 5
            0xZZ          | text 0xZZ
            1_000         | int 1000
            40_000_000    | int 40000000
            1,000         | int 1000
            1,,0          | text 1,,0
            1,            | text 1,
            22:22         | int 80520
            1:30:00       | int 5400
            1:30:45       | int 5445
            3306:3306     | text 3306:3306
            80:80         | text 80:80
            8080:80       | text 8080:80
            443:443       | text 443:443
            1:2:3:4       | text 1:2:3:4
            1.10          | float 1.1
            3.10          | float 3.1
            1.0           | float 1.0
            1.            | float 1.0
            .5            | float 0.5
            0.25          | float 0.25
            685_230.15    | float 685230.15
            1.5e+3        | float 1500.0
            1.5e3         | text 1.5e3
            1.3.0         | text 1.3.0
            1e3           | text 1e3
            12e03         | text 12e03
            .             | text .
            ...           | text ...
            .inf          | float Infinity
            -.INF         | float -Infinity
            .NaN          | float NaN
            :verbose      | symbol verbose
            ::1           | symbol :1
            :             | text :
            2024-01-01    | date 2024-01-01
            2024-13-01    | text 2024-13-01
            2024-02-30    | text 2024-02-30
            2024-01-01 10:00:00 | date 2024-01-01 10:00:00
            192.168.0.1   | text 192.168.0.1
            10.0.0.1:80   | text 10.0.0.1:80
            -             | text -
            1.1.1.1       | text 1.1.1.1
            25%           | text 25%
            512m          | text 512m
            /data         | text /data
            fe80::1       | text fe80::1
        ";
        for line in table.lines().filter(|line| !line.trim().is_empty()) {
            let (text, expected) = line.split_once(" | ").unwrap();
            assert_eq!(reads(text.trim()), expected.trim(), "{text}");
        }
        assert_eq!(reads(""), "null");
    }

    #[test]
    fn floats_print_as_in_ruby() {
        let printed = [1e20, 1.5e-7, 1e15, 123456789.125, -0.5].map(ruby_float);
        assert_eq!(printed, ["1.0e+20", "1.5e-07", "1.0e+15", "123456789.125", "-0.5"]);
    }
}
