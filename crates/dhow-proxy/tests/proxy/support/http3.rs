use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use h3::client::{RequestStream, SendRequest};
use h3_quinn::{BidiStream, Connection, OpenStreams};
use hyper::{HeaderMap, Request, StatusCode};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint};
use tokio::runtime::Runtime;

use super::PATIENCE;
use super::tls::{Authority, Scene};

/// A browser's connection over HTTP/3.
pub struct Http3 {
    runtime: Runtime,
    sender: SendRequest<OpenStreams, Bytes>,
    pub connection: quinn::Connection,
}

/// A request under way.
pub type Stream = RequestStream<BidiStream<Bytes>, Bytes>;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Http3 {
    pub fn open(scene: &Scene, name: &str) -> Self {
        Self::try_open(&scene.authority, scene.proxy.https, name).unwrap()
    }

    pub fn try_open(authority: &Authority, address: SocketAddr, name: &str) -> Result<Self, String> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let tls = QuicClientConfig::try_from(authority.client().speaking("h3").config()).unwrap();
        let opened = runtime.block_on(async {
            let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
            let config = ClientConfig::new(Arc::new(tls));
            let connecting = endpoint.connect_with(config, address, name).unwrap();
            let connected = tokio::time::timeout(PATIENCE, connecting).await.expect("an answer in time");
            let connection = connected.map_err(|error| error.to_string())?;
            let opened = h3::client::new(Connection::new(connection.clone())).await;
            let (mut driver, sender) = opened.map_err(|error| error.to_string())?;
            tokio::spawn(async move { driver.wait_idle().await });
            Ok((sender, connection))
        });
        opened.map(|(sender, connection)| Self { runtime, sender, connection })
    }

    /// Sends the head of a request.
    pub fn begin(&self, request: Request<()>) -> Stream {
        self.wait(self.sender.clone().send_request(request)).unwrap()
    }

    /// Sends a request with these parts of a body; the answer, or why there is none.
    pub fn try_request(&self, request: Request<()>, parts: &[&[u8]]) -> Result<Answer, String> {
        let stream = self.begin(request);
        let parts: Vec<Bytes> = parts.iter().map(|part| Bytes::copy_from_slice(part)).collect();
        let (mut sender, mut receiver) = stream.split();
        let sending = async move {
            for part in parts {
                sender.send_data(part).await.ok();
            }
            sender.finish().await.ok();
            sender
        };
        let receiving = async move {
            let head = receiver.recv_response().await.map_err(|error| error.to_string())?;
            let mut body = Vec::new();
            while let Some(mut data) = receiver.recv_data().await.map_err(|error| error.to_string())? {
                body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
            Ok(Answer { status: head.status(), headers: head.headers().clone(), body })
        };
        self.wait(async { tokio::join!(sending, receiving).1 })
    }

    pub fn request(&self, request: Request<()>, parts: &[&[u8]]) -> Answer {
        self.try_request(request, parts).unwrap()
    }

    pub fn get(&self, url: &str) -> Answer {
        self.request(Request::get(url).body(()).unwrap(), &[])
    }

    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        let limited = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(limited).expect("an answer in time")
    }
}
