//! One address that a service's requests are forwarded to, with its health and the count of requests under way.

mod ejection;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use crate::options::TargetOptions;
use ejection::Ejection;

/// How long requests have to notice that they are cut before a drain stops waiting for them.
const CUT_GRACE: Duration = Duration::from_secs(5);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A target. Shared by the control thread, which changes it, and the workers, which read it.
pub struct Target {
    /// Never reused, so that workers can key their connections by it.
    pub id: u64,
    /// The address as it was given, for headers, logs and `list`.
    pub address: TargetAddress,
    /// The options it was deployed with.
    pub options: Arc<TargetOptions>,
    health: AtomicU8,
    probe_error: Mutex<Option<String>>,
    suspected: Notify,
    ejection: Ejection,
    weight: u32,
    token: OnceLock<String>,
    health_changed: watch::Sender<Health>,
    in_flight: AtomicUsize,
    emptied: Notify,
    held: AtomicBool,
    retired: AtomicBool,
    cuts: AtomicU64,
    orders: watch::Sender<Orders>,
}

/// What the control thread tells the workers (and the prober) about a target.
#[derive(Clone, Copy, Default)]
pub struct Orders {
    /// How often the requests under way were cut.
    pub cuts: u64,
    /// The target was replaced: no probe, no new request.
    pub retired: bool,
    /// The target was replaced and drained: its connections can be closed.
    pub gone: bool,
}

/// Whether a target may be given requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not probed successfully yet.
    Adding,
    /// The last probe succeeded.
    Healthy,
    /// The last probe failed.
    Unhealthy,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Health::Adding => "adding",
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
        })
    }
}

impl Target {
    /// A target that was not probed yet.
    pub fn new(address: TargetAddress, options: Arc<TargetOptions>) -> Self {
        let weight = options.tuning.weight(address.as_str());
        Self {
            id: NEXT_ID.fetch_add(1, SeqCst),
            address,
            options,
            health: AtomicU8::new(Health::Adding as u8),
            probe_error: Mutex::new(None),
            suspected: Notify::new(),
            ejection: Ejection::default(),
            weight,
            token: OnceLock::new(),
            health_changed: watch::Sender::new(Health::Adding),
            in_flight: AtomicUsize::new(0),
            emptied: Notify::new(),
            held: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            orders: watch::Sender::new(Orders::default()),
        }
    }

    /// Counts a request as in flight, unless the target takes none.
    ///
    /// The order is what makes a swap lossless: the request is counted *before* the gates are read, and a drain
    /// closes a gate *before* it reads the count. So either the drain waits for the request, or the request is
    /// refused here and picks again from the new table.
    pub fn admit(self: &Arc<Self>) -> Option<InFlight> {
        self.in_flight.fetch_add(1, SeqCst);
        let admitted = InFlight { cuts_before: self.cuts.load(SeqCst), target: Arc::clone(self) };
        let closed = self.held.load(SeqCst) || self.retired.load(SeqCst);
        (!closed).then_some(admitted)
    }

    /// Whether requests may be sent here.
    pub fn is_healthy(&self) -> bool {
        self.health.load(SeqCst) == Health::Healthy as u8
    }

    /// What the probes say so far.
    pub fn health(&self) -> Health {
        *self.health_changed.borrow()
    }

    /// Records what the probes say now.
    pub fn set_health(&self, health: Health) {
        self.health.store(health as u8, SeqCst);
        self.health_changed.send_replace(health);
    }

    /// Why the last probe failed, if it did.
    pub fn probe_error(&self) -> Option<String> {
        self.probe_error.lock().expect("no holder panics").clone()
    }

    /// Records why the last probe failed.
    pub fn set_probe_error(&self, error: Option<String>) {
        *self.probe_error.lock().expect("no holder panics") = error;
    }

    /// A request could not reach it: whoever probes it is to do so now. If that goes on, others are asked first.
    pub fn unreachable(&self) {
        self.ejection.failed();
        self.suspected.notify_one();
    }

    /// A request has reached it.
    pub fn reached(&self) {
        self.ejection.succeeded();
    }

    /// Whether others are to be asked first, because it could not be reached again and again.
    pub fn is_passed_over(&self) -> bool {
        self.ejection.is_out()
    }

    /// A probe has succeeded. Whether the target was passed over, and is no more.
    pub fn readmit(&self) -> bool {
        self.ejection.probed()
    }

    /// How much of the requests it gets, compared with others.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Its name in cookies, made once.
    pub fn token(&self, make: impl FnOnce(&str) -> String) -> &str {
        self.token.get_or_init(|| make(self.address.as_str()))
    }

    /// Waits for a reason to probe before it is time.
    pub async fn suspected(&self) {
        self.suspected.notified().await;
    }

    /// Waits for the first moment that the target is healthy.
    pub async fn until_healthy(&self) {
        let mut changes = self.health_changed.subscribe();
        let healthy = changes.wait_for(|health| *health == Health::Healthy).await;
        healthy.map(drop).expect("the sender lives in self");
    }

    /// Refuses new requests until [`Target::release`]; used while the service is paused or stopped.
    pub fn hold(&self) {
        self.held.store(true, SeqCst);
    }

    /// Takes requests again after a [`Target::hold`].
    pub fn release(&self) {
        self.held.store(false, SeqCst);
    }

    /// Refuses new requests for ever; its probes end.
    pub fn retire(&self) {
        self.retired.store(true, SeqCst);
        self.orders.send_modify(|orders| orders.retired = true);
    }

    /// Lets the workers close their connections, once nothing is in flight any more.
    pub fn dismiss(&self) {
        self.orders.send_modify(|orders| orders.gone = true);
    }

    /// Waits for the requests under way, upgraded connections included; those left after `grace` are cut.
    ///
    /// The gate must be closed first.
    pub async fn drain(&self, grace: Duration) {
        if self.emptied_before(Instant::now() + grace).await {
            return;
        }
        let cuts = self.cuts.fetch_add(1, SeqCst) + 1;
        self.orders.send_modify(|orders| orders.cuts = cuts);
        self.emptied_before(Instant::now() + CUT_GRACE).await;
    }

    /// How many requests are under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    /// Follows what the control thread orders.
    pub fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    async fn emptied_before(&self, deadline: Instant) -> bool {
        let emptied = async {
            loop {
                let notified = self.emptied.notified();
                if self.in_flight.load(SeqCst) == 0 {
                    return;
                }
                notified.await;
            }
        };
        timeout_at(deadline, emptied).await.is_ok()
    }
}

/// A request that was admitted to a target; it is counted until this is dropped.
pub struct InFlight {
    /// The target that the request was given to.
    pub target: Arc<Target>,
    cuts_before: u64,
}

impl InFlight {
    /// Whether the requests under way were cut since this one was admitted.
    pub fn is_cut(&self) -> bool {
        self.target.cuts.load(SeqCst) > self.cuts_before
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.target.in_flight.fetch_sub(1, SeqCst) == 1 {
            self.target.emptied.notify_waiters();
        }
    }
}

/// `host[:port]` as kamal-proxy accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetAddress {
    text: String,
    host_length: usize,
    port: u16,
}

impl TargetAddress {
    /// Reads an address; the error is kamal-proxy's text (its odd space included).
    pub fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (text, Some(80)),
        };
        match port {
            Some(port) if is_host(host) => Ok(Self { text: text.to_owned(), host_length: host.len(), port }),
            _ => Err(format!("{text} :invalid host pattern")),
        }
    }

    /// The address as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host part.
    pub fn host(&self) -> &str {
        &self.text[..self.host_length]
    }

    /// The port, 80 if none was given.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn is_host(host: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut letters = host.chars();
    letters.next().is_some_and(is_word)
        && host.len() > 1
        && letters.all(|c| is_word(c) || matches!(c, '-' | '.' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Arc<Target> {
        Arc::new(Target::new(TargetAddress::parse("app:3000").unwrap(), Arc::default()))
    }

    #[test]
    fn t_231_illegal_names_are_refused() {
        for bad in ["", "_", "/", "a", "http://app", "app:", "app:x", "-app", "app:70000", "[::1]:80"] {
            assert_eq!(TargetAddress::parse(bad), Err(format!("{bad} :invalid host pattern")));
        }
        let address = TargetAddress::parse("1a2b3c4d5e6f:3000").unwrap();
        assert_eq!((address.host(), address.port()), ("1a2b3c4d5e6f", 3000));
        assert_eq!(TargetAddress::parse("app").unwrap().port(), 80);
    }

    #[test]
    fn a_closed_gate_refuses_and_does_not_count() {
        let target = target();
        let first = target.admit().unwrap();
        target.hold();
        assert!(target.admit().is_none());
        target.release();
        drop(target.admit().unwrap());
        target.retire();
        target.release();
        assert!(target.admit().is_none());
        assert_eq!(target.in_flight.load(SeqCst), 1);
        drop(first);
        assert_eq!(target.in_flight.load(SeqCst), 0);
    }

    #[tokio::test]
    async fn t_213_an_idle_target_drains_at_once() {
        target().drain(Duration::from_secs(3600)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_cuts_what_is_left_and_spares_what_comes_later() {
        let target = target();
        let old = target.admit().unwrap();
        target.hold();
        target.drain(Duration::from_secs(1)).await;
        assert!(old.is_cut());
        target.release();
        assert!(!target.admit().unwrap().is_cut());
    }
}
