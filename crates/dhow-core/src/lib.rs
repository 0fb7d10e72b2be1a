//! The deciding half of dhow. Pure: no async, no process, no socket, no clock, no environment, no terminal.
//!
//! In reading order:
//!
//! - [`config`]: what `config/deploy.yml` says, checked once.
//! - [`secrets`]: values that never show themselves, and the grammar of `.kamal/secrets`.
//! - [`shell`]: words, commands, scripts; the only code that knows quoting.
//! - [`commands`]: what is asked of docker and of a server's shell, and how the answers read.
//! - [`facts`]: what we know of the hosts.
//! - [`plan`]: what a verb will do, as a value.
//! - [`ruby`]: the Ruby in configurations, evaluated without Ruby.

pub mod commands;
pub mod config;
pub mod facts;
pub mod plan;
pub mod ruby;
pub mod secrets;
pub mod shell;
