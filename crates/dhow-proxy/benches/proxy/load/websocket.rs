//! WebSocket: messages that come back as they were.

use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Aim, Times, connect};
use crate::rows::HOST;

/// A message, an answer, for ever.
pub async fn ask(aim: Rc<Aim>, bytes: usize, times: Rc<Times>) {
    let mut stream = connect(&aim.plain).await;
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // Final, text, masked with zeros (RFC 6455, section 5.2).
    let mut message = vec![0x81, 0x80 | 126, 0, bytes as u8, 0, 0, 0, 0];
    message.resize(8 + bytes, b'x');
    let mut echo = vec![0; message.len()];
    loop {
        let begun = Instant::now();
        stream.write_all(&message).await.unwrap();
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, message);
        times.note(begun);
    }
}
