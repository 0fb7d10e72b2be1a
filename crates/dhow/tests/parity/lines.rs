//! What servers received, a line for each thing, so that it can be compared and read.

use super::accepted;
use serde_json::Value;

/// A line for each call, file and directory: case, server, section, then what it is.
pub fn of(case: &str, received: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (server, sections) in received.as_object().unwrap() {
        for (section, content) in sections.as_object().unwrap() {
            lines
                .extend(entries(content).map(|entry| format!("{case} {server} {section} {}", usual(&entry))));
        }
    }
    lines.sort();
    lines
}

/// Lines that only Kamal (`-`) or only dhow (`+`) has.
pub fn differences(kamal: &[String], dhow: &[String]) -> Vec<String> {
    let mut added = dhow.to_vec();
    let mut missing = kamal.to_vec();
    missing.retain(|line| {
        let same = added.iter().position(|other| other == line);
        same.map(|at| added.swap_remove(at)).is_none()
    });
    let missing = missing.iter().map(|line| format!("- {line}"));
    missing.chain(added.iter().map(|line| format!("+ {line}"))).collect()
}

fn entries(content: &Value) -> Box<dyn Iterator<Item = String> + '_> {
    match content {
        Value::Object(files) => Box::new(files.iter().map(|(name, file)| format!("{name} {file}"))),
        list => Box::new(list.as_array().unwrap().iter().map(Value::to_string)),
    }
}

/// Assets are named by a fingerprint that says nothing here.
fn usual(entry: &str) -> String {
    let entry =
        accepted::WORDS.iter().fold(entry.to_string(), |entry, (own, kamals)| entry.replace(own, kamals));
    let mut parts = entry.split("app-0123456");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + "app-FINGERPRINT" + &part["01234".len()..])
}
