//! Where the metrics are read: HTTP on a port of its own, every path of which is the page.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{Metrics, exposition, report};
use crate::router::Router;

/// How long whoever asks may take to do so, or be idle between two questions.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Answers until this future is dropped. For use inside the control thread's runtime.
pub async fn serve(listener: std::net::TcpListener, metrics: Metrics, router: Arc<Router>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let metrics = Arc::new(metrics);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                drop(tokio::spawn(converse(stream, Arc::clone(&metrics), Arc::clone(&router))))
            }
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
}

async fn converse(stream: TcpStream, metrics: Arc<Metrics>, router: Arc<Router>) {
    let answers = service_fn(|request| {
        let (metrics, router) = (Arc::clone(&metrics), Arc::clone(&router));
        async move { Ok::<_, Infallible>(answer(&request, &metrics, &router).await) }
    });
    let server = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answers);
    // A connection that ends in an error has told its client what it could; there is nobody else to tell.
    server.await.ok();
}

async fn answer(request: &Request<Incoming>, metrics: &Metrics, router: &Router) -> Response<Text> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match metrics.gather().await {
        Some(counts) => {
            let mut page = plain(StatusCode::OK, report::page(&counts, router));
            page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition::CONTENT_TYPE));
            page
        }
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "a worker did not answer in time\n".into()),
    }
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
