//! Texts as numbers: `to_i` and `to_f` take what is at the start, `Integer` and `Float` insist on all of it.

/// `to_i`; `None` if the number is too large for us.
pub fn leading_integer(text: &str, base: i128) -> Option<i128> {
    let text = text.trim_start();
    let (sign, digits) = signed(text);
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
    let digits = without_prefix(digits, base);
    let mut number = 0_i128;
    let mut after_digit = false;
    for c in digits.chars() {
        match c.to_digit(base) {
            Some(digit) => {
                number = number.checked_mul(i128::from(base))?.checked_add(i128::from(digit))?;
                after_digit = true;
            }
            None if c == '_' && after_digit => after_digit = false,
            None => break,
        }
    }
    Some(sign * number)
}

/// `Integer("…")`, all of it; `None` if it is no number.
pub fn integer(text: &str, base: Option<i128>) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = signed(text);
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let base = match (base, prefix.as_deref()) {
        (Some(base), _) => u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?,
        (None, Some("0x")) => 16,
        (None, Some("0b")) => 2,
        (None, Some("0o")) => 8,
        (None, Some(_)) if digits.starts_with('0') => 8,
        (None, _) => 10,
    };
    let digits = without_prefix(digits, base);
    let is_grouped = !digits.contains("__") && !digits.ends_with('_') && !digits.starts_with('_');
    let plain = digits.replace('_', "");
    let is_number = is_grouped && plain.chars().next().is_some_and(|c| c.is_digit(base));
    is_number.then(|| i128::from_str_radix(&plain, base).ok().map(|number| sign * number)).flatten()
}

/// `to_f`.
pub fn leading_float(text: &str) -> f64 {
    let text = text.trim_start();
    let end = float_end(text);
    text[..end].replace('_', "").parse().unwrap_or(0.0)
}

/// `Float("…")`.
pub fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() || float_end(text) != text.len() {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn signed(text: &str) -> (i128, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn without_prefix(digits: &str, base: u32) -> &str {
    let prefix = match base {
        16 => ["0x", "0X"],
        2 => ["0b", "0B"],
        8 => ["0o", "0O"],
        _ => return digits,
    };
    let rest = prefix.iter().find_map(|prefix| digits.strip_prefix(prefix));
    rest.filter(|rest| rest.starts_with(|c: char| c.is_digit(base))).unwrap_or(digits)
}

/// Where a number with a point ends.
fn float_end(text: &str) -> usize {
    let unsigned = signed(text).1;
    let whole = digits(unsigned);
    if whole == 0 && unsigned.strip_prefix('.').map_or(0, digits) == 0 {
        return 0;
    }
    let mut end = text.len() - unsigned.len() + whole;
    let fraction = text[end..].strip_prefix('.').map_or(0, digits);
    end += if fraction > 0 { fraction + 1 } else { 0 };
    let exponent = text[end..].strip_prefix(['e', 'E']).map(signed);
    if let Some((_, rest)) = exponent.filter(|(_, rest)| digits(rest) > 0) {
        end = text.len() - rest.len() + digits(rest);
    }
    end
}

/// How many bytes of digits, with single `_` between them.
fn digits(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let grouped = text[..end].find("__").unwrap_or(end);
    let text = text[..grouped].trim_end_matches('_');
    if text.starts_with('_') { 0 } else { text.len() }
}
