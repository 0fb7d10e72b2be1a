//! Ruby's `String#dump`, by which Kamal escapes what goes into shell words and env files.

/// `dump` of a text without the quotes around it; non-ASCII characters stay as they are, as Kamal keeps them.
pub(crate) fn ruby_dump(text: &str) -> String {
    let mut dumped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let mut interpolates = || characters.peek().is_some_and(|next| "{$@".contains(*next));
        match c {
            '"' | '\\' => dumped.extend(['\\', c]),
            '#' if interpolates() => dumped.push_str("\\#"),
            '\n' => dumped.push_str("\\n"),
            '\r' => dumped.push_str("\\r"),
            '\t' => dumped.push_str("\\t"),
            '\x07' => dumped.push_str("\\a"),
            '\x08' => dumped.push_str("\\b"),
            '\x0b' => dumped.push_str("\\v"),
            '\x0c' => dumped.push_str("\\f"),
            '\x1b' => dumped.push_str("\\e"),
            c if c.is_ascii_control() => dumped.push_str(&format!("\\x{:02X}", u32::from(c))),
            c => dumped.push(c),
        }
    }
    dumped
}

/// Kamal's shell quoting, for words that are shown as Kamal shows them; what is run is quoted in `shell`.
pub(crate) fn ruby_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| c.is_ascii() != first.is_ascii()).unwrap_or(rest.len());
        let run = &rest[..end];
        if first.is_ascii() {
            quoted.push_str(&quoted_run(run))
        } else {
            quoted.push_str(run)
        }
        rest = &rest[end..];
    }
    quoted
}

fn quoted_run(run: &str) -> String {
    let dumped = format!("\"{}\"", ruby_dump(run).replace('`', "\\`"));
    let mut quoted = String::with_capacity(dumped.len());
    for (at, c) in dumped.char_indices() {
        let rest = &dumped[at + c.len_utf8()..];
        if c == '$' && !(rest.starts_with('{') && rest.contains('}')) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_by_kamal() {
        let table = [("a b", r#""a b""#), ("$A", r#""\$A""#), ("${A}", r#""${A}""#), ("$(x)", r#""\$(x)""#)];
        for (text, expected) in table {
            assert_eq!(ruby_quote(text), expected);
        }
        assert_eq!(ruby_quote("aéb c"), r#""a"é"b c""#);
        assert_eq!(ruby_quote("a\n`"), r#""a\n\`""#);
        assert_eq!(ruby_quote(""), "");
    }
}
