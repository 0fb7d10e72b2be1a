//! The clients: as many connections as a row has, each asking again as soon as it is answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A way to ask.
pub struct Row {
    pub name: &'static str,
    pub path: &'static str,
    pub connections: usize,
    /// Bytes of each request's body.
    pub upload: usize,
    /// Whether connections are kept.
    pub keeps: bool,
}

/// What a browser sends, more or less.
const LINES: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Cookie: _shop_session=4tTnKfQYvC3x1mJ8rN5hXz0bWqL2uEaD; locale=en\r\n";

/// Prints: requests, p50 and p99 in milliseconds, seconds.
pub fn run(words: &[String]) {
    let [address, path, connections, upload, keeps, seconds] = words else {
        panic!("six words, not {words:?}")
    };
    let keeps: bool = keeps.parse().unwrap();
    let upload: usize = upload.parse().unwrap();
    let (method, body) = if upload > 0 { ("POST", vec![b'x'; upload]) } else { ("GET", Vec::new()) };
    let length = if upload > 0 { format!("Content-Length: {upload}\r\n") } else { String::new() };
    let close = if keeps { "" } else { "Connection: close\r\n" };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: bench.example.com\r\n{LINES}{length}{close}\r\n");
    let request: Rc<[u8]> = [head.into_bytes(), body].concat().into();
    let times = Rc::new(RefCell::new(Vec::with_capacity(1 << 20)));
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds.parse().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let clients: Vec<_> = (0..connections.parse().unwrap())
            .map(|_| {
                let (address, request, times) = (address.clone(), request.clone(), times.clone());
                tokio::task::spawn_local(async move {
                    let mut client = None;
                    let mut input = vec![0; 256 * 1024];
                    while start.elapsed() < limit {
                        let begun = Instant::now();
                        let mut stream = match client.take() {
                            Some(stream) => stream,
                            None => connect(&address).await,
                        };
                        stream.write_all(&request).await.unwrap();
                        answer(&mut stream, &mut input).await;
                        times.borrow_mut().push(begun.elapsed());
                        client = keeps.then_some(stream);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut times = times.take();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{} {} {} {seconds}", times.len(), at(0.5), at(0.99));
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads one answer. All of them have a length.
async fn answer(stream: &mut TcpStream, input: &mut [u8]) {
    let mut read = 0;
    let (end, length) = loop {
        let more = stream.read(&mut input[read..]).await.unwrap();
        assert!(more > 0, "the proxy hung up");
        read += more;
        if let Some(end) = input[..read].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = std::str::from_utf8(&input[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let lower = head.to_ascii_lowercase();
            let length = lower.split("\r\ncontent-length:").nth(1).and_then(|rest| rest.lines().next());
            break (
                end + 4,
                length.unwrap_or_else(|| panic!("no length: {head}")).trim().parse::<usize>().unwrap(),
            );
        }
    };
    while read < end + length {
        let more = stream.read(input).await.unwrap();
        assert!(more > 0, "the proxy hung up");
        read += more;
    }
}
