//! The PROXY protocol, versions 1 and 2, as load balancers speak it (haproxy's `proxy-protocol.txt`): a few bytes ahead of the
//! client's own say who the client is.
//!
//! They are read from senders on a list, who have to send them; from nobody else, as anybody could claim anything.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// What a header of version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, its end included.
const MAX_LINE: usize = 107;

/// As much as addresses and a few extensions need; a header may be far longer, and none is.
const MAX_REST: usize = 4096;

/// Why a connection does not begin as it has to.
#[derive(Debug)]
pub enum HeaderError {
    /// It is something else, or broken.
    Bad(&'static str),
    /// It ended too early.
    Lost(io::Error),
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::Bad(what) => f.write_str(what),
            HeaderError::Lost(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for HeaderError {
    fn from(error: io::Error) -> Self {
        HeaderError::Lost(error)
    }
}

/// Reads the header, and not a byte more. `None` where the sender speaks for itself, as in its own health checks.
///
/// Safe to be given up at any time; the connection is then of no use.
pub async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, HeaderError> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start != SIGNATURE {
        return read_line(stream, &start).await;
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if length > MAX_REST {
        return Err(HeaderError::Bad("its header is too long"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    parse_binary(head[0], head[1], &rest)
}

/// Takes in a line that began so: what is there is looked at first, and taken only as far as the line goes.
async fn read_line(stream: &mut TcpStream, start: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let mut line = Vec::with_capacity(MAX_LINE);
    line.extend_from_slice(start);
    if !line.starts_with(b"PROXY ") {
        return Err(HeaderError::Bad("no PROXY header"));
    }
    let mut ahead = [0; MAX_LINE];
    while !line.ends_with(b"\r\n") {
        let room = MAX_LINE - line.len();
        let seen = stream.peek(&mut ahead[..room]).await?;
        if seen == 0 {
            return Err(HeaderError::Bad(match room {
                0 => "its header is too long",
                _ => "it ended within its header",
            }));
        }
        let end = ahead[..seen].iter().position(|byte| *byte == b'\n').map_or(seen, |at| at + 1);
        stream.read_exact(&mut ahead[..end]).await?;
        line.extend_from_slice(&ahead[..end]);
        if line.ends_with(b"\n") {
            break;
        }
    }
    parse_line(&line)
}

/// Reads a line of version 1, its end included.
pub fn parse_line(line: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let bad = || HeaderError::Bad("a malformed PROXY header");
    let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok()).ok_or_else(bad)?;
    let words: Vec<_> = text.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, port, to_port] => {
            let address =
                |text: &str| text.parse::<IpAddr>().ok().filter(|ip| ip.is_ipv4() == (family == "TCP4"));
            let is_whole = address(destination).is_some() && to_port.parse::<u16>().is_ok();
            let source = address(source).zip(port.parse().ok()).filter(|_| is_whole);
            source.map(|(ip, port)| Some(SocketAddr::new(ip, port))).ok_or_else(bad)
        }
        _ => Err(bad()),
    }
}

/// Reads what follows the signature of version 2: version and command, family and transport, and the rest.
pub fn parse_binary(command: u8, family: u8, rest: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    match command {
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(HeaderError::Bad("a PROXY header of an unknown version or command")),
    }
    let cut = HeaderError::Bad("a PROXY header without its addresses");
    let port = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
    match family {
        0x11 => {
            let source: [u8; 4] = rest.get(..12).and_then(|rest| rest[..4].try_into().ok()).ok_or(cut)?;
            Ok(Some(SocketAddr::new(Ipv4Addr::from(source).into(), port(8))))
        }
        0x21 => {
            let source: [u8; 16] = rest.get(..36).and_then(|rest| rest[..16].try_into().ok()).ok_or(cut)?;
            Ok(Some(SocketAddr::new(Ipv6Addr::from(source).into(), port(32))))
        }
        // Neither TCP over IPv4 nor over IPv6: whoever it is has no address of that kind.
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Option<String>, String> {
        let parsed = parse_line(text.as_bytes());
        parsed.map(|source| source.map(|source| source.to_string())).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_name_the_client() {
        let named = |text| line(text).unwrap().unwrap();
        assert_eq!(named("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1:56324");
        assert_eq!(named("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "[2001:db8::1]:1");
        assert_eq!(line("PROXY UNKNOWN\r\n"), Ok(None));
        assert_eq!(line("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), Ok(None));
        for bad in [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
            "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 70000 443\r\n",
            "PROXY TCP4 192.0.2.1  198.51.100.1 1 443\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
            "PROXY\r\n",
        ] {
            assert_eq!(line(bad), Err("a malformed PROXY header".into()), "{bad:?}");
        }
    }

    #[test]
    fn binary_headers_name_the_client() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 1, 0xbb, 4, 0, 1, 0];
        let named = |command, family, rest: &[u8]| parse_binary(command, family, rest).unwrap();
        assert_eq!(named(0x21, 0x11, &four), Some("192.0.2.1:56324".parse().unwrap()));
        let mut six = [0; 36];
        (six[15], six[33]) = (1, 80);
        assert_eq!(named(0x21, 0x21, &six), Some("[::1]:80".parse().unwrap()));
        assert_eq!((named(0x20, 0, &[]), named(0x21, 0x31, &[0; 216])), (None, None));
        assert!(parse_binary(0x21, 0x11, &four[..11]).is_err());
        assert!(parse_binary(0x21, 0x21, &six[..35]).is_err());
        assert!(parse_binary(0x31, 0x11, &four).is_err() && parse_binary(0x22, 0x11, &four).is_err());
    }
}
