//! Accounts and certificates on disk, in the layout of kamal-proxy: either proxy can take over from the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use crate::private_file;

/// The file of the account's key.
const ACCOUNT: &str = "acme_account+key";

/// What is kept of one directory: `<cache path>/<sha256 of the directory's URL>/…`.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The files of a directory; its URL is empty for Let's Encrypt's production one.
    pub fn new(path: &Path, directory: &str) -> Self {
        let hash = digest(&SHA256, directory.as_bytes());
        let name: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { folder: path.join(name) }
    }

    /// The account's key (PEM), if there is an account.
    pub fn account_key(&self) -> Result<Option<Vec<u8>>, String> {
        self.read(ACCOUNT)
    }

    /// Keeps the account's key.
    pub fn keep_account_key(&self, pem: &str) -> Result<(), String> {
        self.write(ACCOUNT, pem)
    }

    /// A name's certificate: its key, then the chain (PEM).
    pub fn certificate(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.read(name)
    }

    /// Whether either proxy has a certificate for this name; kamal-proxy has another kind, for old clients.
    pub fn has(&self, name: &str) -> bool {
        [name.to_owned(), format!("{name}+rsa")].iter().any(|file| self.folder.join(file).is_file())
    }

    /// Keeps a name's certificate.
    pub fn keep_certificate(&self, name: &str, pem: &str) -> Result<(), String> {
        self.write(name, pem)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|error| format!("{}: {error}", path.display())),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(name);
        // No host name has a plus in it, as the file beside has.
        private_file::replace(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_are_named_as_kamal_proxy_names_them() {
        let folder = |directory: &str| {
            let cache = Cache::new(Path::new("/certs"), directory);
            cache.folder.to_str().unwrap().to_owned()
        };
        let production = "/certs/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let staging = "/certs/67f2750652314251daad76f012141d33c9f7290f4f8ebb0a006a7f02d394a904";
        assert_eq!(folder(""), production);
        assert_eq!(folder("https://acme-staging-v02.api.letsencrypt.org/directory"), staging);
    }

    #[test]
    fn what_is_kept_is_private_and_found_again() {
        let path = std::env::temp_dir().join(format!("dhow-proxy-certs-{:016x}", fastrand::u64(..)));
        let cache = Cache::new(&path, "");
        assert_eq!(cache.certificate("a.com"), Ok(None));
        cache.keep_certificate("a.com", "old").unwrap();
        cache.keep_certificate("a.com", "new").unwrap();
        assert_eq!(cache.certificate("a.com"), Ok(Some(b"new".to_vec())));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&cache.folder), mode(&cache.folder.join("a.com"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 1);
        fs::remove_dir_all(&path).unwrap();
    }
}
