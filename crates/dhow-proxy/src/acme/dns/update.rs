//! Name servers that take dynamic updates (RFC 2136), such as BIND, Knot and PowerDNS.

use std::net::SocketAddr;

use tokio::net::lookup_host;

use super::Record;
use super::credentials::Credentials;
use super::message::{Change, Draft, IN, NONE, Reply};
use super::resolver::PORT;
use super::transport;
use super::tsig::TsigKey;
use crate::clock;

/// A server, and the key that it knows us by.
pub struct Update {
    server: String,
    key: Option<TsigKey>,
}

impl Update {
    /// Without a key, the server has to know us by our address.
    pub fn new(credentials: &Credentials) -> Result<Self, String> {
        let server = credentials.require("RFC2136_NAMESERVER")?.to_owned();
        let key = match credentials.get("RFC2136_TSIG_KEY") {
            None => None,
            Some(name) => {
                let algorithm = credentials.get("RFC2136_TSIG_ALGORITHM").unwrap_or("hmac-sha256");
                Some(TsigKey::new(name, algorithm, credentials.require("RFC2136_TSIG_SECRET")?)?)
            }
        };
        Ok(Self { server, key })
    }

    /// Puts a record into its zone, beside others of the name.
    pub async fn present(&self, record: &Record) -> Result<(), String> {
        self.change(record, IN, super::TIME_TO_LIVE).await
    }

    /// Takes just this record out again.
    pub async fn remove(&self, record: &Record) -> Result<(), String> {
        self.change(record, NONE, 0).await
    }

    async fn change(&self, record: &Record, class: u16, ttl: u32) -> Result<(), String> {
        let change = Change { name: &record.name, class, ttl, text: &record.value };
        let draft = Draft::update(fastrand::u16(..), &record.zone, &change)?;
        let told = |why: String| format!("update of the zone {} at {}: {why}", record.zone, self.server);
        self.send(draft).await.map_err(told)
    }

    async fn send(&self, draft: Draft) -> Result<(), String> {
        let server = self.address().await?;
        let Some(key) = &self.key else {
            let message = transport::over_tcp(server, draft.bytes()).await?;
            return done(&Reply::read(&message).ok_or("its reply is unreadable")?);
        };
        let (message, signature) = key.sign(draft, clock::since_epoch());
        let message = transport::over_tcp(server, &message).await?;
        let reply = Reply::read(&message).ok_or("its reply is unreadable")?;
        if reply.signature.is_none() {
            done(&reply)?; // A refusal need not be signed; what claims success does.
        }
        key.verify(&message, &reply, &signature, clock::since_epoch())?;
        done(&reply)
    }

    async fn address(&self) -> Result<SocketAddr, String> {
        let text = self.server.as_str();
        let is_bare = text.parse::<std::net::IpAddr>().is_ok() || !text.contains(':');
        let found = match is_bare {
            true => lookup_host((text, PORT)).await.map(|mut found| found.next()),
            false => lookup_host(text).await.map(|mut found| found.next()),
        };
        found.map_err(|error| error.to_string())?.ok_or_else(|| "it has no address".into())
    }
}

fn done(reply: &Reply) -> Result<(), String> {
    match reply.code {
        0 => Ok(()),
        _ => Err(reply.told()),
    }
}
