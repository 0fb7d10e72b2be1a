//! Options that several commands share.

use clap::Args;
use std::path::PathBuf;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Show every command line and its output
    #[arg(short = 'v', long, global = true)]
    pub verbose: bool,
    /// Show results and errors only
    #[arg(short = 'q', long, global = true)]
    pub quiet: bool,
    /// The app version to act on
    #[arg(long, global = true, value_name = "VERSION")]
    pub version: Option<String>,
    /// Only the primary server
    #[arg(short = 'p', long, global = true)]
    pub primary: bool,
    /// Only these servers; globs, separated by commas
    #[arg(short = 'h', long, global = true, value_delimiter = ',')]
    pub hosts: Option<Vec<String>>,
    /// Only these roles; globs, separated by commas
    #[arg(short = 'r', long, alias = "role", global = true, value_delimiter = ',')]
    pub roles: Option<Vec<String>>,
    /// The configuration file
    #[arg(short = 'c', long, global = true, default_value = "config/deploy.yml", value_name = "FILE")]
    pub config_file: PathBuf,
    /// The destination: config/deploy.DESTINATION.yml is merged in
    #[arg(short = 'd', long, global = true)]
    pub destination: Option<String>,
    /// Run no hooks
    #[arg(short = 'H', long, global = true)]
    pub skip_hooks: bool,
    /// Wait for the deploy lock if somebody else is deploying
    #[arg(long, global = true)]
    pub lock_wait: bool,
    /// Seconds to wait at most
    #[arg(long, global = true, default_value_t = 900)]
    pub lock_wait_timeout: u32,
    /// Seconds between tries
    #[arg(long, global = true, default_value_t = 15)]
    pub lock_wait_interval: u32,
    /// Print what would be done, and do nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Show help
    #[arg(long, global = true, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
}

/// `… exec`.
#[derive(Debug, Clone, Args)]
pub struct ExecOptions {
    /// With a terminal, on the primary server
    #[arg(short = 'i', long)]
    pub interactive: bool,
    /// In the running container
    #[arg(long)]
    pub reuse: bool,
    /// In the background
    #[arg(long, conflicts_with_all = ["interactive", "reuse"])]
    pub detach: bool,
    /// The output's bytes and nothing else
    #[arg(long, conflicts_with_all = ["interactive", "detach"])]
    pub raw: bool,
    /// More environment: NAME=VALUE (or NAME:VALUE)
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// The command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub command: Vec<String>,
}

/// `… logs`.
#[derive(Debug, Clone, Args)]
// `accessory logs` is a group of that name already.
#[group(skip)]
pub struct Logs {
    /// Lines since this time: a timestamp, or `10m`
    #[arg(short = 's', long)]
    pub since: Option<String>,
    /// So many lines from the end
    #[arg(short = 'n', long)]
    pub lines: Option<u32>,
    /// Lines that match this pattern
    #[arg(short = 'g', long)]
    pub grep: Option<String>,
    /// Options for grep
    #[arg(long, allow_hyphen_values = true)]
    pub grep_options: Option<String>,
    /// Go on with new lines as they come
    #[arg(short = 'f', long)]
    pub follow: bool,
    /// Without timestamps
    #[arg(short = 'T', long)]
    pub skip_timestamps: bool,
}

/// `app logs`.
#[derive(Debug, Clone, Args)]
pub struct AppLogs {
    /// Flags.
    #[command(flatten)]
    pub logs: Logs,
    /// Of this container
    #[arg(long)]
    pub container_id: Option<String>,
}

/// `secrets fetch`.
#[derive(Debug, Clone, Args)]
pub struct FetchOptions {
    /// Where from: 1password, age, aws_secrets_manager, bitwarden, bitwarden-sm, doppler, enpass, gcp, lastpass, passbolt, sops
    #[arg(short = 'a', long)]
    pub adapter: String,
    /// Whose: an account, a profile, a key file, as the adapter wants it
    #[arg(long)]
    pub account: Option<String>,
    /// A vault, folder, project or file to look in
    #[arg(long)]
    pub from: Option<String>,
    /// Names of the secrets
    pub names: Vec<String>,
}
