//! Secrets files as dotenv 3.2.0 reads them with Kamal 2.12.0's command substitution: `dotenv.json` holds files and what
//! became of them there, written by hand and put together at random. Files are left out in which the two differ on purpose.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use dhow_core::config::Document;
use dhow_core::secrets::dotenv::{CommandFailed, parse};
use std::collections::BTreeMap;
use std::process::Command;

/// What stood in the environment when the outcomes were recorded.
const ENVIRONMENT: [(&str, &str); 2] = [("OUT", "outer"), ("B1", "env b1")];

#[test]
fn files_read_as_in_ruby() {
    let cases: Vec<(String, BTreeMap<String, String>)> =
        serde_json::from_str(include_str!("dotenv.json")).unwrap();
    assert!(cases.len() > 350, "{}", cases.len());
    let environment = ENVIRONMENT.map(|(name, value)| (name.to_string(), value.to_string())).into();
    for (text, expected) in cases {
        let file = Document { path: "secrets".to_string(), text: text.clone() };
        let values = parse(&file, &environment, &mut shell).unwrap();
        let values: BTreeMap<_, _> =
            values.iter().map(|(key, value)| (key.clone(), value.reveal().to_string())).collect();
        assert_eq!(values, expected, "{text:?}");
    }
}

fn shell(command: &str) -> Result<String, CommandFailed> {
    let output = Command::new("sh").args(["-c", command]).envs(ENVIRONMENT).output().unwrap();
    Ok(String::from_utf8(output.stdout).unwrap())
}
