//! The proxy's program: carried inside dhow, or beside it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::{env, fmt, fs, io};

/// Empty where dhow was built without a proxy; see `build.rs`.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/dhow-proxy"));

/// The kinds of processors that servers have, spelled as Docker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// AArch64.
    Arm64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Architecture::Amd64 => "amd64",
            Architecture::Arm64 => "arm64",
        })
    }
}

/// A dhow that was built without the proxy inside, and has none beside it.
#[derive(Debug, thiserror::Error)]
#[error(
    "this dhow carries no proxy, and there is none at {}: {source}. `script/build` builds a dhow with the proxy inside; \
     or set `proxy/run/image` to an image that the servers can pull",
    beside.display()
)]
pub struct NoProxyBinary {
    beside: PathBuf,
    source: io::Error,
}

/// The proxy's program: the one dhow was built with, else the file `dhow-proxy` beside the running program.
///
/// # Errors
/// Where there is neither.
pub fn embedded() -> Result<Cow<'static, [u8]>, NoProxyBinary> {
    if !EMBEDDED.is_empty() {
        return Ok(Cow::Borrowed(EMBEDDED));
    }
    let beside = env::current_exe().unwrap_or_default().with_file_name("dhow-proxy");
    read(beside)
}

fn read(beside: PathBuf) -> Result<Cow<'static, [u8]>, NoProxyBinary> {
    match fs::read(&beside) {
        Ok(program) => Ok(Cow::Owned(program)),
        Err(source) => Err(NoProxyBinary { beside, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_beside_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("dhow-proxy");
        fs::write(&beside, b"program").unwrap();
        assert_eq!(read(beside).unwrap().as_ref(), b"program");
    }

    #[test]
    fn missing_program_is_told_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("dhow-proxy");
        let said = read(beside.clone()).unwrap_err().to_string();
        assert!(said.contains(&beside.display().to_string()) && said.contains("script/build"), "{said}");
    }
}
