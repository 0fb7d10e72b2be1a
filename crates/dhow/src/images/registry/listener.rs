//! Where connections come from.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// How long to wait when the process has no file descriptor left for a connection.
const BREATHER: Duration = Duration::from_millis(100);

pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl Connection for UnixStream {}
impl Connection for TcpStream {}

/// A socket of either kind.
pub(super) trait Listener: Send + 'static {
    /// The next connection. Failures pass: a client that went away before, or no file descriptors for the moment.
    fn connection(&self) -> impl Future<Output = impl Connection> + Send;
}

impl Listener for UnixListener {
    async fn connection(&self) -> impl Connection {
        loop {
            match self.accept().await {
                Ok((stream, _)) => return stream,
                Err(_) => tokio::time::sleep(BREATHER).await,
            }
        }
    }
}

impl Listener for TcpListener {
    async fn connection(&self) -> impl Connection {
        loop {
            match self.accept().await {
                Ok((stream, _)) => return stream,
                Err(_) => tokio::time::sleep(BREATHER).await,
            }
        }
    }
}

/// A Unix socket's file, removed with this value.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already, with the folder it was in.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens on a socket that only this user may open, in place of one that nobody listens on any more.
pub(super) async fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    if is_abandoned(path).await {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile { path: path.to_owned() };
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok((listener, file))
}

async fn is_abandoned(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).await.is_err_and(refused)
}
