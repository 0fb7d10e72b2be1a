//! The daemon: a control thread and one worker thread per core, from start to orderly end.

pub mod connection;
pub mod crowding;
pub mod http2;
pub mod http3;
pub mod listen;
pub mod proxy_protocol;
pub mod worker;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::acme::{Acme, AcmeConfig};
use crate::control::ControlSocket;
use crate::handover::sockets::Sockets;
use crate::handover::{Handover, TakenOver};
use crate::http1::connection::Timeouts;
use crate::log::Log;
use crate::metrics::{Metrics, endpoint};
use crate::policy::addresses::Addresses;
use crate::router::Router;
use crate::tls::handshake;
use connection::{Guard, Patience};
use crowding::Crowding;
use worker::{End, Entries, Listeners, Worker};

/// How long requests under way may go on after the order to stop.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How long idle clients have to come once more after a hand-over, and be told to leave.
const LAST_CALL: Duration = Duration::from_secs(5);

/// What a daemon is started with.
pub struct Config {
    /// Port for plain HTTP; 0 picks a free one.
    pub http_port: u16,
    /// Port for HTTPS; 0 picks a free one.
    pub https_port: u16,
    /// Port of the metrics, if they are wanted; 0 picks a free one.
    pub metrics_port: Option<u16>,
    /// Whether a status page is served there as well.
    pub status: bool,
    /// Whether HTTP/3 is served too, on the UDP port with the number of the one for HTTPS.
    pub http3: bool,
    /// Whether to take over from the process that serves now, if there is one, whose requests may go on for so long.
    pub take_over: Option<Duration>,
    /// Whether debug lines are logged.
    pub debug: bool,
    /// The control socket.
    pub socket: PathBuf,
    /// The state file.
    pub state: PathBuf,
    /// Load balancers that say ahead of each connection whose it is (the PROXY protocol).
    pub proxy_protocol: Arc<Addresses>,
    /// Connections that a client may have open; 0 for a quarter of what the process can have.
    pub max_connections_per_client: u32,
    /// How long clients may take over HTTP/1.
    pub timeouts: Timeouts,
    /// How long each half of a TLS handshake may take: the client's first message, and the rest.
    pub handshake_timeout: Duration,
    /// How often the files of custom certificates are looked at.
    pub reload_every: Duration,
    /// How automatic certificates are got.
    pub acme: AcmeConfig,
    /// Worker threads.
    pub workers: usize,
}

/// A daemon that serves.
pub struct Server {
    http: SocketAddr,
    https: SocketAddr,
    metrics: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    handed_over: watch::Receiver<Option<Duration>>,
    handover: Arc<Handover>,
    workers: Vec<JoinHandle<()>>,
    control: JoinHandle<()>,
    log: Log,
}

impl Server {
    /// Restores the state and starts to serve. The error is the text for the command line.
    pub fn start(config: Config, log_to: impl Write + Send + 'static) -> Result<Self, String> {
        let log = Log::new(log_to, config.debug);
        let runtime = control_runtime().map_err(|error| error.to_string())?;
        let acme = Acme::new(config.acme.clone(), runtime.handle().clone(), log.clone());
        let acme = acme.inspect_err(|_| log.close())?;
        let router = Arc::new(Router::new(config.state.clone(), acme, log.clone()));
        let tls = handshake::settings()?;
        let stop = watch::Sender::new(false);
        let started = {
            let _context = runtime.enter();
            Self::listen(&config, &log).inspect(|_| router.restore())
        };
        let mut opened = started.inspect_err(|_| log.close())?;
        let (http, https) = (opened.http.address, opened.https.address);
        let (drain, handed_over) = watch::channel(None);
        let sockets = opened.share().map_err(|error| error.to_string())?;
        let handover = Arc::new(Handover::new(sockets, drain, log.clone()));
        let metrics_address = opened.metrics.as_ref().map(|port| port.address);
        let mut metrics = Metrics::default();
        let crowding = Crowding::new(config.max_connections_per_client, log.clone());
        let is_taking_over = opened.predecessor.is_some();
        let quic =
            config.http3.then(|| http3::Entry::open(https, config.https_port, &router, is_taking_over));
        let quic = quic.transpose().inspect_err(|_| log.close())?.map(|entry| Entries::Quic(Box::new(entry)));
        let mut worker = |entries| {
            let counting = opened.metrics.as_ref().map(|_| metrics.join());
            let guard = Guard {
                senders: Arc::clone(&config.proxy_protocol),
                crowding: Arc::clone(&crowding),
                patience: Patience { http: config.timeouts, handshake: config.handshake_timeout },
            };
            let worker =
                Worker::new(entries, guard, Arc::clone(&router), Arc::clone(&tls), counting, log.clone());
            worker.advertising(config.http3.then(|| https.port()))
        };
        let listeners = opened.http.listeners.into_iter().zip(opened.https.listeners).map(|(http, https)| {
            Listeners { http: (http, config.http_port), https: (https, config.https_port) }
        });
        let end = || End { stopped: stop.subscribe(), handed_over: handed_over.clone() };
        let entries = listeners.map(Entries::Tcp).chain(quic);
        let workers = entries.map(|entries| worker(entries).spawn(end())).collect();
        if let Some(address) = metrics_address {
            log.info("Metrics enabled", &[("address", &format!(":{}", address.port()))]);
        }
        log.info("Server started", &[("http", &http.port()), ("https", &https.port())]);
        if let Some(stream) = opened.predecessor.take() {
            TakenOver::ready(&stream).inspect_err(|_| log.close())?;
            log.info("Took over", &[]);
        }
        let control = Control {
            socket: opened.socket,
            metrics: opened.metrics.map(|mut port| (port.listeners.remove(0), metrics)),
            shows_status: config.status,
            router,
            handover: Arc::clone(&handover),
            reload_every: config.reload_every,
        };
        let ordered = end();
        let control = std::thread::spawn(move || runtime.block_on(control.serve(ordered)));
        Ok(Self { http, https, metrics: metrics_address, stop, handed_over, handover, workers, control, log })
    }

    /// Where plain HTTP is served.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where HTTPS is served.
    pub fn https(&self) -> SocketAddr {
        self.https
    }

    /// Where the metrics are read.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Takes no new request, waits for those under way, and ends.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // It holds the listening sockets too: from now on, connections are refused.
        drop(self.handover);
        for worker in self.workers {
            // A worker that panicked has ended too.
            worker.join().ok();
        }
        self.control.join().ok();
        self.log.info("Server stopped", &[]);
        self.log.close();
    }

    /// Ends when another process has taken over.
    pub async fn handed_over(&self) {
        let mut handed_over = self.handed_over.clone();
        if handed_over.wait_for(Option::is_some).await.is_err() {
            std::future::pending().await // The control thread has ended otherwise.
        }
    }

    /// The process that has taken over, if it was started from here. To be asked when the hand-over is done.
    pub async fn successor(&self) -> Option<Child> {
        self.handover.until_replied().await;
        self.handover.successor()
    }

    /// Ends after another process has taken over: when clients have had the time to go there.
    pub fn leave(self) {
        let deadline = Instant::now() + LAST_CALL;
        while Instant::now() < deadline && !self.workers.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.stop();
    }

    /// Takes ports and socket, before anything else: another daemon's state is not to be touched.
    fn listen(config: &Config, log: &Log) -> Result<Opened, String> {
        if let Some(drain) = config.take_over
            && let Some(taken) = TakenOver::ask(&config.socket, drain)?
        {
            return Opened::taken(config, taken);
        }
        let metrics = config.metrics_port.map(|port| Port::open(port, 1)).transpose()?;
        let http = Port::open(config.http_port, config.workers)?;
        let https = Port::open(config.https_port, config.workers)?;
        let socket = ControlSocket::bind(config.socket.clone()).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => error.to_string(),
            _ => format!("listen unix {}: bind: {}", config.socket.display(), listen::reason(&error)),
        })?;
        log.debug("Control socket is open", &[("path", &config.socket.display().to_string())]);
        Ok(Opened { socket, metrics, http, https, predecessor: None })
    }
}

/// What the daemon is reached by.
struct Opened {
    socket: ControlSocket,
    metrics: Option<Port>,
    http: Port,
    https: Port,
    predecessor: Option<UnixStream>,
}

impl Opened {
    /// With the sockets of the process that serves now. The error leaves it serving.
    fn taken(config: &Config, taken: TakenOver) -> Result<Self, String> {
        let (sockets, predecessor) = taken.into_parts();
        let told = |error: io::Error| format!("taking over from the running proxy: {error}");
        let metrics = match (config.metrics_port, sockets.metrics) {
            (Some(wanted), Some(taken)) if Port::is(&taken, wanted) => {
                Some(Port::taken(vec![taken], wanted)?)
            }
            (Some(wanted), _) => Some(Port::open(wanted, 1)?),
            (None, _) => None,
        };
        Ok(Self {
            metrics,
            http: Port::taken(sockets.http, config.http_port)?,
            https: Port::taken(sockets.https, config.https_port)?,
            socket: ControlSocket::over(sockets.control, config.socket.clone()).map_err(told)?,
            predecessor: Some(predecessor),
        })
    }

    /// The sockets, for a process that may take over some day.
    fn share(&self) -> io::Result<Sockets> {
        let share =
            |port: &Port| port.listeners.iter().map(TcpListener::try_clone).collect::<io::Result<Vec<_>>>();
        let metrics = self.metrics.as_ref().map(&share).transpose()?;
        Ok(Sockets {
            http: share(&self.http)?,
            https: share(&self.https)?,
            metrics: metrics.and_then(|mut listeners| listeners.pop()),
            control: self.socket.share()?,
        })
    }
}

/// A port with its listeners, one per worker.
struct Port {
    address: SocketAddr,
    listeners: Vec<TcpListener>,
}

impl Port {
    fn open(port: u16, count: usize) -> Result<Self, String> {
        let told = |error: io::Error| format!("listen tcp :{port}: bind: {}", listen::reason(&error));
        let listeners = listen::everywhere(port, count).map_err(told)?;
        Ok(Self { address: listeners[0].local_addr().map_err(told)?, listeners })
    }

    /// One that another process has opened.
    fn taken(listeners: Vec<TcpListener>, wanted: u16) -> Result<Self, String> {
        let address = listeners.first().and_then(|listener| listener.local_addr().ok());
        // An older version sets this on each connection instead. Answers come either way.
        listeners.iter().for_each(|listener| drop(listen::send_at_once(listener)));
        match address {
            Some(address) if wanted == 0 || address.port() == wanted => Ok(Self { address, listeners }),
            _ => Err(format!(
                "the running proxy does not listen on port {wanted}; take over with its ports, or stop it first"
            )),
        }
    }

    fn is(listener: &TcpListener, wanted: u16) -> bool {
        listener.local_addr().is_ok_and(|address| wanted == 0 || address.port() == wanted)
    }
}

fn control_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What the control thread serves.
struct Control {
    socket: ControlSocket,
    metrics: Option<(TcpListener, Metrics)>,
    shows_status: bool,
    router: Arc<Router>,
    handover: Arc<Handover>,
    reload_every: Duration,
}

impl Control {
    /// Commands that are under way when the order to stop comes end with it, and so do the probes.
    async fn serve(mut self, mut end: End) {
        tokio::spawn(Arc::clone(&self.router).follow_certificate_files(self.reload_every));
        if let Some((listener, metrics)) = self.metrics {
            let router = Arc::clone(&self.router);
            tokio::spawn(endpoint::serve(listener, metrics, router, self.shows_status));
        }
        tokio::select! {
            () = self.socket.serve(self.router, Arc::clone(&self.handover)) => {}
            _ = end.stopped.wait_for(|stopped| *stopped) => {}
            _ = end.handed_over.wait_for(Option::is_some) => self.socket.leave_file(),
        }
        self.handover.until_replied().await;
    }
}
