//! Replies are JSON, whatever the program.

use super::{Fetched, NotFetched};
use crate::secrets::Secret;
use crate::secrets::inline::position;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A reply of any shape.
pub(super) fn json(reply: &Secret, tool: &'static str) -> Result<Value, NotFetched> {
    serde_json::from_str(reply.reveal()).map_err(|_| NotFetched::Unreadable(tool))
}

/// A reply that is a list.
pub(super) fn list(reply: &Secret, tool: &'static str) -> Result<Vec<Value>, NotFetched> {
    match json(reply, tool)? {
        Value::Array(items) => Ok(items),
        _ => Err(NotFetched::Unreadable(tool)),
    }
}

/// Text as it is, anything else as JSON; `None` for what is not there.
pub(super) fn text(value: &Value) -> Option<Secret> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Secret::new(text)),
        other => Some(Secret::new(other.to_string())),
    }
}

/// A field that has to be there: a name, an id.
pub(super) fn field<'a>(item: &'a Value, name: &str, tool: &'static str) -> Result<&'a str, NotFetched> {
    item[name].as_str().ok_or(NotFetched::Unreadable(tool))
}

/// The object a text holds, in the order it is written; each value is JSON as it stands there.
pub(super) fn object(text: &str) -> Option<Vec<(String, String)>> {
    let object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    let mut entries: Vec<(String, String)> =
        object.into_iter().map(|(name, value)| (name, value.get().to_string())).collect();
    entries.sort_by_cached_key(|(name, _)| position(text, name));
    Some(entries)
}

/// The value that JSON of [`object`] stands for; a number keeps every digit.
pub(super) fn value(json: &str) -> Option<Secret> {
    match serde_json::from_str(json) {
        Ok(Value::Number(_)) | Err(_) => Some(Secret::new(json)),
        Ok(value) => text(&value),
    }
}

/// What a file of secrets holds, objects within objects under `OUTER/INNER`.
pub(super) fn flattened(entries: Vec<(String, String)>) -> Vec<(String, Option<Secret>)> {
    let flat = |(name, json): (String, String)| match object(&json) {
        Some(inner) => {
            flattened(inner.into_iter().map(|(key, json)| (format!("{name}/{key}"), json)).collect())
        }
        None => vec![(name, value(&json))],
    };
    entries.into_iter().flat_map(flat).collect()
}

/// Those asked for by name, or by the name of the object they are in; all of them if none is named.
pub(super) fn selected(
    all: Vec<(String, Option<Secret>)>,
    names: &[String],
    file: &str,
) -> Result<Fetched, NotFetched> {
    let is_meant = |key: &str, name: &String| {
        key.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !all.iter().any(|(key, _)| is_meant(key, name)))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return super::said(format!("Could not find {} in {file}", missing.join(", ")));
    }
    let is_asked_for = |key: &str| names.is_empty() || names.iter().any(|name| is_meant(key, name));
    Ok(all.into_iter().filter(|(key, _)| is_asked_for(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_their_order() {
        let names =
            |text| object(text).map(|entries| entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(names(r#"{"z":1,"a":{"b":2},"m":[]}"#), Some(vec!["z".into(), "a".into(), "m".into()]));
        assert_eq!(names("[1]"), None);
        assert_eq!(names("p4ss"), None);
    }

    #[test]
    fn names_select_values_and_groups() {
        let all = || {
            flattened(
                object(r#"{"A":"1","db":{"user":"u","port":54321098765432109876543210},"dbx":"2"}"#).unwrap(),
            )
        };
        let select = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            selected(all(), &names, "s.json").map(|fetched| fetched.to_json().reveal().to_string())
        };
        assert_eq!(select(&["A"]).unwrap(), r#"{"A":"1"}"#);
        assert_eq!(select(&["db"]).unwrap(), r#"{"db/user":"u","db/port":"54321098765432109876543210"}"#);
        assert_eq!(
            select(&[]).unwrap(),
            r#"{"A":"1","db/user":"u","db/port":"54321098765432109876543210","dbx":"2"}"#
        );
        assert_eq!(select(&["X", "A", "Y"]).unwrap_err().to_string(), "Could not find X, Y in s.json");
    }
}
