//! How long a body is: what a head says about it, and finding its end (RFC 9112, section 6).

use bytes::{Bytes, BytesMut};
use hyper::{HeaderMap, Method, StatusCode, Version};

use crate::http::fields::Fields;
use crate::http1::chunked::Chunked;

/// Where a body that is read ends.
pub enum Framing {
    /// After so many bytes more.
    Length(u64),
    /// Where its chunks say.
    Chunked(Chunked),
    /// Where the connection ends (responses only).
    UntilClose,
    /// Here.
    Ended,
}

/// A piece of a body.
#[derive(Debug)]
pub enum Piece {
    /// Some of it.
    Data(Bytes),
    /// Lines after it.
    Trailers(HeaderMap),
    /// The end.
    End,
    /// More has to be read first.
    Wanted,
}

/// What is wrong with a body, or what a head says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramingError(pub &'static str);

/// Of a request's body. Anything but one length or one `chunked` is refused.
pub fn of_request(version: Version, headers: &Fields) -> Result<Framing, FramingError> {
    match (declared(version, headers)?, is_chunked(headers)?) {
        (None, true) => Ok(Framing::Chunked(Chunked::default())),
        (None | Some(0), false) => Ok(Framing::Ended),
        (Some(length), false) => Ok(Framing::Length(length)),
        (Some(_), true) => Err(FramingError("Content-Length beside Transfer-Encoding")),
    }
}

/// Of the body of a response to this method.
pub fn of_response(
    version: Version,
    status: StatusCode,
    headers: &Fields,
    method: &Method,
) -> Result<Framing, FramingError> {
    let (length, is_chunked) = (declared(version, headers)?, is_chunked(headers)?);
    if length.is_some() && is_chunked {
        return Err(FramingError("Content-Length beside Transfer-Encoding"));
    }
    let is_bare = *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    Ok(match length {
        _ if is_bare => Framing::Ended,
        _ if is_chunked => Framing::Chunked(Chunked::default()),
        Some(0) => Framing::Ended,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    })
}

fn declared(version: Version, headers: &Fields) -> Result<Option<u64>, FramingError> {
    if version == Version::HTTP_10 && headers.contains("transfer-encoding") {
        return Err(FramingError("Transfer-Encoding in HTTP/1.0"));
    }
    let mut lines = headers.all("content-length");
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(FramingError("several Content-Length headers")),
        (Some(text), None) => digits(text).map(Some).ok_or(FramingError("invalid Content-Length")),
    }
}

/// Digits and nothing else: no sign, blank or list, and no more than any body could need.
fn digits(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

fn is_chunked(headers: &Fields) -> Result<bool, FramingError> {
    let mut lines = headers.all("transfer-encoding");
    match (lines.next(), lines.next()) {
        (None, _) => Ok(false),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => Err(FramingError("Transfer-Encoding other than chunked")),
    }
}

impl Framing {
    /// Takes the next piece out of what was read.
    pub fn take(&mut self, input: &mut BytesMut) -> Result<Piece, FramingError> {
        match self {
            Framing::Ended => Ok(Piece::End),
            Framing::Chunked(chunked) => {
                let piece = chunked.take(input)?;
                if let Piece::End | Piece::Trailers(_) = piece {
                    *self = Framing::Ended;
                }
                Ok(piece)
            }
            _ if input.is_empty() => Ok(Piece::Wanted),
            Framing::UntilClose => Ok(Piece::Data(input.split().freeze())),
            Framing::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= length as u64;
                if *left == 0 {
                    *self = Framing::Ended;
                }
                Ok(Piece::Data(input.split_to(length).freeze()))
            }
        }
    }

    /// Whether the whole body was taken.
    pub fn is_ended(&self) -> bool {
        matches!(self, Framing::Ended)
    }

    /// The bytes that are left, where that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Framing::Length(left) => Some(*left),
            Framing::Ended => Some(0),
            Framing::Chunked(_) | Framing::UntilClose => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.add(name, value.as_bytes()));
        fields
    }

    fn request(lines: &[(&str, &str)]) -> Result<Option<u64>, FramingError> {
        of_request(Version::HTTP_11, &fields(lines)).map(|framing| framing.length())
    }

    #[test]
    fn a_request_says_one_thing_about_its_length() {
        assert_eq!(request(&[]), Ok(Some(0)));
        assert_eq!(request(&[("Content-Length", "12")]), Ok(Some(12)));
        assert_eq!(request(&[("Transfer-Encoding", "CHUNKED")]), Ok(None));
        for length in
            ["", "+1", "-1", "1 2", "1,1", "0x1", "1.0", "1e1", "\u{664}", "9999999999999999999", "a"]
        {
            assert!(request(&[("Content-Length", length)]).is_err(), "{length}");
        }
        for coding in
            ["gzip", "gzip, chunked", "chunked, chunked", "chunked;a", "xchunked", "identity", "", ","]
        {
            assert!(request(&[("Transfer-Encoding", coding)]).is_err(), "{coding}");
        }
        for lines in [
            [("Content-Length", "1"), ("Content-Length", "1")],
            [("Content-Length", "1"), ("Transfer-Encoding", "chunked")],
            [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
        ] {
            assert!(request(&lines).is_err(), "{lines:?}");
        }
        assert!(of_request(Version::HTTP_10, &fields(&[("Transfer-Encoding", "chunked")])).is_err());
    }

    #[test]
    fn some_responses_have_no_body_whatever_they_say() {
        let length = |status: u16, method: Method, lines| {
            let status = StatusCode::from_u16(status).unwrap();
            of_response(Version::HTTP_11, status, &fields(lines), &method).map(|framing| framing.length())
        };
        let ten: &[_] = &[("content-length", "10")];
        assert_eq!(length(200, Method::GET, ten), Ok(Some(10)));
        assert_eq!(length(200, Method::HEAD, ten), Ok(Some(0)));
        assert_eq!(length(304, Method::GET, ten), Ok(Some(0)));
        assert_eq!(length(204, Method::GET, &[]), Ok(Some(0)));
        assert_eq!(length(200, Method::GET, &[]), Ok(None));
        assert!(
            length(200, Method::GET, &[("content-length", "1"), ("transfer-encoding", "chunked")]).is_err()
        );
    }

    #[test]
    fn a_body_of_known_length_ends_there() {
        let mut input = BytesMut::from(&b"abcdeNEXT"[..]);
        let mut framing = Framing::Length(5);
        assert!(matches!(framing.take(&mut input), Ok(Piece::Data(data)) if data == "abcde"));
        assert!(framing.is_ended());
        assert_eq!(&input[..], b"NEXT");
    }
}
