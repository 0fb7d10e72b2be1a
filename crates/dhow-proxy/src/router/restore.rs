//! Bringing back the services of the last run.

use std::io;
use std::sync::Arc;

use super::Router;
use crate::log::Field;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::service::Service;
use crate::state::{self, SavedService};
use crate::target::Health;

impl Router {
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

    fn restored(self: &Arc<Self>, saved: SavedService) -> Service {
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
            // Rules that are gone let nobody in, rather than everybody.
            policy: self.load_policy(&saved.name, &saved.options).unwrap_or_else(|_| Some(Policy::closed())),
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

    fn keep_unreadable_state(&self, path: &str, error: &io::Error) {
        let fields: [(&str, &dyn Field); 2] = [("path", &path), ("error", &error.to_string())];
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
}
