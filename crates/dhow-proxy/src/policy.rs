//! What a service asks of its clients, beyond what kamal-proxy knows: where they may come from, how often, and who they are;
//! and what it asks of its answers.
//!
//! A service without any of it has no policy, and its requests pay for one look at an `Option`.

pub mod addresses;
pub mod answers;
pub mod basic_auth;
pub mod by_client;
pub mod options;
pub mod rate;
pub mod stickiness;
pub mod www;

use std::net::IpAddr;
use std::sync::Arc;

use hyper::StatusCode;

use crate::http::fields::Fields;
use crate::http::headers::FORWARDED_FOR;
use addresses::Addresses;
use answers::Answers;
use basic_auth::{BasicAuth, Pending, Standing};
use options::PolicyOptions;
use rate::RateLimit;
use stickiness::Stickiness;

/// The rules of a service, ready for use by every worker.
#[derive(Default)]
pub struct Policy {
    trusted_proxies: Option<Addresses>,
    allowed: Option<Addresses>,
    denied: Option<Addresses>,
    rate: Option<RateLimit>,
    basic_auth: Option<Arc<BasicAuth>>,
    /// What is done to answers.
    pub answers: Answers,
    /// How clients are brought back to their targets, if they are.
    pub stickiness: Option<Stickiness>,
    is_closed: bool,
}

/// What the rules say to a request.
pub enum Ruling {
    /// Go on.
    Pass,
    /// The answer is this status, with these headers.
    Refuse(StatusCode, Vec<(&'static str, String)>),
    /// Ask again when the password was looked at.
    Verify(Pending),
}

impl Policy {
    /// The rules, if there are any. The error is for the command line.
    pub fn new(options: &PolicyOptions) -> Result<Option<Arc<Self>>, String> {
        if !options.has_rules() {
            return Ok(None);
        }
        let listed = |name: &str, list: &[String]| {
            let addresses = Addresses::parse(list).map_err(|error| format!("{name}: {error}"))?;
            Ok::<_, String>((!list.is_empty()).then_some(addresses))
        };
        Ok(Some(Arc::new(Self {
            trusted_proxies: listed("trusted-proxy", &options.trusted_proxies)?,
            allowed: listed("allow-ip", &options.allowed_ips)?,
            denied: listed("deny-ip", &options.denied_ips)?,
            rate: options.rate_limit.as_ref().map(RateLimit::new),
            basic_auth: BasicAuth::load(options)?.map(Arc::new),
            answers: Answers::new(&options.answers)?,
            stickiness: options.sticky_key.as_ref().map(Stickiness::new),
            is_closed: false,
        })))
    }

    /// Lets nobody in: for a service whose rules cannot be read any more. What was protected stays protected.
    pub fn closed() -> Arc<Self> {
        Arc::new(Self { is_closed: true, ..Self::default() })
    }

    /// Whether what this peer says about the client it forwards is believed; `None` where no list says so.
    pub fn trusts(&self, peer: IpAddr) -> Option<bool> {
        self.trusted_proxies.as_ref().map(|trusted| trusted.contain(peer))
    }

    /// The client's address: the last one in the chain that is not a trusted proxy (as with nginx's `real_ip_recursive`).
    pub fn client(&self, peer: IpAddr, headers: &Fields) -> IpAddr {
        let Some(trusted) = self.trusted_proxies.as_ref().filter(|trusted| trusted.contain(peer)) else {
            return peer;
        };
        let lines: Vec<&[u8]> = headers.all(FORWARDED_FOR).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        let mut client = peer;
        for hop in hops {
            let Some(address) = addresses::parse_hop(hop) else { return client };
            client = address;
            if !trusted.contain(address) {
                return client;
            }
        }
        client
    }

    /// Where a request may come from, and how often: asked once for each request.
    pub fn admits(&self, client: IpAddr) -> Ruling {
        let refuse = |status| Ruling::Refuse(status, Vec::new());
        if self.is_closed {
            return refuse(StatusCode::SERVICE_UNAVAILABLE);
        }
        let is_outside = self.allowed.as_ref().is_some_and(|allowed| !allowed.contain(client));
        if is_outside || self.denied.as_ref().is_some_and(|denied| denied.contain(client)) {
            return refuse(StatusCode::FORBIDDEN);
        }
        match self.rate.as_ref().map(|rate| rate.take(client)) {
            Some(Err(wait)) => {
                // In whole seconds (RFC 9110, section 10.2.3), and never too early.
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Ruling::Refuse(StatusCode::TOO_MANY_REQUESTS, vec![("Retry-After", seconds.to_string())])
            }
            _ => Ruling::Pass,
        }
    }

    /// Who the client is.
    pub fn knows(&self, path: &str, headers: &Fields) -> Ruling {
        let Some(auth) = &self.basic_auth else { return Ruling::Pass };
        match auth.standing(path, headers) {
            Standing::Known => Ruling::Pass,
            Standing::Unknown => {
                let challenge = auth.challenge();
                Ruling::Refuse(StatusCode::UNAUTHORIZED, vec![("WWW-Authenticate", challenge)])
            }
            Standing::Unsettled(credentials) => Ruling::Verify(Pending::new(auth, credentials)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(change: impl FnOnce(&mut PolicyOptions)) -> Arc<Policy> {
        let mut options = PolicyOptions::default();
        change(&mut options);
        Policy::new(&options).unwrap().unwrap()
    }

    fn status(ruling: &Ruling) -> u16 {
        match ruling {
            Ruling::Refuse(status, _) => status.as_u16(),
            _ => 200,
        }
    }

    #[test]
    fn nothing_set_is_no_policy() {
        assert!(Policy::new(&PolicyOptions::default()).unwrap().is_none());
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_trusted_proxy() {
        let policy = policy(|o| o.trusted_proxies = vec!["10.0.0.0/8".into(), "2001:db8::/32".into()]);
        let client = |peer: &str, chain: &[&str]| {
            let mut headers = Fields::default();
            chain.iter().for_each(|line| headers.add("x-forwarded-for", line.as_bytes()));
            policy.client(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.9"]), "1.2.3.4");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "1.2.3.4:8080"]), "1.2.3.4");
        assert_eq!(client("2001:db8::1", &["[2001:db9::7]:443"]), "2001:db9::7");
        assert_eq!(client("7.7.7.7", &["1.2.3.4"]), "7.7.7.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.2.3.4, nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.7, 10.0.0.8"]), "10.0.0.7");
        assert_eq!(policy.trusts("10.1.1.1".parse().unwrap()), Some(true));
        assert_eq!(policy.trusts("11.1.1.1".parse().unwrap()), Some(false));
    }

    #[test]
    fn addresses_are_allowed_unless_denied() {
        let policy = policy(|o| {
            o.allowed_ips = vec!["192.0.2.0/24".into()];
            o.denied_ips = vec!["192.0.2.66".into()];
        });
        for (address, expected) in [("192.0.2.1", 200), ("192.0.2.66", 403), ("198.51.100.1", 403)] {
            assert_eq!(status(&policy.admits(address.parse().unwrap())), expected, "{address}");
        }
    }

    #[test]
    fn rules_that_cannot_be_read_let_nobody_in() {
        assert_eq!(status(&Policy::closed().admits("1.1.1.1".parse().unwrap())), 503);
        let options = PolicyOptions { denied_ips: vec!["10.0.0.0/40".into()], ..PolicyOptions::default() };
        let error = Policy::new(&options).err().unwrap();
        assert!(error.starts_with("deny-ip: \"10.0.0.0/40\" is no address"), "{error}");
    }
}
