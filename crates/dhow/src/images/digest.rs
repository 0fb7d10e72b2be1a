//! Content is known by its SHA-256.

use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The name of some content, written `sha256:` and 64 lower-case hexadecimal digits, as in the OCI image
/// specification. Docker uses no other algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest {
    hex: String,
}

impl Digest {
    /// The digest of content that is in memory.
    pub fn of(content: &[u8]) -> Digest {
        Digest::finish(Sha256::new().chain_update(content))
    }

    /// Reads the written form; anything else is `None`.
    pub fn parse(text: &str) -> Option<Digest> {
        Digest::from_hex(text.strip_prefix("sha256:")?)
    }

    /// Reads the 64 digits alone, as they appear in file names.
    pub fn from_hex(hex: &str) -> Option<Digest> {
        let is_digest = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_digest.then(|| Digest { hex: hex.to_owned() })
    }

    /// The 64 digits alone.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    fn finish(hash: Sha256) -> Digest {
        Digest { hex: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        Digest::parse(&text).ok_or_else(|| format!("`{text}` is not a SHA-256 digest"))
    }
}

/// A writer that knows the digest of what went through it.
pub(super) struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W) -> Hashing<W> {
        Hashing { inner, hash: Sha256::new() }
    }

    pub(super) fn finish(self) -> (W, Digest) {
        (self.inner, Digest::finish(self.hash))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(chunk)?;
        self.hash.update(&chunk[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digest_of_nothing_is_the_well_known_one() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
    }

    #[test]
    fn only_whole_lower_case_sha256_is_a_digest() {
        assert_eq!(Digest::parse(EMPTY), Some(Digest::of(b"")));
        for wrong in [&EMPTY[..70], &EMPTY.to_uppercase(), "sha512:00", "../../etc/passwd", ""] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_written_through_is_hashed() {
        let mut through = Hashing::new(Vec::new());
        through.write_all(b"ab").unwrap();
        through.write_all(b"c").unwrap();
        assert_eq!(through.finish(), (b"abc".to_vec(), Digest::of(b"abc")));
    }
}
