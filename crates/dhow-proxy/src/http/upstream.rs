//! A worker's own connections to targets. Nothing here is shared between threads.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use crate::http::cut::{Listener, Listeners};
use crate::http::idle::Idle;
use crate::http1::client::Connection;
use crate::http2::links::{Link, Links};
use crate::options::TargetProtocol;
use crate::target::{InFlight, Target};

/// How long a name is not looked up again. Short: after a restart a container's old address may be another's.
const NAME_LIFETIME: Duration = Duration::from_secs(1);

/// How long a connection attempt may take, unless the service says otherwise. The kernel alone would try for two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often idle connections are looked through for those that the target has closed, or nobody needs.
const SWEEP: Duration = Duration::from_secs(5);

/// All targets that this worker has sent requests to, until they are gone.
#[derive(Default)]
pub struct Upstreams {
    by_target: RefCell<HashMap<u64, Rc<Upstream>>>,
}

/// A target as one worker sees it.
pub struct Upstream {
    target: Arc<Target>,
    idle: RefCell<Idle>,
    resolved: Cell<Option<(SocketAddr, Instant)>>,
    links: Links,
    listeners: Rc<Listeners>,
}

/// Why there is no connection to a target.
#[derive(Debug)]
pub enum ConnectError {
    /// No address, refused, reset …
    Failed(io::Error),
    /// No answer in time.
    TimedOut,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Failed(error) => write!(f, "{error}"),
            ConnectError::TimedOut => f.write_str("no connection in time"),
        }
    }
}

impl Upstreams {
    /// What this worker holds of a request's target.
    pub fn lease(self: &Rc<Self>, in_flight: InFlight) -> (Rc<Upstream>, Lease) {
        let upstream = self.of(&in_flight.target);
        let lease = Lease { in_flight, listener: Listener::of(&upstream.listeners) };
        (upstream, lease)
    }

    fn of(self: &Rc<Self>, target: &Arc<Target>) -> Rc<Upstream> {
        if let Some(upstream) = self.by_target.borrow().get(&target.id) {
            return Rc::clone(upstream);
        }
        let upstream = Rc::new(Upstream {
            target: Arc::clone(target),
            idle: RefCell::default(),
            resolved: Cell::new(None),
            links: Links::default(),
            listeners: Rc::default(),
        });
        self.by_target.borrow_mut().insert(target.id, Rc::clone(&upstream));
        tokio::task::spawn_local(follow_orders(Rc::clone(self), Rc::clone(&upstream)));
        upstream
    }
}

/// Passes the control thread's orders on to this worker's requests, and ends with the target.
async fn follow_orders(upstreams: Rc<Upstreams>, upstream: Rc<Upstream>) {
    let mut orders = upstream.target.orders();
    loop {
        upstream.listeners.call();
        if orders.borrow_and_update().gone {
            break;
        }
        let changed = loop {
            match timeout(SWEEP, orders.changed()).await {
                Ok(changed) => break changed,
                Err(_) => upstream.sweep(),
            }
        };
        if changed.is_err() {
            break;
        }
    }
    upstreams.by_target.borrow_mut().remove(&upstream.target.id);
}

impl Upstream {
    /// An idle connection, if one is usable. For a request that can be sent only once, the look is a closer one.
    pub fn reuse(self: &Rc<Self>, is_repeatable: bool) -> Option<Loan> {
        loop {
            let connection = self.idle.borrow_mut().take()?;
            if !connection.is_stale() && (is_repeatable || !connection.is_closed()) {
                return Some(Loan { connection: Some(connection), upstream: Rc::clone(self) });
            }
        }
    }

    /// A new connection.
    pub async fn connect(self: &Rc<Self>) -> Result<Loan, ConnectError> {
        let stream = self.in_time(self.dial()).await?;
        Ok(Loan { connection: Some(Box::new(Connection::new(stream))), upstream: Rc::clone(self) })
    }

    /// A connection that speaks HTTP/2 and has room for another request.
    pub async fn link(&self) -> Result<Rc<Link>, ConnectError> {
        self.in_time(self.links.take(|| self.dial())).await
    }

    /// What the target wants to be spoken to in.
    pub fn protocol(&self) -> TargetProtocol {
        self.target.options.target_protocol
    }

    async fn in_time<T>(&self, connecting: impl Future<Output = io::Result<T>>) -> Result<T, ConnectError> {
        let limit = match self.target.options.tuning.connect_timeout {
            Duration::ZERO => CONNECT_TIMEOUT,
            limit => limit,
        };
        let connected = timeout(limit, connecting).await.map_err(|_| ConnectError::TimedOut);
        let connected = connected.and_then(|connected| connected.map_err(ConnectError::Failed));
        match &connected {
            Ok(_) => self.target.reached(),
            Err(_) => self.target.unreachable(),
        }
        connected
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let dialled = match self.known_address() {
            // The target may have moved since: ask again before giving up.
            Some(address) => match TcpStream::connect(address).await {
                Ok(stream) => Ok(stream),
                Err(_) => self.look_up_and_dial().await,
            },
            None => self.look_up_and_dial().await,
        };
        let stream = dialled?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn look_up_and_dial(&self) -> io::Result<TcpStream> {
        let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the target's name has no address");
        for address in self.look_up().await? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    self.resolved.set(Some((address, Instant::now())));
                    return Ok(stream);
                }
                Err(error) => last_error = error,
            }
        }
        self.resolved.set(None);
        Err(last_error)
    }

    fn known_address(&self) -> Option<SocketAddr> {
        self.resolved.get().filter(|(_, at)| at.elapsed() < NAME_LIFETIME).map(|(address, _)| address)
    }

    async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = (self.target.address.host(), self.target.address.port());
        match host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
            Err(_) => Ok(lookup_host((host, port)).await?.collect()),
        }
    }

    fn keep(&self, connection: Box<Connection>) {
        self.idle.borrow_mut().put(connection);
    }

    fn sweep(&self) {
        self.idle.borrow_mut().sweep();
        self.links.sweep();
    }
}

/// A connection in use. It goes back to its worker only if it is given back; else it is closed.
pub struct Loan {
    connection: Option<Box<Connection>>,
    upstream: Rc<Upstream>,
}

impl Loan {
    /// The connection, to send a request on.
    pub fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("given back only after the exchange")
    }

    /// The exchange is over and the connection can take another.
    pub fn give_back(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.upstream.keep(connection);
        }
    }

    /// Keeps the connection for good.
    pub fn into_connection(self) -> Box<Connection> {
        self.connection.expect("given back only after the exchange")
    }
}

/// A request's place among those in flight, and its ear for being cut.
pub struct Lease {
    in_flight: InFlight,
    listener: Listener,
}

impl Lease {
    /// The target that serves the request.
    pub fn target(&self) -> &Arc<Target> {
        &self.in_flight.target
    }

    /// Ready when the request is to be given up.
    pub fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.in_flight.is_cut() {
            return Poll::Ready(());
        }
        self.listener.listen(cx);
        Poll::Pending
    }

    /// Waits until the request is to be given up.
    pub async fn cut(&mut self) {
        poll_fn(|cx| self.poll_cut(cx)).await;
    }
}
