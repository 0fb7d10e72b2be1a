//! AWS Secrets Manager: names or ARNs; a secret that is a JSON object gives one value per key. The account is a profile.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::secrets::Secret;
use crate::shell::Command;
use serde_json::Value;

const TOOL: &str = "AWS";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let names = wanted.prefixed()?;
    outside.needs("aws", "--version", TOOL)?;
    let get = Command::new("aws").words(["secretsmanager", "batch-get-secret-value", "--secret-id-list"]);
    let get = wanted.account.iter().fold(get.words(&names), |get, account| get.option("--profile", account));
    let Some(reply) = outside.answer(get.option("--output", "json")) else {
        return said(format!("Could not read {names:?} from AWS Secrets Manager"));
    };
    let reply = reply::json(&reply, TOOL)?;
    refuse_errors(&reply)?;
    let mut fetched = Fetched::default();
    for secret in reply["SecretValues"].as_array().into_iter().flatten() {
        take(secret, &mut fetched)?;
    }
    Ok(fetched)
}

fn refuse_errors(reply: &Value) -> Result<(), NotFetched> {
    let text = |error: &Value, field: &str| error[field].as_str().unwrap_or_default().to_string();
    let errors = reply["Errors"].as_array().into_iter().flatten();
    let errors: Vec<String> =
        errors.map(|error| format!("{}: {}", text(error, "SecretId"), text(error, "Message"))).collect();
    if errors.is_empty() { Ok(()) } else { said(errors.join(" ")) }
}

fn take(secret: &Value, fetched: &mut Fetched) -> Result<(), NotFetched> {
    let name = reply::field(secret, "Name", TOOL)?;
    let Some(text) = secret["SecretString"].as_str() else {
        return said(format!("{name} is binary in AWS Secrets Manager: only text can be a secret"));
    };
    match reply::object(text) {
        Some(entries) => {
            let value = |json: &str| reply::value(json).or_else(|| Some(Secret::new(json)));
            entries.iter().for_each(|(key, json)| fetched.insert(format!("{name}/{key}"), value(json)));
        }
        // A JSON string loses its quotes, as with Kamal.
        None => {
            fetched.insert(name, Some(Secret::new(serde_json::from_str(text).unwrap_or(text.to_string()))))
        }
    }
    Ok(())
}
