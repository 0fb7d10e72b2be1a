//! When a certificate is valid (RFC 5280, section 4.1.2.5), read from its DER.

use std::time::Duration;

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

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// DER elements, one after the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// What is in the next element, which has to be of this kind.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..0x80 => (usize::from(short), rest),
            long => big_endian(rest.split_at_checked(usize::from(long & 0x7f))?)?,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(content)
    }

    /// `YYMMDDhhmmssZ` (1950 to 2049) or `YYYYMMDDhhmmssZ`.
    fn time(&mut self) -> Option<Duration> {
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

fn big_endian<'a>((bytes, rest): (&[u8], &'a [u8])) -> Option<(usize, &'a [u8])> {
    let is_sane = (1..=4).contains(&bytes.len());
    is_sane.then(|| (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest))
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
