//! What is asked of docker and of a server, one file per subject: each builds commands and reads their replies.
//!
//! What docker receives is what it receives from Kamal 2.12: the same containers, labels, paths and proxy calls, so that
//! either tool can follow the other on a server. The shell text around it is ours.

pub mod accessory;
pub mod app;
pub mod auditor;
pub mod builder;
pub mod exec;
pub mod git;
pub mod hook;
pub mod lock;
pub mod logs;
pub mod options;
pub mod proxy;
pub mod prune;
pub mod registry;
pub mod server;

#[cfg(test)]
mod sample;
