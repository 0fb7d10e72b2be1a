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
use tokio::io::{AsyncRead, AsyncWrite};
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
        self.fetch_over(request, Channel::Secret).await
    }

    /// The same, also over plain HTTP: for answers that are signed by themselves.
    pub async fn fetch_signed(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Answer, String> {
        self.fetch_over(request, Channel::Any).await
    }

    async fn fetch_over(
        &self,
        request: Request<BodyWrapper<Bytes>>,
        channel: Channel,
    ) -> Result<Answer, String> {
        let url = request.uri().to_string();
        let fetched = timeout(ANSWER, async {
            let (head, body) = ask(self.tls.clone(), request, channel).await?.into_parts();
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
            match timeout(ANSWER, ask(tls, request, Channel::Secret)).await {
                Ok(answer) => answer.map(BytesResponse::from).map_err(|error| failed(told(&*error))),
                Err(_) => Err(failed("no answer in time".into())),
            }
        })
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Whether an answer may come from anybody on the way.
#[derive(Clone, Copy, PartialEq)]
enum Channel {
    Secret,
    Any,
}

async fn ask(
    tls: TlsConnector,
    request: Request<BodyWrapper<Bytes>>,
    channel: Channel,
) -> Result<Response<Incoming>, AnyError> {
    let url = request.uri();
    let is_tls = match url.scheme_str() {
        Some("https") => true,
        Some("http") if channel == Channel::Any => false,
        _ => return Err("only https:// is supported".into()),
    };
    let authority = url.authority().ok_or("no host")?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    match is_tls {
        true => exchange(tls.connect(ServerName::try_from(host)?, stream).await?, request).await,
        false => exchange(stream, request).await,
    }
}

async fn exchange<S>(
    stream: S,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Incoming>, AnyError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error, if any, is the request's too.
    tokio::spawn(async move { connection.await.ok() });
    let url = request.uri();
    let host = HeaderValue::from_str(url.authority().map_or("", |authority| authority.as_str()))?;
    let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(HOST, host);
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
