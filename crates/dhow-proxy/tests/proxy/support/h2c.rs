use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use hyper::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::{PATIENCE, Proxy};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Handler = dyn Fn(Request<RecvStream>, Respond) -> Task + Send + Sync;

/// An app that speaks HTTP/2 without TLS and nothing else. It is healthy; the rest is up to the test.
pub struct H2cBackend {
    pub address: String,
    accepted: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

/// The way back to the client.
pub struct Respond {
    pub stream: SendResponse<Bytes>,
    /// Which connection of the backend this is, counted from 1.
    pub connection: usize,
}

impl H2cBackend {
    pub fn new<F>(handler: impl Fn(Request<RecvStream>, Respond) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::configured(Builder::new(), handler)
    }

    pub fn configured<F>(
        builder: Builder,
        handler: impl Fn(Request<RecvStream>, Respond) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (accepted, received) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let backend = Self {
            address: listener.local_addr().unwrap().to_string(),
            accepted: Arc::clone(&accepted),
            received: Arc::clone(&received),
            _runtime: runtime,
        };
        let handler: Arc<Handler> = Arc::new(move |request, respond| Box::pin(handler(request, respond)));
        backend._runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (builder, handler) = (builder.clone(), Arc::clone(&handler));
                let (accepted, received) = (Arc::clone(&accepted), Arc::clone(&received));
                tokio::spawn(async move {
                    let Ok(connection) = builder.handshake::<_, Bytes>(stream).await else { return };
                    serve(connection, handler, &accepted, &received).await;
                });
            }
        });
        backend
    }

    /// Connections that carried more than health checks.
    pub fn connections(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    /// The paths that were asked for, health checks left out.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: Connection<TcpStream, Bytes>,
    handler: Arc<Handler>,
    accepted: &AtomicUsize,
    received: &Mutex<Vec<String>>,
) {
    let mut number = None;
    while let Some(Ok((request, mut stream))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        if path == "/up" {
            stream.send_response(Response::new(()), true).ok();
            continue;
        }
        let number = *number.get_or_insert_with(|| accepted.fetch_add(1, SeqCst) + 1);
        received.lock().unwrap().push(path.clone());
        if path == "/last" {
            connection.graceful_shutdown();
        }
        tokio::spawn(handler(request, Respond { stream, connection: number }));
    }
}

impl Respond {
    /// A whole answer.
    pub fn text(mut self, text: impl Into<Bytes>) {
        self.begin().send_data(text.into(), true).ok();
    }

    /// The head of a gRPC answer.
    pub fn begin(&mut self) -> SendStream<Bytes> {
        let head = Response::builder().header("content-type", "application/grpc+proto").body(()).unwrap();
        self.stream.send_response(head, false).unwrap()
    }
}

/// The next part of a body; none at its end, or if it was cut.
pub async fn part(body: &mut RecvStream) -> Option<Bytes> {
    let data = body.data().await?.ok()?;
    body.flow_control().release_capacity(data.len()).unwrap();
    Some(data)
}

/// All of it, and the trailers.
pub async fn whole(body: &mut RecvStream) -> (Vec<u8>, HeaderMap) {
    let mut read = Vec::new();
    while let Some(data) = part(body).await {
        read.extend_from_slice(&data);
    }
    (read, body.trailers().await.ok().flatten().unwrap_or_default())
}

/// Sends a large body, as fast as the other side takes it.
pub async fn send_all(stream: &mut SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        stream.send_data(body.split_to(room.min(body.len())), false).unwrap();
    }
}

/// A client that speaks HTTP/2 from its first byte on, to the port of plain HTTP.
pub struct H2cClient {
    runtime: Runtime,
    sender: h2::client::SendRequest<Bytes>,
}

/// An answer on its way, and the way for the rest of the request.
pub struct Call {
    pub response: h2::client::ResponseFuture,
    pub stream: SendStream<Bytes>,
}

impl H2cClient {
    pub fn open(proxy: &Proxy) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(proxy.http).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    /// Begins a request whose body the test sends.
    pub fn call(&self, request: Request<()>) -> Call {
        let (response, stream) =
            self.wait(self.sender.clone().ready()).unwrap().send_request(request, false).unwrap();
        Call { response, stream }
    }

    /// Begins a gRPC call.
    pub fn grpc(&self, path: &str) -> Call {
        let request = Request::post(format!("http://a.com{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        self.call(request.body(()).unwrap())
    }

    /// Sends a request without a body; status and text of the answer.
    pub fn get(&self, path: &str) -> (u16, String) {
        let request = Request::get(format!("http://a.com{path}")).body(()).unwrap();
        // Ended at once: a server may answer and forget the stream before an end of its own arrives.
        let sent = self.wait(self.sender.clone().ready()).unwrap().send_request(request, true);
        let (response, _) = sent.unwrap();
        self.wait(async {
            let (head, mut body) = response.await.unwrap().into_parts();
            let (text, _) = whole(&mut body).await;
            (head.status.as_u16(), String::from_utf8(text).unwrap())
        })
    }

    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        let limit: Duration = PATIENCE;
        let limited = async { tokio::time::timeout(limit, future).await };
        self.runtime.block_on(limited).expect("an answer in time")
    }
}
