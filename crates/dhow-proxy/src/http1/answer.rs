//! Writing answers for HTTP/1 clients.

use hyper::body::Body;
use hyper::{HeaderMap, Method, StatusCode, Version};

use crate::http::fields::Fields;
use crate::http::message::{Answer, RequestHead, ResponseHead};
use crate::http1::output::Coding;

/// What of a request decides how its answer is written.
#[derive(Clone, Copy)]
pub struct Asker {
    is_head: bool,
    speaks_1_1: bool,
    takes_trailers: bool,
    stays: bool,
}

impl Asker {
    /// Of a request.
    pub fn of(head: &RequestHead) -> Self {
        let speaks_1_1 = head.version == Version::HTTP_11;
        let connection = |token| head.headers.has_token("connection", token);
        Self {
            is_head: head.method == Method::HEAD,
            speaks_1_1,
            takes_trailers: speaks_1_1 && head.headers.has_token("te", "trailers"),
            stays: if speaks_1_1 { !connection("close") } else { connection("keep-alive") },
        }
    }

    /// Of something that was no request.
    pub fn unknown() -> Self {
        Self { is_head: false, speaks_1_1: true, takes_trailers: false, stays: false }
    }

    /// The same, who is not to ask again on this connection.
    pub fn leaving(self) -> Self {
        Self { stays: false, ..self }
    }

    /// Whether the client wants the trailers of a body.
    pub fn takes_trailers(self) -> bool {
        self.takes_trailers
    }
}

/// How an answer goes on after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How the body is written; `None` if there is none.
    pub coding: Option<Coding>,
    /// Whether the connection can take another request afterwards.
    pub stays: bool,
}

/// Writes the head of an answer.
pub fn write_head(answer: &Answer, asker: Asker, date: &str, to: &mut Vec<u8>) -> Rest {
    let ResponseHead { status, headers } = &answer.head;
    write_status(*status, to);
    let is_close = headers.has_token("connection", "close");
    let is_bare = asker.is_head || *status == StatusCode::NO_CONTENT || *status == StatusCode::NOT_MODIFIED;
    let keeps_length = is_bare && *status != StatusCode::NO_CONTENT;
    for (name, value) in headers.iter() {
        let is_length = name.eq_ignore_ascii_case(b"content-length");
        let is_framing = (is_length && !keeps_length)
            || name.eq_ignore_ascii_case(b"connection")
            || name.eq_ignore_ascii_case(b"transfer-encoding");
        if !is_framing {
            write_line(name, value, to);
        }
    }
    if !headers.contains("date") {
        write_line("Date", date.as_bytes(), to);
    }
    let length = answer.body.size_hint().exact();
    let coding = match length {
        _ if is_bare => None,
        Some(_) => Some(Coding::Plain),
        None if asker.speaks_1_1 => Some(Coding::Chunked),
        None => Some(Coding::Plain),
    };
    match (coding, length) {
        (Some(Coding::Chunked), _) => write_line("Transfer-Encoding", b"chunked", to),
        (Some(Coding::Plain), Some(length)) => write_length(length, to),
        // A page of ours says how long it would be; of the app's, only the app knows.
        (None, Some(length)) if length > 0 && keeps_length && !headers.contains("content-length") => {
            write_length(length, to);
        }
        _ => {}
    }
    let ends_by_itself = is_bare || length.is_some() || asker.speaks_1_1;
    let stays = asker.stays && !is_close && ends_by_itself;
    match (stays, asker.speaks_1_1) {
        (false, _) => write_line("Connection", b"close", to),
        (true, false) => write_line("Connection", b"keep-alive", to),
        (true, true) => {}
    }
    to.extend_from_slice(b"\r\n");
    Rest { coding, stays }
}

/// Writes the end of a chunked body.
pub fn write_end(trailers: Option<&HeaderMap>, to: &mut Vec<u8>) {
    to.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        write_line(name.as_str(), value.as_bytes(), to);
    }
    to.extend_from_slice(b"\r\n");
}

/// Writes an interim response, or the one that changes the protocol: a head and nothing else.
pub fn write_interim(head: &ResponseHead, to: &mut Vec<u8>) {
    write_status(head.status, to);
    write_lines(&head.headers, to);
    to.extend_from_slice(b"\r\n");
}

/// Writes header lines as they are.
pub fn write_lines(headers: &Fields, to: &mut Vec<u8>) {
    headers.iter().for_each(|(name, value)| write_line(name, value, to));
}

/// Writes one header line.
pub fn write_line(name: impl AsRef<[u8]>, value: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(name.as_ref());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value);
    to.extend_from_slice(b"\r\n");
}

/// Writes `Content-Length`.
pub fn write_length(length: u64, to: &mut Vec<u8>) {
    to.extend_from_slice(b"Content-Length: ");
    write_number(length, to);
    to.extend_from_slice(b"\r\n");
}

fn write_status(status: StatusCode, to: &mut Vec<u8>) {
    if status == StatusCode::OK {
        return to.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    to.extend_from_slice(b"HTTP/1.1 ");
    to.extend_from_slice(status.as_str().as_bytes());
    to.push(b' ');
    to.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    to.extend_from_slice(b"\r\n");
}

fn write_number(mut number: u64, to: &mut Vec<u8>) {
    let start = to.len();
    loop {
        to.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            return to[start..].reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::message::RequestTarget;

    fn asker(method: Method, version: Version, lines: &[(&str, &str)]) -> Asker {
        let mut headers = Fields::default();
        lines.iter().for_each(|(name, value)| headers.add(name, value.as_bytes()));
        let uri = RequestTarget::parse("/", &method).unwrap();
        Asker::of(&RequestHead { method, uri, version, headers })
    }

    fn written(answer: &Answer, asker: Asker) -> (String, Rest) {
        let mut text = Vec::new();
        let rest = write_head(answer, asker, "today", &mut text);
        (String::from_utf8(text).unwrap(), rest)
    }

    #[test]
    fn an_answer_says_once_how_long_it_is() {
        let page =
            || Answer::new(StatusCode::NOT_FOUND, Bytes::from_static(b"none")).with("content-length", "9");
        let get = asker(Method::GET, Version::HTTP_11, &[]);
        let (text, rest) = written(&page(), get);
        assert_eq!(text, "HTTP/1.1 404 Not Found\r\nDate: today\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(rest, Rest { coding: Some(Coding::Plain), stays: true });
        let (text, rest) = written(&page(), asker(Method::HEAD, Version::HTTP_11, &[]));
        assert!(text.contains("\r\ncontent-length: 9\r\n") && rest.coding.is_none());
    }

    #[test]
    fn connections_end_when_either_side_wants_it() {
        let answer = || Answer::new(StatusCode::OK, Bytes::new());
        for (version, line, stays) in [
            (Version::HTTP_11, "", true),
            (Version::HTTP_11, "close", false),
            (Version::HTTP_10, "", false),
            (Version::HTTP_10, "keep-alive", true),
        ] {
            let asker = asker(Method::GET, version, &[("connection", line)]);
            assert_eq!(written(&answer(), asker).1.stays, stays, "{version:?} {line}");
        }
        let (text, rest) =
            written(&answer().with("Connection", "close"), asker(Method::GET, Version::HTTP_11, &[]));
        assert!(text.contains("\r\nConnection: close\r\n") && !rest.stays);
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            let mut text = Vec::new();
            write_number(number, &mut text);
            assert_eq!(text, number.to_string().as_bytes());
        }
    }
}
