use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;
use super::backend::{read_chunks, read_fields, read_line};

/// An answer as a client got it.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// Whether the body ended as its framing promised.
    pub is_whole: bool,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What a connection runs over: TCP, or TLS over it.
trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// A client's connection. It can carry several requests.
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    is_head: bool,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// The same, from an address of this machine that is not the usual one.
    pub fn from_address(own: SocketAddr, to: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&own.into()).unwrap();
        socket.connect(&to.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        Self::over(stream)
    }

    /// A connection over a stream that is ready for requests.
    pub fn over(stream: impl Read + Write + Send + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)), is_head: false }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.is_head = bytes.starts_with(b"HEAD");
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Sends a request; `lines` are its header lines, `Host` excepted.
    pub fn request(&mut self, method: &str, host: &str, path: &str, lines: &[&str], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        for line in lines {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat());
    }

    pub fn get(&mut self, host: &str, path: &str) -> Reply {
        self.request("GET", host, path, &[], b"");
        self.reply()
    }

    /// The same, on a connection that may be refused.
    pub fn try_request(&mut self, host: &str, path: &str) -> Option<Reply> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        self.try_reply()
    }

    /// Reads the next answer.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("an answer")
    }

    /// Reads the next answer; `None` if the connection ends before its head does.
    pub fn try_reply(&mut self) -> Option<Reply> {
        let mut reply = self.head()?;
        let has_body = !self.is_head && reply.status != 101 && reply.status != 204 && reply.status != 304;
        if !has_body {
            return Some(reply);
        }
        if reply.header("transfer-encoding").is_some() {
            match read_chunks(&mut self.stream) {
                Some((body, trailers)) => (reply.body, reply.trailers) = (body, trailers),
                None => reply.is_whole = false,
            }
        } else if let Some(length) = reply.header("content-length") {
            let wanted: u64 = length.parse().unwrap();
            self.stream.by_ref().take(wanted).read_to_end(&mut reply.body).ok();
            reply.is_whole = reply.body.len() as u64 == wanted;
        } else {
            self.stream.read_to_end(&mut reply.body).ok();
        }
        Some(reply)
    }

    /// Reads a head only.
    pub fn head(&mut self) -> Option<Reply> {
        let first = read_line(&mut self.stream)?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let headers = read_fields(&mut self.stream)?;
        Some(Reply { status, headers, body: Vec::new(), trailers: Vec::new(), is_whole: true })
    }

    /// Reads a line of whatever is on the connection.
    pub fn line(&mut self) -> Option<String> {
        read_line(&mut self.stream)
    }

    /// Reads so many bytes of whatever is on the connection.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads whatever comes until the other side hangs up, within the connection's patience.
    pub fn drain(&mut self) {
        // TLS that ends without a farewell is unexpected; it is the end all the same.
        let ended = self.stream.read_to_end(&mut Vec::new()).err().map(|error| error.kind());
        assert!(matches!(ended, None | Some(ErrorKind::UnexpectedEof)), "{ended:?}");
    }

    /// Whether the other side has closed, waiting for it if need be.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}
