//! What is answered.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::header::{self, HeaderValue};
use hyper::http::response::Builder;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::body::LayerBody;
use super::range::Wanted;
use super::request::Place;
use super::tally::Tally;
use crate::images::digest::Digest;
use crate::images::export::Export;
use crate::images::layers::Layer;

type Reply = Response<BoxBody<Bytes, io::Error>>;

/// A refusal in the distribution API's form: a status, one of the API's codes, and a sentence.
struct Refusal(StatusCode, &'static str, String);

/// Answers one request. Every failure is an answer too.
pub(super) async fn reply<B>(export: &Export, tally: &Arc<Tally>, request: &Request<B>) -> Reply {
    let is_head = request.method() == Method::HEAD;
    let mut reply = match answer(export, tally, request).await {
        Ok(reply) => reply,
        Err(refusal) => refusal.reply(),
    };
    reply.headers_mut().insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    if is_head {
        *reply.body_mut() = Empty::new().map_err(|never| match never {}).boxed();
    }
    reply
}

async fn answer<B>(export: &Export, tally: &Arc<Tally>, request: &Request<B>) -> Result<Reply, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let said = "this registry can only be pulled from".to_owned();
        return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", said));
    }
    match Place::parse(request.uri().path()) {
        Some(Place::Root) => Ok(document(Response::builder(), "application/json", Bytes::from_static(b"{}"))),
        Some(Place::Manifest { repository, reference }) => {
            known(export, repository)?;
            manifest(export, reference)
        }
        Some(Place::Blob { repository, digest }) => {
            known(export, repository)?;
            blob(export, tally, request, digest).await
        }
        None => Err(missing("UNSUPPORTED", format!("there is nothing at {}", request.uri().path()))),
    }
}

fn known(export: &Export, repository: &str) -> Result<(), Refusal> {
    if repository == export.repository() {
        return Ok(());
    }
    let said = format!("there is only {} here, not {repository}", export.repository());
    Err(missing("NAME_UNKNOWN", said))
}

fn manifest(export: &Export, reference: &str) -> Result<Reply, Refusal> {
    let manifest = export.manifest();
    let is_tag = export.tags().iter().any(|tag| tag == reference);
    if !is_tag && Digest::parse(reference).as_ref() != Some(&manifest.digest) {
        return Err(missing("MANIFEST_UNKNOWN", format!("{} has no {reference}", export.repository())));
    }
    let content = Bytes::copy_from_slice(&manifest.json);
    Ok(document(identified(&manifest.digest), manifest.media_type, content))
}

async fn blob<B>(
    export: &Export,
    tally: &Arc<Tally>,
    request: &Request<B>,
    digest: &str,
) -> Result<Reply, Refusal> {
    let unknown = || missing("BLOB_UNKNOWN", format!("{} has no {digest}", export.repository()));
    let digest = Digest::parse(digest).ok_or_else(unknown)?;
    let is_get = request.method() == Method::GET;
    if digest == export.config().digest {
        let content = export.config().content.clone();
        tally.sent(if is_get { content.len() } else { 0 });
        return Ok(document(identified(&digest), "application/octet-stream", content));
    }
    let (place, layer) = export.layer(&digest).ok_or_else(unknown)?;
    let range = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let wanted = if is_get { Wanted::parse(range, layer.size) } else { Wanted::Whole };
    send_layer(layer, place, wanted, tally).await
}

async fn send_layer(
    layer: &Layer,
    place: usize,
    wanted: Wanted,
    tally: &Arc<Tally>,
) -> Result<Reply, Refusal> {
    let builder = identified(&layer.digest)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes");
    let (builder, bounds) = match wanted {
        Wanted::Whole => (builder, (0, layer.size - 1)),
        Wanted::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{}", layer.size);
            let builder = builder.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
            (builder, (first, last))
        }
        Wanted::Nothing => {
            let said = format!("the layer has {} bytes", layer.size);
            return Err(Refusal(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", said));
        }
    };
    let body = LayerBody::open(layer, bounds, place, Arc::clone(tally)).await.map_err(|error| {
        let said = format!("cannot read {}: {error}", layer.path.display());
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", said)
    })?;
    let builder = builder.header(header::CONTENT_LENGTH, bounds.1 + 1 - bounds.0);
    Ok(finish(builder, body.boxed()))
}

fn identified(digest: &Digest) -> Builder {
    Response::builder()
        .header("docker-content-digest", digest.to_string())
        .header(header::ETAG, format!("\"{digest}\""))
}

fn document(builder: Builder, media_type: &str, content: Bytes) -> Reply {
    let builder =
        builder.header(header::CONTENT_TYPE, media_type).header(header::CONTENT_LENGTH, content.len());
    finish(builder, Full::new(content).map_err(|never| match never {}).boxed())
}

fn finish(builder: Builder, body: BoxBody<Bytes, io::Error>) -> Reply {
    builder.body(body).expect("headers of digests, numbers and constants are valid")
}

fn missing(code: &'static str, said: String) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, code, said)
}

impl Refusal {
    fn reply(self) -> Reply {
        let Refusal(status, code, message) = self;
        let content = json!({ "errors": [{ "code": code, "message": message }] }).to_string();
        let builder = Response::builder().status(status);
        let builder = match status {
            StatusCode::METHOD_NOT_ALLOWED => builder.header(header::ALLOW, "GET, HEAD"),
            _ => builder,
        };
        document(builder, "application/json", content.into())
    }
}
