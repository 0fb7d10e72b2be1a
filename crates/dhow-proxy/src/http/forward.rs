//! Forwarding an admitted request to its target, and the target's answer to the client.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tokio::time::{sleep, timeout};

use crate::http::access_log::AccessRecord;
use crate::http::body::{Download, Progress, RequestBody, ResponseBody, Upload};
use crate::http::buffer::{Buffer, BufferError, Limits};
use crate::http::exchange::Admitted;
use crate::http::front::Front;
use crate::http::headers::{self, Forwarding};
use crate::http::upgrade::tunnel;
use crate::http::upstream::{ConnectError, Lease, Loan, Upstream};
use crate::http::{affinity, cookies, error_page};
use crate::log::Field;
use crate::routes::without_port;

/// How much of a body that is too large is read and thrown away, so that its sender gets to read the 413.
const DISCARDED: usize = 4 * 1024 * 1024;

/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(2);

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Forwards a request and answers with what comes back, or with an error page.
pub async fn forward(
    front: &Front,
    record: Box<AccessRecord>,
    admitted: Admitted,
    body: Incoming,
    upgrade: Option<OnUpgrade>,
) -> Response<ResponseBody> {
    let Admitted { in_flight, choice } = admitted;
    let (upstream, mut lease) = front.upstreams.lease(in_flight);
    let order = Order { is_upgrade: upgrade.is_some() && headers::is_upgrade(&record.headers), choice };
    let answer = tokio::select! {
        answer = exchange(&upstream, &record, &order, body) => answer,
        () = lease.cut() => Err(Failure::Cut),
    };
    match answer {
        Ok(answer) => deliver(record, &order, answer, lease, upgrade),
        Err(failure) => fail(front, record, &failure),
    }
}

/// Why a target was chosen, and what that means for the request.
pub struct Choice {
    /// Path and query as the target gets them.
    pub path: Uri,
    /// The prefix that was stripped from the path, if any.
    pub stripped: Option<String>,
    /// Whether the response has to mark the client as one that has just written.
    pub marks_writer: bool,
}

/// What is settled before a request is sent.
struct Order {
    choice: Choice,
    is_upgrade: bool,
}

/// A target's answer.
struct Answer {
    head: Parts,
    content: Content,
}

enum Content {
    Streaming(Incoming, Loan),
    Buffered(Box<Buffer>),
    Upgraded(OnUpgrade),
}

/// What stops a request on its way.
enum Failure {
    /// The client's body is no body.
    Malformed,
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
) -> Result<Answer, Failure> {
    let (body, progress) = prepare(record, body).await?;
    let (response, loan) = send(upstream, record, order, body, progress).await?;
    receive(record, order, response, loan).await
}

/// The request's body: none, read in full, or passed on as it comes.
async fn prepare(
    record: &AccessRecord,
    mut body: Incoming,
) -> Result<(RequestBody, Option<Rc<Progress>>), Failure> {
    if body.is_end_stream() {
        return Ok((RequestBody::Empty, None));
    }
    let options = &record.target.as_ref().expect("a forwarded request has a target").options;
    if !options.buffer_requests {
        let (upload, progress) = Upload::new(body);
        return Ok((RequestBody::Streaming(upload), Some(progress)));
    }
    let limits = Limits::new(options.max_memory_buffer_size, options.max_request_body_size);
    if body.size_hint().exact().is_some_and(|length| limits.refuse(length)) {
        if !record.headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(Failure::TooLarge);
    }
    match Buffer::fill(&mut body, limits).await {
        Ok(buffer) => Ok((RequestBody::Buffered(Box::new(buffer)), None)),
        Err(BufferError::Source(_)) => Err(Failure::Malformed),
        Err(BufferError::Disk(error)) => Err(Failure::Disk(error)),
        Err(BufferError::TooLarge) => {
            discard(body).await;
            Err(Failure::TooLarge)
        }
    }
}

/// Reads a bounded part of a body that nobody wants: closing at once would reset the connection under the answer.
async fn discard(mut body: Incoming) {
    let reading = async {
        let mut read = 0;
        while read < DISCARDED
            && let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // Too slow: answer now, and let the connection end as it will.
    timeout(DISCARD_TIME, reading).await.ok();
}

/// Sends the request, on an idle connection first.
///
/// An idle connection may be closed by the target at the same moment. Then the request is sent again on a new one,
/// if it cannot have been seen (nothing was written) or may be repeated (idempotent, without a body).
async fn send(
    upstream: &Rc<Upstream>,
    record: &AccessRecord,
    order: &Order,
    body: RequestBody,
    progress: Option<Rc<Progress>>,
) -> Result<(Response<Incoming>, Loan), Failure> {
    let is_repeatable = matches!(body, RequestBody::Empty) && is_idempotent(&record.method, &record.headers);
    let mut body = body;
    if let Some(loan) = upstream.reuse().await {
        match attempt(loan, request(record, order, body)?, record, progress.as_deref()).await {
            Ok(answered) => return Ok(answered),
            Err(Setback::Unsent(unsent)) => body = unsent,
            Err(Setback::Lost(_)) if is_repeatable => body = RequestBody::Empty,
            Err(Setback::Lost(failure)) => return Err(failure),
        }
    }
    let loan = upstream.connect().await.map_err(|error| match error {
        ConnectError::TimedOut => Failure::TimedOut,
        ConnectError::Failed(_) => Failure::Target(error.to_string()),
    })?;
    attempt(loan, request(record, order, body)?, record, progress.as_deref()).await.map_err(|setback| {
        match setback {
            Setback::Unsent(_) => Failure::Target("the target closed a new connection".into()),
            Setback::Lost(failure) => failure,
        }
    })
}

/// An attempt that brought no answer.
enum Setback {
    /// Nothing was written: here is the body again.
    Unsent(RequestBody),
    /// The target may have seen the request.
    Lost(Failure),
}

async fn attempt(
    mut loan: Loan,
    request: Request<RequestBody>,
    record: &AccessRecord,
    progress: Option<&Progress>,
) -> Result<(Response<Incoming>, Loan), Setback> {
    let limit = record.target.as_ref().map_or(Duration::ZERO, |target| target.options.response_timeout);
    let sent = tokio::select! {
        sent = loan.sender().try_send_request(request) => sent,
        () = deadline(limit, progress) => return Err(Setback::Lost(Failure::TimedOut)),
    };
    match sent {
        Ok(response) => Ok((response, loan)),
        Err(mut error) => match error.take_message() {
            Some(request) => Err(Setback::Unsent(request.into_body())),
            None if progress.is_some_and(Progress::is_broken) => Err(Setback::Lost(Failure::Malformed)),
            None => Err(Setback::Lost(Failure::Target(told(error.error())))),
        },
    }
}

/// Ends when the target has had its time, which counts from the end of the upload.
async fn deadline(limit: Duration, progress: Option<&Progress>) {
    if limit.is_zero() {
        pending::<()>().await;
    }
    if let Some(progress) = progress {
        progress.ended().await;
    }
    sleep(limit).await;
}

fn request(record: &AccessRecord, order: &Order, body: RequestBody) -> Result<Request<RequestBody>, Failure> {
    let target = record.target.as_ref().expect("a forwarded request has a target");
    let about = Forwarding {
        peer: record.peer().ip().to_canonical(),
        scheme: record.scheme(),
        host: record.host(),
        target: target.address.as_str(),
        is_trusting: target.options.forward_headers,
        is_upgrade: order.is_upgrade,
    };
    let mut request = Request::new(body);
    *request.method_mut() = record.method.clone();
    *request.uri_mut() = order.choice.path.clone();
    *request.headers_mut() = headers::for_target(&record.headers, &about);
    Ok(request)
}

fn is_idempotent(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || headers.contains_key(&IDEMPOTENCY_KEY)
}

/// Takes the answer in: whole if it is to be buffered, else only its head.
async fn receive(
    record: &AccessRecord,
    order: &Order,
    mut response: Response<Incoming>,
    mut loan: Loan,
) -> Result<Answer, Failure> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if !order.is_upgrade {
            return Err(Failure::Target("the target changed the protocol without being asked to".into()));
        }
        let upgrade = hyper::upgrade::on(&mut response);
        return Ok(Answer { head: response.into_parts().0, content: Content::Upgraded(upgrade) });
    }
    let (head, mut incoming) = response.into_parts();
    if incoming.is_end_stream() {
        loan.give_back();
        return Ok(Answer { head, content: Content::Streaming(incoming, loan) });
    }
    let options = &record.target.as_ref().expect("a forwarded request has a target").options;
    if !options.buffer_responses || is_event_stream(&head.headers) {
        return Ok(Answer { head, content: Content::Streaming(incoming, loan) });
    }
    let limits = Limits::new(options.max_memory_buffer_size, options.max_response_body_size);
    if incoming.size_hint().exact().is_some_and(|length| limits.refuse(length)) {
        return Err(Failure::ResponseTooLarge);
    }
    let buffer = Buffer::fill(&mut incoming, limits).await.map_err(|error| match error {
        BufferError::TooLarge => Failure::ResponseTooLarge,
        BufferError::Disk(error) => Failure::Disk(error),
        BufferError::Source(error) => Failure::Target(told(&error)),
    })?;
    loan.give_back();
    Ok(Answer { head, content: Content::Buffered(Box::new(buffer)) })
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers::text(headers, &header::CONTENT_TYPE).split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/event-stream")
}

/// Passes the answer on to the client.
fn deliver(
    record: Box<AccessRecord>,
    order: &Order,
    answer: Answer,
    lease: Lease,
    upgrade: Option<OnUpgrade>,
) -> Response<ResponseBody> {
    let Answer { mut head, content } = answer;
    let protocol = head.headers.get(header::UPGRADE).cloned();
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
    let mut response = Response::new(ResponseBody::from(Bytes::new()));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    match content {
        Content::Streaming(incoming, loan) => {
            *response.body_mut() = Download { incoming, lease, loan }.into();
        }
        Content::Buffered(buffer) => *response.body_mut() = buffer.into(),
        Content::Upgraded(target) => return upgraded(response, record, protocol, (upgrade, target), lease),
    }
    recorded(response, record)
}

/// Answers 101 and joins the two sides; the record is written when they part.
fn upgraded(
    mut response: Response<ResponseBody>,
    mut record: Box<AccessRecord>,
    protocol: Option<HeaderValue>,
    sides: (Option<OnUpgrade>, OnUpgrade),
    lease: Lease,
) -> Response<ResponseBody> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Some(protocol) = protocol {
        response.headers_mut().insert(header::UPGRADE, protocol);
    }
    record.answered(response.status().as_u16(), response.headers());
    if let (Some(client), target) = sides {
        tokio::task::spawn_local(tunnel(client, target, lease, record));
    }
    response
}

fn fail(front: &Front, record: Box<AccessRecord>, failure: &Failure) -> Response<ResponseBody> {
    log_failure(front, &record, failure);
    let status = match failure {
        Failure::Malformed => StatusCode::BAD_REQUEST,
        Failure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::ResponseTooLarge | Failure::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Failure::Target(_) => StatusCode::BAD_GATEWAY,
        Failure::TimedOut | Failure::Cut => StatusCode::GATEWAY_TIMEOUT,
    };
    let response = error_page::respond(status, "", record.service.as_deref());
    recorded(response, record)
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
        Failure::Malformed => front.log.info("Malformed request", &fields),
        Failure::TooLarge => {}
        Failure::ResponseTooLarge => front.log.info("Response exceeded max response limit", &fields),
        Failure::Disk(error) => proxying(&format!("buffering in a temporary file: {error}")),
        Failure::Target(error) => proxying(error),
        Failure::TimedOut => proxying("request timed out"),
        Failure::Cut => front.log.info("Request cancelled due to draining", &fields),
    }
}

/// The response, with the record to be written when its body has been sent.
pub fn recorded(response: Response<ResponseBody>, mut record: Box<AccessRecord>) -> Response<ResponseBody> {
    record.answered(response.status().as_u16(), response.headers());
    response.map(|body| body.recorded(record))
}

/// An error with its causes: hyper keeps what really happened in the source.
fn told(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
