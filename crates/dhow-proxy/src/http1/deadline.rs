//! A deadline that is set anew many times and nearly never met.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline. Moving it costs nothing: the timer behind it is left where it is until it goes off too early.
#[derive(Default)]
pub struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Sets it; the one before no longer counts.
    pub fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    /// Sets it, unless there is one already.
    pub fn begin(&mut self, at: impl FnOnce() -> Instant) {
        self.at.get_or_insert_with(at);
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        self.at = None;
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready when there is one and it has passed.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_one_set_counts() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut deadline = Deadline::default();
        for (seconds, passes_at) in [(5, 5), (8, 8)] {
            deadline.set(start + second);
            assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending() || seconds == 8);
            deadline.set(start + second * seconds);
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!(start.elapsed().as_secs(), passes_at);
        }
        deadline.set(start + second * 60);
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending());
        deadline.set(start + second * 10);
        poll_fn(|cx| deadline.poll_passed(cx)).await;
        assert_eq!(start.elapsed().as_secs(), 10, "an earlier one is met in time");
        deadline.clear();
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending());
    }
}
