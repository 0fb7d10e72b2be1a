//! A deploy lock that somebody else holds, as it is told to whoever wants it.

use dhow_core::commands::lock::LockDetails;
use std::fmt;

/// Who holds it and since when, as far as the lock says.
#[derive(Debug, Clone)]
pub struct HeldLock {
    details: Option<LockDetails>,
    age: Option<String>,
}

impl HeldLock {
    /// From the lock's own words, looked at now.
    pub fn new(details: Option<LockDetails>) -> HeldLock {
        let since = details.as_ref().and_then(|details| details.at.parse::<jiff::Timestamp>().ok());
        let seconds = since.map(|since| (jiff::Timestamp::now() - since).get_seconds());
        HeldLock { details, age: seconds.map(age) }
    }

    /// A deploy holds it, not a person who took it on purpose.
    pub fn may_end_by_itself(&self) -> bool {
        self.details.as_ref().is_some_and(LockDetails::is_automatic)
    }
}

impl fmt::Display for HeldLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deploy lock already in place!")?;
        match &self.details {
            Some(details) => details.to_string().lines().try_for_each(|line| write!(f, "\n  {line}"))?,
            None => f.write_str("\n  It does not say whose it is: whoever took it was stopped at once")?,
        }
        if let Some(age) = &self.age {
            write!(f, "\n  Taken {age} ago")?;
        }
        f.write_str(match self.details.is_some() && !self.may_end_by_itself() {
            true => "\n  It was taken on purpose. To give it back all the same: dhow lock release",
            false => "\n  If that run is no more: dhow lock release. To wait for its end: --lock-wait",
        })
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} seconds", seconds.max(0)),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_unit_that_fits() {
        let told = [5, 119, 120, 7199, 7200, 172_800].map(age);
        assert_eq!(told, ["5 seconds", "119 seconds", "2 minutes", "119 minutes", "2 hours", "2 days"]);
    }
}
