//! Texts: changing them in place.

use super::{MANY, Method, Sent, method, plain, with_block};
use crate::ruby::machine::Machine;
use crate::ruby::stop::Outcome;
use crate::ruby::value::Value;

pub const METHODS: &[Method] = &[
    method("<<", 1, 1, append),
    method("concat", 0, MANY, append),
    method("prepend", 1, 1, |machine, sent| {
        let text = sent.text_arg(machine, 0)? + &sent.says();
        set(machine, sent, text)
    }),
    method("insert", 2, 2, |machine, sent| {
        let (text, addition) = (sent.says(), sent.text_arg(machine, 1)?);
        let length = text.chars().count() as i128;
        let at = sent.int_arg(machine, 0)?;
        let at = if at < 0 { length + at + 1 } else { at };
        if !(0..=length).contains(&at) {
            return Err(crate::ruby::stop::Stop::raise("IndexError", "index out of string", sent.span));
        }
        let head: String = text.chars().take(at as usize).collect();
        let tail = text[head.len()..].to_string();
        set(machine, sent, head + &addition + &tail)
    }),
    method("replace", 1, 1, |machine, sent| {
        let text = sent.text_arg(machine, 0)?;
        set(machine, sent, text)
    }),
    plain("clear", |machine, sent| set(machine, sent, String::new())),
    with_block("sub!", 1, 2, |machine, sent| {
        let text = super::string_search::substituted(machine, sent, 1)?;
        changed(machine, sent, text)
    }),
    with_block("gsub!", 1, 2, |machine, sent| {
        let text = super::string_search::substituted(machine, sent, usize::MAX)?;
        changed(machine, sent, text)
    }),
    plain("strip!", in_place),
    plain("lstrip!", in_place),
    plain("rstrip!", in_place),
    method("chomp!", 0, 1, in_place),
    plain("upcase!", in_place),
    plain("downcase!", in_place),
    plain("capitalize!", in_place),
    plain("reverse!", |machine, sent| {
        let reversed = sent.says().chars().rev().collect();
        set(machine, sent, reversed)
    }),
    method("tr!", 2, 2, in_place),
    method("delete!", 1, 1, in_place),
    method("squeeze!", 0, 1, in_place),
    method("delete_prefix!", 1, 1, in_place),
    method("delete_suffix!", 1, 1, in_place),
    method("[]=", 2, 2, |machine, sent| {
        let (text, new) = (sent.says(), sent.text_arg(machine, 1)?);
        let Value::Text(part) = sent.arg(0) else { return Err(sent.not_understood("with such an index")) };
        let part = part.get();
        if !text.contains(&part) {
            return Err(crate::ruby::stop::Stop::raise("IndexError", "string not matched", sent.span));
        }
        set(machine, sent, text.replacen(&part, &new, 1))
    }),
];

fn append(machine: &mut Machine, sent: &Sent) -> Outcome {
    for index in 0..sent.arguments.len() {
        if let Value::Int(_) = sent.arg(index) {
            return Err(sent.not_understood("with the number of a character"));
        }
        let addition = sent.text_arg(machine, index)?;
        machine.append(&sent.own_text(), &addition, sent.span)?;
    }
    Ok(sent.receiver.clone())
}

fn set(machine: &mut Machine, sent: &Sent, text: String) -> Outcome {
    machine.afford(text.len(), sent.span)?;
    sent.own_text().set(text);
    Ok(sent.receiver.clone())
}

/// A method that ends in `!` answers `nil` if there was nothing to change.
fn changed(machine: &mut Machine, sent: &Sent, text: String) -> Outcome {
    if sent.own_text().is(&text) { Ok(Value::Nil) } else { set(machine, sent, text) }
}

/// The method without its `!`, and its result kept.
fn in_place(machine: &mut Machine, sent: &Sent) -> Outcome {
    let name = sent.name.trim_end_matches('!');
    let new = machine.send(Value::text(sent.says()), name, sent.arguments.clone(), sent.span)?;
    let new = machine.string_of(&new, sent.span)?;
    changed(machine, sent, new)
}
