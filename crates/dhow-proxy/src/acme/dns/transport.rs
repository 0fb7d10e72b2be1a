//! One message to a name server and its reply: over UDP, or over TCP where that is better (RFC 1035, section 4.2).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{Draft, Reply};

/// How long a server may take over UDP before it is asked over TCP, …
const DATAGRAM: Duration = Duration::from_secs(2);

/// … and how long then.
const STREAM: Duration = Duration::from_secs(5);

/// Asks for the records of a name. A reply that does not fit into a datagram, or gets lost, is fetched over TCP.
pub async fn ask(server: SocketAddr, name: &str, kind: u16) -> Result<Reply, String> {
    let question = Draft::question(fastrand::u16(..), name, kind)?;
    match timeout(DATAGRAM, over_udp(server, question.bytes())).await {
        Ok(Ok(reply)) if !reply.is_truncated => Ok(reply),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NetworkUnreachable => Err(error.to_string()),
        _ => {
            let message = over_tcp(server, question.bytes()).await?;
            let reply = Reply::read(&message).filter(|reply| is_to(reply, question.bytes()));
            reply.ok_or_else(|| "its reply is unreadable".into())
        }
    }
}

/// Sends a message over TCP; the reply is not looked at.
pub async fn over_tcp(server: SocketAddr, message: &[u8]) -> Result<Vec<u8>, String> {
    match timeout(STREAM, exchange(server, message)).await {
        Ok(reply) => reply.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".into()),
    }
}

async fn over_udp(server: SocketAddr, message: &[u8]) -> io::Result<Reply> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(message).await?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(reply) = Reply::read(&buffer[..length]).filter(|reply| is_to(reply, message)) {
            return Ok(reply);
        }
    }
}

async fn exchange(server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await?;
    let length = stream.read_u16().await?;
    let mut reply = vec![0; length.into()];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

fn is_to(reply: &Reply, question: &[u8]) -> bool {
    question.starts_with(&reply.id.to_be_bytes())
}
