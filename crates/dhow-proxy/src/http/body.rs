//! The bodies that pass through: from clients, towards targets, and towards clients.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::http::access_log::AccessRecord;
use crate::http::buffer::Buffer;
use crate::http::encoder::{self, Encoder};
use crate::http::encoding::Encoding;
use crate::http::progress::Noted;
use crate::http::send::Exchange;
use crate::http::spill::Spill;
use crate::http::trailers;
use crate::http::upgrade::Tunnel;
use crate::http::upstream::Lease;
use crate::http1::connection::{ClientBody, ClientFault};
use crate::http3::body as http3;

/// Any failure of a body towards a client; it ends the connection it is sent on.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// A request's body as it comes from the client.
pub enum Incoming {
    /// None at all.
    None,
    /// Over HTTP/1.
    Http1(ClientBody),
    /// Over HTTP/2.
    Http2(hyper::body::Incoming),
    /// Over HTTP/3.
    Http3(Box<http3::ClientBody>),
    /// Any of them, taken note of.
    Noted(Box<Noted>),
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = ClientFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientFault>>> {
        match self.get_mut() {
            Incoming::None => Poll::Ready(None),
            Incoming::Http1(body) => Pin::new(body).poll_frame(cx),
            // HTTP/2 has its framing checked before; what can fail is the stream.
            Incoming::Http2(body) => {
                Pin::new(body).poll_frame(cx).map_ok(without_forbidden).map_err(|_| ClientFault::Gone)
            }
            Incoming::Http3(body) => Pin::new(&mut **body).poll_frame(cx).map_ok(without_forbidden),
            Incoming::Noted(noted) => noted.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Incoming::None => true,
            Incoming::Http1(body) => body.is_end_stream(),
            Incoming::Http2(body) => body.is_end_stream(),
            Incoming::Http3(body) => body.is_end_stream(),
            Incoming::Noted(noted) => noted.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Incoming::None => SizeHint::with_exact(0),
            Incoming::Http1(body) => body.size_hint(),
            Incoming::Http2(body) => body.size_hint(),
            Incoming::Http3(body) => body.size_hint(),
            Incoming::Noted(noted) => noted.body.size_hint(),
        }
    }
}

/// HTTP/1's trailers are looked through where they are read.
fn without_forbidden(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(fields) => Frame::trailers(trailers::allowed(fields)),
        Err(frame) => frame,
    }
}

/// A request's body on its way to a target.
pub enum RequestBody {
    /// None at all.
    Empty,
    /// Passed on as it comes.
    Streaming(Incoming),
    /// Read in full before.
    Buffered(Box<Buffer>),
}

/// Why a request's body ends early.
#[derive(Debug)]
pub enum UploadError {
    /// The client's doing.
    Client(ClientFault),
    /// The temporary file it was kept in.
    Disk(io::Error),
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UploadError::Client(fault) => write!(f, "{fault}"),
            UploadError::Disk(error) => write!(f, "{error}"),
        }
    }
}

impl Error for UploadError {}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        match self.get_mut() {
            RequestBody::Empty => Poll::Ready(None),
            RequestBody::Streaming(body) => Pin::new(body).poll_frame(cx).map_err(UploadError::Client),
            RequestBody::Buffered(buffer) => {
                Pin::new(&mut **buffer).poll_frame(cx).map_err(UploadError::Disk)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Streaming(body) => body.is_end_stream(),
            RequestBody::Buffered(buffer) => buffer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Streaming(body) => body.size_hint(),
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
    Tunnel(Box<Tunnel>),
    Compressed(Box<Compressed>),
}

struct Compressed {
    source: Content,
    encoder: Encoder,
}

/// A response body that is passed on as it comes. It keeps the request in flight.
pub struct Download {
    /// With the target, up to the end of the body.
    pub exchange: Exchange,
    /// Cuts the body when a drain has waited long enough.
    pub lease: Lease,
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

impl From<Tunnel> for ResponseBody {
    fn from(tunnel: Tunnel) -> Self {
        Self { content: Content::Tunnel(Box::new(tunnel)), record: None }
    }
}

impl ResponseBody {
    /// The same body, with the record to be written at its end.
    pub fn recorded(mut self, record: Box<AccessRecord>) -> Self {
        self.record = Some(record);
        self
    }

    /// The same content in this coding; as it was, if that is no gain.
    pub fn compressed(self, encoding: Encoding) -> Result<Self, Self> {
        let Self { content, record } = self;
        let (outcome, content) = match content {
            Content::Whole(Some(bytes)) if bytes.len() <= encoder::WHOLE => {
                let encoded = encoder::encode_whole(&bytes, encoding);
                (encoded.is_some(), Content::Whole(encoded.or(Some(bytes))))
            }
            source => match Encoder::new(encoding, source.size_hint().exact()) {
                Ok(encoder) => (true, Content::Compressed(Box::new(Compressed { source, encoder }))),
                Err(_) => (false, source),
            },
        };
        let body = Self { content, record };
        if outcome { Ok(body) } else { Err(body) }
    }

    /// What is left, if that is a file and nothing else.
    pub fn rest_in_file(&mut self) -> Option<&mut Spill> {
        match &mut self.content {
            Content::Buffered(buffer) => buffer.rest_in_file(),
            _ => None,
        }
    }

    /// Notes that so many bytes were sent out of the file.
    pub fn sent_from_file(&mut self, bytes: u64) {
        if let Content::Buffered(buffer) = &mut self.content {
            buffer.taken_from_file(bytes);
        }
        if let Some(record) = &mut self.record {
            record.sent += bytes;
        }
    }

    /// The other protocol that takes over after the answer, if one does; else the body again.
    pub fn into_tunnel(self) -> Result<Box<Tunnel>, Self> {
        match self.content {
            Content::Tunnel(tunnel) => Ok(tunnel),
            content => Err(Self { content, record: self.record }),
        }
    }
}

impl Download {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.lease.poll_cut(cx).is_ready() {
            return Poll::Ready(Some(Err("cut, because the target is drained".into())));
        }
        self.exchange.poll_body(cx)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(self.content.poll_frame(cx));
        let length = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        if let Some(record) = &mut self.record {
            record.sent += length as u64;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

impl Content {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Streaming(download) => download.poll_frame(cx),
            Content::Buffered(buffer) => Pin::new(&mut **buffer).poll_frame(cx).map_err(Into::into),
            Content::Tunnel(_) => Poll::Ready(None),
            Content::Compressed(body) => {
                let Compressed { source, encoder } = &mut **body;
                encoder.poll_frame(cx, |cx| source.poll_frame(cx))
            }
        }
    }

    fn is_ended(&self) -> bool {
        match self {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Streaming(download) => download.exchange.is_ended(),
            Content::Buffered(buffer) => buffer.is_end_stream(),
            Content::Tunnel(_) => true,
            Content::Compressed(body) => body.encoder.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::Streaming(download) => download.exchange.size_hint(),
            Content::Buffered(buffer) => buffer.size_hint(),
            Content::Tunnel(_) => SizeHint::with_exact(0),
            Content::Compressed(_) => SizeHint::default(),
        }
    }
}
