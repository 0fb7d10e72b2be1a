//! One HTTP/1.1 request on a connection of its own: enough to judge whether a server answered, and honestly.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// What is asked for, with GET.
#[derive(Debug, Clone)]
pub struct Request {
    /// `http://HOST[:PORT]/PATH`.
    pub url: String,
    /// `NAME=VALUE`.
    pub cookie: Option<String>,
}

impl<Url: Into<String>> From<Url> for Request {
    fn from(url: Url) -> Request {
        Request { url: url.into(), cookie: None }
    }
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code, 200 for example.
    pub status: u16,
    /// The body, as long as `Content-Length` promised.
    pub body: String,
}

/// Why there is no [`Response`].
#[derive(Debug)]
pub enum HttpError {
    /// No connection to the server.
    Connect(io::Error),
    /// The connection broke, or was silent for too long.
    Broken(io::Error),
    /// The server closed before the answer was complete, or what it sent is not HTTP.
    Incomplete,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Connect(error) => write!(f, "cannot connect: {}", error.kind()),
            HttpError::Broken(error) => write!(f, "connection broke: {}", error.kind()),
            HttpError::Incomplete => write!(f, "incomplete answer"),
        }
    }
}

impl std::error::Error for HttpError {}

/// Asks, and waits `limit` at most, all in all.
pub fn get(request: impl Into<Request>, limit: Duration) -> Result<Response, HttpError> {
    let deadline = Instant::now() + limit;
    let Request { url, cookie } = request.into();
    let (authority, path) = split(&url);
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    let mut stream = connect(authority, limit).map_err(HttpError::Connect)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n{cookie}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(HttpError::Broken)?;
    read(&mut stream, deadline).map_err(HttpError::Broken)?.ok_or(HttpError::Incomplete)
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let slash = rest.find('/').unwrap_or(rest.len());
    let path = &rest[slash..];
    (&rest[..slash], if path.is_empty() { "/" } else { path })
}

fn connect(authority: &str, limit: Duration) -> io::Result<TcpStream> {
    let with_port = if authority.contains(':') { authority.to_string() } else { format!("{authority}:80") };
    let address = with_port.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// `None` if the server closed before its answer was complete.
fn read(stream: &mut TcpStream, deadline: Instant) -> io::Result<Option<Response>> {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let left = deadline.checked_duration_since(Instant::now()).ok_or(io::ErrorKind::TimedOut)?;
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let length = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..length]);
        let response = parse(&answer);
        if length == 0 || response.is_some() {
            return Ok(response);
        }
    }
}

/// `None` for an answer cut short: a body shorter than promised must never count as served.
fn parse(answer: &[u8]) -> Option<Response> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let promised: usize = header(head, "content-length")?.parse().ok()?;
    (body.len() == promised).then(|| Response { status, body: body.to_string() })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_answer_is_a_response() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(parse(answer), Some(Response { status: 200, body: "ok".into() }));
    }

    #[test]
    fn short_body_is_no_response() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Le"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn url_falls_into_authority_and_path() {
        assert_eq!(split("http://10.0.0.1:81/slow?3"), ("10.0.0.1:81", "/slow?3"));
        assert_eq!(split("10.0.0.1"), ("10.0.0.1", "/"));
    }
}
