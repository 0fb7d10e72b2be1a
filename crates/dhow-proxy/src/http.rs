//! The request path: everything between a client's connection and a target's. Runs on the worker threads only.

pub mod access_log;
pub mod affinity;
pub mod body;
pub mod buffer;
pub mod cookies;
pub mod cut;
pub mod encoder;
pub mod encoding;
pub mod error_page;
pub mod exchange;
pub mod fields;
pub mod finish;
pub mod forward;
pub mod front;
pub mod headers;
pub mod idle;
pub mod message;
pub mod patience;
pub mod progress;
pub mod redirect;
pub mod request_id;
pub mod send;
pub mod spill;
pub mod timing;
pub mod upgrade;
pub mod upstream;
