//! Forwarding an admitted request to its target, and the target's answer to the client.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::{Method, StatusCode};

use crate::http::access_log::{AccessRecord, Entrance};
use crate::http::body::{Download, Incoming, RequestBody, UploadError};
use crate::http::buffer::{Buffer, BufferError, Limits};
use crate::http::exchange::Admitted;
use crate::http::fields::Fields;
use crate::http::front::Front;
use crate::http::headers::{self, BodyLength, Forwarding};
use crate::http::message::{Answer, ResponseHead};
use crate::http::upgrade::Tunnel;
use crate::http::upstream::{ConnectError, Lease, Loan, Upstream};
use crate::http::{affinity, cookies, error_page};
use crate::http1::client::{Exchange, ExchangeError};
use crate::http1::connection::ClientFault;
use crate::http1::output::Coding;
use crate::http1::server::discard_body;
use crate::log::Field;
use crate::routes::without_port;

/// Forwards a request and answers with what comes back, or with an error page; `None` if the client is gone.
pub async fn forward(
    front: &Front,
    entrance: Entrance,
    record: Box<AccessRecord>,
    admitted: Admitted,
    body: Incoming,
) -> Option<Answer> {
    let Admitted { in_flight, choice } = admitted;
    let (upstream, mut lease) = front.upstreams.lease(in_flight);
    let may_upgrade = entrance.client.is_some() && body.is_end_stream();
    let order = Order { is_upgrade: may_upgrade && headers::is_upgrade(&record.headers), choice, entrance };
    let exchanged = {
        let mut exchanging = pin!(exchange(&upstream, &record, &order, body));
        tokio::select! {
            biased;
            received = exchanging.as_mut() => received,
            () = lease.cut() => Err(Failure::Cut),
        }
    };
    match exchanged {
        Ok(received) => Some(deliver(record, &order, received, lease)),
        Err(failure) => fail(front, record, &failure),
    }
}

/// Why a target was chosen, and what that means for the request.
pub struct Choice {
    /// Path and query as the target gets them, where they are not the client's.
    pub path: Option<String>,
    /// The prefix that was stripped from the path, if any.
    pub stripped: Option<String>,
    /// Whether the response has to mark the client as one that has just written.
    pub marks_writer: bool,
}

/// What is settled before a request is sent.
struct Order {
    choice: Choice,
    is_upgrade: bool,
    entrance: Entrance,
}

/// A target's answer.
struct Received {
    head: ResponseHead,
    content: Content,
}

enum Content {
    Whole(Bytes),
    Streaming(Exchange),
    Buffered(Box<Buffer>),
    Upgraded(Exchange),
}

/// What stops a request on its way.
enum Failure {
    /// The client's body.
    Client(ClientFault),
    /// The client's body is over the limit.
    TooLarge,
    /// The target's body is over the limit.
    ResponseTooLarge,
    /// The temporary file of a buffer.
    Disk(std::io::Error),
    /// The target gave no proper answer.
    Target(String),
    /// The target took too long.
    TimedOut,
    /// The target is drained and waited for this request long enough.
    Cut,
}

async fn exchange(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    body: Incoming,
) -> Result<Received, Failure> {
    let body = prepare(record, body).await?;
    let (head, exchange) = send(upstream, record, order, body).await?;
    receive(record, order, head, exchange).await
}

/// The request's body: none, read in full, or passed on as it comes.
async fn prepare(record: &AccessRecord, mut body: Incoming) -> Result<RequestBody, Failure> {
    if body.is_end_stream() {
        return Ok(RequestBody::Empty);
    }
    let options = &record.target.as_ref().expect("a forwarded request has a target").options;
    if !options.buffer_requests {
        return Ok(RequestBody::Streaming(body));
    }
    let limits = Limits::new(options.max_memory_buffer_size, options.max_request_body_size);
    if body.size_hint().exact().is_some_and(|length| limits.refuse(length)) {
        if !record.headers.contains("expect") {
            discard_body(&mut body).await;
        }
        return Err(Failure::TooLarge);
    }
    match Buffer::fill(&mut body, limits).await {
        Ok(buffer) => Ok(RequestBody::Buffered(Box::new(buffer))),
        Err(BufferError::Source(fault)) => Err(Failure::Client(fault)),
        Err(BufferError::Disk(error)) => Err(Failure::Disk(error)),
        Err(BufferError::TooLarge) => {
            discard_body(&mut body).await;
            Err(Failure::TooLarge)
        }
    }
}

/// Sends the request, on an idle connection first.
///
/// An idle connection may be closed by the target at the same moment. Then the request is sent again on a new one, if it
/// may be repeated (idempotent, without a body).
async fn send(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    mut body: RequestBody,
) -> Result<(ResponseHead, Exchange), Failure> {
    let is_repeatable = matches!(body, RequestBody::Empty) && is_idempotent(&record.method, &record.headers);
    if let Some(loan) = upstream.reuse(is_repeatable) {
        let mut exchange = begin(loan, record, order, body);
        match respond(&mut exchange, record, order).await {
            Ok(head) => return Ok((head, exchange)),
            Err(ExchangeError::Silence(_)) if is_repeatable => body = RequestBody::Empty,
            Err(error) => return Err(error.into()),
        }
    }
    let loan = upstream.connect().await.map_err(|error| match error {
        ConnectError::TimedOut => Failure::TimedOut,
        ConnectError::Failed(_) => Failure::Target(error.to_string()),
    })?;
    let mut exchange = begin(loan, record, order, body);
    Ok((respond(&mut exchange, record, order).await?, exchange))
}

async fn respond(
    exchange: &mut Exchange,
    record: &AccessRecord,
    order: &Order,
) -> Result<ResponseHead, ExchangeError> {
    let limit = record.target.as_ref().map_or(Duration::ZERO, |target| target.options.response_timeout);
    let inform = |head: &ResponseHead| {
        if let Some(client) = &order.entrance.client {
            let mut head = ResponseHead { status: head.status, headers: head.headers.clone() };
            headers::clean_response(&mut head.headers);
            client.borrow_mut().inform(&head);
        }
    };
    exchange.response(&record.method, limit, inform).await
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Upload(UploadError::Client(fault)) => Failure::Client(fault),
            ExchangeError::Upload(UploadError::Disk(error)) => Failure::Disk(error),
            ExchangeError::Silence(error) => Failure::Target(error.to_string()),
            ExchangeError::Response(what) => Failure::Target(what),
            ExchangeError::TimedOut => Failure::TimedOut,
        }
    }
}

fn begin(loan: Loan, record: &AccessRecord, order: &Order, body: RequestBody) -> Exchange {
    let target = record.target.as_ref().expect("a forwarded request has a target");
    let length = length_of(&body, record);
    let about = Forwarding {
        method: &record.method,
        path: order.choice.path.as_deref().unwrap_or(record.uri.path_and_query()),
        length,
        peer: record.peer(),
        scheme: record.scheme(),
        host: record.host(),
        target: target.address.as_str(),
        is_trusting: record.is_trusting(),
        is_upgrade: order.is_upgrade,
    };
    let coding = if length == BodyLength::Chunked { Coding::Chunked } else { Coding::Plain };
    Exchange::begin(loan, body, coding, |to| headers::write_for_target(&record.headers, &about, to))
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

/// Takes the answer in: whole if it is to be buffered, else only its head.
async fn receive(
    record: &AccessRecord,
    order: &Order,
    head: ResponseHead,
    mut exchange: Exchange,
) -> Result<Received, Failure> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if !order.is_upgrade {
            return Err(Failure::Target("the target changed the protocol without being asked to".into()));
        }
        return Ok(Received { head, content: Content::Upgraded(exchange) });
    }
    let options = &record.target.as_ref().expect("a forwarded request has a target").options;
    if exchange.is_ended() || !options.buffer_responses || is_event_stream(&head.headers) {
        return Ok(Received { head, content: Content::Streaming(exchange) });
    }
    let limits = Limits::new(options.max_memory_buffer_size, options.max_response_body_size);
    if exchange.size_hint().exact().is_some_and(|length| limits.refuse(length)) {
        return Err(Failure::ResponseTooLarge);
    }
    if limits.memory > 0
        && let Some(body) = exchange.take_whole()
    {
        return Ok(Received { head, content: Content::Whole(body) });
    }
    let buffer = Buffer::fill(&mut exchange, limits).await.map_err(|error| match error {
        BufferError::TooLarge => Failure::ResponseTooLarge,
        BufferError::Disk(error) => Failure::Disk(error),
        BufferError::Source(error) => Failure::Target(error.to_string()),
    })?;
    Ok(Received { head, content: Content::Buffered(Box::new(buffer)) })
}

fn is_event_stream(headers: &Fields) -> bool {
    let kind = headers.text("content-type").split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/event-stream")
}

/// Passes the answer on to the client.
fn deliver(record: Box<AccessRecord>, order: &Order, received: Received, lease: Lease) -> Answer {
    let Received { mut head, content } = received;
    if let Content::Upgraded(exchange) = content {
        return upgraded(head, exchange, record, lease);
    }
    headers::clean_response(&mut head.headers);
    let service = record.service.as_ref().expect("a forwarded request has a service");
    if order.choice.marks_writer {
        affinity::mark(&mut head.headers, service.options.writer_affinity_timeout);
    }
    if let Some(prefix) = &order.choice.stripped
        && lease.target().options.scope_cookie_paths
    {
        cookies::scope_paths(&mut head.headers, prefix, without_port(record.host()));
    }
    let body = match content {
        Content::Whole(body) => body.into(),
        Content::Buffered(buffer) => buffer.into(),
        Content::Streaming(exchange) | Content::Upgraded(exchange) => Download { exchange, lease }.into(),
    };
    recorded(Answer { head, body }, record)
}

/// Answers 101 and joins the two sides; the record is written when they part.
fn upgraded(
    mut head: ResponseHead,
    exchange: Exchange,
    mut record: Box<AccessRecord>,
    lease: Lease,
) -> Answer {
    let protocol = head.headers.get("upgrade").map(<[u8]>::to_vec);
    headers::clean_response(&mut head.headers);
    head.headers.add("Connection", b"Upgrade");
    if let Some(protocol) = protocol {
        head.headers.add("Upgrade", &protocol);
    }
    record.answered(head.status.as_u16(), &head.headers);
    let (target, early) = exchange.into_parts();
    Answer { head, body: Tunnel { target, early, lease, record }.into() }
}

fn fail(front: &Front, record: Box<AccessRecord>, failure: &Failure) -> Option<Answer> {
    log_failure(front, &record, failure);
    let status = match failure {
        // The record tells by itself that nobody was there.
        Failure::Client(ClientFault::Gone) => return None,
        Failure::Client(ClientFault::Malformed(_)) => StatusCode::BAD_REQUEST,
        Failure::Client(ClientFault::Slow) => StatusCode::REQUEST_TIMEOUT,
        Failure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::ResponseTooLarge | Failure::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Failure::Target(_) => StatusCode::BAD_GATEWAY,
        Failure::TimedOut | Failure::Cut => StatusCode::GATEWAY_TIMEOUT,
    };
    let mut answer = error_page::respond(status, "", record.service.as_deref());
    if let Failure::Client(_) = failure {
        // Where such a body ends, nobody knows.
        answer = answer.with("Connection", "close");
    }
    Some(recorded(answer, record))
}

fn log_failure(front: &Front, record: &AccessRecord, failure: &Failure) {
    let target = record.target.as_ref().map_or("", |target| target.address.as_str());
    let path = record.uri.path();
    let fields: [(&str, &dyn Field); 2] = [("target", &target), ("path", &path)];
    let proxying = |error: &str| {
        let fields: [(&str, &dyn Field); 3] = [("target", &target), ("path", &path), ("error", &error)];
        front.log.error("Error while proxying", &fields);
    };
    match failure {
        Failure::Client(ClientFault::Malformed(_)) => front.log.info("Malformed request", &fields),
        Failure::Client(_) | Failure::TooLarge => {}
        Failure::ResponseTooLarge => front.log.info("Response exceeded max response limit", &fields),
        Failure::Disk(error) => proxying(&format!("buffering in a temporary file: {error}")),
        Failure::Target(error) => proxying(error),
        Failure::TimedOut => proxying("request timed out"),
        Failure::Cut => front.log.info("Request cancelled due to draining", &fields),
    }
}

/// The answer, with the record to be written when its body has been sent.
pub fn recorded(answer: Answer, mut record: Box<AccessRecord>) -> Answer {
    record.answered(answer.head.status.as_u16(), &answer.head.headers);
    Answer { head: answer.head, body: answer.body.recorded(record) }
}
