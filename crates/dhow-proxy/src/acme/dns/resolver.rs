//! Looking names up: where a zone begins, who serves it, and what a name stands for.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::message::{Data, Entry, Reply, kind};
use super::transport;

/// The port of name servers.
pub const PORT: u16 = 53;

/// The system's own servers.
const SYSTEM: &str = "/etc/resolv.conf";

/// Aliases that are followed.
const MOST_ALIASES: usize = 8;

/// The servers that look up names for us.
pub struct Resolver {
    servers: Vec<SocketAddr>,
}

/// A server of a zone.
pub struct NameServer {
    /// By name.
    pub name: String,
    /// Where it is.
    pub addresses: Vec<IpAddr>,
}

impl Resolver {
    /// One server (`IP` or `IP:PORT`); the system's own if that is empty.
    pub fn new(server: &str) -> Result<Self, String> {
        if server.is_empty() {
            return Self::system();
        }
        let address = server.parse().or_else(|_| server.parse().map(|ip| SocketAddr::new(ip, PORT)));
        let address = address.map_err(|_| format!("resolver {server:?}: write IP or IP:PORT"))?;
        Ok(Self { servers: vec![address] })
    }

    fn system() -> Result<Self, String> {
        let text = fs::read_to_string(SYSTEM).map_err(|error| format!("{SYSTEM}: {error}"))?;
        let servers = name_servers(&text);
        match servers.is_empty() {
            true => Err(format!("{SYSTEM} names no server")),
            false => Ok(Self { servers }),
        }
    }

    /// The name that this one stands for, aliases (CNAME) followed: zones delegate their challenges that way.
    pub async fn canonical(&self, name: &str) -> Result<String, String> {
        let mut name = name.to_owned();
        for _ in 0..MOST_ALIASES {
            let reply = self.look_up(&name, kind::CNAME).await?;
            let alias = reply.answers.into_iter().find(|entry| entry.name == name).and_then(into_name);
            match alias {
                Some(target) => name = target,
                None => return Ok(name),
            }
        }
        Err(format!("{name} is one of too many aliases"))
    }

    /// The zone that a name is in.
    pub async fn zone(&self, name: &str) -> Result<String, String> {
        for zone in ancestors(name) {
            let reply = self.look_up(zone, kind::SOA).await?;
            let is_beginning = |entry: &&Entry| entry.kind == kind::SOA && is_within(name, &entry.name);
            if let Some(begin) = reply.answers.iter().chain(&reply.authorities).find(is_beginning) {
                return Ok(begin.name.clone());
            }
        }
        Err(format!("no zone is known that {name} would be in"))
    }

    /// Who serves a zone.
    pub async fn name_servers(&self, zone: &str) -> Result<Vec<NameServer>, String> {
        let reply = self.look_up(zone, kind::NS).await?;
        let names = reply.answers.into_iter().filter(|entry| entry.kind == kind::NS).filter_map(into_name);
        let mut servers = Vec::new();
        for name in names {
            let mut addresses = Vec::new();
            for kind in [kind::A, kind::AAAA] {
                let found = self.look_up(&name, kind).await.map(|reply| reply.answers).unwrap_or_default();
                addresses.extend(found.into_iter().filter_map(|entry| match entry.data {
                    Data::Address(address) => Some(address),
                    _ => None,
                }));
            }
            servers.push(NameServer { name, addresses });
        }
        match servers.is_empty() {
            true => Err(format!("no name servers of {zone} are known")),
            false => Ok(servers),
        }
    }

    /// The answer of the first server that has one; that there is no such name is one.
    async fn look_up(&self, name: &str, kind: u16) -> Result<Reply, String> {
        const NAME_ERROR: u8 = 3;
        let mut why = String::new();
        for server in &self.servers {
            why = match transport::ask(*server, name, kind).await {
                Ok(reply) if matches!(reply.code, 0 | NAME_ERROR) => return Ok(reply),
                Ok(reply) => format!("{server}: {}", reply.told()),
                Err(error) => format!("{server}: {error}"),
            };
        }
        Err(format!("unable to look up {name}: {why}"))
    }
}

fn into_name(entry: Entry) -> Option<String> {
    match entry.data {
        Data::Name(name) => Some(name),
        _ => None,
    }
}

/// A name, what is above it, and so on.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| Some(name.split_once('.')?.1))
}

fn is_within(name: &str, zone: &str) -> bool {
    !zone.is_empty() && ancestors(name).any(|ancestor| ancestor == zone)
}

fn name_servers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.filter_map(|address| Some(SocketAddr::new(address.trim().parse().ok()?, PORT))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_servers_are_read() {
        let text = "# mine\nsearch a.com\nnameserver 127.0.0.11\nnameserver fe80::1%eth0\nnameserver ::1\n";
        let read: Vec<_> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["127.0.0.11:53", "[::1]:53"]);
    }

    #[test]
    fn a_server_may_have_a_port() {
        let at = |text| Resolver::new(text).map(|resolver| resolver.servers[0].to_string());
        assert_eq!(at("1.1.1.1").unwrap(), "1.1.1.1:53");
        assert_eq!(at("::1").unwrap(), "[::1]:53");
        assert_eq!(at("[::1]:5353").unwrap(), "[::1]:5353");
        assert_eq!(at("dns.google").unwrap_err(), "resolver \"dns.google\": write IP or IP:PORT");
    }

    #[test]
    fn a_name_is_within_what_is_above_it() {
        assert_eq!(ancestors("x.a.com").collect::<Vec<_>>(), ["x.a.com", "a.com", "com"]);
        assert!(is_within("x.a.com", "a.com") && is_within("a.com", "a.com"));
        assert!(!is_within("xa.com", "a.com") && !is_within("a.com", ""));
    }
}
