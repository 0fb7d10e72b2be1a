//! What each proxy is told: the same site, in its own words.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::rows::SECURE_HOST;

/// What is to be served, and where.
pub struct Site {
    pub home: PathBuf,
    pub origin: String,
    /// Without TLS, with TLS.
    pub ports: [u16; 2],
    /// The hosts without TLS; one host is any host.
    pub hosts: Vec<String>,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The state file that kamal-proxy and dhow-proxy share: what `kamal deploy` would have left.
pub fn state(site: &Site) -> String {
    let any = site.hosts.len() == 1;
    let plain = site.hosts.iter().map(|host| service(site, host, if any { "" } else { host }, false));
    let secure = service(site, "secure", SECURE_HOST, true);
    Value::Array(plain.chain([secure]).collect()).to_string()
}

fn service(site: &Site, name: &str, host: &str, tls: bool) -> Value {
    const SECOND: u64 = 1_000_000_000;
    let file = |path: &PathBuf| if tls { path.display().to_string() } else { String::new() };
    json!({
        "name": name,
        "options": {
            "hosts": [host], "path_prefixes": ["/"], "tls_enabled": tls,
            "tls_certificate_path": file(&site.certificate), "tls_private_key_path": file(&site.key),
            "tls_on_demand_url": "", "tls_redirect": true, "canonical_host": "", "acme_directory": "",
            "acme_cache_path": site.home.join("certs"), "error_page_path": "", "strip_prefix": true,
            "writer_affinity_timeout": SECOND, "read_targets_accept_websockets": false,
            "exclude_metrics_paths": [], "client_ip_header": ""
        },
        "target_options": {
            "health_check_config": {"path": "/2", "port": 0, "interval": SECOND, "timeout": 5 * SECOND, "host": ""},
            "response_timeout": 30 * SECOND, "buffer_requests": true, "buffer_responses": true,
            "max_memory_buffer_size": 1_048_576, "max_request_body_size": 0, "max_response_body_size": 0,
            "log_request_headers": ["Cache-Control", "Last-Modified", "User-Agent"],
            "log_response_headers": [], "forward_headers": !tls, "scope_cookie_paths": false
        },
        "active_targets": [site.origin], "active_readers": [],
        "rollout_targets": null, "rollout_readers": null,
        "pause_controller": {"state": 0, "stop_message": "", "fail_after": 0}, "rollout_controller": null
    })
}

pub fn nginx(site: &Site) -> String {
    let Site { origin, ports: [plain, secure], .. } = site;
    let (home, certificate, key) = (site.home.display(), site.certificate.display(), site.key.display());
    let upstream = |name: &str, kept: usize| {
        format!("  upstream {name} {{ server {origin}; keepalive {kept}; keepalive_requests 1000000000; }}\n")
    };
    let server = |listen: &str, host: &str, app: &str| {
        format!(
            "  server {{
    listen 127.0.0.1:{listen}; server_name {host};
    location /ws {{ include {home}/forward; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade; proxy_pass http://{app}; }}
    location / {{ include {home}/forward; proxy_set_header Connection \"\"; proxy_pass http://{app}; }}
  }}
"
        )
    };
    let forward = "proxy_http_version 1.1; proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Request-ID $request_id;
proxy_buffering on; proxy_buffers 16 64k; proxy_request_buffering on;
";
    std::fs::write(site.home.join("forward"), forward).unwrap();
    let servers: String = match site.hosts.as_slice() {
        [_] => server(&format!("{plain} backlog=4096"), "_", "app"),
        hosts => hosts
            .iter()
            .enumerate()
            .map(|(number, host)| {
                let app = format!("app{number}");
                upstream(&app, 8) + &server(&plain.to_string(), host, &app)
            })
            .collect(),
    };
    format!(
        "daemon off; worker_processes 1; worker_rlimit_nofile 30000; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 25000; }}
http {{
  access_log {home}/access.log combined buffer=32k flush=1s;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  client_max_body_size 0; client_body_buffer_size 1m; keepalive_requests 1000000000; keepalive_timeout 600s;
  server_names_hash_max_size 8192; ssl_certificate {certificate}; ssl_certificate_key {key};
  ssl_protocols TLSv1.3; http2_max_concurrent_streams 250;
{}{servers}{}}}
",
        upstream("app", 512),
        server(&format!("{secure} ssl http2 backlog=4096"), SECURE_HOST, "app"),
    )
}

pub fn haproxy(site: &Site) -> String {
    let Site { origin, ports: [plain, secure], hosts, .. } = site;
    let home = site.home.display();
    let pem = [&site.certificate, &site.key].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    std::fs::write(site.home.join("pair.pem"), pem).unwrap();
    let backend = |name: &str| format!("backend {name}\n  server app {origin} pool-max-conn 512\n");
    let app = |number: usize| if hosts.len() == 1 { "app".into() } else { format!("app{number}") };
    let backends: String = (0..hosts.len()).map(|number| backend(&app(number))).collect();
    let map = hosts.iter().enumerate().map(|(number, host)| format!("{host} {}\n", app(number)));
    std::fs::write(site.home.join("hosts"), map.collect::<String>()).unwrap();
    let choice = match hosts.len() {
        1 => "default_backend app".into(),
        _ => format!("use_backend %[req.hdr(host),lower,map({home}/hosts)]"),
    };
    format!(
        "global
  maxconn 12000
  nbthread 1
  no strict-limits
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  option forwardfor
  option http-buffer-request
  http-reuse always
  timeout connect 10s
  timeout client 600s
  timeout server 60s
  timeout tunnel 600s
frontend web
  bind 127.0.0.1:{plain} backlog 4096
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Request-ID %[uuid()]
  {choice}
frontend secure
  bind 127.0.0.1:{secure} ssl crt {home}/pair.pem alpn h2,http/1.1
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Request-ID %[uuid()]
  default_backend secure
{backends}{}",
        backend("secure")
    )
}

pub fn caddy(site: &Site) -> String {
    let Site { origin, ports: [plain, secure], .. } = site;
    let (home, certificate, key) = (site.home.display(), site.certificate.display(), site.key.display());
    let hosts: Vec<String> = match site.hosts.as_slice() {
        [_] => vec![format!("http://:{plain}")],
        hosts => hosts.iter().map(|host| format!("http://{host}:{plain}")).collect(),
    };
    let sites: String = hosts.iter().map(|host| format!("{host} {{\n  import app\n}}\n")).collect();
    format!(
        "{{
  admin off
  auto_https off
}}
(app) {{
  log {{
    output file {home}/access.log
  }}
  reverse_proxy {origin} {{
    transport http {{
      keepalive_idle_conns_per_host 512
    }}
  }}
}}
{sites}https://{SECURE_HOST}:{secure} {{
  tls {certificate} {key}
  import app
}}
"
    )
}
