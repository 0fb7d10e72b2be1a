//! External accounts (RFC 8555, section 7.3.4): authorities that want to know which of their customers is asking.

use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::ExternalAccountKey;

/// What the authority gave its customer. Never printed.
pub struct ExternalAccount {
    id: String,
    key: Vec<u8>,
}

impl ExternalAccount {
    /// Reads a file of two lines: the key's id, and the key itself in base64url, as authorities hand it out. The error
    /// names the file, never what is in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |why: &str| format!("external account of the ACME directory: {}: {why}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(&error.to_string()))?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (Some(id), Some(key), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(told("write two lines: the id of the key, and the HMAC key (base64url)"));
        };
        let key = URL_SAFE_NO_PAD.decode(key.trim_end_matches('='));
        let key = key.map_err(|_| told("the second line is no HMAC key in base64url"))?;
        Ok(Self { id: id.to_owned(), key })
    }

    /// For the order of an account.
    pub fn key(&self) -> ExternalAccountKey {
        ExternalAccountKey::new(self.id.clone(), &self.key)
    }
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_an_id_and_a_key() {
        let path = std::env::temp_dir().join(format!("dhow-proxy-eab-{:016x}", fastrand::u64(..)));
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            ExternalAccount::read(&path)
        };
        let read_well = read("kid-1\n\n  AQI_-w==\n").unwrap();
        assert_eq!((read_well.id.as_str(), read_well.key.as_slice()), ("kid-1", &[1, 2, 0x3f, 0xfb][..]));
        assert!(!format!("{read_well:?}").contains("key"));
        for bad in ["", "kid-1", "kid-1\nse+cret", "kid-1\nAQI\nmore"] {
            let error = read(bad).unwrap_err();
            assert!(
                error.starts_with("external account of the ACME directory: /") && !error.contains("se+cret")
            );
        }
        fs::remove_file(&path).unwrap();
    }
}
