//! The table of services and the commands that change it. Runs on the control thread; workers read the snapshot.

mod deploy;
mod files;
mod reload;
mod restore;
mod turns;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::acme::Acme;
use crate::control::Listed;
use crate::credentials;
use crate::inventory::Inventory;
use crate::log::{Field, Log};
use crate::pause::Pause;
use crate::pool::Pool;
use crate::rollout::Split;
use crate::routes::{Routes, Services};
use crate::service::Service;
use crate::state::{self, SavedService};
use crate::tls::certificate::Certificate;
use turns::Turns;

/// Longer than any request; far from what an `Instant` cannot hold.
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

const NOT_FOUND: &str = "service not found";

/// The services of a proxy. Errors are kamal-proxy's texts, ready for the command line.
pub struct Router {
    services: Mutex<Services>,
    routes: Arc<ArcSwap<Routes>>,
    version: watch::Sender<u64>,
    state_path: PathBuf,
    saving: tokio::sync::Mutex<()>,
    turns: Turns,
    certificate_troubles: Mutex<BTreeMap<String, String>>,
    acme: Arc<Acme>,
    log: Log,
}

impl Router {
    /// An empty table that is saved at `state_path`.
    pub fn new(state_path: PathBuf, acme: Acme, log: Log) -> Self {
        Self {
            services: Mutex::default(),
            routes: Arc::default(),
            version: watch::Sender::new(0),
            state_path,
            saving: tokio::sync::Mutex::default(),
            turns: Turns::default(),
            certificate_troubles: Mutex::default(),
            acme: Arc::new(acme),
            log,
        }
    }

    /// The current snapshot, for workers to cache.
    pub fn routes(&self) -> Arc<ArcSwap<Routes>> {
        Arc::clone(&self.routes)
    }

    /// The automatic certificates, for workers to answer handshakes with.
    pub fn acme(&self) -> Arc<Acme> {
        Arc::clone(&self.acme)
    }

    /// Follows changes of the snapshot, for requests that are held.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Chooses who sees the rollout targets.
    pub async fn rollout_set(
        &self,
        name: &str,
        percentage: i64,
        allowlist: Vec<String>,
    ) -> Result<(), String> {
        let split = Split::new(percentage, allowlist.clone());
        self.update(name, |service| match service.rollout {
            Some(_) => {
                service.split = Some(split);
                Ok(())
            }
            None => Err("rollout target not set".to_owned()),
        })??;
        self.save().await;
        let fields: [(&str, &dyn Field); 3] =
            [("service", &name), ("percentage", &percentage), ("allowlist", &allowlist)];
        self.log.info("Set rollout split", &fields);
        Ok(())
    }

    /// Sends nobody to the rollout targets any more; they stay installed.
    pub async fn rollout_stop(&self, name: &str) -> Result<(), String> {
        self.update(name, |service| service.split = None)?;
        self.save().await;
        self.log.info("Stopped rollout", &[("service", &name)]);
        Ok(())
    }

    /// Holds new requests, each for at most `at_most`, and drains the ones under way.
    pub async fn pause(&self, name: &str, drain: Duration, at_most: Duration) -> Result<(), String> {
        self.quiesce(name, Pause::Paused { at_most }, drain, "Service paused").await
    }

    /// Refuses new requests with 503 and drains the ones under way.
    pub async fn stop(&self, name: &str, drain: Duration, message: String) -> Result<(), String> {
        self.quiesce(name, Pause::Stopped { message }, drain, "Service stopped").await
    }

    /// Takes requests again. A drain that is still waiting gives up: what it waits for may go on.
    pub async fn resume(&self, name: &str) -> Result<(), String> {
        self.update(name, |service| {
            service.pools().flat_map(|pool| pool.targets()).for_each(|target| target.release());
            service.pause = Pause::Running;
        })?;
        self.save().await;
        self.log.info("Service resumed", &[("service", &name)]);
        Ok(())
    }

    /// Forgets a service. What is in flight goes on undisturbed.
    pub async fn remove(&self, name: &str) -> Result<(), String> {
        let _turn = self.turns.take(name).await;
        let removed = self.change(|services| services.remove(name)).ok_or(NOT_FOUND)?;
        self.save().await;
        self.forget_credentials(name);
        removed.pools().for_each(|pool| pool.retire());
        // Nothing limits these requests in time; their connections are let go when the last one has ended.
        tokio::spawn(async move { retire(removed.pools().cloned().collect(), NO_LIMIT).await });
        Ok(())
    }

    /// The rows of `list`, sorted by name.
    pub fn list(&self) -> Vec<Listed> {
        self.services().values().map(|service| Listed::from(&**service)).collect()
    }

    /// What `list --json` tells.
    pub fn inventory(&self) -> Inventory {
        Inventory::of(self, &self.acme)
    }

    /// A service that holds requests, if there is one.
    pub fn paused_service(&self) -> Option<String> {
        let is_paused = |service: &&Arc<Service>| matches!(service.pause, Pause::Paused { .. });
        self.services().values().find(is_paused).map(|service| service.name.clone())
    }

    /// All services as they are now, by name.
    pub fn snapshot(&self) -> Services {
        self.services().clone()
    }

    /// When the certificate of each host that has one expires, since the epoch.
    pub fn certificate_ends(&self) -> BTreeMap<String, Duration> {
        let mut ends = self.acme.certificate_ends();
        for service in self.snapshot().values() {
            let validity = service.certificate.as_ref().and_then(Certificate::validity);
            let hosts = service.options.hosts.iter().cloned();
            ends.extend(
                validity.into_iter().flat_map(|end| hosts.clone().map(move |host| (host, end.until))),
            );
        }
        ends
    }

    async fn quiesce(&self, name: &str, pause: Pause, drain: Duration, told: &str) -> Result<(), String> {
        let pools: Vec<_> = self.update(name, |service| {
            service.pause = pause.clone();
            service.pools().cloned().collect()
        })?;
        // Published first, then held, with no other command in between: a request that a held target refuses finds the pause when it looks again.
        pools.iter().flat_map(|pool| pool.targets()).for_each(|target| target.hold());
        self.save().await;
        self.log.info(told, &[("service", &name)]);
        let mut changes = self.changes();
        let resumed = changes.wait_for(|_| !self.is_in_state(name, &pause));
        tokio::select! {
            () = drain_all(&pools, drain) => self.log.info("Service drained", &[("service", &name)]),
            _ = resumed => {}
        }
        Ok(())
    }

    fn forget_credentials(&self, name: &str) {
        let data = self.state_path.parent().unwrap_or(Path::new("."));
        if let Err(error) = credentials::forget(data, name) {
            let fields: [(&str, &dyn Field); 2] = [("service", &name), ("error", &error.to_string())];
            self.log.error("Unable to forget credentials", &fields);
        }
    }

    fn is_in_state(&self, name: &str, pause: &Pause) -> bool {
        self.services().get(name).is_some_and(|service| service.pause == *pause)
    }

    fn service(&self, name: &str) -> Result<Arc<Service>, String> {
        self.services().get(name).cloned().ok_or_else(|| NOT_FOUND.to_owned())
    }

    /// Replaces one service by a changed copy of itself.
    fn update<T>(&self, name: &str, change: impl FnOnce(&mut Service) -> T) -> Result<T, String> {
        self.change(|services| {
            let mut service = (**services.get(name).ok_or(NOT_FOUND)?).clone();
            let result = change(&mut service);
            services.insert(name.to_owned(), Arc::new(service));
            Ok(result)
        })
    }

    /// Changes the table, publishes the new snapshot and wakes the requests that are held.
    fn change<T>(&self, change: impl FnOnce(&mut Services) -> T) -> T {
        let mut services = self.services();
        let result = change(&mut services);
        inherit_tls(&mut services);
        self.routes.store(Arc::new(Routes::new(&services)));
        self.acme.keep(&services);
        drop(services);
        self.version.send_modify(|version| *version += 1);
        result
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().expect("no holder panics")
    }

    fn troubles(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.certificate_troubles.lock().expect("no holder panics")
    }

    /// Saves the table as it is now; saves follow one another.
    async fn save(&self) {
        let _turn = self.saving.lock().await;
        let saved: Vec<_> = self.services().values().map(|service| SavedService::from(&**service)).collect();
        let path = self.state_path.clone();
        let written = tokio::task::spawn_blocking(move || state::write(&path, &saved)).await;
        let path = self.state_path.display().to_string();
        match written.map_err(std::io::Error::other).flatten() {
            Ok(()) => self.log.debug("Saved state", &[("path", &path)]),
            Err(error) => {
                self.log.error("Unable to save state", &[("path", &path), ("error", &error.to_string())]);
            }
        }
    }
}

/// Closes replaced targets, waits for what they still do, then lets their connections go.
async fn retire(pools: Vec<Arc<Pool>>, grace: Duration) {
    pools.iter().for_each(|pool| pool.retire());
    drain_all(&pools, grace).await;
    pools.iter().for_each(|pool| pool.dismiss());
}

async fn drain_all(pools: &[Arc<Pool>], grace: Duration) {
    let mut drains = tokio::task::JoinSet::new();
    for pool in pools {
        let pool = Arc::clone(pool);
        drains.spawn(async move { pool.drain(grace).await });
    }
    drains.join_all().await;
}

/// A service below the root takes its TLS flags from the one that serves the root of its first host.
fn inherit_tls(services: &mut Services) {
    let routes = Routes::new(services);
    let mut changed = Vec::new();
    for service in services.values().filter(|service| !service.options.path_prefixes.iter().any(|p| p == "/"))
    {
        let host = service.options.hosts.first().map_or("", String::as_str);
        let root = routes.find(host, "/").map(|route| &route.service.options);
        let (tls, redirect) = root.map_or((false, true), |root| (root.tls_enabled, root.tls_redirect));
        if (service.options.tls_enabled, service.options.tls_redirect) != (tls, redirect) {
            let mut service = (**service).clone();
            (service.options.tls_enabled, service.options.tls_redirect) = (tls, redirect);
            changed.push(Arc::new(service));
        }
    }
    services.extend(changed.into_iter().map(|service| (service.name.clone(), service)));
}
