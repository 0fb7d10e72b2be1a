//! Signatures of DNS messages by a shared key (TSIG, RFC 8945).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::{ANY, Draft, Reader, Reply, kind, name_bytes};

/// How far apart the two clocks may be, in seconds (RFC 8945, section 10).
const FUDGE: u16 = 300;

/// A key that a name server shares with us. Never printed.
pub struct TsigKey {
    name: Vec<u8>,
    algorithm: Vec<u8>,
    secret: hmac::Key,
}

impl TsigKey {
    /// The key's name and algorithm as in the server's configuration, the secret in base64. The error never holds it.
    pub fn new(name: &str, algorithm: &str, secret: &str) -> Result<Self, String> {
        let algorithm = algorithm.trim_end_matches('.').to_ascii_lowercase();
        let digest = match algorithm.as_str() {
            "hmac-sha256" => hmac::HMAC_SHA256,
            "hmac-sha384" => hmac::HMAC_SHA384,
            "hmac-sha512" => hmac::HMAC_SHA512,
            _ => {
                return Err(format!(
                    "unknown TSIG algorithm {algorithm:?}; use hmac-sha256, hmac-sha384 or hmac-sha512"
                ));
            }
        };
        let bytes = STANDARD.decode(secret).map_err(|_| "the TSIG secret is no base64")?;
        let secret = hmac::Key::new(digest, &bytes);
        Ok(Self { name: name_bytes(name)?, algorithm: name_bytes(&algorithm)?, secret })
    }

    /// The message with its signature, and the signature by itself; `now` is since the epoch.
    pub fn sign(&self, draft: Draft, now: Duration) -> (Vec<u8>, Vec<u8>) {
        let stamp = Stamp { time: time(now), fudge: FUDGE, other: &[] };
        let mac = hmac::sign(&self.secret, &[draft.bytes(), &self.variables(&stamp)].concat());
        let mac = mac.as_ref().to_vec();
        let id = [draft.bytes()[0], draft.bytes()[1]];
        let data = [
            self.algorithm.as_slice(),
            &stamp.time,
            &FUDGE.to_be_bytes(),
            &(mac.len() as u16).to_be_bytes(),
            &mac,
            &id,
            &[0; 4], // No error, nothing else.
        ]
        .concat();
        let head = [kind::TSIG.to_be_bytes(), ANY.to_be_bytes(), [0, 0], [0, 0]].concat();
        let length = (data.len() as u16).to_be_bytes();
        (draft.with_additional(&[&self.name[..], &head, &length, &data].concat()), mac)
    }

    /// Whether a reply is signed with this key, as one to the request with this signature.
    pub fn verify(&self, message: &[u8], reply: &Reply, request: &[u8], now: Duration) -> Result<(), String> {
        let (begin, data) = reply.signature.as_ref().ok_or("the reply is not signed")?;
        let signature = Signature::read(data).ok_or("the reply's signature is unreadable")?;
        match signature.error {
            0 => {}
            16 => {
                return Err(
                    "the server refuses the TSIG key's signature (BADSIG): is the secret the same?".into()
                );
            }
            17 => {
                return Err("the server does not know the TSIG key (BADKEY): name or algorithm differ".into());
            }
            18 => return Err("the server's clock and ours differ too much (BADTIME)".into()),
            error => return Err(format!("the server refuses the TSIG key (error {error})")),
        }
        let [.., high, low] = *message.get(..12).ok_or("the reply is too short")? else {
            return Err("the reply is too short".into());
        };
        let additionals = u16::from_be_bytes([high, low]).saturating_sub(1).to_be_bytes();
        let signed = [
            &(request.len() as u16).to_be_bytes()[..],
            request,
            &signature.id,
            &message[2..10],
            &additionals,
            message.get(12..*begin).ok_or("the reply is too short")?,
            &self.variables(&Stamp { time: signature.time, fudge: signature.fudge, other: &signature.other }),
        ]
        .concat();
        hmac::verify(&self.secret, &signed, &signature.mac)
            .map_err(|_| "the reply is not signed with the TSIG key")?;
        let seconds = signature.time.iter().fold(0, |seconds, byte| seconds << 8 | u64::from(*byte));
        match seconds.abs_diff(now.as_secs()) <= u64::from(FUDGE) {
            true => Ok(()),
            false => Err("the reply's signature is too old".into()),
        }
    }

    /// What is signed besides the message (section 4.3.3).
    fn variables(&self, stamp: &Stamp<'_>) -> Vec<u8> {
        let other = (stamp.other.len() as u16).to_be_bytes();
        let numbers = [&ANY.to_be_bytes()[..], &[0; 4]].concat();
        // Signatures that say an error are not looked at.
        let times = [&stamp.time[..], &stamp.fudge.to_be_bytes(), &[0; 2], &other].concat();
        [&self.name[..], &numbers, &self.algorithm, &times, stamp.other].concat()
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey").finish_non_exhaustive()
    }
}

struct Stamp<'a> {
    time: [u8; 6],
    fudge: u16,
    other: &'a [u8],
}

struct Signature {
    time: [u8; 6],
    fudge: u16,
    mac: Vec<u8>,
    id: [u8; 2],
    error: u16,
    other: Vec<u8>,
}

impl Signature {
    fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        reader.name()?;
        let time = reader.take(6)?.try_into().ok()?;
        let fudge = reader.number()?;
        let length = reader.number()?.into();
        let mac = reader.take(length)?.to_vec();
        let id = reader.take(2)?.try_into().ok()?;
        let error = reader.number()?;
        let length = reader.number()?.into();
        Some(Self { time, fudge, mac, id, error, other: reader.take(length)?.to_vec() })
    }
}

fn time(now: Duration) -> [u8; 6] {
    let [_, _, time @ ..] = now.as_secs().to_be_bytes();
    time
}
