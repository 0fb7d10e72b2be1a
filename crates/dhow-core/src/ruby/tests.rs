//! Expressions and what they are in Ruby. The results in `expressions.txt` are Ruby's own.

mod memory;

use super::{Machine, Stop, parse};
use memory::Memory;

/// `inspect` of what an expression is, or `! Class: message` of what it raises, or `? ` and what is not understood.
fn shown(expression: &str, memory: &Memory) -> String {
    let env =
        [("HOST", "1.1.1.1"), ("HOME", "/root")].map(|(name, value)| (name.to_string(), value.to_string()));
    let mut machine = Machine::new(memory, env.into());
    let program = match parse(expression) {
        Ok(program) => program,
        Err(error) => return format!("? no Ruby: {}", error.problem),
    };
    let shown = machine.evaluate(&program).and_then(|value| machine.inspected(&value, program.span));
    match shown {
        Ok(text) => text,
        Err(Stop::Raised(exception, _)) => {
            format!("! {}: {}", exception.class, exception.message.lines().next().unwrap_or_default())
        }
        Err(Stop::Refused(refusal)) => format!("? {}", refusal.what),
        Err(_) => "? it ends early".to_string(),
    }
}

#[test]
fn expressions_are_what_they_are_in_ruby() {
    let lines = include_str!("tests/expressions.txt").lines();
    let pairs = lines.filter_map(|line| line.split_once("  #=> "));
    let wrong: Vec<String> = pairs
        .map(|(expression, expected)| (expression, expected, shown(expression, &Memory::default())))
        .filter(|(_, expected, found)| expected != found)
        .map(|(expression, expected, found)| format!("{expression}\n    Ruby {expected}\n    dhow {found}"))
        .collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
