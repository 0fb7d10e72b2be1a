//! HTTP/3 with clients: QUIC by quinn, HTTP/3 by `h3`, on a thread of its own.
//!
//! One thread and one socket: a QUIC connection may come from another address tomorrow, and the kernel, which spreads packets
//! over sockets by address, would hand it to a worker that does not know it.

mod certificates;
mod requests;

use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use h3::error::Code;
use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::SHUTDOWN_GRACE;
use super::connection::{Guard, Scheme};
use super::listen;
use super::worker::{Crowd, End, Place};
use crate::http::access_log::{Entrance, Peer};
use crate::http::front::Front;
use crate::router::Router;

/// Requests that a client may have under way at once, as with kamal-proxy.
const STREAMS: u32 = 100;

/// Streams of a client that carry no request: control, and what QPACK needs.
const CONTROL_STREAMS: u32 = 8;

/// A connection on which nothing comes for so long has ended, as with kamal-proxy.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes that a client may send ahead on one request …
const WINDOW: u32 = 1024 * 1024;

/// … and on all of them. A request that is read slowly holds no other up until there are many of the kind.
const CONNECTION_WINDOW: u32 = 16 * WINDOW;

/// Bytes on their way to a client that it has not confirmed.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;

/// With more connections than this, a client has to prove its address before it costs anything.
const BUSY: usize = 1000;

/// How often the port is tried while another process still has it.
const BIND_RETRY: Duration = Duration::from_millis(100);

/// How long it may take to say goodbye to all clients.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where HTTP/3 comes in.
pub struct Entry {
    socket: Option<UdpSocket>,
    address: SocketAddr,
    port: u16,
    settings: ServerConfig,
}

impl Entry {
    /// Opens the UDP port with the number of the TCP port for HTTPS; `port` is that number as configured. Taking over from
    /// another process, the port is waited for: that process closes it when its connections have ended.
    pub fn open(
        address: SocketAddr,
        port: u16,
        router: &Router,
        is_taking_over: bool,
    ) -> Result<Self, String> {
        let socket = match listen::for_packets(address) {
            Ok(socket) => Some(socket),
            Err(_) if is_taking_over => None,
            Err(error) => {
                return Err(format!("listen udp :{}: bind: {}", address.port(), listen::reason(&error)));
            }
        };
        Ok(Self { socket, address, port, settings: settings(router)? })
    }

    async fn bound(&mut self) -> UdpSocket {
        loop {
            if let Some(socket) = self.socket.take().or_else(|| listen::for_packets(self.address).ok()) {
                return socket;
            }
            sleep(BIND_RETRY).await;
        }
    }
}

fn settings(router: &Router) -> Result<ServerConfig, String> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_concurrent_uni_streams(CONTROL_STREAMS.into())
        .max_idle_timeout(IdleTimeout::try_from(IDLE).ok())
        .stream_receive_window(WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None);
    let mut settings = ServerConfig::with_crypto(Arc::new(certificates::settings(router)?));
    settings.transport_config(Arc::new(transport));
    Ok(settings)
}

/// Serves until an end is ordered and the requests under way have ended.
pub async fn serve(front: Rc<Front>, mut entry: Entry, guard: Rc<Guard>, end: End) {
    let End { stopped, mut handed_over } = end;
    let mut is_stopped = stopped.clone();
    let socket = tokio::select! {
        socket = entry.bound() => socket,
        _ = is_stopped.wait_for(|stopped| *stopped) => return,
        _ = handed_over.wait_for(Option::is_some) => return,
    };
    let (config, runtime) = (EndpointConfig::default(), Arc::new(TokioRuntime));
    let endpoint = match Endpoint::new(config, Some(entry.settings), socket, runtime) {
        Ok(endpoint) => endpoint,
        Err(error) => return front.log.error("HTTP/3 is not enabled", &[("error", &error.to_string())]),
    };
    front.log.info("HTTP/3 enabled", &[("port", &entry.address.port())]);
    let crowd = Rc::new(Crowd::default());
    loop {
        let incoming = tokio::select! {
            Some(incoming) = endpoint.accept() => incoming,
            _ = is_stopped.wait_for(|stopped| *stopped) => break,
            _ = handed_over.wait_for(Option::is_some) => break,
        };
        if endpoint.open_connections() > BUSY && incoming.may_retry() {
            // What cannot be asked to come again has lost its packet on the way, as happens.
            incoming.retry().ok();
            continue;
        }
        let connection = welcome(Rc::clone(&front), entry.port, Rc::clone(&guard), incoming, stopped.clone());
        let place = Place::take(&crowd);
        tokio::task::spawn_local(async move {
            connection.await;
            drop(place);
        });
    }
    let drain = *handed_over.borrow();
    if drain.is_some() {
        front.leave();
    }
    let emptied = timeout(drain.unwrap_or(SHUTDOWN_GRACE), crowd.emptied());
    let is_emptied = tokio::select! {
        emptied = emptied => emptied.is_ok(),
        () = refuse(&endpoint) => true,
    };
    if !is_emptied {
        front.log.warn("Closing active connections", &[]);
    }
    endpoint.close(VarInt::from_u32(Code::H3_NO_ERROR.value() as u32), b"");
    timeout(FAREWELL, endpoint.wait_idle()).await.ok();
}

/// Refuses new connections, for as long as there is an endpoint: their clients go on over TCP at once.
async fn refuse(endpoint: &Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        incoming.refuse();
    }
}

/// Does the handshake, and serves the connection.
async fn welcome(
    front: Rc<Front>,
    port: u16,
    guard: Rc<Guard>,
    incoming: Incoming,
    stopped: watch::Receiver<bool>,
) {
    let Ok(connecting) = incoming.accept() else { return };
    // Strangers who cannot agree on anything are no news.
    let Ok(Ok(connection)) = timeout(guard.patience.handshake, connecting).await else { return };
    let client = connection.remote_address();
    let Some(_seat) = guard.crowding.seat(client.ip()) else { return };
    let _counted = front.tally.as_ref().map(|tally| tally.connected(Scheme::Https.name()));
    let entrance = Entrance {
        port,
        scheme: Scheme::Https.name(),
        peer: Rc::new(Peer::from(client)),
        may_upgrade: false,
        client: None,
    };
    let context = requests::Context { front, entrance, timeouts: guard.patience.http };
    requests::serve(context, connection, stopped).await;
}
