//! How many connections one client may have open, all workers counted, so that no client takes the room of the others.

use std::net::IpAddr;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

use crate::log::Log;
use crate::policy::by_client::ByClient;

/// What a client may take of what there is, if nobody says otherwise: a connection needs two descriptors at least, and one
/// client may have a quarter of them all.
const SHARE: u64 = 2 * 4;

/// Where the process has no limit of its own.
const UNLIMITED: u64 = 1 << 20;

/// The open connections by client.
pub struct Crowding {
    limit: u32,
    open: ByClient<u32>,
    log: Log,
}

/// A connection that counts until this is dropped.
pub struct Seat {
    crowding: Arc<Crowding>,
    client: IpAddr,
}

impl Crowding {
    /// Nobody is there yet. A limit of 0 stands for a quarter of what the process may have open.
    pub fn new(limit: u32, log: Log) -> Arc<Self> {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED);
        let share = u32::try_from(descriptors / SHARE).unwrap_or(u32::MAX).max(1);
        Arc::new(Self { limit: if limit == 0 { share } else { limit }, open: ByClient::default(), log })
    }

    /// Counts a connection; `None` if the client has as many as it may. The first refusal of a row is logged.
    pub fn seat(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let (mut open, key) = self.open.lock(client);
        let count = open.entry(key).or_default();
        // One above the limit stands for "refused before".
        let is_full = *count >= self.limit;
        let is_first = *count == self.limit;
        *count = if is_full { self.limit + 1 } else { *count + 1 };
        drop(open);
        if is_first {
            let (client, limit) = (client.to_canonical().to_string(), u64::from(self.limit));
            self.log.warn("Refusing connections of a client", &[("client_addr", &client), ("open", &limit)]);
        }
        (!is_full).then(|| Seat { crowding: Arc::clone(self), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (mut open, key) = self.crowding.open.lock(self.client);
        if let Some(count) = open.get_mut(&key) {
            *count = (*count).min(self.crowding.limit) - 1;
            if *count == 0 {
                open.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_seats_and_gets_them_back() {
        let crowding = Crowding::new(2, Log::new(Vec::new(), false));
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let seats = [crowding.seat(one), crowding.seat(one)];
        assert!(seats.iter().all(Option::is_some));
        assert!(crowding.seat(one).is_none() && crowding.seat(one).is_none());
        assert!(crowding.seat(other).is_some());
        drop(seats);
        assert!(crowding.open.is_empty());
        let again = [crowding.seat(one), crowding.seat(one), crowding.seat(one)];
        assert_eq!(again.iter().flatten().count(), 2);
    }

    #[test]
    fn without_a_limit_it_is_a_share_of_what_there_is() {
        assert!(Crowding::new(0, Log::new(Vec::new(), false)).limit > 1);
    }
}
