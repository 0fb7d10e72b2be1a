//! The life of a client's HTTP/1 connection: request by request, until either side has had enough.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use hyper::HeaderMap;
use hyper::body::Body;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::access_log::Entrance;
use crate::http::body::{Incoming, ResponseBody};
use crate::http::error_page;
use crate::http::exchange;
use crate::http::front::Front;
use crate::http::message::{Answer, RequestHead};
use crate::http::upgrade::Tunnel;
use crate::http1::answer::{self, Asker};
use crate::http1::connection::{ClientBody, Connection, Refusal, Timeouts};
use crate::http1::output::Coding;
use crate::http1::stream::ClientStream;

/// How much of what nobody wants is read and thrown away, so that its sender gets to read the answer.
const DISCARDED: usize = 4 * 1024 * 1024;

/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(2);

type Shared = Rc<RefCell<Connection>>;

/// Serves requests until the client leaves, or one of its requests or answers ends the connection, or the proxy stops and
/// no request is under way.
///
/// A client that speaks HTTP/2 from its first byte on is left to others: its stream, and what was read on it.
pub async fn serve(
    front: &Front,
    entrance: Entrance,
    stream: ClientStream,
    timeouts: Timeouts,
    mut stopped: watch::Receiver<bool>,
) -> Option<(ClientStream, BytesMut)> {
    let connection = Rc::new(RefCell::new(Connection::new(stream, timeouts)));
    let is_stopping = stopped.clone();
    let mut stopping = pin!(stopped.wait_for(|stopped| *stopped));
    let entrance = Entrance { may_upgrade: true, client: Some(Rc::clone(&connection)), ..entrance };
    loop {
        let head = tokio::select! {
            biased;
            head = poll_fn(|cx| connection.borrow_mut().poll_head(cx)) => head,
            _ = stopping.as_mut() => break close(&connection).await,
        };
        match head {
            Some(Ok(head)) => {
                let next = serve_one(front, &entrance, &connection, head, &is_stopping).await;
                match next {
                    Next::Request => {}
                    Next::Close => break close(&connection).await,
                    Next::Gone => break,
                    Next::Tunnel(tunnel) => {
                        drop(entrance);
                        start_tunnel(connection, *tunnel);
                        return None;
                    }
                }
            }
            Some(Err(_)) if connection.borrow().begins_http2() => {
                drop(entrance);
                return Rc::into_inner(connection).map(|connection| connection.into_inner().into_parts());
            }
            Some(Err(refusal)) => break refuse(&connection, front, refusal).await,
            None => break,
        }
    }
    None
}

/// What comes after an answer.
enum Next {
    /// Another request.
    Request,
    /// Nothing: the connection is to be closed.
    Close,
    /// Nothing: the client has left.
    Gone,
    /// Another protocol.
    Tunnel(Box<Tunnel>),
}

async fn serve_one(
    front: &Front,
    entrance: &Entrance,
    connection: &Shared,
    head: RequestHead,
    is_stopping: &watch::Receiver<bool>,
) -> Next {
    let asker = Asker::of(&head);
    let body = match connection.borrow().has_read_body() {
        true => Incoming::None,
        false => Incoming::Http1(ClientBody::of(connection)),
    };
    // In its place from the start: it is large, and would be copied into the `select!`.
    let mut answering = pin!(exchange::receive(front, entrance.clone(), head, body).answer(front));
    let answer = tokio::select! {
        biased;
        answer = answering.as_mut() => answer,
        () = poll_fn(|cx| connection.borrow_mut().poll_gone(cx)) => None,
    };
    let Some(mut answer) = answer else { return Next::Gone };
    front.advertise(entrance, &mut answer.head.headers);
    // A client that was never told to send its body may do so or not: what comes next on its connection is uncertain.
    let is_last = *is_stopping.borrow() || front.is_leaving() || connection.borrow().awaits_continue();
    let asker = if is_last { asker.leaving() } else { asker };
    match answer.body.into_tunnel() {
        Ok(tunnel) => {
            answer::write_interim(&answer.head, connection.borrow_mut().output.buffer());
            match poll_fn(|cx| connection.borrow_mut().poll_flush(cx)).await {
                Ok(()) => Next::Tunnel(tunnel),
                Err(_) => Next::Gone,
            }
        }
        Err(body) => finish(front, connection, Answer { head: answer.head, body }, asker).await,
    }
}

/// Sends the answer, and looks whether the connection can take another request.
async fn finish(front: &Front, connection: &Shared, answer: Answer, asker: Asker) -> Next {
    let Ok(stays) = send(front, connection, answer, asker).await else { return Next::Gone };
    if !stays {
        return Next::Close;
    }
    if connection.borrow().has_read_body() {
        return Next::Request;
    }
    // The answer came before the end of the body. If the rest is short, the connection is worth keeping.
    let mut rest = ClientBody::of(connection);
    discard_body(&mut rest).await;
    if connection.borrow().has_read_body() { Next::Request } else { Next::Close }
}

/// Reads a bounded part of a body that nobody wants: closing at once would reset the connection under the answer.
pub async fn discard_body(body: &mut (impl Body<Data = bytes::Bytes> + Unpin)) {
    let reading = async {
        let mut read = 0;
        while read < DISCARDED
            && let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
        {
            read += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
    };
    // Too slow: go on, and let the connection end as it will.
    timeout(DISCARD_TIME, reading).await.ok();
}

/// Sends an answer; whether the connection can go on. The error is that of a client, or a body, that has ended early.
async fn send(front: &Front, connection: &Shared, mut answer: Answer, asker: Asker) -> io::Result<bool> {
    let rest = front
        .with_date(|date| answer::write_head(&answer, asker, date, connection.borrow_mut().output.buffer()));
    let mut sending = Sending { body: &mut answer.body, coding: rest.coding, asker, is_failed: false };
    poll_fn(|cx| sending.poll(connection, cx)).await?;
    Ok(rest.stays)
}

/// A body on its way to the client. The coding is gone when all of it was taken in.
struct Sending<'a> {
    body: &'a mut ResponseBody,
    coding: Option<Coding>,
    asker: Asker,
    is_failed: bool,
}

impl Sending<'_> {
    fn poll(&mut self, connection: &Shared, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.gather(connection, cx);
            let mut client = connection.borrow_mut();
            ready!(client.poll_flush(cx))?;
            match self.coding {
                _ if self.is_failed => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                None => return Poll::Ready(Ok(())),
                Some(_) if client.poll_gone(cx).is_ready() => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
                Some(_) => {}
            }
            drop(client);
            if self.is_file(connection) {
                ready!(self.poll_file(connection, cx))?;
                continue;
            }
            // What stopped the gathering was either a full buffer, which is empty now, or the body, which will wake us.
            if !self.gather(connection, cx) {
                return Poll::Pending;
            }
        }
    }

    /// Whether the kernel can send the rest.
    fn is_file(&mut self, connection: &Shared) -> bool {
        self.coding == Some(Coding::Plain)
            && connection.borrow().takes_files()
            && self.body.rest_in_file().is_some()
    }

    fn poll_file(&mut self, connection: &Shared, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(file) = self.body.rest_in_file() else { return Poll::Ready(Ok(())) };
        let before = file.remaining();
        let sent = connection.borrow_mut().poll_send(file, cx);
        let bytes = before - file.remaining();
        self.body.sent_from_file(bytes);
        sent
    }

    /// Takes in what the body has, as long as there is room; whether there is anything to write, or nothing to come.
    ///
    /// The body may read from the client's connection itself (an upload that is still going on): it is never polled
    /// while the connection is borrowed.
    fn gather(&mut self, connection: &Shared, cx: &mut Context<'_>) -> bool {
        while let Some(coding) = self.coding
            && !self.is_failed
            && connection.borrow().output.has_room()
            && !self.is_file(connection)
        {
            let Poll::Ready(frame) = Pin::new(&mut *self.body).poll_frame(cx) else { break };
            let mut client = connection.borrow_mut();
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => client.output.add(data, coding),
                    Err(frame) => {
                        let trailers = frame.into_trailers().ok().filter(|_| self.asker.takes_trailers());
                        self.end(coding, trailers.as_ref(), &mut client);
                    }
                },
                None => self.end(coding, None, &mut client),
                Some(Err(_)) => self.is_failed = true,
            }
        }
        self.coding.is_none() || self.is_failed || !connection.borrow().output.is_empty()
    }

    fn end(&mut self, coding: Coding, trailers: Option<&HeaderMap>, client: &mut Connection) {
        if coding == Coding::Chunked {
            answer::write_end(trailers, client.output.buffer());
        }
        self.coding = None;
    }
}

/// Answers what is no request, and ends the connection.
async fn refuse(connection: &Shared, front: &Front, refusal: Refusal) {
    let Refusal { status, reason } = refusal;
    let text = format!("{} {}: {reason}", status.as_str(), status.canonical_reason().unwrap_or_default());
    if send(front, connection, error_page::refuse(status, text), Asker::unknown()).await.is_ok() {
        close(connection).await;
    }
}

/// Ends a connection so that the client can read what it was sent last: closing while its bytes are still coming in would
/// reset it (RFC 9112, section 9.6).
async fn close(connection: &Shared) {
    if connection.borrow().needs_no_farewell() {
        return;
    }
    let closing = async {
        if poll_fn(|cx| connection.borrow_mut().poll_shutdown(cx)).await.is_err() {
            return;
        }
        let mut discarded = 0;
        while !connection.borrow().is_through()
            && discarded < DISCARDED
            && let Ok(length @ 1..) = poll_fn(|cx| connection.borrow_mut().poll_discard(cx)).await
        {
            discarded += length;
        }
    };
    // A client that keeps its side open has had its time.
    timeout(DISCARD_TIME, closing).await.ok();
}

/// Hands both connections over. Bodies that still hold the client's are gone with the answer.
fn start_tunnel(connection: Shared, tunnel: Tunnel) {
    if let Some(connection) = Rc::into_inner(connection) {
        let (stream, early) = connection.into_inner().into_parts();
        tokio::task::spawn_local(tunnel.join(stream, early));
    }
}
