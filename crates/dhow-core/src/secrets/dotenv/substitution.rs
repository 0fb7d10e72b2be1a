//! `$NAME`, `${NAME}` and `$(command)` in a value.

use super::{CommandFailed, Run, Scope};
use crate::secrets::inline;

impl Scope<'_> {
    /// Replaces variables and commands. What a command prints is not looked at again.
    pub(super) fn substitute(&self, text: &str, run: &mut Run) -> Result<String, String> {
        let mut result = String::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let escaped = rest.starts_with("\\$");
            let dollar = &rest[usize::from(escaped)..];
            let command = dollar.strip_prefix('$').and_then(parenthesized);
            match command {
                Some(command) if escaped => {
                    literal.push_str(&dollar[..command.len() + 3]);
                    rest = &dollar[command.len() + 3..];
                }
                Some(command) => {
                    result.push_str(&self.expand(&std::mem::take(&mut literal)));
                    result.push_str(&self.run(command, run)?);
                    rest = &dollar[command.len() + 3..];
                }
                None => {
                    literal.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        result.push_str(&self.expand(&literal));
        Ok(result)
    }

    fn run(&self, command: &str, run: &mut Run) -> Result<String, String> {
        let text = self.text_of(command, run)?;
        let output = run(&text).map_err(|failed| self.describe(command, &failed))?;
        let line_end = ["\r\n", "\n", "\r"].iter().find_map(|end| output.strip_suffix(end));
        Ok(line_end.unwrap_or(&output).to_string())
    }

    /// The command with its variables replaced. A shell sees to commands within its own; within ours we do.
    fn text_of(&self, command: &str, run: &mut Run) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = command;
        while let Some((before, nested)) = inline::is_ours(command).then(|| first_command(rest)).flatten() {
            text.push_str(&self.expand(before));
            let printed = self.run(nested, run)?;
            text.push_str(&inline::nested(&text, nested, &printed));
            rest = &rest[before.len() + nested.len() + "$()".len()..];
        }
        Ok(text + &self.expand(rest))
    }

    fn describe(&self, command: &str, failed: &CommandFailed) -> String {
        let said = self.redacted(failed.stderr.trim());
        let said = if said.is_empty() { said } else { format!("\n  {}", said.replace('\n', "\n  ")) };
        format!("`{command}` failed: {}{said}", self.redacted(&failed.status))
    }

    /// Variables only; one that is set nowhere is empty.
    fn expand(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, dollar) = rest.split_at(at);
            let (length, name) = variable(dollar);
            match (before.strip_suffix('\\'), name) {
                (Some(before), _) if !dollar.starts_with("$(") => {
                    result.push_str(before);
                    result.push_str(&dollar[..length]);
                }
                (_, Some(name)) => {
                    result.push_str(before);
                    result.push_str(self.find(name).unwrap_or_default());
                }
                (_, None) => {
                    result.push_str(before);
                    result.push_str(&dollar[..length]);
                }
            }
            rest = &dollar[length..];
        }
        result + rest
    }
}

/// How long the variable at a dollar sign is, and its name; the braces need not match, as in dotenv.
fn variable(dollar: &str) -> (usize, Option<&str>) {
    if dollar.starts_with("$(") {
        return (1, None);
    }
    let start = if dollar.starts_with("${") { 2 } else { 1 };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = dollar[start..].find(|c| !is_name(c)).map_or(dollar.len(), |length| start + length);
    let length = if dollar[end..].starts_with('}') { end + 1 } else { end };
    (length, Some(&dollar[start..end]).filter(|name| !name.is_empty()))
}

/// The first `$(command)` that is not escaped: what stands before it, and the command.
fn first_command(text: &str) -> Option<(&str, &str)> {
    let dollars = text.match_indices("$(").map(|(at, _)| text.split_at(at));
    let mut commands = dollars.filter(|(before, _)| !before.ends_with('\\'));
    commands.find_map(|(before, dollar)| Some((before, parenthesized(&dollar[1..])?)))
}

/// What is between a parenthesis that opens the text and the one that closes it.
fn parenthesized(text: &str) -> Option<&str> {
    let mut depth = 0;
    let mut last = ' ';
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '(' => depth += 1,
            ')' if last == '(' => return None,
            ')' => depth -= 1,
            '\\' => {
                characters.next().filter(|(_, next)| *next != '\n')?;
            }
            _ => {}
        }
        if depth == 0 {
            return (at > 1).then(|| &text[1..at]);
        }
        last = c;
    }
    None
}
