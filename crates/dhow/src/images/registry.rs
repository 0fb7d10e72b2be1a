//! A read-only registry inside dhow: enough of the OCI distribution specification for `docker pull`.
//!
//! Each server gets a registry of its own, all of one [`Export`]: so what each was sent is known, and dropping a
//! [`Registry`] ends it for that server alone. Who can reach the socket can read the image; nothing can be written.

mod body;
mod listener;
mod range;
mod reply;
mod request;
mod tally;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use self::listener::{Connection, Listener, SocketFile};
use self::reply::reply;
use self::tally::Tally;
use super::export::Export;

pub use self::tally::Served;

/// A registry at work. Dropping it closes its connections and removes its socket.
#[derive(Debug)]
pub struct Registry {
    tally: Arc<Tally>,
    accepting: AbortHandle,
    _socket: Option<SocketFile>,
}

impl Registry {
    /// Serves an image on a Unix socket that only this user may open. A socket left behind by a run that was killed is
    /// replaced; one that somebody listens on is not.
    ///
    /// # Errors
    /// Where the socket cannot be made: its path is longer than 107 bytes, its folder is not there, it is in use.
    pub async fn serve_unix(export: Arc<Export>, socket: &Path) -> io::Result<Registry> {
        let (listener, file) = listener::bind_unix(socket).await?;
        Ok(Registry::start(export, listener, Some(file)))
    }

    /// Serves an image on a TCP address, which should be one of loopback's. Port 0 finds a free port.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn serve_tcp(export: Arc<Export>, address: SocketAddr) -> io::Result<(Registry, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((Registry::start(export, listener, None), address))
    }

    /// What was sent up to now.
    pub fn served(&self) -> Served {
        self.tally.served()
    }

    fn start(export: Arc<Export>, listener: impl Listener, socket: Option<SocketFile>) -> Registry {
        let tally = Arc::new(Tally::new(export.layers()));
        let accepting = tokio::spawn(accept(export, Arc::clone(&tally), listener)).abort_handle();
        Registry { tally, accepting, _socket: socket }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Runs until it is aborted, which drops the set and so ends every connection.
async fn accept(export: Arc<Export>, tally: Arc<Tally>, listener: impl Listener) {
    let mut connections = JoinSet::new();
    loop {
        let connection = listener.connection().await;
        connections.spawn(converse(Arc::clone(&export), Arc::clone(&tally), connection));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(export: Arc<Export>, tally: Arc<Tally>, connection: impl Connection) {
    let service = service_fn(|request| {
        let (export, tally) = (Arc::clone(&export), Arc::clone(&tally));
        async move { Ok::<_, std::convert::Infallible>(reply(&export, &tally, &request).await) }
    });
    // How a connection ends is the client's affair: Docker drops them as it likes, and tries again where it must.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UnixStream};

    use super::*;
    use crate::images::digest::Digest;
    use crate::images::saved::{Docker, Layout, save};
    use crate::images::{Client, export};

    /// What no packing makes shorter, and longer than two pieces of a body.
    fn large() -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..600_000).map(|_| next()).collect()
    }

    struct Served {
        registry: Registry,
        address: SocketAddr,
        export: Arc<Export>,
        _docker: Docker,
    }

    struct Answer {
        head: String,
        body: Vec<u8>,
    }

    impl Served {
        async fn start() -> Served {
            let docker = Docker::with(&save(Layout::Folders, &[&large(), b"a small layer"]));
            let export = Arc::new(
                export(Client::named(&docker.program()), "acme/shop:v1", &docker.cache()).await.unwrap(),
            );
            let (registry, address) = Registry::serve_tcp(Arc::clone(&export), loopback()).await.unwrap();
            Served { registry, address, export, _docker: docker }
        }

        async fn ask(&self, method: &str, path: &str, header: &str) -> Answer {
            let stream = TcpStream::connect(self.address).await.unwrap();
            ask(stream, method, path, header).await
        }

        async fn get(&self, path: &str) -> Answer {
            self.ask("GET", path, "Accept: */*").await
        }

        /// The lower layer: where it is, and its bytes.
        fn layer(&self) -> (String, Vec<u8>) {
            let manifest: serde_json::Value = serde_json::from_slice(&self.export.manifest().json).unwrap();
            let digest = manifest["layers"][0]["digest"].as_str().unwrap();
            let (_, layer) = self.export.layer(&Digest::parse(digest).unwrap()).unwrap();
            (format!("/v2/acme/shop/blobs/{digest}"), fs::read(&layer.path).unwrap())
        }
    }

    fn loopback() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    async fn ask(mut stream: impl Connection, method: &str, path: &str, header: &str) -> Answer {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{header}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        Answer { head, body: answer.split_off(end + 4) }
    }

    impl Answer {
        #[track_caller]
        fn assert(&self, status: u16, header: &str) -> &Answer {
            assert!(self.head.starts_with(&format!("http/1.1 {status} ")), "{}", self.head);
            assert!(self.head.lines().any(|line| line == header), "no `{header}` in {}", self.head);
            self
        }
    }

    #[tokio::test]
    async fn root_says_that_it_is_a_registry() {
        let served = Served::start().await;
        served.get("/v2/").await.assert(200, "docker-distribution-api-version: registry/2.0");
    }

    #[tokio::test]
    async fn manifest_is_found_by_tag_and_by_digest() {
        let served = Served::start().await;
        let manifest = served.export.manifest();
        for reference in ["v1", &manifest.digest.to_string()] {
            let answer = served.get(&format!("/v2/acme/shop/manifests/{reference}")).await;
            answer.assert(200, &format!("content-type: {}", manifest.media_type));
            answer.assert(200, &format!("docker-content-digest: {}", manifest.digest));
            assert_eq!(answer.body, manifest.json);
        }
    }

    #[tokio::test]
    async fn head_tells_the_length_and_sends_nothing() {
        let served = Served::start().await;
        let (path, content) = served.layer();
        let answer = served.ask("HEAD", &path, "Accept: */*").await;
        answer.assert(200, &format!("content-length: {}", content.len()));
        assert!(answer.body.is_empty());
        let config = format!("/v2/acme/shop/blobs/{}", served.export.config().digest);
        let length = served.export.config().content.len();
        served.ask("HEAD", &config, "Accept: */*").await.assert(200, &format!("content-length: {length}"));
        assert_eq!(served.registry.served(), super::Served::default());
    }

    #[tokio::test]
    async fn blobs_are_sent_and_counted() {
        let served = Served::start().await;
        let (path, content) = served.layer();
        assert!(content.len() > 600_000);
        let answer = served.get(&path).await;
        answer.assert(200, &format!("content-length: {}", content.len()));
        assert!(answer.body == content);
        assert_eq!(served.registry.served(), super::Served { layers: 1, bytes: content.len() as u64 });
        let config = served.get(&format!("/v2/acme/shop/blobs/{}", served.export.config().digest)).await;
        assert_eq!(config.body, served.export.config().content);
        let bytes = (content.len() + config.body.len()) as u64;
        assert_eq!(served.registry.served(), super::Served { layers: 1, bytes });
    }

    #[tokio::test]
    async fn download_that_broke_off_goes_on() {
        let served = Served::start().await;
        let (path, content) = served.layer();
        let size = content.len();
        let first = served.ask("GET", &path, "Range: bytes=0-99").await;
        first.assert(206, &format!("content-range: bytes 0-99/{size}"));
        assert_eq!(served.registry.served(), super::Served { layers: 0, bytes: 100 });
        let rest = served.ask("GET", &path, "Range: bytes=100-").await;
        rest.assert(206, &format!("content-length: {}", size - 100));
        assert!([first.body, rest.body].concat() == content);
        assert_eq!(served.registry.served(), super::Served { layers: 1, bytes: size as u64 });
        served
            .ask("GET", &path, &format!("Range: bytes={size}-"))
            .await
            .assert(416, "content-type: application/json");
    }

    #[tokio::test]
    async fn what_is_not_there_is_refused_in_the_apis_form() {
        let served = Served::start().await;
        let nothing = Digest::of(b"nothing");
        for (path, code) in [
            ("/v2/acme/other/manifests/v1".to_owned(), "NAME_UNKNOWN"),
            ("/v2/acme/shop/manifests/v2".to_owned(), "MANIFEST_UNKNOWN"),
            (format!("/v2/acme/shop/blobs/{nothing}"), "BLOB_UNKNOWN"),
            ("/v2/acme/shop/blobs/..%2f..%2fetc%2fpasswd".to_owned(), "BLOB_UNKNOWN"),
            ("/v2/_catalog".to_owned(), "UNSUPPORTED"),
        ] {
            let answer = served.get(&path).await;
            answer.assert(404, "content-type: application/json");
            let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(json["errors"][0]["code"], code, "{path}");
        }
    }

    #[tokio::test]
    async fn nothing_can_be_written() {
        let served = Served::start().await;
        for method in ["PUT", "POST", "PATCH", "DELETE"] {
            served
                .ask(method, "/v2/acme/shop/manifests/v1", "Content-Length: 0")
                .await
                .assert(405, "allow: get, head");
        }
    }

    #[tokio::test]
    async fn layer_lost_from_the_cache_is_an_honest_failure() {
        let served = Served::start().await;
        let (path, _) = served.layer();
        for file in fs::read_dir(served._docker.cache().join("layers")).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        served.get(&path).await.assert(500, "content-type: application/json");
    }

    #[tokio::test]
    async fn servers_are_counted_apart() {
        let served = Served::start().await;
        let (other, address) = Registry::serve_tcp(Arc::clone(&served.export), loopback()).await.unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        ask(stream, "GET", &served.layer().0, "Accept: */*").await;
        assert_eq!((served.registry.served().layers, other.served().layers), (0, 1));
    }

    #[tokio::test]
    async fn unix_socket_is_this_users_and_goes_with_the_registry() {
        use std::os::unix::fs::PermissionsExt;
        let served = Served::start().await;
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("registry");
        let registry = Registry::serve_unix(Arc::clone(&served.export), &socket).await.unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        let stream = UnixStream::connect(&socket).await.unwrap();
        ask(stream, "GET", "/v2/", "Accept: */*").await.assert(200, "content-length: 2");

        let mut open = UnixStream::connect(&socket).await.unwrap();
        drop(registry);
        assert_eq!(open.read(&mut [0]).await.unwrap_or(0), 0);
        assert!(!socket.exists());
    }

    #[tokio::test]
    async fn socket_in_use_is_left_alone_and_an_abandoned_one_replaced() {
        let served = Served::start().await;
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("registry");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = Registry::serve_unix(Arc::clone(&served.export), &socket).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        // A program that another test starts just now has the listener too, until it is a program of its own.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while let Err(error) = Registry::serve_unix(Arc::clone(&served.export), &socket).await {
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            assert!(std::time::Instant::now() < deadline, "an abandoned socket stays in use");
            tokio::task::yield_now().await;
        }
    }
}
