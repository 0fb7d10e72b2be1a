//! HTTP/1 without TLS.

use std::rc::Rc;
use std::time::Instant;

use tokio::io::AsyncWriteExt;

use super::{Aim, Times, answer, connect};
use crate::rows::Row;

/// What a browser sends, more or less.
pub const LINES: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Cookie: _shop_session=4tTnKfQYvC3x1mJ8rN5hXz0bWqL2uEaD; locale=en\r\n";

/// One request per host.
pub fn requests(row: &Row, path: &str, upload: usize, keeps: bool) -> Vec<Rc<[u8]>> {
    let (method, body) = if upload > 0 { ("POST", vec![b'x'; upload]) } else { ("GET", Vec::new()) };
    let length = if upload > 0 { format!("Content-Length: {upload}\r\n") } else { String::new() };
    let close = if keeps { "" } else { "Connection: close\r\n" };
    let request = |host: String| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{LINES}{length}{close}\r\n");
        [head.as_bytes(), body.as_slice()].concat().into()
    };
    row.hosts().into_iter().map(request).collect()
}

/// Asks for ever, each host in turn.
pub async fn ask(aim: Rc<Aim>, requests: Vec<Rc<[u8]>>, number: usize, keeps: bool, times: Rc<Times>) {
    let mut client = None;
    let mut input = vec![0; 256 * 1024];
    // Clients begin at different hosts, and go through them in steps of their own.
    for turn in 0.. {
        let begun = Instant::now();
        let mut stream = match client.take() {
            Some(stream) => stream,
            None => connect(&aim.plain).await,
        };
        let request = &requests[(number * 16 + turn) % requests.len()];
        stream.write_all(request).await.unwrap();
        answer(&mut stream, &mut input).await;
        times.note(begun);
        client = keeps.then_some(stream);
    }
}
