//! One request from its head to its answer: refuse, route, hold, redirect, or forward.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode, Version};
use tokio::time::timeout_at;

use crate::acme::Acme;
use crate::acme::challenges;
use crate::http::access_log::{AccessRecord, Entrance};
use crate::http::body::Incoming;
use crate::http::fields::Fields;
use crate::http::forward::{self, Choice};
use crate::http::front::Front;
use crate::http::message::{Answer, RequestHead, RequestTarget, is_host};
use crate::http::{affinity, cookies, error_page, headers, redirect};
use crate::pause::Pause;
use crate::policy::Ruling;
use crate::policy::addresses::parse_hop;
use crate::policy::basic_auth::Pending;
use crate::policy::stickiness::Stickiness;
use crate::pool::Admission;
use crate::rollout;
use crate::routes::{self, Route, Routes};
use crate::service::Service;
use crate::target::{InFlight, Target};

/// What kamal-proxy says to a question that it did not expect.
const UNKNOWN_TOKEN: &str = "acme/autocert: certificate cache miss\n";

/// A request that has come in: refused already, or noted and looked up.
pub struct Received(Result<(Deciding, Incoming), Answer>);

/// Takes a request in.
///
/// It is noted and looked up at once, not when the answer is first polled for: a client that has left by then, as the
/// connection may find out in between, is logged all the same.
pub fn receive(front: &Front, entrance: Entrance, head: RequestHead, body: Incoming) -> Received {
    Received(match answer_unrouted(&head) {
        Some(answer) => Err(answer),
        None => Ok((Deciding::begin(front, entrance, head), body)),
    })
}

impl Received {
    /// The answer; `None` if the client is gone, and there is nobody to answer.
    pub async fn answer(self, front: &Front) -> Option<Answer> {
        let (deciding, body) = match self.0 {
            Err(answer) => return Some(answer),
            Ok(received) => received,
        };
        let entrance = deciding.entrance.clone();
        let (verdict, record) = deciding.verdict(front).await;
        let answer = match verdict {
            Verdict::Forward(admitted) => {
                return forward::forward(front, entrance, record, admitted, body).await;
            }
            Verdict::Redirect(location) => redirect::respond(&location, &record.method),
            Verdict::Healthy => Answer::new(StatusCode::OK, Bytes::new()),
            Verdict::Challenge(Some(answer)) => plain(StatusCode::OK, answer),
            Verdict::Challenge(None) => plain(StatusCode::NOT_FOUND, UNKNOWN_TOKEN.into()),
            Verdict::Error(status, message) => {
                error_page::respond(status, &message, record.service.as_deref())
            }
            Verdict::Refuse(status, headers) => {
                let page = error_page::respond(status, "", record.service.as_deref());
                headers.iter().fold(page, |page, (name, value)| page.with(name, value))
            }
        };
        Some(forward::recorded(answer, record))
    }
}

/// A request that was given to a target.
pub struct Admitted {
    /// Counted on its target.
    pub in_flight: InFlight,
    /// What comes with the choice.
    pub choice: Choice,
}

enum Verdict {
    Forward(Admitted),
    Redirect(String),
    Healthy,
    Challenge(Option<String>),
    Error(StatusCode, String),
    Refuse(StatusCode, Vec<(&'static str, String)>),
}

/// What one look at the routes says.
enum Look {
    Decided(Verdict),
    Hold(Duration),
    Verify(Pending),
    Again,
}

/// A request whose first look at the routes was taken.
struct Deciding {
    entrance: Entrance,
    record: Box<AccessRecord>,
    look: Look,
}

impl Deciding {
    fn begin(front: &Front, entrance: Entrance, mut head: RequestHead) -> Self {
        if head.version == Version::HTTP_2 {
            cookies::join_crumbs(&mut head.headers);
        }
        headers::stamp(&mut head.headers);
        let mut record = AccessRecord::new(&front.access_log, front.tally.clone(), &entrance, head);
        let look = front.with_routes(|routes| look(routes, &front.acme, &mut record));
        Self { entrance, record, look }
    }

    async fn verdict(self, front: &Front) -> (Verdict, Box<AccessRecord>) {
        let mut record = self.record;
        if let Look::Decided(verdict) = self.look {
            return (verdict, record);
        }
        // Changes are followed from here on, so the look has to be repeated.
        let mut changes = front.changes.clone();
        loop {
            changes.mark_unchanged();
            match front.with_routes(|routes| look(routes, &front.acme, &mut record)) {
                Look::Decided(verdict) => return (verdict, record),
                // The target was closed after these routes were read: the next ones are about to be published, or
                // are already.
                Look::Again => tokio::task::yield_now().await,
                Look::Verify(pending) => pending.settle().await,
                Look::Hold(at_most) => {
                    let deadline = record.started() + at_most;
                    if timeout_at(deadline, changes.changed()).await.is_err() {
                        return (expired(front, &record), record);
                    }
                }
            }
        }
    }
}

fn expired(front: &Front, record: &AccessRecord) -> Verdict {
    let service = record.service.as_ref().map_or("", |service| service.name.as_str());
    let path = record.uri.path();
    front.log.warn("Rejecting request due to expired pause", &[("service", &service), ("path", &path)]);
    Verdict::Error(StatusCode::GATEWAY_TIMEOUT, String::new())
}

fn look(routes: &Routes, acme: &Acme, record: &mut AccessRecord) -> Look {
    let Some(route) = routes.find(routes::without_port(record.host()), record.uri.path()) else {
        record.leave_service();
        return Look::Decided(Verdict::Error(StatusCode::NOT_FOUND, String::new()));
    };
    enter(record, &route);
    let service = route.service;
    if let Some(answer) = challenge_answer(acme, service, record.uri.path()) {
        return Look::Decided(Verdict::Challenge(answer));
    }
    if record.scheme() == "https" && !service.options.tls_enabled {
        return Look::Decided(Verdict::Error(StatusCode::SERVICE_UNAVAILABLE, String::new()));
    }
    if let Some(look) = admission(record, service) {
        return look;
    }
    if let Some(location) = redirect::location(
        &service.options,
        record.scheme(),
        routes::without_port(record.host()),
        &record.uri,
    ) {
        return Look::Decided(Verdict::Redirect(location));
    }
    if let Some(policy) = &service.policy
        && let Some(look) = Look::of(policy.knows(&routes::decoded(record.uri.path()), &record.headers))
    {
        return look;
    }
    if service.pause != Pause::Running && is_probe(record, &route) {
        return Look::Decided(Verdict::Healthy);
    }
    match &service.pause {
        Pause::Running => admit(record, &route),
        Pause::Paused { at_most } => Look::Hold(*at_most),
        Pause::Stopped { message } => {
            Look::Decided(Verdict::Error(StatusCode::SERVICE_UNAVAILABLE, message.clone()))
        }
    }
}

/// What the service's rules on addresses and rates say, the first time that they are asked.
fn admission(record: &mut AccessRecord, service: &Service) -> Option<Look> {
    let policy = service.policy.as_ref().filter(|_| !record.is_admitted)?;
    record.is_admitted = true;
    Look::of(policy.admits(client_address(record, service)))
}

/// The client itself, behind proxies that are trusted.
fn client_address(record: &AccessRecord, service: &Service) -> IpAddr {
    let peer = record.peer_ip();
    let name = &service.options.client_ip_header;
    let is_told = !name.is_empty() && record.trust != Some(false);
    let told = if is_told { record.headers.get(name).and_then(parse_hop) } else { None };
    let by_chain = || service.policy.as_ref().map_or(peer, |policy| policy.client(peer, &record.headers));
    told.unwrap_or_else(by_chain)
}

impl Look {
    /// What a ruling makes of a request; `None` if it goes on.
    fn of(ruling: Ruling) -> Option<Self> {
        match ruling {
            Ruling::Pass => None,
            Ruling::Refuse(status, headers) => Some(Look::Decided(Verdict::Refuse(status, headers))),
            Ruling::Verify(pending) => Some(Look::Verify(pending)),
        }
    }
}

/// The answer to a certificate authority's question, which is ours to give, whatever the service's state.
///
/// A service with automatic TLS never sees that path; others do, unless the question is one of ours.
fn challenge_answer(acme: &Acme, service: &Service, path: &str) -> Option<Option<String>> {
    let answer = acme.challenges().text(path.strip_prefix(challenges::PATH)?);
    let options = &service.options;
    let is_ours = options.has_automatic_certificates() || options.has_certificates_on_demand();
    (answer.is_some() || is_ours).then_some(answer)
}

fn plain(status: StatusCode, text: String) -> Answer {
    Answer::new(status, Bytes::from(text)).with("Content-Type", "text/plain; charset=utf-8")
}

/// The request has a service now; its client-address header counts from here on, for the log too.
fn enter(record: &mut AccessRecord, route: &Route<'_>) {
    let peer = record.peer_ip();
    record.trust = route.service.policy.as_ref().and_then(|policy| policy.trusts(peer));
    let name = &route.service.options.client_ip_header;
    if !name.is_empty()
        && record.trust != Some(false)
        && let Some(address) = record.headers.get(name).filter(|value| !value.is_empty())
    {
        let address = address.to_vec();
        record.headers.set(headers::FORWARDED_FOR, &address);
    }
    record.enter_service(route.service, !is_excluded(record, route));
}

/// Whether the request is kept out of the metrics.
fn is_excluded(record: &AccessRecord, route: &Route<'_>) -> bool {
    let paths = &route.service.options.exclude_metrics_paths;
    !paths.is_empty()
        && paths.iter().any(|path| *path == routes::decoded(visible_path(record.uri.path(), route)))
}

fn admit(record: &mut AccessRecord, route: &Route<'_>) -> Look {
    let service = route.service;
    let pool = service.pool_for(|| cookies::value(&record.headers, rollout::COOKIE).map(str::to_owned));
    let is_write = !is_read(&record.method, &record.headers, service);
    let has_readers = !pool.readers.is_empty();
    let prefers_writer = has_readers && affinity_applies(service) && affinity::is_live(&record.headers);
    let sticky = service.policy.as_ref().and_then(|policy| policy.stickiness.as_ref());
    let is_known = |target: &Target| sticky.is_some_and(|sticky| sticky.is_for(target, &record.headers));
    match pool.admit(!is_write && !prefers_writer, sticky.map(|_| &is_known as &dyn Fn(&Target) -> bool)) {
        Admission::Closed => Look::Again,
        Admission::NoneHealthy => {
            Look::Decided(Verdict::Error(StatusCode::SERVICE_UNAVAILABLE, String::new()))
        }
        Admission::Admitted(in_flight) => {
            let target = &in_flight.target;
            let newcomer_to = sticky.filter(|_| !is_known(target));
            record.target = Some(Arc::clone(&in_flight.target));
            let cookie = |sticky: &Stickiness| {
                sticky.cookie(target, pool.is_reader(target), route.prefix, record.is_secure())
            };
            let pin = newcomer_to.map(cookie);
            let choice = Choice {
                path: forwarded_path(&record.uri, route),
                stripped: is_stripped(route).then(|| route.prefix.to_owned()),
                marks_writer: is_write && has_readers,
                pin,
            };
            Look::Decided(Verdict::Forward(Admitted { in_flight, choice }))
        }
    }
}

fn affinity_applies(service: &Service) -> bool {
    !service.options.writer_affinity_timeout.is_zero()
}

/// GET and HEAD are reads, except for WebSockets where readers do not take them.
fn is_read(method: &Method, headers: &Fields, service: &Service) -> bool {
    let is_safe = *method == Method::GET || *method == Method::HEAD;
    is_safe && (service.options.read_targets_accept_websockets || !headers::is_websocket(headers))
}

fn is_probe(record: &AccessRecord, route: &Route<'_>) -> bool {
    let is_safe = record.method == Method::GET || record.method == Method::HEAD;
    is_safe && route.service.is_probe_path(&routes::decoded(visible_path(record.uri.path(), route)))
}

fn is_stripped(route: &Route<'_>) -> bool {
    route.covered > 0 && route.service.options.strip_prefix
}

/// The raw path as the app knows it.
fn visible_path<'a>(path: &'a str, route: &Route<'_>) -> &'a str {
    match is_stripped(route) {
        true if path.len() == route.covered => "/",
        true => &path[route.covered..],
        false => path,
    }
}

/// Path and query for the app, where they are not the client's.
fn forwarded_path(uri: &RequestTarget, route: &Route<'_>) -> Option<String> {
    is_stripped(route).then(|| {
        let path = visible_path(uri.path(), route);
        format!("{path}{}", &uri.path_and_query()[uri.path().len()..])
    })
}

/// Answers that need no service.
fn answer_unrouted(head: &RequestHead) -> Option<Answer> {
    let bad = |text: &'static str| Some(error_page::refuse(StatusCode::BAD_REQUEST, text));
    if head.method == Method::CONNECT {
        let text = "405 Method Not Allowed: CONNECT is not for reverse proxies";
        return Some(error_page::refuse(StatusCode::METHOD_NOT_ALLOWED, text));
    }
    let mut hosts = head.headers.all("host");
    match (hosts.next(), hosts.next()) {
        (None, _) if head.version == Version::HTTP_11 && head.uri.authority().is_none() => {
            return bad("400 Bad Request: missing required Host header");
        }
        (Some(_), Some(_)) => return bad("400 Bad Request: too many Host headers"),
        (Some(host), None) if !is_host(host) => return bad("400 Bad Request: invalid Host header"),
        _ => {}
    }
    if head.headers.get("expect").is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Some(error_page::refuse(StatusCode::EXPECTATION_FAILED, "417 Expectation Failed"));
    }
    if head.method == Method::OPTIONS && head.uri.path() == "*" {
        return Some(Answer::new(StatusCode::OK, Bytes::new()));
    }
    None
}
