//! `proxy:`, of the app, a role or an accessory.

use super::proxy_answers::{COMPRESSION, RESPONSE_HEADERS, STRICT_TRANSPORT};
use super::proxy_policy::{BASIC_AUTH, RATE_LIMIT, WWW};
use super::proxy_targets::{CONNECT_TIMEOUT, IDLE_TIMEOUT, PATH_TIMEOUTS, STICKY_SESSIONS};
use super::{Section, acme, proxy_run};
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "proxy",
    path: "proxy",
    title: "Proxy",
    intro: "How requests reach the app. A proxy on each server switches them over to a new version once that \
        answers its health check, and lets the old one finish what it has begun. The proxy is shared by all \
        apps on a server.\n\n\
        What stands here applies to the primary role. Under `servers`, a role may add settings of its own on \
        top, or say `true` to be reached as well, or `false`.",
};

pub(in crate::config) const TLS: Fields = &[
    field("certificate_pem", Kind::Text, "the secret with the certificate", "CERTIFICATE_PEM")
        .more("Its name; the secret holds the certificate and its chain in PEM form.")
        .otherwise("certificates come from Let's Encrypt"),
    field("private_key_pem", Kind::Text, "the secret with its key", "PRIVATE_KEY_PEM")
        .more("Its name; needed with `certificate_pem`.")
        .otherwise("certificates come from Let's Encrypt"),
    field(
        "dns",
        Kind::Fields(acme::DNS),
        "prove the hosts through their zone",
        "{provider: cloudflare, credentials: [CLOUDFLARE_API_TOKEN]}",
    )
    .more(
        "The authority finds a record in the zone instead of asking the server. That works for wildcards \
         (`host: \"*.example.com\"`), behind a balancer, and on any number of servers.",
    )
    .ours()
    .instead_of("certificate_pem")
    .otherwise("the server answers for its hosts"),
    field("staging", Kind::Boolean, "whether certificates are only for tests", "true")
        .more("From Let's Encrypt's staging directory: browsers do not trust them, and its limits are wide.")
        .in_dhow("only here; kamal-proxy can do it too.")
        .default("false"),
    field(
        "directory",
        Kind::Text,
        "another authority than Let's Encrypt",
        "https://acme.example.com/directory",
    )
    .more("The URL of its ACME directory.")
    .ours()
    .instead_of("staging")
    .otherwise("Let's Encrypt"),
];

const HEALTH_CHECK: Fields = &[
    field("interval", Kind::Integer, "seconds between probes", "3").at_least(0).otherwise("1"),
    field("path", Kind::Text, "path that answers 200 when the app is up", "/healthz")
        .like("^/")
        .otherwise("/up"),
    field("timeout", Kind::Integer, "seconds a probe may take", "3").at_least(0).otherwise("5"),
];

const BUFFERING: Fields = &[
    field("requests", Kind::Boolean, "whether requests are read whole first", "false")
        .more("The app is then not kept waiting by slow clients.")
        .default("true"),
    field("responses", Kind::Boolean, "whether responses are read whole first", "false")
        .more("Say `false` where the app streams.")
        .default("true"),
    field("max_request_body", Kind::Integer, "bytes a request may have", "40_000_000")
        .at_least(0)
        .more("Larger ones are refused with 413; 0 is no limit.")
        .otherwise("no limit"),
    field("max_response_body", Kind::Integer, "bytes a response may have", "0")
        .at_least(0)
        .more("0 is no limit.")
        .otherwise("no limit"),
    field("memory", Kind::Integer, "bytes kept in memory", "2_000_000")
        .at_least(0)
        .more("What goes beyond is kept on disk.")
        .otherwise("1 MB"),
];

const LOGGING: Fields = &[
    field(
        "request_headers",
        Kind::Texts,
        "headers of requests that are logged",
        "[X-Forwarded-Proto, User-Agent]",
    )
    .default("[Cache-Control, Last-Modified, User-Agent]"),
    field("response_headers", Kind::Texts, "headers of responses that are logged", "[X-Request-ID]")
        .default("[]"),
];

/// Words for `app_protocol`.
pub(in crate::config) const PROTOCOLS: [&str; 2] = ["http1", "h2c"];

pub(in crate::config) const FIELDS: Fields = &[
    field("host", Kind::Text, "name under which the app is reached", "app.example.com")
        .more(
            "Several are separated by commas. Without a name, all requests that no other app takes go to \
             this one.",
        )
        .otherwise("any name"),
    field(
        "hosts",
        Kind::Hosts { tagged: false },
        "names under which the app is reached",
        "[app.example.com, www.example.com]",
    )
    .instead_of("host")
    .otherwise("any name"),
    field("app_port", Kind::Integer, "the port your container listens on", "3000")
        .between(1, 65535)
        .default("80"),
    field("app_protocol", Kind::Text, "what your container speaks on that port", "h2c")
        .more("`h2c` is HTTP/2 without TLS, for gRPC; health checks use it too.")
        .one_of(&PROTOCOLS)
        .ours()
        .otherwise("`http1`"),
    field("ssl", Kind::Ssl(TLS), "certificates from Let's Encrypt, or your own", "true")
        .more(
            "`true` needs `host` or `hosts`, and one server only: that is where Let's Encrypt looks. \
             Certificates of your own, or proven through `dns`, work on any number of servers.",
        )
        .default("false"),
    field("ssl_redirect", Kind::Boolean, "whether HTTP is sent to HTTPS", "false")
        .otherwise("true with `ssl`"),
    field("ssl_on_demand_url", Kind::Text, "who says which names may have a certificate", "/tls/check")
        .more(
            "For names that are not known beforehand; `ssl` is on with it. A path of the app, or a URL, which is asked with \
             `?host=NAME` as the first visitor of a name comes. 200 allows it.",
        )
        .ours()
        .instead_of("host")
        .otherwise("the names under `host` or `hosts` have certificates"),
    field("forward_headers", Kind::Boolean, "whether X-Forwarded headers are kept", "true")
        .more("`true` behind another proxy that sets them: they are believed.")
        .otherwise("true without `ssl`, false with it"),
    field("response_timeout", Kind::Integer, "seconds a response may take", "10").at_least(0).otherwise("30"),
    field("path_prefix", Kind::Text, "paths the app answers", "/api")
        .more("Several are separated by commas. Other paths are left to other apps of the same host.")
        .otherwise("all paths"),
    field("path_prefixes", Kind::Texts, "paths the app answers", "[/api, /oauth]")
        .instead_of("path_prefix")
        .otherwise("all paths"),
    field("strip_path_prefix", Kind::Boolean, "whether the prefix is cut from the path", "false")
        .more("With `false` the app sees the path as it was asked for.")
        .otherwise("true"),
    field(
        "healthcheck",
        Kind::Fields(HEALTH_CHECK),
        "how the app is probed",
        "{path: /healthz, interval: 3}",
    )
    .more("A new version gets requests once this path answers 200. It has `deploy_timeout` seconds.")
    .otherwise("`/up` every second"),
    field(
        "buffering",
        Kind::Fields(BUFFERING),
        "what is read whole before it is passed on",
        "{responses: false}",
    )
    .otherwise("requests and responses, without a limit"),
    field("logging", Kind::Fields(LOGGING), "headers in the access log", "{request_headers: [Accept]}")
        .more("The proxy writes a line of JSON for each request: `dhow proxy logs`.")
        .otherwise("a few headers of requests"),
    field("canonical_host", Kind::Text, "the name that all others are redirected to", "example.com")
        .more("One of the names under `hosts`.")
        .in_dhow("only here; kamal-proxy can do it too.")
        .otherwise("none: every name is answered"),
    field("www_redirect", Kind::Text, "whether names get their `www.` or lose it", "remove")
        .more("Of names under `hosts` that are there with and without `www.`, the one is redirected to the other.")
        .one_of(&WWW)
        .ours()
        .otherwise("both names are answered"),
    field(
        "trusted_proxies",
        Kind::Texts,
        "proxies and load balancers in front, whose X-Forwarded headers are believed",
        "[cloudflare, 10.0.0.0/8]",
    )
    .more(
        "Addresses, networks, or `cloudflare`, `fastly`, `google` (its load balancers), `private`. With it, \
         `forward_headers` means nothing: the headers of these are believed, those of others are not.",
    )
    .ours()
    .otherwise("as `forward_headers` says"),
    field("exclude_metrics_paths", Kind::Texts, "paths that metrics leave out", "[/up]")
        .more("Exactly these, as the app sees them.")
        .ours()
        .otherwise("none"),
    field("client_ip_header", Kind::Text, "header that holds the client's address", "CF-Connecting-IP")
        .more("What it holds takes the place of X-Forwarded-For; only from `trusted_proxies`, if there are any.")
        .ours()
        .otherwise("X-Forwarded-For, where it is believed"),
    field("allow_ips", Kind::Texts, "where requests may come from", "[203.0.113.0/24, 2001:db8::/32]")
        .more("Addresses, networks, or a name as in `trusted_proxies`. Others get 403.")
        .ours()
        .otherwise("anywhere"),
    field("deny_ips", Kind::Texts, "where requests may not come from", "[198.51.100.7]")
        .more("Addresses, networks, or a name as in `trusted_proxies`. They get 403, even if `allow_ips` has them.")
        .ours()
        .otherwise("nowhere"),
    field("rate_limit", Kind::Fields(RATE_LIMIT), "how often each client may ask", "{requests: 100, per: 10}")
        .more("A client is an IPv4 address or an IPv6 network (/64). Who asks more often gets 429.")
        .ours()
        .otherwise("as often as it likes"),
    field("basic_auth", Kind::Fields(BASIC_AUTH), "a password for visitors", "{users: STAGING_USERS}")
        .more("HTTP Basic: browsers ask for it.")
        .ours()
        .otherwise("none is asked for"),
    RESPONSE_HEADERS,
    STRICT_TRANSPORT,
    COMPRESSION,
    PATH_TIMEOUTS,
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    STICKY_SESSIONS,
    field(
        "run",
        Kind::Fields(proxy_run::FIELDS),
        "the proxy container itself",
        "{http_port: 8080, log_max_size: 30m}",
    )
    .more(
        "The same for all roles and accessories on a host. It counts when the container is made: after a \
         change, run `dhow proxy reboot`.",
    )
    .otherwise("what `dhow proxy boot` makes, with ports 80 and 443"),
];
