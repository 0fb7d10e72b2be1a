//! SSH by the user's own OpenSSH: one master process per host, its control socket spoken in process.
//!
//! So everything in ssh_config, agents, hardware keys, certificates, jump hosts and known_hosts works by construction.
//! A master lingers for a minute when dhow is killed, then ends by itself; in the ordinary case dhow ends it.

use super::WorldError;
use super::channel::Channel;
use super::jump::JumpHosts;
use dhow_core::config::{Ssh, SshConfigFiles};
use dhow_core::plan::Place;
use openssh_mux_client::{Connection, EstablishedSession, NonZeroByteVec, Session, SessionStatus};
use std::borrow::Cow;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::Semaphore;

/// How ssh is started: what `ssh:` in the configuration comes to on its command line.
#[derive(Debug, Clone)]
pub struct SshOptions {
    words: Vec<String>,
    user: String,
}

/// Seconds to get a connection, unless ssh_config says otherwise.
const CONNECT_TIMEOUT: u32 = 20;
/// Pauses before another try to connect, where the last one failed for a reason that passes.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_millis(1000), Duration::from_millis(2500)];
/// sshd refuses the 11th session of a connection by default; leave room for one more client.
const SESSIONS_AT_ONCE: usize = 8;

impl SshOptions {
    /// From the configuration; `key_files` are the keys of `key_data`, already in files.
    pub fn new(ssh: &Ssh, key_files: &[PathBuf], interactive: bool) -> SshOptions {
        let mut words: Vec<String> = Vec::new();
        match &ssh.config {
            SshConfigFiles::Default => {}
            SshConfigFiles::None => words.extend(["-F".into(), "/dev/null".into()]),
            SshConfigFiles::Files(files) => {
                files.iter().for_each(|file| words.extend(["-F".into(), expand(file)]))
            }
        }
        let mut option = |text: String| words.extend(["-o".to_string(), text]);
        match (&ssh.proxy, &ssh.proxy_command) {
            (Some(jump), _) => option(format!("ProxyJump={jump}")),
            (None, Some(command)) => option(format!("ProxyCommand={command}")),
            (None, None) => {}
        }
        let keys = ssh.keys.iter().map(|key| expand(key));
        keys.chain(key_files.iter().map(|key| key.display().to_string()))
            .for_each(|key| option(format!("IdentityFile={key}")));
        if ssh.keys_only == Some(true) || !key_files.is_empty() {
            option("IdentitiesOnly=yes".into());
        }
        if !interactive {
            option("BatchMode=yes".into());
        }
        option(format!("ForwardAgent={}", if ssh.forward_agent == Some(false) { "no" } else { "yes" }));
        option("ServerAliveInterval=30".into());
        option(format!("ConnectTimeout={CONNECT_TIMEOUT}"));
        words.extend(["-p".into(), ssh.port.to_string()]);
        SshOptions { words, user: ssh.user.clone() }
    }

    /// The `ssh` line a person can try.
    pub fn by_hand(&self, host: &str) -> String {
        let quoted = |word: &String| if word.contains(' ') { format!("'{word}'") } else { word.clone() };
        let own = |pair: &[String]| {
            let internal = ["BatchMode", "ForwardAgent", "ServerAlive", "ConnectTimeout"];
            !internal.iter().any(|name| pair.last().is_some_and(|word| word.starts_with(name)))
        };
        let words: Vec<String> =
            self.words.chunks(2).filter(|pair| own(pair)).flatten().map(quoted).collect();
        format!("ssh {} {}@{host} docker version", words.join(" "), self.user)
    }

    /// Those that hold for jump hosts too; keys and names are the hosts' own.
    fn jump_words(&self) -> Vec<String> {
        let common = ["BatchMode=", "ConnectTimeout=", "ServerAliveInterval="];
        let is_common =
            |pair: &&[String]| pair[0] == "-F" || common.iter().any(|name| pair[1].starts_with(name));
        self.words.chunks(2).filter(is_common).flatten().cloned().collect()
    }

    /// The words after `ssh`, up to and including the host.
    pub fn words_to(&self, host: &str) -> Vec<String> {
        let mut words = self.words.clone();
        words.extend(["-l".to_string(), self.user.clone(), host.to_string()]);
        words
    }
}

/// Paths in the configuration may begin with `~/`.
fn expand(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).display().to_string(),
        _ => path.to_string(),
    }
}

/// A connection to a host.
pub struct Master {
    host: String,
    socket: PathBuf,
    options: SshOptions,
    sessions: Arc<Semaphore>,
}

impl Master {
    /// Connects. The control socket goes into `directory`, which only this user may enter.
    pub async fn connect(
        host: &str,
        options: &SshOptions,
        directory: &Path,
        jump_hosts: &JumpHosts,
    ) -> Result<Master, WorldError> {
        let socket = directory.join(socket_name(host));
        let failed = |detail: String| WorldError::Connect {
            host: host.to_string(),
            detail,
            try_by_hand: options.by_hand(host),
        };
        let words = options.words_to(host);
        let known = Known::ask(&words).await;
        let mut waits = RETRIES.iter();
        loop {
            let way = match &known.jump {
                Some(jump) => jump_hosts.through(jump, &options.jump_words()).await,
                None => Ok(Vec::new()),
            };
            let started = match way {
                Ok(way) => start_master(&[known.policy(), way, words.clone()].concat(), &socket).await,
                Err(detail) => Err(detail),
            };
            let Err(detail) = started else { break };
            match waits.next() {
                Some(wait) if passes_by_itself(&detail) => tokio::time::sleep(*wait).await,
                _ => return Err(failed(detail)),
            }
        }
        let sessions = Arc::new(Semaphore::new(SESSIONS_AT_ONCE));
        Ok(Master { host: host.to_string(), socket, options: options.clone(), sessions })
    }

    /// Starts a command on the host.
    pub async fn start(&self, command: &str) -> Result<Channel, WorldError> {
        let broken = |detail: String| WorldError::Broken { at: Place::host(&self.host), detail };
        let permit =
            self.sessions.clone().acquire_owned().await.map_err(|error| broken(error.to_string()))?;
        let mut channel = self.open(command).await.map_err(broken)?;
        let wait = channel.wait;
        channel.wait = Box::pin(async move {
            let status = wait.await;
            drop(permit);
            status
        });
        Ok(channel)
    }

    async fn open(&self, command: &str) -> Result<Channel, String> {
        let text = |error: &dyn Display| format!("the connection broke: {error}");
        let pipe = || io::pipe().map_err(|error| text(&error));
        let ((stdin_theirs, stdin), (stdout, stdout_theirs), (stderr, stderr_theirs)) =
            (pipe()?, pipe()?, pipe()?);
        let command = NonZeroByteVec::new(command.as_bytes().to_vec())
            .ok_or_else(|| "a command with a NUL byte cannot be sent".to_string())?;
        let session = Session::builder().cmd(Cow::Borrowed(&*command)).build();
        let connection = Connection::connect(&self.socket).await.map_err(|error| text(&error))?;
        let fds = [stdin_theirs.as_raw_fd(), stdout_theirs.as_raw_fd(), stderr_theirs.as_raw_fd()];
        let established = connection.open_new_session(&session, &fds).await.map_err(|error| text(&error))?;
        drop((stdin_theirs, stdout_theirs, stderr_theirs));
        let stdin = pipe::Sender::from_owned_fd(OwnedFd::from(stdin)).map_err(|error| text(&error))?;
        let source = |end: io::PipeReader| pipe::Receiver::from_owned_fd(OwnedFd::from(end));
        Ok(Channel {
            stdin: Box::pin(stdin),
            stdout: Box::pin(source(stdout).map_err(|error| text(&error))?),
            stderr: Box::pin(source(stderr).map_err(|error| text(&error))?),
            wait: Box::pin(ended(established)),
        })
    }

    /// Has the host listen on a free loopback port and passes connections to a Unix socket here. Returns the port.
    pub async fn listen_on_host(&self, socket: &Path) -> Result<u16, WorldError> {
        let broken = |detail: String| WorldError::Broken { at: Place::host(&self.host), detail };
        let forward = format!("127.0.0.1:0:{}", socket.display());
        let output = self.control("forward", &["-R", &forward]).output().await;
        let output = output.map_err(|error| broken(error.to_string()))?;
        let port = String::from_utf8_lossy(&output.stdout).trim().parse();
        port.map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            broken(format!(
                "the SSH server does not let dhow forward a port ({}): allow it with `AllowTcpForwarding yes` in its sshd_config, \
                 or configure a registry",
                said.trim()
            ))
        })
    }

    /// Ends the connection.
    pub async fn close(&self) {
        let _already_gone = self.control("exit", &[]).stderr(Stdio::null()).status().await;
    }

    /// `ssh -O VERB` to the running master.
    fn control(&self, verb: &str, words: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command
            .arg("-S")
            .arg(&self.socket)
            .args(["-O", verb])
            .args(words)
            .args(self.options.words_to(&self.host));
        command.stdin(Stdio::null());
        command
    }

    /// The words after `ssh` for an interactive command over this connection.
    pub fn interactive_words(&self) -> Vec<String> {
        let mut words = vec!["-S".to_string(), self.socket.display().to_string()];
        words.extend(self.options.words_to(&self.host));
        words
    }
}

/// Connects as these words for ssh say, and stays.
pub(super) async fn start_master(words: &[String], socket: &Path) -> Result<(), String> {
    let started = Command::new("ssh")
        .args(["-M", "-N", "-f", "-o", "ControlPersist=60", "-o"])
        .arg(format!("ControlPath={}", socket.display()))
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    in_background(started.map_err(|error| format!("ssh could not be started: {error}"))?).await
}

/// A name server that was slow, or an sshd with too many logins at once (`MaxStartups`): the next try may do.
fn passes_by_itself(detail: &str) -> bool {
    ["Temporary failure in name resolution", "kex_exchange_identification", "banner exchange"]
        .iter()
        .any(|said| detail.contains(said))
}

async fn ended(established: EstablishedSession) -> io::Result<i32> {
    match established.wait().await {
        Ok(SessionStatus::Exited { exit_value: Some(status) }) => Ok(status as i32),
        Ok(_) => Err(io::Error::other("the connection was lost while a command ran")),
        Err((error, _)) => Err(io::Error::other(error)),
    }
}

/// Waits for ssh to authenticate and go to the background; its complaint, if it does not.
async fn in_background(mut ssh: tokio::process::Child) -> Result<(), String> {
    let status = ssh.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut stderr) = ssh.stderr.take() {
        // A stream that cannot be read leaves the status as the whole message.
        let _unread = stderr.read_to_string(&mut said).await;
    }
    let telling = |line: &&str| !line.starts_with("Warning: Permanently added") && !line.trim().is_empty();
    let lines: Vec<&str> = said.lines().filter(telling).map(str::trim).collect();
    if lines.is_empty() { Err(format!("ssh ended with {status}")) } else { Err(lines.join("\n  ")) }
}

/// What ssh makes of its configuration for a host.
#[derive(Default)]
pub(super) struct Known {
    asks_about_unknown_hosts: bool,
    jump: Option<String>,
}

impl Known {
    /// Of the host that these words for ssh lead to. Nothing, if ssh does not say.
    pub async fn ask(words: &[String]) -> Known {
        let asked = Command::new("ssh").arg("-G").args(words).stdin(Stdio::null()).output().await;
        let told =
            asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let jump = told.lines().find_map(|line| line.strip_prefix("proxyjump "));
        Known {
            asks_about_unknown_hosts: told.lines().any(|line| line == "stricthostkeychecking ask"),
            jump: jump.filter(|jump| *jump != "none").map(String::from),
        }
    }

    /// Unknown hosts are added to known_hosts, as Kamal does, unless ssh_config has its own policy.
    pub fn policy(&self) -> Vec<String> {
        match self.asks_about_unknown_hosts {
            true => vec!["-o".into(), "StrictHostKeyChecking=accept-new".into()],
            false => Vec::new(),
        }
    }
}

/// Socket paths are limited to about 100 bytes, host names are not.
pub(super) fn socket_name(host: &str) -> String {
    let mut hasher = DefaultHasher::new();
    host.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
