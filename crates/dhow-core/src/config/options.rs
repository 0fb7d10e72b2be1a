//! `options:`: flags of `docker run` that Kamal has no key for.

use super::errors::Errors;
use super::node::{Node, Value};
use super::setting::Setting;
use crate::secrets::ruby_dump::ruby_dump;

/// `options:` in file order; see `Options::words` in `commands` for how they are written.
pub type Options = Vec<(String, OptionValue)>;

/// One value of `options:`.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// `true`, or nothing: the bare flag.
    Flag,
    /// Anything written once (also `false`, as text).
    Value(String),
    /// The flag repeated.
    List(Vec<String>),
}

/// Reads `options` of a checked section, without `restart`, which has a flag of its own.
pub(super) fn read(section: &Setting, errors: &mut Errors) -> Options {
    read_with_restart(section, errors).into_iter().filter(|(key, _)| key != "restart").collect()
}

/// The same for the proxy's container, where `restart` is a flag like the others and docker takes the last.
pub(super) fn read_with_restart(section: &Setting, errors: &mut Errors) -> Options {
    let options = section.section("options");
    options.entries().map(|(key, value)| (key.key_text(), read_value(&value, errors))).collect()
}

/// `options.restart`, or docker's own policy for services.
pub(super) fn read_restart(section: &Setting) -> String {
    restart(section).and_then(|policy| policy.node.text()).unwrap_or_else(|| "unless-stopped".to_string())
}

/// Checks the restart policy as docker knows it.
pub(super) fn check_restart(section: &Setting, errors: &mut Errors) {
    let Some(policy) = restart(section) else { return };
    let policy = policy.named(format!("{}/options/restart", section.path));
    let Value::Text(text) = &policy.node.value else {
        let no = policy.node.bool() == Some(false);
        let error = errors.at(&policy, r#"should be a string. Use "no" to disable restarts"#);
        error.hint(if no { r#"restart: "no""# } else { "restart: unless-stopped" });
        return;
    };
    let counted = text
        .strip_prefix("on-failure:")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if !counted && !["no", "always", "unless-stopped", "on-failure"].contains(&text.as_str()) {
        errors.at(&policy, "should be no, always, unless-stopped, on-failure, or on-failure:N");
    }
}

fn restart<'a>(section: &Setting<'a>) -> Option<Setting<'a>> {
    let options = section.section("options");
    options.entries().find(|(key, _)| key.key_text() == "restart").map(|(_, value)| value)
}

/// One value: `true` is a bare flag, a list repeats it, nothing is the flag alone.
fn read_value(value: &Setting, errors: &mut Errors) -> OptionValue {
    match &value.node.value {
        Value::Bool(true) | Value::Null => OptionValue::Flag,
        Value::List(items) => OptionValue::List(items.iter().map(word).collect()),
        Value::Map(map) => {
            errors.warn(
                value.place(),
                format!("{}: docker takes no mapping here; list plain values", value.path),
            );
            let pair =
                |(key, value): (&Node, &Node)| format!("[{}, {}]", ruby_inspect(key), ruby_inspect(value));
            OptionValue::List(map.iter().map(pair).collect())
        }
        _ => OptionValue::Value(word(value.node)),
    }
}

/// Any value as one word, as Ruby's `to_s` makes it; an empty list or mapping counts as nothing.
pub(super) fn word(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::List(_) | Value::Map(_) if node.is_blank() => String::new(),
        _ => node.text().or_else(|| node.written.clone()).unwrap_or_else(|| ruby_inspect(node)),
    }
}

fn ruby_inspect(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => format!("\"{}\"", ruby_dump(text)),
        Value::Symbol(name) => format!(":{name}"),
        Value::Null => "nil".to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(ruby_inspect).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let pair =
                |(key, value): (&Node, &Node)| format!("{}=>{}", ruby_inspect(key), ruby_inspect(value));
            format!("{{{}}}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        _ => node.text().or_else(|| node.written.clone()).unwrap_or_default(),
    }
}
