//! Zones at DigitalOcean (API version 2), by a token with the scopes of domains.

use serde_json::{Value, json};

use super::super::https::Https;
use super::Record;
use super::api::{Api, id};
use super::credentials::Credentials;

/// Our way into the account.
pub struct DigitalOcean(Api);

impl DigitalOcean {
    /// Needs `DIGITALOCEAN_TOKEN`.
    pub fn new(credentials: &Credentials, https: &Https) -> Result<Self, String> {
        let base = credentials.get("DIGITALOCEAN_API_URL").unwrap_or("https://api.digitalocean.com");
        Api::new(base, credentials.require("DIGITALOCEAN_TOKEN")?, https).map(Self)
    }

    /// Adds the record.
    pub async fn present(&self, record: &Record) -> Result<(), String> {
        let body = json!({
            "type": "TXT",
            "name": record.relative_name(),
            "data": record.value,
            "ttl": super::TIME_TO_LIVE,
        });
        self.0.post(&path(record), &body).await.map(drop)
    }

    /// Deletes it, wherever it came from.
    pub async fn remove(&self, record: &Record) -> Result<(), String> {
        let path = path(record);
        let found = self.0.get(&format!("{path}?type=TXT&name={}&per_page=200", record.name)).await?;
        let is_it = |entry: &&Value| entry["data"].as_str() == Some(&record.value);
        for entry in found["domain_records"].as_array().into_iter().flatten().filter(is_it) {
            self.0.delete(&format!("{path}/{}", id(&entry["id"])?)).await?;
        }
        Ok(())
    }
}

fn path(record: &Record) -> String {
    format!("/v2/domains/{}/records", record.zone)
}
