//! The app behind the proxies: answers `/N` with N bytes, as cheaply as it can, and `/ws` with what it is sent.

use std::collections::HashMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves until it is killed; its address is the first line on standard output.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::task::spawn_local(answer(stream));
        }
    });
}

async fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).ok();
    let mut answers: HashMap<usize, Vec<u8>> = HashMap::new();
    let mut input = Vec::with_capacity(128 * 1024);
    loop {
        let (end, length, size) = loop {
            if let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = std::str::from_utf8(&input[..end]).unwrap();
                break (end + 4, content_length(head), size(head));
            }
            if !matches!(stream.read_buf(&mut input).await, Ok(1..)) {
                return;
            }
        };
        while input.len() < end + length {
            if !matches!(stream.read_buf(&mut input).await, Ok(1..)) {
                return;
            }
        }
        if input.starts_with(b"GET /ws ") {
            return echo(stream).await;
        }
        input.drain(..end + length);
        let answer = answers.entry(size).or_insert_with(|| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: max-age=0, private\r\nX-Runtime: 0.012\r\nContent-Length: {size}\r\n\r\n");
            [head.into_bytes(), vec![b'x'; size]].concat()
        });
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// A WebSocket, as far as the proxies can see: they do not look into messages.
async fn echo(mut stream: TcpStream) {
    let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let mut input = vec![0; 16 * 1024];
    let mut written = stream.write_all(head).await;
    while written.is_ok()
        && let Ok(read @ 1..) = stream.read(&mut input).await
    {
        written = stream.write_all(&input[..read]).await;
    }
}

fn content_length(head: &str) -> usize {
    let line =
        head.lines().find(|line| line.len() > 15 && line[..15].eq_ignore_ascii_case("content-length:"));
    line.and_then(|line| line[15..].trim().parse().ok()).unwrap_or_default()
}

fn size(head: &str) -> usize {
    head.split(' ').nth(1).and_then(|path| path.trim_start_matches('/').parse().ok()).unwrap_or(2)
}
