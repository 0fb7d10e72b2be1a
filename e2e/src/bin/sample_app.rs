//! The app that the tests deploy: a web server, or with the argument `worker` a process without a port.
//!
//! Paths: `/` its version, `/up` its health, `/slow?MS` the version after so many milliseconds, `/env` its environment,
//! `/ws` a WebSocket that echoes. Environment: `KAMAL_VERSION` (else the file `/version`), `PORT` (80), `BOOT_MS` to wait
//! before it listens, `FAIL=1` to be unhealthy.
#![allow(clippy::print_stdout, reason = "a container's log is its standard output")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{env, fs, process, thread};

use sha1::{Digest, Sha1};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

fn main() -> io::Result<()> {
    let version = version();
    stop_when_told()?;
    if env::args().nth(1).as_deref() == Some("worker") {
        println!("working, version {version}");
        loop {
            thread::park();
        }
    }
    thread::sleep(Duration::from_millis(number("BOOT_MS", 0)));
    let port = number("PORT", 80);
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    println!("listening on port {port}, version {version}");
    for stream in listener.incoming().flatten() {
        let version = version.clone();
        // A client that goes away in the middle is its own affair.
        thread::spawn(move || serve(stream, &version));
    }
    Ok(())
}

fn version() -> String {
    let baked = || fs::read_to_string("/version").unwrap_or_default().trim().to_string();
    env::var("KAMAL_VERSION").unwrap_or_else(|_| baked())
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Process 1 of a container ignores SIGTERM unless it asks for it. Requests in progress are cut off, as in a careless app.
fn stop_when_told() -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM])?;
    thread::spawn(move || {
        signals.forever().next();
        println!("told to stop");
        process::exit(0);
    });
    Ok(())
}

fn serve(stream: TcpStream, version: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut reader)? {
        println!("{} {}", request.method, request.path);
        if let Some(key) = &request.websocket_key {
            return echo(reader, stream, key);
        }
        answer(&stream, &request.path, version)?;
        if request.is_last {
            break;
        }
    }
    Ok(())
}

struct Request {
    method: String,
    path: String,
    is_last: bool,
    websocket_key: Option<String>,
}

impl Request {
    /// `None` when the client has closed the connection.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split(' ').map(String::from);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut request = Request { method, path, is_last: false, websocket_key: None };
        let mut body = 0;
        while let Some((name, value)) = header(reader)? {
            match name.as_str() {
                "content-length" => body = value.parse().unwrap_or(0),
                "connection" => request.is_last = value.eq_ignore_ascii_case("close"),
                "sec-websocket-key" => request.websocket_key = Some(value),
                _ => {}
            }
        }
        io::copy(&mut reader.take(body), &mut io::sink())?;
        Ok(Some(request))
    }
}

fn header(reader: &mut impl BufRead) -> io::Result<Option<(String, String)>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string())))
}

fn answer(mut stream: &TcpStream, path: &str, version: &str) -> io::Result<()> {
    if let Some(milliseconds) = path.strip_prefix("/slow?") {
        thread::sleep(Duration::from_millis(milliseconds.parse().unwrap_or(0)));
    }
    let (status, body) = match path {
        "/up" if number("FAIL", 0) == 1 => ("500 Internal Server Error", "unwell".to_string()),
        "/env" => ("200 OK", environment()),
        _ => ("200 OK", version.to_string()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn environment() -> String {
    let mut lines: Vec<_> = env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
    lines.sort();
    lines.concat()
}

/// RFC 6455: the handshake of section 4.2.2, then every short message is sent back until the client closes.
fn echo(mut reader: impl Read, mut stream: TcpStream, key: &str) -> io::Result<()> {
    let accept = base64(&Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    loop {
        let mut head = [0; 6];
        reader.read_exact(&mut head)?;
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        reader.read_exact(&mut payload)?;
        let mask = &head[2..];
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        stream.write_all(&[head[0], head[1] & 0x7f])?;
        stream.write_all(&payload)?;
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_read_with_its_body() {
        let mut input: &[u8] =
            b"POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nConnection: close\r\n\r\n";
        let first = Request::read(&mut input).expect("readable").expect("a request");
        let second = Request::read(&mut input).expect("readable").expect("a request");
        assert_eq!((first.method.as_str(), first.path.as_str(), first.is_last), ("POST", "/x", false));
        assert_eq!((second.method.as_str(), second.path.as_str(), second.is_last), ("GET", "/", true));
        assert!(Request::read(&mut input).expect("readable").is_none());
    }

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_padded() {
        assert_eq!(
            ["", "f", "fo", "foo", "foobar"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"]
        );
    }
}
