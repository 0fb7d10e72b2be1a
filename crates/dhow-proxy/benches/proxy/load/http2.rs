//! HTTP/2 over TLS.

use std::future::Future;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::rt::Executor;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;

use super::{Aim, Times, tls};
use crate::rows::SECURE_HOST;

/// Asks for ever, on one connection.
pub async fn ask(aim: Rc<Aim>, streams: usize, times: Rc<Times>) {
    let stream = tls::open(&aim, &tls::client(&aim, "h2", false)).await;
    let (client, connection) = handshake(OnThisThread, TokioIo::new(stream)).await.unwrap();
    spawn_local(async { connection.await.unwrap() });
    for _ in 0..streams {
        spawn_local(ask_on(client.clone(), times.clone()));
    }
}

async fn ask_on(mut client: SendRequest<Empty<Bytes>>, times: Rc<Times>) {
    loop {
        let begun = Instant::now();
        let request = Request::get(format!("https://{SECURE_HOST}/1024"))
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("accept-language", "en-GB,en;q=0.5")
            .header("accept-encoding", "gzip, deflate, br, zstd")
            .header("cookie", "_shop_session=4tTnKfQYvC3x1mJ8rN5hXz0bWqL2uEaD; locale=en");
        client.ready().await.unwrap();
        let response = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 1024);
        times.note(begun);
    }
}

#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
