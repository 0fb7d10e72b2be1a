//! What one worker serves requests with.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Response, StatusCode};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::acme::Acme;
use crate::http::access_log::AccessLog;
use crate::http::upstream::Upstreams;
use crate::log::Log;
use crate::metrics::Counting;
use crate::metrics::tally::Tally;
use crate::router::Router;
use crate::routes::Routes;

/// A worker's copy of the routes, its connections to targets and its part of the log.
pub struct Front {
    routes: RefCell<Cache<Arc<ArcSwap<Routes>>, Arc<Routes>>>,
    /// Wakes held requests when the routes change.
    pub changes: watch::Receiver<u64>,
    /// Connections to targets.
    pub upstreams: Rc<Upstreams>,
    /// What all TLS handshakes have in common.
    pub tls: Arc<ServerConfig>,
    /// Automatic certificates.
    pub acme: Arc<Acme>,
    /// Lines not written yet.
    pub access_log: Rc<AccessLog>,
    /// The worker's part of the metrics, if they are wanted.
    pub tally: Option<Rc<Tally>>,
    /// Whether another process has taken over, and clients are to go there.
    leaving: watch::Sender<bool>,
    /// For what goes wrong.
    pub log: Log,
}

impl Front {
    /// For use inside the worker's `LocalSet`.
    pub fn new(router: &Router, tls: Arc<ServerConfig>, counting: Option<Counting>, log: Log) -> Self {
        Self {
            routes: RefCell::new(Cache::new(router.routes())),
            changes: router.changes(),
            upstreams: Rc::default(),
            tls,
            acme: router.acme(),
            access_log: AccessLog::start(log.clone()),
            tally: counting.map(Counting::begin),
            leaving: watch::Sender::new(false),
            log,
        }
    }

    /// From now on, clients are sent to the process that has taken over.
    pub fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// Ends when clients are to leave.
    pub async fn left(&self) {
        // The sender lives in self.
        self.leaving.subscribe().wait_for(|is_leaving| *is_leaving).await.ok();
    }

    /// An answer as it is sent while clients are to leave: the last one on its connection (HTTP/1).
    pub fn farewell<B>(&self, mut response: Response<B>) -> Response<B> {
        if *self.leaving.borrow() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Looks at the current routes. The copy is renewed only when they have changed.
    pub fn with_routes<T>(&self, look: impl FnOnce(&Routes) -> T) -> T {
        look(self.routes.borrow_mut().load())
    }
}
