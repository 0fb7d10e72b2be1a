//! What is asked for, besides the configuration: everything a plan depends on that is not a fact of a host.

use super::build::Workspace;
use super::{LockWait, Targets};
use crate::config::Config;
use crate::secrets::Secrets;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// One run of dhow. The same request, configuration and facts give the same plan.
#[derive(Debug, Clone)]
pub struct Request {
    /// The configuration.
    pub config: Config,
    /// Values of the secrets files.
    pub secrets: Secrets,
    /// What the filters left.
    pub targets: Targets,
    /// The app version: `--version`, `VERSION`, or the git commit.
    pub version: String,
    /// Whether the version was named by the user (`--version`, `rollback V`), not taken from git.
    pub version_given: bool,
    /// For audit lines and hooks: git's `user.email`, or the login name.
    pub performer: String,
    /// For the lock: git's `user.name`.
    pub locked_by: String,
    /// When the run began, `2026-01-02T03:04:05Z`.
    pub at: String,
    /// Random names.
    pub ids: Ids,
    /// Hooks that exist as files; empty with `--skip-hooks`.
    pub hooks: Vec<String>,
    /// The command as typed, for hooks: `deploy`, or `app` and `boot`.
    pub command: (String, Option<String>),
    /// `--roles` as given, for hooks.
    pub roles_given: Option<Vec<String>>,
    /// A hook of a running dhow or Kamal called us: the lock is theirs (`KAMAL_LOCK=true`).
    pub lock_inherited: bool,
    /// `--lock-wait`.
    pub lock_wait: Option<LockWait>,
    /// dhow's own standard input is not a terminal, so a command on a single host may read it.
    pub passes_input: bool,
    /// The operator's machine and project.
    pub workspace: Workspace,
    /// Reference of the proxy image that dhow brings along.
    pub proxy_image: String,
    /// Error pages found in `error_pages_path`: file name and content.
    pub error_pages: Vec<(String, Vec<u8>)>,
    /// What accessories' files are to hold.
    pub files: Vec<LocalFile>,
}

/// A file of this machine that an accessory mounts. Not printable: a template may have put secrets into it.
#[derive(Clone)]
pub struct LocalFile {
    /// The accessory's name.
    pub accessory: String,
    /// Its path on this machine, as the configuration has it.
    pub path: String,
    /// What is uploaded, or why nothing can be; that matters to who wants to upload it.
    pub content: Result<Vec<u8>, String>,
}

impl fmt::Debug for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.path, self.accessory)
    }
}

/// Names that differ from run to run, and are the same within one.
#[derive(Debug, Clone, Copy)]
pub struct Ids {
    /// Different for each run.
    pub seed: u64,
}

impl Ids {
    /// So many hex digits (at most 16) for a purpose.
    pub fn hex(&self, purpose: &str, digits: usize) -> String {
        let mut hasher = DefaultHasher::new();
        (self.seed, purpose).hash(&mut hasher);
        format!("{:016x}", hasher.finish())[..digits].to_string()
    }
}
