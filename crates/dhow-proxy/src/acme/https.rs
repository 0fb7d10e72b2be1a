//! Requests to certificate authorities and to the services that hold zones.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long an answer may take to begin.
const ANSWER: Duration = Duration::from_secs(30);

/// How long an answer may be.
const LONGEST: usize = 1 << 20;

/// Requests over TLS, a connection each: there are a dozen of them per certificate.
#[derive(Clone)]
pub struct Https {
    tls: TlsConnector,
}

/// What was answered, in full.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Vec<u8>,
}

impl Https {
    /// With what a server is checked against.
    pub fn new(tls: TlsConnector) -> Self {
        Self { tls }
    }

    /// Asks, and reads the answer. The error names the URL.
    pub async fn fetch(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Answer, String> {
        let url = request.uri().to_string();
        let fetched = timeout(ANSWER, async {
            let (head, body) = ask(self.tls.clone(), request).await?.into_parts();
            Ok(Answer { status: head.status, body: read(body).await? })
        });
        match fetched.await {
            Ok(answer) => answer.map_err(|error: AnyError| format!("{url}: {}", told(&*error))),
            Err(_) => Err(format!("{url}: no answer in time")),
        }
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = self.tls.clone();
        Box::pin(async move {
            let url = request.uri().to_string();
            let failed = |reason: String| Error::Other(format!("{url}: {reason}").into());
            match timeout(ANSWER, ask(tls, request)).await {
                Ok(answer) => answer.map(BytesResponse::from).map_err(|error| failed(told(&*error))),
                Err(_) => Err(failed("no answer in time".into())),
            }
        })
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn ask(
    tls: TlsConnector,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Incoming>, AnyError> {
    let url = request.uri().clone();
    let authority = url.authority().filter(|_| url.scheme_str() == Some("https"));
    let authority = authority.ok_or("only https:// is supported")?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let stream = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await?;
    let stream = tls.connect(ServerName::try_from(host)?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error, if any, is the request's too.
    tokio::spawn(async move { connection.await.ok() });
    let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(HOST, HeaderValue::from_str(authority.as_str())?);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(sender.send_request(request).await?)
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, AnyError> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        all.extend_from_slice(frame?.data_ref().map_or(&[], |bytes| bytes));
        if all.len() > LONGEST {
            return Err("the answer is too long".into());
        }
    }
    Ok(all)
}

/// An error with its causes.
pub fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let reason = next.to_string();
        if !text.ends_with(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = next.source();
    }
    text
}
