//! Logging in to a registry, here or on a host.

use super::{Line, Request};
use crate::commands::registry;
use crate::config::{Credential, Registry};

/// Logs in; `None` where no account is needed.
///
/// # Errors
/// A message, if the account is named after a secret that no file has.
pub fn login(request: &Request, registry: &Registry) -> Result<Option<Line>, String> {
    let login = registry::login(registry, &request.secrets).map_err(|error| error.to_string())?;
    Ok(login.map(|login| Line::new("docker login", login).or_advise(account(request, registry))))
}

/// Where user name and password come from.
fn account(request: &Request, registry: &Registry) -> String {
    let from = |credential: &Option<Credential>| match credential {
        Some(Credential::Secret(name)) => format!("{name} in {}", request.config.secrets_path),
        _ => "written in the configuration".to_string(),
    };
    let server = registry.server.as_deref().unwrap_or("Docker Hub");
    format!(
        "{server} is asked with registry.username ({}) and registry.password ({})",
        from(&registry.username),
        from(&registry.password)
    )
}
