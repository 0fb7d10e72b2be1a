//! Probes over HTTP/2, for targets that speak nothing else; and gRPC's own health check.

use bytes::Bytes;
use h2::RecvStream;
use hyper::header::{CONTENT_TYPE, TE, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, Uri};
use tokio::net::TcpStream;

use super::{AGENT, ProbeError, ProbeUrl, Seen};
use crate::http2::links::handshake;

/// The path that asks an app how it feels in gRPC's own way (`grpc.health.v1`).
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/Check";

/// A question about the app as a whole: an empty message, and the five bytes before every message.
const QUESTION: &[u8] = &[0; 5];

/// The field that every good answer has: number 1, `SERVING`.
const SERVING: &[u8] = &[8, 1];

const OK: &str = "0";
const UNIMPLEMENTED: &str = "12";

/// Asks a target how it is.
pub(super) async fn get(url: &ProbeUrl, stream: TcpStream) -> Result<Seen, ProbeError> {
    let (sender, connection) = handshake(stream).await.map_err(ProbeError::Http2)?;
    tokio::spawn(connection);
    let is_grpc = url.path == GRPC_HEALTH;
    let mut sender = sender.ready().await.map_err(ProbeError::Http2)?;
    let (response, mut question) =
        sender.send_request(request(url, is_grpc)?, !is_grpc).map_err(ProbeError::Http2)?;
    if is_grpc {
        question.send_data(Bytes::from_static(QUESTION), true).map_err(ProbeError::Http2)?;
    }
    let (head, body) = response.await.map_err(ProbeError::Http2)?.into_parts();
    let (answer, trailers) = read(body).await?;
    if is_grpc && head.status.is_success() {
        is_serving(&head.headers, trailers.as_ref(), &answer)?;
    }
    Ok(Seen::of(&Response::from_parts(head, ())))
}

fn request(url: &ProbeUrl, is_grpc: bool) -> Result<Request<()>, ProbeError> {
    let uri = Uri::builder().scheme("http").authority(url.host_header.as_str()).path_and_query(&*url.path);
    let method = if is_grpc { Method::POST } else { Method::GET };
    let mut request = Request::builder().method(method).uri(uri.build().map_err(ProbeError::invalid)?);
    request = request.header(USER_AGENT, AGENT);
    if is_grpc {
        request = request.header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
    }
    request.body(()).map_err(ProbeError::invalid)
}

async fn read(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), ProbeError> {
    let mut read = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(ProbeError::Http2)?;
        body.flow_control().release_capacity(data.len()).map_err(ProbeError::Http2)?;
        // What a health check says is short; a page of any length is read to its end all the same.
        if read.len() < QUESTION.len() + SERVING.len() {
            read.extend_from_slice(&data);
        }
    }
    Ok((read, body.trailers().await.map_err(ProbeError::Http2)?))
}

/// An app without a health service is well if it can say so much.
fn is_serving(head: &HeaderMap, trailers: Option<&HeaderMap>, answer: &[u8]) -> Result<(), ProbeError> {
    let said = |name| {
        let value = trailers.and_then(|trailers| trailers.get(name)).or_else(|| head.get(name));
        value.map_or("", |value| value.to_str().unwrap_or_default())
    };
    match said("grpc-status") {
        UNIMPLEMENTED => Ok(()),
        OK if answer.get(QUESTION.len()..).is_some_and(|message| message.starts_with(SERVING)) => Ok(()),
        OK => Err(ProbeError::Grpc("not serving".into())),
        status => Err(ProbeError::Grpc(format!("status {status:?} {}", said("grpc-message")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_app_that_serves_or_knows_no_health_is_well() {
        let told = |status: &'static str, answer: &[u8]| {
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
            let in_trailers =
                is_serving(&HeaderMap::new(), Some(&trailers), answer).map_err(|e| e.to_string());
            assert_eq!(is_serving(&trailers, None, answer).map_err(|e| e.to_string()), in_trailers);
            in_trailers
        };
        assert_eq!(told("0", &[0, 0, 0, 0, 2, 8, 1]), Ok(()));
        assert_eq!(told("12", b""), Ok(()));
        assert_eq!(told("0", &[0, 0, 0, 0, 2, 8, 2]), Err("gRPC health: not serving".into()));
        assert_eq!(told("0", &[0, 0, 0, 0, 0]), Err("gRPC health: not serving".into()));
        assert_eq!(told("5", b""), Err("gRPC health: status \"5\" ".into()));
    }
}
