//! Requests and answers as the request path sees them, whichever version of HTTP the client speaks.

use std::fmt;

use hyper::{Method, StatusCode, Uri, Version};

use crate::http::body::ResponseBody;
use crate::http::fields::Fields;

/// The head of a request.
#[derive(Debug)]
pub struct RequestHead {
    /// As received.
    pub method: Method,
    /// What is asked for.
    pub uri: RequestTarget,
    /// Of the client's connection.
    pub version: Version,
    /// As received.
    pub headers: Fields,
}

/// The head of a response.
#[derive(Debug)]
pub struct ResponseHead {
    /// Three digits.
    pub status: StatusCode,
    /// As received, or ours.
    pub headers: Fields,
}

/// What a client gets.
pub struct Answer {
    /// Status and headers.
    pub head: ResponseHead,
    /// What follows.
    pub body: ResponseBody,
}

impl Answer {
    /// An answer without headers.
    pub fn new(status: StatusCode, body: impl Into<ResponseBody>) -> Self {
        Self { head: ResponseHead { status, headers: Fields::default() }, body: body.into() }
    }

    /// The same with one header more.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.head.headers.add(name, value.as_bytes());
        self
    }
}

/// What a request asks for: a path, perhaps a query, perhaps the host (RFC 9112, section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    authority: Option<String>,
    text: String,
    path_length: usize,
}

/// A request target that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTarget;

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid request target")
    }
}

impl RequestTarget {
    /// Reads the target of an HTTP/1 request: a path, a whole URL, or the `*` of `OPTIONS`.
    ///
    /// A fragment never belongs here (RFC 9110, section 7.1), and peers disagree on what it would mean: refused.
    pub fn parse(text: &str, method: &Method) -> Result<Self, BadTarget> {
        let is_visible = |byte: u8| byte > b' ' && byte != 0x7f && byte != b'#';
        if !text.bytes().all(is_visible) {
            return Err(BadTarget);
        }
        if text.starts_with('/') || (text == "*" && *method == Method::OPTIONS) {
            return Ok(Self::of(None, text.to_owned()));
        }
        let (scheme, rest) = text.split_once("://").ok_or(BadTarget)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(BadTarget);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || !is_host(authority.as_bytes()) {
            return Err(BadTarget);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self::of(Some(authority.to_owned()), format!("{slash}{path}")))
    }

    fn of(authority: Option<String>, text: String) -> Self {
        let path_length = text.find('?').unwrap_or(text.len());
        Self { authority, text, path_length }
    }

    /// The host that the target names, port included.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The path as it was sent.
    pub fn path(&self) -> &str {
        &self.text[..self.path_length]
    }

    /// What follows the question mark, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_length + 1..)
    }

    /// Path and query as they were sent.
    pub fn path_and_query(&self) -> &str {
        &self.text
    }
}

impl From<&Uri> for RequestTarget {
    fn from(uri: &Uri) -> Self {
        let text = uri.path_and_query().map_or("/", |path| path.as_str());
        Self::of(uri.authority().map(|authority| authority.as_str().to_owned()), text.to_owned())
    }
}

/// Whether this is a host, perhaps with a port (RFC 9110, section 7.2): a name, or an IPv6 address in brackets.
///
/// Stricter than the RFC in what a name is made of: no comma, which others take for a list, and no `@`.
pub fn is_host(text: &[u8]) -> bool {
    let (name, port) = match text.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|byte| *byte == b']') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => return false,
        },
        None => text.split_at(text.iter().position(|byte| *byte == b':').unwrap_or(text.len())),
    };
    let is_literal = text.starts_with(b"[");
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte);
    let in_address = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
    let name_is_good = match is_literal {
        true => !name.is_empty() && name.iter().all(in_address),
        false => name.iter().all(in_name) && (!name.is_empty() || port.is_empty()),
    };
    name_is_good && is_port(port)
}

fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_paths_urls_or_the_asterisk_of_options() {
        let parse = |text| RequestTarget::parse(text, &Method::GET);
        let plain = parse("/a%2Fb?x=1?y").unwrap();
        assert_eq!(
            (plain.path(), plain.query(), plain.path_and_query()),
            ("/a%2Fb", Some("x=1?y"), "/a%2Fb?x=1?y")
        );
        let whole = parse("HTTP://b.com:80?x").unwrap();
        assert_eq!((whole.authority(), whole.path(), whole.path_and_query()), (Some("b.com:80"), "/", "/?x"));
        for bad in ["", "a", "*", "/a#b", "ftp://a/", "http:///x", "http://u@a/", "http://a b/", "//"] {
            assert_eq!(parse(bad).is_ok(), bad == "//", "{bad}");
        }
        assert_eq!(RequestTarget::parse("*", &Method::OPTIONS).unwrap().path(), "*");
    }

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for good in ["", "a.com", "a.com:8080", "a:", "_x-y.z", "127.0.0.1:1", "[::1]", "[::1]:80", "x%20y"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in
            ["a b", "a,b", "u@a", "a/b", "a:b", "a:123456", "[::1", "[]", "[::1]x", ":80", "a:1:2", "\u{e9}"]
        {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
