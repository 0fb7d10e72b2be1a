//! The doing half of dhow: command line, project files, connections, reports.
//!
//! A verb is the same few lines everywhere: the command line becomes a request ([`verbs`]), the request a plan (in
//! `dhow-core`), and the [`run`]ner executes it against the [`world`], telling the [`report`].

pub mod cli;
pub mod images;
pub mod init;
mod interrupt;
pub mod project;
pub mod report;
pub mod run;
pub mod session;
mod start;
pub mod verbs;
pub mod world;

pub use start::main;
