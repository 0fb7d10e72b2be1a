//! A worker's own connections to targets. Nothing here is shared between threads.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, timeout};

use crate::http::body::RequestBody;
use crate::target::{InFlight, Target};

/// Idle connections kept per target and worker.
const MAX_IDLE: usize = 100;

/// How long a name is not looked up again. Short: after a restart a container's old address may be another's.
const NAME_LIFETIME: Duration = Duration::from_secs(1);

/// How long a connection attempt may take. The kernel alone would try for two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that can take one request at a time.
pub type Sender = SendRequest<RequestBody>;

/// All targets that this worker has sent requests to, until they are gone.
#[derive(Default)]
pub struct Upstreams {
    by_target: RefCell<HashMap<u64, Rc<Upstream>>>,
}

/// A target as one worker sees it.
pub struct Upstream {
    target: Arc<Target>,
    idle: RefCell<Vec<Sender>>,
    resolved: Cell<Option<(SocketAddr, Instant)>>,
    cut: Arc<Notify>,
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
            ConnectError::TimedOut => write!(f, "no connection within {}s", CONNECT_TIMEOUT.as_secs()),
        }
    }
}

impl Upstreams {
    /// What this worker holds of a request's target.
    pub fn lease(self: &Rc<Self>, in_flight: InFlight) -> (Rc<Upstream>, Lease) {
        let upstream = self.of(&in_flight.target);
        let cut = Box::pin(Arc::clone(&upstream.cut).notified_owned());
        let lease = Lease { in_flight, cut, signal: Arc::clone(&upstream.cut) };
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
            cut: Arc::default(),
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
        upstream.cut.notify_waiters();
        if orders.borrow_and_update().gone || orders.changed().await.is_err() {
            break;
        }
    }
    upstreams.by_target.borrow_mut().remove(&upstream.target.id);
}

impl Upstream {
    /// An idle connection, if one is usable.
    pub async fn reuse(self: &Rc<Self>) -> Option<Loan> {
        loop {
            let mut sender = self.idle.borrow_mut().pop()?;
            if sender.is_closed() {
                continue;
            }
            if sender.is_ready() || becomes_ready_at_once(&mut sender).await {
                return Some(Loan { sender: Some(sender), upstream: Rc::clone(self) });
            }
            // Still busy with the end of its last exchange, such as an upload that was answered early.
            let upstream = Rc::clone(self);
            tokio::task::spawn_local(async move {
                if sender.ready().await.is_ok() {
                    upstream.keep(sender);
                }
            });
        }
    }

    /// A new connection.
    pub async fn connect(self: &Rc<Self>) -> Result<Loan, ConnectError> {
        let stream = timeout(CONNECT_TIMEOUT, self.dial()).await.map_err(|_| ConnectError::TimedOut)?;
        let stream = TokioIo::new(stream.map_err(ConnectError::Failed)?);
        let handshake = Builder::new().title_case_headers(true).handshake(stream).await;
        let (sender, connection) =
            handshake.map_err(|error| ConnectError::Failed(io::Error::other(error)))?;
        tokio::task::spawn_local(connection.with_upgrades());
        Ok(Loan { sender: Some(sender), upstream: Rc::clone(self) })
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

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MAX_IDLE {
            idle.push(sender);
        }
    }
}

/// Lets the connection's own task run once: it is what makes a connection ready after an exchange.
async fn becomes_ready_at_once(sender: &mut Sender) -> bool {
    tokio::select! {
        biased;
        ready = sender.ready() => ready.is_ok(),
        () = tokio::task::yield_now() => sender.is_ready(),
    }
}

/// A connection in use. It goes back to its worker only if it is given back; else it is closed.
pub struct Loan {
    sender: Option<Sender>,
    upstream: Rc<Upstream>,
}

impl Loan {
    /// The connection, to send a request on.
    pub fn sender(&mut self) -> &mut Sender {
        self.sender.as_mut().expect("given back only after the exchange")
    }

    /// The exchange is over and the connection can take another.
    pub fn give_back(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.upstream.keep(sender);
        }
    }
}

/// A request's place among those in flight, and its ear for being cut.
pub struct Lease {
    in_flight: InFlight,
    cut: Pin<Box<OwnedNotified>>,
    signal: Arc<Notify>,
}

impl Lease {
    /// The target that serves the request.
    pub fn target(&self) -> &Arc<Target> {
        &self.in_flight.target
    }

    /// Ready when the request is to be given up.
    pub fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.cut.as_mut().poll(cx).is_ready() {
            if self.in_flight.is_cut() {
                return Poll::Ready(());
            }
            self.cut.set(Arc::clone(&self.signal).notified_owned());
        }
        Poll::Pending
    }

    /// Waits until the request is to be given up.
    pub async fn cut(&mut self) {
        poll_fn(|cx| self.poll_cut(cx)).await;
    }
}
