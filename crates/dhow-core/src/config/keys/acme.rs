//! Keys of `ssl:` about certificates that an authority is asked for.

use crate::config::schema::{Fields, Kind, field};

/// Who may hold a zone, and what each has to be told, by its name in `credentials` or `settings`.
pub(in crate::config) const PROVIDERS: [(&str, &[&str]); 6] = [
    ("cloudflare", &["CLOUDFLARE_API_TOKEN"]),
    ("digitalocean", &["DIGITALOCEAN_TOKEN"]),
    ("exec", &["EXEC_PATH"]),
    ("hetzner", &["HETZNER_API_TOKEN"]),
    ("rfc2136", &["RFC2136_NAMESERVER"]),
    ("route53", &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
];

pub(in crate::config) const DNS: Fields = &[
    field("provider", Kind::Text, "who holds the zone of the hosts", "cloudflare")
        .required()
        .like("^(cloudflare|digitalocean|exec|hetzner|rfc2136|route53)$")
        .more(
            "`cloudflare`, `digitalocean`, `hetzner`, `route53`, `rfc2136` (any name server that takes dynamic updates), \
             or `exec` (a program of yours).",
        ),
    field("credentials", Kind::Texts, "secrets that the provider wants to know", "[CLOUDFLARE_API_TOKEN]")
        .more(
            "Their names, which are the provider's own; docs/proxy.md lists them. They go to the proxy, which keeps \
             them where only it can read them.",
        )
        .otherwise("none"),
    field(
        "settings",
        Kind::TextMap,
        "what else it wants to know, and is no secret",
        "{RFC2136_NAMESERVER: 10.0.0.53}",
    )
    .otherwise("none"),
    field("propagation_timeout", Kind::Integer, "seconds the zone's servers have to show a proof", "300")
        .at_least(0)
        .more("0 does not ask them: for networks where they cannot be reached.")
        .otherwise("120"),
    field("resolver", Kind::Text, "who looks up zones and their servers", "1.1.1.1")
        .more("An address, perhaps with a port; where the server's own resolver sees other zones than the world.")
        .otherwise("the resolver of the proxy's container"),
];
