//! `proxy.run:`.

use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const FIELDS: Fields = &[
    field("http_port", Kind::Integer, "port for HTTP", "8080")
        .between(1, 65535)
        .more("On the host.")
        .default("80"),
    field("https_port", Kind::Integer, "port for HTTPS", "8443")
        .between(1, 65535)
        .more("On the host.")
        .default("443"),
    field("metrics_port", Kind::Integer, "port for Prometheus metrics", "9090")
        .between(1, 65535)
        .more("In the proxy's container, for others of its docker network.")
        .otherwise("no metrics"),
    field("http3", Kind::Boolean, "whether HTTP/3 is served too", "true")
        .more("Over UDP, on the port for HTTPS, which has to be 443 for browsers to find it. Firewalls have to let UDP pass.")
        .in_dhow("only here; kamal-proxy can do it too.")
        .default("false"),
    field("status", Kind::Boolean, "whether the metrics' port has a status page", "false")
        .more("At `/status` for people, at `/status.json` for programs. Needs `metrics_port`.")
        .ours()
        .otherwise("none"),
    field("debug", Kind::Boolean, "debug log", "true").more("The proxy says more.").default("false"),
    field("log_max_size", Kind::Text, "largest log file", "\"30m\"")
        .more("An empty text sets no limit.")
        .default("\"10m\""),
    field("publish", Kind::Boolean, "whether ports are published on the host", "false")
        .more("`false` where something else, such as a tunnel, reaches the proxy in its docker network.")
        .instead_of("http_port")
        .default("true"),
    field("bind_ips", Kind::Texts, "addresses to publish on", "[203.0.113.5, \"::1\"]")
        .more("IPv4 or IPv6.")
        .otherwise("all addresses of the host"),
    field(
        "proxy_protocol",
        Kind::Texts,
        "load balancers that send the PROXY protocol",
        "[10.0.0.0/8]",
    )
    .more(
        "Addresses, networks, or a name as in `trusted_proxies`. Versions 1 and 2, which they have to send; nobody else is \
         believed.",
    )
    .ours()
    .otherwise("none"),
    field("max_connections_per_client", Kind::Integer, "connections that a client may have open", "1000")
        .at_least(0)
        .more("A client is an IPv4 address or an IPv6 network (/64). Leave room for load balancers; 0 is the default.")
        .ours()
        .otherwise("a quarter of what the container may have open"),
    field("registry", Kind::Text, "registry of the proxy's image", "registry.example.com:4443")
        .otherwise("Docker Hub"),
    field("repository", Kind::Text, "repository of the proxy's image", "acme/kamal-proxy")
        .otherwise("basecamp/kamal-proxy")
        .in_dhow(
            "where `registry`, `repository` and `version` are all absent, a new host gets dhow's own proxy.",
        ),
    field("version", Kind::Text, "tag of the proxy's image", "v0.9.2").otherwise("v0.9.2"),
    field("options", Kind::Flags(&[]), "flags of docker run", "{memory: 512m, ulimit: [nofile=65535]}")
        .more("For what has no key here: `true` is a bare flag, a list repeats it.")
        .default("{}"),
];
