//! What targets are given time for, and how much of the requests each gets. kamal-proxy knows none of it: an untouched
//! state file says nothing of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanoseconds;
use crate::duration;
use crate::policy::basic_auth::is_below;

/// The largest weight of a target.
const MAX_WEIGHT: u32 = 100;

/// Options of targets that are dhow's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetTuning {
    /// Time for the response header, by path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path_timeouts: Vec<PathTimeout>,
    /// Time for a connection to be made; zero for the usual one.
    #[serde(with = "nanoseconds", skip_serializing_if = "Duration::is_zero")]
    pub connect_timeout: Duration,
    /// Time in which a body has to make some progress; zero for no limit.
    #[serde(with = "nanoseconds", skip_serializing_if = "Duration::is_zero")]
    pub idle_timeout: Duration,
    /// By address as given; 1 for those that are missing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
}

/// Time for the response header, for a path and all below it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PathTimeout {
    /// As the app sees it.
    pub path: String,
    /// Zero for no limit.
    #[serde(with = "nanoseconds")]
    pub limit: Duration,
}

impl TargetTuning {
    /// Whether nothing is set.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The time that a path has, if it has one of its own: that of the longest prefix.
    pub fn response_timeout(&self, path: &str) -> Option<Duration> {
        let above = self.path_timeouts.iter().filter(|timeout| is_below(&timeout.path, path));
        above.max_by_key(|timeout| timeout.path.len()).map(|timeout| timeout.limit)
    }

    /// How much of the requests a target gets, compared with others.
    pub fn weight(&self, address: &str) -> u32 {
        self.weights.get(address).copied().unwrap_or(1)
    }
}

impl PathTimeout {
    /// Reads `/path=time`. The error is for the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let told = |error: &str| format!("path-timeout {text:?} {error}; for example /reports=5m");
        let (path, limit) = text.rsplit_once('=').ok_or_else(|| told("names no time"))?;
        if !path.starts_with('/') {
            return Err(told("is for no path, which begins with a slash"));
        }
        let limit = duration::parse(limit).map_err(|error| told(&format!("names no time ({error})")))?;
        Ok(Self { path: path.to_owned(), limit })
    }
}

/// Reads `host:port=weight`s for these targets. The error is for the command line.
pub fn parse_weights(texts: &[String], targets: &[String]) -> Result<BTreeMap<String, u32>, String> {
    let mut weights = BTreeMap::new();
    for text in texts {
        let told = |error: &str| format!("target-weight {text:?} {error}");
        let (target, weight) =
            text.rsplit_once('=').ok_or_else(|| told("is no host:port=weight, for example app:3000=3"))?;
        if !targets.iter().any(|known| known == target) {
            return Err(told("is for no target of this deploy"));
        }
        let weight = weight.parse().ok().filter(|weight| (1..=MAX_WEIGHT).contains(weight));
        weights.insert(target.to_owned(), weight.ok_or_else(|| told("is not from 1 to 100"))?);
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let timeouts = ["/=1s", "/reports=5m", "/reports/live=0", "/up=100ms"];
        let tuning = TargetTuning {
            path_timeouts: timeouts.iter().map(|text| PathTimeout::parse(text).unwrap()).collect(),
            ..TargetTuning::default()
        };
        for (path, millis) in
            [("/", 1000), ("/reports/", 300_000), ("/reportsx", 1000), ("/reports/live/7", 0), ("/up", 100)]
        {
            assert_eq!(tuning.response_timeout(path), Some(Duration::from_millis(millis)), "{path}");
        }
        assert_eq!(TargetTuning::default().response_timeout("/"), None);
        for bad in ["/reports", "reports=5s", "/reports=5", "=5s"] {
            assert!(PathTimeout::parse(bad).unwrap_err().ends_with("for example /reports=5m"), "{bad}");
        }
    }

    #[test]
    fn weights_are_for_targets_of_the_deploy() {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let parse = |text: &str| parse_weights(&owned(&[text]), &owned(&["a:80", "b"]));
        assert_eq!(parse("a:80=3").unwrap(), [("a:80".to_string(), 3)].into());
        for (bad, error) in [
            ("a:80", "is no host:port=weight"),
            ("c=3", "is for no target of this deploy"),
            ("b=0", "is not from 1 to 100"),
            ("b=101", "is not from 1 to 100"),
            ("b=x", "is not from 1 to 100"),
        ] {
            assert!(parse(bad).unwrap_err().contains(error), "{bad}");
        }
    }
}
