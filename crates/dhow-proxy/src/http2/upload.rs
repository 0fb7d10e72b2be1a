//! A request's body on its way to a target.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;
use hyper::body::{Body, Frame};

use crate::http::body::{RequestBody, UploadError};

/// Bytes of a body that are kept until there is an answer, in case the target has not looked at the request at all.
const KEPT: usize = 64 * 1024;

/// A body whose beginning can be sent again.
pub struct Repeatable {
    body: RequestBody,
    kept: Vec<Bytes>,
    next: usize,
    is_whole: bool,
}

impl From<RequestBody> for Repeatable {
    fn from(body: RequestBody) -> Self {
        Self { body, kept: Vec::new(), next: 0, is_whole: true }
    }
}

impl Repeatable {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self.body, RequestBody::Empty)
    }

    /// As it is.
    pub fn body(&self) -> &RequestBody {
        &self.body
    }

    /// The same from its beginning, if that is still known.
    pub fn again(mut self) -> Option<Self> {
        self.next = 0;
        self.is_whole.then_some(self)
    }

    fn forget(&mut self) {
        self.is_whole = false;
        self.kept.drain(..self.next);
        self.next = 0;
    }

    fn is_at_end(&self) -> bool {
        self.next == self.kept.len() && self.body.is_end_stream()
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        if let Some(data) = self.kept.get(self.next) {
            self.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if self.is_whole
            && let Some(Ok(frame)) = &frame
        {
            self.keep(frame);
        }
        Poll::Ready(frame)
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let length: usize = self.kept.iter().map(Bytes::len).sum();
        match frame.data_ref() {
            Some(data) if length + data.len() <= KEPT => {
                self.kept.push(data.clone());
                self.next += 1;
            }
            _ => self.forget(),
        }
    }
}

/// A body and the stream that it is sent on.
pub struct Upload {
    body: Repeatable,
    stream: SendStream<Bytes>,
    is_over: bool,
}

impl Upload {
    /// An upload of which nothing was sent yet.
    pub fn new(body: Repeatable, stream: SendStream<Bytes>) -> Self {
        Self { is_over: body.is_empty(), body, stream }
    }

    /// Whether all was sent, or no more is wanted.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// There is an answer: nothing will have to be sent again.
    pub fn forget(&mut self) {
        self.body.forget();
    }

    /// The body, for another try.
    pub fn into_body(self) -> Repeatable {
        self.body
    }

    /// Sends what can be sent. That the target takes no more is no error here: it may have answered before.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        while !self.is_over {
            if !ready!(self.poll_wanted(cx)) {
                self.is_over = true;
                break;
            }
            let frame = match self.body.poll_frame(cx) {
                Poll::Ready(frame) => frame.transpose()?,
                // Without a reader, nothing that the client sends matters.
                Poll::Pending if self.stream.poll_reset(cx).is_ready() => {
                    self.is_over = true;
                    break;
                }
                Poll::Pending => return Poll::Pending,
            };
            self.send(frame);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the target wants more, when it has room for it.
    fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            if !matches!(ready!(self.stream.poll_capacity(cx)), Some(Ok(_))) {
                return Poll::Ready(false);
            }
        }
        Poll::Ready(true)
    }

    fn send(&mut self, frame: Option<Frame<Bytes>>) {
        let sent = match frame.map(Frame::into_data) {
            Some(Ok(data)) => {
                self.is_over = self.body.is_at_end();
                self.stream.send_data(data, self.is_over)
            }
            Some(Err(frame)) => {
                self.is_over = true;
                self.stream.send_trailers(frame.into_trailers().unwrap_or_default())
            }
            None => {
                self.is_over = true;
                self.stream.send_data(Bytes::new(), true)
            }
        };
        if sent.is_err() {
            self.is_over = true;
        }
    }
}
