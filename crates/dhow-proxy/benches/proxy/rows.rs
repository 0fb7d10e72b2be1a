//! What is asked for, and how.

/// One kind of load.
pub struct Row {
    pub name: &'static str,
    pub ask: Ask,
    pub connections: usize,
    /// Hosts that are served, one service each.
    pub services: usize,
}

/// What a connection is used for.
pub enum Ask {
    /// HTTP/1, request after request; a body of `upload` bytes with each. Where connections are not kept, each request has one.
    Http1 { path: &'static str, upload: usize, keeps: bool },
    /// A TLS 1.3 handshake and one small request, again and again.
    Handshake { is_resumed: bool },
    /// HTTP/2 over TLS, so many requests at once.
    Http2 { streams: usize },
    /// Messages that come back.
    WebSocket { bytes: usize },
    /// One request, then nothing.
    Idle,
}

const fn requests(path: &'static str) -> Ask {
    Ask::Http1 { path, upload: 0, keeps: true }
}

/// The rows, in the order of the table.
pub const ROWS: [Row; 12] = [
    Row { name: "1KiB-64", ask: requests("/1024"), connections: 64, services: 1 },
    Row { name: "1KiB-512", ask: requests("/1024"), connections: 512, services: 1 },
    Row { name: "100KiB-32", ask: requests("/102400"), connections: 32, services: 1 },
    Row { name: "10MiB-4", ask: requests("/10485760"), connections: 4, services: 1 },
    Row {
        name: "POST-64KiB-32",
        ask: Ask::Http1 { path: "/2", upload: 65536, keeps: true },
        connections: 32,
        services: 1,
    },
    Row {
        name: "new-connection-64",
        ask: Ask::Http1 { path: "/1024", upload: 0, keeps: false },
        connections: 64,
        services: 1,
    },
    Row { name: "TLS-full-16", ask: Ask::Handshake { is_resumed: false }, connections: 16, services: 1 },
    Row { name: "TLS-resumed-16", ask: Ask::Handshake { is_resumed: true }, connections: 16, services: 1 },
    Row { name: "HTTP2-100-streams", ask: Ask::Http2 { streams: 100 }, connections: 2, services: 1 },
    Row { name: "WebSocket-64", ask: Ask::WebSocket { bytes: 128 }, connections: 64, services: 1 },
    Row { name: "1000-services-64", ask: requests("/1024"), connections: 64, services: 1000 },
    Row { name: "idle-10000", ask: Ask::Idle, connections: 10_000, services: 1 },
];

/// The host that is served without TLS, where there is but one.
pub const HOST: &str = "bench.example.com";

/// The host that is served over TLS.
pub const SECURE_HOST: &str = "secure.example.com";

impl Row {
    /// The hosts that requests name in turn.
    pub fn hosts(&self) -> Vec<String> {
        match self.services {
            1 => vec![HOST.into()],
            count => (0..count).map(|number| format!("shop-{number}.example.com")).collect(),
        }
    }
}
