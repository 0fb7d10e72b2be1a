//! A client's connection: its buffers, the body that is being read from it, and patience with a slow client.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use hyper::{StatusCode, Version};
use tokio::time::Instant;

use crate::http::message::{RequestHead, ResponseHead};
use crate::http::spill::Spill;
use crate::http1::answer;
use crate::http1::deadline::Deadline;
use crate::http1::framing::{self, Framing, FramingError, Piece};
use crate::http1::head::{self, HeadError, Scanner};
use crate::http1::output::Output;
use crate::http1::stream::ClientStream;

/// Bytes that a client may send ahead of the answer to its last request.
const MAX_AHEAD: usize = 64 * 1024;

/// The part of HTTP/2's first words that reads like a head.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// How long clients may take.
#[derive(Clone, Copy)]
pub struct Timeouts {
    /// For a request's head, once begun.
    pub head: Duration,
    /// For the next part of a request's body.
    pub body: Duration,
    /// Until the next request.
    pub idle: Duration,
    /// To take in a part of the answer.
    pub send: Duration,
}

/// kamal-proxy would wait for ever.
impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            // Longer than the load balancers that keep connections (ten minutes at most), or a request of theirs would
            // meet a connection that is just being closed.
            idle: Duration::from_secs(11 * 60),
            send: Duration::from_secs(5 * 60),
        }
    }
}

/// What a client did to its own request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// It left, or lost its connection.
    Gone,
    /// It stopped sending in the middle of the body.
    Slow,
    /// What it sent is no body.
    Malformed(&'static str),
}

impl fmt::Display for ClientFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClientFault::Gone => "the client is gone",
            ClientFault::Slow => "the client stopped sending",
            ClientFault::Malformed(what) => what,
        })
    }
}

impl std::error::Error for ClientFault {}

impl From<FramingError> for ClientFault {
    fn from(error: FramingError) -> Self {
        ClientFault::Malformed(error.0)
    }
}

/// An answer to what is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong.
    pub reason: &'static str,
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        let status = match error {
            HeadError::Bad(_) => StatusCode::BAD_REQUEST,
            HeadError::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            HeadError::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        };
        Self { status, reason: error.text() }
    }
}

impl From<FramingError> for Refusal {
    fn from(error: FramingError) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: error.0 }
    }
}

/// A client's connection. Shared by the task that serves it and the body of the request it serves, which live on one
/// thread and are never polled at the same time.
pub struct Connection {
    stream: ClientStream,
    input: BytesMut,
    /// What is on its way to the client.
    pub output: Output,
    scanner: Scanner,
    has_skipped: bool,
    body: Framing,
    awaits_continue: bool,
    version: Version,
    timeouts: Timeouts,
    reading: Deadline,
    writing: Deadline,
}

impl Connection {
    /// A connection on which nothing was said yet.
    pub fn new(stream: ClientStream, timeouts: Timeouts) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            output: Output::default(),
            scanner: Scanner::default(),
            has_skipped: false,
            body: Framing::Ended,
            awaits_continue: false,
            version: Version::HTTP_11,
            timeouts,
            reading: Deadline::default(),
            writing: Deadline::default(),
        }
    }

    /// The next request's head; `None` when there will be none.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RequestHead, Refusal>>> {
        loop {
            if let Some(head) = self.take_head().transpose() {
                self.reading.clear();
                return Poll::Ready(Some(head));
            }
            let was_idle = self.input.is_empty();
            match super::poll_fill(&mut self.stream, &mut self.input, super::SMALL_READ, cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(None),
                Poll::Ready(Ok(_)) if was_idle => self.reading.clear(),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    if was_idle {
                        super::give_up_room(&mut self.input);
                    }
                    let limit = if was_idle { self.timeouts.idle } else { self.timeouts.head };
                    self.reading.begin(|| Instant::now() + limit);
                    return self.reading.poll_passed(cx).map(|()| None);
                }
            }
        }
    }

    fn take_head(&mut self) -> Result<Option<RequestHead>, Refusal> {
        if !self.has_skipped && self.input.len() > 1 {
            self.input.advance(head::leading_lines(&self.input));
            self.has_skipped = true;
        }
        let Some(first) = self.input.first() else { return Ok(None) };
        if !first.is_ascii_graphic() && *first != b'\r' {
            return Err(HeadError::Bad("malformed request line").into());
        }
        let Some(end) = self.scanner.find_end(&self.input)? else { return Ok(None) };
        let head = head::parse_request(&self.input[..end])?;
        self.body = framing::of_request(head.version, &head.headers)?;
        self.input.advance(end);
        self.has_skipped = false;
        self.version = head.version;
        self.awaits_continue =
            !self.body.is_ended() && head.version == Version::HTTP_11 && head.headers.contains("expect");
        Ok(Some(head))
    }

    /// The next part of the request's body.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFault>>> {
        loop {
            match self.body.take(&mut self.input) {
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Piece::Trailers(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(Piece::End) => return Poll::Ready(None),
                Ok(Piece::Wanted) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            if std::mem::take(&mut self.awaits_continue) {
                self.output.buffer().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            match ready!(self.poll_more(cx)) {
                Ok(()) => {}
                Err(fault) => return Poll::Ready(Some(Err(fault))),
            }
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientFault>> {
        if !self.output.is_empty() {
            ready!(self.poll_flush(cx)).map_err(|_| ClientFault::Gone)?;
        }
        let room = super::room_for(self.body.length());
        let Poll::Ready(read) = super::poll_fill(&mut self.stream, &mut self.input, room, cx) else {
            let limit = self.timeouts.body;
            self.reading.begin(|| Instant::now() + limit);
            return self.reading.poll_passed(cx).map(|()| Err(ClientFault::Slow));
        };
        self.reading.clear();
        Poll::Ready(if matches!(read, Ok(1..)) { Ok(()) } else { Err(ClientFault::Gone) })
    }

    /// Ready when the client has left while its request is being answered. What it sends ahead is kept.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.output.is_empty() && matches!(self.poll_flush(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(());
        }
        // While the body is being read, its reader notices.
        while self.body.is_ended() && self.input.len() < MAX_AHEAD {
            match ready!(super::poll_fill(&mut self.stream, &mut self.input, super::SMALL_READ, cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    /// Writes all that waits, in the time that the client has for it.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.output.total();
        let mut stream = Pin::new(&mut self.stream);
        let written = match self.output.poll_write(cx, stream.as_mut()) {
            Poll::Ready(Ok(())) => tokio::io::AsyncWrite::poll_flush(stream, cx),
            other => other,
        };
        let has_moved = self.output.total() > before;
        self.poll_patience(written, has_moved, cx)
    }

    /// Whether the kernel can send it a file by itself.
    pub fn takes_files(&self) -> bool {
        matches!(self.stream, ClientStream::Tcp(_))
    }

    /// Sends what is left of a file, in the time that the client has for it. Only for connections that take files.
    pub fn poll_send(&mut self, file: &mut Spill, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ClientStream::Tcp(stream) = &self.stream else {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        };
        let before = file.remaining();
        let sent = file.poll_send(stream, cx);
        self.poll_patience(sent, file.remaining() < before, cx)
    }

    /// The outcome of a write, or of waiting for it too long.
    fn poll_patience(
        &mut self,
        written: Poll<io::Result<()>>,
        has_moved: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if written.is_ready() || has_moved {
            self.writing.clear();
        }
        if written.is_ready() {
            return written;
        }
        let limit = self.timeouts.send;
        self.writing.begin(|| Instant::now() + limit);
        self.writing.poll_passed(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Passes an interim response on, to a client that can understand it (RFC 9110, section 15.2).
    pub fn inform(&mut self, head: &ResponseHead) {
        if self.version == Version::HTTP_11 && self.output.has_room() {
            answer::write_interim(head, self.output.buffer());
        }
    }

    /// Whether the request's body was read to its end.
    pub fn has_read_body(&self) -> bool {
        self.body.is_ended()
    }

    /// Whether the client waits for a word before it sends its body, and did not get it.
    pub fn awaits_continue(&self) -> bool {
        self.awaits_continue
    }

    /// Whether all that has come in was read, and no more is expected.
    pub fn is_through(&self) -> bool {
        self.body.is_ended() && self.input.is_empty()
    }

    /// Whether what was taken for a request is the beginning of HTTP/2 (RFC 9113, section 3.4). Over TLS, such a client
    /// would have said so in its handshake.
    pub fn begins_http2(&self) -> bool {
        let is_first = self.output.total() == 0;
        is_first && matches!(self.stream, ClientStream::Tcp(_)) && self.input.starts_with(HTTP2_PREFACE)
    }

    /// Whether it can just be dropped.
    pub fn needs_no_farewell(&self) -> bool {
        self.is_through() && matches!(self.stream, ClientStream::Tcp(_))
    }

    /// Reads and forgets; 0 when the client has ended its side.
    pub fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.clear();
        self.body = Framing::UntilClose;
        super::poll_fill(&mut self.stream, &mut self.input, super::LARGE_READ, cx)
    }

    /// Tells the client that nothing more will come.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.stream), cx)
    }

    /// The stream, and what was read ahead on it.
    pub fn into_parts(self) -> (ClientStream, BytesMut) {
        (self.stream, self.input)
    }
}

/// The body of the request that a connection is at.
pub struct ClientBody {
    connection: Rc<RefCell<Connection>>,
}

impl ClientBody {
    /// The body that follows the head just read.
    pub fn of(connection: &Rc<RefCell<Connection>>) -> Self {
        Self { connection: Rc::clone(connection) }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = ClientFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientFault>>> {
        self.connection.borrow_mut().poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.connection.borrow().body.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.connection.borrow().body.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
