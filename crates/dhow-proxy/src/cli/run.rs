//! `run`: being the daemon until a signal says stop.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Child;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::WaitStatus;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::flags::Arguments;
use crate::acme::AcmeConfig;
use crate::acme::dns::resolver;
use crate::acme::on_demand::AskLimit;
use crate::control;
use crate::handover::{guard, upgrade};
use crate::http1::connection::Timeouts;
use crate::policy::addresses::Addresses;
use crate::server::{Config, SHUTDOWN_GRACE, Server};

/// How long each half of a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the files of custom certificates are looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(10);

/// The pause after the first failure to get a certificate.
const FIRST_RETRY: Duration = Duration::from_secs(60);

/// How often the names of strangers are asked about: enough for a new page of shops, and no burden for the app.
const ASK_LIMIT: AskLimit = AskLimit { burst: 50, refill: Duration::from_millis(200) };

/// The flags of `run`.
pub struct RunOptions {
    http_port: i64,
    https_port: i64,
    metrics_port: i64,
    shows_status: bool,
    is_http3: bool,
    is_debug: bool,
    take_over: Option<Duration>,
    proxy_protocol: Vec<String>,
    max_connections_per_client: i64,
}

impl From<&Arguments> for RunOptions {
    fn from(arguments: &Arguments) -> Self {
        Self {
            http_port: arguments.number("http-port"),
            https_port: arguments.number("https-port"),
            metrics_port: arguments.number("metrics-port"),
            shows_status: arguments.switch("status"),
            is_http3: arguments.switch("http3"),
            is_debug: arguments.switch("debug"),
            proxy_protocol: arguments.list("proxy-protocol"),
            max_connections_per_client: arguments.number("max-connections-per-client"),
            take_over: arguments.switch("take-over").then(|| arguments.duration("drain-timeout")),
        }
    }
}

/// Serves until SIGTERM or SIGINT, or until another process takes over, then ends in order.
pub fn run(options: &RunOptions, data: &Path) -> Result<(), String> {
    if options.shows_status && options.metrics_port == 0 {
        return Err("status needs a metrics-port, where it is shown at /status".into());
    }
    let senders = Addresses::parse(&options.proxy_protocol);
    let clients = u32::try_from(options.max_connections_per_client);
    let config = Config {
        http_port: port(options.http_port)?,
        https_port: port(options.https_port)?,
        metrics_port: Some(port(options.metrics_port)?).filter(|port| *port != 0),
        status: options.shows_status,
        http3: options.is_http3,
        take_over: options.take_over,
        debug: options.is_debug,
        socket: control::socket_path(),
        state: data.join("kamal-proxy.state"),
        proxy_protocol: Arc::new(senders.map_err(|error| format!("proxy-protocol: {error}"))?),
        max_connections_per_client: clients.map_err(|_| "max-connections-per-client must be 0 or more")?,
        timeouts: Timeouts::default(),
        handshake_timeout: HANDSHAKE_TIMEOUT,
        reload_every: RELOAD_EVERY,
        acme: acme(),
        workers: available_parallelism().map_or(1, usize::from),
    };
    // Listened for before the start: a signal during it must not kill the process, nor be missed.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let mut signals = runtime.block_on(async { Signals::listen() }).map_err(|error| error.to_string())?;
    let server = Server::start(config, std::io::stdout())?;
    let is_handed_over = runtime.block_on(async {
        tokio::select! {
            () = signals.first() => false,
            () = server.handed_over() => true,
        }
    });
    if !is_handed_over {
        server.stop();
        return Ok(());
    }
    let successor = runtime.block_on(server.successor());
    let (leaving, left) = oneshot::channel();
    // Ends by itself, or with this process.
    std::thread::spawn(|| {
        server.leave();
        leaving.send(()).ok();
    });
    match successor {
        Some(_) if !guard::is_guarded() => runtime.block_on(stand_by(signals)),
        successor => runtime.block_on(leave(left, successor, signals)),
    }
}

/// Stays for as long as there is a process below this one: in a container, the first process is the container.
async fn stand_by(mut signals: Signals) -> Result<(), String> {
    let mut ending = pin!(guard::end_of_all());
    loop {
        tokio::select! {
            () = signals.first() => guard::tell_all_to_end(),
            ended = ending.as_mut() => return match ended {
                Ok(Some(status)) if status.exit_status() == Some(0) => Ok(()),
                Ok(status) => Err(format!("the proxy that took over has ended: {}", described(status))),
                Err(error) => Err(format!("the proxy that took over is lost: {error}")),
            },
        }
    }
}

fn described(status: Option<WaitStatus>) -> String {
    match status.map(|status| (status.exit_status(), status.terminating_signal())) {
        Some((Some(code), _)) => format!("exit status: {code}"),
        Some((_, Some(signal))) => format!("signal: {signal}"),
        _ => "unknown status".into(),
    }
}

/// Ends when the requests under way have; sooner if it is told to, or if the successor fails.
async fn leave(
    left: oneshot::Receiver<()>,
    mut successor: Option<Child>,
    mut signals: Signals,
) -> Result<(), String> {
    let failed = async {
        if let Some(successor) = &mut successor
            && let Ok(status) = upgrade::end_of(successor).await
            && !status.success()
        {
            return status;
        }
        pending().await // There is none, or it has a successor of its own.
    };
    tokio::select! {
        _ = left => Ok(()),
        () = async { signals.first().await; sleep(SHUTDOWN_GRACE).await } => Ok(()),
        status = failed => Err(format!("the proxy that took over has ended: {status}")),
    }
}

/// A directory other than Let's Encrypt's can be named in the environment; kamal-proxy knows no such thing.
fn acme() -> AcmeConfig {
    let set = |name: &str| {
        let value = |prefix: &str| std::env::var(format!("{prefix}_PROXY_ACME_{name}")).ok();
        ["DHOW", "KAMAL"].into_iter().filter_map(value).find(|value| !value.is_empty())
    };
    AcmeConfig {
        directory: set("DIRECTORY"),
        root: set("ROOT").map(PathBuf::from),
        external_account: set("EXTERNAL_ACCOUNT").map(PathBuf::from),
        first_retry: FIRST_RETRY,
        ask_limit: ASK_LIMIT,
        name_server_port: resolver::PORT,
    }
}

fn port(number: i64) -> Result<u16, String> {
    u16::try_from(number).map_err(|_| format!("listen tcp: address {number}: invalid port"))
}

/// The signals that mean: stop in order.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
