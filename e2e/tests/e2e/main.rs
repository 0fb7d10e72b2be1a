//! The questions that only real servers can answer. One alone, after `script/build` and with the same target directory:
//! `cargo test -p dhow-e2e --test e2e -- NAME`. `DHOW_BIN` and `DHOW_SAMPLE_APP` name other programs to test with.
//! Each test makes hosts of its own (a second) and shares nothing.

mod commands;
mod deploys;
mod errors;
mod hooks;
mod hosts;
mod interrupts;
mod jump_hosts;
mod proxies;
mod roles;
mod rollouts;
mod site;
mod teams;
mod visitors;
