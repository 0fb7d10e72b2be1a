//! One client's connection, from its handshake to its last request.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::crowding::Crowding;
use super::http2;
use super::proxy_protocol::{self, HeaderError};
use crate::http::access_log::{Entrance, Peer};
use crate::http::front::Front;
use crate::http1::connection::Timeouts;
use crate::http1::server as http1;
use crate::http1::stream::ClientStream;
use crate::policy::addresses::Addresses;
use crate::tls::handshake;

/// What a connection speaks below HTTP.
#[derive(Clone, Copy)]
pub enum Scheme {
    /// Nothing.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As URLs, logs and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// How long clients may take.
#[derive(Clone, Copy)]
pub struct Patience {
    /// For what they say over HTTP.
    pub http: Timeouts,
    /// For each half of a TLS handshake.
    pub handshake: Duration,
}

/// Whom to let in.
pub struct Guard {
    /// Who says ahead of each connection whose it is.
    pub senders: Arc<Addresses>,
    /// How many connections clients have.
    pub crowding: Arc<Crowding>,
    /// How long they may take.
    pub patience: Patience,
}

/// Where a connection came in, and who looks at it.
pub struct Door {
    /// What it speaks.
    pub scheme: Scheme,
    /// The configured port.
    pub port: u16,
    /// The other end.
    pub peer: SocketAddr,
    /// Whom to let in.
    pub guard: Rc<Guard>,
}

/// Serves a connection until the client has left, or the proxy stops and what is under way has ended.
pub async fn serve(
    front: Rc<Front>,
    mut door: Door,
    mut stream: TcpStream,
    mut stopped: watch::Receiver<bool>,
) {
    let Guard { senders, crowding, patience } = &*door.guard;
    if senders.contain(door.peer.ip()) {
        match introduction(&front, door.peer, &mut stream, patience.handshake).await {
            Some(client) => door.peer = client,
            None => return,
        }
    }
    let Some(_seat) = crowding.seat(door.peer.ip()) else { return };
    let peer = Rc::new(Peer::from(door.peer));
    let entrance =
        Entrance { port: door.port, scheme: door.scheme.name(), peer, may_upgrade: false, client: None };
    let timeouts = patience.http;
    if let Scheme::Http = door.scheme {
        let stream = ClientStream::Tcp(stream);
        let served = http1::serve(&front, entrance.clone(), stream, timeouts, stopped.clone()).await;
        if let Some((stream, early)) = served {
            http2::serve(front, entrance, stream, early, timeouts.head, stopped).await;
        }
        return;
    }
    let stream = tokio::select! {
        stream = handshake::accept(&front, door.peer, stream, patience.handshake) => stream,
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    match stream {
        Some(stream) if handshake::speaks_http2(&stream) => {
            http2::serve(front, entrance, stream, BytesMut::new(), timeouts.head, stopped).await;
        }
        Some(stream) => {
            let stream = ClientStream::Tls(Box::new(stream));
            http1::serve(&front, entrance, stream, timeouts, stopped).await;
        }
        None => {}
    }
}

/// Whose connection it is, as the load balancer says; `None` if it does not, which is logged.
async fn introduction(
    front: &Front,
    sender: SocketAddr,
    stream: &mut TcpStream,
    limit: Duration,
) -> Option<SocketAddr> {
    let why = match timeout(limit, proxy_protocol::read(stream)).await {
        Ok(Ok(client)) => return Some(client.unwrap_or(sender)),
        Ok(Err(HeaderError::Lost(_))) => return None, // A load balancer that only looks whether the port is open.
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the header took too long".to_owned(),
    };
    let sender = sender.ip().to_canonical().to_string();
    front.log.warn("Refusing a connection without PROXY protocol", &[("sender", &sender), ("error", &why)]);
    None
}
