//! Whether a certificate is revoked, as a responder of its authority says (OCSP, RFC 6960).

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::der::{Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element};
use super::validity::Validity;
use super::x509::{Parts, Signed};

const ENUMERATED: u8 = 0x0a;
/// `[0]` of several kinds.
const FIRST: u8 = 0xa0;
/// The status `good`.
const GOOD: u8 = 0x80;
/// The status `revoked`.
const REVOKED: u8 = 0xa1;
/// 1.3.6.1.5.5.7.48.1.1, the only kind of response that there is.
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
/// 1.3.14.3.2.26 and no parameters: SHA-1, which names a certificate here and proves nothing.
const SHA1: &[u8] = &[OBJECT_IDENTIFIER, 5, 0x2b, 14, 3, 2, 26, 5, 0];

/// How far ahead of ours a responder's clock may be.
const SKEW: Duration = Duration::from_secs(300);

/// A certificate as responders know it.
pub struct Subject<'a> {
    /// The URL that its responder is asked at.
    pub responder: &'a str,
    leaf: Parts<'a>,
    issuer: Parts<'a>,
}

impl<'a> Subject<'a> {
    /// Of a certificate and the one of its authority; `None` if it names no responder.
    pub fn new(leaf: &'a [u8], issuer: &'a [u8]) -> Option<Self> {
        let (leaf, issuer) = (Parts::of(leaf)?, Parts::of(issuer)?);
        Some(Self { responder: leaf.responder()?, leaf, issuer })
    }

    /// The question.
    pub fn request(&self) -> Vec<u8> {
        let serial = element(INTEGER, self.leaf.serial);
        let id = [element(SEQUENCE, SHA1), self.hashes().concat(), serial].concat();
        // A certificate, a request, a list of requests, what could be signed, and all of it.
        (0..5).fold(id, |inner, _| element(SEQUENCE, &inner))
    }

    /// From when to when a response says, in the authority's name, that the certificate is good. `now` is since the epoch.
    pub fn good(&self, response: &[u8], now: Duration) -> Result<Validity, String> {
        let unreadable = "the response is unreadable";
        let mut response = Elements(Elements(response).next(SEQUENCE).ok_or(unreadable)?);
        match response.next(ENUMERATED).ok_or(unreadable)? {
            [0] => {}
            status => return Err(format!("the responder refuses to answer (status {status:?})")),
        }
        let mut basic = basic(&mut response).ok_or(unreadable)?;
        let signed = Signed::read(&mut basic).ok_or(unreadable)?;
        if !self.is_authorized(&signed, basic, now) {
            return Err("the response is not signed in the name of the certificate's authority".into());
        }
        let (status, validity) = self.single(&signed).ok_or("the response is not about the certificate")?;
        match status {
            GOOD => {}
            REVOKED => return Err("the certificate is revoked".into()),
            _ => return Err("the responder does not know the certificate".into()),
        }
        let validity = validity.ok_or("the response does not say until when it is good")?;
        match validity.from <= now + SKEW && now < validity.until {
            true => Ok(validity),
            false => Err("the response is not of this time".into()),
        }
    }

    /// Signed by the authority itself, or by whom it has issued a certificate for the purpose.
    fn is_authorized(&self, signed: &Signed<'_>, mut rest: Elements<'_>, now: Duration) -> bool {
        if signed.is_by(&self.issuer.key) {
            return true;
        }
        let certificates = rest.next(FIRST).and_then(|certificates| Elements(certificates).next(SEQUENCE));
        let mut certificates = Elements(certificates.unwrap_or_default());
        std::iter::from_fn(|| certificates.whole()).any(|der| {
            let is_valid =
                Validity::of(der).is_some_and(|validity| validity.from <= now + SKEW && now < validity.until);
            Parts::of(der).is_some_and(|responder| {
                is_valid
                    && responder.is_responder()
                    && responder.signed.is_by(&self.issuer.key)
                    && signed.is_by(&responder.key)
            })
        })
    }

    /// What is said of this certificate among others.
    fn single(&self, signed: &Signed<'_>) -> Option<(u8, Option<Validity>)> {
        let mut data = Elements(Elements(signed.element).next(SEQUENCE)?);
        while data.tag()? != SEQUENCE {
            data.any()?; // Version, responder, time.
        }
        let mut responses = Elements(data.next(SEQUENCE)?);
        while let Some(response) = responses.next(SEQUENCE) {
            let mut response = Elements(response);
            let mut id = Elements(response.next(SEQUENCE)?);
            id.next(SEQUENCE)?;
            let found = [id.whole()?, id.whole()?];
            if found != self.hashes() || id.next(INTEGER)? != self.leaf.serial {
                continue;
            }
            let (status, _) = response.any()?;
            let from = response.time()?;
            let until = response.next(FIRST).and_then(|until| Elements(until).time());
            return Some((status, until.map(|until| Validity { from, until })));
        }
        None
    }

    /// Of the authority's name and key.
    fn hashes(&self) -> [Vec<u8>; 2] {
        [self.leaf.issuer, self.issuer.key.bits]
            .map(|bytes| element(OCTET_STRING, digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()))
    }
}

fn basic<'a>(response: &mut Elements<'a>) -> Option<Elements<'a>> {
    let mut bytes = Elements(Elements(response.next(FIRST)?).next(SEQUENCE)?);
    let is_basic = bytes.next(OBJECT_IDENTIFIER)? == BASIC;
    let content = bytes.next(OCTET_STRING).filter(|_| is_basic)?;
    Some(Elements(Elements(content).next(SEQUENCE)?))
}
