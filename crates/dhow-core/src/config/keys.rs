//! Every key of a configuration: a table per section. Nothing is decided here; what a key means is beside, in the file
//! of its section.

pub(super) mod accessory;
pub(super) mod acme;
mod alias;
pub(super) mod boot;
pub(super) mod builder;
pub(super) mod env;
pub(super) mod logging;
pub(super) mod output;
pub(super) mod proxy;
pub(super) mod proxy_answers;
pub(super) mod proxy_policy;
mod proxy_run;
mod proxy_targets;
pub(super) mod registry;
pub(super) mod root;
pub(super) mod servers;
pub(super) mod ssh;

/// A part of the configuration that has a page of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    /// As `dhow docs NAME` takes it: Kamal's names.
    pub name: &'static str,
    /// Where it stands: dotted keys, a capital word for a name of the user's choice. Empty for the whole file.
    pub path: &'static str,
    /// Heading.
    pub title: &'static str,
    /// What it is about, in paragraphs.
    pub intro: &'static str,
}

/// All sections in reading order; the first is the whole file.
pub(super) const SECTIONS: &[Section] = &[
    root::SECTION,
    servers::SERVERS,
    servers::ROLE,
    proxy::SECTION,
    env::SECTION,
    registry::SECTION,
    builder::SECTION,
    accessory::SECTION,
    boot::SECTION,
    logging::SECTION,
    alias::SECTION,
    ssh::SSH_SECTION,
    ssh::SSHKIT_SECTION,
    output::SECTION,
];
