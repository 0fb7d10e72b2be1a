//! The state file, in kamal-proxy's format, so that a server can be taken over by either proxy.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::options::{ServiceOptions, TargetOptions};
use crate::pause::SavedPause;
use crate::rollout::Split;
use crate::service::Service;

/// A service as it is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedService {
    /// Unique name.
    pub name: String,
    /// Options of the service.
    pub options: ServiceOptions,
    /// Options of its targets.
    pub target_options: TargetOptions,
    /// Writers.
    #[serde(deserialize_with = "null_as_empty")]
    pub active_targets: Vec<String>,
    /// Readers.
    #[serde(deserialize_with = "null_as_empty")]
    pub active_readers: Vec<String>,
    /// Writers of the rollout.
    pub rollout_targets: Option<Vec<String>>,
    /// Readers of the rollout.
    pub rollout_readers: Option<Vec<String>>,
    /// Whether requests are taken.
    pub pause_controller: SavedPause,
    /// Who sees the rollout.
    pub rollout_controller: Option<Split>,
    #[serde(skip_serializing)]
    active_target: String,
    #[serde(skip_serializing)]
    rollout_target: String,
    #[serde(skip_serializing, deserialize_with = "null_as_empty")]
    hosts: Vec<String>,
    #[serde(skip_serializing, deserialize_with = "null_as_empty")]
    path_prefixes: Vec<String>,
}

impl From<&Service> for SavedService {
    fn from(service: &Service) -> Self {
        Self {
            name: service.name.clone(),
            options: service.options.clone(),
            target_options: (*service.target_options).clone(),
            active_targets: service.active.writer_names(),
            active_readers: service.active.reader_names(),
            rollout_targets: service.rollout.as_ref().map(|pool| pool.writer_names()),
            rollout_readers: service.rollout.as_ref().map(|pool| pool.reader_names()),
            pause_controller: (&service.pause).into(),
            rollout_controller: service.split.clone(),
            ..Self::default()
        }
    }
}

impl SavedService {
    /// Moves what older versions of kamal-proxy wrote to where it belongs now.
    fn modernize(mut self) -> Self {
        if self.active_targets.is_empty() && !self.active_target.is_empty() {
            self.active_targets.push(std::mem::take(&mut self.active_target));
        }
        if self.rollout_targets.is_none() && !self.rollout_target.is_empty() {
            self.rollout_targets = Some(vec![std::mem::take(&mut self.rollout_target)]);
        }
        if self.options.hosts.is_empty() {
            self.options.hosts = std::mem::take(&mut self.hosts);
        }
        if self.options.path_prefixes.is_empty() {
            self.options.path_prefixes = std::mem::take(&mut self.path_prefixes);
        }
        self.options.normalize();
        self
    }
}

/// What a state file held: the services that can be read, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Saved {
    /// Readable services.
    pub services: Vec<SavedService>,
    /// One text per unreadable service.
    pub broken: Vec<String>,
}

/// Reads the state file; `None` if there is none.
pub fn read(path: &Path) -> io::Result<Option<Saved>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    parse(&bytes).map(Some)
}

/// Reads what a state file holds.
///
/// Entries that do not decode are reported one by one, so that they do not take the others with them.
pub fn parse(bytes: &[u8]) -> io::Result<Saved> {
    let entries: Vec<serde_json::Value> = serde_json::from_slice(bytes)?;
    let mut saved = Saved::default();
    for entry in entries {
        match serde_json::from_value::<SavedService>(entry) {
            Ok(service) => saved.services.push(service.modernize()),
            Err(error) => saved.broken.push(error.to_string()),
        }
    }
    Ok(saved)
}

/// Replaces the state file: written beside, synced, renamed. On disk is the old state or the new one.
pub fn write(path: &Path, services: &[SavedService]) -> io::Result<()> {
    let beside = path.with_extension("state.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec(services)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Keeps a state file that cannot be read, so that the next save does not destroy it. Answers where it is now.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("state.unreadable");
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// `$HOME/.config/kamal-proxy`, created 0700; the temporary directory if that is impossible.
pub fn data_directory() -> PathBuf {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let wanted = home.map(|home| Path::new(&home).join(".config/kamal-proxy"));
    let created = wanted.filter(|path| DirBuilder::new().recursive(true).mode(0o700).create(path).is_ok());
    created.unwrap_or_else(std::env::temp_dir)
}

fn null_as_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parsed(json: &str) -> Saved {
        let path = std::env::temp_dir().join(format!("dhow-proxy-state-{:016x}", fastrand::u64(..)));
        fs::write(&path, json).unwrap();
        let saved = read(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        saved
    }

    #[test]
    fn t_163_legacy_keys_are_read() {
        let saved = parsed(
            r#"[{"name":"web","hosts":["a.com"],"active_target":"old:80",
                "target_options":{"response_timeout":5000000000,"log_request_headers":null}}]"#,
        );
        let service = &saved.services[0];
        assert_eq!(service.active_targets, ["old:80"]);
        assert_eq!(service.options.hosts, ["a.com"]);
        assert_eq!(service.options.path_prefixes, ["/"]);
        assert_eq!(service.target_options.response_timeout, Duration::from_secs(5));
        assert!(!service.options.strip_prefix);
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let point = "2.5639572312135507e-18";
        let split = format!(r#"{{"percentage":20,"percentage_split_point":{point},"allowlist":[]}}"#);
        let saved = parsed(&format!(r#"[{{"name":"web","rollout_controller":{split}}}]"#));
        let written = serde_json::to_value(&saved.services[0]).unwrap();
        assert_eq!(written["rollout_controller"]["percentage_split_point"].as_f64(), point.parse().ok());
    }

    #[test]
    fn o_24_a_broken_entry_leaves_the_others_alone() {
        let saved = parsed(r#"[{"name":7},{"name":"good","active_targets":["a1:80"]}]"#);
        assert_eq!(saved.services.len(), 1);
        assert_eq!(saved.broken.len(), 1);
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let path = std::env::temp_dir().join(format!("dhow-proxy-state-{:016x}", fastrand::u64(..)));
        write(&path, &[SavedService { name: "web".into(), ..Default::default() }]).unwrap();
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().unwrap().services[0].name, "web");
        fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap().is_none());
    }
}
