//! Which requests see the rollout targets: those whose `kamal-rollout` cookie is listed or hashes low enough.

use serde::{Deserialize, Deserializer, Serialize};

/// Name of the cookie that the app sets to take part.
pub const COOKIE: &str = "kamal-rollout";

/// The split, as chosen by `rollout set`, in the shape of the state file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Split {
    percentage: i64,
    percentage_split_point: f64,
    #[serde(deserialize_with = "null_as_empty")]
    allowlist: Vec<String>,
}

impl Split {
    /// `percentage` of all cookie values, plus the listed ones.
    pub fn new(percentage: i64, allowlist: Vec<String>) -> Self {
        let percentage_split_point = f64::from(u32::MAX) * (percentage as f64 / 100.0);
        Self { percentage, percentage_split_point, allowlist }
    }

    /// Share of all cookie values, in percent.
    pub fn percentage(&self) -> i64 {
        self.percentage
    }

    /// Cookie values that are in whatever their hash.
    pub fn allowlist(&self) -> &[String] {
        &self.allowlist
    }

    /// Whether the client with this cookie value belongs to the rollout group.
    pub fn includes(&self, cookie: &str) -> bool {
        if cookie.is_empty() {
            return false;
        }
        self.allowlist.iter().any(|listed| listed == cookie)
            || f64::from(fnv1a(cookie.as_bytes())) <= self.percentage_split_point
    }
}

/// FNV-1a, 32 bits: kept from kamal-proxy, or users would change groups when a server moves to dhow.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn null_as_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_271_listed_values_are_in() {
        let split = Split::new(0, vec!["1".into()]);
        assert!(split.includes("1"));
        assert!(!split.includes("2"));
        assert!(!split.includes(""));
    }

    #[test]
    fn t_272_sixty_percent_is_about_six_hundred_of_a_thousand() {
        let split = Split::new(60, vec![]);
        let members = (0..1000).filter(|n| split.includes(&format!("{n:05}"))).count();
        assert!((580..=620).contains(&members), "{members}");
    }

    #[test]
    fn all_short_numbers_fall_in_the_lower_half_as_in_kamal_proxy() {
        let split = Split::new(50, vec![]);
        assert!((0..20).all(|n| split.includes(&n.to_string())));
        assert!(Split::new(100, vec![]).includes("anything"));
        assert!(!Split::new(-1, vec![]).includes("anything"));
    }
}
