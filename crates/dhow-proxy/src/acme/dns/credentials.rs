//! What a provider knows us by: a file of `KEY=VALUE` lines.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Settings and secrets of a provider. Never printed.
#[derive(Clone, PartialEq)]
pub struct Credentials {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl Credentials {
    /// Reads a file; empty lines and those that begin with `#` say nothing. The error names the file and the line's
    /// number, never what is in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let pairs = lines.map(|(at, line)| match line.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), unquoted(value.trim()).to_owned())),
            None => Err(format!("{}: line {} is not KEY=VALUE", path.display(), at + 1)),
        });
        Ok(Self { path: path.to_owned(), values: pairs.collect::<Result<_, _>>()? })
    }

    /// A value that may be absent.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that has to be there.
    pub fn require(&self, key: &str) -> Result<&str, String> {
        self.get(key).ok_or_else(|| format!("{}: {key} is missing", self.path.display()))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A text of somebody else's without the secrets that it may repeat.
    pub fn redacted(&self, text: &str) -> String {
        let is_secret = |(key, value): &(&str, &str)| {
            !PLAIN.contains(key) && !key.ends_with("_URL") && value.len() >= SHORTEST_SECRET
        };
        let mut secrets: Vec<_> = self.all().filter(is_secret).map(|(_, value)| value).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[REDACTED]"))
    }
}

/// What is no secret. Whatever else a program of the user's is given may be one.
const PLAIN: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_HOSTED_ZONE_ID",
    "EXEC_PATH",
    "RFC2136_NAMESERVER",
    "RFC2136_TSIG_ALGORITHM",
    "RFC2136_TSIG_KEY",
];

/// Shorter ones occur in any text.
const SHORTEST_SECRET: usize = 6;

fn unquoted(value: &str) -> &str {
    let between = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    between('"').or_else(|| between('\'')).unwrap_or(value)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Credentials, String> {
        let path = std::env::temp_dir().join(format!("dhow-proxy-credentials-{:016x}", fastrand::u64(..)));
        fs::write(&path, text).unwrap();
        let read = Credentials::read(&path);
        fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn a_file_has_a_pair_in_each_line() {
        let read = read("# mine\n\nAPI_TOKEN = s3cret=\nAPI_URL='https://x'\nEMPTY=\n").unwrap();
        assert_eq!((read.get("API_TOKEN"), read.get("API_URL")), (Some("s3cret="), Some("https://x")));
        assert!(read.require("EMPTY").unwrap_err().ends_with(": EMPTY is missing"));
        assert_eq!(read.redacted("no s3cret= at https://x"), "no [REDACTED] at https://x");
        assert!(!format!("{read:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_pair_is_named_by_its_line() {
        let told = read("A=1\ns3cret\n").unwrap_err();
        assert!(told.ends_with(": line 2 is not KEY=VALUE"), "{told}");
        assert!(Credentials::read(Path::new("/nowhere")).unwrap_err().starts_with("/nowhere: "));
    }
}
