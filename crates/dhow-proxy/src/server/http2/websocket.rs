//! WebSockets that are opened over HTTP/2 (RFC 8441): an extended `CONNECT` for the client, an upgrade for the app.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::{Bytes, BytesMut};
use hyper::ext::Protocol;
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;

use crate::http::error_page;
use crate::http::fields::Fields;
use crate::http::message::Answer;

/// The client's side of a WebSocket that is about to be opened.
pub struct Opening {
    stream: OnUpgrade,
}

impl Opening {
    /// What a request asks to open, if it does. It becomes the request that an app knows (RFC 6455, section 4.1).
    pub fn of(head: &mut Parts) -> Option<Self> {
        let asks = |protocol: &Protocol| protocol.as_str().eq_ignore_ascii_case("websocket");
        let is_asked = head.method == Method::CONNECT && head.extensions.get().is_some_and(asks);
        let stream = head.extensions.remove().filter(|_| is_asked)?;
        head.method = Method::GET;
        Some(Self { stream })
    }

    /// What HTTP/1 needs besides. The key proves nothing over HTTP/2; apps insist on one.
    pub fn complete(headers: &mut Fields) {
        headers.add("Connection", b"Upgrade");
        headers.add("Upgrade", b"websocket");
        let key = BASE64_STANDARD.encode(fastrand::u128(..).to_be_bytes());
        headers.set("Sec-WebSocket-Key", key.as_bytes());
    }

    /// The app's answer as the client has to see it. If it is a yes, the two sides are joined.
    pub fn answer(self, answer: Answer) -> Answer {
        let Answer { mut head, body } = answer;
        match body.into_tunnel() {
            Ok(tunnel) => {
                spawn_local(async move {
                    // A client that has left meanwhile needs no tunnel.
                    if let Ok(stream) = self.stream.await {
                        tunnel.join(TokioIo::new(stream), BytesMut::new()).await;
                    }
                });
                head.status = StatusCode::OK;
                for name in ["connection", "upgrade", "sec-websocket-accept", "content-length"] {
                    head.headers.remove(name);
                }
                Answer { head, body: Bytes::new().into() }
            }
            // The client would take it for a yes.
            Err(_) if head.status.is_success() => error_page::respond(StatusCode::BAD_GATEWAY, "", None),
            Err(body) => Answer { head, body },
        }
    }
}
