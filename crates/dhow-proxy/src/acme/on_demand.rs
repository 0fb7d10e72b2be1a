//! Names that nobody knew beforehand: whether one gets a certificate is asked when its first client comes.
//!
//! There is at most one service with a URL to ask, as it is the one for any host. An answer is shared by all who wait
//! for it; a refusal is remembered for a while; and only so many questions are asked, as the names come from strangers.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::keeper::Kept;
use crate::service::Service;

/// How long a refusal is remembered.
const REFUSAL: Duration = Duration::from_secs(60);

/// How often the service may be asked.
#[derive(Clone, Copy, Debug)]
pub struct AskLimit {
    /// Questions at once.
    pub burst: u32,
    /// The time in which one more is allowed.
    pub refill: Duration,
}

/// An answer, when there is one: the name's keeper, or why there is none.
pub type Verdict = Result<Arc<Kept>, Refusal>;

/// Why a name has no certificate.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// For the log.
    pub why: String,
    /// Whether asking again soon would bring the same answer.
    pub is_lasting: bool,
}

/// The names asked about.
pub struct OnDemand {
    service: watch::Sender<Option<Arc<Service>>>,
    names: Mutex<HashMap<String, Asked>>,
    allowance: Mutex<Allowance>,
    control: Handle,
}

struct Asked {
    verdict: watch::Receiver<Option<Verdict>>,
    since: Instant,
}

impl OnDemand {
    /// Asks on the runtime of the control thread.
    pub fn new(limit: AskLimit, control: Handle) -> Self {
        let allowance = Allowance { limit, left: f64::from(limit.burst), at: Instant::now() };
        let (service, names) = (watch::Sender::new(None), Mutex::default());
        Self { service, names, allowance: Mutex::new(allowance), control }
    }

    /// The service that is asked from now on. Refusals by another version of it are forgotten, and so are the names
    /// that `keeps` does not want to keep.
    pub fn serve(&self, service: Option<&Arc<Service>>, keeps: impl Fn(&Kept) -> bool) {
        let is_same = match (&*self.service.borrow(), service) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return;
        }
        self.names().retain(|_, asked| match &*asked.verdict.borrow() {
            Some(Ok(kept)) => keeps(kept),
            Some(Err(_)) | None => false,
        });
        self.service.send_replace(service.cloned());
    }

    /// Follows the service that is to be asked.
    pub fn service(&self) -> watch::Receiver<Option<Arc<Service>>> {
        self.service.subscribe()
    }

    /// Whether one more question may be asked now.
    pub fn may_ask(&self) -> bool {
        self.allowance.lock().expect("no holder panics").take(Instant::now())
    }

    /// The names that have keepers.
    pub fn kept(&self) -> Vec<(String, Arc<Kept>)> {
        let kept = |(name, asked): (&String, &Asked)| match &*asked.verdict.borrow() {
            Some(Ok(kept)) => Some((name.clone(), Arc::clone(kept))),
            Some(Err(_)) | None => None,
        };
        self.names().iter().filter_map(kept).collect()
    }

    /// The verdict on a name; `ask` finds it if there is none yet.
    pub async fn verdict<F>(&self, name: &str, ask: impl FnOnce() -> F) -> Verdict
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let mut verdict = self.begun(name, ask);
        let gone = Refusal { why: "the question was given up".into(), is_lasting: false };
        let decided = verdict.wait_for(Option::is_some).await;
        decided.map_or(Err(gone), |verdict| verdict.clone().expect("it was waited for"))
    }

    fn begun<F>(&self, name: &str, ask: impl FnOnce() -> F) -> watch::Receiver<Option<Verdict>>
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let mut names = self.names();
        names.retain(|_, asked| !asked.is_over());
        if let Some(asked) = names.get(name) {
            return asked.verdict.clone();
        }
        let (decide, verdict) = watch::channel(None);
        let asking = ask();
        self.control.spawn(async move { decide.send_replace(Some(asking.await)) });
        names.insert(name.to_owned(), Asked { verdict: verdict.clone(), since: Instant::now() });
        verdict
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.names.lock().expect("no holder panics")
    }
}

impl Asked {
    fn is_over(&self) -> bool {
        match &*self.verdict.borrow() {
            Some(Err(refusal)) => !refusal.is_lasting || self.since.elapsed() > REFUSAL,
            // Its task ended without a verdict.
            None => self.verdict.has_changed().is_err(),
            Some(Ok(_)) => false,
        }
    }
}

/// A bucket of tokens: a question takes one, time brings them back.
struct Allowance {
    limit: AskLimit,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let back = now.duration_since(self.at).as_secs_f64() / self.limit.refill.as_secs_f64();
        self.left = (self.left + back).min(f64::from(self.limit.burst));
        self.at = now;
        let may = self.left >= 1.0;
        self.left -= f64::from(u8::from(may));
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_brings_questions_back_up_to_the_burst() {
        let (limit, start) = (AskLimit { burst: 2, refill: Duration::from_secs(10) }, Instant::now());
        let mut allowance = Allowance { limit, left: 2.0, at: start };
        let mut at = |seconds| allowance.take(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0), at(9)], [true, true, false, false]);
        assert_eq!([at(10), at(10)], [true, false]);
        assert_eq!([at(1000), at(1000), at(1000)], [true, true, false]);
    }
}
