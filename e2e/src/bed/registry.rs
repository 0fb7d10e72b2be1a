use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::network::Network;
use crate::checked::{checked, eventually};
use crate::http;

/// The account of the registry.
pub const USER: &str = "captain";
/// Its password.
pub const PASSWORD: &str = "c0rrect-h0rse";

/// Docker's own registry, with an account, on the workstation's port 5000.
pub struct Registry {
    address: String,
}

impl Registry {
    /// Writes the files with which the workstation starts it.
    pub fn configure(bed: impl AsRef<Path>, network: &Network) -> Result<Registry> {
        let directory = bed.as_ref().join("registry");
        fs::create_dir(&directory)?;
        let account = checked(Command::new("htpasswd").args(["-nbB", USER, PASSWORD]))?;
        fs::write(directory.join("htpasswd"), account)?;
        let registry = Registry { address: address(network) };
        fs::write(directory.join("config.yml"), registry.config(&directory))?;
        Ok(registry)
    }

    /// `HOST:PORT`, to be put before an image's name.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The `registry:` section for a deploy.yml; the password is to be in `.kamal/secrets`.
    pub fn yaml(&self) -> String {
        format!(
            "registry:\n  server: {}\n  username: {USER}\n  password: [KAMAL_REGISTRY_PASSWORD]\n",
            self.address
        )
    }

    /// What belongs into `.kamal/secrets` as `KAMAL_REGISTRY_PASSWORD`.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The shell line with which Docker learns the account.
    pub fn login_line(&self) -> String {
        format!("echo {PASSWORD} | docker login --username {USER} --password-stdin {}", self.address)
    }

    pub(super) fn await_ready(&self) -> Result<()> {
        eventually("the registry asks for a password", Duration::from_secs(20), || {
            let answer = http::get(format!("{}/v2/", self.address), Duration::from_secs(5)).ok()?;
            (answer.status == 401).then_some(())
        })
    }

    fn config(&self, directory: &Path) -> String {
        let (address, directory) = (&self.address, directory.display());
        format!(
            "version: 0.1\n\
             log: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {directory}/data}}, delete: {{enabled: true}}}}\n\
             auth: {{htpasswd: {{realm: bed, path: {directory}/htpasswd}}}}\n\
             http: {{addr: \"{address}\"}}\n"
        )
    }
}

/// Where a bed's registry listens.
pub fn address(network: &Network) -> String {
    network.host_address(0) + ":5000"
}
