//! Zones at Hetzner (the DNS of the Cloud API; not the older one of dns.hetzner.com), by a token that may write.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::https::Https;
use super::Record;
use super::api::{Api, id};
use super::credentials::Credentials;

/// How often an action is looked at, …
const LOOK: Duration = Duration::from_millis(500);

/// … and how many times before it is left to itself.
const LOOKS: usize = 60;

/// Our way into the project.
pub struct Hetzner(Api);

impl Hetzner {
    /// Needs `HETZNER_API_TOKEN`.
    pub fn new(credentials: &Credentials, https: &Https) -> Result<Self, String> {
        let base = credentials.get("HETZNER_API_URL").unwrap_or("https://api.hetzner.cloud/v1");
        Api::new(base, credentials.require("HETZNER_API_TOKEN")?, https).map(Self)
    }

    /// Adds the record to those of its name.
    pub async fn present(&self, record: &Record) -> Result<(), String> {
        let mut body = records(record);
        body["ttl"] = super::TIME_TO_LIVE.into();
        self.act(record, "add_records", &body).await
    }

    /// Takes it away from those of its name.
    pub async fn remove(&self, record: &Record) -> Result<(), String> {
        self.act(record, "remove_records", &records(record)).await
    }

    async fn act(&self, record: &Record, action: &str, body: &Value) -> Result<(), String> {
        let (zone, name) = (&record.zone, record.relative_name());
        let begun = self.0.post(&format!("/zones/{zone}/rrsets/{name}/TXT/actions/{action}"), body).await?;
        self.end_of(begun).await.map_err(|why| format!("{action} of the zone {zone}: {why}"))
    }

    async fn end_of(&self, mut answer: Value) -> Result<(), String> {
        for _ in 0..LOOKS {
            let action = &answer["action"];
            match action["status"].as_str() {
                Some("running") => {}
                Some("error") => return Err(action["error"].to_string()),
                _ => return Ok(()),
            }
            sleep(LOOK).await;
            answer = self.0.get(&format!("/actions/{}", id(&action["id"])?)).await?;
        }
        Err("not done in time".into())
    }
}

fn records(record: &Record) -> Value {
    json!({ "records": [{ "value": format!("\"{}\"", record.value) }] })
}
