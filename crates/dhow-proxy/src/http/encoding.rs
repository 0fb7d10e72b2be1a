//! Content codings: which of them a client prefers, and what may be sent in one (RFC 9110, sections 8.4 and 12.5.3).

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::http::fields::Fields;
use crate::http::message::ResponseHead;

/// Below so many bytes, compressing gains nothing: the answer fits into one packet anyway.
const SMALLEST: u64 = 1024;

/// Types, besides `text/…`, that are text at heart.
const TYPES: [&str; 18] = [
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/rtf",
    "application/toml",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// Types that say at their end that they are text at heart.
const SUFFIXES: [&str; 3] = ["+json", "+xml", "+yaml"];

/// Digests are of the bytes as the app has sent them.
const DIGESTS: [&str; 4] = ["content-digest", "content-md5", "digest", "repr-digest"];

/// A content coding that the proxy can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932).
    Br,
    /// gzip (RFC 1952).
    Gzip,
}

impl Encoding {
    /// Reads a name as it stands in `Accept-Encoding`. The error is for the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "zstd" => Ok(Encoding::Zstd),
            "br" => Ok(Encoding::Br),
            "gzip" => Ok(Encoding::Gzip),
            other => Err(format!("compress {other:?} is none of zstd, br, gzip")),
        }
    }

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Zstd => "zstd",
            Encoding::Br => "br",
            Encoding::Gzip => "gzip",
        }
    }

    /// The one that a client likes best, and of those that it likes as much the first that is offered; `None` if it is
    /// better served without.
    pub fn preferred(offered: &[Encoding], request: &Fields) -> Option<Encoding> {
        let mut best: Option<(Encoding, u16)> = None;
        for encoding in offered {
            let liked = weight(request, encoding.name()).or_else(|| weight(request, "*")).unwrap_or_default();
            if liked > best.map_or(0, |(_, most)| most) {
                best = Some((*encoding, liked));
            }
        }
        let plain = weight(request, "identity").unwrap_or_default();
        best.filter(|(_, liked)| *liked >= plain).map(|(encoding, _)| encoding)
    }
}

/// How much a client likes a coding, in thousandths, if it says so.
fn weight(request: &Fields, name: &str) -> Option<u16> {
    let lines = request.all("accept-encoding").filter_map(|line| std::str::from_utf8(line).ok());
    lines.flat_map(|line| line.split(',')).find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(name) {
            return None;
        }
        let told = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let told = told.map_or(1.0, |text| text.parse::<f32>().unwrap_or_default());
        Some((told.clamp(0.0, 1.0) * 1000.0) as u16)
    })
}

/// Whether an answer of this length, if it is known, gains by being compressed, for whoever understands that.
pub fn is_compressible(head: &ResponseHead, length: Option<u64>) -> bool {
    let ResponseHead { status, headers } = head;
    let has_content = !status.is_informational()
        && ![
            StatusCode::NO_CONTENT,
            StatusCode::RESET_CONTENT,
            StatusCode::PARTIAL_CONTENT,
            StatusCode::NOT_MODIFIED,
        ]
        .contains(status);
    has_content
        && length.is_none_or(|length| length >= SMALLEST)
        && is_text(headers.text("content-type"))
        && !headers.contains("content-encoding")
        && !headers.contains("content-range")
        && !headers.has_token("cache-control", "no-transform")
        && !DIGESTS.iter().any(|name| headers.contains(name))
}

fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let starts =
        |prefix: &str| kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let ends = |suffix: &&str| {
        let start = kind.len().checked_sub(suffix.len()).and_then(|at| kind.get(at..));
        start.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    // Events are to arrive one by one; they are as short as they are many.
    (starts("text/") && !kind.eq_ignore_ascii_case("text/event-stream"))
        || TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind))
        || SUFFIXES.iter().any(ends)
}

/// The head of an answer that could be sent otherwise to another client: caches have to know.
pub fn vary(headers: &mut Fields) {
    if !headers.has_token("vary", "accept-encoding") && !headers.has_token("vary", "*") {
        headers.add("Vary", b"Accept-Encoding");
    }
}

/// The head of an answer that is sent in this coding: not as long as before, not the same byte for byte (so that its tag
/// is a weak one), and not to be had in parts.
pub fn announce(headers: &mut Fields, encoding: Encoding) {
    headers.set("Content-Encoding", encoding.name().as_bytes());
    headers.remove("content-length");
    headers.remove("accept-ranges");
    if let Some(tag) = headers.get("etag").filter(|tag| tag.starts_with(b"\"")) {
        let weak = [b"W/", tag].concat();
        headers.set("ETag", &weak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Encoding; 3] = [Encoding::Zstd, Encoding::Br, Encoding::Gzip];

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.add(name, value.as_bytes()));
        fields
    }

    #[test]
    fn clients_choose_and_the_order_of_the_offer_decides_among_equals() {
        for (accepted, chosen) in [
            ("gzip, deflate, br, zstd", Some(Encoding::Zstd)),
            ("gzip, deflate, br", Some(Encoding::Br)),
            ("GZIP", Some(Encoding::Gzip)),
            ("br;q=0.5, gzip", Some(Encoding::Gzip)),
            ("br; q=0.8, gzip;Q=0.9, zstd;q=0", Some(Encoding::Gzip)),
            ("*", Some(Encoding::Zstd)),
            ("*;q=0.1, zstd;q=0", Some(Encoding::Br)),
            ("gzip;q=0", None),
            ("*;q=0", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Encoding::Gzip)),
            ("gzip;q=high", None),
            ("deflate", None),
            ("", None),
        ] {
            assert_eq!(
                Encoding::preferred(&ALL, &fields(&[("Accept-Encoding", accepted)])),
                chosen,
                "{accepted}"
            );
        }
        assert_eq!(Encoding::preferred(&ALL, &Fields::default()), None);
        let lines = fields(&[("accept-encoding", "br;q=0.5"), ("Accept-Encoding", "gzip;q=0.6")]);
        assert_eq!(Encoding::preferred(&ALL, &lines), Some(Encoding::Gzip));
    }

    fn compressible(status: u16, kind: &str, line: (&str, &str), length: Option<u64>) -> bool {
        let headers = fields(&[("Content-Type", kind), line]);
        is_compressible(&ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers }, length)
    }

    #[test]
    fn what_is_text_at_heart_is_compressed() {
        let none = ("X-Other", "");
        for kind in ["text/html; charset=utf-8", "Application/JSON", "application/ld+json", "image/svg+xml"] {
            assert!(compressible(200, kind, none, None), "{kind}");
        }
        for kind in
            ["", "image/png", "text/event-stream", "font/woff2", "application/grpc", "application/zip"]
        {
            assert!(!compressible(200, kind, none, None), "{kind}");
        }
    }

    #[test]
    fn what_has_to_stay_as_it_is_stays() {
        let (none, html) = (("X-Other", ""), "text/html");
        assert!(compressible(404, html, none, Some(1024)));
        assert!(!compressible(200, html, none, Some(1023)));
        for status in [204, 205, 206, 304] {
            assert!(!compressible(status, html, none, None), "{status}");
        }
        for line in [
            ("Content-Encoding", "gzip"),
            ("content-range", "bytes 0-1/2"),
            ("Cache-Control", "public, No-Transform"),
            ("Content-Digest", "sha-256=:AA==:"),
        ] {
            assert!(!compressible(200, html, line, None), "{line:?}");
        }
    }

    #[test]
    fn heads_tell_what_was_done() {
        let mut headers = fields(&[("ETag", "\"a\""), ("Content-Length", "5"), ("Accept-Ranges", "bytes")]);
        announce(&mut headers, Encoding::Br);
        assert_eq!(
            (headers.text("etag"), headers.text("content-encoding"), headers.len()),
            ("W/\"a\"", "br", 2)
        );
        announce(&mut headers, Encoding::Br);
        assert_eq!(headers.text("etag"), "W/\"a\"");
        for (before, lines) in [("Origin", 2), ("origin, accept-encoding", 1), ("*", 1)] {
            let mut headers = fields(&[("Vary", before)]);
            vary(&mut headers);
            assert_eq!(headers.all("vary").count(), lines, "{before}");
        }
    }
}
