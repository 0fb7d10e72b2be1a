//! A request's body over HTTP/3.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::server::RequestStream;
use hyper::body::{Body, Frame, SizeHint};

use crate::http::fields::Fields;
use crate::http1::connection::ClientFault;
use crate::http3::quic::RecvStream;

const TOO_LONG: ClientFault = ClientFault::Malformed("a body longer than its Content-Length");
const TOO_SHORT: ClientFault = ClientFault::Malformed("a body shorter than its Content-Length");

/// A body as it comes in. What it says about its length is held against it: a target is told the same length.
pub struct ClientBody {
    stream: RequestStream<RecvStream, Bytes>,
    held: Rc<Cell<usize>>,
    first: Option<Bytes>,
    left: Option<u64>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Data,
    Trailers,
    Ended,
}

impl ClientBody {
    /// The body that follows a head, whose length is what `declared` says.
    pub fn new(
        stream: RequestStream<RecvStream, Bytes>,
        held: Rc<Cell<usize>>,
        declared: Option<u64>,
    ) -> Self {
        Self { stream, held, first: None, left: declared, state: State::Data }
    }

    /// Finds out whether there is any body at all, where the head does not say so.
    pub fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientFault>> {
        self.first = ready!(self.poll_data(cx))?;
        Poll::Ready(Ok(()))
    }

    /// Whether there is none, as far as [`ClientBody::poll_begun`] has found out.
    pub fn is_empty(&self) -> bool {
        self.first.is_none() && self.state != State::Data
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ClientFault>> {
        loop {
            let received = ready!(self.stream.poll_recv_data(cx)).map_err(|_| ClientFault::Gone)?;
            let Some(mut data) = received else {
                self.state = State::Trailers;
                let is_short = self.left.is_some_and(|left| left > 0);
                return Poll::Ready(if is_short { Err(TOO_SHORT) } else { Ok(None) });
            };
            self.held.set(0);
            let data = data.copy_to_bytes(data.remaining());
            if let Some(left) = &mut self.left {
                *left = left.checked_sub(data.len() as u64).ok_or(TOO_LONG)?;
            }
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = ClientFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientFault>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if self.state == State::Data
            && let Some(data) = ready!(self.poll_data(cx))?
        {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        let trailers = ready!(self.stream.poll_recv_trailers(cx)).map_err(|_| ClientFault::Gone)?;
        self.state = State::Ended;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.first.as_ref().map_or(0, Bytes::len) as u64;
        self.left.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + waiting))
    }
}

/// What a head says about the length of the body. The error is the text of a 400.
pub fn declared(headers: &Fields) -> Result<Option<u64>, &'static str> {
    let mut lines = headers.all("content-length");
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(length), None) if length.iter().all(u8::is_ascii_digit) => {
            let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
            length.map(Some).ok_or("400 Bad Request: invalid Content-Length")
        }
        _ => Err("400 Bad Request: invalid Content-Length"),
    }
}
