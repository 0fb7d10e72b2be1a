//! Heads: where they end, and what they say. Strict, because what two parsers read differently lets one request hide
//! in another (RFC 9112, sections 2 to 5 and 11).

use std::mem::MaybeUninit;
use std::str;

use httparse::{Header, ParserConfig, Status};
use hyper::{Method, StatusCode, Version};

use crate::http::fields::Fields;
use crate::http::message::{RequestHead, RequestTarget, ResponseHead};

/// Bytes of a head, of requests and responses.
pub const MAX_HEAD: usize = 256 * 1024;

/// Lines of a head.
pub const MAX_LINES: usize = 256;

/// What is wrong with a head; the text is for the peer or the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// Something that is no HTTP/1, or could be read in two ways.
    Bad(&'static str),
    /// More than [`MAX_HEAD`] bytes or [`MAX_LINES`] lines.
    TooLarge,
    /// Another version of HTTP.
    Version,
}

impl HeadError {
    /// What is wrong, in words.
    pub fn text(self) -> &'static str {
        match self {
            HeadError::Bad(text) => text,
            HeadError::TooLarge => "header too large",
            HeadError::Version => "unsupported version of HTTP",
        }
    }
}

/// Finds the end of a head as its bytes come in; each byte is looked at once.
#[derive(Default)]
pub struct Scanner {
    seen: usize,
}

impl Scanner {
    /// The length of the head at the start of `input`, its empty line included; `None` if more has to come.
    ///
    /// Every line has to end in CR LF: the RFC lets a receiver take a lone LF, but then one that does not sees one
    /// line where we see two. Empty lines before the first are not counted here: see [`leading_lines`].
    pub fn find_end(&mut self, input: &[u8]) -> Result<Option<usize>, HeadError> {
        let start = self.seen;
        for found in memchr::memchr_iter(b'\n', &input[start..]) {
            let at = start + found;
            if at == 0 || input[at - 1] != b'\r' {
                return Err(HeadError::Bad("line without carriage return"));
            }
            if input[..at].ends_with(b"\r\n\r") || at == 1 {
                self.seen = 0;
                return if at < MAX_HEAD { Ok(Some(at + 1)) } else { Err(HeadError::TooLarge) };
            }
        }
        self.seen = input.len();
        if input.len() > MAX_HEAD { Err(HeadError::TooLarge) } else { Ok(None) }
    }
}

/// Bytes of the empty lines before a request, which old clients send after a body (RFC 9112, section 2.2).
pub fn leading_lines(input: &[u8]) -> usize {
    if input.starts_with(b"\r\n") { 2 } else { 0 }
}

/// Reads the head of a request, which has to be whole.
pub fn parse_request(head: &[u8]) -> Result<RequestHead, HeadError> {
    let mut lines = [const { MaybeUninit::uninit() }; MAX_LINES];
    let mut parsed = httparse::Request::new(&mut []);
    match ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, head, &mut lines) {
        Ok(Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(HeadError::Bad("malformed request")),
        Err(httparse::Error::Version) if names_version(head) => return Err(HeadError::Version),
        Err(error) => return Err(told(error)),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(HeadError::Bad("malformed request line"));
    };
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| HeadError::Bad("malformed request line"))?;
    let uri = if method == Method::CONNECT { "/" } else { target };
    let uri = RequestTarget::parse(uri, &method).map_err(|_| HeadError::Bad("invalid request target"))?;
    let version = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let headers = fields(parsed.headers, head.len())?;
    Ok(RequestHead { method, uri, version, headers })
}

/// Reads the head of a response, which has to be whole.
pub fn parse_response(head: &[u8]) -> Result<(Version, ResponseHead), HeadError> {
    let mut lines = [const { MaybeUninit::uninit() }; MAX_LINES];
    let mut parsed = httparse::Response::new(&mut []);
    match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, head, &mut lines) {
        Ok(Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(HeadError::Bad("malformed response")),
        Err(error) => return Err(told(error)),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let (Some(version), Some(status)) = (parsed.version, status) else {
        return Err(HeadError::Bad("malformed status line"));
    };
    let version = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    Ok((version, ResponseHead { status, headers: fields(parsed.headers, head.len())? }))
}

/// Reads lines up to an empty one: the trailers of a chunked body.
pub fn parse_lines(block: &[u8]) -> Result<Fields, HeadError> {
    let mut lines = [httparse::EMPTY_HEADER; 64];
    match httparse::parse_headers(block, &mut lines) {
        Ok(Status::Complete((length, lines))) if length == block.len() => fields(lines, block.len()),
        Ok(_) => Err(HeadError::Bad("malformed trailers")),
        Err(error) => Err(told(error)),
    }
}

fn fields(lines: &[Header<'_>], bytes: usize) -> Result<Fields, HeadError> {
    let mut fields = Fields::with_capacity(lines.len() + 4, bytes + 128);
    for line in lines {
        if line.name.is_empty() {
            return Err(HeadError::Bad("header without a name"));
        }
        fields.add(line.name, line.value.trim_ascii_end());
    }
    Ok(fields)
}

/// Whether the first line ends as one of another version of HTTP would.
fn names_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    matches!(words[..], [_, _, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']])
}

fn told(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::HeaderName => HeadError::Bad("malformed header name"),
        httparse::Error::HeaderValue => HeadError::Bad("malformed header value"),
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        httparse::Error::Version => HeadError::Bad("malformed version of HTTP"),
        httparse::Error::NewLine => HeadError::Bad("malformed line end"),
        _ => HeadError::Bad("malformed request line"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &[u8]) -> Result<RequestHead, HeadError> {
        let end = Scanner::default().find_end(text)?.expect("a whole head");
        parse_request(&text[..end])
    }

    fn refusal(lines: &str) -> Option<&'static str> {
        let text = format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n");
        whole(text.as_bytes()).err().map(HeadError::text)
    }

    #[test]
    fn a_head_ends_at_its_empty_line_however_it_comes_in() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\n";
        for step in [1, 2, 3, 7, 100] {
            let mut scanner = Scanner::default();
            let ends = (1..=text.len()).step_by(step).chain([text.len()]);
            let found = ends.map(|end| scanner.find_end(&text[..end]).unwrap()).find(Option::is_some);
            assert_eq!(found, Some(Some(27)), "{step} bytes at a time");
        }
    }

    #[test]
    fn lines_end_in_carriage_return_and_line_feed() {
        for text in ["\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\nC: d\r\n"] {
            assert!(Scanner::default().find_end(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(refusal("A: b\rC: d").is_some());
        assert!(refusal("A: b\r\r\nC: d").is_some());
    }

    #[test]
    fn heads_are_read_as_they_are() {
        let head =
            whole(b"PURGE /x?y HTTP/1.0\r\nHost: a.com\r\nX-Odd:  \tv w \t\r\nEmpty:\r\n\r\n").unwrap();
        assert_eq!((head.method.as_str(), head.uri.path(), head.version), ("PURGE", "/x", Version::HTTP_10));
        let lines: Vec<_> = head.headers.iter().collect();
        assert_eq!(lines, [(&b"Host"[..], &b"a.com"[..]), (b"X-Odd", b"v w"), (b"Empty", b"")]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for bad in [
            "Name : v",
            " Folded: v",
            "A: b\r\n c",
            "A: b\r\n\tc",
            ": v",
            "No colon",
            "A\tb: c",
            "A: \0",
            "A: \x7f",
            "A: b\x0bc",
            "A(: b",
        ] {
            assert!(refusal(bad).is_some(), "{bad:?}");
        }
        assert_eq!(refusal("Host: a\r\nX: \u{e9}"), None);
        for line in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET /\tHTTP/1.1",
            "GET / http/1.1",
            "GET /",
        ] {
            assert!(whole(format!("{line}\r\n\r\n").as_bytes()).is_err(), "{line:?}");
        }
        assert_eq!(whole(b"GET / HTTP/2.0\r\n\r\n").unwrap_err(), HeadError::Version);
    }

    #[test]
    fn heads_are_bounded() {
        let lines = "A: b\r\n".repeat(MAX_LINES);
        assert!(refusal(lines.trim_end()).is_none());
        assert_eq!(refusal(&format!("{lines}A: b")), Some("header too large"));
        assert_eq!(Scanner::default().find_end(&[b'x'; MAX_HEAD + 1]), Err(HeadError::TooLarge));
    }

    #[test]
    fn responses_are_read_as_strictly() {
        let parse = |text: &str| parse_response(text.as_bytes());
        let (version, head) = parse("HTTP/1.1 404 Not Here\r\nA: b\r\n\r\n").unwrap();
        assert_eq!((version, head.status.as_u16(), head.headers.text("a")), (Version::HTTP_11, 404, "b"));
        assert!(parse("HTTP/1.1 200\r\n\r\n").is_ok());
        for bad in [
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
