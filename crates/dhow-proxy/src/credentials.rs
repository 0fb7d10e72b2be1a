//! Credentials that the proxy keeps itself, a file per service: nobody but its user can read them.
//!
//! They come over the standard input of `credentials SERVICE`, so that no command line and no file of the host has them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::private_file;

/// No credentials are longer.
const LONGEST: u64 = 1 << 16;

/// Where those of a service are; `data` is the data directory.
pub fn path(data: &Path, service: &str) -> PathBuf {
    data.join("credentials").join(service)
}

/// Keeps what is read, in the place of what is there.
pub fn keep(data: &Path, service: &str, from: impl Read) -> Result<(), String> {
    if service.is_empty() || service.starts_with('.') || service.contains('/') {
        return Err(format!("no service can be called {service:?}"));
    }
    let mut text = String::new();
    let read = from.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| format!("standard input: {error}"))?;
    let path = path(data, service);
    private_file::replace(&path, &text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Removes those of a service that is gone, if there are any.
pub fn forget(data: &Path, service: &str) -> io::Result<()> {
    match fs::remove_file(path(data, service)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_replaced_and_forgotten() {
        let data = std::env::temp_dir().join(format!("dhow-proxy-kept-{:016x}", fastrand::u64(..)));
        for text in ["TOKEN=longer-one\n", "TOKEN=x\n"] {
            keep(&data, "shop-web", text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(path(&data, "shop-web")).unwrap(), text);
        }
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path(&data, "shop-web")), mode(&data.join("credentials"))), (0o600, 0o700));
        forget(&data, "shop-web").unwrap();
        forget(&data, "shop-web").unwrap();
        assert!(!path(&data, "shop-web").exists());
        for bad in ["", "..", "../x", ".hidden", "a/b"] {
            assert!(keep(&data, bad, "".as_bytes()).is_err(), "{bad}");
        }
        fs::remove_dir_all(&data).unwrap();
    }
}
