//! The targets of a service: who is asked next, and how they are watched and drained together.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::options::TargetOptions;
use crate::target::{InFlight, Target, TargetAddress};
use turns::Turns;

/// Writers and readers, balanced over the healthy ones: in turn by weight, and away from busy ones.
#[derive(Default)]
pub struct Pool {
    /// Targets that take every request.
    pub writers: Vec<Arc<Target>>,
    /// Targets that take reads only.
    pub readers: Vec<Arc<Target>>,
    writer_turns: Turns,
    reader_turns: Turns,
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
        let (writers, readers) = (targets(writers)?, targets(readers)?);
        let (writer_turns, reader_turns) = (Turns::among(&writers), Turns::among(&readers));
        Ok(Self { writers, readers, writer_turns, reader_turns })
    }

    /// Admits a request: a read goes to a healthy reader if there is one, anything else to a writer; to one that is
    /// preferred if there is one. Targets that are passed over are asked only where there is no other.
    pub fn admit(&self, is_read: bool, preferred: Option<&dyn Fn(&Target) -> bool>) -> Admission {
        let reachable =
            self.choose(is_read, preferred, |target| target.is_healthy() && !target.is_passed_over());
        match reachable.or_else(|| self.choose(is_read, preferred, Target::is_healthy)) {
            Some(target) => target.admit().map_or(Admission::Closed, Admission::Admitted),
            None => Admission::NoneHealthy,
        }
    }

    fn choose(
        &self,
        is_read: bool,
        preferred: Option<&dyn Fn(&Target) -> bool>,
        is_fit: impl Fn(&Target) -> bool + Copy,
    ) -> Option<&Arc<Target>> {
        let among = |targets: &'_ [Arc<Target>]| {
            let is_preferred = |target: &Arc<Target>| preferred.is_some_and(|preferred| preferred(target));
            targets.iter().position(|target| is_fit(target) && is_preferred(target))
        };
        let of = |targets, turns: &Turns| match among(targets) {
            Some(position) => targets.get(position),
            None => turns.next(targets, is_fit),
        };
        let reader = if is_read { of(&self.readers, &self.reader_turns) } else { None };
        reader.or_else(|| of(&self.writers, &self.writer_turns))
    }

    /// Whether a target takes reads only.
    pub fn is_reader(&self, target: &Arc<Target>) -> bool {
        self.readers.iter().any(|reader| Arc::ptr_eq(reader, target))
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
        match pool.admit(is_read, None) {
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
        let Admission::Admitted(slow) = pool.admit(false, None) else { panic!("one is healthy") };
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
