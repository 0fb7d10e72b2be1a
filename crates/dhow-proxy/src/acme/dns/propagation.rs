//! Waiting until all servers of a zone show a record: an authority asks any of them, and asks once.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Record;
use super::message::{Data, Entry, kind};
use super::resolver::{NameServer, Resolver};
use super::transport;
use crate::duration;

/// The pause after the first look; it doubles with each further one, …
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// … up to this.
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Waits until every server of the record's zone shows it, at most for this long. The error says which one does not.
pub async fn wait(resolver: &Resolver, record: &Record, port: u16, at_most: Duration) -> Result<(), String> {
    let deadline = Instant::now() + at_most;
    let mut missing = resolver.name_servers(&record.zone).await?;
    let mut pause = FIRST_PAUSE;
    loop {
        let mut still_missing = Vec::new();
        let mut why = String::new();
        for server in missing {
            if let Err(reason) = shows(&server, record, port).await {
                why = reason;
                still_missing.push(server);
            }
        }
        if still_missing.is_empty() {
            return Ok(());
        }
        missing = still_missing;
        if Instant::now() + pause > deadline {
            let waited = duration::format(at_most);
            return Err(format!("{why}, {waited} after the record {} was put into the zone", record.name));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Asks at one address after the other until there is an answer.
async fn shows(server: &NameServer, record: &Record, port: u16) -> Result<(), String> {
    let name = &server.name;
    let mut why = format!("{name} has no address");
    for ip in &server.addresses {
        let is_it = |entry: &Entry| {
            matches!(&entry.data, Data::Text(text) if text == record.value.as_bytes())
                && entry.name == record.name
        };
        why = match transport::ask(SocketAddr::new(*ip, port), &record.name, kind::TXT).await {
            Ok(reply) if reply.answers.iter().any(is_it) => return Ok(()),
            Ok(reply) if matches!(reply.code, 0 | 3) => {
                return Err(format!("{name} ({ip}) does not show it"));
            }
            Ok(reply) => format!("{name} ({ip}) says {}", reply.told()),
            Err(error) => format!("{name} ({ip}): {error}"),
        };
    }
    Err(why)
}
