//! Sending `www.example.com` to `example.com`, or the other way, for all hosts of a service that come in such pairs.

use serde::{Deserialize, Serialize};

use crate::routes::canonical_host;

/// Which of the two names stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Www {
    /// `www.example.com`.
    Add,
    /// `example.com`.
    Remove,
}

impl Www {
    /// Reads `add` or `remove`; nothing is neither.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        match text {
            "" => Ok(None),
            "add" => Ok(Some(Www::Add)),
            "remove" => Ok(Some(Www::Remove)),
            other => Err(format!("www-redirect {other:?} is neither \"add\" nor \"remove\"")),
        }
    }

    /// The name that a host is redirected to: its partner, if the service has that too.
    pub fn partner<'a>(self, host: &str, hosts: &'a [String]) -> Option<&'a str> {
        let host = canonical_host(host);
        let bare = host.strip_prefix("www.");
        let is_partner = |listed: &&String| match (self, bare) {
            (Www::Remove, Some(bare)) => listed.eq_ignore_ascii_case(bare),
            (Www::Add, None) => {
                listed.get(..4).is_some_and(|www| www.eq_ignore_ascii_case("www."))
                    && listed[4..].eq_ignore_ascii_case(&host)
            }
            _ => false,
        };
        hosts.iter().find(is_partner).map(String::as_str)
    }

    /// Whether any host of the service is ever redirected.
    pub fn applies_to(self, hosts: &[String]) -> bool {
        hosts.iter().any(|host| self.partner(host, hosts).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_pairs_are_redirected() {
        let hosts = ["example.com", "www.example.com", "api.example.com", "WWW.other.org", "other.org"];
        let hosts = hosts.map(String::from);
        for (host, add, remove) in [
            ("example.com", Some("www.example.com"), None),
            ("www.Example.com", None, Some("example.com")),
            ("api.example.com", None, None),
            ("OTHER.org.", Some("WWW.other.org"), None),
            ("www.api.example.com", None, Some("api.example.com")),
        ] {
            assert_eq!(Www::Add.partner(host, &hosts), add, "{host}");
            assert_eq!(Www::Remove.partner(host, &hosts), remove, "{host}");
        }
        assert!(!Www::Add.applies_to(&hosts[2..3]));
    }
}
