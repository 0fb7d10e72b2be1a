//! A worker's connections to one target, each with many requests at once.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// Bytes that a target may send ahead on one request.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same on all requests of a connection. As large as it can be: a client that reads slowly holds up its own request
/// and no other.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Bytes of a response's head.
const HEADERS: u32 = 256 * 1024;

/// The connections that are open.
#[derive(Default)]
pub struct Links {
    open: RefCell<Vec<Rc<Link>>>,
    dialling: Mutex<()>,
}

/// A connection. Whoever holds one has a request on it.
pub struct Link {
    sender: SendRequest<Bytes>,
    is_over: Cell<bool>,
    has_served: Cell<bool>,
}

impl Links {
    /// A connection with room for another request: an open one, or a new one over what `dial` returns. Requests that
    /// come in together wait for the same new one.
    pub async fn take(&self, dial: impl AsyncFn() -> io::Result<TcpStream>) -> io::Result<Rc<Link>> {
        if let Some(link) = self.with_room() {
            return Ok(link);
        }
        let _turn = self.dialling.lock().await;
        if let Some(link) = self.with_room() {
            return Ok(link);
        }
        let link = Link::over(dial().await?).await?;
        self.open.borrow_mut().push(Rc::clone(&link));
        Ok(link)
    }

    fn with_room(&self) -> Option<Rc<Link>> {
        let mut open = self.open.borrow_mut();
        open.retain(|link| !link.is_over.get());
        open.iter().find(|link| requests_on(link) < link.sender.current_max_send_streams()).cloned()
    }

    /// Closes connections that were opened for a rush, once it is over.
    pub fn sweep(&self) {
        let mut has_idle = false;
        self.open.borrow_mut().retain(|link| {
            let is_idle = requests_on(link) == 0;
            let is_spare = is_idle && has_idle;
            has_idle |= is_idle;
            !link.is_over.get() && !is_spare
        });
    }
}

/// One reference is that of the list.
fn requests_on(link: &Rc<Link>) -> usize {
    Rc::strong_count(link) - 1
}

impl Link {
    /// Begins to speak HTTP/2, and goes on until nobody holds the connection any more or it fails.
    async fn over(stream: TcpStream) -> io::Result<Rc<Self>> {
        let (sender, connection) = handshake(stream).await.map_err(io::Error::other)?;
        let link = Rc::new(Self { sender, is_over: Cell::default(), has_served: Cell::default() });
        let watched = Rc::downgrade(&link);
        tokio::task::spawn_local(async move {
            // Why it ended, each request on it is told.
            connection.await.ok();
            watched.upgrade().inspect(|link| link.retire());
        });
        Ok(link)
    }

    /// To send a request.
    pub fn sender(&self) -> SendRequest<Bytes> {
        self.sender.clone()
    }

    /// Takes no further request.
    pub fn retire(&self) {
        self.is_over.set(true);
    }

    /// A response came.
    pub fn served(&self) {
        self.has_served.set(true);
    }

    /// Whether a response ever came: one that fails without any was no good from the start.
    pub fn has_served(&self) -> bool {
        self.has_served.get()
    }
}

/// Speaks the first words of HTTP/2 to a target.
pub async fn handshake(
    stream: TcpStream,
) -> Result<(SendRequest<Bytes>, Connection<TcpStream, Bytes>), h2::Error> {
    Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS)
        .handshake(stream)
        .await
}
