//! The targets of a service: who is asked next, and how they are watched and drained together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::options::TargetOptions;
use crate::target::{InFlight, Target, TargetAddress};

/// Writers and readers, balanced over the healthy ones: in turn, and away from busy ones.
#[derive(Default)]
pub struct Pool {
    /// Targets that take every request.
    pub writers: Vec<Arc<Target>>,
    /// Targets that take reads only.
    pub readers: Vec<Arc<Target>>,
    next_writer: AtomicUsize,
    next_reader: AtomicUsize,
}

/// The outcome of asking a pool for a target.
pub enum Admission {
    /// The request is counted on this target.
    Admitted(InFlight),
    /// The chosen target was closed in between: look at the routes again.
    Closed,
    /// No target is healthy.
    NoneHealthy,
}

impl Pool {
    /// Targets for the given addresses. The error is kamal-proxy's text.
    pub fn new(writers: &[String], readers: &[String], options: &Arc<TargetOptions>) -> Result<Self, String> {
        let targets = |addresses: &[String]| -> Result<Vec<_>, String> {
            let target =
                |text: &String| Ok(Arc::new(Target::new(TargetAddress::parse(text)?, Arc::clone(options))));
            addresses.iter().map(target).collect()
        };
        Ok(Self {
            writers: targets(writers)?,
            readers: targets(readers)?,
            next_writer: AtomicUsize::new(0),
            next_reader: AtomicUsize::new(0),
        })
    }

    /// Admits a request: a read goes to a healthy reader if there is one, anything else to a writer.
    pub fn admit(&self, is_read: bool) -> Admission {
        let reader = if is_read { next_healthy(&self.readers, &self.next_reader) } else { None };
        match reader.or_else(|| next_healthy(&self.writers, &self.next_writer)) {
            Some(target) => target.admit().map_or(Admission::Closed, Admission::Admitted),
            None => Admission::NoneHealthy,
        }
    }

    /// All targets, writers first.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.writers.iter().chain(&self.readers)
    }

    /// Addresses of the writers, as given.
    pub fn writer_names(&self) -> Vec<String> {
        names(&self.writers)
    }

    /// Addresses of the readers, as given.
    pub fn reader_names(&self) -> Vec<String> {
        names(&self.readers)
    }

    /// Whether probing ends with the first success: a single target is used whatever its health.
    pub fn is_single(&self) -> bool {
        self.targets().count() == 1
    }

    /// Waits until all targets are healthy at the same time; false if that took longer than `within`.
    pub async fn is_healthy_within(&self, within: Duration) -> bool {
        timeout(within, self.until_healthy()).await.is_ok()
    }

    /// Waits, for as long as it takes, until all targets are healthy at the same time.
    pub async fn until_healthy(&self) {
        while !(self.targets().count() > 0 && self.targets().all(|target| target.is_healthy())) {
            if self.targets().count() == 0 {
                std::future::pending::<()>().await;
            }
            for target in self.targets() {
                target.until_healthy().await;
            }
        }
    }

    /// Closes all targets for good.
    pub fn retire(&self) {
        self.targets().for_each(|target| target.retire());
    }

    /// Waits for what is in flight on all targets at the same time.
    pub async fn drain(&self, grace: Duration) {
        let mut drains = JoinSet::new();
        for target in self.targets() {
            let target = Arc::clone(target);
            drains.spawn(async move { target.drain(grace).await });
        }
        drains.join_all().await;
    }

    /// Lets go of all connections to retired and drained targets.
    pub fn dismiss(&self) {
        self.targets().for_each(|target| target.dismiss());
    }
}

/// The next healthy target in turn, or the one after it if that is less busy: among idle targets this is round robin, as
/// with kamal-proxy, and a slow one gets less.
fn next_healthy<'a>(targets: &'a [Arc<Target>], next: &AtomicUsize) -> Option<&'a Arc<Target>> {
    if let [only] = targets {
        return only.is_healthy().then_some(only);
    }
    let first = next.fetch_add(1, Relaxed);
    let in_turn = (0..targets.len()).map(|step| &targets[first.wrapping_add(step) % targets.len()]);
    let mut healthy = in_turn.filter(|target| target.is_healthy());
    let (one, other) = (healthy.next()?, healthy.next());
    Some(other.filter(|other| other.in_flight() < one.in_flight()).unwrap_or(one))
}

fn names(targets: &[Arc<Target>]) -> Vec<String> {
    targets.iter().map(|target| target.address.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Health;

    fn pool(writers: &[&str], readers: &[&str]) -> Pool {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        Pool::new(&owned(writers), &owned(readers), &Arc::default()).unwrap()
    }

    fn heal(pool: &Pool) {
        pool.targets().for_each(|target| target.set_health(Health::Healthy));
    }

    fn chosen(pool: &Pool, is_read: bool) -> Option<String> {
        match pool.admit(is_read) {
            Admission::Admitted(in_flight) => Some(in_flight.target.address.as_str().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn t_235_requests_take_turns_over_healthy_targets() {
        let pool = pool(&["one", "two", "three"], &[]);
        assert_eq!(chosen(&pool, false), None);
        heal(&pool);
        pool.writers[1].set_health(Health::Unhealthy);
        let seen: Vec<_> = (0..6).filter_map(|_| chosen(&pool, false)).collect();
        assert_eq!(seen.len(), 6);
        assert!(seen.contains(&"one".into()) && seen.contains(&"three".into()));
        assert!(!seen.contains(&"two".into()));
    }

    #[test]
    fn a_busy_target_is_passed_over() {
        let pool = pool(&["one", "two", "three"], &[]);
        heal(&pool);
        let Admission::Admitted(slow) = pool.admit(false) else { panic!("one is healthy") };
        let slow_name = slow.target.address.as_str().to_owned();
        let seen: Vec<_> = (0..9).filter_map(|_| chosen(&pool, false)).collect();
        assert!(!seen.contains(&slow_name), "{slow_name}: {seen:?}");
        drop(slow);
        let seen: Vec<_> = (0..3).filter_map(|_| chosen(&pool, false)).collect();
        assert!(["one", "two", "three"].iter().all(|name| seen.iter().any(|seen| seen == name)), "{seen:?}");
    }

    #[test]
    fn t_236_reads_prefer_readers_and_fall_back_to_writers() {
        let pool = pool(&["writer"], &["reader"]);
        heal(&pool);
        assert_eq!(chosen(&pool, true).unwrap(), "reader");
        assert_eq!(chosen(&pool, false).unwrap(), "writer");
        pool.readers[0].set_health(Health::Unhealthy);
        assert_eq!(chosen(&pool, true).unwrap(), "writer");
        pool.readers[0].set_health(Health::Healthy);
        pool.writers[0].set_health(Health::Unhealthy);
        assert_eq!(chosen(&pool, false), None);
    }

    #[test]
    fn t_232_names_keep_their_order() {
        assert_eq!(pool(&["one", "two", "three"], &[]).writer_names(), ["one", "two", "three"]);
    }
}
