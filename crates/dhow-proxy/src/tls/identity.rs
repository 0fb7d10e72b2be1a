//! What identifies a certificate for its authority (RFC 9773, section 4.1), read from its DER.

use super::der::{Elements, SEQUENCE};
use super::x509::Parts;

/// `[0]` of an authority's key identifier.
const KEY_IDENTIFIER: u8 = 0x80;
/// 2.5.29.35, the extension that names the authority's key (RFC 5280, section 4.2.1.1).
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];

/// Whose key signed a certificate, and its number there; both as their bytes in the certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The key identifier of the authority.
    pub authority: &'a [u8],
    /// The serial number.
    pub serial: &'a [u8],
}

impl<'a> Identity<'a> {
    /// Reads it; `None` if this is no certificate, or one that does not name its authority's key.
    pub fn of(certificate: &'a [u8]) -> Option<Self> {
        let parts = Parts::of(certificate)?;
        let mut names = Elements(Elements(parts.extension(AUTHORITY_KEY)?).next(SEQUENCE)?);
        Some(Self { authority: names.next(KEY_IDENTIFIER)?, serial: parts.serial })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_and_number_are_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        root.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![1, 2, 3]);
        let issuer = rcgen::Issuer::new(root, &key);
        let mut parameters = rcgen::CertificateParams::new(vec!["a.com".into()]).unwrap();
        parameters.serial_number = Some(vec![0x87, 0x65].into());
        parameters.use_authority_key_identifier_extension = true;
        let leaf = parameters.signed_by(&key, &issuer).unwrap();
        // A serial number is positive: its first byte in DER is 0 here.
        assert_eq!(
            Identity::of(leaf.der()),
            Some(Identity { authority: &[1, 2, 3], serial: &[0, 0x87, 0x65] })
        );
        parameters.use_authority_key_identifier_extension = false;
        assert_eq!(Identity::of(parameters.signed_by(&key, &issuer).unwrap().der()), None);
        assert_eq!(Identity::of(b"-----BEGIN"), None);
    }
}
