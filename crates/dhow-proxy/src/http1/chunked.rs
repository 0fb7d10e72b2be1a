//! Chunked bodies (RFC 9112, section 7.1), read strictly: a size is hexadecimal digits, every line ends in CR LF.

use bytes::{Buf, BytesMut};
use hyper::HeaderMap;

use crate::http::trailers;
use crate::http1::framing::{FramingError, Piece};
use crate::http1::head::{self, Scanner};

/// Bytes of the line before a chunk: its size, and extensions, which nobody uses.
const MAX_SIZE_LINE: usize = 256;

/// Bytes of all extensions in a body.
const MAX_EXTENSIONS: usize = 8 * 1024;

/// Bytes of the lines after the last chunk.
const MAX_TRAILERS: usize = 16 * 1024;

/// A chunked body that is being read.
#[derive(Default)]
pub struct Chunked {
    state: State,
    extensions: usize,
    trailers: Scanner,
}

#[derive(Default)]
enum State {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

impl Chunked {
    /// Takes the next piece out of what was read.
    pub fn take(&mut self, input: &mut BytesMut) -> Result<Piece, FramingError> {
        loop {
            let is_enough = match self.state {
                State::Size => self.take_size(input)?,
                State::Data(left) => {
                    if input.is_empty() {
                        return Ok(Piece::Wanted);
                    }
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let left = left - length as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Piece::Data(input.split_to(length).freeze()));
                }
                State::DataEnd => self.take_data_end(input)?,
                State::Trailers => return self.take_trailers(input),
            };
            if !is_enough {
                return Ok(Piece::Wanted);
            }
        }
    }

    fn take_size(&mut self, input: &mut BytesMut) -> Result<bool, FramingError> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            // One byte more: a carriage return may be the last of them.
            return match input.len() > MAX_SIZE_LINE + 1 {
                true => Err(FramingError("chunk size line too long")),
                false => check_begun(input).map(|()| false),
            };
        };
        let line = input[..end]
            .strip_suffix(b"\r")
            .ok_or(FramingError("chunk size line without carriage return"))?;
        if line.len() > MAX_SIZE_LINE {
            return Err(FramingError("chunk size line too long"));
        }
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = size(&line[..digits])?;
        let extensions = &line[digits..];
        self.extensions += extensions.len();
        if !is_extensions(extensions) || self.extensions > MAX_EXTENSIONS {
            return Err(FramingError("invalid chunk extension"));
        }
        input.advance(end + 1);
        self.state = if size == 0 { State::Trailers } else { State::Data(size) };
        Ok(true)
    }

    fn take_data_end(&mut self, input: &mut BytesMut) -> Result<bool, FramingError> {
        match &input[..] {
            [b'\r', b'\n', ..] => {
                input.advance(2);
                self.state = State::Size;
                Ok(true)
            }
            [] | [b'\r'] => Ok(false),
            _ => Err(FramingError("chunk longer than its size")),
        }
    }

    fn take_trailers(&mut self, input: &mut BytesMut) -> Result<Piece, FramingError> {
        let end = self.trailers.find_end(input).map_err(|error| FramingError(error.text()))?;
        if end.unwrap_or(input.len()) > MAX_TRAILERS {
            return Err(FramingError("trailers too large"));
        }
        let Some(end) = end else { return Ok(Piece::Wanted) };
        if end == 2 {
            input.advance(2);
            return Ok(Piece::End);
        }
        let lines = head::parse_lines(&input.split_to(end)).map_err(|error| FramingError(error.text()))?;
        Ok(Piece::Trailers(trailers::allowed(HeaderMap::from(&lines))))
    }
}

/// What has come of a size line so far may be all that comes for long: garbage is refused at once.
fn check_begun(line: &[u8]) -> Result<(), FramingError> {
    match line.iter().find(|byte| !byte.is_ascii_hexdigit()) {
        None | Some(b';' | b'\r') => Ok(()),
        Some(_) => Err(FramingError("invalid chunk size")),
    }
}

/// At most 15 digits: what is longer is no size but an attempt at an overflow.
fn size(digits: &[u8]) -> Result<u64, FramingError> {
    if digits.is_empty() || digits.len() > 15 {
        return Err(FramingError("invalid chunk size"));
    }
    let value = |digit: &u8| u64::from(char::from(*digit).to_digit(16).unwrap_or_default());
    Ok(digits.iter().fold(0, |size, digit| size << 4 | value(digit)))
}

/// Nothing, or what begins with a semicolon and is visible text: a blank after the size is refused.
fn is_extensions(text: &[u8]) -> bool {
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    text.is_empty() || (text[0] == b';' && text.iter().all(is_text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body and its trailers, fed so many bytes at a time; what is left over.
    fn read(text: &[u8], step: usize) -> Result<(Vec<u8>, HeaderMap, usize), FramingError> {
        let (mut chunked, mut input) = (Chunked::default(), BytesMut::new());
        let mut body = Vec::new();
        let mut fed = 0;
        loop {
            match chunked.take(&mut input)? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::Trailers(trailers) => return Ok((body, trailers, input.len() + text.len() - fed)),
                Piece::End => return Ok((body, HeaderMap::new(), input.len() + text.len() - fed)),
                Piece::Wanted if fed == text.len() => return Err(FramingError("cut")),
                Piece::Wanted => {
                    let end = (fed + step).min(text.len());
                    input.extend_from_slice(&text[fed..end]);
                    fed = end;
                }
            }
        }
    }

    #[test]
    fn chunks_are_joined_however_they_come_in() {
        let text = b"5\r\nhello\r\n00A;x=\"y\"\r\n, world 10\r\n0\r\nX-Sum: 1\r\nHost: evil\r\nX-Forwarded-For: 1\r\n\r\nNEXT";
        for step in [1, 2, 3, 5, 8, 13, 1000] {
            let (body, trailers, left) = read(text, step).unwrap();
            assert_eq!((body.as_slice(), left), (&b"hello, world 10"[..], 4), "{step}");
            assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &"1".parse().unwrap()));
        }
    }

    #[test]
    fn what_another_could_read_differently_is_refused() {
        for bad in [
            "",
            " 1\r\na\r\n0\r\n\r\n",
            "1 \r\na\r\n0\r\n\r\n",
            "+1\r\na\r\n0\r\n\r\n",
            "-1\r\na\r\n0\r\n\r\n",
            "0x1\r\na\r\n0\r\n\r\n",
            "1\na\r\n0\r\n\r\n",
            "1\r\na\n0\r\n\r\n",
            "1\r\nab\r\n0\r\n\r\n",
            "1\r\na0\r\n\r\n",
            "g\r\n",
            ";x\r\n",
            "1;\x01\r\na\r\n0\r\n\r\n",
            "1 ;x\r\na\r\n0\r\n\r\n",
            "1;a\nb\r\na\r\n0\r\n\r\n",
            "10000000000000001\r\na\r\n0\r\n\r\n",
            "0\r\n\n",
            "0\r\nA : b\r\n\r\n",
            "0\r\n A: b\r\n\r\n",
            "0\r\nA\r\n\r\n",
            "1,1\r\na\r\n0\r\n\r\n",
            "1_0\r\n",
            "1\r\r\na\r\n0\r\n\r\n",
        ] {
            for step in [1, 1000] {
                assert!(read(bad.as_bytes(), step).is_err(), "{bad:?}");
            }
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(MAX_SIZE_LINE));
        let many = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(50));
        let trailers = format!("0\r\nA: {}\r\n\r\n", "x".repeat(MAX_TRAILERS));
        for bad in [long, many, trailers] {
            assert!(read(bad.as_bytes(), 1000).is_err());
        }
    }

    #[test]
    fn garbage_is_refused_before_its_line_ends() {
        let mut input = BytesMut::from(&b"nonsense"[..]);
        assert!(Chunked::default().take(&mut input).is_err());
    }
}
