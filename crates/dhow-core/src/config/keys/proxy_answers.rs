//! Keys of `proxy:` about what is done to answers. kamal-proxy knows none of them.

use crate::config::schema::{Field, Fields, Kind, field};

pub(in crate::config) const HSTS: Fields = &[
    field("max_age", Kind::Integer, "for how many seconds browsers ask over https only", "31536000")
        .required()
        .at_least(0)
        .more("With 0 they forget it."),
    field("include_subdomains", Kind::Boolean, "whether it holds for all names below as well", "true")
        .default("false"),
    field("preload", Kind::Boolean, "whether browsers may know it before they ever came", "false")
        .more("Needs `include_subdomains` and a `max_age` of a year; see hstspreload.org.")
        .default("false"),
];

pub(super) const RESPONSE_HEADERS: Field = field(
    "response_headers",
    Kind::TextMap,
    "headers that answers get or lose",
    "{X-Frame-Options: DENY, Server: false}",
)
.more(
    "A text takes the place of what the app says; with `false` the header is taken away. For every answer, error pages and \
     redirects of the proxy included.",
)
.ours()
.otherwise("as the app sends them");

pub(super) const STRICT_TRANSPORT: Field =
    field("hsts", Kind::Fields(HSTS), "tells browsers to come over https only", "{max_age: 31536000}")
        .more("Strict-Transport-Security, in answers over https.")
        .ours()
        .otherwise("as the app says");

/// Words for `compression`.
pub(in crate::config) const ENCODINGS: [&str; 3] = ["zstd", "br", "gzip"];

pub(super) const COMPRESSION: Field = field(
    "compression",
    Kind::Texts,
    "what text is compressed with on its way to the client",
    "[zstd, br, gzip]",
)
.more(
    "Of `zstd`, `br` and `gzip`, the one that the client likes best; of those that it likes as much, the first. Pages, scripts, \
     JSON and the like, from 1 KiB, unless the app has compressed them or says `no-transform`.",
)
.ours()
.otherwise("nothing is compressed");

/// Header lines that are not to be changed: how a message is framed, what concerns one connection, the date.
pub(in crate::config) const FIXED_HEADERS: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
