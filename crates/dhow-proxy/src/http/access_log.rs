//! One line per request, in kamal-proxy's field order, collected per worker and written in batches.

use std::borrow::Cow;
use std::cell::RefCell;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::{Method, Version};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::http::body::Incoming;
use crate::http::fields::Fields;
use crate::http::headers;
use crate::http::message::{RequestHead, RequestTarget};
use crate::http::progress::Progress;
use crate::http::timing::Timing;
use crate::http1::connection::Connection;
use crate::log::{Level, Line, Log};
use crate::metrics::tally::{Ended, Tally};
use crate::routes;
use crate::service::Service;
use crate::target::Target;

/// A batch is handed over when it has this many bytes …
const BATCH: usize = 64 * 1024;

/// … or this long after its first line.
const BATCH_AGE: Duration = Duration::from_millis(20);

/// What the status is when the client was gone before there was one.
const CLIENT_GONE: u16 = 499;

/// A worker's lines that are not handed over yet.
pub struct AccessLog {
    log: Log,
    lines: RefCell<Vec<u8>>,
    begun: Notify,
}

impl AccessLog {
    /// An empty batch, with the task that hands it over in time. For use on a worker's runtime.
    pub fn start(log: Log) -> Rc<Self> {
        let access_log = Rc::new(Self { log, lines: RefCell::default(), begun: Notify::new() });
        let flushed = Rc::clone(&access_log);
        tokio::task::spawn_local(async move {
            loop {
                flushed.begun.notified().await;
                sleep(BATCH_AGE).await;
                flushed.flush();
            }
        });
        access_log
    }

    /// Hands over what there is.
    pub fn flush(&self) {
        let lines = mem::take(&mut *self.lines.borrow_mut());
        if !lines.is_empty() {
            self.log.batch(lines);
        }
    }

    fn append(&self, write: impl FnOnce(Line) -> Line) {
        let batch = mem::take(&mut *self.lines.borrow_mut());
        if batch.is_empty() {
            self.begun.notify_one();
        }
        let lines = write(Line::append_to(batch, Level::Info, "Request")).finish();
        let is_full = lines.len() >= BATCH;
        *self.lines.borrow_mut() = lines;
        if is_full {
            self.flush();
        }
    }
}

/// A request as the log tells it. The line is written when the record is dropped, however the request ended.
pub struct AccessRecord {
    access_log: Rc<AccessLog>,
    port: u16,
    scheme: &'static str,
    peer: Rc<Peer>,
    started: Instant,
    version: Version,
    /// As received.
    pub method: Method,
    /// As received.
    pub uri: RequestTarget,
    /// As received, with id and start time added.
    pub headers: Fields,
    /// The service it belongs to, once known.
    pub service: Option<Arc<Service>>,
    tally: Option<Rc<Tally>>,
    is_counted: bool,
    /// Whether the other end is a proxy whose word on the client counts; `None` where only the target's options say so.
    pub trust: Option<bool>,
    /// Whether the service's rules on addresses and rates were asked.
    pub is_admitted: bool,
    /// The target it was given to, once chosen.
    pub target: Option<Arc<Target>>,
    /// Body bytes sent to the client.
    pub sent: u64,
    /// How far the client's body is, where that is watched.
    pub upload: Option<Rc<Progress>>,
    /// What of the duration was the target's.
    pub timing: Timing,
    status: u16,
    response_type: String,
    response_extras: Vec<String>,
}

/// Where a request came in.
#[derive(Clone)]
pub struct Entrance {
    /// The configured port.
    pub port: u16,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The other end of the connection: the client, or the proxy in front.
    pub peer: Rc<Peer>,
    /// Whether a request may change the protocol.
    pub may_upgrade: bool,
    /// The connection itself, where it can carry interim responses.
    pub client: Option<Rc<RefCell<Connection>>>,
}

/// The other end of a connection, as text.
pub struct Peer {
    /// Its address …
    pub ip: IpAddr,
    /// … as text.
    pub address: String,
    /// Its port.
    pub port: String,
}

impl From<SocketAddr> for Peer {
    /// An IPv4 address that came in on an IPv6 socket is told as what it is.
    fn from(peer: SocketAddr) -> Self {
        let ip = peer.ip().to_canonical();
        Self { ip, address: ip.to_string(), port: peer.port().to_string() }
    }
}

impl AccessRecord {
    /// A record of a request that came in just now.
    pub fn new(
        access_log: &Rc<AccessLog>,
        tally: Option<Rc<Tally>>,
        entrance: &Entrance,
        head: RequestHead,
    ) -> Box<Self> {
        Box::new(Self {
            access_log: Rc::clone(access_log),
            port: entrance.port,
            scheme: entrance.scheme,
            peer: Rc::clone(&entrance.peer),
            started: Instant::now(),
            version: head.version,
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            service: None,
            tally,
            is_counted: true,
            trust: None,
            is_admitted: false,
            target: None,
            sent: 0,
            upload: None,
            timing: Timing::default(),
            status: 0,
            response_type: String::new(),
            response_extras: Vec::new(),
        })
    }

    /// The request belongs to this service, whether or not its metrics tell of it.
    pub fn enter_service(&mut self, service: &Arc<Service>, is_counted: bool) {
        self.leave_service();
        self.is_counted = is_counted;
        if let Some(tally) = self.tally.as_ref().filter(|_| is_counted) {
            tally.entered(&service.name);
        }
        self.service = Some(Arc::clone(service));
    }

    /// The request belongs to no service, or to none any more.
    pub fn leave_service(&mut self) {
        let left = self.service.take();
        if let (Some(tally), Some(service)) = (self.tally.as_ref().filter(|_| self.is_counted), &left) {
            tally.left(&service.name);
        }
        self.is_counted = true;
    }

    /// When the request came in.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The client's address, or that of the proxy in front.
    pub fn peer(&self) -> &str {
        &self.peer.address
    }

    /// The same, to be compared.
    pub fn peer_ip(&self) -> IpAddr {
        self.peer.ip
    }

    /// Whether what the other end says about the client is believed.
    pub fn is_trusting(&self) -> bool {
        let by_target = || self.target.as_ref().is_none_or(|target| target.options.forward_headers);
        self.trust.unwrap_or_else(by_target)
    }

    /// Whether the client came over https, as far as we know: to us, or to a proxy in front that is believed.
    pub fn is_secure(&self) -> bool {
        let by_target = || self.target.as_ref().is_some_and(|target| target.options.forward_headers);
        let is_told = || self.headers.text(headers::FORWARDED_PROTO).eq_ignore_ascii_case("https");
        self.scheme == "https" || (self.trust.unwrap_or_else(by_target) && is_told())
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The host that was asked for, port included: the request target's if it names one, else the header's.
    pub fn host(&self) -> &str {
        match self.uri.authority() {
            Some(authority) => authority,
            None => self.headers.text("host"),
        }
    }

    /// Takes note of a body, if that is asked for, or if the metrics would not know its length otherwise.
    pub fn watch(&mut self, body: Incoming, is_asked_for: bool) -> Incoming {
        let is_unknown = || self.tally.is_some() && !self.headers.contains("content-length");
        if body.is_end_stream() || !(is_asked_for || is_unknown()) {
            return body;
        }
        let (progress, body) = Progress::of(body);
        self.upload = Some(progress);
        body
    }

    /// Notes the head of the answer.
    pub fn answered(&mut self, status: u16, response: &Fields) {
        self.status = status;
        self.response_type = lossy(response.get("content-type")).into_owned();
        if let Some(target) = &self.target {
            let extras = &target.options.log_response_headers;
            self.response_extras = extras.iter().map(|name| joined(response, name)).collect();
        }
    }

    fn write(&self, line: Line) -> Line {
        let service = self.service.as_ref().map_or("", |service| service.name.as_str());
        let target = self.target.as_ref().map_or("", |target| target.address.as_str());
        let line = line
            .field("host", self.host())
            .field("port", &self.port)
            .field("path", &*routes::decoded(self.uri.path()))
            .field("request_id", self.headers.text(headers::REQUEST_ID))
            .field("status", &self.final_status())
            .field("service", service)
            .field("target", target)
            .field("duration", &(self.started.elapsed().as_nanos() as u64))
            .field("method", self.method.as_str())
            .field("req_content_length", &self.request_length())
            .field("req_content_type", self.headers.text("content-type"))
            .field("resp_content_length", &self.sent)
            .field("resp_content_type", &self.response_type)
            .field("client_addr", &self.peer.address)
            .field("client_port", &self.peer.port)
            .field("remote_addr", self.remote_address())
            .field("user_agent", self.headers.text("user-agent"))
            .field("proto", protocol(self.version))
            .field("scheme", self.scheme)
            .field("query", self.uri.query().unwrap_or_default());
        self.write_extras(line)
    }

    fn final_status(&self) -> u16 {
        if self.status == 0 { CLIENT_GONE } else { self.status }
    }

    fn count(&mut self) {
        let Some(tally) = self.tally.as_ref().filter(|_| self.is_counted) else { return };
        let ended = Ended {
            method: &self.method,
            status: self.final_status(),
            took: self.started.elapsed(),
            received: match &self.upload {
                Some(upload) => upload.received(),
                None => self.request_length().try_into().unwrap_or_default(),
            },
            sent: self.sent,
        };
        tally.ended(self.service.as_ref().map_or("", |service| service.name.as_str()), &ended);
        self.leave_service();
    }

    fn write_extras(&self, mut line: Line) -> Line {
        let Some(target) = &self.target else { return line };
        for name in &target.options.log_request_headers {
            line = line.field(&format!("req_{}", field_name(name)), &joined(&self.headers, name));
        }
        for (name, value) in target.options.log_response_headers.iter().zip(&self.response_extras) {
            line = line.field(&format!("resp_{}", field_name(name)), value);
        }
        self.timing.write(line)
    }

    /// -1 where the length is not declared.
    fn request_length(&self) -> i64 {
        if self.headers.contains("transfer-encoding") {
            return -1;
        }
        self.headers.text("content-length").parse().unwrap_or_default()
    }

    /// What the trusted proxy in front says; without trust it would be the client's own claim.
    fn remote_address(&self) -> &str {
        let is_named =
            || self.service.as_ref().is_some_and(|service| !service.options.client_ip_header.is_empty());
        let is_believed = self.is_trusting() || (self.trust.is_none() && is_named());
        let claimed = self.headers.text(headers::FORWARDED_FOR);
        if claimed.is_empty() || !is_believed { self.peer() } else { claimed }
    }
}

impl Drop for AccessRecord {
    fn drop(&mut self) {
        let access_log = Rc::clone(&self.access_log);
        access_log.append(|line| self.write(line));
        self.count();
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

fn field_name(header: &str) -> String {
    header
        .chars()
        .filter(|c| !matches!(c, '"' | '\\') && !c.is_control())
        .collect::<String>()
        .to_lowercase()
        .replace('-', "_")
}

fn joined(from: &Fields, name: &str) -> String {
    let lines: Vec<_> = from.all(name).map(|value| lossy(Some(value))).collect();
    lines.join(",")
}

fn lossy(value: Option<&[u8]>) -> Cow<'_, str> {
    String::from_utf8_lossy(value.unwrap_or_default())
}
