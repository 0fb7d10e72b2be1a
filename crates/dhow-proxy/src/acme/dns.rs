//! Proofs over DNS (DNS-01; RFC 8555, section 8.4): a record in the zone of a name, put there and taken out again through
//! whoever holds the zone. The only proof for wildcards, and the one that works behind balancers and on many servers.
//!
//! One file per provider; each can put a text into a zone and take it out ([`Provider`]). Which zone it is, and where
//! `_acme-challenge` leads, is looked up ([`resolver`]); and the authority is not told before all servers of the zone show
//! the record ([`propagation`]).

mod api;
mod cloudflare;
pub mod credentials;
mod digital_ocean;
mod hetzner;
pub mod message;
mod program;
mod propagation;
pub mod resolver;
mod route53;
mod sigv4;
mod transport;
mod tsig;
mod update;

use std::sync::Arc;
use std::time::Duration;

use self::cloudflare::Cloudflare;
use self::credentials::Credentials;
use self::digital_ocean::DigitalOcean;
use self::hetzner::Hetzner;
use self::program::Program;
use self::resolver::Resolver;
use self::route53::Route53;
use self::update::Update;
use super::https::Https;
use crate::log::{Field, Log};
use crate::options::dns::DnsOptions;

/// How long others may remember our records, in seconds.
const TIME_TO_LIVE: u32 = 60;

/// How much of an error is told.
const LONGEST_ERROR: usize = 600;

/// A text in a zone.
pub struct Record {
    /// `_acme-challenge.www.example.com`, or what that is an alias of.
    pub name: String,
    /// `example.com`.
    pub zone: String,
    /// What the authority wants to read.
    pub value: String,
}

impl Record {
    /// The name as it is written within its zone: `_acme-challenge.www`, `@` for the zone itself.
    fn relative_name(&self) -> &str {
        let below = self.name.strip_suffix(&self.zone).and_then(|name| name.strip_suffix('.'));
        below.unwrap_or("@")
    }
}

/// Who holds the zones.
enum Provider {
    Cloudflare(Cloudflare),
    DigitalOcean(DigitalOcean),
    Hetzner(Hetzner),
    Program(Program),
    Route53(Route53),
    Update(Box<Update>),
}

/// The names of the providers.
pub const PROVIDERS: [&str; 6] = ["cloudflare", "digitalocean", "exec", "hetzner", "rfc2136", "route53"];

impl Provider {
    fn new(name: &str, credentials: &Credentials, https: &Https) -> Result<Self, String> {
        match name {
            "cloudflare" => Cloudflare::new(credentials, https).map(Self::Cloudflare),
            "digitalocean" => DigitalOcean::new(credentials, https).map(Self::DigitalOcean),
            "hetzner" => Hetzner::new(credentials, https).map(Self::Hetzner),
            "exec" => Program::new(credentials).map(Self::Program),
            "route53" => Route53::new(credentials, https).map(Self::Route53),
            "rfc2136" => Update::new(credentials).map(Box::new).map(Self::Update),
            other => Err(unknown(other)),
        }
    }

    /// Adds a record to those of its name.
    async fn present(&self, record: &Record) -> Result<(), String> {
        match self {
            Self::Cloudflare(zone) => zone.present(record).await,
            Self::DigitalOcean(zone) => zone.present(record).await,
            Self::Hetzner(zone) => zone.present(record).await,
            Self::Program(zone) => zone.present(record).await,
            Self::Route53(zone) => zone.present(record).await,
            Self::Update(zone) => zone.present(record).await,
        }
    }

    /// Takes this record out, and leaves others of its name: other servers may be proving it too.
    async fn remove(&self, record: &Record) -> Result<(), String> {
        match self {
            Self::Cloudflare(zone) => zone.remove(record).await,
            Self::DigitalOcean(zone) => zone.remove(record).await,
            Self::Hetzner(zone) => zone.remove(record).await,
            Self::Program(zone) => zone.remove(record).await,
            Self::Route53(zone) => zone.remove(record).await,
            Self::Update(zone) => zone.remove(record).await,
        }
    }
}

/// What is said of a provider that there is none of.
pub fn unknown(provider: &str) -> String {
    format!("unknown DNS provider {provider:?}; there are {}", PROVIDERS.join(", "))
}

/// Proves names through a provider.
pub struct Dns {
    desk: Arc<Desk>,
    resolver: Resolver,
    port: u16,
    patience: Duration,
}

/// Where records are put up and taken down.
struct Desk {
    provider: Provider,
    credentials: Credentials,
    log: Log,
}

impl Dns {
    /// Reads the credentials; asks nobody anything yet. `port` is that of the zones' name servers.
    pub fn open(options: &DnsOptions, https: &Https, port: u16, log: &Log) -> Result<Self, String> {
        let credentials = Credentials::read(options.credentials_path.as_ref())?;
        let provider = Provider::new(&options.provider, &credentials, https)?;
        let resolver = Resolver::new(&options.resolver)?;
        let desk = Arc::new(Desk { provider, credentials, log: log.clone() });
        Ok(Self { desk, resolver, port, patience: options.propagation_timeout })
    }

    /// Puts up the proof of a host (a wildcard's is that of the name below its star), and waits until all can see it.
    pub async fn present(&self, host: &str, value: String) -> Result<Presented, String> {
        let presented = self.put_up(host, value).await.map_err(|why| self.desk.told(&why))?;
        if !self.patience.is_zero() {
            let record = &presented.record;
            propagation::wait(&self.resolver, record, self.port, self.patience).await?;
        }
        Ok(presented)
    }

    async fn put_up(&self, host: &str, value: String) -> Result<Presented, String> {
        let name = self.resolver.canonical(&format!("_acme-challenge.{host}")).await?;
        let zone = self.resolver.zone(&name).await?;
        let mut presented = Presented { record: Arc::new(Record { name, zone, value }), desk: None };
        // From now on it may be there, whatever we are told.
        presented.desk = Some(Arc::clone(&self.desk));
        self.desk.provider.present(&presented.record).await?;
        Ok(presented)
    }
}

impl Desk {
    /// A failure does not hinder anybody; the next record has another value.
    async fn remove(&self, record: &Record) {
        if let Err(why) = self.provider.remove(record).await {
            let fields: [(&str, &dyn Field); 2] = [("record", &record.name), ("error", &self.told(&why))];
            self.log.warn("Unable to remove a record from its zone", &fields);
        }
    }

    fn told(&self, why: &str) -> String {
        self.credentials.redacted(why).chars().take(LONGEST_ERROR).collect()
    }
}

/// A record that is in its zone. It is taken out if this is dropped, in the background.
pub struct Presented {
    record: Arc<Record>,
    desk: Option<Arc<Desk>>,
}

impl Presented {
    /// Takes it out.
    pub async fn take_down(mut self) {
        if let Some(desk) = &self.desk {
            desk.remove(&self.record).await;
        }
        self.desk = None;
    }
}

impl Drop for Presented {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        if let (Some(desk), Ok(runtime)) = (self.desk.take(), runtime) {
            let record = Arc::clone(&self.record);
            runtime.spawn(async move { desk.remove(&record).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_within_its_zone() {
        let relative = |name: &str| {
            let record = Record { name: name.into(), zone: "a.com".into(), value: String::new() };
            record.relative_name().to_owned()
        };
        assert_eq!(relative("_acme-challenge.www.a.com"), "_acme-challenge.www");
        assert_eq!(relative("a.com"), "@");
    }
}
