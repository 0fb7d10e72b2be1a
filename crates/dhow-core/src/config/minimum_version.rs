//! `minimum_version:`: the oldest Kamal that may deploy this project, compared as RubyGems compares versions.

use super::errors::Errors;
use super::setting::Setting;
use std::cmp::Ordering;

/// The Kamal whose behaviour dhow has.
const KAMAL: &str = "2.12.0";

/// Checks that dhow is as good as the version asked for.
pub(super) fn check(version: &Setting, errors: &mut Errors) {
    let Some(text) = version.node.text() else { return };
    match Version::parse(&text) {
        None => {
            errors.plain(version, format!("Malformed version number string {text}"));
        }
        Some(minimum) if Version::parse(KAMAL).is_some_and(|own| minimum > own) => {
            errors.plain(version, format!("Current version is {KAMAL}, minimum required is {text}"));
        }
        Some(_) => {}
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Version(Vec<Segment>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    /// `pre`, `rc`: below any number.
    Name(String),
    Number(u64),
}

impl Version {
    fn parse(text: &str) -> Option<Version> {
        let text = text.trim().replace('-', ".pre.");
        if text.is_empty() {
            return Some(Version(Vec::new()));
        }
        let starts_well = text.starts_with(|c: char| c.is_ascii_digit());
        let parts: Vec<&str> = text.split('.').collect();
        let is_part = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        (starts_well && parts.iter().all(is_part))
            .then(|| Version(parts.into_iter().flat_map(segments).collect()))
    }

    fn segment(&self, index: usize) -> &Segment {
        self.0.get(index).unwrap_or(&Segment::Number(0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        let length = self.0.len().max(other.0.len());
        let pairs = (0..length).map(|index| self.segment(index).cmp(other.segment(index)));
        Some(pairs.fold(Ordering::Equal, Ordering::then))
    }
}

/// `1rc2` is `1`, `rc`, `2`.
fn segments(part: &str) -> Vec<Segment> {
    let mut rest = part;
    let mut segments = Vec::new();
    while let Some(first) = rest.chars().next() {
        let same = |c: char| c.is_ascii_digit() == first.is_ascii_digit();
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let number = rest[..end].parse().map(Segment::Number);
        segments.push(number.unwrap_or_else(|_| Segment::Name(rest[..end].to_string())));
        rest = &rest[end..];
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_in_rubygems() {
        let version = |text| Version::parse(text).unwrap();
        for (smaller, larger) in
            [("2.9", "2.12.0"), ("2.12.0.rc1", "2.12"), ("2.12.0-beta", "2.12.0"), ("1.1", "2")]
        {
            assert!(version(smaller) < version(larger), "{smaller} < {larger}");
        }
        assert_eq!(version("2.12").partial_cmp(&version("2.12.0")), Some(Ordering::Equal));
        assert_eq!(Version::parse("abc"), None);
        assert_eq!(Version::parse("1..2"), None);
    }
}
