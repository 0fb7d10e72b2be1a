//! What one worker serves requests with.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::acme::Acme;
use crate::clock;
use crate::http::access_log::{AccessLog, Entrance};
use crate::http::fields::Fields;
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
    alt_svc: Option<String>,
    /// Whether another process has taken over, and clients are to go there.
    leaving: watch::Sender<bool>,
    /// For what goes wrong.
    pub log: Log,
    date: RefCell<(u64, String)>,
}

impl Front {
    /// For use on the worker's runtime.
    pub fn new(
        router: &Router,
        tls: Arc<ServerConfig>,
        alt_svc: Option<String>,
        counting: Option<Counting>,
        log: Log,
    ) -> Self {
        Self {
            routes: RefCell::new(Cache::new(router.routes())),
            changes: router.changes(),
            upstreams: Rc::default(),
            tls,
            acme: router.acme(),
            access_log: AccessLog::start(log.clone()),
            tally: counting.map(Counting::begin),
            alt_svc,
            leaving: watch::Sender::new(false),
            log,
            date: RefCell::default(),
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

    /// Whether clients are to leave: the next answer is the last one on its connection (HTTP/1).
    pub fn is_leaving(&self) -> bool {
        *self.leaving.borrow()
    }

    /// Looks at the current routes. The copy is renewed only when they have changed.
    pub fn with_routes<T>(&self, look: impl FnOnce(&Routes) -> T) -> T {
        look(self.routes.borrow_mut().load())
    }

    /// Tells a client that came over TLS and TCP of HTTP/3, if it is served. What an app says itself is left as it is.
    pub fn advertise(&self, entrance: &Entrance, headers: &mut Fields) {
        if let Some(alt_svc) = &self.alt_svc
            && entrance.scheme == "https"
            && !headers.contains("alt-svc")
        {
            headers.add("Alt-Svc", alt_svc.as_bytes());
        }
    }

    /// The date as answers tell it, written anew once a second.
    pub fn with_date<T>(&self, look: impl FnOnce(&str) -> T) -> T {
        let mut date = self.date.borrow_mut();
        let now = clock::since_epoch();
        if date.0 != now.as_secs() {
            *date = (now.as_secs(), clock::http_date(now));
        }
        look(&date.1)
    }
}
