//! `ssh.key_data`: private keys from secrets, in files that only this user can read, for as long as a run lasts.

use super::ProjectError;
use dhow_core::config::Config;
use dhow_core::secrets::Secrets;
use std::io::{self, Write};
use std::path::PathBuf;
use tempfile::NamedTempFile;

/// Removed when dropped.
#[derive(Default)]
pub struct KeyFiles {
    files: Vec<NamedTempFile>,
}

impl KeyFiles {
    /// Where they are.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path().to_path_buf()).collect()
    }
}

/// Writes the keys. An entry is the name of a secret or, as in older configurations, the key itself.
pub fn key_files(config: &Config, secrets: &Secrets) -> Result<KeyFiles, ProjectError> {
    let keys = config.ssh.key_data.iter().map(|entry| match entry.contains("PRIVATE KEY") {
        true => Ok(entry.clone()),
        false => {
            secrets.find(entry).map(|secret| secret.reveal().to_string()).map_err(|error| error.to_string())
        }
    });
    let write = |key: Result<String, String>| -> Result<NamedTempFile, ProjectError> {
        written(&key.map_err(ProjectError::Said)?)
            .map_err(|error| ProjectError::Said(format!("ssh.key_data: {error}")))
    };
    Ok(KeyFiles { files: keys.map(write).collect::<Result<_, _>>()? })
}

fn written(key: &str) -> io::Result<NamedTempFile> {
    // Mode 0600 from the start.
    let mut file = tempfile::Builder::new().prefix("dhow-key-").tempfile()?;
    writeln!(file, "{}", key.trim_end())?;
    file.flush()?;
    Ok(file)
}
