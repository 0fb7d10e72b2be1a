//! Sending a request to its target, over the version of HTTP that the target wants.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Method, Request, StatusCode, Uri};

use crate::http::access_log::AccessRecord;
use crate::http::body::{BodyError, RequestBody, UploadError};
use crate::http::fields::Fields;
use crate::http::forward::Order;
use crate::http::headers::{self, BodyLength, Forwarding};
use crate::http::message::ResponseHead;
use crate::http::progress::Watched;
use crate::http::upstream::{ConnectError, Loan, Upstream};
use crate::http1::client as http1;
use crate::http1::output::Coding;
use crate::http2::client as http2;
use crate::http2::upload::Repeatable;
use crate::options::tuning::TargetTuning;
use crate::options::{TargetOptions, TargetProtocol};
use crate::routes;

/// How often a request is sent to a target that did not look at it.
const TRIES: usize = 3;

/// A request and its response.
pub enum Exchange {
    /// On a connection of their own until both are through.
    Http1(http1::Exchange),
    /// On a stream of a connection.
    Http2(Box<http2::Exchange>),
    /// Either, which has to move on.
    Watched(Box<Watched>),
}

/// What ends an exchange before there is a response.
#[derive(Debug)]
pub enum ExchangeError {
    /// There is no connection.
    Connect(ConnectError),
    /// The request cannot be told over HTTP/2.
    Request(&'static str),
    /// The request's body.
    Upload(UploadError),
    /// The target closed or reset the connection before it said a word.
    Silence(io::Error),
    /// The target has not looked at the request, and says so.
    Refused(String),
    /// The target said something that is no response.
    Response(String),
    /// The target took too long.
    TimedOut,
}

/// Sends a request and waits for the head of the response.
pub async fn send(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    body: RequestBody,
) -> Result<(ResponseHead, Exchange), ExchangeError> {
    record.timing.begin();
    let (head, exchange) = match upstream.protocol() {
        TargetProtocol::Http1 => send_http1(upstream, record, order, body).await,
        TargetProtocol::H2c => send_http2(upstream, record, order, body.into()).await,
    }?;
    record.timing.answered();
    let limit = tuning(record).idle_timeout;
    let exchange = match head.status {
        StatusCode::SWITCHING_PROTOCOLS => exchange,
        _ if limit.is_zero() => exchange,
        _ => Exchange::Watched(Box::new(Watched::new(exchange, limit, record.upload.clone()))),
    };
    Ok((head, exchange))
}

/// Over HTTP/1, on an idle connection first.
///
/// An idle connection may be closed by the target at the same moment. Then the request is sent again on a new one, if it
/// may be repeated (idempotent, without a body).
async fn send_http1(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    mut body: RequestBody,
) -> Result<(ResponseHead, Exchange), ExchangeError> {
    let (limit, inform) = (response_limit(record, order), |head: &ResponseHead| inform(order, head));
    let is_repeatable = matches!(body, RequestBody::Empty) && is_idempotent(&record.method, &record.headers);
    if let Some(loan) = upstream.reuse(is_repeatable) {
        let mut exchange = begin_http1(loan, record, order, body);
        match exchange.response(&record.method, limit, inform).await {
            Ok(head) => return Ok((head, Exchange::Http1(exchange))),
            Err(ExchangeError::Silence(_)) if is_repeatable => body = RequestBody::Empty,
            Err(error) => return Err(error),
        }
    }
    let loan = record.timing.connecting(upstream.connect()).await.map_err(ExchangeError::Connect)?;
    let mut exchange = begin_http1(loan, record, order, body);
    let head = exchange.response(&record.method, limit, inform).await?;
    Ok((head, Exchange::Http1(exchange)))
}

fn begin_http1(loan: Loan, record: &AccessRecord, order: &Order, body: RequestBody) -> http1::Exchange {
    let about = forwarding(record, order, length_of(&body, record));
    let coding = if about.length == BodyLength::Chunked { Coding::Chunked } else { Coding::Plain };
    http1::Exchange::begin(loan, body, coding, |to| headers::write_for_target(&record.headers, &about, to))
}

/// Over HTTP/2, on any connection with room for it.
///
/// It is sent again if the target has not looked at it and its body's beginning is still at hand; or if the connection
/// was lost in the same moment, under the same conditions as with HTTP/1.
async fn send_http2(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    mut body: Repeatable,
) -> Result<(ResponseHead, Exchange), ExchangeError> {
    let is_repeatable = body.is_empty() && is_idempotent(&record.method, &record.headers);
    let about = forwarding(record, order, length_of(body.body(), record));
    let mut tries = 0;
    loop {
        tries += 1;
        let link = record.timing.connecting(upstream.link()).await.map_err(ExchangeError::Connect)?;
        let had_served = link.has_served();
        let (error, unsent) = match http2::Exchange::begin(link, request_for_target(record, &about)?, body) {
            Err(body) => (ExchangeError::Refused("the connection takes no more requests".into()), Some(body)),
            Ok(mut exchange) => {
                let response =
                    exchange.response(response_limit(record, order), |head| inform(order, head)).await;
                match response {
                    Ok(head) => return Ok((head, Exchange::Http2(Box::new(exchange)))),
                    Err(error) => (error, exchange.into_body()),
                }
            }
        };
        let may_repeat = match error {
            ExchangeError::Refused(_) => true,
            ExchangeError::Silence(_) => is_repeatable && had_served,
            _ => false,
        };
        body = match unsent {
            Some(unsent) if may_repeat && tries < TRIES => unsent,
            _ => return Err(error),
        };
    }
}

fn request_for_target(record: &AccessRecord, about: &Forwarding<'_>) -> Result<Request<()>, ExchangeError> {
    let url = Uri::builder().scheme("http").authority(about.named_host()).path_and_query(about.path);
    let url = url.build().map_err(|_| ExchangeError::Request("a host or path that HTTP/2 does not know"))?;
    let mut request = Request::new(());
    *request.method_mut() = record.method.clone();
    *request.uri_mut() = url;
    *request.headers_mut() = headers::map_for_target(&record.headers, about);
    Ok(request)
}

/// Passes an interim response on, where the client's connection can carry it.
fn inform(order: &Order, head: &ResponseHead) {
    if let Some(client) = &order.entrance.client {
        let mut head = ResponseHead { status: head.status, headers: head.headers.clone() };
        headers::clean_response(&mut head.headers);
        client.borrow_mut().inform(&head);
    }
}

fn forwarding<'a>(record: &'a AccessRecord, order: &'a Order, length: BodyLength) -> Forwarding<'a> {
    let target = record.target.as_ref().expect("a forwarded request has a target");
    Forwarding {
        method: &record.method,
        path: order.choice.path.as_deref().unwrap_or(record.uri.path_and_query()),
        length,
        peer: record.peer(),
        scheme: record.scheme(),
        host: record.host(),
        target: target.address.as_str(),
        is_trusting: record.is_trusting(),
        is_upgrade: order.is_upgrade,
    }
}

/// The time for the response header: the path's own, or that of all.
fn response_limit(record: &AccessRecord, order: &Order) -> Duration {
    let of_path = || {
        let path = order.choice.path.as_deref().unwrap_or(record.uri.path());
        let path = path.split('?').next().unwrap_or_default();
        tuning(record).response_timeout(&routes::decoded(path))
    };
    let own = if tuning(record).path_timeouts.is_empty() { None } else { of_path() };
    own.unwrap_or(options(record).response_timeout)
}

fn options(record: &AccessRecord) -> &TargetOptions {
    &record.target.as_ref().expect("a forwarded request has a target").options
}

fn tuning(record: &AccessRecord) -> &TargetTuning {
    &options(record).tuning
}

/// A body of no bytes is told as such only if the client told it: a plain GET stays plain.
fn length_of(body: &RequestBody, record: &AccessRecord) -> BodyLength {
    match body {
        RequestBody::Empty if record.headers.contains("content-length") => BodyLength::Exact(0),
        RequestBody::Empty => BodyLength::None,
        body => body.size_hint().exact().map_or(BodyLength::Chunked, BodyLength::Exact),
    }
}

fn is_idempotent(method: &Method, headers: &Fields) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || headers.contains("idempotency-key")
}

impl Exchange {
    /// The next part of the response's body. An upload that still goes on is driven along.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Exchange::Http1(exchange) => exchange.poll_body(cx).map_err(Into::into),
            Exchange::Http2(exchange) => exchange.poll_body(cx),
            Exchange::Watched(watched) => watched.poll_body(cx),
        }
    }

    /// Whether the response was read to its end.
    pub fn is_ended(&self) -> bool {
        match self {
            Exchange::Http1(exchange) => exchange.is_ended(),
            Exchange::Http2(exchange) => exchange.is_ended(),
            Exchange::Watched(watched) => watched.exchange.is_ended(),
        }
    }

    /// Reads the body in large parts from now on: it is going to be kept.
    pub fn read_to_keep(&mut self) {
        if let Exchange::Http1(exchange) = self {
            exchange.read_to_keep();
        }
    }

    /// The body, if all of it was read along with the head.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        match self {
            Exchange::Http1(exchange) => exchange.take_whole(),
            Exchange::Http2(_) => None,
            Exchange::Watched(watched) => watched.exchange.take_whole(),
        }
    }
}

impl Body for Exchange {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.get_mut().poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Exchange::Http1(exchange) => exchange.size_hint(),
            Exchange::Http2(exchange) => exchange.size_hint(),
            Exchange::Watched(watched) => watched.exchange.size_hint(),
        }
    }
}
