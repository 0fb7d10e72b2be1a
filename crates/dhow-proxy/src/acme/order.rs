//! One order: from a name to its certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeHandle, ChallengeType, Identifier,
    NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::challenges::{Challenges, Posted};
use super::dns::{Dns, Presented};
use super::https::told;
use crate::tls::certificate::Certificate;

/// How long the authority may take to ask its questions, and to sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// Why there is no certificate.
pub enum OrderError {
    /// The authority asked its question and did not like the answer; another kind of question may do.
    Unconvinced(String),
    /// Anything else: asking again soon will not help.
    Failed(String),
}

impl From<instant_acme::Error> for OrderError {
    fn from(error: instant_acme::Error) -> Self {
        Self::Failed(told(&error))
    }
}

/// What is ordered.
pub struct Wanted<'a> {
    /// The name.
    pub name: &'a str,
    /// The certificate that is renewed: authorities with ARI give renewals another place in their limits.
    pub replaced: Option<&'a CertificateIdentifier<'static>>,
    /// How the name is proven.
    pub proof: Proof<'a>,
}

/// How the authority is convinced.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// By the certificate of a handshake (RFC 8737).
    Handshake(&'a Challenges),
    /// By the text at a path (RFC 8555, section 8.3).
    Path(&'a Challenges),
    /// By a record in the name's zone (RFC 8555, section 8.4).
    Zone(&'a Dns),
}

impl Proof<'_> {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Handshake(_) => "tls-alpn-01",
            Self::Path(_) => "http-01",
            Self::Zone(_) => "dns-01",
        }
    }

    fn kind(&self) -> ChallengeType {
        match self {
            Self::Handshake(_) => ChallengeType::TlsAlpn01,
            Self::Path(_) => ChallengeType::Http01,
            Self::Zone(_) => ChallengeType::Dns01,
        }
    }
}

/// An answer that stands while the authority looks.
enum Standing {
    /// Here.
    Here(#[expect(dead_code, reason = "it is taken down when this is dropped")] Posted),
    /// In the zone.
    InZone(Presented),
}

/// Orders a certificate for one name and a new P-256 key. Both in PEM, the key first, as they are kept.
pub async fn certificate(account: &Account, wanted: &Wanted<'_>) -> Result<String, OrderError> {
    let kind = wanted.proof.kind();
    let mut order = begin(account, wanted).await?;
    let standing = answer(&mut order, wanted).await?;
    let status = order.poll_ready(&PATIENCE).await;
    for answer in standing {
        if let Standing::InZone(presented) = answer {
            presented.take_down().await;
        }
    }
    match status {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => return Err(OrderError::Unconvinced(objection(&mut order, &kind).await)),
        // A rejected order may carry the objection itself.
        Err(instant_acme::Error::Api(problem)) => return Err(OrderError::Unconvinced(problem.to_string())),
        Err(error) => return Err(error.into()),
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(key + &chain)
}

/// A renewal is ordered as one. If that is refused (it was renewed already, or is not known any more, or the
/// authority is not that far yet), it is ordered like any other.
async fn begin(account: &Account, wanted: &Wanted<'_>) -> Result<Order, instant_acme::Error> {
    let identifier = [Identifier::Dns(wanted.name.to_owned())];
    if let Some(replaced) = wanted.replaced
        && let Ok(order) = account.new_order(&NewOrder::new(&identifier).replaces(replaced.clone())).await
    {
        return Ok(order);
    }
    account.new_order(&NewOrder::new(&identifier)).await
}

/// Puts up the answers to the authority's questions, and tells it so.
async fn answer(order: &mut Order, wanted: &Wanted<'_>) -> Result<Vec<Standing>, OrderError> {
    let kind = wanted.proof.kind();
    let mut standing = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue; // It has been convinced lately.
        }
        let Some(mut challenge) = authorization.challenge(kind.clone()) else {
            return Err(OrderError::Unconvinced(format!("the authority offers no {kind:?}")));
        };
        let put_up = put_up(wanted, &challenge).await;
        standing.push(put_up.map_err(|why| OrderError::Failed(format!("{}: {why}", wanted.proof.name())))?);
        challenge.set_ready().await?;
    }
    Ok(standing)
}

async fn put_up(wanted: &Wanted<'_>, challenge: &ChallengeHandle<'_>) -> Result<Standing, String> {
    let (name, key_authorization) = (wanted.name, challenge.key_authorization());
    Ok(match wanted.proof {
        Proof::Handshake(challenges) => {
            let certificate = Certificate::for_challenge(name, key_authorization.digest().as_ref())?;
            Standing::Here(challenges.post_certificate(name, certificate))
        }
        Proof::Path(challenges) => {
            Standing::Here(challenges.post_text(&challenge.token, key_authorization.as_str().to_owned()))
        }
        Proof::Zone(dns) => {
            let host = name.strip_prefix("*.").unwrap_or(name);
            Standing::InZone(dns.present(host, key_authorization.dns_value()).await?)
        }
    })
}

/// What the authority did not like.
async fn objection(order: &mut Order, kind: &ChallengeType) -> String {
    let unknown = "the authority does not say why".to_owned();
    let mut authorizations = order.authorizations();
    let Some(Ok(mut authorization)) = authorizations.next().await else { return unknown };
    let Ok(state) = authorization.refresh().await else { return unknown };
    let challenge = state.challenges.iter().find(|challenge| challenge.r#type == *kind);
    challenge.and_then(|challenge| challenge.error.as_ref()).map_or(unknown, ToString::to_string)
}
