//! `$(kamal secrets …)` in a secrets file: users' files say `kamal`, so these commands are answered without a process.

use super::Secret;
use serde_json::Value;
use std::fmt;

/// The words after `secrets` in a command that begins with `kamal secrets` or `dhow secrets`; `None` for any other
/// command, and for one with a pipe, a redirection or the like, which needs a shell.
pub fn arguments(command: &str) -> Option<Vec<String>> {
    words(ours(command)?)
}

fn ours(command: &str) -> Option<&str> {
    let trimmed = command.trim_start();
    let program = trimmed.strip_prefix("kamal").or_else(|| trimmed.strip_prefix("dhow"))?;
    let rest = program.trim_start().strip_prefix("secrets")?;
    rest.starts_with(char::is_whitespace).then_some(rest)
}

/// Is this a command that [`arguments`] takes apart, or would but for what a shell has to do?
pub fn is_ours(command: &str) -> bool {
    ours(command).is_some()
}

/// A text as one word of a shell, as Ruby escapes it: `words` and any shell read it back as it was.
pub fn escaped(text: &str) -> String {
    if text.is_empty() {
        return "''".to_string();
    }
    let escape = |c: char| match c {
        '\n' => "'\n'".to_string(),
        c if c.is_ascii_alphanumeric() || "_-.,:+/@".contains(c) => c.to_string(),
        c => format!("\\{c}"),
    };
    text.chars().map(escape).collect()
}

/// What a command printed, as it has to be written where it stood in one of our commands, of which `before` is the start:
/// between double quotes as it is; elsewhere as words, except that what `fetch` prints stays one.
pub fn nested(before: &str, command: &str, printed: &str) -> String {
    let is_fetch = arguments(command).is_some_and(|words| words.first().is_some_and(|word| word == "fetch"));
    let is_quoted = before.replace("\\\"", "").matches('"').count() % 2 == 1;
    match (is_fetch, is_quoted) {
        (true, false) => printed.to_string(),
        (true, true) => words(printed).unwrap_or_default().iter().map(|json| between_quotes(json)).collect(),
        (false, true) => between_quotes(printed),
        (false, false) => printed.split_whitespace().map(escaped).collect::<Vec<_>>().join(" "),
    }
}

fn between_quotes(text: &str) -> String {
    text.chars().flat_map(|c| "\"\\$`".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

/// `secrets extract NAME JSON`: the value of that name in what `secrets fetch` printed, or of the first name that ends
/// in `/NAME`.
pub fn extract(name: &str, json: &str) -> Result<Secret, NotExtracted> {
    let Ok(Value::Object(values)) = serde_json::from_str(json) else { return Err(NotExtracted::NotJson) };
    let suffix = format!("/{name}");
    let nested =
        || values.iter().filter(|(key, _)| key.ends_with(&suffix)).min_by_key(|(key, _)| position(json, key));
    let exact = values.get(name).filter(|value| !value.is_null());
    match exact.or_else(|| nested().map(|(_, value)| value)) {
        Some(Value::String(text)) => Ok(Secret::new(text)),
        None | Some(Value::Null) => Err(NotExtracted::Missing(name.to_string())),
        Some(value) => Ok(Secret::new(value.to_string())),
    }
}

/// Why a secret could not be extracted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotExtracted {
    /// No such name.
    Missing(String),
    /// The text is not what `secrets fetch` prints.
    NotJson,
}

impl fmt::Display for NotExtracted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotExtracted::Missing(name) => write!(f, "Could not find secret {name}"),
            NotExtracted::NotJson => f.write_str("this is not the JSON object that `secrets fetch` prints"),
        }
    }
}

impl std::error::Error for NotExtracted {}

/// Where a key stands in the text: the parser does not keep the order.
pub(super) fn position(json: &str, key: &str) -> usize {
    json.find(&Value::from(key).to_string()).unwrap_or(usize::MAX)
}

/// Words as a shell splits them; `None` where a shell would do more than split.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => quoted(&mut characters, '\'', word.get_or_insert_default())?,
            '"' => quoted(&mut characters, '"', word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '|' | '&' | ';' | '<' | '>' | '`' => return None,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn quoted(characters: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Option<()> {
    loop {
        match characters.next()? {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => match characters.next()? {
                next @ ('"' | '\\' | '$' | '`') => word.push(next),
                '\n' => {}
                next => word.extend(['\\', next]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(command: &str, expected: &[&str]) {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(arguments(command), Some(expected), "{command}");
    }

    #[test]
    fn commands_of_our_own_are_recognised() {
        splits("kamal secrets fetch -a op A B", &["fetch", "-a", "op", "A", "B"]);
        splits(
            " dhow  secrets\textract A \\{\\\"A\\\":\\\"pass\\)word\\\"\\}",
            &["extract", "A", r#"{"A":"pass)word"}"#],
        );
        splits(
            r#"kamal secrets fetch --from "My Vault" 'a b' """#,
            &["fetch", "--from", "My Vault", "a b", ""],
        );
    }

    #[test]
    fn others_are_left_to_a_shell() {
        for command in ["op read x", "kamal secretsx y", "kamal app exec", "kamal secrets fetch A | jq .A"] {
            assert_eq!(arguments(command), None, "{command}");
        }
        splits("kamal secrets extract A 'x|y'", &["extract", "A", "x|y"]);
    }

    #[test]
    fn escaped_text_is_one_word() {
        for text in ["", "a b", r#"{"A":"it's \"$(x)\" | é"}"#, "a\nb", "p&w;<>`"] {
            splits(&format!("kamal secrets extract {}", escaped(text)), &["extract", text]);
        }
    }

    #[test]
    fn what_nested_commands_print_keeps_its_words() {
        let fetched = escaped(r#"{"A":"x  \"$y"}"#);
        let fetch = "kamal secrets fetch A";
        let nests = |before: &str, command: &str, printed: &str, expected: &[&str]| {
            let end = before.rfind('"').map_or("", |_| "\"");
            splits(&format!("{before}{}{end}", nested(before, command, printed)), expected);
        };
        nests("kamal secrets extract A ", fetch, &fetched, &["extract", "A", r#"{"A":"x  \"$y"}"#]);
        nests("kamal secrets extract A \"", fetch, &fetched, &["extract", "A", r#"{"A":"x  \"$y"}"#]);
        nests("kamal secrets fetch ", "cat names", "A  B\n", &["fetch", "A", "B"]);
        nests("kamal secrets fetch \"", "cat names", "A  \"B", &["fetch", "A  \"B"]);
    }

    #[test]
    fn extraction_prefers_the_whole_name() {
        let json = r#"{"z/A":"first","b/A":"second","B":1,"N":null,"x/N":"n"}"#;
        let value = |name| extract(name, json).map(|secret| secret.reveal().to_string());
        assert_eq!(value("A"), Ok("first".to_string()));
        assert_eq!(value("b/A"), Ok("second".to_string()));
        assert_eq!(value("B"), Ok("1".to_string()));
        assert_eq!(value("N"), Ok("n".to_string()));
        assert_eq!(value("C").unwrap_err().to_string(), "Could not find secret C");
        assert_eq!(extract("A", "[1]").unwrap_err(), NotExtracted::NotJson);
    }
}
