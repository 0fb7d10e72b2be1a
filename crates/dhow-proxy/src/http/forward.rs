//! Forwarding an admitted request to its target, and the target's answer to the client.

use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;

use crate::http::access_log::{AccessRecord, Entrance};
use crate::http::body::{Download, Incoming, RequestBody, UploadError};
use crate::http::buffer::{Buffer, BufferError, Limits};
use crate::http::exchange::Admitted;
use crate::http::fields::Fields;
use crate::http::finish::{finish, finish_head};
use crate::http::front::Front;
use crate::http::headers;
use crate::http::message::{Answer, ResponseHead};
use crate::http::progress::{Stall, Stalled};
use crate::http::send::{self, Exchange, ExchangeError};
use crate::http::upgrade::Tunnel;
use crate::http::upstream::{ConnectError, Lease, Upstream};
use crate::http::{affinity, cookies, error_page};
use crate::http1::client as http1;
use crate::http1::connection::ClientFault;
use crate::http1::server::discard_body;
use crate::log::Field;
use crate::options::TargetProtocol;
use crate::routes::without_port;

const GRPC: &[u8] = b"application/grpc";

/// Forwards a request and answers with what comes back, or with an error page; `None` if the client is gone.
pub async fn forward(
    front: &Front,
    entrance: Entrance,
    mut record: Box<AccessRecord>,
    admitted: Admitted,
    body: Incoming,
) -> Option<Answer> {
    let Admitted { in_flight, choice } = admitted;
    let limit = in_flight.target.options.tuning.idle_timeout;
    let body = record.watch(body, !limit.is_zero());
    let (upstream, mut lease) = front.upstreams.lease(in_flight);
    let may_upgrade =
        entrance.may_upgrade && body.is_end_stream() && upstream.protocol() == TargetProtocol::Http1;
    let order = Order { is_upgrade: may_upgrade && headers::is_upgrade(&record.headers), choice, entrance };
    let exchanged = {
        let mut exchanging = pin!(exchange(&upstream, &record, &order, body));
        tokio::select! {
            biased;
            received = exchanging.as_mut() => received,
            () = lease.cut() => Err(Failure::Cut),
            stall = stall(&record, limit) => Err(stall),
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
    /// The cookie that will bring the client back to this target, if it has to be set.
    pub pin: Option<String>,
}

/// What is settled before a request is sent.
pub struct Order {
    /// Why this target.
    pub choice: Choice,
    /// Whether the request's connection may change its protocol.
    pub is_upgrade: bool,
    /// Where the request came in.
    pub entrance: Entrance,
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
    Upgraded(http1::Exchange),
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

/// Ends when the request's body has not moved for too long, if there is such a limit.
async fn stall(record: &AccessRecord, limit: Duration) -> Failure {
    let upload = record.upload.as_ref().filter(|_| !limit.is_zero());
    let Some(upload) = upload else { return pending().await };
    match upload.stall(limit).await {
        Stall::Client => Failure::Client(ClientFault::Slow),
        Stall::Target => Failure::TimedOut,
    }
}

async fn exchange(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    body: Incoming,
) -> Result<Received, Failure> {
    let body = prepare(record, body).await?;
    let (head, exchange) = send::send(upstream, record, order, body).await?;
    receive(record, order, head, exchange).await
}

/// The request's body: none, read in full, or passed on as it comes.
async fn prepare(record: &AccessRecord, mut body: Incoming) -> Result<RequestBody, Failure> {
    if body.is_end_stream() {
        return Ok(RequestBody::Empty);
    }
    let options = &record.target.as_ref().expect("a forwarded request has a target").options;
    if !options.buffer_requests || is_grpc(&record.headers) {
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

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Connect(ConnectError::TimedOut) => Failure::TimedOut,
            ExchangeError::Connect(error) => Failure::Target(error.to_string()),
            ExchangeError::Request(what) => Failure::Client(ClientFault::Malformed(what)),
            ExchangeError::Upload(UploadError::Client(fault)) => Failure::Client(fault),
            ExchangeError::Upload(UploadError::Disk(error)) => Failure::Disk(error),
            ExchangeError::Silence(error) => Failure::Target(error.to_string()),
            ExchangeError::Refused(what) | ExchangeError::Response(what) => Failure::Target(what),
            ExchangeError::TimedOut => Failure::TimedOut,
        }
    }
}

/// Takes the answer in: whole if it is to be buffered, else only its head.
async fn receive(
    record: &AccessRecord,
    order: &Order,
    head: ResponseHead,
    mut exchange: Exchange,
) -> Result<Received, Failure> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return match exchange {
            Exchange::Http1(exchange) if order.is_upgrade => {
                Ok(Received { head, content: Content::Upgraded(exchange) })
            }
            _ => Err(Failure::Target("the target changed the protocol without being asked to".into())),
        };
    }
    let options = &record.target.as_ref().expect("a forwarded request has a target").options;
    if exchange.is_ended() || !options.buffer_responses || is_stream(&head.headers) {
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
    exchange.read_to_keep();
    let buffer = Buffer::fill(&mut exchange, limits).await.map_err(|error| match error {
        BufferError::TooLarge => Failure::ResponseTooLarge,
        BufferError::Disk(error) => Failure::Disk(error),
        BufferError::Source(error) if error.is::<Stalled>() => Failure::TimedOut,
        BufferError::Source(error) => Failure::Target(error.to_string()),
    })?;
    Ok(Received { head, content: Content::Buffered(Box::new(buffer)) })
}

/// Whether each part of a body is wanted as soon as it is there.
fn is_stream(headers: &Fields) -> bool {
    let kind = headers.text("content-type").split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/event-stream") || is_grpc(headers)
}

/// gRPC, whose two sides may answer each other within one request.
fn is_grpc(headers: &Fields) -> bool {
    let kind = headers.get("content-type").and_then(|kind| kind.get(..GRPC.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(GRPC))
}

/// Passes the answer on to the client.
fn deliver(record: Box<AccessRecord>, order: &Order, received: Received, lease: Lease) -> Answer {
    let Received { mut head, content } = received;
    let scopes_cookies = lease.target().options.scope_cookie_paths;
    let body = match content {
        Content::Upgraded(exchange) => return upgraded(head, exchange, record, lease),
        Content::Whole(body) => body.into(),
        Content::Buffered(buffer) => buffer.into(),
        Content::Streaming(exchange) => Download { exchange, lease }.into(),
    };
    headers::clean_response(&mut head.headers);
    let service = record.service.as_ref().expect("a forwarded request has a service");
    if order.choice.marks_writer {
        affinity::mark(&mut head.headers, service.options.writer_affinity_timeout);
    }
    if let Some(prefix) = &order.choice.stripped
        && scopes_cookies
    {
        cookies::scope_paths(&mut head.headers, prefix, without_port(record.host()));
    }
    if let Some(pin) = &order.choice.pin {
        head.headers.add("Set-Cookie", pin.as_bytes());
    }
    recorded(Answer { head, body }, record)
}

/// Answers 101 and joins the two sides; the record is written when they part.
fn upgraded(
    mut head: ResponseHead,
    exchange: http1::Exchange,
    mut record: Box<AccessRecord>,
    lease: Lease,
) -> Answer {
    let protocol = head.headers.get("upgrade").map(<[u8]>::to_vec);
    headers::clean_response(&mut head.headers);
    head.headers.add("Connection", b"Upgrade");
    if let Some(protocol) = protocol {
        head.headers.add("Upgrade", &protocol);
    }
    finish_head(&mut head, &record);
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
    let answer = finish(answer, &record);
    record.answered(answer.head.status.as_u16(), &answer.head.headers);
    Answer { head: answer.head, body: answer.body.recorded(record) }
}
