//! Putting new targets in the place of the current ones: checked, probed, swapped in, the old ones drained.

use std::sync::Arc;
use std::time::Duration;

use super::files::Files;
use super::turns::Turn;
use super::{Router, retire};
use crate::acme::{NO_WILDCARDS, inquiry};
use crate::control::{Deployment, Rollout};
use crate::duration;
use crate::health;
use crate::log::{Field, Log};
use crate::options::TargetOptions;
use crate::pool::Pool;
use crate::routes::{self, Services};
use crate::service::Service;

impl Router {
    /// Puts new targets in the place of a service's current ones, once they are healthy, and drains the old ones.
    pub async fn deploy(self: &Arc<Self>, mut deployment: Deployment) -> Result<(), String> {
        deployment.options.normalize();
        deployment.options.validate()?;
        refuse_what_cannot_be_kept(&deployment)?;
        self.refuse_conflict(&deployment)?;
        self.acme
            .check_proof(&deployment.options)
            .map_err(|why| format!("unable to use the DNS provider\n  {why}"))?;
        let turn = self.turns.take(&deployment.service).await;
        let current = self.services().get(&deployment.service).cloned();
        deployment.options.policy.keep_key(current.as_ref().map(|current| &current.options.policy));
        let files = self.load_files(&deployment)?;
        let pool =
            self.probed_pool(&deployment.targets, &deployment.read_targets, &deployment.target_options)?;
        self.log_deployment("Deploying", &deployment);
        if deployment.force {
            return self.deploy_when_healthy(deployment, pool, files, turn).await;
        }
        self.until_healthy(&pool, deployment.deploy_timeout).await?;
        self.install(&deployment, pool, files, turn).await?;
        self.log_deployment("Deployed", &deployment);
        Ok(())
    }

    /// Puts a second set of targets beside a service's current ones.
    pub async fn rollout_deploy(self: &Arc<Self>, rollout: Rollout) -> Result<(), String> {
        let turn = self.turns.take(&rollout.service).await;
        let service = self.service(&rollout.service)?;
        let pool = self.probed_pool(&rollout.targets, &rollout.read_targets, &service.target_options)?;
        let targets = rollout.targets.join(",");
        let fields: [(&str, &dyn Field); 2] = [("service", &rollout.service), ("targets", &targets)];
        self.log.info("Deploying for rollout", &fields);
        self.until_healthy(&pool, rollout.deploy_timeout).await?;
        let replaced = self.update(&rollout.service, |service| service.rollout.replace(Arc::clone(&pool)));
        let replaced = replaced.inspect_err(|_| pool.retire())?;
        self.save().await;
        drop(turn);
        retire(replaced.into_iter().collect(), rollout.drain_timeout).await;
        self.log.info("Deployed for rollout", &fields);
        Ok(())
    }

    async fn deploy_when_healthy(
        self: &Arc<Self>,
        deployment: Deployment,
        pool: Arc<Pool>,
        files: Files,
        turn: Turn,
    ) -> Result<(), String> {
        let current = self.services().get(&deployment.service).cloned();
        let Some(current) = current else {
            return self.install(&deployment, pool, files, turn).await;
        };
        // The next deploy does not wait for this one's health: it takes its place.
        drop(turn);
        let router = Arc::clone(self);
        tokio::spawn(async move {
            let mut changes = router.changes();
            let is_current = |now: &Arc<Service>| Arc::ptr_eq(&now.active, &current.active);
            let superseded = |_: &u64| !router.services().get(&deployment.service).is_some_and(is_current);
            tokio::select! {
                _ = changes.wait_for(superseded) => return pool.retire(),
                () = pool.until_healthy() => {}
            }
            let turn = router.turns.take(&deployment.service).await;
            match router.install(&deployment, pool, files, turn).await {
                Ok(()) => router.log_deployment("Deployed", &deployment),
                Err(error) => router.log.error("Forced deploy failed", &[("error", &error)]),
            }
        });
        Ok(())
    }

    /// Publishes the deployment, saves, lets the next one begin, drains what was replaced. Fails, changing nothing, on a conflict.
    async fn install(
        self: &Arc<Self>,
        deployment: &Deployment,
        pool: Arc<Pool>,
        files: Files,
        turn: Turn,
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
                policy: files.policy,
                error_pages: files.error_pages,
                certificate: files.certificate,
            };
            services.insert(service.name.clone(), Arc::new(service));
            Ok(current.map(|current| Arc::clone(&current.active)))
        });
        let replaced = installed.inspect_err(|_| pool.retire())?;
        self.acme.try_soon(&deployment.options.hosts);
        self.save().await;
        // The next deploy need not wait for the drain.
        drop(turn);
        retire(replaced.into_iter().collect(), deployment.drain_timeout).await;
        Ok(())
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

    pub(super) fn probe(&self, pool: &Pool) {
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

    fn refuse_conflict(&self, deployment: &Deployment) -> Result<(), String> {
        refuse_conflict_among(&self.services(), deployment, &self.log)
    }

    fn log_deployment(&self, message: &str, deployment: &Deployment) {
        let options = &deployment.options;
        let (targets, hosts, paths) = (&deployment.targets, &options.hosts, &options.path_prefixes);
        let fields: [(&str, &dyn Field); 5] = [
            ("service", &deployment.service),
            ("targets", targets),
            ("hosts", hosts),
            ("paths", paths),
            ("tls", &options.tls_enabled),
        ];
        self.log.info(message, &fields);
    }
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
    if options.has_certificates_on_demand() && !options.tls_on_demand_url.starts_with('/') {
        inquiry::endpoint(&options.tls_on_demand_url).map_err(|error| error.to_string())?;
    }
    let has_wildcard = options.hosts.iter().any(|host| host.contains('*'));
    if options.has_automatic_certificates() && options.tls_dns.is_none() && has_wildcard {
        return Err(format!("{NO_WILDCARDS}\n  unless their zone proves them: --tls-dns-provider"));
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
