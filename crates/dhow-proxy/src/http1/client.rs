//! An exchange with a target over HTTP/1: a request written, a response read, both at the same time where it must be.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Method, StatusCode, Version};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::http::body::{RequestBody, UploadError};
use crate::http::message::ResponseHead;
use crate::http::send::ExchangeError;
use crate::http::upstream::Loan;
use crate::http1::answer::write_end;
use crate::http1::deadline::Deadline;
use crate::http1::framing::{self, Framing, Piece};
use crate::http1::head::{self, Scanner};
use crate::http1::output::{Coding, Output};

/// Interim responses that a target may send before its answer.
const MAX_INTERIM: usize = 32;

/// A connection to a target, which takes one request at a time.
pub struct Connection {
    stream: TcpStream,
    input: BytesMut,
    output: Output,
    patience: Deadline,
}

impl Connection {
    /// A connection that was just made.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, input: BytesMut::new(), output: Output::default(), patience: Deadline::default() }
    }

    /// Whether an idle connection was closed by the target, as far as the runtime has been told.
    pub fn is_stale(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        !matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The same, as far as the kernel knows: a system call, for requests that cannot be sent twice.
    pub fn is_closed(&self) -> bool {
        let peeked = SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit()]);
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A request and its response, on a connection of their own until both are through.
pub struct Exchange {
    loan: Loan,
    upload: Option<Upload>,
    scanner: Scanner,
    framing: Framing,
    keeps_connection: bool,
    is_broken: bool,
    is_kept: bool,
}

/// What is left of a request to be written.
struct Upload {
    body: RequestBody,
    coding: Coding,
    is_read: bool,
}

enum UploadEnd {
    Body(UploadError),
    Connection,
}

impl Exchange {
    /// An exchange of a request whose head is written by `write_head`.
    pub fn begin(
        mut loan: Loan,
        body: RequestBody,
        coding: Coding,
        write_head: impl FnOnce(&mut Vec<u8>),
    ) -> Self {
        write_head(loan.connection().output.buffer());
        let is_read = matches!(body, RequestBody::Empty);
        Self {
            loan,
            upload: Some(Upload { body, coding, is_read }),
            scanner: Scanner::default(),
            framing: Framing::Ended,
            keeps_connection: false,
            is_broken: false,
            is_kept: false,
        }
    }

    /// Sends the request and waits for the response. The target's time counts from the end of the upload; zero is no limit.
    ///
    /// Interim responses are told to `inform` as they come.
    pub async fn response(
        &mut self,
        method: &Method,
        limit: Duration,
        mut inform: impl FnMut(&ResponseHead),
    ) -> Result<ResponseHead, ExchangeError> {
        let mut interim = 0;
        let response = poll_fn(|cx| {
            match self.poll_upload(cx) {
                Poll::Ready(Err(UploadEnd::Body(error))) => {
                    return Poll::Ready(Err(ExchangeError::Upload(error)));
                }
                // A target that has seen enough may have answered before it closed.
                Poll::Ready(Err(UploadEnd::Connection)) => self.give_up_upload(),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            while let Poll::Ready(head) = self.poll_head(method, cx) {
                let head = head?;
                if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Poll::Ready(Ok(head));
                }
                interim += 1;
                if interim > MAX_INTERIM {
                    return Poll::Ready(Err(bad("too many interim responses")));
                }
                if head.status != StatusCode::CONTINUE {
                    inform(&head);
                }
            }
            if self.upload.is_none() && !limit.is_zero() {
                let patience = &mut self.loan.connection().patience;
                patience.begin(|| Instant::now() + limit);
                return patience.poll_passed(cx).map(|()| Err(ExchangeError::TimedOut));
            }
            Poll::Pending
        });
        let response = response.await;
        self.loan.connection().patience.clear();
        self.give_back();
        response
    }

    /// Writes what can be written of the request.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadEnd>> {
        let Some(upload) = &mut self.upload else { return Poll::Ready(Ok(())) };
        let Connection { stream, output, .. } = self.loan.connection();
        loop {
            while !upload.is_read && output.has_room() {
                match Pin::new(&mut upload.body).poll_frame(cx) {
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(UploadEnd::Body(error))),
                    Poll::Ready(frame) => upload.take(frame.and_then(Result::ok), output),
                    Poll::Pending => break,
                }
            }
            if output.is_empty() {
                break;
            }
            ready!(output.poll_write(cx, Pin::new(&mut *stream))).map_err(|_| UploadEnd::Connection)?;
        }
        if !upload.is_read {
            return Poll::Pending;
        }
        self.upload = None;
        Poll::Ready(Ok(()))
    }

    fn poll_head(
        &mut self,
        method: &Method,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        let Connection { stream, input, .. } = self.loan.connection();
        loop {
            let end = self.scanner.find_end(input).map_err(|error| bad(error.text()))?;
            if let Some(end) = end {
                let (version, head) =
                    head::parse_response(&input[..end]).map_err(|error| bad(error.text()))?;
                input.advance(end);
                self.framing = framing::of_response(version, head.status, &head.headers, method)
                    .map_err(|error| bad(error.0))?;
                let asks = |token| head.headers.has_token("connection", token);
                self.keeps_connection = !head.status.is_informational()
                    && !matches!(self.framing, Framing::UntilClose)
                    && if version == Version::HTTP_11 { !asks("close") } else { asks("keep-alive") };
                return Poll::Ready(Ok(head));
            }
            let read = ready!(super::poll_fill(stream, input, super::SMALL_READ, cx));
            let ended = match read {
                Ok(1..) => continue,
                Ok(0) => {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed before message completed")
                }
                Err(error) => error,
            };
            return Poll::Ready(Err(match input.is_empty() {
                true => ExchangeError::Silence(ended),
                false => ExchangeError::Response(ended.to_string()),
            }));
        }
    }

    fn give_up_upload(&mut self) {
        self.upload = None;
        self.is_broken = true;
    }

    /// The next part of the response's body. An upload that still goes on is driven along.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.poll_upload(cx) {
            Poll::Ready(Err(UploadEnd::Body(error))) => {
                return Poll::Ready(Some(Err(io::Error::other(error))));
            }
            Poll::Ready(Err(UploadEnd::Connection)) => self.give_up_upload(),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        loop {
            if self.framing.is_ended() {
                self.give_back();
                return Poll::Ready(None);
            }
            let Connection { stream, input, .. } = self.loan.connection();
            match self.framing.take(input).map_err(|error| io::Error::other(error.0))? {
                Piece::Data(data) => {
                    self.give_back();
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Piece::Trailers(trailers) => {
                    self.give_back();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Piece::End => {}
                Piece::Wanted => {
                    let left = self.framing.length();
                    let room = if self.is_kept { super::room_to_keep(left) } else { super::room_for(left) };
                    let read = ready!(super::poll_fill(stream, input, room, cx))?;
                    match (read, &self.framing) {
                        (0, Framing::UntilClose) => self.framing = Framing::Ended,
                        (0, _) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Whether the response was read to its end.
    pub fn is_ended(&self) -> bool {
        self.framing.is_ended()
    }

    /// How much is still to come of the response, as far as the target has told.
    pub fn size_hint(&self) -> SizeHint {
        self.framing.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Reads the body in large parts from now on: it is going to be kept.
    pub fn read_to_keep(&mut self) {
        self.is_kept = true;
    }

    /// The body, if all of it was read along with the head.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        let Framing::Length(length) = self.framing else { return None };
        let Connection { input, .. } = self.loan.connection();
        let length = usize::try_from(length).ok().filter(|length| *length <= input.len())?;
        let body = input.split_to(length).freeze();
        self.framing = Framing::Ended;
        self.give_back();
        Some(body)
    }

    /// The connection, which has changed its protocol, and what was read ahead on it.
    pub fn into_parts(self) -> (TcpStream, BytesMut) {
        let Connection { stream, input, .. } = *self.loan.into_connection();
        (stream, input)
    }

    /// Lets the next request have the connection, if this one is through in both directions.
    fn give_back(&mut self) {
        let is_through = self.framing.is_ended() && self.upload.is_none();
        if !is_through || !self.keeps_connection || self.is_broken {
            return;
        }
        self.keeps_connection = false;
        let Connection { input, .. } = self.loan.connection();
        // More than was asked for is nothing to rely on.
        if input.is_empty() {
            super::give_up_room(input);
            self.loan.give_back();
        }
    }
}

impl Upload {
    fn take(&mut self, frame: Option<Frame<Bytes>>, output: &mut Output) {
        let trailers = match frame.map(Frame::into_data) {
            Some(Ok(data)) => return output.add(data, self.coding),
            Some(Err(frame)) => frame.into_trailers().ok(),
            None => None,
        };
        if self.coding == Coding::Chunked {
            write_end(trailers.as_ref(), output.buffer());
        }
        self.is_read = true;
    }
}

fn bad(what: &str) -> ExchangeError {
    ExchangeError::Response(format!("the target's response is no HTTP/1: {what}"))
}
