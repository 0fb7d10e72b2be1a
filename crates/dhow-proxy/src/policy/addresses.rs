//! Lists of addresses: single ones, networks (RFC 4632, RFC 4291), and presets by name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks that many people have in front of their servers, by the names they can be listed under.
///
/// Cloudflare, Fastly: as those companies publish them. `google`: Google Cloud's load balancers. `private`: RFC 1918, RFC 6598,
/// RFC 4193, loopback and link-local.
const PRESETS: [(&str, &[&str]); 4] = [
    (
        "private",
        &[
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "::1",
            "fc00::/7",
            "fe80::/10",
        ],
    ),
    (
        "cloudflare",
        &[
            "173.245.48.0/20",
            "103.21.244.0/22",
            "103.22.200.0/22",
            "103.31.4.0/22",
            "141.101.64.0/18",
            "108.162.192.0/18",
            "190.93.240.0/20",
            "188.114.96.0/20",
            "197.234.240.0/22",
            "198.41.128.0/17",
            "162.158.0.0/15",
            "104.16.0.0/13",
            "104.24.0.0/14",
            "172.64.0.0/13",
            "131.0.72.0/22",
            "2400:cb00::/32",
            "2606:4700::/32",
            "2803:f800::/32",
            "2405:b500::/32",
            "2405:8100::/32",
            "2a06:98c0::/29",
            "2c0f:f248::/32",
        ],
    ),
    (
        "fastly",
        &[
            "23.235.32.0/20",
            "43.249.72.0/22",
            "103.244.50.0/24",
            "103.245.222.0/23",
            "103.245.224.0/24",
            "104.156.80.0/20",
            "140.248.64.0/18",
            "140.248.128.0/17",
            "146.75.0.0/17",
            "151.101.0.0/16",
            "157.52.64.0/18",
            "167.82.0.0/17",
            "167.82.128.0/20",
            "167.82.160.0/20",
            "167.82.224.0/20",
            "172.111.64.0/18",
            "185.31.16.0/22",
            "199.27.72.0/21",
            "199.232.0.0/16",
            "2a04:4e40::/32",
            "2a04:4e42::/32",
        ],
    ),
    ("google", &["35.191.0.0/16", "130.211.0.0/22"]),
];

/// Some networks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Addresses {
    /// Reads a list of addresses, networks and names of presets.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        let mut addresses = Self::default();
        for entry in list {
            match PRESETS.iter().find(|(name, _)| *name == entry) {
                Some((_, networks)) => networks.iter().try_for_each(|network| addresses.add(network))?,
                None => addresses.add(entry)?,
            }
        }
        Ok(addresses)
    }

    /// Whether the address is in one of the networks. An IPv4 address within IPv6 counts as what it is.
    pub fn contain(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => contains(&self.v4, u32::from(address)),
            IpAddr::V6(address) => contains(&self.v6, u128::from(address)),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, length)| (a, Some(length)));
        let length = length.map(|length| length.parse::<u32>().map_err(|_| none(text))).transpose()?;
        match address.parse::<IpAddr>().map_err(|_| none(text))? {
            IpAddr::V4(address) => self.v4.push(network_v4(address, length).ok_or_else(|| none(text))?),
            IpAddr::V6(address) => self.v6.push(network_v6(address, length).ok_or_else(|| none(text))?),
        }
        Ok(())
    }
}

/// An address out of a forwarding chain: perhaps with a port, perhaps in brackets.
pub fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    if let Ok(address) = hop.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let address = match hop.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => hop.split_once(':')?.0,
    };
    address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn network_v4(address: Ipv4Addr, length: Option<u32>) -> Option<(u32, u32)> {
    let length = length.unwrap_or(32);
    let mask = (length <= 32).then(|| u32::MAX.checked_shl(32 - length).unwrap_or(0))?;
    Some((u32::from(address) & mask, mask))
}

fn network_v6(address: Ipv6Addr, length: Option<u32>) -> Option<(u128, u128)> {
    let length = length.unwrap_or(128);
    let mask = (length <= 128).then(|| u128::MAX.checked_shl(128 - length).unwrap_or(0))?;
    Some((u128::from(address) & mask, mask))
}

fn contains<N: Copy + PartialEq + std::ops::BitAnd<Output = N>>(networks: &[(N, N)], address: N) -> bool {
    networks.iter().any(|(network, mask)| address & *mask == *network)
}

fn none(text: &str) -> String {
    let presets: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
    format!(
        "{text:?} is no address; use one (192.0.2.7), a network (192.0.2.0/24, 2001:db8::/32), or one of {}",
        presets.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(list: &[&str], address: &str) -> bool {
        let list: Vec<_> = list.iter().map(ToString::to_string).collect();
        Addresses::parse(&list).unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn networks_contain_what_shares_their_prefix() {
        assert!(contain(&["192.0.2.0/24"], "192.0.2.255"));
        assert!(!contain(&["192.0.2.0/24"], "192.0.3.0"));
        assert!(contain(&["192.0.2.9/24"], "192.0.2.1"), "host bits mean nothing");
        assert!(contain(&["0.0.0.0/0"], "255.255.255.255") && !contain(&["0.0.0.0/0"], "::1"));
        assert!(contain(&["::/0"], "2001:db8::1"));
        assert!(contain(&["192.0.2.1"], "::ffff:192.0.2.1"));
        assert!(contain(&["2001:db8::/33"], "2001:db8:7fff::1"));
        assert!(!contain(&["2001:db8::/33"], "2001:db8:8000::1"));
    }

    #[test]
    fn presets_are_lists_of_networks() {
        assert!(contain(&["private"], "10.9.8.7") && contain(&["private"], "fd00::1"));
        assert!(contain(&["cloudflare"], "104.16.0.1") && contain(&["cloudflare"], "2606:4700::1"));
        assert!(contain(&["cloudflare", "203.0.113.1"], "203.0.113.1"));
        for (name, _) in PRESETS {
            assert!(!contain(&[name], "8.8.8.8"), "{name}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/x", "example.com", "Cloudflare"]
        {
            let error = Addresses::parse(&[bad.to_owned()]).unwrap_err();
            assert!(error.starts_with(&format!("{bad:?} is no address")), "{error}");
        }
    }
}
