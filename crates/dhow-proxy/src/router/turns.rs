//! Deploys of one service come one after the other; those of different services do not wait for each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Whose turn it is, by service.
#[derive(Default)]
pub(super) struct Turns {
    by_service: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
}

/// A turn, until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for those that came before.
    pub(super) async fn take(&self, service: &str) -> Turn {
        self.of(service).lock_owned().await
    }

    fn of(&self, service: &str) -> Arc<AsyncMutex<()>> {
        let mut by_service = self.by_service.lock().expect("no holder panics");
        // What nobody holds or waits for is forgotten: services come and go.
        by_service.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(by_service.entry(service.to_owned()).or_default())
    }
}
