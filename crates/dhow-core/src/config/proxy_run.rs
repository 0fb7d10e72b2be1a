//! `proxy.run:`: how the proxy container itself is started.

use super::errors::Errors;
use super::setting::Setting;
use super::{Options, options};
use std::net::IpAddr;

/// `run:`: the proxy container's own settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyRun {
    /// Default 80.
    pub http_port: u16,
    /// Default 443.
    pub https_port: u16,
    /// Where Prometheus metrics are served, if at all.
    pub metrics_port: Option<u16>,
    /// HTTP/3 beside the others, over UDP.
    pub http3: bool,
    /// Debug log level.
    pub debug: bool,
    /// Default `10m`; empty drops the option.
    pub log_max_size: String,
    /// Default true.
    pub publish: bool,
    /// Addresses to publish on; all when empty. IPv6 without brackets.
    pub bind_ips: Vec<String>,
    /// Whether there is a status page on the port for metrics.
    pub status: bool,
    /// Load balancers that send the PROXY protocol.
    pub proxy_protocol: Vec<String>,
    /// Connections that a client may have open.
    pub max_connections_per_client: Option<u32>,
    /// Registry of the proxy's image.
    pub registry: Option<String>,
    /// As written; `None` leaves the choice of the image to dhow.
    pub repository: Option<String>,
    /// As written; `None` leaves the choice of the image to dhow.
    pub version: Option<String>,
    /// Any flags of `docker run`.
    pub options: Options,
}

impl ProxyRun {
    /// What Kamal checks across keys, under the name of the proxy's section.
    pub(super) fn check_rules(proxy: &Setting, errors: &mut Errors) {
        let run = proxy.section("run");
        for address in run.section("bind_ips").items() {
            let text = address.node.text().unwrap_or_default();
            if without_brackets(&text).parse::<IpAddr>().is_err() {
                let message = format!("{}: Invalid publish IP address: {text}", proxy.path);
                errors.plain(&address, message);
            }
        }
        if let Some(status) = run.get("status").filter(|status| status.node.bool() == Some(true))
            && run.get("metrics_port").is_none()
        {
            errors.at(&status, "needs a metrics_port").hint("the page is on that port: `metrics_port: 9090`");
        }
        let ports = ["http_port", "https_port", "bind_ips"];
        let written = ports.iter().find_map(|key| run.get(key).filter(|setting| !setting.node.is_blank()));
        if let Some(setting) = written.filter(|_| run.bool("publish") == Some(false)) {
            let text = "Cannot set http_port, https_port or bind_ips when publish is false";
            errors.plain(&setting, format!("{}: {text}", proxy.path));
        }
    }

    /// Reads a checked section; an empty one is none.
    pub(super) fn read(run: &Setting, errors: &mut Errors) -> Option<ProxyRun> {
        if run.node.is_blank() {
            return None;
        }
        let bind_ips =
            run.texts("bind_ips").iter().map(|address| without_brackets(address).to_string()).collect();
        Some(ProxyRun {
            http_port: run.port("http_port", errors).unwrap_or(80),
            https_port: run.port("https_port", errors).unwrap_or(443),
            metrics_port: run.port("metrics_port", errors),
            http3: run.bool("http3").unwrap_or(false),
            debug: run.bool("debug").unwrap_or(false),
            log_max_size: run.text("log_max_size").unwrap_or_else(|| "10m".to_string()),
            publish: run.bool("publish").unwrap_or(true),
            bind_ips,
            status: run.bool("status").unwrap_or(false),
            proxy_protocol: run.texts("proxy_protocol"),
            max_connections_per_client: run.number("max_connections_per_client", errors),
            registry: run.text("registry"),
            repository: run.text("repository"),
            version: run.text("version"),
            options: options::read_with_restart(run, errors),
        })
    }
}

fn without_brackets(address: &str) -> &str {
    address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address)
}
