use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::tls::Scene;

/// A browser's connection: HTTP/2 over TLS, many requests at once.
pub struct Http2 {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Http2 {
    pub fn open(scene: &Scene, name: &'static str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = scene.authority.client().speaking("h2").config();
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(scene.proxy.https).await.unwrap();
            let name = ServerName::try_from(name).unwrap();
            let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
            let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    /// Sends a request; the answer, or why there is none.
    pub fn begin(&self, request: Request<Full<Bytes>>) -> tokio::task::JoinHandle<Result<Answer, String>> {
        self.runtime.spawn(ask(self.sender.clone(), request))
    }

    pub fn request(&self, request: Request<Full<Bytes>>) -> Answer {
        let begun = self.begin(request);
        self.wait(begun).unwrap().unwrap()
    }

    pub fn get(&self, url: &str) -> Answer {
        self.request(get(url))
    }

    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        let limited = async { tokio::time::timeout(Duration::from_secs(20), future).await };
        self.runtime.block_on(limited).expect("an answer in time")
    }
}

pub fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

async fn ask(mut sender: SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status: head.status, headers: head.headers, body })
}
