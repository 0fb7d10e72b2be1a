//! How often a client may ask: a leaky bucket per client, kept as one number (the generic cell rate algorithm).
//!
//! The number is the time at which the client's bucket will be empty. All workers share the buckets, which are forgotten once
//! empty.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::by_client::ByClient;
use crate::duration;
use crate::options::nanoseconds;

/// Clients remembered under each lock; beyond that, some are forgotten, to their advantage.
const MAX_CLIENTS: usize = 8 * 1024;

/// `--rate-limit` and `--rate-limit-burst`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateOptions {
    /// Requests …
    pub requests: u64,
    /// … in this time, …
    #[serde(with = "nanoseconds")]
    pub per: Duration,
    /// … of which so many may come at once.
    pub burst: u64,
}

impl RateOptions {
    /// Reads `REQUESTS/TIME` (`100/1m`, `10/s`). Without a burst, a whole time's requests may come at once.
    pub fn parse(rate: &str, burst: Option<u64>) -> Result<Self, String> {
        let told = || format!("rate-limit {rate:?} is no rate; use requests/time, for example 100/1m");
        let (requests, per) = rate.split_once('/').ok_or_else(told)?;
        let per = if per.starts_with(|c: char| c.is_ascii_digit()) { per.into() } else { format!("1{per}") };
        let requests = requests.parse().ok().filter(|requests| *requests > 0).ok_or_else(told)?;
        let per = duration::parse(&per).ok().filter(|per| !per.is_zero()).ok_or_else(told)?;
        match burst.unwrap_or(requests) {
            0 => Err("rate-limit-burst must be at least 1".into()),
            burst => Ok(Self { requests, per, burst }),
        }
    }
}

/// The buckets of a service's clients.
pub struct RateLimit {
    /// What one request adds to a bucket.
    cost: Duration,
    /// How full it may be before a request.
    room: Duration,
    began: Instant,
    buckets: ByClient<Duration>,
}

impl RateLimit {
    /// Empty buckets.
    pub fn new(options: &RateOptions) -> Self {
        // Zeros, which no command line brings, count as ones.
        let requests = u128::from(options.requests.max(1));
        let cost = Duration::from_nanos(u64::try_from(options.per.as_nanos() / requests).unwrap_or(u64::MAX));
        let room = cost.saturating_mul(u32::try_from(options.burst.saturating_sub(1)).unwrap_or(u32::MAX));
        Self { cost, room, began: Instant::now(), buckets: ByClient::default() }
    }

    /// Counts a request, or says how long until one is let through.
    pub fn take(&self, client: IpAddr) -> Result<(), Duration> {
        self.take_at(client, self.began.elapsed())
    }

    fn take_at(&self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        let (mut buckets, key) = self.buckets.lock(client);
        let empty_at = buckets.get(&key).copied().unwrap_or_default().max(now);
        if empty_at - now > self.room {
            return Err(empty_at - now - self.room);
        }
        if buckets.len() >= MAX_CLIENTS {
            forget(&mut buckets, now);
        }
        buckets.insert(key, empty_at.saturating_add(self.cost));
        Ok(())
    }
}

/// Forgets empty buckets, or, under an attack from everywhere, all.
fn forget(buckets: &mut HashMap<u64, Duration>, now: Duration) {
    buckets.retain(|_, empty_at| *empty_at > now);
    if buckets.len() >= MAX_CLIENTS {
        buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn limit(rate: &str, burst: Option<u64>) -> RateLimit {
        RateLimit::new(&RateOptions::parse(rate, burst).unwrap())
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let limit = limit("10/s", Some(3));
        let at = |millis| limit.take_at(ip("192.0.2.1"), Duration::from_millis(millis));
        assert_eq!((at(0), at(0), at(0)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(at(0), Err(Duration::from_millis(100)));
        assert_eq!(at(99), Err(Duration::from_millis(1)));
        assert_eq!((at(100), at(100)), (Ok(()), Err(Duration::from_millis(100))));
        let passed = (0..10_000).filter(|millis| at(1000 + millis).is_ok()).count();
        assert!((100..=103).contains(&passed), "{passed} of 10 s");
    }

    #[test]
    fn clients_have_buckets_of_their_own() {
        let limit = limit("1/m", None);
        let take = |client| limit.take_at(ip(client), Duration::ZERO).is_ok();
        assert!(take("192.0.2.1") && !take("192.0.2.1") && take("192.0.2.2"));
        assert!(!take("::ffff:192.0.2.2"));
        assert!(take("2001:db8::1") && !take("2001:db8::2") && take("2001:db8:0:1::1"));
    }

    #[test]
    fn memory_is_bounded() {
        let limit = limit("1/m", None);
        for number in 0..(40 * MAX_CLIENTS) as u32 {
            limit.take_at(IpAddr::from(number.to_be_bytes()), Duration::ZERO).unwrap_or_default();
        }
        let kept = limit.buckets.len();
        assert!(kept <= 16 * MAX_CLIENTS, "{kept}");
    }

    #[test]
    fn rates_are_requests_per_time() {
        let read = |rate| RateOptions::parse(rate, None);
        let minute = RateOptions { requests: 100, per: Duration::from_secs(60), burst: 100 };
        assert_eq!(read("100/1m"), Ok(minute.clone()));
        assert_eq!(read("100/m"), Ok(minute));
        for bad in ["", "100", "/s", "0/s", "-1/s", "1/0s", "1/x", "x/1s"] {
            assert!(read(bad).unwrap_err().contains("for example 100/1m"), "{bad}");
        }
        assert!(RateOptions::parse("1/s", Some(0)).is_err());
    }
}
