//! What the tests are written with.

pub mod backend;
pub mod bind;
pub mod client;
pub mod daemon;
pub mod desk;
pub mod frames;
pub mod gate;
pub mod h2c;
pub mod http2;
pub mod http3;
pub mod pebble;
pub mod stand_in;
pub mod tls;
pub mod usage;

pub use backend::{Backend, reply};
pub use client::{Connection, Reply};
pub use daemon::Proxy;
pub use gate::Gate;
pub use tls::{Authority, TlsClient};

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A port that nobody uses now, neither for TCP nor for UDP, and that the system gives to nobody who asks for any port.
pub fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..32_000)));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// Asks again and again until the answer is yes.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(2));
    }
}
