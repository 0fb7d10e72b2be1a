//! Keys of `proxy:` about who may come, and how often. kamal-proxy knows none of them.

use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const RATE_LIMIT: Fields = &[
    field("requests", Kind::Integer, "how many requests a client may make", "100").required().at_least(1),
    field("per", Kind::Integer, "in how many seconds", "10").at_least(1).default("60"),
    field("burst", Kind::Integer, "how many of them may come at once", "20")
        .at_least(1)
        .otherwise("all of them"),
];

pub(in crate::config) const BASIC_AUTH: Fields = &[
    field("users", Kind::Text, "the secret with names and hashed passwords", "STAGING_USERS")
        .required()
        .more("Its name; the secret holds a line `NAME:HASH` per user, as `htpasswd -nB NAME` prints it."),
    field("except", Kind::Texts, "paths that need no password, with all below them", "[/up, /webhooks]")
        .otherwise("none"),
];

/// Words for `www_redirect`.
pub(in crate::config) const WWW: [&str; 2] = ["add", "remove"];
