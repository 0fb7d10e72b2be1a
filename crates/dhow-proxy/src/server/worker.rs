//! A worker thread: its own runtime, listener, routes and connections to targets.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::connection::{self, Door, Guard, Scheme};
use super::{SHUTDOWN_GRACE, http3};
use crate::http::front::Front;
use crate::log::Log;
use crate::metrics::Counting;
use crate::router::Router;

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// What a worker is made from; it can still move to its thread.
pub struct Worker {
    entries: Entries,
    guard: Guard,
    router: Arc<Router>,
    tls: Arc<ServerConfig>,
    alt_svc: Option<String>,
    counting: Option<Counting>,
    log: Log,
}

/// Where a worker's connections come in.
pub enum Entries {
    /// Over TCP.
    Tcp(Listeners),
    /// Over QUIC.
    Quic(Box<http3::Entry>),
}

/// A worker's own listeners, with the ports as configured.
pub struct Listeners {
    /// Plain HTTP.
    pub http: (std::net::TcpListener, u16),
    /// HTTP over TLS.
    pub https: (std::net::TcpListener, u16),
}

/// How a worker hears that it is to end.
pub struct End {
    /// By order.
    pub stopped: watch::Receiver<bool>,
    /// As another process listens now; requests may go on for this long.
    pub handed_over: watch::Receiver<Option<Duration>>,
}

impl Worker {
    /// A worker for the connections that its listeners get.
    pub fn new(
        entries: Entries,
        guard: Guard,
        router: Arc<Router>,
        tls: Arc<ServerConfig>,
        counting: Option<Counting>,
        log: Log,
    ) -> Self {
        Self { entries, guard, router, tls, alt_svc: None, counting, log }
    }

    /// The same, which tells its clients that there is HTTP/3 on this port.
    pub fn advertising(self, http3: Option<u16>) -> Self {
        // For a month: whoever comes back later starts with TCP again (RFC 7838).
        Self { alt_svc: http3.map(|port| format!("h3=\":{port}\"; ma=2592000")), ..self }
    }

    /// Serves on a thread of its own until an end is ordered and the requests under way have ended.
    pub fn spawn(self, end: End) -> JoinHandle<()> {
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let log = self.log.clone();
            match runtime {
                Ok(runtime) => self.run(runtime, end),
                Err(error) => log.error("Unable to start a worker", &[("error", &error.to_string())]),
            }
        })
    }

    fn run(mut self, runtime: LocalRuntime, end: End) {
        let access_log = runtime.block_on(async {
            let (tls, counting, log) = (Arc::clone(&self.tls), self.counting.take(), self.log.clone());
            let front = Rc::new(Front::new(&self.router, tls, self.alt_svc, counting, log));
            let access_log = Rc::clone(&front.access_log);
            let guard = Rc::new(self.guard);
            match self.entries {
                Entries::Tcp(listeners) => serve(front, listeners, guard, end).await,
                Entries::Quic(entry) => http3::serve(front, *entry, guard, end).await,
            }
            access_log
        });
        // What is still open ends here, and is logged.
        drop(runtime);
        access_log.flush();
    }
}

async fn serve(front: Rc<Front>, listeners: Listeners, guard: Rc<Guard>, end: End) {
    let End { stopped, mut handed_over } = end;
    let crowd = Rc::new(Crowd::default());
    let Listeners { http: (http, http_port), https: (https, https_port) } = listeners;
    let listeners = (TcpListener::from_std(http), TcpListener::from_std(https));
    let (http, https) = match listeners {
        (Ok(http), Ok(https)) => (http, https),
        (Err(error), _) | (_, Err(error)) => {
            return front.log.error("Unable to listen", &[("error", &error.to_string())]);
        }
    };
    let mut is_stopped = stopped.clone();
    let welcome = |(scheme, port), (stream, peer): (TcpStream, SocketAddr)| {
        let door = Door { scheme, port, peer, guard: Rc::clone(&guard) };
        let connection = connection::serve(Rc::clone(&front), door, stream, stopped.clone());
        let place = (Place::take(&crowd), front.tally.as_ref().map(|tally| tally.connected(scheme.name())));
        tokio::task::spawn_local(async move {
            connection.await;
            drop(place);
        });
    };
    loop {
        let (entry, accepted) = tokio::select! {
            accepted = http.accept() => ((Scheme::Http, http_port), accepted),
            accepted = https.accept() => ((Scheme::Https, https_port), accepted),
            _ = is_stopped.wait_for(|stopped| *stopped) => break,
            _ = handed_over.wait_for(Option::is_some) => break,
        };
        match accepted {
            Ok(accepted) => welcome(entry, accepted),
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
    drop((http, https));
    let drain = *handed_over.borrow();
    if drain.is_some() {
        front.leave();
        // Idle clients have a while to come once more, and be told to leave, before their connections are closed.
        tokio::select! {
            () = crowd.emptied() => {}
            _ = is_stopped.wait_for(|stopped| *stopped) => {}
        }
    }
    if timeout(drain.unwrap_or(SHUTDOWN_GRACE), crowd.emptied()).await.is_err() {
        front.log.warn("Closing active connections", &[]);
    }
}

/// The connections that are open, so that the end can be waited for.
#[derive(Default)]
pub struct Crowd {
    size: Cell<usize>,
    left: Notify,
}

impl Crowd {
    /// Waits until none is open.
    pub async fn emptied(&self) {
        while self.size.get() > 0 {
            self.left.notified().await;
        }
    }
}

/// One open connection.
pub struct Place(Rc<Crowd>);

impl Place {
    /// A connection that is counted from now on.
    pub fn take(crowd: &Rc<Crowd>) -> Self {
        crowd.size.set(crowd.size.get() + 1);
        Self(Rc::clone(crowd))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.size.set(self.0.size.get() - 1);
        self.0.left.notify_one();
    }
}
