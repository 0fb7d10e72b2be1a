//! Where the metrics are read: HTTP on a port of its own, every path of which is the page; but for those of the status,
//! where that is wanted.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{Metrics, exposition, report, status};
use crate::inventory::Inventory;
use crate::router::Router;

/// How long whoever asks may take to do so, or be idle between two questions.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Answers until this future is dropped. For use inside the control thread's runtime.
pub async fn serve(
    listener: std::net::TcpListener,
    metrics: Metrics,
    router: Arc<Router>,
    shows_status: bool,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let told = Arc::new(Told { metrics, router, shows_status });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&told)))),
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
}

/// What there is to tell.
struct Told {
    metrics: Metrics,
    router: Arc<Router>,
    shows_status: bool,
}

async fn converse(stream: TcpStream, told: Arc<Told>) {
    let answers = service_fn(|request| {
        let told = Arc::clone(&told);
        async move { Ok::<_, Infallible>(answer(&request, &told).await) }
    });
    let server = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answers);
    // A connection that ends in an error has told its client what it could; there is nobody else to tell.
    server.await.ok();
}

async fn answer(request: &Request<Incoming>, told: &Told) -> Response<Text> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let inventory = || Inventory::of(&told.router, &told.router.acme());
    match request.uri().path() {
        "/status" if told.shows_status => {
            return document("text/html; charset=utf-8", status::page(&inventory()));
        }
        "/status.json" if told.shows_status => {
            let json = serde_json::to_string(&inventory()).expect("an inventory is plain data");
            return document("application/json", json);
        }
        _ => {}
    }
    match told.metrics.gather().await {
        Some(counts) => document(exposition::CONTENT_TYPE, report::page(&counts, &told.router)),
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "a worker did not answer in time\n".into()),
    }
}

/// What is told now is not to be kept, nor is anything in it to be run.
fn document(kind: &'static str, text: String) -> Response<Text> {
    let mut document = plain(StatusCode::OK, text);
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    for (name, value) in
        [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, policy)]
    {
        document.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    document
}

fn plain(status: StatusCode, text: String) -> Response<Text> {
    let mut response = Response::new(Text(Some(text.into())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// A body in one piece.
struct Text(Option<Bytes>);

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}
