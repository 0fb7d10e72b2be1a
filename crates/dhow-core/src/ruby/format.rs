//! `format`, as far as templates go: `%s %d %05.2f %x %-10s %{name} %<name>d %%`.

use super::machine::Machine;
use super::methods::with_base;
use super::numbers;
use super::stop::{Outcome, Stop};
use super::syntax::Span;
use super::value::{Text, Value};

/// `format(template, *values)`.
pub fn formatted(machine: &mut Machine, template: &str, values: &[Value], span: Span) -> Outcome {
    let result = Text::new("");
    let mut next = values.iter();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        machine.append(&result, before, span)?;
        let (directive, after) = Directive::read(after, span)?;
        rest = after;
        let piece = match (&directive.name, directive.letter) {
            (None, '%') => "%".to_string(),
            (None, _) => {
                let value =
                    next.next().ok_or_else(|| Stop::raise("ArgumentError", "too few arguments", span))?;
                directive.shown(machine, value, span)?
            }
            (Some(name), _) => {
                let value = named(machine, values.first(), name, span)?;
                directive.shown(machine, &value, span)?
            }
        };
        machine.append(&result, &piece, span)?;
    }
    machine.append(&result, rest, span)?;
    Ok(Value::Text(result))
}

fn named(machine: &mut Machine, values: Option<&Value>, name: &str, span: Span) -> Outcome {
    let Some(Value::Map(map)) = values else {
        return Err(Stop::raise("ArgumentError", "one hash required", span));
    };
    let found = machine.find(map, &Value::Symbol(name.into()), span)?;
    found.ok_or_else(|| Stop::raise("KeyError", format!("key<{name}> not found"), span))
}

/// What is between `%` and its letter.
struct Directive {
    name: Option<String>,
    flags: String,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Directive {
    fn read(text: &str, span: Span) -> Result<(Directive, &str), Stop> {
        let refused = || Stop::refuse("this format is not among the Ruby that dhow evaluates itself", span);
        if let Some((name, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
            let name = Some(name.to_string());
            let directive = Directive { name, flags: String::new(), width: 0, precision: None, letter: 's' };
            return Ok((directive, rest));
        }
        let named = text.strip_prefix('<').and_then(|text| text.split_once('>'));
        let (name, text) = named.map_or((None, text), |(name, rest)| (Some(name.to_string()), rest));
        let flags_end = text.find(|c: char| !"-+ 0#".contains(c)).unwrap_or(text.len());
        let (flags, text) = text.split_at(flags_end);
        let (width, text) = number(text);
        let (precision, text) = match text.strip_prefix('.') {
            Some(text) => {
                let (precision, text) = number(text);
                (Some(precision.unwrap_or(0)), text)
            }
            None => (None, text),
        };
        let letter =
            text.chars().next().filter(|letter| "sdiufxXobBeEgGcp%".contains(*letter)).ok_or_else(refused)?;
        let (width, flags) = (width.unwrap_or(0), flags.to_string());
        if width > 10_000 || precision.is_some_and(|precision| precision > 1_000) {
            return Err(refused());
        }
        Ok((Directive { name, flags, width, precision, letter }, &text[letter.len_utf8()..]))
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn shown(&self, machine: &mut Machine, value: &Value, span: Span) -> Result<String, Stop> {
        let text = match self.letter {
            's' => self.cut(machine.string_of(value, span)?),
            'p' => self.cut(machine.inspected(value, span)?),
            'c' => machine.string_of(value, span)?.chars().take(1).collect(),
            'd' | 'i' | 'u' => return Ok(self.number(integer(machine, value, span)?, 10)),
            'x' | 'X' | 'o' | 'b' | 'B' => {
                let number = integer(machine, value, span)?;
                // Ruby writes a complement, `..f`.
                if number < 0 {
                    let what =
                        "a negative number in this format is not among the Ruby that dhow evaluates itself";
                    return Err(Stop::refuse(what, span));
                }
                let base = match self.letter {
                    'o' => 8,
                    'b' | 'B' => 2,
                    _ => 16,
                };
                return Ok(self.number(number, base));
            }
            'f' => {
                let number = float(machine, value, span)?;
                let digits = format!("{:.*}", self.precision.unwrap_or(6), number.abs());
                return Ok(self.signed(number.is_sign_negative(), &digits));
            }
            _ => {
                return Err(Stop::refuse(
                    "this format is not among the Ruby that dhow evaluates itself",
                    span,
                ));
            }
        };
        Ok(self.padded(&text))
    }

    fn cut(&self, text: String) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        }
    }

    fn number(&self, number: i128, base: u32) -> String {
        let mut digits = with_base(number, base).trim_start_matches('-').to_string();
        if self.letter == 'X' {
            digits = digits.to_uppercase();
        }
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        digits.insert_str(0, &"0".repeat(missing));
        let prefix = match self.letter {
            'x' | 'X' | 'b' if self.has('#') => format!("0{}", self.letter),
            _ => String::new(),
        };
        self.signed(number < 0, &(prefix + &digits))
    }

    fn signed(&self, is_negative: bool, digits: &str) -> String {
        let sign = match (is_negative, self.has('+'), self.has(' ')) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if self.has('0') && !self.has('-') {
            let missing = self.width.saturating_sub(sign.len() + digits.len());
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        self.padded(&format!("{sign}{digits}"))
    }

    fn padded(&self, text: &str) -> String {
        let padding = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.has('-') { format!("{text}{padding}") } else { format!("{padding}{text}") }
    }
}

fn number(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].parse().ok(), &text[end..])
}

fn integer(machine: &Machine, value: &Value, span: Span) -> Result<i128, Stop> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => Ok(number.trunc() as i128),
        Value::Text(text) => numbers::integer(&text.get(), None).ok_or_else(|| {
            Stop::raise(
                "ArgumentError",
                format!("invalid value for Integer(): {}", super::show::quoted(&text.get())),
                span,
            )
        }),
        value => Err(cannot_convert(machine, value, "Integer", span)),
    }
}

fn float(machine: &Machine, value: &Value, span: Span) -> Result<f64, Stop> {
    match value {
        Value::Int(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        Value::Text(text) => numbers::float(&text.get()).ok_or_else(|| {
            Stop::raise(
                "ArgumentError",
                format!("invalid value for Float(): {}", super::show::quoted(&text.get())),
                span,
            )
        }),
        value => Err(cannot_convert(machine, value, "Float", span)),
    }
}

/// `Integer(nil)`.
pub fn cannot_convert(_: &Machine, value: &Value, into: &str, span: Span) -> Stop {
    let name = match value {
        Value::Nil => "nil",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        value => super::show::class_name(value),
    };
    Stop::raise("TypeError", format!("can't convert {name} into {into}"), span)
}
