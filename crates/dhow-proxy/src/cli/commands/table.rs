//! Every command and every flag, in one list.

use super::{Arity, Command, Flags};
use crate::cli::flags::{Flag, Kind};

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, help }
}

const fn command(name: &'static str, arity: Arity, flags: &'static [Flag], about: &'static str) -> Command {
    Command { name, alias: None, about, arity, flags: Flags(flags) }
}

const DRAIN_TIMEOUT: Flag =
    flag("drain-timeout", Kind::Duration, "30s", "How long requests under way may go on before they are cut");
const DEPLOY_TIMEOUT: Flag =
    flag("deploy-timeout", Kind::Duration, "30s", "How long the new targets have to become healthy");
const TARGET: Flag =
    flag("target", Kind::List, "", "Target that takes all requests, host[:port] (repeatable)");
const READ_TARGET: Flag =
    flag("read-target", Kind::List, "", "Target that takes reads, host[:port] (repeatable)");

pub(super) static COMMANDS: &[Command] = &[
    command("run", Arity::Any, RUN, "Run the proxy"),
    command("deploy", Arity::Service, DEPLOY, "Create a service, or replace its targets"),
    Command { alias: Some("rm"), ..command("remove", Arity::Service, &[], "Remove a service") },
    Command { alias: Some("ls"), ..command("list", Arity::None, LIST, "List the services") },
    command("pause", Arity::Service, PAUSE, "Hold a service's requests"),
    command("resume", Arity::Service, &[], "Take a service's requests again"),
    command("stop", Arity::Service, STOP, "Refuse a service's requests"),
    command(
        "rollout deploy",
        Arity::Service,
        ROLLOUT_DEPLOY,
        "Deploy rollout targets beside the current ones",
    ),
    command("rollout set", Arity::Service, ROLLOUT_SET, "Choose who sees the rollout targets"),
    command("rollout stop", Arity::Service, &[], "Send nobody to the rollout targets"),
    command(
        "upgrade",
        Arity::None,
        UPGRADE,
        "Let a new process take over, from the program that is in this one's place now",
    ),
    command(
        "credentials",
        Arity::Service,
        &[],
        "Keep standard input, as what a service's DNS provider wants to know",
    ),
];

static RUN: &[Flag] = &[
    flag("http-port", Kind::Number, "80", "Port for HTTP (KAMAL_PROXY_HTTP_PORT, HTTP_PORT)"),
    flag("https-port", Kind::Number, "443", "Port for HTTPS (KAMAL_PROXY_HTTPS_PORT, HTTPS_PORT)"),
    flag(
        "metrics-port",
        Kind::Number,
        "0",
        "Port for metrics, 0 for none (KAMAL_PROXY_METRICS_PORT, METRICS_PORT)",
    ),
    flag(
        "status",
        Kind::Switch,
        "false",
        "Serve a status page on the port for metrics: /status, /status.json",
    ),
    flag("debug", Kind::Switch, "false", "Log debug lines (KAMAL_PROXY_DEBUG, DEBUG)"),
    flag("http3", Kind::Switch, "false", "Serve HTTP/3 too"),
    flag(
        "proxy-protocol",
        Kind::List,
        "",
        "Load balancer that sends the PROXY protocol: address, network or name as with --trusted-proxy (repeatable)",
    ),
    flag(
        "max-connections-per-client",
        Kind::Number,
        "0",
        "Connections that a client may have open, 0 for a quarter of all",
    ),
    flag(
        "take-over",
        Kind::Switch,
        "false",
        "Take the open ports over from the proxy that runs now, if one does",
    ),
    flag(
        "drain-timeout",
        Kind::Duration,
        "30s",
        "With --take-over, how long requests under way there may go on before they are cut",
    ),
];

static DEPLOY: &[Flag] = &[
    TARGET,
    READ_TARGET,
    flag("host", Kind::List, "", "Host to serve, *. for a wildcard, any host if omitted (repeatable)"),
    flag("path-prefix", Kind::List, "", "Path to serve under, / if omitted (repeatable)"),
    flag("strip-path-prefix", Kind::Switch, "true", "Remove the path prefix before forwarding"),
    flag("tls", Kind::Switch, "false", "Serve over TLS"),
    flag("tls-on-demand-url", Kind::Text, "", "URL or path that says whether a host may have a certificate"),
    flag("tls-staging", Kind::Switch, "false", "Use Let's Encrypt's staging directory"),
    flag("tls-certificate-path", Kind::Text, "", "Custom certificate chain (PEM)"),
    flag("tls-private-key-path", Kind::Text, "", "Key of the custom certificate (PEM)"),
    flag("tls-acme-cache-path", Kind::Text, "", "Where certificates are kept"),
    flag("tls-acme-directory", Kind::Text, "", "ACME directory, instead of Let's Encrypt's"),
    flag(
        "tls-dns-provider",
        Kind::Text,
        "",
        "Prove hosts through their zone, held by one of the providers (see docs)",
    ),
    flag(
        "tls-dns-credentials",
        Kind::Text,
        "",
        "File with what the DNS provider wants to know (default: what `credentials` was given)",
    ),
    flag(
        "tls-dns-propagation-timeout",
        Kind::Duration,
        "2m",
        "Time the zone's servers have to show a proof, 0 to not ask them",
    ),
    flag("tls-dns-resolver", Kind::Text, "", "IP[:PORT] of who looks up the zones (default: the system's)"),
    flag("tls-redirect", Kind::Switch, "true", "Redirect HTTP to HTTPS when TLS is on"),
    flag("canonical-host", Kind::Text, "", "Redirect the service's other hosts to this one"),
    DEPLOY_TIMEOUT,
    DRAIN_TIMEOUT,
    flag("force", Kind::Switch, "false", "Do not wait for the targets to become healthy"),
    flag("health-check-interval", Kind::Duration, "1s", "Time between health checks"),
    flag("health-check-timeout", Kind::Duration, "5s", "Time a health check may take"),
    flag("health-check-path", Kind::Text, "/up", "Path of the health check"),
    flag("health-check-port", Kind::Number, "0", "Port of the health check, 0 for the target's own"),
    flag("health-check-host", Kind::Text, "", "Host header of the health check"),
    flag(
        "writer-affinity-timeout",
        Kind::Duration,
        "1s",
        "How long a client's reads go to a writer after a write",
    ),
    flag("read-target-websockets", Kind::Switch, "false", "Let read targets take WebSockets"),
    flag(
        "target-timeout",
        Kind::Duration,
        "30s",
        "Time a target has for its response header, 0 for no limit",
    ),
    flag(
        "target-protocol",
        Kind::Text,
        "http1",
        "What targets speak: http1, or h2c (HTTP/2 without TLS, gRPC)",
    ),
    flag("buffer-requests", Kind::Switch, "false", "Read requests in full before forwarding them"),
    flag("buffer-responses", Kind::Switch, "false", "Read responses in full before answering"),
    flag("buffer-memory", Kind::Number, "1048576", "Bytes of a buffer kept in memory"),
    flag("max-request-body", Kind::Number, "0", "Limit of a buffered request in bytes, 0 for none"),
    flag("max-response-body", Kind::Number, "0", "Limit of a buffered response in bytes, 0 for none"),
    flag("error-pages", Kind::Text, "", "Directory with <status>.html pages"),
    flag("log-request-header", Kind::List, "", "Request header to log (repeatable)"),
    flag("log-response-header", Kind::List, "", "Response header to log (repeatable)"),
    flag("exclude-metrics-path", Kind::List, "", "Path that is not counted in the metrics (repeatable)"),
    flag(
        "forward-headers",
        Kind::Switch,
        "false",
        "Trust incoming X-Forwarded headers (default: unless --tls)",
    ),
    flag("client-ip-header", Kind::Text, "", "Header that holds the client's address"),
    flag("scope-cookie-paths", Kind::Switch, "false", "Move cookie paths under the stripped prefix"),
    flag(
        "trusted-proxy",
        Kind::List,
        "",
        "Proxy in front whose X-Forwarded headers are believed: address, network, cloudflare, fastly, google or private (repeatable)",
    ),
    flag("allow-ip", Kind::List, "", "Address or network that may come, all if omitted (repeatable)"),
    flag("deny-ip", Kind::List, "", "Address or network that may not come (repeatable)"),
    flag("rate-limit", Kind::Text, "", "Requests that each client may make, as requests/time: 100/1m"),
    flag(
        "rate-limit-burst",
        Kind::Number,
        "0",
        "Requests that may come at once (default: those of --rate-limit)",
    ),
    flag(
        "basic-auth-path",
        Kind::Text,
        "",
        "File of users and bcrypt hashes (htpasswd -B) of whom one is asked for",
    ),
    flag("basic-auth-except", Kind::List, "", "Path that needs no password (repeatable)"),
    flag("www-redirect", Kind::Text, "", "Redirect hosts to their www. name (add) or from it (remove)"),
    flag(
        "response-header",
        Kind::Texts,
        "",
        "Header of every answer, \"Name: value\", in place of the app's (repeatable)",
    ),
    flag("remove-response-header", Kind::List, "", "Header that no answer has (repeatable)"),
    flag("sticky-sessions", Kind::Switch, "false", "Bring clients back to the target that served them first"),
    flag(
        "path-timeout",
        Kind::List,
        "",
        "Time for the response header below a path: /reports=5m (repeatable)",
    ),
    flag("target-connect-timeout", Kind::Duration, "10s", "Time for a connection to a target to be made"),
    flag(
        "target-idle-timeout",
        Kind::Duration,
        "0s",
        "Time in which the body of a request or response has to move on, 0 for no limit",
    ),
    flag("target-weight", Kind::List, "", "Share of a target compared with others, host:port=3 (repeatable)"),
    flag("compress", Kind::List, "", "Codings to compress answers in, the best first: zstd,br,gzip"),
    flag("hsts", Kind::Text, "", "Strict-Transport-Security of answers over https: max-age=31536000"),
];

static LIST: &[Flag] = &[flag("json", Kind::Switch, "false", "Tell all that is known, as JSON")];

static UPGRADE: &[Flag] = &[
    flag("program", Kind::Text, "", "Another program to take over, instead of the one by this one's name"),
    DRAIN_TIMEOUT,
];

static PAUSE: &[Flag] = &[
    DRAIN_TIMEOUT,
    flag("max-pause", Kind::Duration, "30s", "How long a request is held before it is refused"),
];

static STOP: &[Flag] = &[DRAIN_TIMEOUT, flag("message", Kind::Text, "", "Shown on the 503 page")];

static ROLLOUT_DEPLOY: &[Flag] = &[TARGET, READ_TARGET, DEPLOY_TIMEOUT, DRAIN_TIMEOUT];

static ROLLOUT_SET: &[Flag] = &[
    flag("percent", Kind::Number, "0", "Share of rollout cookie values, in percent"),
    flag("list", Kind::List, "", "Rollout cookie values that always take part (repeatable)"),
];
