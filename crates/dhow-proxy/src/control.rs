//! The control socket: one request and one reply, a JSON line each, per connection.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener as BlockingListener, UnixStream as BlockingStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::handover::Handover;
use crate::inventory::Inventory;
use crate::options::{ServiceOptions, TargetOptions, nanoseconds};
use crate::router::Router;
use crate::service::Service;

/// What the command line asks of the daemon.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Create a service or replace its targets.
    Deploy(Box<Deployment>),
    /// Hold requests.
    Pause {
        /// Its name.
        service: String,
        /// How long requests under way may go on.
        #[serde(with = "nanoseconds")]
        drain_timeout: Duration,
        /// How long a request is held.
        #[serde(with = "nanoseconds")]
        max_pause: Duration,
    },
    /// Refuse requests.
    Stop {
        /// Its name.
        service: String,
        /// How long requests under way may go on.
        #[serde(with = "nanoseconds")]
        drain_timeout: Duration,
        /// Shown on the 503 page.
        message: String,
    },
    /// Take requests again.
    Resume {
        /// Its name.
        service: String,
    },
    /// Forget a service.
    Remove {
        /// Its name.
        service: String,
    },
    /// All services, as a table shows them.
    List,
    /// All services, with everything that is known about them.
    Inventory,
    /// Install rollout targets.
    RolloutDeploy(Rollout),
    /// Choose who sees them.
    RolloutSet {
        /// Its name.
        service: String,
        /// Share of cookie values.
        percentage: i64,
        /// Cookie values that always take part.
        allowlist: Vec<String>,
    },
    /// Send nobody to them.
    RolloutStop {
        /// Its name.
        service: String,
    },
    /// Start a successor that takes over.
    Upgrade {
        /// Its program, if not the one by this one's name.
        program: Option<PathBuf>,
        /// How long requests under way may go on.
        #[serde(with = "nanoseconds")]
        drain_timeout: Duration,
    },
    /// Leave the sockets to the one who asks.
    HandOver {
        /// How long requests under way may go on.
        #[serde(with = "nanoseconds")]
        drain_timeout: Duration,
    },
}

/// A deploy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// Name of the service.
    pub service: String,
    /// Writers.
    pub targets: Vec<String>,
    /// Readers.
    pub read_targets: Vec<String>,
    /// Options of the service.
    pub options: ServiceOptions,
    /// Options of its targets.
    pub target_options: TargetOptions,
    /// How long the new targets have to become healthy.
    #[serde(with = "nanoseconds")]
    pub deploy_timeout: Duration,
    /// How long requests on the old targets may go on.
    #[serde(with = "nanoseconds")]
    pub drain_timeout: Duration,
    /// Do not wait for health.
    pub force: bool,
}

/// A rollout deploy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rollout {
    /// Name of the service.
    pub service: String,
    /// Writers.
    pub targets: Vec<String>,
    /// Readers.
    pub read_targets: Vec<String>,
    /// How long the new targets have to become healthy.
    #[serde(with = "nanoseconds")]
    pub deploy_timeout: Duration,
    /// How long requests on replaced rollout targets may go on.
    #[serde(with = "nanoseconds")]
    pub drain_timeout: Duration,
}

/// What the daemon answers.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reply {
    /// Why the command failed.
    pub error: Option<String>,
    /// The rows of `list`.
    pub services: Vec<Listed>,
    /// The answer to [`Request::Inventory`].
    pub inventory: Option<Inventory>,
}

impl Reply {
    /// As it is sent.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a reply is plain data");
        line.push(b'\n');
        line
    }
}

/// A row of `list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Name.
    pub service: String,
    /// Hosts, `*` for any.
    pub host: String,
    /// Prefixes.
    pub path: String,
    /// Active targets, writers first.
    pub target: String,
    /// `running`, `paused` or `stopped`.
    pub state: String,
    /// Whether served over TLS.
    pub tls: bool,
}

impl From<&Service> for Listed {
    fn from(service: &Service) -> Self {
        let targets: Vec<_> = service.active.targets().map(|target| target.address.as_str()).collect();
        let hosts = service.options.hosts.join(",");
        Self {
            service: service.name.clone(),
            host: if hosts.is_empty() { "*".into() } else { hosts },
            path: service.options.path_prefixes.join(","),
            target: targets.join(","),
            state: service.pause.name().into(),
            tls: service.options.tls_enabled,
        }
    }
}

/// Where the socket is: `$KAMAL_PROXY_SOCKET`, else `kamal-proxy.sock` in the runtime or temporary directory.
pub fn socket_path() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("KAMAL_PROXY_SOCKET") {
        return path;
    }
    let directory = set("XDG_RUNTIME_DIR").or_else(|| set("TMPDIR")).unwrap_or_else(|| "/tmp".into());
    directory.join("kamal-proxy.sock")
}

/// Sends one request and waits for its reply, however long that takes. Errors read as kamal-proxy's do.
pub fn call(path: &Path, request: &Request) -> Result<Reply, String> {
    let stream = BlockingStream::connect(path).map_err(|error| unreachable(path, &error))?;
    exchange(stream, request).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            "unexpected EOF".to_owned()
        }
        _ => error.to_string(),
    })
}

fn exchange(mut stream: BlockingStream, request: &Request) -> io::Result<Reply> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    if BufReader::new(stream).read_line(&mut reply)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&reply)?)
}

fn unreachable(path: &Path, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    format!("dial unix {}: connect: {reason}", path.display())
}

/// The daemon's end of the socket; the file is removed when this is dropped.
pub struct ControlSocket {
    listener: UnixListener,
    spare: BlockingListener,
    path: Option<PathBuf>,
}

impl ControlSocket {
    /// Takes the path, unless another daemon answers there; only the own user may connect.
    pub fn bind(path: PathBuf) -> io::Result<Self> {
        if BlockingStream::connect(&path).is_ok() {
            let told = format!("another proxy is already listening on {}; stop it first", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, told));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = BlockingListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Self::over(listener, path)
    }

    /// Takes over a socket that is open already. For use inside a runtime.
    pub fn over(listener: BlockingListener, path: PathBuf) -> io::Result<Self> {
        let spare = listener.try_clone()?;
        Ok(Self { listener: UnixListener::from_std(listener)?, spare, path: Some(path) })
    }

    /// Another handle of it.
    pub fn share(&self) -> io::Result<BlockingListener> {
        self.spare.try_clone()
    }

    /// Leaves the file where it is: another process listens there now.
    pub fn leave_file(&mut self) {
        self.path = None;
    }

    /// Answers commands until this future is dropped. Commands that were begun go on all the same.
    pub async fn serve(&self, router: Arc<Router>, handover: Arc<Handover>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    drop(tokio::spawn(converse(stream, Arc::clone(&router), Arc::clone(&handover))));
                }
                // Out of file descriptors, most likely: give the connections that hold them time to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // The file is a leftover at worst; the next daemon replaces it.
            std::fs::remove_file(path).ok();
        }
    }
}

async fn converse(mut stream: UnixStream, router: Arc<Router>, handover: Arc<Handover>) {
    let mut line = String::new();
    if tokio::io::BufReader::new(&mut stream).read_line(&mut line).await.is_err() || line.is_empty() {
        return;
    }
    let reply = match serde_json::from_str(&line) {
        Ok(Request::HandOver { drain_timeout }) => {
            return hand_over(stream, &router, &handover, drain_timeout).await;
        }
        Ok(Request::Upgrade { program, drain_timeout }) => {
            let reply = async |outcome: Result<(), String>| {
                let reply = Reply { error: outcome.err(), ..Reply::default() };
                // A caller that has left gets no reply.
                stream.write_all(&reply.line()).await.ok();
            };
            return handover.upgrade(&router, program, drain_timeout, reply).await;
        }
        // A task of its own: a command that panics must not take the daemon along.
        Ok(request) => {
            let performed = tokio::spawn(perform_in_turn(router, handover, request)).await;
            performed.unwrap_or_else(|_| failed("internal error"))
        }
        Err(error) => failed(&format!("the daemon does not understand this command: {error}")),
    };
    // A caller that has left gets no reply; what it asked for is done.
    stream.write_all(&reply.line()).await.ok();
}

async fn hand_over(stream: UnixStream, router: &Router, handover: &Arc<Handover>, drain: Duration) {
    let blocking = |stream: UnixStream| {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false).map(|()| stream)
    };
    // A stream that fails here is as good as gone.
    let Ok(stream) = blocking(stream) else { return };
    if let Err((mut stream, why)) = handover.give(router, stream, drain).await {
        stream.write_all(&failed(&why).line()).ok();
    }
}

async fn perform_in_turn(router: Arc<Router>, handover: Arc<Handover>, request: Request) -> Reply {
    if matches!(request, Request::List | Request::Inventory) {
        return perform(router, request).await;
    }
    match handover.turn().await {
        Ok(_turn) => perform(router, request).await,
        Err(error) => failed(&error),
    }
}

fn failed(error: &str) -> Reply {
    Reply { error: Some(error.to_owned()), ..Reply::default() }
}

async fn perform(router: Arc<Router>, request: Request) -> Reply {
    let done = match request {
        Request::List => return Reply { services: router.list(), ..Reply::default() },
        Request::Inventory => {
            return Reply { inventory: Some(router.inventory()), ..Reply::default() };
        }
        Request::Deploy(deployment) => router.deploy(*deployment).await,
        Request::Pause { service, drain_timeout, max_pause } => {
            router.pause(&service, drain_timeout, max_pause).await
        }
        Request::Stop { service, drain_timeout, message } => {
            router.stop(&service, drain_timeout, message).await
        }
        Request::Resume { service } => router.resume(&service).await,
        Request::Remove { service } => router.remove(&service).await,
        Request::RolloutDeploy(rollout) => router.rollout_deploy(rollout).await,
        Request::RolloutSet { service, percentage, allowlist } => {
            router.rollout_set(&service, percentage, allowlist).await
        }
        Request::RolloutStop { service } => router.rollout_stop(&service).await,
        Request::Upgrade { .. } | Request::HandOver { .. } => Err("taken over where the sockets are".into()),
    };
    Reply { error: done.err(), ..Reply::default() }
}
