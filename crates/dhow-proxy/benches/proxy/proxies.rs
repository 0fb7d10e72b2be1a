//! The proxies, each started the way its makers would for this: kept connections to the origin, an access log in a file,
//! bodies buffered.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::is_installed;

/// A proxy that can be started.
pub struct Contender {
    pub name: &'static str,
    command: Vec<String>,
    address: String,
    /// What makes it forward, once it runs.
    deploy: Option<Vec<String>>,
    environment: Vec<(&'static str, String)>,
    log: PathBuf,
}

/// One that runs.
pub struct Running {
    pub address: String,
    child: Child,
}

/// A command on the cores that the proxies do not have (on their core, where there is but one).
pub fn pinned_away(program: &Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    pinned(program.to_str().unwrap(), if cores > 1 { format!("1-{}", cores - 1) } else { "0".into() })
}

fn pinned(program: &str, cores: String) -> Command {
    if !is_installed("taskset") {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &cores, program]);
    command
}

impl Contender {
    /// All that are installed, ours first.
    pub fn all(directory: &Path, origin: &str) -> Vec<Self> {
        let mut all = vec![Self::ours("dhow-proxy", env!("CARGO_BIN_EXE_dhow-proxy"), directory, origin)];
        if let Ok(baseline) = std::env::var("BASELINE") {
            all.push(Self::ours("baseline", &baseline, directory, origin));
        }
        if let Ok(binary) = std::env::var("KAMAL_PROXY") {
            all.push(Self::ours("kamal-proxy", &binary, directory, origin));
        }
        for (program, port, text, arguments) in [
            ("nginx", 18_081, nginx(directory, origin, 18_081), &["-c"][..]),
            ("haproxy", 18_082, haproxy(origin, 18_082), &["-f"]),
            (
                "caddy",
                18_083,
                caddy(directory, origin, 18_083),
                &["run", "--adapter", "caddyfile", "--config"],
            ),
        ] {
            if is_installed(program) {
                let file = directory.join(format!("{program}.conf"));
                std::fs::write(&file, text).unwrap();
                let words = std::iter::once(&program).chain(arguments).map(ToString::to_string);
                all.push(Self {
                    name: program,
                    command: words.chain([file.to_str().unwrap().to_owned()]).collect(),
                    address: format!("127.0.0.1:{port}"),
                    deploy: None,
                    environment: vec![("GOMAXPROCS", "1".into()), ("HOME", directory.display().to_string())],
                    log: directory.join(format!("{program}.log")),
                });
            }
        }
        all
    }

    fn ours(name: &'static str, binary: &str, directory: &Path, origin: &str) -> Self {
        let home = directory.join(name);
        std::fs::remove_dir_all(&home).ok();
        std::fs::create_dir_all(&home).unwrap();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let deploy = format!(
            "{binary} deploy bench --target {origin} --health-check-path /2 --buffer-requests --buffer-responses"
        );
        Self {
            name,
            command: words(&format!("{binary} run --http-port 18080 --https-port 18443")),
            address: "127.0.0.1:18080".into(),
            deploy: Some(words(&deploy)),
            environment: vec![
                ("HOME", home.display().to_string()),
                ("KAMAL_PROXY_SOCKET", home.join("socket").display().to_string()),
                ("XDG_RUNTIME_DIR", home.display().to_string()),
                ("GOMAXPROCS", "1".into()),
            ],
            log: home.join("log"),
        }
    }

    /// Starts it, and waits until it forwards.
    pub fn start(&self) -> Running {
        let log = std::fs::File::create(&self.log).unwrap();
        let mut command = pinned(&self.command[0], "0".into());
        let child = command
            .args(&self.command[1..])
            .envs(self.environment.iter().cloned())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let running = Running { address: self.address.clone(), child };
        wait_for(self.name, || std::net::TcpStream::connect(&self.address).is_ok());
        if let Some(deploy) = &self.deploy {
            let run = || {
                let mut command = Command::new(&deploy[0]);
                command.args(&deploy[1..]).envs(self.environment.iter().cloned()).stderr(Stdio::null());
                command.status().is_ok_and(|status| status.success())
            };
            wait_for(self.name, run);
        }
        running
    }
}

fn wait_for(name: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{name} does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Running {
    /// Seconds of CPU that the process and its children have used.
    pub fn cpu(&self) -> f64 {
        let ticks = |stat: &str| -> f64 {
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
            fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
        };
        self.family("stat").iter().map(|stat| ticks(stat)).sum::<f64>() / 100.0
    }

    /// MiB of memory that they have.
    pub fn resident(&self) -> f64 {
        let kib = |status: &String| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
            line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
        };
        self.family("status").iter().map(kib).sum::<f64>() / 1024.0
    }

    fn family(&self, file: &str) -> Vec<String> {
        let mut pids = vec![self.child.id()];
        let mut at = 0;
        while at < pids.len() {
            let path = format!("/proc/{0}/task/{0}/children", pids[at]);
            let children = std::fs::read_to_string(path).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            at += 1;
        }
        pids.iter().filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status().ok();
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn nginx(directory: &Path, origin: &str, port: u16) -> String {
    let home = directory.display();
    format!(
        "daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/nginx.error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {home}/nginx.access.log combined buffer=32k flush=1s;
  client_body_temp_path {home}/nginx-body; proxy_temp_path {home}/nginx-proxy;
  fastcgi_temp_path {home}/nginx-f; uwsgi_temp_path {home}/nginx-u; scgi_temp_path {home}/nginx-s;
  client_max_body_size 0; client_body_buffer_size 1m; keepalive_requests 1000000000;
  upstream app {{ server {origin}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Request-ID $request_id;
      proxy_buffering on; proxy_buffers 16 64k; proxy_request_buffering on;
    }}
  }}
}}
"
    )
}

fn haproxy(origin: &str, port: u16) -> String {
    format!(
        "global
  maxconn 8192
  nbthread 1
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  option forwardfor
  option http-buffer-request
  http-reuse always
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:{port}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Request-ID %[uuid()]
  default_backend app
backend app
  server app {origin} pool-max-conn 512
"
    )
}

fn caddy(directory: &Path, origin: &str, port: u16) -> String {
    format!(
        "{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port}, http://bench.example.com:{port} {{
  log {{
    output file {}/caddy.access.log
  }}
  reverse_proxy {origin} {{
    transport http {{
      keepalive_idle_conns_per_host 512
    }}
  }}
}}
",
        directory.display()
    )
}
