//! Something remembered per client, for all workers together, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// So many locks, so that workers seldom wait for each other.
const SHARDS: usize = 16;

/// Values by client.
pub struct ByClient<V> {
    shards: [Mutex<HashMap<u64, V>>; SHARDS],
}

impl<V> Default for ByClient<V> {
    fn default() -> Self {
        Self { shards: Default::default() }
    }
}

impl<V> ByClient<V> {
    /// The part that holds the client's value, and what the client goes by there.
    pub fn lock(&self, client: IpAddr) -> (MutexGuard<'_, HashMap<u64, V>>, u64) {
        let key = key(client);
        // Neighbours in a network must not share a shard: the key's bits are mixed.
        let shard = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SHARDS;
        (self.shards[shard].lock().expect("no holder panics"), key)
    }

    /// How many clients are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().expect("no holder panics").len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Clients are told apart by their IPv4 address, or by the network that an IPv6 host has to itself (/64).
fn key(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}
