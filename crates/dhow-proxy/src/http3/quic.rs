//! Quinn's connections as the crate `h3` wants them, with two things that it does not ask for: when a client takes its request
//! back, and how much of what came in is held back by `h3`, which has no limit of its own.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};

use crate::http3::HEADERS;

/// Bytes read at a time.
const READ: usize = 16 * 1024;

/// Bytes that may wait for more before they make sense: a head, or trailers.
const HELD: usize = HEADERS as usize + 4 * READ;

/// Bytes of a stream that carries no request, for as long as its connection lives.
const CONTROL: usize = 4 * 1024 * 1024;

type Opening<T> = Pin<Box<dyn Future<Output = Result<T, ConnectionError>>>>;
type Both = (quinn::SendStream, quinn::RecvStream);

/// A client's connection.
pub struct Connection {
    connection: quinn::Connection,
    latest: Latest,
    accepting_both: Option<Opening<Both>>,
    accepting_one: Option<Opening<quinn::RecvStream>>,
    openings: Openings,
}

/// What is known of the request that came last, besides what `h3` tells.
#[derive(Clone, Default)]
pub struct Latest(Rc<RefCell<Option<Known>>>);

/// What is known of a request.
pub struct Known {
    /// To be set to zero when something has come out of `h3`.
    pub held: Rc<Cell<usize>>,
    /// Ends when the client wants no answer any more, or has got it.
    pub stopped: Pin<Box<dyn Future<Output = ()>>>,
}

impl Latest {
    /// To be asked once, as soon as a request was accepted.
    pub fn take(&self) -> Option<Known> {
        self.0.take()
    }

    fn set(&self, stream: &quinn::SendStream) -> Rc<Cell<usize>> {
        let (held, stopped) = (Rc::new(Cell::new(0)), stream.stopped());
        let known = Known { held: Rc::clone(&held), stopped: Box::pin(async move { drop(stopped.await) }) };
        self.0.replace(Some(known));
        held
    }
}

impl Connection {
    /// Over a connection whose handshake is done; and what is to be known of its requests.
    pub fn new(connection: quinn::Connection) -> (Self, Latest) {
        let latest = Latest::default();
        let openings = Openings { connection: connection.clone(), opening: None };
        let adapted =
            Self { connection, latest: latest.clone(), accepting_both: None, accepting_one: None, openings };
        (adapted, latest)
    }
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = RecvStream;
    type OpenStreams = Openings;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RecvStream, ConnectionErrorIncoming>> {
        let connection = &self.connection;
        let accepting = self.accepting_one.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.accept_uni().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accepting_one = None;
        let stream = accepted.map_err(lost)?;
        Poll::Ready(Ok(RecvStream { stream, held: Rc::default(), limit: CONTROL, is_ended: false }))
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, ConnectionErrorIncoming>> {
        let connection = &self.connection;
        let accepting = self.accepting_both.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.accept_bi().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accepting_both = None;
        let (send, receive) = accepted.map_err(lost)?;
        let held = self.latest.set(&send);
        Poll::Ready(Ok(BidiStream {
            send: SendStream::new(send),
            receive: RecvStream { stream: receive, held, limit: HELD, is_ended: false },
        }))
    }

    fn opener(&self) -> Openings {
        Openings { connection: self.connection.clone(), opening: None }
    }
}

impl quic::OpenStreams<Bytes> for Connection {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        self.openings.poll_open_bidi(cx)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        self.openings.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.openings.close(code, reason);
    }
}

/// Streams that this side opens.
pub struct Openings {
    connection: quinn::Connection,
    opening: Option<Opening<quinn::SendStream>>,
}

impl quic::OpenStreams<Bytes> for Openings {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    /// A server has no requests.
    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        let why = "a server opens no request".to_owned();
        Poll::Ready(Err(of_connection(ConnectionErrorIncoming::InternalError(why))))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        let connection = &self.connection;
        let opening = self.opening.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.open_uni().await })
        });
        let opened = ready!(opening.as_mut().poll(cx));
        self.opening = None;
        Poll::Ready(opened.map(SendStream::new).map_err(|error| of_connection(lost(error))))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.connection.close(number(code.value()), reason);
    }
}

/// A request's two directions.
pub struct BidiStream {
    send: SendStream,
    receive: RecvStream,
}

impl quic::BidiStream<Bytes> for BidiStream {
    type SendStream = SendStream;
    type RecvStream = RecvStream;

    fn split(self) -> (SendStream, RecvStream) {
        (self.send, self.receive)
    }
}

impl quic::RecvStream for BidiStream {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receive.poll_data(cx)
    }

    fn stop_sending(&mut self, code: u64) {
        self.receive.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.receive.recv_id()
    }
}

impl quic::SendStream<Bytes> for BidiStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, code: u64) {
        self.send.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

/// What comes in.
pub struct RecvStream {
    stream: quinn::RecvStream,
    held: Rc<Cell<usize>>,
    limit: usize,
    is_ended: bool,
}

impl quic::RecvStream for RecvStream {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let mut room = [0; READ];
        let read = ready!(self.stream.poll_read(cx, &mut room)).map_err(|error| match error {
            ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into() },
            ReadError::ConnectionLost(error) => of_connection(lost(error)),
            error => StreamErrorIncoming::Unknown(error.into()),
        })?;
        self.is_ended |= read == 0;
        self.held.set(self.held.get() + read);
        if self.held.get() > self.limit {
            self.stop_sending(Code::H3_EXCESSIVE_LOAD.value());
            return Poll::Ready(Err(StreamErrorIncoming::StreamTerminated {
                error_code: Code::H3_EXCESSIVE_LOAD.value(),
            }));
        }
        Poll::Ready(Ok((read > 0).then(|| Bytes::copy_from_slice(&room[..read]))))
    }

    fn stop_sending(&mut self, code: u64) {
        self.is_ended = true;
        // It may have ended already.
        self.stream.stop(number(code)).ok();
    }

    fn recv_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

/// The rest of a request that was answered is not wanted (RFC 9114, section 4.1).
impl Drop for RecvStream {
    fn drop(&mut self) {
        if !self.is_ended {
            self.stream.stop(number(Code::H3_NO_ERROR.value())).ok();
        }
    }
}

/// What goes out.
pub struct SendStream {
    stream: quinn::SendStream,
    waiting: Option<WriteBuf<Bytes>>,
    is_finished: bool,
}

impl SendStream {
    fn new(stream: quinn::SendStream) -> Self {
        Self { stream, waiting: None, is_finished: false }
    }
}

impl quic::SendStream<Bytes> for SendStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(data) = self.waiting.as_mut().filter(|data| data.has_remaining()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, data.chunk()));
            data.advance(written.map_err(|error| match error {
                WriteError::Stopped(code) => {
                    StreamErrorIncoming::StreamTerminated { error_code: code.into() }
                }
                WriteError::ConnectionLost(error) => of_connection(lost(error)),
                error => StreamErrorIncoming::Unknown(error.into()),
            })?);
        }
        self.waiting = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        match self.waiting {
            None => self.waiting = Some(data.into()),
            Some(_) => {
                let why = "sent before it was ready".to_owned();
                return Err(of_connection(ConnectionErrorIncoming::InternalError(why)));
            }
        }
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.is_finished = true;
        Poll::Ready(self.stream.finish().map_err(|error| StreamErrorIncoming::Unknown(error.into())))
    }

    fn reset(&mut self, code: u64) {
        self.is_finished = true;
        // It may have ended already.
        self.stream.reset(number(code)).ok();
    }

    fn send_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

/// Left to itself, a stream that is dropped would look as if all had been sent.
impl Drop for SendStream {
    fn drop(&mut self) {
        if !self.is_finished {
            self.stream.reset(number(Code::H3_REQUEST_CANCELLED.value())).ok();
        }
    }
}

fn number(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

fn id(id: quinn::StreamId) -> StreamId {
    StreamId::try_from(u64::from(id)).expect("both count alike")
}

fn of_connection(connection_error: ConnectionErrorIncoming) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error }
}

fn lost(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: closed.error_code.into() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        error => ConnectionErrorIncoming::Undefined(Arc::new(error)),
    }
}
