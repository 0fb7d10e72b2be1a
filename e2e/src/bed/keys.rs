use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::network::Network;
use crate::checked::checked;

/// The bed's own ssh identities, so that nobody's `~/.ssh` is read or written.
pub struct Keys {
    private: PathBuf,
    stranger: PathBuf,
    host: PathBuf,
    config: PathBuf,
}

impl Keys {
    /// Where a bed keeps its keys.
    pub fn at(bed: &Path) -> Keys {
        let directory = bed.join("ssh");
        Keys {
            private: directory.join("id_ed25519"),
            stranger: directory.join("id_stranger"),
            host: directory.join("host_key"),
            config: directory.join("config"),
        }
    }

    /// Makes a key for the user, one for a stranger, one for all servers, and a client configuration that trusts the latter.
    pub fn generate(bed: impl AsRef<Path>, network: &Network) -> Result<Keys> {
        let keys = Keys::at(bed.as_ref());
        fs::create_dir(bed.as_ref().join("ssh"))?;
        for key in [&keys.private, &keys.stranger, &keys.host] {
            checked(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key))?;
        }
        let known_hosts = keys.config.with_file_name("known_hosts");
        let (_, everyone) = network.range();
        fs::write(&known_hosts, format!("{everyone} {}", fs::read_to_string(public(&keys.host))?))?;
        let trust = format!("UserKnownHostsFile {}\nStrictHostKeyChecking yes\n", known_hosts.display());
        fs::write(&keys.config, trust)?;
        Ok(keys)
    }

    /// The key that servers let in.
    pub fn private(&self) -> &Path {
        &self.private
    }

    /// A key that no server lets in.
    pub fn stranger(&self) -> &Path {
        &self.stranger
    }

    /// What servers prove themselves with.
    pub fn host(&self) -> &Path {
        &self.host
    }

    /// The client's configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The line for `authorized_keys`.
    pub fn authorized(&self) -> Result<String> {
        Ok(fs::read_to_string(public(&self.private))?)
    }
}

fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}
