//! dhow-proxy: an HTTP proxy that switches between versions of an app without losing a request; a drop-in for
//! kamal-proxy, whose command line, state file and log lines it keeps.
//!
//! One process, two kinds of threads. The *control thread* takes commands, probes targets, swaps and drains them,
//! and saves the state. The *worker threads*, one per core, each have their own runtime, their own listener on the
//! shared port, their own connections to targets. Between them there is one immutable snapshot of the routes,
//! which the control thread replaces and the workers copy when it has changed; and a counter per target.
//!
//! In reading order:
//!
//! - [`cli`]: commands and flags with kamal-proxy's words; every command but `run` is one call to the daemon.
//! - [`control`]: the Unix socket between the two: a line of JSON each way.
//! - [`server`]: the daemon from start to orderly end; [`server::worker`] is one worker thread, [`server::listen`]
//!   opens the shared port.
//! - [`router`]: the table of services and the commands that change it. [`routes`] is the snapshot and its pure
//!   look-ups by host and path.
//! - [`service`]: a service as one immutable value, made of [`options`], a [`pool`] of [`target`]s, perhaps a second
//!   pool and the [`rollout`] that sends clients there, and its [`pause`] state.
//! - [`policy`]: what a service asks of its clients beyond what kamal-proxy knows; most services have none.
//! - [`target`]: one address, with the gate and the count that make a swap lossless (see [`target::Target::admit`]).
//!   [`health`] probes it.
//! - [`state`]: the state file, kamal-proxy's own.
//! - [`tls`]: certificates, and the handshakes with them. [`acme`] gets certificates from an authority. [`credentials`] that
//!   this takes are kept in a [`private_file`].
//! - [`http1`]: HTTP/1 towards clients and targets, strict on both sides. [`http2`]: HTTP/2 towards targets. [`http3`]: HTTP/3
//!   towards clients. (HTTP/2 towards clients is hyper's, see [`server::http2`].)
//! - [`http`]: the request path, on worker threads only, the same for every version of HTTP. [`http::exchange`] decides,
//!   [`http::forward`] forwards, [`http::send`] over [`http::upstream`]'s connections; [`http::message`] and [`http::fields`] are what
//!   they speak of; [`http::headers`], [`http::buffer`], [`http::body`], [`http::trailers`], [`http::upgrade`], [`http::affinity`], [`http::finish`] (with [`http::encoding`] and [`http::encoder`]), [`http::patience`], [`http::cookies`], [`http::redirect`], [`http::error_page`] (with [`template`]) and
//!   [`http::access_log`] each do what their name says.
//! - [`handover`]: one process taking over the sockets of another.
//! - [`inventory`]: what `list --json` tells.
//! - [`metrics`]: what the workers count, and the port where it is read.
//! - [`log`], [`clock`], [`duration`]: lines, times, and Go's way to write durations.
//!
//! Arrows: `server` and `control` → `router` → `service` → `pool` → `target`. `http` reads routes and services and
//! changes none of them.

pub mod acme;
pub mod cli;
pub mod clock;
pub mod control;
pub mod credentials;
pub mod duration;
pub mod handover;
pub mod health;
pub mod http;
pub mod http1;
pub mod http2;
pub mod http3;
pub mod inventory;
pub mod log;
pub mod metrics;
pub mod options;
pub mod pause;
pub mod policy;
pub mod pool;
pub mod private_file;
pub mod rollout;
pub mod router;
pub mod routes;
pub mod server;
pub mod service;
pub mod state;
pub mod target;
pub mod template;
pub mod tls;
