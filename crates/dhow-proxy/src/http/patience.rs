//! Patience with clients: a connection may be idle for ever, but a request's head that was begun has to be finished.
//!
//! hyper's own header timeout counts idle time too, which would close kept connections under the load balancers
//! that keep them.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// What is going on on a connection. (Shared by one thread only; hyper wants its streams to be `Send`.)
#[derive(Clone, Default)]
pub struct Activity {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: AtomicUsize,
    is_head_begun: AtomicBool,
    has_spoken: AtomicBool,
}

/// A request that is being answered; its connection is not judged as long as this lives.
pub struct Answering(Arc<State>);

impl Activity {
    /// A request's head was read in full.
    pub fn answering(&self) -> Answering {
        self.state.requests.fetch_add(1, Relaxed);
        self.state.is_head_begun.store(false, Relaxed);
        Answering(Arc::clone(&self.state))
    }

    /// Ends when nothing at all has arrived within `limit`.
    pub async fn silent(&self, limit: Duration) {
        sleep(limit).await;
        if self.state.has_spoken.load(Relaxed) {
            pending::<()>().await;
        }
    }

    /// Ends when a head was begun and not finished within `limit` (at the latest within twice of it).
    pub async fn stalled(&self, limit: Duration) {
        let mut was_begun = false;
        loop {
            sleep(limit).await;
            let is_begun = self.state.is_head_begun.load(Relaxed);
            if is_begun && was_begun {
                return;
            }
            was_begun = is_begun;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

/// A client's stream, which notes when a head begins to arrive.
pub struct ClientStream<S> {
    stream: S,
    activity: Activity,
}

impl<S> ClientStream<S> {
    /// Notes what arrives on `stream`.
    pub fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        let state = &self.activity.state;
        if to.filled().len() > before {
            state.has_spoken.store(true, Relaxed);
            state.is_head_begun.store(state.requests.load(Relaxed) == 0, Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
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
