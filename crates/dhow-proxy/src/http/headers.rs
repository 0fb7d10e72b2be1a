//! The headers that a target sees, and the ones that a client gets back.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::clock;
use crate::http::request_id;

/// Set when the client brought none: a random id.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The chain of addresses that a request came through.
pub static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static REQUEST_START: HeaderName = HeaderName::from_static("x-request-start");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static KAMAL_TARGET: HeaderName = HeaderName::from_static("x-kamal-target");
static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What the proxy knows about a request and tells the target.
pub struct Forwarding<'a> {
    /// The client, or the proxy in front.
    pub peer: IpAddr,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host that was asked for, port included.
    pub host: &'a str,
    /// The target's address.
    pub target: &'a str,
    /// Whether incoming `X-Forwarded-*` are trusted.
    pub is_trusting: bool,
    /// Whether this is an upgrade, whose `Connection` and `Upgrade` have to reach the target.
    pub is_upgrade: bool,
}

/// Gives a request its start time and id, unless it has them.
pub fn stamp(headers: &mut HeaderMap) {
    if is_empty(headers, &REQUEST_START) {
        let start = format!("t={}", clock::since_epoch().as_millis());
        headers.insert(&REQUEST_START, HeaderValue::try_from(start).expect("digits are visible ASCII"));
    }
    if is_empty(headers, &REQUEST_ID) {
        headers.insert(&REQUEST_ID, request_id::generate());
    }
}

/// The request's headers as the target gets them.
pub fn for_target(incoming: &HeaderMap, about: &Forwarding<'_>) -> HeaderMap {
    let named = NamedByConnection::of(incoming);
    let mut outgoing = HeaderMap::with_capacity(incoming.len() + 8);
    for (name, value) in incoming {
        if !is_hop_by_hop(name) && !is_ours(name) && !named.contains(name) {
            outgoing.append(name, value.clone());
        }
    }
    if wants_trailers(incoming) {
        outgoing.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if about.is_upgrade
        && let Some(protocol) = incoming.get(header::UPGRADE)
    {
        outgoing.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        outgoing.insert(header::UPGRADE, protocol.clone());
    }
    set_forwarding(&mut outgoing, incoming, about);
    outgoing
}

/// Takes out of a response what concerns only the connection to the target.
pub fn clean_response(headers: &mut HeaderMap) {
    let named = NamedByConnection::of(headers);
    if let Some(list) = &named.list {
        for name in list.split(',').filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok()) {
            headers.remove(name);
        }
    }
    for name in [
        &header::CONNECTION,
        &header::TRANSFER_ENCODING,
        &header::UPGRADE,
        &header::TE,
        &header::PROXY_AUTHENTICATE,
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
    ] {
        headers.remove(name);
    }
}

/// Whether a request asks to change the protocol of its connection.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE) && has_token(headers, &header::CONNECTION, "upgrade")
}

/// Whether it asks for a WebSocket.
pub fn is_websocket(headers: &HeaderMap) -> bool {
    is_upgrade(headers) && headers[header::UPGRADE].as_bytes().eq_ignore_ascii_case(b"websocket")
}

/// The first line of a header as text, empty if there is none.
pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn set_forwarding(outgoing: &mut HeaderMap, incoming: &HeaderMap, about: &Forwarding<'_>) {
    outgoing.insert(&FORWARDED_FOR, chained(incoming, &FORWARDED_FOR, &about.peer.to_string(), about));
    outgoing.insert(&FORWARDED_PROTO, kept(incoming, &FORWARDED_PROTO, about.scheme, about));
    outgoing.insert(&FORWARDED_HOST, kept(incoming, &FORWARDED_HOST, about.host, about));
    outgoing.insert(&KAMAL_TARGET, chained(incoming, &KAMAL_TARGET, about.target, about));
    let host = if about.host.is_empty() { about.target } else { about.host };
    outgoing.insert(header::HOST, value(host));
}

/// The trusted incoming values with ours at the end.
fn chained(incoming: &HeaderMap, name: &HeaderName, ours: &str, about: &Forwarding<'_>) -> HeaderValue {
    if !about.is_trusting || !incoming.contains_key(name) {
        return value(ours);
    }
    let mut chain = Vec::new();
    for earlier in incoming.get_all(name) {
        chain.extend_from_slice(earlier.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(ours.as_bytes());
    HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).unwrap_or_else(|_| value(ours))
}

/// The trusted incoming value, else ours.
fn kept(incoming: &HeaderMap, name: &HeaderName, ours: &str, about: &Forwarding<'_>) -> HeaderValue {
    let theirs = incoming.get(name).filter(|value| about.is_trusting && !value.is_empty());
    theirs.cloned().unwrap_or_else(|| value(ours))
}

fn value(text: &str) -> HeaderValue {
    // Addresses, schemes and hosts all come out of a parsed header or a checked target address.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(*name, header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE | header::TE)
        || matches!(*name, header::PROXY_AUTHENTICATE | header::PROXY_AUTHORIZATION)
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

/// Headers that this proxy answers for: `Expect` was met by the server side, the others are set anew.
fn is_ours(name: &HeaderName) -> bool {
    matches!(*name, header::EXPECT | header::FORWARDED | header::HOST)
        || *name == FORWARDED_FOR
        || *name == FORWARDED_PROTO
        || *name == FORWARDED_HOST
        || *name == KAMAL_TARGET
}

/// The header names that a `Connection` header lists, beyond what needs no look: `keep-alive`, `close`.
struct NamedByConnection {
    list: Option<String>,
}

impl NamedByConnection {
    fn of(headers: &HeaderMap) -> Self {
        let mut list = String::new();
        for line in headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok()) {
            if !line.eq_ignore_ascii_case("keep-alive") && !line.eq_ignore_ascii_case("close") {
                list.push_str(line);
                list.push(',');
            }
        }
        Self { list: (!list.is_empty()).then_some(list) }
    }

    fn contains(&self, name: &HeaderName) -> bool {
        let is_named =
            |list: &String| list.split(',').any(|token| token.trim().eq_ignore_ascii_case(name.as_str()));
        self.list.as_ref().is_some_and(is_named)
    }
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    has_token(headers, &header::TE, "trailers")
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|found| found.trim().eq_ignore_ascii_case(token))
}

fn is_empty(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get(name).is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn forwarded(lines: &[(&'static str, &'static str)], is_trusting: bool, is_upgrade: bool) -> HeaderMap {
        let about = Forwarding {
            peer: "10.0.0.9".parse().unwrap(),
            scheme: "http",
            host: "a.com:8080",
            target: "app:3000",
            is_trusting,
            is_upgrade,
        };
        for_target(&headers(lines), &about)
    }

    const INCOMING: [(&str, &str); 6] = [
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-for", "2.2.2.2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "outer.com"),
        ("x-kamal-target", "earlier"),
        ("x-custom", "kept"),
    ];

    #[test]
    fn t_208_without_trust_incoming_values_are_replaced() {
        let seen = forwarded(&INCOMING, false, false);
        assert_eq!(seen["x-forwarded-for"], "10.0.0.9");
        assert_eq!(seen["x-forwarded-proto"], "http");
        assert_eq!(seen["x-forwarded-host"], "a.com:8080");
        assert_eq!(seen["x-kamal-target"], "app:3000");
        assert_eq!(seen["x-custom"], "kept");
        assert_eq!(seen["host"], "a.com:8080");
    }

    #[test]
    fn t_209_t_237_with_trust_incoming_values_are_kept_or_continued() {
        let seen = forwarded(&INCOMING, true, false);
        assert_eq!(seen["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.9");
        assert_eq!(seen["x-forwarded-proto"], "https");
        assert_eq!(seen["x-forwarded-host"], "outer.com");
        assert_eq!(seen["x-kamal-target"], "earlier, app:3000");
        let filled = forwarded(&[], true, false);
        assert_eq!(filled["x-forwarded-for"], "10.0.0.9");
        assert_eq!(filled["x-forwarded-proto"], "http");
    }

    #[test]
    fn hop_by_hop_headers_stay_on_their_hop() {
        let seen = forwarded(
            &[
                ("connection", "X-Secret, close"),
                ("x-secret", "1"),
                ("keep-alive", "5"),
                ("proxy-authorization", "x"),
                ("te", "gzip, trailers"),
                ("forwarded", "for=x"),
                ("x-real-ip", "3.3.3.3"),
                ("upgrade", "websocket"),
            ],
            false,
            false,
        );
        for gone in ["connection", "x-secret", "keep-alive", "proxy-authorization", "forwarded", "upgrade"] {
            assert!(!seen.contains_key(gone), "{gone}");
        }
        assert_eq!(seen["te"], "trailers");
        assert_eq!(seen["x-real-ip"], "3.3.3.3");
    }

    #[test]
    fn an_upgrade_keeps_its_headers() {
        let seen = forwarded(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")], false, true);
        assert_eq!(seen["connection"], "Upgrade");
        assert_eq!(seen["upgrade"], "websocket");
    }

    #[test]
    fn t_341_to_t_344_ids_and_start_times_are_made_once() {
        let mut fresh = headers(&[("x-request-id", "")]);
        stamp(&mut fresh);
        assert_eq!(fresh["x-request-id"].len(), 36);
        assert!(fresh["x-request-start"].to_str().unwrap().starts_with("t=1"));
        let mut brought = headers(&[("x-request-id", "mine"), ("x-request-start", "t=5")]);
        stamp(&mut brought);
        assert_eq!(
            (&brought["x-request-id"], &brought["x-request-start"]),
            (&"mine".parse().unwrap(), &"t=5".parse().unwrap())
        );
    }
}
