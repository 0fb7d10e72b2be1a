//! What the holder of a zone wants to know of us, as dhow's proxy reads it: a line `KEY=VALUE` each.

use super::{Secret, Secrets};
use crate::config::DnsProof;

/// The file's content. A value of several lines cannot be written there.
pub fn credentials_file(proof: &DnsProof, secrets: &Secrets) -> Result<Secret, String> {
    let mut content = String::new();
    for key in &proof.credentials {
        let secret = secrets.find(key).map_err(|error| error.to_string())?;
        content.push_str(&line(key, secret.reveal())?);
    }
    for (key, value) in &proof.settings {
        content.push_str(&line(key, value)?);
    }
    Ok(Secret::new(content))
}

fn line(key: &str, value: &str) -> Result<String, String> {
    match value.trim_end_matches(['\n', '\r']) {
        value if value.contains(['\n', '\r']) => {
            Err(format!("{key} has several lines, and a DNS provider's credentials have one each"))
        }
        value => Ok(format!("{key}={value}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn file(value: &str) -> Result<String, String> {
        let values = BTreeMap::from([("TOKEN".to_string(), Secret::new(value))]);
        let proof = DnsProof {
            provider: "exec".to_string(),
            credentials: vec!["TOKEN".to_string()],
            settings: vec![("EXEC_PATH".to_string(), "/hook".to_string())],
            propagation_timeout: None,
            resolver: None,
        };
        let secrets = Secrets::new(values, vec![".kamal/secrets".to_string()]);
        credentials_file(&proof, &secrets).map(|file| file.reveal().to_string())
    }

    #[test]
    fn secrets_and_settings_have_a_line_each() {
        assert_eq!(file("a=b\n").unwrap(), "TOKEN=a=b\nEXEC_PATH=/hook\n");
        let error = file("first\nsecond").unwrap_err();
        assert_eq!(error, "TOKEN has several lines, and a DNS provider's credentials have one each");
    }
}
