//! Probing targets: is the app up, and does it stay up.

mod http2;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::log::Log;
use crate::options::TargetProtocol;
use crate::target::{Health, Target};

/// What probes call themselves; apps know it from kamal-proxy.
const AGENT: &str = "kamal-proxy";

/// Redirects that a probe follows.
const MAX_REDIRECTS: usize = 10;

/// How soon an app that does not even accept connections yet is probed again, until it is healthy the first time.
const BOOT_RETRY: Duration = Duration::from_millis(100);

/// How long a probe is believed when a request cannot reach its target. After that, it is probed without waiting for the
/// interval to pass.
const SUSPICION: Duration = Duration::from_millis(100);

/// Probes a target until it is retired; a single target only until it is healthy.
pub async fn watch(target: Arc<Target>, is_single: bool, log: Log) {
    let mut orders = target.orders();
    let probing = probe_repeatedly(&target, is_single, &log);
    tokio::select! {
        () = probing => {}
        _ = orders.wait_for(|orders| orders.retired) => {}
    }
}

async fn probe_repeatedly(target: &Target, is_single: bool, log: &Log) {
    let interval = target.options.health_check_config.interval;
    let mut last_logged: Option<(String, Instant)> = None;
    let mut was_healthy = false;
    let mut was_passed_over = false;
    loop {
        let started = Instant::now();
        let outcome = probe(target).await;
        was_healthy |= outcome.is_ok();
        target.set_probe_error(outcome.as_ref().err().map(ToString::to_string));
        note(target, &outcome, log, &mut last_logged);
        let name = target.address.as_str();
        if target.is_passed_over() && !was_passed_over {
            log.warn("Target is passed over, because connections to it fail", &[("target", &name)]);
        }
        if outcome.is_ok() && target.readmit() {
            log.info("Target is in turn again", &[("target", &name)]);
        }
        was_passed_over = target.is_passed_over();
        if is_single && was_healthy {
            return;
        }
        let is_booting = !was_healthy && matches!(outcome, Err(ProbeError::Unreachable(_)));
        let pause = if is_booting { interval.min(BOOT_RETRY) } else { interval };
        tokio::select! {
            () = sleep(pause.saturating_sub(started.elapsed())) => {}
            () = async { sleep(SUSPICION).await; target.suspected().await } => {}
        }
    }
}

/// Updates the health and tells about it; the same failure is told once per interval, not once per retry.
fn note(target: &Target, outcome: &Result<(), ProbeError>, log: &Log, last: &mut Option<(String, Instant)>) {
    let before = target.health();
    if let Err(error) = outcome {
        let text = error.to_string();
        let interval = target.options.health_check_config.interval;
        let is_news = last.as_ref().is_none_or(|(told, at)| *told != text || at.elapsed() >= interval);
        if is_news {
            log.info("Healthcheck failed", &[("url", &url_of(target)), ("error", &text)]);
            *last = Some((text, Instant::now()));
        }
    }
    let now = match (outcome, before) {
        (Ok(()), _) => Health::Healthy,
        (Err(_), Health::Healthy) => Health::Unhealthy,
        (Err(_), unchanged) => unchanged,
    };
    if now != before {
        target.set_health(now);
        let (state, was) = (now.to_string(), before.to_string());
        log.info(
            "Target health updated",
            &[("target", &target.address.as_str()), ("state", &state), ("was", &was)],
        );
    }
}

/// Why a probe failed.
#[derive(Debug)]
enum ProbeError {
    Unreachable(std::io::Error),
    Exchange(hyper::Error),
    Http2(h2::Error),
    Grpc(String),
    Status(u16),
    Redirects,
    TimedOut,
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbeError::Unreachable(error) => write!(f, "{error}"),
            ProbeError::Exchange(error) => write!(f, "{error}"),
            ProbeError::Http2(error) => write!(f, "{error}"),
            ProbeError::Grpc(what) => write!(f, "gRPC health: {what}"),
            ProbeError::Status(status) => write!(f, "unexpected status ({status})"),
            ProbeError::Redirects => write!(f, "stopped after {MAX_REDIRECTS} redirects"),
            ProbeError::TimedOut => write!(f, "request timed out"),
        }
    }
}

impl ProbeError {
    fn invalid(error: impl Into<hyper::http::Error>) -> Self {
        ProbeError::Unreachable(std::io::Error::other(error.into()))
    }
}

async fn probe(target: &Target) -> Result<(), ProbeError> {
    let limit = target.options.health_check_config.timeout;
    timeout(limit, follow_redirects(target)).await.unwrap_or(Err(ProbeError::TimedOut))
}

async fn follow_redirects(target: &Target) -> Result<(), ProbeError> {
    let mut url = ProbeUrl::of(target);
    for _ in 0..=MAX_REDIRECTS {
        let Seen { status, location } = get(&url, target.options.target_protocol).await?;
        match location {
            _ if status.is_success() => return Ok(()),
            Some(location) if status.is_redirection() => url = url.joined(&location),
            _ => return Err(ProbeError::Status(status.as_u16())),
        }
    }
    Err(ProbeError::Redirects)
}

/// Where a probe goes. Only plain http: an app that redirects its probe to https is asked without TLS on that path.
struct ProbeUrl {
    host: String,
    port: u16,
    path: String,
    host_header: String,
}

impl ProbeUrl {
    fn of(target: &Target) -> Self {
        let config = &target.options.health_check_config;
        let port = if config.port == 0 { target.address.port() } else { config.port };
        let host = target.address.host().to_owned();
        let address =
            if config.port == 0 { target.address.as_str().to_owned() } else { format!("{host}:{port}") };
        let host_header = if config.host.is_empty() { address } else { config.host.clone() };
        Self { host, port, path: format!("/{}", config.path.trim_start_matches('/')), host_header }
    }

    fn joined(self, location: &str) -> Self {
        let Some((_, rest)) = location.split_once("://") else {
            let path = if location.starts_with('/') { location.to_owned() } else { format!("/{location}") };
            return Self { path, ..self };
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        // The app may name itself by its public host, which leads back to this proxy or nowhere at all from here:
        // such a redirect is followed at the target itself.
        if authority == self.host_header {
            return Self { path, ..self };
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(80)),
            None => (authority, 80),
        };
        Self { host: host.to_owned(), port, path, host_header: authority.to_owned() }
    }
}

/// What a target says to a probe.
struct Seen {
    status: StatusCode,
    location: Option<String>,
}

impl Seen {
    fn of<B>(response: &Response<B>) -> Self {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        Self { status: response.status(), location: location.map(str::to_owned) }
    }
}

async fn get(url: &ProbeUrl, protocol: TargetProtocol) -> Result<Seen, ProbeError> {
    let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(ProbeError::Unreachable)?;
    match protocol {
        TargetProtocol::Http1 => get_over_http1(url, stream).await,
        TargetProtocol::H2c => http2::get(url, stream).await,
    }
}

async fn get_over_http1(url: &ProbeUrl, stream: TcpStream) -> Result<Seen, ProbeError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(ProbeError::Exchange)?;
    tokio::spawn(connection);
    let host = HeaderValue::from_str(&url.host_header).map_err(ProbeError::invalid)?;
    let request = Request::get(&url.path).header(HOST, host).header(USER_AGENT, AGENT);
    let request = request.body(NoBody).map_err(ProbeError::invalid)?;
    let response = sender.send_request(request).await.map_err(ProbeError::Exchange)?;
    let seen = Seen::of(&response);
    read_to_end(response.into_body()).await?;
    Ok(seen)
}

async fn read_to_end(mut body: Incoming) -> Result<(), ProbeError> {
    use std::future::poll_fn;
    use std::pin::Pin;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        frame.map_err(ProbeError::Exchange)?;
    }
    Ok(())
}

fn url_of(target: &Target) -> String {
    let url = ProbeUrl::of(target);
    format!("http://{}:{}{}", url.host, url.port, url.path)
}

/// The body of a GET.
pub struct NoBody;

impl Body for NoBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{HealthCheckConfig, TargetOptions};
    use crate::target::TargetAddress;

    fn url(address: &str, config: HealthCheckConfig) -> ProbeUrl {
        let options = Arc::new(TargetOptions { health_check_config: config, ..Default::default() });
        ProbeUrl::of(&Target::new(TargetAddress::parse(address).unwrap(), options))
    }

    fn at(url: &ProbeUrl) -> String {
        format!("{}:{}{} as {}", url.host, url.port, url.path, url.host_header)
    }

    #[test]
    fn t_219_probes_go_to_the_targets_port_unless_told_otherwise() {
        let config = |port| HealthCheckConfig { path: "up".into(), port, ..Default::default() };
        assert_eq!(at(&url("app:3000", config(0))), "app:3000/up as app:3000");
        assert_eq!(at(&url("app:3000", config(8080))), "app:8080/up as app:8080");
        assert_eq!(at(&url("app", config(8080))), "app:8080/up as app:8080");
        assert_eq!(at(&url("app", config(0))), "app:80/up as app");
    }

    #[test]
    fn o_47_redirects_are_followed_to_where_they_point() {
        let start = || url("app:3000", HealthCheckConfig { path: "/up".into(), ..Default::default() });
        assert_eq!(at(&start().joined("/other?x=1")), "app:3000/other?x=1 as app:3000");
        assert_eq!(at(&start().joined("http://app:3000/x")), "app:3000/x as app:3000");
        assert_eq!(at(&start().joined("http://elsewhere/x")), "elsewhere:80/x as elsewhere");
    }
}
