//! One client's connection, from its handshake to its last request.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::spawn_local;

use crate::http::access_log::Entrance;
use crate::http::body::ResponseBody;
use crate::http::exchange;
use crate::http::front::Front;
use crate::http::patience::{Activity, ClientStream};
use crate::tls::handshake;

/// Requests that an HTTP/2 client may have under way at once, as with kamal-proxy.
const STREAMS: u32 = 250;

/// Bytes that an HTTP/2 client may send ahead.
const WINDOW: u32 = 1024 * 1024;

/// Bytes of the headers of one HTTP/2 request.
const HEADERS: u32 = 256 * 1024;

/// How often an HTTP/2 client is asked whether it is still there, …
const PING: Duration = Duration::from_secs(60);

/// … and how long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

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
    /// For a request's head, once begun.
    pub head: Duration,
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
    if let Scheme::Http = door.scheme {
        return serve_http1(front, door, stream, stopped).await;
    }
    let stream = tokio::select! {
        stream = handshake::accept(&front, door.peer, stream, door.patience.handshake) => stream,
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    match stream {
        Some(stream) if handshake::speaks_http2(&stream) => serve_http2(front, door, stream, stopped).await,
        Some(stream) => serve_http1(front, door, stream, stopped).await,
        None => {}
    }
}

async fn serve_http1<S>(front: Rc<Front>, door: Door, stream: S, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = Activity::default();
    let stream = TokioIo::new(ClientStream::new(stream, activity.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .title_case_headers(true)
        .serve_connection(stream, requests(front, door, activity.clone()))
        .with_upgrades();
    let mut connection = pin!(connection);
    // A connection that ends in an error has told its client what it could; there is nobody else to tell.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = activity.stalled(door.patience.head) => return,
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}

async fn serve_http2<S>(front: Rc<Front>, door: Door, stream: S, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = Activity::default();
    let stream = TokioIo::new(ClientStream::new(stream, activity.clone()));
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(stream, requests(Rc::clone(&front), door, activity.clone()));
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = front.left() => connection.as_mut().graceful_shutdown(),
        // Afterwards, the pings tell who is gone.
        () = activity.silent(door.patience.head) => return,
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}

fn requests(
    front: Rc<Front>,
    door: Door,
    activity: Activity,
) -> impl Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible> {
    service_fn(move |request| {
        let front = Rc::clone(&front);
        let answering = activity.answering();
        let entrance = Entrance { port: door.port, scheme: door.scheme.name(), peer: door.peer, answering };
        let answer = exchange::respond(Rc::clone(&front), entrance, request);
        let front = Rc::clone(&front);
        async move { Ok(front.farewell(answer.await)) }
    })
}

/// Runs the streams of an HTTP/2 connection where it is itself.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
