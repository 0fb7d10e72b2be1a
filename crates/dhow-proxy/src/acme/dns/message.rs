//! DNS messages (RFC 1035, section 4): questions and updates are written, replies are read. As much of it as is needed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of records.
pub mod kind {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// A name server of a zone.
    pub const NS: u16 = 2;
    /// Another name for this one.
    pub const CNAME: u16 = 5;
    /// The beginning of a zone.
    pub const SOA: u16 = 6;
    /// Text.
    pub const TXT: u16 = 16;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
    /// The signature of a message (RFC 8945).
    pub const TSIG: u16 = 250;
}

/// The internet, as a class.
pub const IN: u16 = 1;
/// No class: in an update, the record that is to go (RFC 2136, section 2.5.4).
pub const NONE: u16 = 254;
/// Any class.
pub const ANY: u16 = 255;

const RECURSION_DESIRED: u16 = 0x0100;
const UPDATE: u16 = 5 << 11;
const RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
/// Pointers in a name; no honest name has more.
const MOST_POINTERS: usize = 32;

/// A message that is being written.
pub struct Draft(Vec<u8>);

impl Draft {
    /// A question for the records of a name.
    pub fn question(id: u16, name: &str, kind: u16) -> Result<Self, String> {
        let mut draft = Self::new(id, RECURSION_DESIRED);
        draft.ask(name, kind)?;
        Ok(draft)
    }

    /// An update of a zone that has one change (RFC 2136).
    pub fn update(id: u16, zone: &str, change: &Change) -> Result<Self, String> {
        let mut draft = Self::new(id, UPDATE);
        draft.ask(zone, kind::SOA)?;
        draft.0.extend(name_bytes(change.name)?);
        draft.numbers(&[kind::TXT, change.class]);
        draft.0.extend(change.ttl.to_be_bytes());
        let text = change.text.as_bytes();
        let length =
            u8::try_from(text.len()).map_err(|_| format!("too long for a record: {}", change.text))?;
        draft.numbers(&[u16::from(length) + 1]);
        draft.0.push(length);
        draft.0.extend(text);
        draft.count(AUTHORITIES);
        Ok(draft)
    }

    /// The message as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The message with another record at its end.
    pub fn with_additional(mut self, record: &[u8]) -> Vec<u8> {
        self.0.extend(record);
        self.count(ADDITIONALS);
        self.0
    }

    fn new(id: u16, flags: u16) -> Self {
        let mut draft = Self(Vec::with_capacity(256));
        draft.numbers(&[id, flags, 0, 0, 0, 0]);
        draft
    }

    fn ask(&mut self, name: &str, kind: u16) -> Result<(), String> {
        self.0.extend(name_bytes(name)?);
        self.numbers(&[kind, IN]);
        self.count(QUESTIONS);
        Ok(())
    }

    fn numbers(&mut self, numbers: &[u16]) {
        self.0.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    }

    /// One more record in a section; there are never more than a few.
    fn count(&mut self, section: usize) {
        self.0[section + 1] += 1;
    }
}

const QUESTIONS: usize = 4;
const AUTHORITIES: usize = 8;
const ADDITIONALS: usize = 10;

/// A text that is to appear in a zone, or to go.
pub struct Change<'a> {
    /// Of the record.
    pub name: &'a str,
    /// [`IN`] adds it, [`NONE`] takes it out.
    pub class: u16,
    /// Seconds; 0 where it goes.
    pub ttl: u32,
    /// At most 255 bytes.
    pub text: &'a str,
}

/// A name without compression, in lower case.
pub fn name_bytes(name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.trim_end_matches('.').split('.').filter(|_| !name.is_empty()) {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length));
        bytes.push(length.ok_or_else(|| format!("{name:?} is no name of a record"))?);
        bytes.extend(label.to_ascii_lowercase().bytes());
    }
    bytes.push(0);
    match bytes.len() {
        ..=255 => Ok(bytes),
        _ => Err(format!("{name:?} is too long for a name")),
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    /// Of the question.
    pub id: u16,
    /// 0 for success (RFC 1035, section 4.1.1).
    pub code: u8,
    /// Whether there is more than fits.
    pub is_truncated: bool,
    /// The records asked for.
    pub answers: Vec<Entry>,
    /// Of the zone that is responsible.
    pub authorities: Vec<Entry>,
    /// The signature, if there is one, and where it begins in the message.
    pub signature: Option<(usize, Vec<u8>)>,
}

/// A record.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// Lower case, no dot at the end.
    pub name: String,
    /// Its type.
    pub kind: u16,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Debug, PartialEq)]
pub enum Data {
    /// Another name: of a server, or instead of this one.
    Name(String),
    /// Where it is.
    Address(IpAddr),
    /// A text, its parts joined.
    Text(Vec<u8>),
    /// Something else.
    Other,
}

impl Reply {
    /// Reads a reply; `None` if this is none.
    pub fn read(message: &[u8]) -> Option<Self> {
        let mut reader = Reader { message, at: 0 };
        let (id, flags) = (reader.number()?, reader.number()?);
        let counts = [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
        for _ in 0..counts[0] {
            reader.name()?;
            reader.take(4)?;
        }
        let is_truncated = flags & TRUNCATED != 0;
        let mut reply = Self {
            id,
            code: (flags & 0xf) as u8,
            is_truncated,
            answers: Vec::new(),
            authorities: Vec::new(),
            signature: None,
        };
        if is_truncated {
            return Some(reply); // Some servers cut a record in two.
        }
        for _ in 0..counts[1] {
            reply.answers.push(reader.entry()?.0);
        }
        for _ in 0..counts[2] {
            reply.authorities.push(reader.entry()?.0);
        }
        for _ in 0..counts[3] {
            let begin = reader.at;
            let (entry, data) = reader.entry()?;
            reply.signature = (entry.kind == kind::TSIG).then(|| (begin, data.to_vec()));
        }
        (flags & RESPONSE != 0).then_some(reply)
    }

    /// What the code means (RFC 1035, 2136).
    pub fn told(&self) -> String {
        let name = match self.code {
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            8 => "NXRRSET",
            9 => "NOTAUTH",
            10 => "NOTZONE",
            code => return format!("code {code}"),
        };
        name.to_owned()
    }
}

/// Reads a message from its beginning.
pub struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Begins at the beginning.
    pub fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// That many bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.message.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    /// A number of two bytes.
    pub fn number(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A name, whose rest may stand earlier in the message.
    pub fn name(&mut self) -> Option<String> {
        let (mut name, mut after, mut pointers) = (String::new(), None, 0);
        loop {
            let length = self.take(1)?[0];
            match length {
                0 => break,
                1..64 => {
                    let label = self.take(usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
                }
                192.. => {
                    let low = self.take(1)?[0];
                    pointers += 1;
                    if pointers > MOST_POINTERS {
                        return None;
                    }
                    after.get_or_insert(self.at);
                    self.at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(self.at);
        Some(name)
    }

    /// A record, and its data as they are.
    fn entry(&mut self) -> Option<(Entry, &'a [u8])> {
        let name = self.name()?;
        let kind = self.number()?;
        self.take(6)?; // Class and time to live.
        let length = usize::from(self.number()?);
        let begin = self.at;
        let bytes = self.take(length)?;
        let data = match kind {
            kind::NS | kind::CNAME => {
                Data::Name(Reader { message: &self.message[..self.at], at: begin }.name()?)
            }
            kind::A => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
            kind::AAAA => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
            kind::TXT => Data::Text(text(bytes)?),
            _ => Data::Other,
        };
        Some((Entry { name, kind, data }, bytes))
    }
}

fn text(mut parts: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while let Some((length, rest)) = parts.split_first() {
        let (part, rest) = rest.split_at_checked(usize::from(*length))?;
        text.extend(part);
        parts = rest;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_head_and_a_name() {
        let question = Draft::question(0x1234, "_acme-challenge.A.com.", kind::TXT).unwrap();
        let name = b"\x0f_acme-challenge\x01a\x03com\x00";
        let head = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
        assert_eq!(question.bytes(), [&head[..], name, b"\x00\x10\x00\x01"].concat());
        for bad in ["a..com", &"a".repeat(64), &"abc.".repeat(64)] {
            assert!(Draft::question(1, bad, kind::TXT).is_err(), "{bad}");
        }
    }

    #[test]
    fn replies_are_read_with_their_pointers() {
        let reply = b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x01\x00\x00\
            \x01x\x01a\x03com\x00\x00\x10\x00\x01\
            \xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01y\xc0\x0e\
            \x01y\xc0\x0e\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x06\x02ab\x02cd\
            \xc0\x0e\x00\x02\x00\x01\x00\x00\x00\x3c\x00\x05\x02ns\xc0\x0e";
        let read = Reply::read(reply).unwrap();
        let entry = |name: &str, kind, data| Entry { name: name.into(), kind, data };
        assert_eq!((read.id, read.code, read.is_truncated), (0x1234, 0, false));
        assert_eq!(read.answers[0], entry("x.a.com", kind::CNAME, Data::Name("y.a.com".into())));
        assert_eq!(read.answers[1], entry("y.a.com", kind::TXT, Data::Text(b"abcd".to_vec())));
        assert_eq!(read.authorities, [entry("a.com", kind::NS, Data::Name("ns.a.com".into()))]);
        for end in 12..reply.len() {
            assert!(Reply::read(&reply[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn a_name_that_points_at_itself_is_none() {
        let head = b"\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00";
        assert!(Reply::read(&[&head[..], b"\xc0\x0c\x00\x10\x00\x01"].concat()).is_none());
    }
}
