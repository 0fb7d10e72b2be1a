//! How far the bodies of a request are: how many bytes have come from the client, and whether anything moves at all.

use std::cell::Cell;
use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, sleep_until};

use crate::http::body::{BodyError, Incoming};
use crate::http::send::Exchange;
use crate::http1::connection::ClientFault;
use crate::http1::deadline::Deadline;

/// What is noted about a body on its way to a target.
pub struct Progress {
    received: Cell<u64>,
    moved: Cell<Instant>,
    state: Cell<State>,
}

/// Whom a body waits for.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The client, to send more.
    Client,
    /// The target, to take more.
    Target,
    /// Nobody: all of it has come.
    Ended,
}

/// A body that does not move on, and whose fault that is.
#[derive(Debug, PartialEq)]
pub enum Stall {
    /// The client sends no more.
    Client,
    /// The target takes no more.
    Target,
}

impl Progress {
    /// The body, with what is noted about it from here on.
    pub fn of(body: Incoming) -> (Rc<Self>, Incoming) {
        let moved = Cell::new(Instant::now());
        let progress = Rc::new(Self { received: Cell::new(0), moved, state: Cell::new(State::Client) });
        let noted = Noted { body, progress: Rc::clone(&progress) };
        (progress, Incoming::Noted(Box::new(noted)))
    }

    /// Bytes that have come from the client.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Ends when the body has not moved for so long, if it ever does.
    pub async fn stall(&self, limit: Duration) -> Stall {
        loop {
            sleep_until(self.moved.get() + limit).await;
            match self.state.get() {
                // From here on, it is for the target to answer.
                State::Ended => pending::<()>().await,
                _ if self.moved.get().elapsed() < limit => {}
                State::Client => return Stall::Client,
                State::Target => return Stall::Target,
            }
        }
    }
}

/// A body from a client that is taken note of.
pub struct Noted {
    /// As it comes.
    pub body: Incoming,
    progress: Rc<Progress>,
}

impl Noted {
    /// The next part.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFault>>> {
        let Self { body, progress } = self;
        progress.state.set(State::Client);
        let frame = ready!(Pin::new(body).poll_frame(cx));
        progress.moved.set(Instant::now());
        progress.state.set(if frame.is_some() { State::Target } else { State::Ended });
        if let Some(Ok(frame)) = &frame {
            let length = frame.data_ref().map_or(0, Bytes::len);
            progress.received.set(progress.received.get() + length as u64);
        }
        if self.body.is_end_stream() {
            self.progress.state.set(State::Ended);
        }
        Poll::Ready(frame)
    }
}

/// An exchange whose response has to move on.
pub struct Watched {
    /// As it is.
    pub exchange: Exchange,
    limit: Duration,
    upload: Option<Rc<Progress>>,
    waiting_since: Option<Instant>,
    deadline: Deadline,
}

/// Why a watched body ends early.
#[derive(Debug)]
pub struct Stalled(Duration);

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the target's response has not moved on for {:?}", self.0)
    }
}

impl std::error::Error for Stalled {}

impl Watched {
    /// A response that may stop for no longer than `limit`, unless its request moves on meanwhile.
    pub fn new(exchange: Exchange, limit: Duration, upload: Option<Rc<Progress>>) -> Self {
        Self { exchange, limit, upload, waiting_since: None, deadline: Deadline::default() }
    }

    /// The next part.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = self.exchange.poll_body(cx) {
            self.waiting_since = None;
            return Poll::Ready(frame);
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        loop {
            let moved = self.upload.as_ref().map_or(since, |upload| upload.moved.get().max(since));
            self.deadline.set(moved + self.limit);
            ready!(self.deadline.poll_passed(cx));
            if moved.elapsed() >= self.limit {
                return Poll::Ready(Some(Err(Stalled(self.limit).into())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_body_stalls_when_it_has_not_moved_for_so_long() {
        let (progress, _body) = Progress::of(Incoming::None);
        for (state, fault) in [(State::Client, Stall::Client), (State::Target, Stall::Target)] {
            progress.state.set(state);
            progress.moved.set(Instant::now());
            let moving = async {
                for _ in 0..4 {
                    sleep(Duration::from_secs(4)).await;
                    progress.moved.set(Instant::now());
                }
                pending::<()>().await;
            };
            let begun = Instant::now();
            let stalled =
                tokio::select! { stall = progress.stall(LIMIT) => stall, () = moving => unreachable!() };
            assert_eq!((stalled, begun.elapsed().as_secs()), (fault, 21));
        }
        progress.state.set(State::Ended);
        assert!(timeout(LIMIT * 10, progress.stall(LIMIT)).await.is_err(), "the rest is the target's");
    }
}
