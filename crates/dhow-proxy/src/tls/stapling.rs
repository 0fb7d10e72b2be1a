//! Keeping what a certificate's responder says of it, for handshakes to hand out (OCSP stapling). No handshake waits for it.

use std::time::Duration;

use hyper::Request;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use instant_acme::BodyWrapper;
use tokio::time::sleep;

use super::certificate::{Certificate, Unstapled};
use super::validity::Validity;
use crate::acme::https::Https;
use crate::log::{Field, Log};
use crate::{clock, duration};

/// The shortest pause between two questions, and the one after a first failure, which doubles with each further one, …
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// … up to this.
const LAST_RETRY: Duration = Duration::from_secs(3600);

/// Staples a certificate from now on, for as long as somebody holds it; unless that is done already, or it names no
/// responder. For use inside a runtime.
pub fn begin(certificate: &Certificate, https: Https, log: &Log) {
    if let Some(unstapled) = certificate.unstapled() {
        tokio::spawn(keep(unstapled, https, log.clone()));
    }
}

async fn keep(unstapled: Unstapled, https: Https, log: Log) {
    let mut until: Option<Duration> = None;
    let mut retry = FIRST_PAUSE;
    while let Some(certificate) = unstapled.held() {
        let mut pause = match ask(&certificate, &https).await {
            Ok((response, validity)) => {
                certificate.staple(Some(response));
                until = Some(validity.until);
                retry = FIRST_PAUSE;
                (validity.until.saturating_sub(clock::since_epoch()) / 2).max(FIRST_PAUSE)
            }
            Err(why) => {
                let url = certificate.responder().unwrap_or_default();
                let fields: [(&str, &dyn Field); 3] =
                    [("responder", &url), ("error", &why), ("retry_in", &duration::format(retry))];
                log.warn("Unable to staple a certificate", &fields);
                let pause = retry;
                retry = (retry * 2).min(LAST_RETRY);
                pause
            }
        };
        drop(certificate);
        // What is said holds only so long.
        let left = until.map(|until| until.saturating_sub(clock::since_epoch()));
        if let Some(left) = left.filter(|left| *left < pause) {
            sleep(left).await;
            (until, pause) = (None, pause - left);
            if let Some(certificate) = unstapled.held() {
                certificate.staple(None);
            }
        }
        sleep(pause).await;
    }
}

async fn ask(certificate: &Certificate, https: &Https) -> Result<(Vec<u8>, Validity), String> {
    let subject = certificate.subject().ok_or("the chain lacks the certificate of its authority")?;
    let request = Request::post(subject.responder)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/ocsp-request"))
        .body(BodyWrapper::from(subject.request()))
        .map_err(|error| error.to_string())?;
    let answer = https.fetch_signed(request).await?;
    if !answer.status.is_success() {
        return Err(format!("status {}", answer.status.as_u16()));
    }
    let validity = subject.good(&answer.body, clock::since_epoch())?;
    Ok((answer.body, validity))
}
