//! Patience with HTTP/2 clients: whoever opens a connection has to say something soon. Afterwards, pings tell who is gone.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// Bytes of HTTP/2's first words (RFC 9113, section 3.4).
const PREFACE: usize = 24;

/// How much has arrived on a connection. (Shared by one thread only; hyper wants its streams to be `Send`.)
#[derive(Clone, Default)]
pub struct Activity {
    received: Arc<AtomicUsize>,
}

impl Activity {
    /// Ends when the first words have not arrived within `limit`.
    pub async fn silent(&self, limit: Duration) {
        sleep(limit).await;
        if self.received.load(Relaxed) >= PREFACE {
            pending::<()>().await;
        }
    }
}

/// A client's stream, which notes when something arrives.
pub struct NotedStream<S> {
    stream: S,
    early: BytesMut,
    activity: Activity,
}

impl<S> NotedStream<S> {
    /// Notes what arrives on `stream`, of which `early` was read before.
    pub fn new(stream: S, early: BytesMut, activity: Activity) -> Self {
        Self { stream, early, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for NotedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        if self.early.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        } else {
            let length = self.early.len().min(to.remaining());
            to.put_slice(&self.early[..length]);
            self.early.advance(length);
        }
        self.activity.received.fetch_add(to.filled().len() - before, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for NotedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
