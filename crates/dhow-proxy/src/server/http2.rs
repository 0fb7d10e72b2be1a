//! HTTP/2 with clients, by hyper: requests and answers are turned into what the request path knows.

mod websocket;

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::spawn_local;

use crate::http::access_log::Entrance;
use crate::http::body::{self, ResponseBody};
use crate::http::exchange;
use crate::http::fields::Fields;
use crate::http::front::Front;
use crate::http::message::{Answer, RequestHead, RequestTarget};
use crate::http::patience::{Activity, NotedStream};
use crate::http1::connection::ClientFault;
use websocket::Opening;

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

/// Serves a connection until the client has left, or the proxy stops and what is under way has ended. A client that
/// does not begin to speak within `first_words` is sent away. What it said before is `early`.
pub async fn serve(
    front: Rc<Front>,
    entrance: Entrance,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    early: BytesMut,
    first_words: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let activity = Activity::default();
    let stream = TokioIo::new(NotedStream::new(stream, early, activity.clone()));
    let serving = Rc::clone(&front);
    let service = service_fn(move |request| respond(Rc::clone(&serving), entrance.clone(), request));
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEADERS)
        .enable_connect_protocol()
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    // A connection that ends in an error has told its client what it could; there is nobody else to tell.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = front.left() => connection.as_mut().graceful_shutdown(),
        // Afterwards, the pings tell who is gone.
        () = activity.silent(first_words) => return,
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}

fn respond(
    front: Rc<Front>,
    entrance: Entrance,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, ClientFault>> {
    let (mut head, body) = request.into_parts();
    let opening = Opening::of(&mut head);
    let mut head = RequestHead {
        uri: RequestTarget::from(&head.uri),
        version: head.version,
        headers: Fields::from(&head.headers),
        method: head.method,
    };
    let (entrance, body) = match opening {
        Some(_) => {
            Opening::complete(&mut head.headers);
            (Entrance { may_upgrade: true, ..entrance }, body::Incoming::None)
        }
        None => (entrance, body::Incoming::Http2(body)),
    };
    let received = exchange::receive(&front, entrance.clone(), head, body);
    async move {
        let answer = received.answer(&front).await.ok_or(ClientFault::Gone)?;
        let mut answer = match opening {
            Some(opening) => opening.answer(answer),
            None => answer,
        };
        front.advertise(&entrance, &mut answer.head.headers);
        Ok(response(answer))
    }
}

fn response(answer: Answer) -> Response<ResponseBody> {
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.head.status;
    *response.headers_mut() = HeaderMap::from(&answer.head.headers);
    // It would concern the connection, which other requests share.
    response.headers_mut().remove(hyper::header::CONNECTION);
    response
}

/// Runs the streams of an HTTP/2 connection where it is itself.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
