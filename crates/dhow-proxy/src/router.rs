//! The table of services and the commands that change it. Runs on the control thread; workers read the snapshot.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::acme::Acme;
use crate::control::{Deployment, Listed, Rollout};
use crate::duration;
use crate::health;
use crate::http::error_page::ErrorPages;
use crate::log::Log;
use crate::options::{ServiceOptions, TargetOptions};
use crate::pause::Pause;
use crate::pool::Pool;
use crate::rollout::Split;
use crate::routes::{self, Routes, Services};
use crate::service::Service;
use crate::state::{self, SavedService};
use crate::target::Health;
use crate::tls::certificate::Certificate;

/// Longer than any request; far from what an `Instant` cannot hold.
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

const NO_ON_DEMAND: &str =
    "--tls-on-demand-url is not supported by this version of dhow-proxy yet; list the hosts with --host";

const NOT_FOUND: &str = "service not found";

/// The services of a proxy. Errors are kamal-proxy's texts, ready for the command line.
pub struct Router {
    services: Mutex<Services>,
    routes: Arc<ArcSwap<Routes>>,
    version: watch::Sender<u64>,
    state_path: PathBuf,
    saving: tokio::sync::Mutex<()>,
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

    /// Brings back the services of the last run. What cannot be brought back is logged and left out.
    pub fn restore(self: &Arc<Self>) {
        let path = self.state_path.display().to_string();
        let saved = match state::read(&self.state_path) {
            Ok(Some(saved)) => saved,
            Ok(None) => return self.log.info("No previous state to restore", &[("path", &path)]),
            Err(error) => return self.keep_unreadable_state(&path, &error),
        };
        for error in &saved.broken {
            self.log.error("Failed to restore saved state", &[("path", &path), ("error", error)]);
        }
        self.change(|services| {
            for service in saved.services {
                let service = self.restored(service);
                services.insert(service.name.clone(), Arc::new(service));
            }
        });
        self.log.info("Restored saved state", &[("path", &path)]);
    }

    /// Puts new targets in the place of a service's current ones, once they are healthy, and drains the old ones.
    pub async fn deploy(self: &Arc<Self>, mut deployment: Deployment) -> Result<(), String> {
        deployment.options.normalize();
        deployment.options.validate()?;
        refuse_what_cannot_be_kept(&deployment)?;
        self.refuse_conflict(&deployment)?;
        let files = self.load_files(&deployment)?;
        let pool =
            self.probed_pool(&deployment.targets, &deployment.read_targets, &deployment.target_options)?;
        self.log_deployment("Deploying", &deployment);
        if deployment.force {
            return self.deploy_when_healthy(deployment, pool, files).await;
        }
        self.until_healthy(&pool, deployment.deploy_timeout).await?;
        self.install(&deployment, pool, files).await?;
        self.log_deployment("Deployed", &deployment);
        Ok(())
    }

    /// Puts a second set of targets beside a service's current ones.
    pub async fn rollout_deploy(self: &Arc<Self>, rollout: Rollout) -> Result<(), String> {
        let service = self.service(&rollout.service)?;
        let pool = self.probed_pool(&rollout.targets, &rollout.read_targets, &service.target_options)?;
        let targets = rollout.targets.join(",");
        let fields: [(&str, &dyn crate::log::Field); 2] =
            [("service", &rollout.service), ("targets", &targets)];
        self.log.info("Deploying for rollout", &fields);
        self.until_healthy(&pool, rollout.deploy_timeout).await?;
        let replaced = self.update(&rollout.service, |service| service.rollout.replace(Arc::clone(&pool)));
        let replaced = replaced.inspect_err(|_| pool.retire())?;
        self.save().await;
        retire(replaced.into_iter().collect(), rollout.drain_timeout).await;
        self.log.info("Deployed for rollout", &fields);
        Ok(())
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
        let fields: [(&str, &dyn crate::log::Field); 3] =
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
        let removed = self.change(|services| services.remove(name)).ok_or(NOT_FOUND)?;
        self.save().await;
        removed.pools().for_each(|pool| pool.retire());
        // Nothing limits these requests in time; their connections are let go when the last one has ended.
        tokio::spawn(async move { retire(removed.pools().cloned().collect(), NO_LIMIT).await });
        Ok(())
    }

    /// The rows of `list`, sorted by name.
    pub fn list(&self) -> Vec<Listed> {
        self.services().values().map(|service| Listed::from(&**service)).collect()
    }

    async fn deploy_when_healthy(
        self: &Arc<Self>,
        deployment: Deployment,
        pool: Arc<Pool>,
        files: Files,
    ) -> Result<(), String> {
        let current = self.services().get(&deployment.service).cloned();
        let Some(current) = current else {
            return self.install(&deployment, pool, files).await;
        };
        let router = Arc::clone(self);
        tokio::spawn(async move {
            let mut changes = router.changes();
            let is_current = |now: &Arc<Service>| Arc::ptr_eq(&now.active, &current.active);
            let superseded = |_: &u64| !router.services().get(&deployment.service).is_some_and(is_current);
            tokio::select! {
                _ = changes.wait_for(superseded) => return pool.retire(),
                () = pool.until_healthy() => {}
            }
            match router.install(&deployment, pool, files).await {
                Ok(()) => router.log_deployment("Deployed", &deployment),
                Err(error) => router.log.error("Forced deploy failed", &[("error", &error)]),
            }
        });
        Ok(())
    }

    /// Publishes the deployment, saves, drains what was replaced. Fails, changing nothing, on a conflict.
    async fn install(
        self: &Arc<Self>,
        deployment: &Deployment,
        pool: Arc<Pool>,
        files: Files,
    ) -> Result<(), String> {
        let installed: Result<_, String> = self.change(|services| {
            refuse_conflict_among(services, deployment, &self.log)?;
            let current = services.get(&deployment.service).cloned();
            let service = Service {
                name: deployment.service.clone(),
                options: deployment.options.clone(),
                target_options: Arc::new(deployment.target_options.clone()),
                active: Arc::clone(&pool),
                rollout: current.as_ref().and_then(|current| current.rollout.clone()),
                split: current.as_ref().and_then(|current| current.split.clone()),
                pause: current.as_ref().map(|current| current.pause.clone()).unwrap_or_default(),
                error_pages: files.error_pages,
                certificate: files.certificate,
            };
            services.insert(service.name.clone(), Arc::new(service));
            Ok(current.map(|current| Arc::clone(&current.active)))
        });
        let replaced = installed.inspect_err(|_| pool.retire())?;
        self.acme.try_soon(&deployment.options.hosts);
        self.save().await;
        retire(replaced.into_iter().collect(), deployment.drain_timeout).await;
        Ok(())
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

    fn is_in_state(&self, name: &str, pause: &Pause) -> bool {
        self.services().get(name).is_some_and(|service| service.pause == *pause)
    }

    /// New targets, under probe.
    fn probed_pool(
        &self,
        writers: &[String],
        readers: &[String],
        options: &TargetOptions,
    ) -> Result<Arc<Pool>, String> {
        let pool = Arc::new(Pool::new(writers, readers, &Arc::new(options.clone()))?);
        self.probe(&pool);
        Ok(pool)
    }

    fn probe(&self, pool: &Pool) {
        for target in pool.targets() {
            tokio::spawn(health::watch(Arc::clone(target), pool.is_single(), self.log.clone()));
        }
    }

    async fn until_healthy(&self, pool: &Pool, within: Duration) -> Result<(), String> {
        if pool.is_healthy_within(within).await {
            return Ok(());
        }
        pool.retire();
        Err(unhealthy(pool, within))
    }

    fn restored(self: &Arc<Self>, saved: SavedService) -> Service {
        if !saved.options.tls_on_demand_url.is_empty() {
            let fields: [(&str, &dyn crate::log::Field); 2] =
                [("service", &saved.name), ("error", &NO_ON_DEMAND)];
            self.log.error("Restored a service without its certificates", &fields);
        }
        let pool = |writers: &[String], readers: &[String]| {
            let pool = Pool::new(writers, readers, &Arc::new(saved.target_options.clone()));
            let pool = pool.unwrap_or_else(|error| {
                self.log
                    .error("Failed to restore saved state", &[("service", &saved.name), ("error", &error)]);
                Pool::default()
            });
            pool.targets().for_each(|target| target.set_health(Health::Healthy));
            if !pool.is_single() {
                self.probe(&pool);
            }
            Arc::new(pool)
        };
        let readers = saved.rollout_readers.as_deref().unwrap_or_default();
        Service {
            active: pool(&saved.active_targets, &saved.active_readers),
            rollout: saved
                .rollout_targets
                .as_deref()
                .filter(|names| !names.is_empty())
                .map(|names| pool(names, readers)),
            // A directory that is gone costs the service its own pages, not its life.
            error_pages: self.load_error_pages(&saved.name, &saved.options).unwrap_or_default(),
            // And a certificate that is gone costs it its handshakes; its other requests go on.
            certificate: self.load_certificate(&saved.name, &saved.options).unwrap_or_default(),
            target_options: Arc::new(saved.target_options.clone()),
            split: saved.rollout_controller.clone(),
            pause: saved.pause_controller.into(),
            options: saved.options.clone(),
            name: saved.name.clone(),
        }
    }

    fn load_files(&self, deployment: &Deployment) -> Result<Files, String> {
        Ok(Files {
            certificate: self.load_certificate(&deployment.service, &deployment.options)?,
            error_pages: self.load_error_pages(&deployment.service, &deployment.options)?,
        })
    }

    fn load_certificate(&self, name: &str, options: &ServiceOptions) -> Result<Option<Certificate>, String> {
        if !options.has_custom_certificate() {
            return Ok(None);
        }
        let (chain, key) = (&options.tls_certificate_path, &options.tls_private_key_path);
        Certificate::load(chain.as_ref(), key.as_ref()).map(Some).map_err(|error| {
            self.log.error("Error loading TLS certificate", &[("service", &name), ("error", &error)]);
            format!("unable to load certificate\n  {error}")
        })
    }

    fn load_error_pages(
        &self,
        name: &str,
        options: &ServiceOptions,
    ) -> Result<Option<Arc<ErrorPages>>, String> {
        if options.error_page_path.is_empty() {
            return Ok(None);
        }
        let path = &options.error_page_path;
        ErrorPages::load(path.as_ref()).map(|pages| Some(Arc::new(pages))).map_err(|error| {
            let fields: [(&str, &dyn crate::log::Field); 3] =
                [("service", &name), ("path", path), ("error", &error)];
            self.log.error("Unable to parse custom error pages", &fields);
            format!("unable to load error pages\n  {error}")
        })
    }

    fn keep_unreadable_state(&self, path: &str, error: &std::io::Error) {
        let fields: [(&str, &dyn crate::log::Field); 2] = [("path", &path), ("error", &error.to_string())];
        self.log.error("Failed to decode saved state", &fields);
        match state::set_aside(&self.state_path) {
            Ok(aside) => {
                self.log.warn("Kept the unreadable state", &[("path", &aside.display().to_string())])
            }
            Err(error) => {
                self.log.error("Unable to keep the unreadable state", &[("error", &error.to_string())])
            }
        }
    }

    fn refuse_conflict(&self, deployment: &Deployment) -> Result<(), String> {
        refuse_conflict_among(&self.services(), deployment, &self.log)
    }

    fn log_deployment(&self, message: &str, deployment: &Deployment) {
        let options = &deployment.options;
        let (targets, hosts, paths) = (&deployment.targets, &options.hosts, &options.path_prefixes);
        let fields: [(&str, &dyn crate::log::Field); 5] = [
            ("service", &deployment.service),
            ("targets", targets),
            ("hosts", hosts),
            ("paths", paths),
            ("tls", &options.tls_enabled),
        ];
        self.log.info(message, &fields);
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

/// What a service reads from disk, once, when it is deployed or restored.
struct Files {
    error_pages: Option<Arc<ErrorPages>>,
    certificate: Option<Certificate>,
}

/// What kamal-proxy would do and this version cannot, or what would break it (an interval of zero, no target).
fn refuse_what_cannot_be_kept(deployment: &Deployment) -> Result<(), String> {
    let config = &deployment.target_options.health_check_config;
    if config.interval.is_zero() {
        return Err("health-check-interval must be more than 0s".into());
    }
    if deployment.targets.iter().chain(&deployment.read_targets).all(|target| target.is_empty()) {
        return Err("at least one target is needed; give it as --target <container or host>:<port>".into());
    }
    let options = &deployment.options;
    if !options.tls_on_demand_url.is_empty() {
        return Err(NO_ON_DEMAND.into());
    }
    if options.has_automatic_certificates() && options.hosts.iter().any(|host| host.contains('*')) {
        return Err("automatic TLS does not support wildcards".into());
    }
    Ok(())
}

fn refuse_conflict_among(services: &Services, deployment: &Deployment, log: &Log) -> Result<(), String> {
    let options = &deployment.options;
    match routes::conflicting(services, &deployment.service, &options.hosts, &options.path_prefixes) {
        Some(owner) => {
            log.error("Host settings conflict with another service", &[("service", &owner)]);
            Err("host settings conflict with another service".into())
        }
        None => Ok(()),
    }
}

fn unhealthy(pool: &Pool, within: Duration) -> String {
    let mut text =
        format!("target failed to become healthy within configured timeout ({})", duration::format(within));
    for target in pool.targets().filter(|target| !target.is_healthy()) {
        let why = target.probe_error().unwrap_or_else(|| "no probe has ended yet".into());
        text.push_str(&format!("\n  last probe of {}: {why}", target.address.as_str()));
    }
    text
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
