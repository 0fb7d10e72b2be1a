//! Zones at Cloudflare (API version 4), by a token that may edit the zone's records.

use serde_json::{Value, json};

use super::super::https::Https;
use super::Record;
use super::api::{Api, id};
use super::credentials::Credentials;

/// Our way into the account.
pub struct Cloudflare(Api);

impl Cloudflare {
    /// Needs `CLOUDFLARE_API_TOKEN`; the permissions Zone:Read and DNS:Edit.
    pub fn new(credentials: &Credentials, https: &Https) -> Result<Self, String> {
        let base = credentials.get("CLOUDFLARE_API_URL").unwrap_or("https://api.cloudflare.com/client/v4");
        Api::new(base, credentials.require("CLOUDFLARE_API_TOKEN")?, https).map(Self)
    }

    /// Adds the record.
    pub async fn present(&self, record: &Record) -> Result<(), String> {
        let path = self.path(record).await?;
        let body = json!({
            "type": "TXT",
            "name": record.name,
            "content": format!("\"{}\"", record.value),
            "ttl": super::TIME_TO_LIVE,
        });
        self.0.post(&path, &body).await.map(drop)
    }

    /// Deletes it, wherever it came from.
    pub async fn remove(&self, record: &Record) -> Result<(), String> {
        let path = self.path(record).await?;
        let found = self.0.get(&format!("{path}?type=TXT&name={}", record.name)).await?;
        let is_it = |entry: &&Value| {
            entry["content"].as_str().is_some_and(|text| text.trim_matches('"') == record.value)
        };
        for entry in found["result"].as_array().into_iter().flatten().filter(is_it) {
            self.0.delete(&format!("{path}/{}", id(&entry["id"])?)).await?;
        }
        Ok(())
    }

    async fn path(&self, record: &Record) -> Result<String, String> {
        let found = self.0.get(&format!("/zones?name={}", record.zone)).await?;
        let zone = &found["result"][0]["id"];
        if zone.is_null() {
            return Err(format!("the token sees no zone {}", record.zone));
        }
        Ok(format!("/zones/{}/dns_records", id(zone)?))
    }
}
