//! The commands: their flags, and what a set of arguments means.

use std::path::Path;

use super::flags::{Arguments, Flag, Kind, parse_number, parse_switch};
use super::run::RunOptions;
use crate::control::{Deployment, Request, Rollout};
use crate::options::{HealthCheckConfig, ServiceOptions, TargetOptions};

/// Let's Encrypt's directory for tests, chosen by `--tls-staging`.
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// A command of the program.
#[derive(Debug, PartialEq)]
pub struct Command {
    /// Its words: `deploy`, `rollout set`.
    pub name: &'static str,
    /// Another word for it.
    pub alias: Option<&'static str>,
    /// What it does, in a line.
    pub about: &'static str,
    arity: Arity,
    flags: Flags,
}

#[derive(Debug, PartialEq)]
enum Arity {
    Any,
    None,
    Service,
}

struct Flags(&'static [Flag]);

/// What a command line asks for.
pub enum Asked {
    /// The command's help.
    Help,
    /// To be the daemon.
    Run(RunOptions),
    /// Something of the daemon.
    Daemon(Box<Request>),
}

impl Command {
    /// All commands, in the order of the help.
    pub fn all() -> &'static [Command] {
        COMMANDS
    }

    /// The command that the arguments name, and what is left of them. `None` means that help is wanted.
    pub fn find(arguments: &[String]) -> Result<Option<(&'static Command, Vec<String>)>, String> {
        let (words, mut rest) = match arguments.iter().position(|argument| !argument.starts_with('-')) {
            None => return without_command(arguments),
            Some(at) => (&arguments[at..], arguments[..at].to_vec()),
        };
        let (word, mut following) = (words[0].as_str(), &words[1..]);
        let mut name = word.to_owned();
        if word == "help" {
            let help = ["--help".to_owned()];
            return match following {
                [] => Ok(None),
                topic => Self::find(&[topic, &help].concat()),
            };
        }
        if word == "rollout" {
            let Some((second, after)) = following.split_first() else { return Ok(None) };
            name = format!("rollout {second}");
            following = after;
        }
        rest.extend_from_slice(following);
        match COMMANDS.iter().find(|command| command.name == name || command.alias == Some(word)) {
            Some(command) => Ok(Some((command, rest))),
            None if word == "rollout" => Ok(None),
            None => Err(unknown(word)),
        }
    }

    /// The command's flags, for its help.
    pub fn flags(&self) -> &'static [Flag] {
        self.flags.0
    }

    /// How it is called, for its help.
    pub fn usage(&self) -> String {
        let service = if self.arity == Arity::Service { " <service>" } else { "" };
        format!("kamal-proxy {}{service} [flags]", self.name)
    }

    /// What these arguments ask for; `data` is the data directory. The error is kamal-proxy's text.
    pub fn parse(&'static self, arguments: &[String], data: &Path) -> Result<Asked, String> {
        let defaults = if self.name == "run" { environment(self.flags.0) } else { Vec::new() };
        let arguments = Arguments::read(self.flags.0, arguments, &defaults)?;
        if arguments.wants_help {
            return Ok(Asked::Help);
        }
        self.check_count(&arguments)?;
        let service = arguments.positional.first().cloned().unwrap_or_default();
        let request = match self.name {
            "run" => return Ok(Asked::Run(RunOptions::from(&arguments))),
            "deploy" => Request::Deploy(Box::new(deployment(service, &arguments, data)?)),
            "remove" => Request::Remove { service },
            "list" => Request::List,
            "resume" => Request::Resume { service },
            "pause" => Request::Pause {
                service,
                drain_timeout: arguments.duration("drain-timeout"),
                max_pause: arguments.duration("max-pause"),
            },
            "stop" => Request::Stop {
                service,
                drain_timeout: arguments.duration("drain-timeout"),
                message: arguments.text("message"),
            },
            "rollout deploy" => Request::RolloutDeploy(rollout(service, &arguments)?),
            "rollout set" => rollout_set(service, &arguments)?,
            _ => Request::RolloutStop { service },
        };
        Ok(Asked::Daemon(Box::new(request)))
    }

    fn check_count(&self, arguments: &Arguments) -> Result<(), String> {
        match (&self.arity, arguments.positional.as_slice()) {
            (Arity::Any, _) | (Arity::None, []) | (Arity::Service, [_]) => Ok(()),
            (Arity::None, [extra, ..]) => {
                Err(format!("unknown command {extra:?} for \"kamal-proxy {}\"", self.name))
            }
            (Arity::Service, given) => Err(format!("accepts 1 arg(s), received {}", given.len())),
        }
    }
}

fn without_command(arguments: &[String]) -> Result<Option<(&'static Command, Vec<String>)>, String> {
    Arguments::read(&[], arguments, &[]).map(|_| None)
}

fn unknown(word: &str) -> String {
    let near: String = COMMANDS
        .iter()
        .filter(|command| !command.name.contains(' ') && is_near(word, command.name))
        .map(|command| format!("\t{}\n", command.name))
        .collect();
    let hint = if near.is_empty() { near } else { format!("\nDid you mean this?\n{near}") };
    format!("unknown command {word:?} for \"kamal-proxy\"\n{hint}Run 'kamal-proxy --help' for usage.")
}

/// Whether a word was probably meant as this name: it begins it, or at most two letters are wrong.
fn is_near(word: &str, name: &str) -> bool {
    name.starts_with(&word.to_lowercase()) || edits(&word.to_lowercase(), name) <= 2
}

/// Levenshtein's distance.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// Defaults of `run` from the environment. The first variable that is set counts; one that does not parse does not.
fn environment(flags: &[Flag]) -> Vec<(&'static str, String)> {
    let value = |flag: &Flag| {
        let name = flag.name.replace('-', "_").to_uppercase();
        let set = |name: String| std::env::var(name).ok().filter(|value| !value.is_empty());
        let value = set(format!("KAMAL_PROXY_{name}")).or_else(|| set(name))?;
        let is_valid = match flag.kind {
            Kind::Switch => parse_switch(&value).is_ok(),
            _ => parse_number(&value).is_ok(),
        };
        is_valid.then_some((flag.name, value))
    };
    flags.iter().filter(|flag| flag.name != "http3").filter_map(value).collect()
}

fn deployment(service: String, arguments: &Arguments, data: &Path) -> Result<Deployment, String> {
    for (kind, buffer) in [("request", "buffer-requests"), ("response", "buffer-responses")] {
        let limit = format!("max-{kind}-body");
        if arguments.is_given(&limit) && !arguments.is_given(buffer) {
            return Err(format!("{limit} can only be set when {kind} buffering is enabled"));
        }
    }
    let options = service_options(arguments, data);
    options.validate()?;
    require_target(arguments)?;
    require_both(arguments, ["tls-certificate-path", "tls-private-key-path"])?;
    Ok(Deployment {
        service,
        targets: arguments.list("target"),
        read_targets: arguments.list("read-target"),
        target_options: target_options(arguments, options.tls_enabled)?,
        options,
        deploy_timeout: arguments.duration("deploy-timeout"),
        drain_timeout: arguments.duration("drain-timeout"),
        force: arguments.switch("force"),
    })
}

fn service_options(arguments: &Arguments, data: &Path) -> ServiceOptions {
    let cache = arguments.text("tls-acme-cache-path");
    let default_cache = || data.join("certs").display().to_string();
    let staging = if arguments.switch("tls-staging") { STAGING } else { "" };
    ServiceOptions {
        hosts: arguments.list("host"),
        path_prefixes: arguments.list("path-prefix"),
        tls_enabled: arguments.switch("tls"),
        tls_certificate_path: arguments.text("tls-certificate-path"),
        tls_private_key_path: arguments.text("tls-private-key-path"),
        tls_on_demand_url: arguments.text("tls-on-demand-url"),
        tls_redirect: arguments.switch("tls-redirect"),
        canonical_host: arguments.text("canonical-host"),
        acme_directory: staging.to_owned(),
        acme_cache_path: if cache.is_empty() { default_cache() } else { cache },
        error_page_path: arguments.text("error-pages"),
        strip_prefix: arguments.switch("strip-path-prefix"),
        writer_affinity_timeout: arguments.duration("writer-affinity-timeout"),
        read_targets_accept_websockets: arguments.switch("read-target-websockets"),
        exclude_metrics_paths: arguments.list("exclude-metrics-path"),
        client_ip_header: arguments.text("client-ip-header"),
    }
}

fn target_options(arguments: &Arguments, is_tls: bool) -> Result<TargetOptions, String> {
    let port = arguments.number("health-check-port");
    let port =
        u16::try_from(port).map_err(|_| format!("health-check-port {port} is no port; use 1 to 65535"))?;
    let forwards =
        if arguments.is_given("forward-headers") { arguments.switch("forward-headers") } else { !is_tls };
    Ok(TargetOptions {
        health_check_config: HealthCheckConfig {
            path: arguments.text("health-check-path"),
            port,
            interval: arguments.duration("health-check-interval"),
            timeout: arguments.duration("health-check-timeout"),
            host: arguments.text("health-check-host"),
        },
        response_timeout: arguments.duration("target-timeout"),
        buffer_requests: arguments.switch("buffer-requests"),
        buffer_responses: arguments.switch("buffer-responses"),
        max_memory_buffer_size: arguments.number("buffer-memory"),
        max_request_body_size: arguments.number("max-request-body"),
        max_response_body_size: arguments.number("max-response-body"),
        log_request_headers: arguments.list("log-request-header"),
        log_response_headers: arguments.list("log-response-header"),
        forward_headers: forwards,
        scope_cookie_paths: arguments.switch("scope-cookie-paths"),
    })
}

fn rollout(service: String, arguments: &Arguments) -> Result<Rollout, String> {
    require_target(arguments)?;
    Ok(Rollout {
        service,
        targets: arguments.list("target"),
        read_targets: arguments.list("read-target"),
        deploy_timeout: arguments.duration("deploy-timeout"),
        drain_timeout: arguments.duration("drain-timeout"),
    })
}

fn rollout_set(service: String, arguments: &Arguments) -> Result<Request, String> {
    if !arguments.is_given("percent") && !arguments.is_given("list") {
        return Err("at least one of the flags in the group [percent list] is required".into());
    }
    Ok(Request::RolloutSet {
        service,
        percentage: arguments.number("percent"),
        allowlist: arguments.list("list"),
    })
}

fn require_target(arguments: &Arguments) -> Result<(), String> {
    if arguments.is_given("target") { Ok(()) } else { Err("required flag(s) \"target\" not set".into()) }
}

fn require_both(arguments: &Arguments, [one, other]: [&str; 2]) -> Result<(), String> {
    let missing = match (arguments.is_given(one), arguments.is_given(other)) {
        (true, false) => other,
        (false, true) => one,
        _ => return Ok(()),
    };
    Err(format!(
        "if any flags in the group [{one} {other}] are set they must all be set; missing [{missing}]"
    ))
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|flag| flag.name)).finish()
    }
}

impl PartialEq for Flags {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

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

static COMMANDS: &[Command] = &[
    command("run", Arity::Any, RUN, "Run the proxy"),
    command("deploy", Arity::Service, DEPLOY, "Create a service, or replace its targets"),
    Command { alias: Some("rm"), ..command("remove", Arity::Service, &[], "Remove a service") },
    Command { alias: Some("ls"), ..command("list", Arity::None, &[], "List the services") },
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
    flag("debug", Kind::Switch, "false", "Log debug lines (KAMAL_PROXY_DEBUG, DEBUG)"),
    flag("http3", Kind::Switch, "false", "Serve HTTP/3 too"),
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
