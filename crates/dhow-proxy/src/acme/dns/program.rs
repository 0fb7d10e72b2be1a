//! A program that knows how to change a zone: `PROGRAM present|cleanup NAME VALUE`.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Record;
use super::credentials::Credentials;

/// How long a run may take.
const RUN: Duration = Duration::from_secs(120);

/// The program, and what its environment holds besides ours.
pub struct Program {
    path: String,
    environment: Credentials,
}

impl Program {
    /// The settings name it; all of them are in its environment.
    pub fn new(credentials: &Credentials) -> Result<Self, String> {
        Ok(Self { path: credentials.require("EXEC_PATH")?.to_owned(), environment: credentials.clone() })
    }

    /// Has the record put into its zone.
    pub async fn present(&self, record: &Record) -> Result<(), String> {
        self.run("present", record).await
    }

    /// Has the record taken out again.
    pub async fn remove(&self, record: &Record) -> Result<(), String> {
        self.run("cleanup", record).await
    }

    async fn run(&self, verb: &str, record: &Record) -> Result<(), String> {
        let told = |why: String| format!("{} {verb}: {why}", self.path);
        let mut command = Command::new(&self.path);
        command.args([verb, &record.name, &record.value]).envs(self.environment.all());
        command.env("DHOW_DNS_ZONE", &record.zone);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = match timeout(RUN, command.output()).await {
            Ok(output) => output.map_err(|error| told(error.to_string()))?,
            Err(_) => return Err(told("not done in time".into())),
        };
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(told(format!("{}: {}", output.status, complaint.trim())))
    }
}
