//! Custom certificates that change on disk, by a renewal that others do: read again, without a deploy.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Router;
use crate::log::Field;
use crate::options::ServiceOptions;
use crate::tls::certificate::Certificate;

impl Router {
    /// Looks at the files again and again. For use on the control thread.
    pub async fn follow_certificate_files(self: Arc<Self>, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for service in self.snapshot().values().filter(|service| service.options.has_custom_certificate())
            {
                self.reload_certificate(&service.name, &service.options).await;
            }
        }
    }

    /// Why a service's certificate files could not be read the last time, if they could not.
    pub fn certificate_trouble(&self, name: &str) -> Option<String> {
        self.troubles().get(name).cloned()
    }

    async fn reload_certificate(&self, name: &str, options: &ServiceOptions) {
        let (chain, key) = (options.tls_certificate_path.clone(), options.tls_private_key_path.clone());
        let loaded =
            tokio::task::spawn_blocking(move || Certificate::load(chain.as_ref(), key.as_ref())).await;
        match loaded {
            Ok(Ok(certificate)) => {
                self.troubles().remove(name);
                self.take_certificate(name, options, certificate);
            }
            Ok(Err(error)) => self.note_trouble(name, error),
            Err(error) => self.note_trouble(name, error.to_string()),
        }
    }

    /// Serves a certificate from now on, unless it is the one that is served, or a deploy has named other files.
    fn take_certificate(&self, name: &str, options: &ServiceOptions, certificate: Certificate) {
        let is_news = self.service(name).is_ok_and(|service| {
            let present = service.certificate.as_ref();
            service.options == *options && !present.is_some_and(|present| present.is_same(&certificate))
        });
        if is_news && self.update(name, |service| service.certificate = Some(certificate)).is_ok() {
            self.log.info("Certificate reloaded", &[("service", &name)]);
        }
    }

    /// The certificate that is served stays; the same trouble is told once.
    fn note_trouble(&self, name: &str, error: String) {
        let is_news = self.troubles().insert(name.to_owned(), error.clone()).as_ref() != Some(&error);
        if is_news {
            let fields: [(&str, &dyn Field); 2] = [("service", &name), ("error", &error)];
            self.log.error("Unable to reload a certificate", &fields);
        }
    }
}
