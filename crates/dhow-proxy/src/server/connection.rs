//! One client's connection, from its handshake to its last request.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::http2;
use crate::http::access_log::{Entrance, Peer};
use crate::http::front::Front;
use crate::http1::connection::Timeouts;
use crate::http1::server as http1;
use crate::http1::stream::ClientStream;
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

/// Where a connection came in, and how patient to be with it.
#[derive(Clone, Copy)]
pub struct Door {
    /// What it speaks.
    pub scheme: Scheme,
    /// The configured port.
    pub port: u16,
    /// The other end.
    pub peer: SocketAddr,
    /// How long the client may take.
    pub patience: Patience,
}

/// Serves a connection until the client has left, or the proxy stops and what is under way has ended.
pub async fn serve(front: Rc<Front>, door: Door, stream: TcpStream, mut stopped: watch::Receiver<bool>) {
    if stream.set_nodelay(true).is_err() {
        return; // The client is gone already.
    }
    let peer = Rc::new(Peer::from(door.peer));
    let entrance = Entrance { port: door.port, scheme: door.scheme.name(), peer, client: None };
    let timeouts = door.patience.http;
    if let Scheme::Http = door.scheme {
        return http1::serve(&front, entrance, ClientStream::Tcp(stream), timeouts, stopped).await;
    }
    let stream = tokio::select! {
        stream = handshake::accept(&front, door.peer, stream, door.patience.handshake) => stream,
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    match stream {
        Some(stream) if handshake::speaks_http2(&stream) => {
            http2::serve(front, entrance, stream, timeouts.head, stopped).await;
        }
        Some(stream) => {
            let stream = ClientStream::Tls(Box::new(stream));
            http1::serve(&front, entrance, stream, timeouts, stopped).await;
        }
        None => {}
    }
}
