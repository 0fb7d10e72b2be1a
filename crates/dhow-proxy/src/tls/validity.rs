//! When a certificate is valid (RFC 5280, section 4.1.2.5), read from its DER.

use std::time::Duration;

use super::der::{Elements, INTEGER, SEQUENCE};
use crate::clock;

/// From when to when, both since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Duration,
    /// The last one.
    pub until: Duration,
}

impl Validity {
    /// Reads the validity of a certificate; `None` if this is none.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = Elements(Elements(certificate).next(SEQUENCE)?);
        let mut fields = Elements(certificate.next(SEQUENCE)?);
        if fields.tag() == Some(VERSION) {
            fields.next(VERSION)?;
        }
        for skipped in [INTEGER, SEQUENCE, SEQUENCE] {
            fields.next(skipped)?; // Serial number, algorithm, issuer.
        }
        let mut times = Elements(fields.next(SEQUENCE)?);
        Some(Self { from: times.time()?, until: times.time()? })
    }

    /// The moment when this part (of 1) of the lifetime is over.
    pub fn after(&self, part: f64) -> Duration {
        self.from + self.until.saturating_sub(self.from).mul_f64(part)
    }
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

impl Elements<'_> {
    /// `YYMMDDhhmmssZ` (1950 to 2049) or `YYYYMMDDhhmmssZ`.
    pub(super) fn time(&mut self) -> Option<Duration> {
        let is_short = self.tag() == Some(UTC_TIME);
        let text = self.next(if is_short { UTC_TIME } else { GENERALIZED_TIME })?;
        let (year, rest) = text.split_at_checked(if is_short { 2 } else { 4 })?;
        let year = match number(year)? {
            year if !is_short => year,
            year if year < 50 => 2000 + year,
            year => 1900 + year,
        };
        let two = |at: usize| number(rest.get(at..at + 2)?);
        let days = clock::days_until(year, two(0)?, two(2)?)?;
        Some(Duration::from_secs(days * 86_400 + two(4)? * 3600 + two(6)? * 60 + two(8)?))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["a.com".into()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2024, 2, 25);
        parameters.not_after = rcgen::date_time_ymd(2050, 1, 1);
        let certificate = parameters.self_signed(&key).unwrap();
        let validity = Validity::of(certificate.der()).unwrap();
        assert_eq!(validity.from, Duration::from_secs(1_708_819_200));
        assert_eq!(validity.until, Duration::from_secs(2_524_608_000));
        assert_eq!(validity.after(0.5), (validity.from + validity.until) / 2);
    }

    #[test]
    fn what_is_no_certificate_has_no_validity() {
        for bytes in
            [&b""[..], b"\x30", b"\x30\x82", b"\x30\x03\x30\x01\x02", b"-----BEGIN", &[0x30, 0xff, 1]]
        {
            assert_eq!(Validity::of(bytes), None);
        }
    }
}
