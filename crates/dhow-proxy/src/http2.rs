//! HTTP/2 with targets, without TLS (`h2c`, prior knowledge): gRPC services and others that want it.
//!
//! Over the `h2` crate, hyper's own: an exchange is driven by the task that serves its client, as with HTTP/1, so that
//! the client's connection and its request's body stay in one task. HTTP/2 with clients is hyper's whole, see
//! [`crate::server::http2`].
//!
//! [`links`] are the connections, many requests on each; [`client`] is an exchange on one of them; [`upload`] is a request's
//! body, kept for a while in case it has to be sent again.

pub mod client;
pub mod links;
pub mod upload;
