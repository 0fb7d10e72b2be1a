//! Kamal's barrier between the primary role and the others: undecided, open or closed, and decided once.

use tokio::sync::watch;

/// Starts undecided.
pub struct Gate(watch::Sender<Option<bool>>);

impl Default for Gate {
    fn default() -> Gate {
        Gate(watch::Sender::new(None))
    }
}

impl Gate {
    /// Opens or closes it, unless that is settled.
    pub fn decide(&self, open: bool) {
        self.0.send_if_modified(|decided| {
            let first = decided.is_none();
            decided.get_or_insert(open);
            first
        });
    }

    /// Waits for the decision: is it open?
    pub async fn wait(&self) -> bool {
        let mut decided = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        decided.wait_for(Option::is_some).await.is_ok_and(|decided| *decided == Some(true))
    }
}
