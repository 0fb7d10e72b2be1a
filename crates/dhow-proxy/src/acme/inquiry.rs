//! The question whether a host may have a certificate, asked of the app (a path) or of anybody (a URL).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::health::NoBody;
use crate::pause::Pause;
use crate::pool::Admission;
use crate::service::Service;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// How much of a refusal is read, for the log.
const EXPLANATION: usize = 256;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What was answered.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// 200 allows, anything else does not.
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
}

/// Asks the present service about a name. The error says why there is no answer.
pub async fn ask(
    services: watch::Receiver<Option<Arc<Service>>>,
    name: &str,
    tls: TlsConnector,
) -> Result<Answer, String> {
    let asked = timeout(ANSWER, ask_when_running(services, name, tls)).await;
    asked.unwrap_or_else(|_| Err("no answer in time".into())).map_err(|error: AnyError| error.to_string())
}

/// A paused service is waited for; a stopped one says no.
async fn ask_when_running(
    mut services: watch::Receiver<Option<Arc<Service>>>,
    name: &str,
    tls: TlsConnector,
) -> Result<Answer, AnyError> {
    let is_held = |service: &Service| matches!(service.pause, Pause::Paused { .. });
    loop {
        let running = services.wait_for(|service| !service.as_ref().is_some_and(|service| is_held(service)));
        let service = running.await?.clone().ok_or("the service is gone")?;
        let url = &service.options.tls_on_demand_url;
        if !url.starts_with('/') {
            return ask_url(&endpoint(url)?, name, tls).await;
        }
        if let Pause::Stopped { message } = &service.pause {
            return Ok(Answer { status: 503, body: format!("stopped {message}").trim_end().into() });
        }
        match service.active.admit(true, None) {
            Admission::Admitted(in_flight) => {
                let address = &in_flight.target.address;
                let stream = TcpStream::connect((address.host(), address.port())).await?;
                let mut request = request(&with_host(url, name), name)?;
                for (header, value) in [
                    ("x-forwarded-host", name),
                    ("x-forwarded-proto", "http"),
                    ("x-kamal-target", address.as_str()),
                ] {
                    let value = HeaderValue::from_str(value)?;
                    request.headers_mut().insert(HeaderName::from_static(header), value);
                }
                return exchange(stream, request).await;
            }
            Admission::NoneHealthy => return Ok(Answer { status: 503, body: "no target is healthy".into() }),
            // Replaced at this moment: the next service is about to be told.
            Admission::Closed => tokio::task::yield_now().await,
        }
    }
}

/// A URL to ask, if it is one that can be asked.
pub fn endpoint(url: &str) -> Result<Uri, AnyError> {
    let uri: Uri = url.parse().map_err(|error| format!("tls-on-demand-url {url}: {error}"))?;
    match uri.host() {
        Some(_) => Ok(uri),
        None => Err(format!("tls-on-demand-url {url} names no host").into()),
    }
}

async fn ask_url(url: &Uri, name: &str, tls: TlsConnector) -> Result<Answer, AnyError> {
    let authority = url.authority().ok_or("no host")?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let is_tls = url.scheme() == Some(&Scheme::HTTPS);
    let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = request(&with_host(path, name), authority.as_str())?;
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    match is_tls {
        true => exchange(tls.connect(ServerName::try_from(host)?, stream).await?, request).await,
        false => exchange(stream, request).await,
    }
}

fn request(path: &str, host: &str) -> Result<Request<NoBody>, AnyError> {
    let request = Request::get(path).header(HOST, HeaderValue::from_str(host)?);
    Ok(request.header(CONNECTION, HeaderValue::from_static("close")).body(NoBody)?)
}

async fn exchange<S>(stream: S, request: Request<NoBody>) -> Result<Answer, AnyError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error, if any, is the request's too.
    let connection = tokio::spawn(async move { connection.await.ok() });
    let answer = read(sender.send_request(request).await?).await;
    connection.abort();
    answer
}

async fn read(response: Response<Incoming>) -> Result<Answer, AnyError> {
    let (head, mut body) = response.into_parts();
    let mut begin = Vec::new();
    while begin.len() < EXPLANATION
        && let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
    {
        begin.extend_from_slice(frame?.data_ref().map_or(&[], |bytes| bytes));
    }
    begin.truncate(EXPLANATION);
    Ok(Answer { status: head.status.as_u16(), body: String::from_utf8_lossy(&begin).into_owned() })
}

/// The path with the name as its parameter `host`, in the form that Go gives a query: sorted, and escaped anew.
fn with_host(path: &str, name: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (unescaped(key), unescaped(value)));
    let mut pairs: Vec<_> = decoded.filter(|(key, _)| key != b"host").collect();
    pairs.push((b"host".to_vec(), name.as_bytes().to_vec()));
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let pairs: Vec<_> =
        pairs.iter().map(|(key, value)| format!("{}={}", escaped(key), escaped(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits =
            after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        let (byte, width) = match (first, digits) {
            (b'+', _) => (b' ', 1),
            (b'%', Some(byte)) => (byte, 3),
            (byte, _) => (*byte, 1),
        };
        bytes.push(byte);
        rest = &rest[width..];
    }
    bytes
}

fn escaped(bytes: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        b' ' => "+".into(),
        byte => format!("%{byte:02X}"),
    };
    bytes.iter().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_360_the_host_joins_the_query() {
        assert_eq!(with_host("/check", "a.com"), "/check?host=a.com");
        assert_eq!(
            with_host("/check?z=1&a=b%20c&host=evil&d", "a:8080"),
            "/check?a=b+c&d=&host=a%3A8080&z=1"
        );
    }
}
