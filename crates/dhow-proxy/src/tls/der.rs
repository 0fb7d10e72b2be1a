//! Reading DER (X.690): elements, one after the other.

/// Tags that certificates are made of.
pub const INTEGER: u8 = 0x02;
/// A string of bytes, often with DER in it.
pub const OCTET_STRING: u8 = 0x04;
/// Names what follows.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// Several elements.
pub const SEQUENCE: u8 = 0x30;

/// DER elements that were not read yet.
pub struct Elements<'a>(pub &'a [u8]);

impl<'a> Elements<'a> {
    /// The kind of the next element, if there is one.
    pub fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// What is in the next element, which has to be of this kind.
    pub fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.any()?;
        (found == tag).then_some(content)
    }

    /// The next element with its kind and length, whatever it is.
    pub fn whole(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        self.any()?;
        Some(&before[..before.len() - self.0.len()])
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..0x80 => (usize::from(short), rest),
            long => big_endian(rest.split_at_checked(usize::from(long & 0x7f))?)?,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

/// An element of a kind, of at most 65,535 bytes.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [&head, content].concat()
}

fn big_endian<'a>((bytes, rest): (&[u8], &'a [u8])) -> Option<(usize, &'a [u8])> {
    let is_sane = (1..=4).contains(&bytes.len());
    is_sane.then(|| (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest))
}
