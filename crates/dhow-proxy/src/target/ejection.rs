//! Passing over a target that cannot be reached again and again although its probes succeed: they may go to another port,
//! or come at better moments.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// Connections that have to fail, with none that succeeds in between.
const FAILURES: u32 = 3;

/// How long a target is passed over at least, the first time …
const FIRST: Duration = Duration::from_secs(1);

/// … and at most: each time is twice as long as the one before, unless that was long ago.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether a target is passed over.
#[derive(Default)]
pub struct Ejection {
    failures: AtomicU32,
    is_out: AtomicBool,
    last: Mutex<Option<Last>>,
}

/// The last time that a target was passed over.
struct Last {
    until: Instant,
    length: Duration,
}

impl Ejection {
    /// Whether others are to be asked first.
    pub fn is_out(&self) -> bool {
        self.is_out.load(Relaxed)
    }

    /// A connection was made.
    pub fn succeeded(&self) {
        if self.failures.load(Relaxed) > 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// A connection could not be made.
    pub fn failed(&self) {
        let failures = self.failures.fetch_add(1, Relaxed) + 1;
        if failures < FAILURES || self.is_out() {
            return;
        }
        let now = Instant::now();
        let mut last = self.last.lock().expect("no holder panics");
        let length = match &*last {
            Some(last) if now < last.until + LONGEST => (last.length * 2).min(LONGEST),
            _ => FIRST,
        };
        *last = Some(Last { until: now + length, length });
        self.is_out.store(true, Relaxed);
    }

    /// A probe has succeeded: if its time is over, the target is back in turn. It has to prove itself: the next failure
    /// counts as the last one did. Whether it is back just now.
    pub fn probed(&self) -> bool {
        let is_over = |last: &Last| last.until <= Instant::now();
        let back = self.is_out() && self.last.lock().expect("no holder panics").as_ref().is_none_or(is_over);
        if back {
            self.failures.store(FAILURES - 1, Relaxed);
            self.is_out.store(false, Relaxed);
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until a target is back.
    async fn seconds_out(ejection: &Ejection) -> u64 {
        let begun = Instant::now();
        while !ejection.probed() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn who_fails_again_and_again_is_passed_over_for_longer() {
        let ejection = Ejection::default();
        for _ in 0..5 {
            ejection.failed();
            ejection.failed();
            assert!(!ejection.is_out());
            ejection.succeeded();
        }
        (0..FAILURES).for_each(|_| ejection.failed());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(ejection.is_out());
            assert_eq!(seconds_out(&ejection).await, seconds);
            assert!(!ejection.is_out());
            ejection.failed();
        }
        seconds_out(&ejection).await;
        ejection.succeeded();
        tokio::time::sleep(Duration::from_secs(60)).await;
        (0..FAILURES).for_each(|_| ejection.failed());
        assert_eq!(seconds_out(&ejection).await, 1, "long ago is forgotten");
    }
}
