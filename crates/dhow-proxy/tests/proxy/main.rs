//! The proxy as a client, an app and an operator see it: real sockets, the real program, real backends.
//!
//! Tests are named for the row of kamal-proxy's behaviour that they hold the proxy to (`t_…`, `o_…`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acme;
mod answers;
mod authorities;
mod balancing;
mod buffering;
mod cli;
mod compression;
mod crowding;
mod deploy;
mod dns;
mod drain;
mod endurance;
mod errors;
mod floods;
mod forwarding;
mod h2c;
mod handover;
mod http1;
mod http2;
mod http3;
mod inventory;
mod load;
mod logging;
mod metrics;
mod on_demand;
mod pause;
mod policy;
mod protocol;
mod proxy_protocol;
mod readers;
mod rollout;
mod routing;
mod smuggling;
mod stapling;
mod state;
mod status;
mod support;
mod timeouts;
mod tls;
mod upgrade;
mod zones;
