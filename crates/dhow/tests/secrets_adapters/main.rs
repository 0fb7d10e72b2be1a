//! `secrets fetch`, each adapter against a stand-in for its program (`bin/`): on the command line and in `.kamal/secrets`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adapters;
mod desk;
mod files;
mod in_secrets_files;
