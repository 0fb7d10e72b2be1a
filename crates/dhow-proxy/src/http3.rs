//! HTTP/3 with clients, over the crate `h3`: [`quic`] is what lies between it and quinn, [`body`] a request's body. The thread that
//! serves is [`crate::server::http3`].

pub mod body;
pub mod quic;

/// Bytes of the headers of one request.
pub const HEADERS: u64 = 256 * 1024;
