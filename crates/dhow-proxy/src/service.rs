//! A service as one immutable value. A change makes a new value, which the router publishes in a new snapshot.

use std::sync::Arc;

use crate::http::error_page::ErrorPages;
use crate::options::{ServiceOptions, TargetOptions};
use crate::pause::Pause;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::rollout::Split;
use crate::tls::certificate::Certificate;

/// Everything a request needs to know about the service it belongs to.
#[derive(Clone)]
pub struct Service {
    /// Unique name, chosen by the deploy.
    pub name: String,
    /// Options as deployed; the TLS flags of a sub-path service are those of the root service on its first host.
    pub options: ServiceOptions,
    /// Options for targets deployed later (a rollout).
    pub target_options: Arc<TargetOptions>,
    /// The targets that serve.
    pub active: Arc<Pool>,
    /// The targets of a rollout, if one was deployed.
    pub rollout: Option<Arc<Pool>>,
    /// Who sees the rollout, if it was set.
    pub split: Option<Split>,
    /// Whether requests are taken.
    pub pause: Pause,
    /// What it asks of its clients, if anything.
    pub policy: Option<Arc<Policy>>,
    /// Custom error pages, if configured.
    pub error_pages: Option<Arc<ErrorPages>>,
    /// The custom certificate, if configured (and still there after a restart).
    pub certificate: Option<Certificate>,
}

impl Service {
    /// The targets for a client with this rollout cookie.
    pub fn pool_for(&self, rollout_cookie: impl FnOnce() -> Option<String>) -> &Arc<Pool> {
        match (&self.rollout, &self.split) {
            (Some(rollout), Some(split)) if rollout_cookie().is_some_and(|value| split.includes(&value)) => {
                rollout
            }
            _ => &self.active,
        }
    }

    /// Both target sets.
    pub fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        std::iter::once(&self.active).chain(&self.rollout)
    }

    /// Whether `path`, seen without its prefix, is the health check's own.
    pub fn is_probe_path(&self, path: &str) -> bool {
        let configured = &self.target_options.health_check_config.path;
        configured.split('?').next() == Some(path)
    }
}
