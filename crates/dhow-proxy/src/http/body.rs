//! The bodies that pass through: one type towards targets, one towards clients.

use std::cell::Cell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::Notify;

use crate::http::access_log::AccessRecord;
use crate::http::buffer::Buffer;
use crate::http::upstream::{Lease, Loan};

/// Any failure of a body; it ends the connection it is sent on.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// A request's body on its way to a target.
pub enum RequestBody {
    /// None at all.
    Empty,
    /// Passed on as it comes.
    Streaming(Upload),
    /// Read in full before.
    Buffered(Box<Buffer>),
}

/// A request body that is passed on as it comes.
pub struct Upload {
    incoming: Incoming,
    progress: Rc<Progress>,
}

/// What becomes of an upload: the wait for the target's answer is timed from its end.
#[derive(Default)]
pub struct Progress {
    ended: Notify,
    is_broken: Cell<bool>,
}

impl Progress {
    /// Waits until the upload is over, one way or the other.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Whether the client sent something that is no body.
    pub fn is_broken(&self) -> bool {
        self.is_broken.get()
    }
}

impl Upload {
    /// An upload, and the means to follow it.
    pub fn new(incoming: Incoming) -> (Self, Rc<Progress>) {
        let progress = Rc::new(Progress::default());
        (Self { incoming, progress: Rc::clone(&progress) }, progress)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.progress.ended.notify_one();
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            RequestBody::Empty => Poll::Ready(None),
            RequestBody::Buffered(buffer) => Pin::new(&mut **buffer).poll_frame(cx).map_err(Into::into),
            RequestBody::Streaming(upload) => {
                let frame = ready!(Pin::new(&mut upload.incoming).poll_frame(cx));
                upload.progress.is_broken.set(matches!(frame, Some(Err(_))));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Streaming(upload) => upload.incoming.is_end_stream(),
            RequestBody::Buffered(buffer) => buffer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Streaming(upload) => upload.incoming.size_hint(),
            RequestBody::Buffered(buffer) => buffer.size_hint(),
        }
    }
}

/// A response's body on its way to a client, with the access record that is written when it ends.
pub struct ResponseBody {
    content: Content,
    record: Option<Box<AccessRecord>>,
}

enum Content {
    Whole(Option<Bytes>),
    Streaming(Box<Download>),
    Buffered(Box<Buffer>),
}

/// A response body that is passed on as it comes. It keeps the request in flight.
pub struct Download {
    /// From the target.
    pub incoming: Incoming,
    /// Cuts the body when a drain has waited long enough.
    pub lease: Lease,
    /// The connection it comes on.
    pub loan: Loan,
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self { content: Content::Whole((!bytes.is_empty()).then_some(bytes)), record: None }
    }
}

impl From<Download> for ResponseBody {
    fn from(download: Download) -> Self {
        Self { content: Content::Streaming(Box::new(download)), record: None }
    }
}

impl From<Box<Buffer>> for ResponseBody {
    fn from(buffer: Box<Buffer>) -> Self {
        Self { content: Content::Buffered(buffer), record: None }
    }
}

impl ResponseBody {
    /// The same body, with the record to be written at its end.
    pub fn recorded(mut self, record: Box<AccessRecord>) -> Self {
        self.record = Some(record);
        self
    }
}

impl Download {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.lease.poll_cut(cx).is_ready() {
            return Poll::Ready(Some(Err("cut, because the target is drained".into())));
        }
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        if frame.is_none() || self.incoming.is_end_stream() {
            self.loan.give_back();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Streaming(download) => download.poll_frame(cx),
            Content::Buffered(buffer) => Pin::new(&mut **buffer).poll_frame(cx).map_err(Into::into),
        });
        let length = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        if let Some(record) = &mut self.record {
            record.sent += length as u64;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Streaming(download) => download.incoming.is_end_stream(),
            Content::Buffered(buffer) => buffer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::Streaming(download) => download.incoming.size_hint(),
            Content::Buffered(buffer) => buffer.size_hint(),
        }
    }
}
