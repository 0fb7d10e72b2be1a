//! Checking a section against its table, in Kamal's order and words, before anything is read.

use super::{Field, Fields, Kind};
use crate::config::errors::Errors;
use crate::config::hints;
use crate::config::node::{Node, Value};
use crate::config::setting::Setting;

/// Checks a section: that it is a mapping, its keys, then its values in the order of the file. Is it sound?
pub(in crate::config) fn check(section: &Setting, fields: Fields, errors: &mut Errors) -> bool {
    let before = errors.count();
    if section.node.map().is_none() {
        errors.at(section, "should be a hash");
        return false;
    }
    check_keys(section, fields, errors);
    for (key, value) in section.entries() {
        if let Some(field) = fields.iter().find(|field| is_key(key, field.key)) {
            check_value(section, &value, field, errors);
        }
    }
    errors.count() == before
}

/// Checks the items of a list of hosts.
pub(in crate::config) fn check_hosts(hosts: &Setting, errors: &mut Errors) {
    if hosts.node.list().is_none() {
        let first = hosts.node.text().unwrap_or_else(|| "1.1.1.1".to_string());
        errors.at(hosts, "should be an array").hint(format!("hosts are a list, for example:\n- {first}"));
        return;
    }
    for host in hosts.items() {
        match &host.node.value {
            Value::Text(_) => {}
            Value::Map(_) => check_tagged_host(&host, errors),
            Value::Int(_) | Value::Float(_) | Value::Symbol(_) | Value::Bool(_) => {
                let written = host.node.written.clone().unwrap_or_default();
                errors
                    .at(&host, "should be a string or a hash")
                    .hint(format!("write the host as text: - \"{written}\""));
            }
            Value::Null | Value::Date(_) | Value::List(_) => {
                errors.at(&host, "should be a string or a hash");
            }
        }
    }
}

fn check_tagged_host(host: &Setting, errors: &mut Errors) {
    let mut entries = host.entries();
    let (Some((name, tags)), None) = (entries.next(), entries.next()) else {
        errors.at(host, "multiple hosts found").hint(hints::tagged_host(host));
        return;
    };
    if matches!(name.key_text().as_str(), "host" | "hostname" | "ip") {
        errors.at(host, "should be a string or a hash").hint(hints::tagged_host(host));
        return;
    }
    if !matches!(name.value, Value::Text(_)) {
        let written = name.written.clone().unwrap_or_default();
        errors
            .at(host, "should be a string or a hash")
            .hint(format!("write the host as text: - \"{written}\": …"));
    }
    match tags.node.list() {
        Some(_) => check_texts(&tags, errors),
        None => expect(tags.node.text().is_some(), &tags, "should be a string or an array", errors),
    }
}

/// Reports all unknown keys of a section at once, as Kamal does.
pub(in crate::config) fn check_keys(section: &Setting, fields: Fields, errors: &mut Errors) {
    let known = |key: &Node| fields.iter().any(|field| is_key(key, field.key)) || is_extension(section, key);
    let unknown: Vec<(&Node, Setting)> = section.entries().filter(|(key, _)| !known(key)).collect();
    if unknown.is_empty() {
        return;
    }
    let names: Vec<String> = unknown.iter().map(|(key, _)| key.key_text()).collect();
    let noun = if names.len() == 1 { "key" } else { "keys" };
    let prefix = if section.path.is_empty() { String::new() } else { format!("{}: ", section.path) };
    let places: Vec<_> = unknown.iter().map(|(key, _)| &key.place).collect();
    let hint = |(key, value): &(&Node, Setting)| {
        Some((key.key_text(), hints::unknown_key(section, key, value, fields)?))
    };
    let hints: Vec<(String, String)> = unknown.iter().filter_map(hint).collect();
    let message = format!("{prefix}unknown {noun}: {}", names.join(", "));
    let error = errors.report(&section.path, message, &places);
    match hints.as_slice() {
        [] => {}
        [(_, hint)] => {
            error.hint(hint);
        }
        hints => {
            error.hint(
                hints.iter().map(|(key, hint)| format!("{key}: {hint}")).collect::<Vec<_>>().join("\n"),
            );
        }
    }
}

fn is_key(key: &Node, name: &str) -> bool {
    matches!(&key.value, Value::Text(text) if text == name)
}

/// `x-…` holds anchors, at the top of the file only.
fn is_extension(section: &Setting, key: &Node) -> bool {
    section.path.is_empty() && key.key_text().starts_with("x-")
}

fn check_value(section: &Setting, value: &Setting, field: &Field, errors: &mut Errors) {
    let before = errors.count();
    check_kind(value, field.kind, errors);
    if errors.count() > before
        && let Some(form) = hints::wanted_form(section, value, field)
    {
        errors.hint_last(form);
    }
    if errors.count() > before && !matches!(field.kind, Kind::Fields(_) | Kind::Hosts { .. }) {
        errors.explain_last(field);
    }
}

fn check_kind(value: &Setting, kind: Kind, errors: &mut Errors) {
    let node = value.node;
    let is_map = node.map().is_some();
    let is_bool = node.bool().is_some();
    match kind {
        Kind::Text | Kind::Word => expect(node.text().is_some(), value, "should be a string", errors),
        Kind::Integer => expect(matches!(node.value, Value::Int(_)), value, "should be an integer", errors),
        Kind::Boolean => expect(is_bool, value, "should be a boolean", errors),
        Kind::Section(_) | Kind::Env(_) | Kind::Named(_) | Kind::Tags(_) => {
            expect(is_map, value, "should be a hash", errors)
        }
        Kind::Flags(_) | Kind::CommandLines => expect(is_map, value, "should be a hash", errors),
        Kind::SectionOr(..) => expect(is_map || is_bool, value, "should be a hash", errors),
        Kind::Servers(_) => {
            expect(is_map || node.list().is_some(), value, "should be an array or a hash", errors)
        }
        Kind::Ssl(_) => expect(is_map || is_bool, value, "should be a boolean or a hash", errors),
        Kind::Texts => check_texts(value, errors),
        Kind::TextOrTexts => {
            let texts = node.list().is_some_and(|items| items.iter().all(|item| item.text().is_some()));
            expect(texts || node.text().is_some(), value, "should be an array or a string", errors);
        }
        Kind::TextMap => check_text_map(value, errors),
        Kind::Hosts { .. } => check_hosts(value, errors),
        Kind::Paths(fields) => check_paths(value, fields, errors),
        Kind::HooksOutput => check_hooks_output(value, errors),
        Kind::SshConfig => check_ssh_config(value, errors),
        // Needed or not, as the registry finds.
        Kind::Credential => {}
        Kind::Fields(fields) => {
            check(value, fields, errors);
        }
    }
}

fn expect(fits: bool, value: &Setting, text: &str, errors: &mut Errors) {
    if !fits {
        errors.at(value, text);
    }
}

/// A list of texts, reported item by item.
pub(in crate::config) fn check_texts(value: &Setting, errors: &mut Errors) {
    expect(value.node.list().is_some(), value, "should be an array", errors);
    for item in value.items() {
        expect(item.node.text().is_some(), &item, "should be a string", errors);
    }
}

/// A mapping of texts, reported value by value.
pub(in crate::config) fn check_text_map(value: &Setting, errors: &mut Errors) {
    expect(value.node.map().is_some(), value, "should be a hash", errors);
    for (_, entry) in value.entries() {
        expect(entry.node.text().is_some(), &entry, "should be a string", errors);
    }
}

fn check_paths(value: &Setting, fields: Fields, errors: &mut Errors) {
    expect(value.node.list().is_some(), value, "should be an array", errors);
    for item in value.items() {
        let fits = item.node.map().is_some() || item.node.text().is_some();
        expect(fits, &item, "should be a string or a hash", errors);
        for field in fields {
            if let Some(part) = item.get(field.key) {
                expect(part.node.text().is_some(), &part, "should be a string", errors);
            }
        }
    }
}

fn check_hooks_output(value: &Setting, errors: &mut Errors) {
    let text = "should be a string or a symbol";
    if value.node.map().is_none() {
        return expect(value.node.text().is_some(), value, text, errors);
    }
    for (_, level) in value.entries() {
        expect(level.node.text().is_some(), &level, text, errors);
    }
}

fn check_ssh_config(value: &Setting, errors: &mut Errors) {
    match &value.node.value {
        Value::Bool(_) | Value::Text(_) => {}
        Value::List(_) => check_texts(value, errors),
        _ => {
            errors.at(value, "should be a boolean or a string or an array");
        }
    }
}
