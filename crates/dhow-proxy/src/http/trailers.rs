//! What may come after a body, whichever version of HTTP brings it.

use hyper::HeaderMap;

/// Fields that a trailer must not bring: they say how a message is framed, routed or authorised, which was settled with
/// its head (RFC 9110, section 6.5.1).
const FORBIDDEN_TRAILERS: [&str; 24] = [
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-request-id",
];

/// The fields that are passed on; the others are dropped (RFC 9110, section 6.5.1).
pub fn allowed(mut fields: HeaderMap) -> HeaderMap {
    let is_forbidden = |name: &str| FORBIDDEN_TRAILERS.contains(&name) || name.starts_with("x-forwarded-");
    let forbidden: Vec<_> = fields.keys().filter(|name| is_forbidden(name.as_str())).cloned().collect();
    for name in forbidden {
        fields.remove(name);
    }
    fields
}
