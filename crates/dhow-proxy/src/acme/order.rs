//! One order: from a name to its certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};

use super::challenges::{Challenges, Posted};
use super::directory::told;
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
    /// The kind of question that is answered.
    pub kind: &'a ChallengeType,
}

/// Orders a certificate for one name and a new P-256 key. Both in PEM, the key first, as they are kept.
pub async fn certificate(
    account: &Account,
    wanted: &Wanted<'_>,
    challenges: &Challenges,
) -> Result<String, OrderError> {
    let Wanted { name, kind, .. } = *wanted;
    let mut order = begin(account, wanted).await?;
    let posted = answer(&mut order, name, kind, challenges).await?;
    let status = order.poll_ready(&PATIENCE).await;
    drop(posted);
    match status {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => return Err(OrderError::Unconvinced(objection(&mut order, kind).await)),
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
async fn answer(
    order: &mut Order,
    name: &str,
    kind: &ChallengeType,
    challenges: &Challenges,
) -> Result<Vec<Posted>, OrderError> {
    let mut posted = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue; // It has been convinced lately.
        }
        let Some(mut challenge) = authorization.challenge(kind.clone()) else {
            return Err(OrderError::Unconvinced(format!("the authority offers no {kind:?}")));
        };
        let key_authorization = challenge.key_authorization();
        posted.push(match kind {
            ChallengeType::TlsAlpn01 => {
                let certificate = Certificate::for_challenge(name, key_authorization.digest().as_ref());
                challenges.post_certificate(name, certificate.map_err(OrderError::Failed)?)
            }
            _ => challenges.post_text(&challenge.token, key_authorization.as_str().to_owned()),
        });
        challenge.set_ready().await?;
    }
    Ok(posted)
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
