//! The headers that a target sees, and the ones that a client gets back.

use std::io::Write;

use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};

use crate::clock;
use crate::http::fields::Fields;
use crate::http::request_id;
use crate::http1::answer::{write_length, write_line};

/// Set when the client brought none: a random id.
pub const REQUEST_ID: &str = "X-Request-ID";
/// The chain of addresses that a request came through.
pub const FORWARDED_FOR: &str = "X-Forwarded-For";
const REQUEST_START: &str = "X-Request-Start";
/// What the client speaks with the proxy in front.
pub const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED_HOST: &str = "X-Forwarded-Host";
const KAMAL_TARGET: &str = "X-Kamal-Target";

/// Headers that concern one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers that this proxy answers for: `Expect` was met by the server side, the others are set anew.
const OURS: [&str; 8] = [
    "content-length",
    "expect",
    "forwarded",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-kamal-target",
];

/// What the proxy knows about a request and tells the target.
pub struct Forwarding<'a> {
    /// As received.
    pub method: &'a Method,
    /// Path and query for the target.
    pub path: &'a str,
    /// How long the body is.
    pub length: BodyLength,
    /// The client, or the proxy in front.
    pub peer: &'a str,
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

/// What a target is told about a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Nothing: there is none.
    None,
    /// So many bytes.
    Exact(u64),
    /// It ends where its chunks say.
    Chunked,
}

/// Gives a request its start time and id, unless it has them.
pub fn stamp(headers: &mut Fields) {
    if is_empty(headers, REQUEST_START) {
        let mut start = [0; 24];
        let mut rest = &mut start[..];
        // A number of milliseconds has 20 digits at most.
        write!(rest, "t={}", clock::since_epoch().as_millis()).ok();
        let left = rest.len();
        headers.set(REQUEST_START, &start[..start.len() - left]);
    }
    if is_empty(headers, REQUEST_ID) {
        headers.set(REQUEST_ID, &request_id::generate());
    }
}

impl Forwarding<'_> {
    /// The host as the target is told.
    pub fn named_host(&self) -> &str {
        if self.host.is_empty() { self.target } else { self.host }
    }
}

/// Writes a request's head as the target gets it over HTTP/1.
pub fn write_for_target(incoming: &Fields, about: &Forwarding<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(about.method.as_str().as_bytes());
    to.push(b' ');
    to.extend_from_slice(about.path.as_bytes());
    to.extend_from_slice(b" HTTP/1.1\r\n");
    write_line("Host", about.named_host().as_bytes(), to);
    tell_target(incoming, about, to);
    match about.length {
        BodyLength::None => {}
        BodyLength::Exact(length) => write_length(length, to),
        BodyLength::Chunked => write_line("Transfer-Encoding", b"chunked", to),
    }
    to.extend_from_slice(b"\r\n");
}

/// The headers that the target gets over HTTP/2.
pub fn map_for_target(incoming: &Fields, about: &Forwarding<'_>) -> HeaderMap {
    let mut map = Map::default();
    tell_target(incoming, about, &mut map);
    if let BodyLength::Exact(length) = about.length {
        map.headers.insert(CONTENT_LENGTH, length.into());
    }
    map.headers
}

/// What a target is told whatever version of HTTP it speaks.
fn tell_target(incoming: &Fields, about: &Forwarding<'_>, to: &mut impl Lines) {
    let named = NamedByConnection::of(incoming);
    for (name, value) in incoming.iter() {
        if !is_listed(&HOP_BY_HOP, name) && !is_listed(&OURS, name) && !named.contains(name) {
            to.line(name, value);
        }
    }
    if incoming.has_token("te", "trailers") {
        to.line(b"TE", b"trailers");
    }
    if about.is_upgrade
        && let Some(protocol) = incoming.get("upgrade")
    {
        to.line(b"Connection", b"Upgrade");
        to.line(b"Upgrade", protocol);
    }
    tell_forwarding(incoming, about, to);
}

/// Where header lines go, piece by piece.
trait Lines {
    fn begin(&mut self, name: &[u8]);
    fn add(&mut self, value: &[u8]);
    fn end(&mut self);

    fn line(&mut self, name: &[u8], value: &[u8]) {
        self.begin(name);
        self.add(value);
        self.end();
    }
}

/// The text of an HTTP/1 head.
impl Lines for Vec<u8> {
    fn begin(&mut self, name: &[u8]) {
        self.extend_from_slice(name);
        self.extend_from_slice(b": ");
    }

    fn add(&mut self, value: &[u8]) {
        self.extend_from_slice(value);
    }

    fn end(&mut self) {
        self.extend_from_slice(b"\r\n");
    }
}

/// The headers of an HTTP/2 request.
#[derive(Default)]
struct Map {
    headers: HeaderMap,
    name: Option<HeaderName>,
    value: Vec<u8>,
}

impl Lines for Map {
    fn begin(&mut self, name: &[u8]) {
        self.name = HeaderName::from_bytes(name).ok();
        self.value.clear();
    }

    fn add(&mut self, value: &[u8]) {
        self.value.extend_from_slice(value);
    }

    fn end(&mut self) {
        // Parsed lines are all valid; our own are too.
        if let (Some(name), Ok(value)) = (self.name.take(), HeaderValue::from_bytes(&self.value)) {
            self.headers.append(name, value);
        }
    }
}

/// Takes out of a response what concerns only the connection to the target.
pub fn clean_response(headers: &mut Fields) {
    let named = NamedByConnection::of(headers);
    headers.retain(|name| !is_listed(&HOP_BY_HOP, name) && !named.contains(name));
}

/// Whether a request asks to change the protocol of its connection.
///
/// To HTTP/2 it cannot: whatever a client and a target then said to each other would pass this proxy unseen.
pub fn is_upgrade(headers: &Fields) -> bool {
    headers.contains("upgrade")
        && headers.has_token("connection", "upgrade")
        && !headers.has_token("upgrade", "h2c")
}

/// Whether it asks for a WebSocket.
pub fn is_websocket(headers: &Fields) -> bool {
    is_upgrade(headers) && headers.text("upgrade").eq_ignore_ascii_case("websocket")
}

fn tell_forwarding(incoming: &Fields, about: &Forwarding<'_>, to: &mut impl Lines) {
    tell_chain(incoming, FORWARDED_FOR, about.peer, about, to);
    to.line(FORWARDED_PROTO.as_bytes(), kept(incoming, FORWARDED_PROTO, about.scheme, about));
    to.line(FORWARDED_HOST.as_bytes(), kept(incoming, FORWARDED_HOST, about.host, about));
    tell_chain(incoming, KAMAL_TARGET, about.target, about, to);
}

/// The trusted incoming values, and ours behind them.
fn tell_chain(incoming: &Fields, name: &str, ours: &str, about: &Forwarding<'_>, to: &mut impl Lines) {
    to.begin(name.as_bytes());
    for earlier in incoming.all(name).filter(|_| about.is_trusting) {
        to.add(earlier);
        to.add(b", ");
    }
    to.add(ours.as_bytes());
    to.end();
}

/// The trusted incoming value, else ours.
fn kept<'a>(incoming: &'a Fields, name: &'a str, ours: &'a str, about: &Forwarding<'_>) -> &'a [u8] {
    let theirs = incoming.get(name).filter(|value| about.is_trusting && !value.is_empty());
    theirs.unwrap_or(ours.as_bytes())
}

/// Whether a name is in a list. An underscore counts as a dash: apps that put headers into variables (CGI, Rack, WSGI)
/// cannot tell the two apart, and would take `X_Forwarded_For` or `Content_Length` for the real one.
fn is_listed(list: &[&str], name: &[u8]) -> bool {
    let same = |one: u8, other: u8| {
        let one = if one == b'_' { b'-' } else { one.to_ascii_lowercase() };
        one == other
    };
    let is_same = |listed: &str| name.iter().zip(listed.bytes()).all(|(one, other)| same(*one, other));
    list.iter().any(|listed| listed.len() == name.len() && is_same(listed))
}

/// The header names that a `Connection` header lists, beyond what needs no look: `keep-alive`, `close`.
struct NamedByConnection {
    list: Option<String>,
}

impl NamedByConnection {
    fn of(headers: &Fields) -> Self {
        let mut list = String::new();
        for line in headers.all("connection").filter_map(|line| std::str::from_utf8(line).ok()) {
            if !line.eq_ignore_ascii_case("keep-alive") && !line.eq_ignore_ascii_case("close") {
                list.push_str(line);
                list.push(',');
            }
        }
        Self { list: (!list.is_empty()).then_some(list) }
    }

    fn contains(&self, name: &[u8]) -> bool {
        let is_named =
            |list: &String| list.split(',').any(|token| token.trim().as_bytes().eq_ignore_ascii_case(name));
        self.list.as_ref().is_some_and(is_named)
    }
}

fn is_empty(headers: &Fields, name: &str) -> bool {
    headers.get(name).is_none_or(<[u8]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::head::parse_request;

    fn headers(lines: &[(&str, &str)]) -> Fields {
        let mut headers = Fields::default();
        lines.iter().for_each(|(name, value)| headers.add(name, value.as_bytes()));
        headers
    }

    fn forwarded(lines: &[(&str, &str)], is_trusting: bool, is_upgrade: bool) -> Fields {
        let about = Forwarding {
            method: &Method::POST,
            path: "/x?y",
            length: BodyLength::Exact(3),
            peer: "10.0.0.9",
            scheme: "http",
            host: "a.com:8080",
            target: "app:3000",
            is_trusting,
            is_upgrade,
        };
        let mut text = Vec::new();
        write_for_target(&headers(lines), &about, &mut text);
        let head = parse_request(&text).unwrap();
        assert_eq!((head.method, head.uri.path_and_query()), (Method::POST, "/x?y"));
        assert_eq!(head.headers.all("content-length").collect::<Vec<_>>(), [b"3"]);
        head.headers
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
        assert_eq!(seen.text("x-forwarded-for"), "10.0.0.9");
        assert_eq!(seen.text("x-forwarded-proto"), "http");
        assert_eq!(seen.text("x-forwarded-host"), "a.com:8080");
        assert_eq!(seen.text("x-kamal-target"), "app:3000");
        assert_eq!(seen.text("x-custom"), "kept");
        assert_eq!(seen.text("host"), "a.com:8080");
    }

    #[test]
    fn t_209_t_237_with_trust_incoming_values_are_kept_or_continued() {
        let seen = forwarded(&INCOMING, true, false);
        assert_eq!(seen.text("x-forwarded-for"), "1.1.1.1, 2.2.2.2, 10.0.0.9");
        assert_eq!(seen.text("x-forwarded-proto"), "https");
        assert_eq!(seen.text("x-forwarded-host"), "outer.com");
        assert_eq!(seen.text("x-kamal-target"), "earlier, app:3000");
        let filled = forwarded(&[], true, false);
        assert_eq!(filled.text("x-forwarded-for"), "10.0.0.9");
        assert_eq!(filled.text("x-forwarded-proto"), "http");
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
            assert!(!seen.contains(gone), "{gone}");
        }
        assert_eq!(seen.text("te"), "trailers");
        assert_eq!(seen.text("x-real-ip"), "3.3.3.3");
    }

    #[test]
    fn an_upgrade_keeps_its_headers() {
        let seen = forwarded(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")], false, true);
        assert_eq!(seen.text("connection"), "Upgrade");
        assert_eq!(seen.text("upgrade"), "websocket");
    }

    #[test]
    fn t_341_to_t_344_ids_and_start_times_are_made_once() {
        let mut fresh = headers(&[("x-request-id", "")]);
        stamp(&mut fresh);
        assert_eq!(fresh.text("x-request-id").len(), 36);
        assert!(fresh.text("x-request-start").starts_with("t=1"));
        assert_eq!(fresh.len(), 2);
        let mut brought = headers(&[("x-request-id", "mine"), ("x-request-start", "t=5")]);
        stamp(&mut brought);
        assert_eq!((brought.text("x-request-id"), brought.text("x-request-start")), ("mine", "t=5"));
    }

    #[test]
    fn names_that_an_app_would_confuse_with_ours_are_dropped() {
        let lines = [
            ("X_Forwarded_For", "6.6.6.6"),
            ("Content_Length", "9"),
            ("transfer_encoding", "chunked"),
            ("x_own", "1"),
        ];
        let seen = forwarded(&lines, true, false);
        assert_eq!(seen.text("x-forwarded-for"), "10.0.0.9");
        for gone in ["X_Forwarded_For", "Content_Length", "transfer_encoding"] {
            assert!(!seen.contains(gone), "{gone}");
        }
        assert_eq!(seen.text("x_own"), "1");
    }

    #[test]
    fn http_2_is_nothing_to_upgrade_to() {
        let lines = |protocol| headers(&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", protocol)]);
        assert!(is_upgrade(&lines("websocket")) && is_websocket(&lines("WebSocket")));
        assert!(!is_upgrade(&lines("h2c")) && !is_upgrade(&lines("websocket, H2C")));
    }
}
