//! The requests of one HTTP/3 connection, each a task of its own.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h3::error::Code;
use h3::server::{RequestResolver, RequestStream};
use hyper::body::Body;
use hyper::header::{CONNECTION, CONTENT_LENGTH, DATE};
use hyper::{HeaderMap, Method, Response, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::http::access_log::Entrance;
use crate::http::body::{Incoming, ResponseBody};
use crate::http::fields::Fields;
use crate::http::front::Front;
use crate::http::message::{Answer, RequestHead, RequestTarget};
use crate::http::{error_page, exchange};
use crate::http1::connection::Timeouts;
use crate::http3::HEADERS;
use crate::http3::body::{ClientBody, declared};
use crate::http3::quic::{Connection, Known, SendStream};

/// How long a client has to take note that the connection ends, once it has nothing under way.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all requests of a connection have in common.
#[derive(Clone)]
pub struct Context {
    /// What they are served with.
    pub front: Rc<Front>,
    /// Where they come in.
    pub entrance: Entrance,
    /// How long the client may take.
    pub timeouts: Timeouts,
}

/// Serves a connection until the client has left, or the proxy stops and what is under way has ended.
pub async fn serve(context: Context, connection: quinn::Connection, mut stopped: watch::Receiver<bool>) {
    let (connection, latest) = Connection::new(connection);
    let mut builder = h3::server::builder();
    let begun =
        timeout(context.timeouts.head, builder.max_field_section_size(HEADERS).build(connection)).await;
    let Ok(Ok(mut connection)) = begun else { return };
    // Whatever is under way when the connection ends, ends with it.
    let mut under_way = JoinSet::new();
    let front = Rc::clone(&context.front);
    let mut is_leaving = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Ok(Some(request)) => {
                    if let Some(known) = latest.take() {
                        under_way.spawn_local(serve_one(context.clone(), known, request));
                    }
                }
                Ok(None) | Err(_) => return,
            },
            Some(_) = under_way.join_next() => {}
            () = sleep(FAREWELL), if is_leaving && under_way.is_empty() => return,
            () = end_of(&front, &mut stopped), if !is_leaving => {
                is_leaving = true;
                if connection.shutdown(0).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Ends when clients are to leave, or the proxy stops.
async fn end_of(front: &Front, stopped: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = front.left() => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn serve_one(context: Context, known: Known, request: RequestResolver<Connection, Bytes>) {
    let resolved = timeout(context.timeouts.head, request.resolve_request()).await;
    let Ok(Ok((request, stream))) = resolved else { return };
    let Known { held, stopped } = known;
    held.set(0);
    let (mut sender, receiver) = stream.split();
    let (head, ()) = request.into_parts();
    let head = RequestHead {
        uri: RequestTarget::from(&head.uri),
        version: head.version,
        headers: Fields::from(&head.headers),
        method: head.method,
    };
    let method = head.method.clone();
    let answering = async {
        let length = match declared(&head.headers) {
            Ok(length) => length,
            Err(text) => return Some(error_page::refuse(StatusCode::BAD_REQUEST, text)),
        };
        let mut body = ClientBody::new(receiver, held, length);
        // A target is told whether there is a body. Where the head says nothing, and there should be none, its end tells.
        if length == Some(0) || (length.is_none() && method != Method::POST) {
            match timeout(context.timeouts.body, poll_fn(|cx| body.poll_begun(cx))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Some(malformed()),
            }
        }
        let body = if body.is_empty() { Incoming::None } else { Incoming::Http3(Box::new(body)) };
        let Context { front, entrance, .. } = &context;
        exchange::receive(front, entrance.clone(), head, body).answer(front).await
    };
    let sent = async {
        if let Some(answer) = answering.await {
            send(&context, &mut sender, &method, answer).await;
        }
    };
    tokio::select! {
        () = sent => {}
        // What is under way is dropped, and logged.
        () = stopped => {}
    }
}

fn malformed() -> Answer {
    error_page::refuse(StatusCode::BAD_REQUEST, "400 Bad Request: a body that does not keep its word")
}

/// Sends an answer. A client that does not take it ends it.
async fn send(context: &Context, to: &mut RequestStream<SendStream, Bytes>, method: &Method, answer: Answer) {
    let Answer { head, mut body } = answer;
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = HeaderMap::from(&head.headers);
    let is_bare = *method == Method::HEAD
        || head.status == StatusCode::NO_CONTENT
        || head.status == StatusCode::NOT_MODIFIED;
    complete(&context.front, response.headers_mut(), &body, is_bare);
    let limit = context.timeouts.send;
    if !matches!(timeout(limit, to.send_response(response)).await, Ok(Ok(()))) {
        return;
    }
    while !is_bare && let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(frame) = frame else { return to.stop_stream(Code::H3_INTERNAL_ERROR) };
        let sent = match frame.into_data() {
            Ok(data) => timeout(limit, to.send_data(data)).await,
            Err(frame) => timeout(limit, to.send_trailers(frame.into_trailers().unwrap_or_default())).await,
        };
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
    // A client that is gone by now has got everything.
    to.finish().await.ok();
}

/// What hyper adds to the answers of other versions.
fn complete(front: &Front, headers: &mut HeaderMap, body: &ResponseBody, is_bare: bool) {
    // It would concern the connection, which other requests share.
    headers.remove(CONNECTION);
    if !headers.contains_key(DATE)
        && let Ok(date) = front.with_date(str::parse)
    {
        headers.insert(DATE, date);
    }
    if let Some(length) = body.size_hint().exact()
        && !headers.contains_key(CONTENT_LENGTH)
        && (!is_bare || length > 0)
    {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}
