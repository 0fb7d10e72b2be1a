//! Test hosts and the end-to-end tests that run on them.
//!
//! - [`bed`]: servers and a workstation made on this machine, each with its own network, processes, sshd and Docker.
//! - [`project`]: an app to deploy from the workstation, and the command lines run there.
//! - [`load`]: a steady client that counts what failed while a deploy runs; [`http`] is its one request.
//!
//! Binaries: `bed` (hosts for a human), `load` (the client on the command line), `sample_app` (what is deployed).

pub mod bed;
mod checked;
pub mod http;
pub mod load;
pub mod project;

pub use bed::{Bed, Host, Kind};
pub use checked::{checked, eventually};
pub use load::Load;
pub use project::{Outcome, Project, Running};
