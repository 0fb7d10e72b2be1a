use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::PATIENCE;
use super::tls::Scene;

/// What a client sends first (RFC 9113, section 3.4), with settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// `:method: GET`, `:scheme: https`, `:path: /` from HPACK's table, and `:authority: a.com`.
const GET: &[u8] = b"\x82\x87\x84\x41\x05a.com";

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The error code of a frame that must not be, such as the one after a flood.
pub const PROTOCOL_ERROR: u32 = 1;

/// The error code of a server that has had enough.
pub const ENHANCE_YOUR_CALM: u32 = 11;

#[derive(Clone, Copy)]
pub enum Kind {
    Data = 0,
    Headers = 1,
    Reset = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// A frame (RFC 9113, section 4.1).
pub fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind as u8, flags], &stream.to_be_bytes(), payload].concat()
}

/// A request, whole if `flags` has both its ends.
pub fn request(flags: u8, stream: u32) -> Vec<u8> {
    frame(Kind::Headers, flags, stream, GET)
}

/// A connection that sends frames no client would.
pub struct Attacker {
    runtime: Runtime,
    reader: ReadHalf<TlsStream<TcpStream>>,
    writer: WriteHalf<TlsStream<TcpStream>>,
}

/// How an attack ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// The proxy said why it closes the connection.
    GoAway(u32),
    /// It closed the connection, or the attacker's last words are on their way.
    Silent,
    /// It did not take in what was sent.
    Stalled,
}

impl Attacker {
    pub fn connect(scene: &Scene) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = scene.authority.client().speaking("h2").config();
        let (reader, writer) = runtime.block_on(async {
            let stream = TcpStream::connect(scene.proxy.https).await.unwrap();
            let name = ServerName::try_from("a.com").unwrap();
            let mut stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
            stream.write_all(PREFACE).await.unwrap();
            tokio::io::split(stream)
        });
        Self { runtime, reader, writer }
    }

    /// Sends all of it, reading what comes back meanwhile.
    pub fn flood(self, frames: impl Iterator<Item = Vec<u8>>) -> Ending {
        let Self { runtime, mut reader, mut writer } = self;
        let attack = async {
            let farewell = farewell(&mut reader);
            let sending = async {
                send(&mut writer, frames).await;
                // What was sent is dealt with before this error of our own is.
                writer.write_all(&frame(Kind::Data, 0, 0, b"")).await.ok();
                writer.flush().await.ok();
            };
            tokio::join!(farewell, sending).0
        };
        let ending = async { tokio::time::timeout(PATIENCE * 2, attack).await };
        runtime.block_on(ending).unwrap_or(Ending::Stalled)
    }

    /// Sends it without reading a byte, until the proxy takes no more (or two seconds are over).
    pub fn flood_blindly(self, frames: impl Iterator<Item = Vec<u8>>) -> Ending {
        let Self { runtime, reader, mut writer } = self;
        let attack = send(&mut writer, frames);
        let limited = async { tokio::time::timeout(Duration::from_secs(2), attack).await };
        let ending = runtime.block_on(limited).map_or(Ending::Stalled, |()| Ending::Silent);
        drop(reader);
        ending
    }
}

/// Sends until there is nothing left, or nobody.
async fn send(writer: &mut WriteHalf<TlsStream<TcpStream>>, mut frames: impl Iterator<Item = Vec<u8>>) {
    loop {
        let batch: Vec<u8> = frames.by_ref().take(100).flatten().collect();
        if batch.is_empty() || writer.write_all(&batch).await.is_err() {
            return;
        }
    }
}

/// Reads frames until the connection ends.
async fn farewell(reader: &mut ReadHalf<TlsStream<TcpStream>>) -> Ending {
    loop {
        let mut head = [0; 9];
        if reader.read_exact(&mut head).await.is_err() {
            return Ending::Silent;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if reader.read_exact(&mut payload).await.is_err() {
            return Ending::Silent;
        }
        if head[3] == Kind::GoAway as u8 {
            return Ending::GoAway(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
}
