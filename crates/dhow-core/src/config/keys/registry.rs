//! `registry:`.

use super::Section;
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "registry",
    path: "registry",
    title: "Registry",
    intro: "Where images are pushed to and pulled from. A `server` of the form `localhost:PORT` needs no \
        account: dhow then brings the image to the servers itself, through the SSH connection. The same \
        happens without this section, which Kamal does not accept.",
};

pub(in crate::config) const FIELDS: Fields = &[
    field("server", Kind::Text, "where images are kept", "ghcr.io")
        .more("Host name and port, without `https://`.")
        .otherwise("Docker Hub"),
    field("username", Kind::Credential, "the account", "acme")
        .more("In the file, or in a list the name of a secret.")
        .required(),
    field("password", Kind::Credential, "the name of a secret", "[KAMAL_REGISTRY_PASSWORD]")
        .more(
            "The secret holds the password or access token of the account; a text instead of a list is the \
             password itself.",
        )
        .required(),
];
