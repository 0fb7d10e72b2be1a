//! The parts of a certificate (RFC 5280, section 4.1), read from its DER.

use rustls::crypto::aws_lc_rs::default_provider;

use super::der::{Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};

/// Bits, with how many of the last byte are not used before them.
const BIT_STRING: u8 = 0x03;
/// `[0]`, the version.
const VERSION: u8 = 0xa0;
/// `[3]`, the extensions.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.37.
const KEY_USAGES: &[u8] = &[0x55, 0x1d, 0x25];
/// 1.3.6.1.5.5.7.3.9: it may speak for the authority that issued it.
const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];
/// 1.3.6.1.5.5.7.1.1, where more is to be learned.
const AUTHORITY_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// 1.3.6.1.5.5.7.48.1: a responder.
const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1];
/// `[6]`, a URL.
const URL: u8 = 0x86;

/// A certificate in parts, each as its bytes.
pub struct Parts<'a> {
    /// The number that its authority gave it.
    pub serial: &'a [u8],
    /// Who issued it: the whole element.
    pub issuer: &'a [u8],
    /// Whom it is for.
    pub key: PublicKey<'a>,
    /// What its authority has signed.
    pub signed: Signed<'a>,
    extensions: &'a [u8],
}

/// A key that signatures are checked with.
pub struct PublicKey<'a> {
    algorithm: &'a [u8],
    /// The key itself.
    pub bits: &'a [u8],
}

/// An element and the signature over it.
pub struct Signed<'a> {
    /// The whole element.
    pub element: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads a certificate; `None` if this is none.
    pub fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut certificate = Elements(Elements(certificate).next(SEQUENCE)?);
        let signed = Signed::read(&mut certificate)?;
        let mut fields = Elements(Elements(signed.element).next(SEQUENCE)?);
        if fields.tag() == Some(VERSION) {
            fields.next(VERSION)?;
        }
        let serial = fields.next(INTEGER)?;
        fields.next(SEQUENCE)?; // The algorithm of the signature.
        let issuer = fields.whole()?;
        fields.next(SEQUENCE)?; // Validity.
        fields.next(SEQUENCE)?; // Subject.
        let mut key = Elements(fields.next(SEQUENCE)?);
        let key = PublicKey { algorithm: key.next(SEQUENCE)?, bits: bits(&mut key)? };
        while fields.tag().is_some_and(|tag| tag != EXTENSIONS) {
            fields.any()?;
        }
        let extensions = fields.next(EXTENSIONS).and_then(|all| Elements(all).next(SEQUENCE));
        Some(Self { serial, issuer, key, signed, extensions: extensions.unwrap_or_default() })
    }

    /// The URL of a responder that tells whether it is revoked.
    pub fn responder(&self) -> Option<&'a str> {
        let mut places = Elements(Elements(self.extension(AUTHORITY_ACCESS)?).next(SEQUENCE)?);
        while let Some(place) = places.next(SEQUENCE) {
            let mut place = Elements(place);
            if place.next(OBJECT_IDENTIFIER)? == OCSP && place.tag() == Some(URL) {
                return std::str::from_utf8(place.next(URL)?).ok();
            }
        }
        None
    }

    /// Whether it is one that may speak for its authority.
    pub fn is_responder(&self) -> bool {
        let usages = || {
            let mut usages = Elements(Elements(self.extension(KEY_USAGES)?).next(SEQUENCE)?);
            std::iter::from_fn(|| usages.next(OBJECT_IDENTIFIER)).find(|usage| *usage == OCSP_SIGNING)
        };
        usages().is_some()
    }

    /// What an extension says.
    pub fn extension(&self, id: &[u8]) -> Option<&'a [u8]> {
        let mut extensions = Elements(self.extensions);
        while let Some(extension) = extensions.next(SEQUENCE) {
            let mut extension = Elements(extension);
            if extension.next(OBJECT_IDENTIFIER)? != id {
                continue;
            }
            while extension.tag()? != OCTET_STRING {
                extension.any()?; // Whether it is critical.
            }
            return extension.next(OCTET_STRING);
        }
        None
    }
}

impl<'a> Signed<'a> {
    /// The next three elements: what is signed, how, and the signature.
    pub fn read(elements: &mut Elements<'a>) -> Option<Self> {
        Some(Self {
            element: elements.whole()?,
            algorithm: elements.next(SEQUENCE)?,
            signature: bits(elements)?,
        })
    }

    /// Whether this key has signed it, in a way that is still good.
    pub fn is_by(&self, key: &PublicKey<'_>) -> bool {
        let all = default_provider().signature_verification_algorithms.all;
        let mut fitting = all.iter().filter(|candidate| {
            candidate.public_key_alg_id().as_ref() == key.algorithm
                && candidate.signature_alg_id().as_ref() == self.algorithm
        });
        fitting.any(|algorithm| algorithm.verify_signature(key.bits, self.element, self.signature).is_ok())
    }
}

fn bits<'a>(elements: &mut Elements<'a>) -> Option<&'a [u8]> {
    elements.next(BIT_STRING)?.strip_prefix(&[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_signed_by_its_authority_and_nobody_else() {
        let [ours, others] = [(), ()].map(|()| rcgen::KeyPair::generate().unwrap());
        let mut parameters = rcgen::CertificateParams::new(vec!["a.com".into()]).unwrap();
        parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
        let [ours, others] = [ours, others].map(|key| parameters.self_signed(&key).unwrap());
        let [ours, others] = [&ours, &others].map(|certificate| Parts::of(certificate.der()).unwrap());
        assert!(ours.signed.is_by(&ours.key) && !ours.signed.is_by(&others.key));
        assert!(ours.is_responder() && ours.responder().is_none());
    }

    #[test]
    fn what_is_cut_off_is_no_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["a.com".into()]).unwrap().self_signed(&key).unwrap();
        let der = certificate.der();
        assert!((0..der.len()).all(|end| Parts::of(&der[..end]).is_none()));
    }
}
