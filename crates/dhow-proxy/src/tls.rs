//! TLS: the certificates that services are served with, and the handshakes that workers do with them.

pub mod certificate;
pub mod der;
pub mod handshake;
pub mod identity;
pub mod ocsp;
pub mod stapling;
pub mod validity;
pub mod x509;
