//! What a service reads from disk, once, when it is deployed or restored.

use std::sync::Arc;

use super::Router;
use crate::control::Deployment;
use crate::http::error_page::ErrorPages;
use crate::log::Field;
use crate::options::ServiceOptions;
use crate::policy::Policy;
use crate::tls::certificate::Certificate;

/// What a service reads from disk, once, when it is deployed or restored.
pub(super) struct Files {
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) error_pages: Option<Arc<ErrorPages>>,
    pub(super) certificate: Option<Certificate>,
}

impl Router {
    pub(super) fn load_files(&self, deployment: &Deployment) -> Result<Files, String> {
        Ok(Files {
            policy: self.load_policy(&deployment.service, &deployment.options)?,
            certificate: self.load_certificate(&deployment.service, &deployment.options)?,
            error_pages: self.load_error_pages(&deployment.service, &deployment.options)?,
        })
    }

    pub(super) fn load_policy(
        &self,
        name: &str,
        options: &ServiceOptions,
    ) -> Result<Option<Arc<Policy>>, String> {
        Policy::new(&options.policy).inspect_err(|error| {
            self.log.error("Unable to load the rules for clients", &[("service", &name), ("error", error)]);
        })
    }

    pub(super) fn load_certificate(
        &self,
        name: &str,
        options: &ServiceOptions,
    ) -> Result<Option<Certificate>, String> {
        if !options.has_custom_certificate() {
            return Ok(None);
        }
        let (chain, key) = (&options.tls_certificate_path, &options.tls_private_key_path);
        Certificate::load(chain.as_ref(), key.as_ref()).map(Some).map_err(|error| {
            self.log.error("Error loading TLS certificate", &[("service", &name), ("error", &error)]);
            format!("unable to load certificate\n  {error}")
        })
    }

    pub(super) fn load_error_pages(
        &self,
        name: &str,
        options: &ServiceOptions,
    ) -> Result<Option<Arc<ErrorPages>>, String> {
        if options.error_page_path.is_empty() {
            return Ok(None);
        }
        let path = &options.error_page_path;
        ErrorPages::load(path.as_ref()).map(|pages| Some(Arc::new(pages))).map_err(|error| {
            let fields: [(&str, &dyn Field); 3] = [("service", &name), ("path", path), ("error", &error)];
            self.log.error("Unable to parse custom error pages", &fields);
            format!("unable to load error pages\n  {error}")
        })
    }
}
