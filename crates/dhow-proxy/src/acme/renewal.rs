//! When to renew a certificate: when its authority says so (ARI, RFC 9773), else at two thirds of its life.

use std::time::Duration;

use instant_acme::{CertificateIdentifier, Error};
use rustls::pki_types::Der;

use super::directory::{Authority, Directories};
use crate::clock;
use crate::tls::certificate::Certificate;
use crate::tls::validity::Validity;

/// A certificate is renewed when this part of its lifetime is over, …
const RENEW_AFTER: f64 = 2.0 / 3.0;

/// … or up to this part earlier, so that not all are renewed at once.
const RENEW_EARLIER: f64 = 0.03;

/// How soon the authority may be asked again whatever it says, …
const SOONEST: Duration = Duration::from_secs(60);

/// … how late, as it may have to recall a certificate within a day, …
const LATEST: Duration = Duration::from_secs(6 * 3600);

/// A plan for the renewal of a certificate. Times are since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// When to renew.
    pub due: Duration,
    /// When to ask for another plan.
    pub revised: Duration,
}

/// Makes a plan; `chance`, from 0 to 1, spreads the certificates of many names.
pub async fn plan(
    directories: &Directories,
    authority: &Authority,
    certificate: &Certificate,
    chance: f64,
) -> Plan {
    let now = clock::since_epoch();
    let by_life = Plan { due: by_life(certificate.validity(), chance), revised: now + LATEST };
    let Some(id) = identifier(certificate) else { return by_life };
    // An authority that cannot be reached, or knows no such thing, leaves the decision to us.
    let Ok(account) = directories.account(authority).await else { return by_life };
    match account.renewal_info(&id).await {
        Ok((info, wait)) => {
            let [start, end] = [info.suggested_window.start, info.suggested_window.end]
                .map(|at| Duration::from_secs(at.unix_timestamp().try_into().unwrap_or_default()));
            let due = start + end.saturating_sub(start).mul_f64(chance);
            Plan { due, revised: now + wait.clamp(SOONEST, LATEST) }
        }
        Err(Error::Unsupported(_)) => Plan { revised: Duration::MAX, ..by_life },
        Err(_) => by_life,
    }
}

/// The name of a certificate at its authority.
pub fn identifier(certificate: &Certificate) -> Option<CertificateIdentifier<'static>> {
    let identity = certificate.identity()?;
    let id =
        CertificateIdentifier::new(Der::from_slice(identity.authority), Der::from_slice(identity.serial));
    Some(id.into_owned())
}

fn by_life(validity: Option<Validity>, chance: f64) -> Duration {
    validity.map_or(Duration::MAX, |validity| validity.after(RENEW_AFTER - RENEW_EARLIER * chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thirds_of_a_life_are_a_little_less_for_some() {
        let validity = Validity { from: Duration::from_secs(1000), until: Duration::from_secs(4000) };
        assert_eq!(by_life(Some(validity), 0.0), Duration::from_secs(3000));
        let early = by_life(Some(validity), 1.0);
        assert!((2909..=2911).contains(&early.as_secs()), "{early:?}");
        assert_eq!(by_life(None, 0.5), Duration::MAX);
    }
}
